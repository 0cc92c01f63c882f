//! `[coordinator]` and `[auth.outbound]`: the servers that this one calls, and the credentials that it sends.
//! `server/auth/outbound.rs` uses it.

use serde::{Deserialize, Serialize};

use crate::auth::Secret;

/// `[coordinator]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Coordinator {
    /// Base URL of a remote run coordinator. Also `JARVIS_RUN_COORDINATOR_URL`.
    pub url: Option<String>,
    /// The credential that is sent to it. Absent: exchanged tokens if callers are authenticated and a client is
    /// configured, else the caller's own credential.
    pub credentials: Option<Credentials>,
    /// The audience of tokens that are fetched for it. Also `JARVIS_RUN_COORDINATOR_AUDIENCE`. Default `arp-run-coordinator`.
    pub audience: String,
    /// The scope to request. Absent: the identity provider's default.
    pub scope: Option<String>,
}

impl Default for Coordinator {
    fn default() -> Self {
        Self { url: None, credentials: None, audience: "arp-run-coordinator".to_owned(), scope: None }
    }
}

/// The kind of credential that is sent to another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Credentials {
    /// The caller's credential, unchanged.
    Pass,
    /// A token that the identity provider exchanges for the caller's (RFC 8693).
    Exchange,
    /// A token of this server's own client.
    ClientCredentials,
    /// None.
    None,
}

/// `[auth.outbound]`: the client that this server is to the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbound {
    /// The token endpoint. Absent: below `auth.issuer`, as in Keycloak.
    pub token_endpoint: Option<String>,
    /// The client's name.
    pub client_id: Option<String>,
    /// Its secret: `ARP_AUTH_CLIENT_SECRET` or `RUNYARD_CLIENT_SECRET`. Never from a file, never shown.
    #[serde(skip)]
    pub client_secret: Option<Secret>,
    /// How the secret is sent.
    pub client_auth: ClientAuth,
    /// How long the identity provider may take for a token, seconds. Default 10.
    pub timeout_seconds: u64,
}

/// How a client authenticates (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// In the form.
    #[default]
    Post,
    /// In the `Authorization` header.
    Basic,
}

impl Default for Outbound {
    fn default() -> Self {
        Self {
            token_endpoint: None,
            client_id: None,
            client_secret: None,
            client_auth: ClientAuth::Post,
            timeout_seconds: 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::auth::{Auth, Mode};

    fn config(mode: Mode, outbound: Outbound) -> Config {
        let issuer = Some("https://id.example/realms/r/".to_owned());
        Config { auth: Auth { mode: Some(mode), issuer, outbound, ..Auth::default() }, ..Config::default() }
    }

    fn client() -> Outbound {
        let client_secret = Some(Secret::new("s3cret"));
        Outbound { client_id: Some("gateway".to_owned()), client_secret, ..Outbound::default() }
    }

    #[test]
    fn tokens_are_exchanged_if_callers_are_authenticated_and_a_client_is_configured() {
        for (mode, outbound, credentials) in [
            (Mode::Required, client(), Credentials::Exchange),
            (Mode::Optional, client(), Credentials::Exchange),
            (Mode::Disabled, client(), Credentials::Pass),
            (Mode::Required, Outbound { client_secret: None, ..client() }, Credentials::Pass),
            (Mode::Required, Outbound::default(), Credentials::Pass),
        ] {
            assert_eq!(config(mode, outbound).coordinator_credentials(), credentials, "{mode:?}");
        }
        let said = Coordinator { credentials: Some(Credentials::None), ..Coordinator::default() };
        let config = Config { coordinator: said, ..config(Mode::Required, client()) };
        assert_eq!(config.coordinator_credentials(), Credentials::None);
    }

    #[test]
    fn the_endpoint_is_derived_from_the_issuer_unless_it_is_set() {
        let derived = config(Mode::Required, client()).auth.token_endpoint();
        assert_eq!(derived.as_deref(), Some("https://id.example/realms/r/protocol/openid-connect/token"));
        let endpoint = Some("https://id.example/token".to_owned());
        let set = config(Mode::Required, Outbound { token_endpoint: endpoint.clone(), ..client() });
        assert_eq!(set.auth.token_endpoint(), endpoint);
        assert_eq!(Auth::default().token_endpoint(), None);
    }

    #[test]
    fn the_secret_is_never_written() {
        let config = config(Mode::Required, client());
        assert!(
            !serde_json::to_string(&config).unwrap().contains("s3cret") && !format!("{config:?}").contains("s3cret")
        );
    }
}
