//! The servers of the configuration with loaded secrets.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use reqwest::Url;

use crate::auth::Secret;
use crate::config::integrations::SecretSource;
use crate::config::tools::mcp::McpServer;
use crate::nodes::integrations::secret;
use crate::nodes::perform::http::Masks;

/// The default time limit of one call, milliseconds.
const TIMEOUT_MS: u64 = 60_000;
/// The variables that a program gets if the configuration names none: what programs need to start, and no secrets.
const PASSED: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// The enabled servers.
#[derive(Default)]
pub struct Targets(pub(super) Vec<Arc<Target>>);

/// One server. It is not shown for debugging, because its masks are made of its secrets.
pub(super) struct Target {
    pub(super) configured: McpServer,
    pub(super) place: Place,
    /// The time limit of one call, milliseconds.
    pub(super) timeout_ms: u64,
    /// Masks its secrets in what it answers.
    pub(super) masks: Masks,
}

/// How a server is reached.
pub(super) enum Place {
    /// Over the standard input and output of a program.
    Program { command: String, args: Vec<String>, directory: Option<PathBuf>, environment: Vec<(String, Secret)> },
    /// Over HTTP.
    Service { url: Url, private: bool, headers: HashMap<HeaderName, HeaderValue> },
}

/// Why an MCP server prevents the start of this server.
#[derive(Debug, thiserror::Error)]
#[error("MCP server `{server}`: {what} {reason}")]
pub struct TargetError {
    server: String,
    what: String,
    reason: String,
}

impl Targets {
    /// Reads the secrets of enabled servers. `environment` looks up a variable.
    ///
    /// # Errors
    /// A secret is missing, or cannot be sent.
    pub fn open(configured: &[McpServer], environment: impl Fn(&str) -> Option<String>) -> Result<Self, TargetError> {
        let active = configured.iter().filter(|one| one.active);
        active.map(|one| target(one, &environment).map(Arc::new)).collect::<Result<_, _>>().map(Targets)
    }
}

impl Target {
    /// Its name in messages.
    pub(super) fn shown(&self) -> String {
        format!("the MCP server {}", self.configured.name)
    }
}

fn target(one: &McpServer, environment: &impl Fn(&str) -> Option<String>) -> Result<Target, TargetError> {
    let error = |what: String, reason: String| TargetError { server: one.name.clone(), what, reason };
    let read = |(name, source): (&String, &SecretSource)| match secret(source, environment) {
        Ok(value) => Ok((name.clone(), value)),
        Err(reason) => Err(error(format!("`{name}`"), reason)),
    };
    let sources = one.secret_env.iter().chain(&one.secret_headers);
    let secrets: Vec<(String, Secret)> = sources.map(read).collect::<Result<_, _>>()?;
    let masks = Masks::of(secrets.iter().map(|(_, secret)| secret.expose()));
    let place = match (&one.command, &one.url) {
        (Some(command), _) => {
            let default = PASSED.map(str::to_owned);
            let passed = one.pass_env.as_deref().unwrap_or(&default).iter();
            let passed = passed.filter_map(|name| Some((name.clone(), Secret::new(environment(name)?))));
            let set = one.env.iter().map(|(name, value)| (name.clone(), Secret::new(value.clone())));
            Place::Program {
                command: command.clone(),
                args: one.args.clone(),
                directory: one.directory.clone(),
                environment: passed.chain(set).chain(secrets).collect(),
            }
        }
        (None, url) => {
            let url = url.as_deref().and_then(|url| Url::parse(url).ok());
            let url = url.ok_or_else(|| error("url".to_owned(), "is not valid".to_owned()))?;
            let given = one.headers.iter().map(|(name, value)| (name.clone(), value.clone(), false));
            let secret = secrets.iter().map(|(name, value)| (name.clone(), value.expose().to_owned(), true));
            let header = |(name, value, is_secret): (String, String, bool)| {
                let pair = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(&value).ok());
                let (header, mut value) = pair.ok_or_else(|| {
                    error(format!("the header `{name}`"), "has a value that cannot be sent in a header".to_owned())
                })?;
                value.set_sensitive(is_secret);
                Ok((header, value))
            };
            let headers = given.chain(secret).map(header).collect::<Result<_, _>>()?;
            Place::Service { url, private: one.allow_private_addresses, headers }
        }
    };
    Ok(Target { place, timeout_ms: one.timeout_ms.unwrap_or(TIMEOUT_MS), masks, configured: one.clone() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::tools::mcp::parse;

    fn environment(name: &str) -> Option<String> {
        let known = [("PATH", "/bin"), ("TOKEN", "hunter2"), ("DATABASE_PASSWORD", "secret of the server")];
        known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_program_gets_the_variables_of_the_list_and_no_others() {
        let servers = parse(&json!([{
            "name": "a", "command": "a", "env": { "MODE": "x" }, "secret_env": { "KEY": { "env": "TOKEN" } },
        }]))
        .unwrap();
        let targets = Targets::open(&servers, environment).unwrap();
        let Place::Program { environment, .. } = &targets.0[0].place else { panic!("it is a program") };
        let seen: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(seen, [("PATH", "/bin"), ("MODE", "x"), ("KEY", "hunter2")]);
    }

    #[test]
    fn a_missing_or_unusable_secret_is_named_without_its_value() {
        let of = |env: &str, prefix: &str| {
            let header = json!({ "env": env, "prefix": prefix });
            parse(&json!([{ "name": "a", "url": "https://a.example", "secret_headers": { "x-key": header } }])).unwrap()
        };
        let refused = |servers: &[McpServer]| Targets::open(servers, environment).err().unwrap().to_string();
        let missing = refused(&of("ABSENT", ""));
        assert!(missing.contains("MCP server `a`") && missing.contains("ABSENT"), "{missing}");
        let unusable = refused(&of("TOKEN", "a\nb"));
        assert!(unusable.contains("x-key") && !unusable.contains("hunter2"), "{unusable}");
    }
}
