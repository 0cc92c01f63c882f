//! `[coordinator]` and `[auth.outbound]`: whom this server calls, and what it shows there. What is done with it is
//! `server/auth/outbound.rs`.

use serde::{Deserialize, Serialize};

use super::auth::{Auth, Mode};
use super::{Config, GatewayMode};
use crate::auth::Secret;

/// Where a Keycloak realm gives tokens, below the issuer: what the reference implementation derives.
const TOKEN_PATH: &str = "/protocol/openid-connect/token";

/// `[coordinator]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Coordinator {
    /// Base URL of a remote run coordinator. Also `JARVIS_RUN_COORDINATOR_URL`.
    pub url: Option<String>,
    /// What is shown to it. Absent: exchanged tokens where callers are asked who they are and a client is configured, else what the
    /// caller shows.
    pub credentials: Option<Credentials>,
    /// The audience of tokens that are fetched for it. Also `JARVIS_RUN_COORDINATOR_AUDIENCE`. Default `arp-run-coordinator`.
    pub audience: String,
    /// The scope to ask for. Absent: what the identity provider gives.
    pub scope: Option<String>,
}

impl Default for Coordinator {
    fn default() -> Self {
        Self { url: None, credentials: None, audience: "arp-run-coordinator".to_owned(), scope: None }
    }
}

/// What is shown to a server that this one calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Credentials {
    /// What the caller shows, as it is.
    Pass,
    /// A token that the identity provider gives for the caller's (RFC 8693).
    Exchange,
    /// A token of this server's own client.
    ClientCredentials,
    /// Nothing.
    None,
}

/// `[auth.outbound]`: the client that this server is to the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbound {
    /// Where tokens are given. Absent: below `auth.issuer`, as Keycloak has it.
    pub token_endpoint: Option<String>,
    /// The client's name.
    pub client_id: Option<String>,
    /// Its secret: `ARP_AUTH_CLIENT_SECRET` or `RUNYARD_CLIENT_SECRET`. Never from a file, never shown.
    #[serde(skip)]
    pub client_secret: Option<Secret>,
    /// How the secret is sent.
    pub client_auth: ClientAuth,
    /// How long the identity provider may take to give a token, seconds. Default 10.
    pub timeout_seconds: u64,
}

/// How a client says who it is (RFC 6749, section 2.3.1).
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

impl Auth {
    /// Where tokens are given: as it is set, else below the issuer.
    pub fn token_endpoint(&self) -> Option<String> {
        let below = |issuer: &String| format!("{}{TOKEN_PATH}", issuer.trim_end_matches('/'));
        self.outbound.token_endpoint.clone().or_else(|| self.issuer.as_ref().map(below))
    }

    /// Whether tokens can be fetched.
    pub fn has_client(&self) -> bool {
        self.outbound.client_id.is_some() && self.outbound.client_secret.is_some() && self.token_endpoint().is_some()
    }
}

impl Config {
    /// What is shown to the remote coordinator. Where nobody is asked who they are, no token endpoint is needed: what a caller
    /// shows all the same goes on to whoever asks.
    pub fn coordinator_credentials(&self) -> Credentials {
        let exchanges = self.auth.mode("run-gateway") != Mode::Disabled && self.auth.has_client();
        let default = if exchanges { Credentials::Exchange } else { Credentials::Pass };
        self.coordinator.credentials.unwrap_or(default)
    }

    /// Whether this server will ask for tokens.
    pub(super) fn fetches_tokens(&self) -> bool {
        let forwards = matches!(self.gateway_mode(), GatewayMode::Remote(_));
        forwards && matches!(self.coordinator_credentials(), Credentials::Exchange | Credentials::ClientCredentials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(mode: Mode, outbound: Outbound) -> Config {
        let issuer = Some("https://id.example/realms/r/".to_owned());
        Config { auth: Auth { mode: Some(mode), issuer, outbound, ..Auth::default() }, ..Config::default() }
    }

    fn client() -> Outbound {
        let client_secret = Some(Secret::new("s3cret"));
        Outbound { client_id: Some("gateway".to_owned()), client_secret, ..Outbound::default() }
    }

    #[test]
    fn tokens_are_exchanged_where_callers_are_known_and_a_client_is_configured() {
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
    fn the_endpoint_follows_from_the_issuer_unless_it_is_set() {
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
