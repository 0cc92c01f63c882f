//! `runyard login` and `runyard logout`: a token of an identity provider, fetched for a client's secret and stored for later commands.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::{one_line, strong};
use crate::auth::{Application, Secret, TokenError, TokenRequest};
use crate::clock::{Clock, rfc3339};
use crate::config::Config;
use crate::config::settings::{is_base_url, is_endpoint, is_private_way};

mod stored;

pub use stored::{Login, Tokens, place};

/// The longest secret that is read from a file, bytes.
const SECRET_BYTES_MAX: u64 = 16 * 1024;

/// Who logs in, and where.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Example:\n  runyard login --issuer https://id.example.org/realms/main --client-id ada --url https://runs.example.org\n\n\
    The client's secret comes from RUNYARD_CLIENT_SECRET or ARP_AUTH_CLIENT_SECRET, or from a file; never from the command line.\n\
    Commands with --url then show the token, fetched anew before its end, unless --token or RUNYARD_TOKEN says otherwise. With --url here,\n\
    only servers on that host receive it.\n\
    With --json one object: {\"file\",\"token_endpoint\",\"client_id\",\"host\",\"expires_at\"}."
)]
pub struct Arguments {
    /// The client's name at the identity provider [default: auth.outbound.client_id]
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// A file with the client's secret; - for standard input
    #[arg(long, value_name = "FILE")]
    pub client_secret_file: Option<PathBuf>,
    /// The token endpoint [default: auth.outbound.token_endpoint, or below the issuer as Keycloak has it]
    #[arg(long, value_name = "URL")]
    pub token_endpoint: Option<String>,
    /// The issuer, instead of the endpoint [default: auth.issuer]
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// The audience that the token is to be for
    #[arg(long, value_name = "AUDIENCE")]
    pub audience: Option<String>,
    /// The scope that the token is to have
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,
}

/// Nothing to choose.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Example:\n  runyard logout\n\nWith --json one object: {\"file\",\"logged_out\"}; false where there was no login."
)]
pub struct Logout {}

/// Fetches a token and stores it.
///
/// # Errors
/// Something is missing, the identity provider refuses or is not there, or the file cannot be written.
pub async fn login(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let config = &context.loaded.config;
    let file = context.login_file()?.to_owned();
    let mut login = Login::new(endpoint(config)?, application(arguments, config)?);
    login.wanted = TokenRequest { audience: arguments.audience.clone(), scope: arguments.scope.clone() };
    login.host = context.url.as_deref().map(host).transpose()?;
    let (within, clock) = (Duration::from_secs(config.auth.outbound.timeout_seconds), Clock::system());
    login.renew(within, &clock).await.map_err(|error| refused(&error))?;
    login.write(&file)?;
    let output = &mut context.output;
    let expires_at = rfc3339(login.expires_at_ms);
    output.object(&json!({
        "file": file, "token_endpoint": login.token_endpoint, "client_id": login.application.id, "host": login.host, "expires_at": expires_at,
    }));
    let shown = login.host.as_deref().map_or_else(|| "any --url".to_owned(), |host| format!("--url of {host}"));
    let id = one_line(&login.application.id);
    output.line(&format!("logged in as {}; the token is good until {expires_at}, and fetched anew then", strong(&id)));
    output.remark(&format!(
        "commands with {} show it; {} keeps it and the client's secret, readable by you alone, until `runyard logout`",
        one_line(&shown),
        file.display()
    ));
    Ok(Exit::Success)
}

/// Forgets the token.
///
/// # Errors
/// The file cannot be removed.
pub fn logout(context: &mut Context) -> Result<Exit, Failure> {
    let file = context.login_file()?.to_owned();
    let was = match std::fs::remove_file(&file) {
        Ok(()) => true,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => {
            return Err(Failure::new("not_removed", format!("cannot remove {}: {error}", file.display())));
        }
    };
    context.output.object(&json!({ "file": file, "logged_out": was }));
    if was {
        context.output.line("logged out");
        let remark = format!(
            "{} is removed; the token itself is valid until it expires, unless the provider revokes it",
            file.display()
        );
        context.output.remark(&remark);
    } else {
        context.output.line("there was no login");
    }
    Ok(Exit::Success)
}

fn endpoint(config: &Config) -> Result<String, Failure> {
    let advice = "name it with --token-endpoint, or the issuer with --issuer";
    let endpoint = config.auth.token_endpoint();
    let endpoint = endpoint.ok_or_else(|| Failure::usage("the token endpoint is missing").advise(advice))?;
    if !is_endpoint(&endpoint) {
        return Err(Failure::usage(format!("{endpoint} is not an https URL")).advise(advice));
    }
    if !config.auth.insecure_allow_http && !is_private_way(&endpoint) {
        let refusal = format!("the secret would be sent over plain http to {endpoint}");
        return Err(Failure::usage(refusal).advise("use https, or allow it with --set auth.insecure_allow_http=true"));
    }
    Ok(endpoint)
}

fn application(arguments: &Arguments, config: &Config) -> Result<Application, Failure> {
    let outbound = &config.auth.outbound;
    let id = outbound
        .client_id
        .clone()
        .ok_or_else(|| Failure::usage("the client id is missing").advise("give it with --client-id"))?;
    let secret = match &arguments.client_secret_file {
        Some(file) => Some(from_file(file)?),
        None => outbound.client_secret.clone(),
    };
    let missing = || {
        let advice = "set RUNYARD_CLIENT_SECRET, or name a file with --client-secret-file (- for standard input)";
        Failure::usage(format!("the secret of client {id} is missing")).advise(advice)
    };
    Ok(Application { secret: secret.ok_or_else(missing)?, id: id.clone(), auth: outbound.client_auth })
}

fn from_file(file: &Path) -> Result<Secret, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(SECRET_BYTES_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(SECRET_BYTES_MAX).read_to_string(&mut text))
    };
    let said = |reason: String| Failure::usage(format!("no secret can be read from {}: {reason}", file.display()));
    read.map_err(|error| said(error.to_string()))?;
    match text.trim() {
        "" => Err(said("it is empty".to_owned())),
        secret => Ok(Secret::new(secret)),
    }
}

/// The host of a base URL; the login is for all of its ports.
fn host(url: &str) -> Result<String, Failure> {
    let parsed = reqwest::Url::parse(url).ok().filter(|_| is_base_url(url));
    let host = parsed.and_then(|url| url.host_str().map(str::to_owned));
    host.ok_or_else(|| Failure::usage("--url is not a base URL").advise("write it as http://HOST:PORT"))
}

fn refused(error: &TokenError) -> Failure {
    match error {
        TokenError::Refused { .. } => Failure::new("login_refused", error.to_string())
            .advise("look at the client's name, its secret, and what it may ask for"),
        TokenError::Unavailable(_) => Failure::new(super::failure::UNREACHABLE, error.to_string())
            .advise("is the identity provider there, and does it give tokens at this address?"),
    }
}
