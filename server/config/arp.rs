//! The reference implementation's variables, read as settings of this server. This server's own variables win over
//! them, and flags win over both.
//!
//! | variable | setting |
//! |---|---|
//! | `ARP_AUTH_PROFILE` | `auth.mode`, and for the development profile `auth.issuer` too |
//! | `ARP_AUTH_MODE`, `_ISSUER`, `_AUDIENCE` (or `ARP_AUTH_SERVICE_ID`), `_JWKS_URI`, `_ALGORITHMS`, `_CLOCK_SKEW_SECONDS`, `_DEV_SUBJECT`, `_ANONYMOUS_SUBJECT` | the one of the same name |
//! | `ARP_AUTH_OIDC_DISCOVERY_URL` | `auth.discovery_url` |
//! | `ARP_AUTH_TOKEN_ENDPOINT`, `_CLIENT_ID` | the one of the same name in `auth.outbound` |
//! | `ARP_AUTH_TIMEOUT_SECS` | `auth.outbound.timeout_seconds` |
//! | `JARVIS_RUN_COORDINATOR_URL`, `_AUDIENCE` | `coordinator.url`, `coordinator.audience` |
//! | `ARP_AUTH_CLIENT_SECRET` | none: a secret is no setting; see [`client_secret`] |

use std::collections::BTreeMap;

use super::error::Violation;
use crate::auth::Secret;

/// Variable and setting, weakest first.
const VARIABLES: &[(&str, &str)] = &[
    ("ARP_AUTH_MODE", "auth.mode"),
    ("ARP_AUTH_ISSUER", "auth.issuer"),
    ("ARP_AUTH_SERVICE_ID", "auth.audience"),
    ("ARP_AUTH_AUDIENCE", "auth.audience"),
    ("ARP_AUTH_JWKS_URI", "auth.jwks_uri"),
    ("ARP_AUTH_OIDC_DISCOVERY_URL", "auth.discovery_url"),
    ("ARP_AUTH_ALGORITHMS", "auth.algorithms"),
    ("ARP_AUTH_CLOCK_SKEW_SECONDS", "auth.clock_skew_seconds"),
    ("ARP_AUTH_DEV_SUBJECT", "auth.dev_subject"),
    ("ARP_AUTH_ANONYMOUS_SUBJECT", "auth.anonymous_subject"),
    ("ARP_AUTH_TOKEN_ENDPOINT", "auth.outbound.token_endpoint"),
    ("ARP_AUTH_CLIENT_ID", "auth.outbound.client_id"),
    ("ARP_AUTH_TIMEOUT_SECS", "auth.outbound.timeout_seconds"),
    ("JARVIS_RUN_COORDINATOR_URL", "coordinator.url"),
    ("JARVIS_RUN_COORDINATOR_AUDIENCE", "coordinator.audience"),
];

const PROFILE: &str = "ARP_AUTH_PROFILE";

/// The variables with the secret of the server's own client, strongest first.
const CLIENT_SECRETS: [&str; 2] = [super::environment::CLIENT_SECRET, "ARP_AUTH_CLIENT_SECRET"];

/// The issuer of the reference implementation's development stack.
const DEVELOPMENT_ISSUER: &str = "http://localhost:8080/realms/arp-dev";

/// A profile: a name for several settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Profile {
    /// Authentication is disabled.
    Insecure,
    /// Authentication is required; tokens of the development stack are accepted.
    Development,
    /// Authentication is required.
    Enterprise,
}

/// A setting under another name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Alias {
    pub(super) key: &'static str,
    pub(super) value: String,
    pub(super) variable: &'static str,
}

/// The settings of these variables, weakest first.
///
/// # Errors
/// An unknown profile.
pub(super) fn aliases(environment: &BTreeMap<String, String>) -> Result<Vec<Alias>, Violation> {
    let of_profile = profile(environment)?.map(settings).unwrap_or_default();
    let given = |name| environment.get(name).filter(|value| !value.is_empty());
    let of_variables = VARIABLES
        .iter()
        .filter_map(|(variable, key)| given(*variable).map(|value| Alias { key, value: value.clone(), variable }));
    Ok(of_profile.into_iter().chain(of_variables).collect())
}

/// Whether an audience is required: the development profile has one issuer for many services.
pub(super) fn demands_audience(environment: &BTreeMap<String, String>) -> bool {
    matches!(profile(environment), Ok(Some(Profile::Development)))
}

/// The secret of the server's own client. An empty variable counts as not set.
pub(super) fn client_secret(environment: &BTreeMap<String, String>) -> Option<Secret> {
    let given = |name| environment.get(name).filter(|value: &&String| !value.is_empty());
    CLIENT_SECRETS.into_iter().find_map(given).map(|value| Secret::new(value.as_str()))
}

fn profile(environment: &BTreeMap<String, String>) -> Result<Option<Profile>, Violation> {
    let Some(value) = environment.get(PROFILE).filter(|value| !value.is_empty()) else { return Ok(None) };
    match value.to_ascii_lowercase().replace('_', "-").as_str() {
        "dev-insecure" | "dev" => Ok(Some(Profile::Insecure)),
        "dev-secure-keycloak" | "dev-secure" | "keycloak" => Ok(Some(Profile::Development)),
        "enterprise" | "prod" | "production" => Ok(Some(Profile::Enterprise)),
        _ => Err(Violation {
            key: PROFILE.to_owned(),
            origin: format!("environment {PROFILE}"),
            reason: format!("found {value:?}, expected dev-insecure, dev-secure-keycloak or enterprise"),
        }),
    }
}

fn settings(profile: Profile) -> Vec<Alias> {
    let set = |key, value: &str| Alias { key, value: value.to_owned(), variable: PROFILE };
    match profile {
        Profile::Insecure => vec![set("auth.mode", "disabled")],
        Profile::Development => vec![set("auth.mode", "required"), set("auth.issuer", DEVELOPMENT_ISSUER)],
        Profile::Enterprise => vec![set("auth.mode", "required")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_found_in_any_spelling() {
        for (written, mode, issuer) in [
            ("dev-insecure", "disabled", None),
            ("DEV", "disabled", None),
            ("Dev_Secure_Keycloak", "required", Some(DEVELOPMENT_ISSUER)),
            ("keycloak", "required", Some(DEVELOPMENT_ISSUER)),
            ("PRODUCTION", "required", None),
        ] {
            let environment = BTreeMap::from([(PROFILE.to_owned(), written.to_owned())]);
            let found = aliases(&environment).unwrap();
            let value = |key| found.iter().find(|alias| alias.key == key).map(|alias| alias.value.as_str());
            assert_eq!((value("auth.mode"), value("auth.issuer")), (Some(mode), issuer), "{written}");
            assert_eq!(demands_audience(&environment), issuer.is_some());
        }
        let environment = BTreeMap::from([(PROFILE.to_owned(), "casual".to_owned())]);
        assert!(aliases(&environment).unwrap_err().to_string().contains("found \"casual\""));
    }
}
