//! Fetches tokens from an identity provider (RFC 6749, section 4.4; RFC 8693): one POST, bounded in time and size,
//! that follows no redirect. The answer is a token, a refusal with its reason, or unusable.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use http::header::ACCEPT;
use reqwest::{Client, Url};
use serde_json::Value;

use super::Secret;
use super::provider::{ProviderError, body, causes, client};
use crate::clock::Clock;
use crate::config::outbound::ClientAuth;

/// The pause after a failure, in which no caller waits for the next one, milliseconds.
const AGAIN_MS: i64 = 2_000;
/// The lifetime of a token whose provider does not state one, seconds.
const LIFE_SECONDS: u64 = 60;
/// The largest token that is accepted.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// The longest text of a provider in a message.
const WORDS_CHARS_MAX: usize = 300;

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The client that fetches tokens.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its name at the provider.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
    /// How the secret is sent.
    pub auth: ClientAuth,
}

/// The grant of a token request.
#[derive(Debug, Clone, Copy)]
pub enum Grant<'a> {
    /// The application's own credentials.
    ClientCredentials,
    /// A caller's token, to exchange for another that speaks for the same caller.
    Exchange(&'a Secret),
}

/// The requested token.
#[derive(Debug, Clone, Default)]
pub struct TokenRequest {
    /// Its audience.
    pub audience: Option<String>,
    /// Its scope.
    pub scope: Option<String>,
}

/// A token that was issued.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// The token.
    pub token: Secret,
    /// Its lifetime from now on.
    pub lives: Duration,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The provider does not answer in time, or the answer is neither a token nor a refusal.
    #[error("{0}")]
    Unavailable(String),
    /// The provider refused.
    #[error("{url} refused: {}", .description.as_ref().map_or_else(|| error.clone(), |words| format!("{error} ({words})")))]
    Refused {
        /// The token endpoint.
        url: String,
        /// OAuth's error code.
        error: String,
        /// The provider's message.
        description: Option<String>,
    },
}

/// A provider's token endpoint.
#[derive(Debug)]
pub struct TokenEndpoint {
    http: Client,
    url: Url,
    application: Application,
    clock: Clock,
    failed: Mutex<Option<(i64, String)>>,
}

impl TokenEndpoint {
    /// The endpoint at this address. Nothing is sent.
    ///
    /// # Errors
    /// [`ProviderError`] if it can never be called.
    pub fn new(url: &str, application: Application, within: Duration, clock: Clock) -> Result<Self, ProviderError> {
        let url = Url::parse(url).map_err(|error| ProviderError::Address(error.to_string()))?;
        Ok(Self { http: client(&url, within)?, url, application, clock, failed: Mutex::new(None) })
    }

    /// Fetches a token.
    ///
    /// # Errors
    /// [`TokenError`]. While the provider does not answer, only some callers wait for it: the others fail at once.
    pub async fn token(&self, grant: Grant<'_>, wanted: &TokenRequest) -> Result<IssuedToken, TokenError> {
        if let Some(reason) = self.failed_a_moment_ago() {
            return Err(TokenError::Unavailable(reason));
        }
        let asked = self.ask(grant, wanted).await;
        let failure = match &asked {
            Err(TokenError::Unavailable(reason)) => Some((self.clock.now_ms(), reason.clone())),
            _ => None,
        };
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        asked
    }

    fn failed_a_moment_ago(&self) -> Option<String> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let (at_ms, reason) = failed.as_ref()?;
        (self.clock.now_ms().saturating_sub(*at_ms) < AGAIN_MS).then(|| reason.clone())
    }

    async fn ask(&self, grant: Grant<'_>, wanted: &TokenRequest) -> Result<IssuedToken, TokenError> {
        let request = self.http.post(self.url.clone()).header(ACCEPT, "application/json");
        let Application { id, secret, auth } = &self.application;
        let mut form = form(grant, wanted);
        let request = match auth {
            ClientAuth::Basic => request.basic_auth(encoded(id), Some(encoded(secret.expose()))),
            ClientAuth::Post => {
                form.extend([("client_id", id.as_str()), ("client_secret", secret.expose())]);
                request
            }
        };
        let unavailable = |reason: String| TokenError::Unavailable(format!("{}: {reason}", self.url));
        let answer = request.form(&form).send().await.map_err(|error| unavailable(causes(&error)))?;
        let status = answer.status();
        let bytes = body(answer).await.map_err(unavailable)?;
        let said: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status == StatusCode::OK {
            return issued(&said).ok_or_else(|| unavailable("it answered 200 and no bearer token".to_owned()));
        }
        match word(&said["error"]) {
            Some(error) if status.is_client_error() && error != "temporarily_unavailable" => {
                // A provider that quotes the request is not quoted.
                let description =
                    said["error_description"].as_str().map(shown).filter(|words| !self.repeats(words, grant));
                Err(TokenError::Refused { url: self.url.to_string(), error, description })
            }
            _ => Err(unavailable(format!("it answered {status}"))),
        }
    }

    fn repeats(&self, words: &str, grant: Grant<'_>) -> bool {
        let subject = match grant {
            Grant::ClientCredentials => None,
            Grant::Exchange(subject) => Some(subject),
        };
        subject.into_iter().chain([&self.application.secret]).any(|secret| words.contains(secret.expose()))
    }
}

fn form<'a>(grant: Grant<'a>, wanted: &'a TokenRequest) -> Vec<(&'static str, &'a str)> {
    let mut form = match grant {
        Grant::ClientCredentials => vec![("grant_type", "client_credentials")],
        Grant::Exchange(subject) => vec![
            ("grant_type", EXCHANGE),
            ("subject_token", subject.expose()),
            ("subject_token_type", ACCESS_TOKEN),
            ("requested_token_type", ACCESS_TOKEN),
        ],
    };
    form.extend(wanted.audience.as_deref().map(|audience| ("audience", audience)));
    form.extend(wanted.scope.as_deref().map(|scope| ("scope", scope)));
    form
}

/// Form encoding, which RFC 6749 requires for names and secrets in the header.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn issued(said: &Value) -> Option<IssuedToken> {
    let token = said["access_token"].as_str()?;
    let is_token = (1..=TOKEN_BYTES_MAX).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    let is_bearer = said["token_type"].as_str().is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    // A number, although some providers write it as text.
    let seconds = match &said["expires_in"] {
        Value::Null => Some(LIFE_SECONDS),
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().or_else(|| other.as_i64().map(|_| 0)),
    };
    let lives = Duration::from_secs(seconds?);
    (is_token && is_bearer).then(|| IssuedToken { token: Secret::new(token), lives })
}

/// An error code of OAuth, if the value is one.
fn word(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-.:/".contains(letter);
    (!text.is_empty() && text.len() <= WORDS_CHARS_MAX && text.chars().all(fits)).then(|| text.to_owned())
}

fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(WORDS_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_accepted_and_other_answers_are_not() {
        let lives = |said: Value| issued(&said).map(|issued| issued.lives.as_secs());
        assert_eq!(lives(json!({"access_token": "t", "token_type": "Bearer", "expires_in": 300})), Some(300));
        assert_eq!(lives(json!({"access_token": "t", "token_type": "bearer", "expires_in": "300"})), Some(300));
        assert_eq!(lives(json!({"access_token": "t"})), Some(LIFE_SECONDS));
        assert_eq!(lives(json!({"access_token": "t", "expires_in": -1})), Some(0));
        for none in [
            json!({}),
            json!([]),
            json!({"access_token": ""}),
            json!({"access_token": "two words"}),
            json!({"access_token": 7}),
            json!({"access_token": "t".repeat(TOKEN_BYTES_MAX + 1)}),
            json!({"access_token": "t", "token_type": "DPoP"}),
            json!({"access_token": "t", "expires_in": {}}),
        ] {
            assert_eq!(lives(none.clone()), None, "{none}");
        }
    }

    #[test]
    fn a_text_that_is_no_error_code_is_not_quoted() {
        assert_eq!(word(&json!("invalid_client")).as_deref(), Some("invalid_client"));
        for none in [json!(""), json!("two words"), json!("x\n"), json!(7), json!("x".repeat(WORDS_CHARS_MAX + 1))] {
            assert_eq!(word(&none), None, "{none}");
        }
        assert_eq!(shown("a\u{1b}[31mb\nc"), "a[31mbc");
    }

    #[test]
    fn a_secret_with_special_characters_is_form_encoded() {
        assert_eq!(encoded("a b:c%d+\u{e9}-_.*"), "a+b%3Ac%25d%2B%C3%A9-_.*");
    }
}
