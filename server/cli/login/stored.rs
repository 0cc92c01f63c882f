//! A login as it is stored: a file that its owner alone can read, with the token, its expiry, and what a new token is fetched with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use runyard_client::{BoxError, TokenProvider};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::super::failure::Failure;
use crate::auth::{Application, Grant, Secret, TokenEndpoint, TokenError, TokenRequest};
use crate::clock::Clock;
use crate::config::outbound::ClientAuth;
use crate::store::folder;

/// A token is replaced this long before its end, milliseconds.
const EARLY_MS: i64 = 10_000;

/// Where it is stored: below the user's configuration, as the platform has it.
pub fn place(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let folder = |name| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let configuration = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")));
    Some(configuration.or_else(|| folder("APPDATA"))?.join("runyard").join("login.json"))
}

/// A login at an identity provider.
#[derive(Debug, Clone)]
pub struct Login {
    /// The token endpoint.
    pub token_endpoint: String,
    /// The client.
    pub application: Application,
    /// Audience and scope of the tokens.
    pub wanted: TokenRequest,
    /// The only host that receives them; absent: every host.
    pub host: Option<String>,
    /// The expiry of the token, Unix milliseconds.
    pub expires_at_ms: i64,
    token: Secret,
}

impl Login {
    /// A login without a token yet.
    pub fn new(token_endpoint: String, application: Application) -> Self {
        Self {
            token_endpoint,
            application,
            wanted: TokenRequest::default(),
            host: None,
            expires_at_ms: 0,
            token: Secret::new(""),
        }
    }

    /// Fetches another token.
    ///
    /// # Errors
    /// The identity provider refuses or cannot be reached.
    pub async fn renew(&mut self, within: Duration, clock: &Clock) -> Result<(), TokenError> {
        let endpoint = TokenEndpoint::new(&self.token_endpoint, self.application.clone(), within, clock.clone())
            .map_err(|error| TokenError::Unavailable(error.to_string()))?;
        let issued = endpoint.token(Grant::ClientCredentials, &self.wanted).await?;
        let lives_ms = i64::try_from(issued.lives.as_millis()).unwrap_or(i64::MAX);
        (self.token, self.expires_at_ms) = (issued.token, clock.now_ms().saturating_add(lives_ms));
        Ok(())
    }

    /// Whether a server at this address may receive the token.
    pub fn is_for(&self, url: &str) -> bool {
        let host = |url: &reqwest::Url| url.host_str().map(str::to_owned);
        self.host.is_none() || reqwest::Url::parse(url).ok().as_ref().and_then(host) == self.host
    }

    /// Stores it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), Failure> {
        let Application { id, secret, auth } = &self.application;
        let stored = json!({
            "token_endpoint": self.token_endpoint,
            "client_id": id,
            "client_secret": secret.expose(),
            "client_auth": auth,
            "audience": self.wanted.audience,
            "scope": self.wanted.scope,
            "host": self.host,
            "token": self.token.expose(),
            "expires_at_ms": self.expires_at_ms,
        });
        let parent = file.parent().unwrap_or(Path::new("."));
        let written = folder::make_private_folder(parent)
            .and_then(|()| folder::write_whole(file, format!("{stored:#}\n").as_bytes()));
        written.map_err(|error| Failure::new("not_written", format!("cannot write {}: {error}", file.display())))
    }

    /// The stored login, if there is one.
    ///
    /// # Errors
    /// The file cannot be read, or is not a login.
    pub fn read(file: &Path) -> Result<Option<Self>, Failure> {
        let failed = |reason: &str| {
            Failure::new("login_unreadable", format!("the login in {} cannot be read: {reason}", file.display()))
                .advise("`runyard login` logs in again, `runyard logout` removes it")
        };
        match std::fs::read(file) {
            Ok(bytes) => of(&bytes).map(Some).ok_or_else(|| failed("it is not a login")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&error.to_string())),
        }
    }
}

fn of(bytes: &[u8]) -> Option<Login> {
    let stored: Value = serde_json::from_slice(bytes).ok()?;
    let text = |name: &str| stored[name].as_str().map(str::to_owned);
    let auth: ClientAuth = serde_json::from_value(stored["client_auth"].clone()).ok()?;
    let application = Application { id: text("client_id")?, secret: Secret::new(text("client_secret")?), auth };
    Some(Login {
        token_endpoint: text("token_endpoint")?,
        application,
        wanted: TokenRequest { audience: text("audience"), scope: text("scope") },
        host: text("host"),
        expires_at_ms: stored["expires_at_ms"].as_i64()?,
        token: Secret::new(text("token")?),
    })
}

/// A login as clients use it: the stored token, or a new one, which is stored then. Cheap to clone.
#[derive(Clone)]
pub struct Tokens(Arc<LoginFile>);

struct LoginFile {
    file: PathBuf,
    login: Mutex<Login>,
    within: Duration,
    clock: Clock,
}

impl Tokens {
    /// Of the login that was read from this file.
    pub fn of(file: PathBuf, login: Login, within: Duration) -> Self {
        Self(Arc::new(LoginFile { file, login: Mutex::new(login), within, clock: Clock::system() }))
    }
}

impl LoginFile {
    async fn renewed(&self, login: &mut Login) -> Result<String, BoxError> {
        login.renew(self.within, &self.clock).await.map_err(|error| format!("the login has no new token: {error}"))?;
        // Without it the next command fetches one for itself.
        if let Err(failure) = login.write(&self.file) {
            tracing::warn!(reason = failure.message, "the new token could not be stored");
        }
        Ok(login.token.expose().to_owned())
    }
}

impl TokenProvider for Tokens {
    async fn token(&self) -> Result<String, BoxError> {
        let mut login = self.0.login.lock().await;
        if self.0.clock.now_ms() < login.expires_at_ms.saturating_sub(EARLY_MS) {
            return Ok(login.token.expose().to_owned());
        }
        self.0.renewed(&mut login).await
    }

    async fn refresh(&self, refused: &str) -> Result<String, BoxError> {
        let mut login = self.0.login.lock().await;
        match login.token.expose() {
            other if other != refused => Ok(other.to_owned()),
            _ => self.0.renewed(&mut login).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        let application = Application { id: "me".to_owned(), secret: Secret::new("s3cret"), auth: ClientAuth::Basic };
        let wanted = TokenRequest { audience: None, scope: Some("runs:read".to_owned()) };
        let host = Some("runs.example".to_owned());
        Login {
            wanted,
            host,
            token: Secret::new("t"),
            expires_at_ms: 7,
            ..Login::new("https://id.example/token".to_owned(), application)
        }
    }

    #[test]
    fn a_stored_login_is_read_again_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep").join("login.json");
        assert!(Login::read(&file).unwrap().is_none());
        login().write(&file).unwrap();
        let read = Login::read(&file).unwrap().unwrap();
        assert_eq!(read.token.expose(), "t");
        assert_eq!((read.application.secret.expose(), read.application.auth), ("s3cret", ClientAuth::Basic));
        assert_eq!((read.wanted.scope.as_deref(), read.expires_at_ms), (Some("runs:read"), 7));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        }
        std::fs::write(&file, "{}").unwrap();
        assert_eq!(Login::read(&file).unwrap_err().code, "login_unreadable");
    }

    #[test]
    fn a_login_for_one_host_is_shown_to_no_other() {
        let login = login();
        for (url, shown) in [
            ("https://runs.example:8081", true),
            ("http://runs.example/gateway", true),
            ("https://runs.example.evil", false),
            ("https://evil/runs.example", false),
            ("nonsense", false),
        ] {
            assert_eq!(login.is_for(url), shown, "{url}");
        }
        assert!(Login { host: None, ..login }.is_for("https://anybody"));
    }

    #[test]
    fn it_lies_where_the_platform_keeps_such_things() {
        let place = |pairs: &[(&str, &str)]| {
            place(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        assert_eq!(place(&[("HOME", "/h")]), Some("/h/.config/runyard/login.json".into()));
        assert_eq!(place(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c")]), Some("/c/runyard/login.json".into()));
        assert_eq!(place(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "odd")]), Some("/h/.config/runyard/login.json".into()));
        assert_eq!(place(&[]), None);
    }
}
