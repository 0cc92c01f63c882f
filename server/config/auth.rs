//! `[auth]`: whether callers are authenticated, and which issuer is trusted. `server/auth/` uses it.

use serde::{Deserialize, Serialize};

use super::outbound::Outbound;

/// The path of a Keycloak realm's token endpoint, below the issuer. The reference implementation derives it too.
const TOKEN_PATH: &str = "/protocol/openid-connect/token";

/// `[auth]`. Secrets are not settings: API keys are in the store, tokens come with requests, a client's secret from the environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Whether callers are authenticated. Absent: disabled on loopback; required to be set elsewhere.
    pub mode: Option<Mode>,
    /// The issuer that tokens must name, exactly. Its keys are found below it, unless one of the next two is set.
    pub issuer: Option<String>,
    /// A token must name one of these audiences. Absent: any token of the issuer is accepted.
    pub audience: Option<Vec<String>>,
    /// The address of the issuer's keys (a JWK Set, RFC 7517). Wins over `discovery_url`.
    pub jwks_uri: Option<String>,
    /// The address of the issuer's metadata (OpenID Connect Discovery), which name the address of its keys. Absent:
    /// below the issuer.
    pub discovery_url: Option<String>,
    /// Signature algorithms that are accepted, with commas between. Default `RS256`.
    pub algorithms: String,
    /// How far the clocks of issuer and server may differ, seconds. Default 60.
    pub clock_skew_seconds: u64,
    /// How long the issuer's keys are used before they are fetched again, seconds. Default 600.
    pub jwks_max_age_seconds: u64,
    /// The claim with a token's tenant. Absent: every token is of tenant `default`.
    pub tenant_claim: Option<String>,
    /// The subject of all callers while authentication is disabled. Default `dev`.
    pub dev_subject: String,
    /// The subject of callers without a credential if authentication is optional. Default `anonymous`.
    pub anonymous_subject: String,
    /// Allows keys that are fetched over plain http from another machine. Default false.
    pub insecure_allow_http: bool,
    /// The scopes that tokens must have.
    pub scopes: Scopes,
    /// APIs whose mode is not `mode`.
    pub apis: ApiModes,
    /// APIs whose audience is not `audience`.
    pub audiences: Audiences,
    /// The client that this server is to the identity provider when it calls others.
    pub outbound: Outbound,
}

/// Whether callers are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They are not, and credentials are ignored.
    Disabled,
    /// A caller without a credential is anonymous; a credential that is sent must be valid.
    Optional,
    /// Every caller must send a valid credential.
    Required,
}

/// `[auth.scopes]`: what a token must have in `scope` or `scp` for an operation. Absent: nothing, and never for `admin`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scopes {
    /// For reading.
    pub read: Option<String>,
    /// For starting or changing something.
    pub write: Option<String>,
    /// For creating, listing and revoking API keys of the token's tenant. Absent: tokens cannot.
    pub admin: Option<String>,
}

/// `[auth.apis]`: modes of single APIs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiModes {
    /// Of the run gateway.
    pub run_gateway: Option<Mode>,
    /// Of the run coordinator.
    pub run_coordinator: Option<Mode>,
    /// Of the ARP Runtime.
    pub runtime: Option<Mode>,
    /// Of the API of toolregistry.ai.
    pub toolregistry: Option<Mode>,
    /// Of ACP.
    pub acp: Option<Mode>,
    /// Of Cargo.
    pub cargo: Option<Mode>,
    /// Of the Runyard API.
    pub runyard: Option<Mode>,
}

impl ApiModes {
    /// The mode of the API with this document name, if it has one of its own.
    pub fn of(&self, document: &str) -> Option<Mode> {
        match document {
            "run-gateway" => self.run_gateway,
            "run-coordinator" => self.run_coordinator,
            "runtime" => self.runtime,
            "toolregistry" => self.toolregistry,
            "acp" => self.acp,
            "cargo" => self.cargo,
            "runyard" => self.runyard,
            _ => None,
        }
    }

    /// Every API's own mode, in the table's order.
    fn all(&self) -> [Option<Mode>; 7] {
        [self.run_gateway, self.run_coordinator, self.runtime, self.toolregistry, self.acp, self.cargo, self.runyard]
    }
}

/// `[auth.audiences]`: audiences of single APIs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audiences {
    /// Of the Run Gateway API.
    pub run_gateway: Option<Vec<String>>,
    /// Of the Run Coordinator API.
    pub run_coordinator: Option<Vec<String>>,
    /// Of the ARP Runtime API.
    pub runtime: Option<Vec<String>>,
    /// Of the toolregistry.ai API.
    pub toolregistry: Option<Vec<String>>,
    /// Of the ACP API.
    pub acp: Option<Vec<String>>,
    /// Of the Cargo API.
    pub cargo: Option<Vec<String>>,
    /// Of the Runyard API.
    pub runyard: Option<Vec<String>>,
}

impl Audiences {
    /// The audiences of the API with this document name, if it has its own.
    pub fn of(&self, document: &str) -> Option<&Vec<String>> {
        match document {
            "run-gateway" => self.run_gateway.as_ref(),
            "run-coordinator" => self.run_coordinator.as_ref(),
            "runtime" => self.runtime.as_ref(),
            "toolregistry" => self.toolregistry.as_ref(),
            "acp" => self.acp.as_ref(),
            "cargo" => self.cargo.as_ref(),
            "runyard" => self.runyard.as_ref(),
            _ => None,
        }
    }

    fn all(&self) -> [Option<&Vec<String>>; 7] {
        ["run-gateway", "run-coordinator", "runtime", "toolregistry", "acp", "cargo", "runyard"].map(|api| self.of(api))
    }
}

impl Auth {
    /// The mode of the API with this document name. A mode that is not set is disabled: loading has refused that where
    /// it matters.
    pub fn mode(&self, document: &str) -> Mode {
        self.apis.of(document).or(self.mode).unwrap_or(Mode::Disabled)
    }

    /// Whether some API answers callers without a credential.
    pub fn is_open_somewhere(&self) -> bool {
        self.modes().any(|mode| mode != Mode::Required)
    }

    /// A token for the API with this document name must name one of these audiences. Absent: any token of the issuer
    /// is accepted.
    pub fn audience(&self, document: &str) -> Option<&[String]> {
        self.audiences.of(document).or(self.audience.as_ref()).map(Vec::as_slice)
    }

    /// Whether tokens for another service are refused by every API.
    pub fn has_audience_everywhere(&self) -> bool {
        self.audience.is_some() || self.audiences.all().into_iter().all(|own| own.is_some())
    }

    /// Whether some API admits callers without a credential.
    pub fn admits_anonymous(&self) -> bool {
        self.modes().any(|mode| mode != Mode::Required)
    }

    /// Whether some API authenticates callers and also admits callers without a credential.
    pub fn is_optional_somewhere(&self) -> bool {
        self.modes().any(|mode| mode == Mode::Optional)
    }

    /// Whether some API authenticates callers.
    pub fn authenticates_somewhere(&self) -> bool {
        self.modes().any(|mode| mode != Mode::Disabled)
    }

    fn modes(&self) -> impl Iterator<Item = Mode> {
        self.apis.all().into_iter().map(|api| api.or(self.mode).unwrap_or(Mode::Disabled))
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            mode: None,
            issuer: None,
            audience: None,
            jwks_uri: None,
            discovery_url: None,
            algorithms: "RS256".to_owned(),
            clock_skew_seconds: 60,
            jwks_max_age_seconds: 600,
            tenant_claim: None,
            dev_subject: "dev".to_owned(),
            anonymous_subject: "anonymous".to_owned(),
            insecure_allow_http: false,
            scopes: Scopes::default(),
            apis: ApiModes::default(),
            audiences: Audiences::default(),
            outbound: Outbound::default(),
        }
    }
}

impl Auth {
    /// The token endpoint: the setting, else the one below the issuer.
    pub fn token_endpoint(&self) -> Option<String> {
        let below = |issuer: &String| format!("{}{TOKEN_PATH}", issuer.trim_end_matches('/'));
        self.outbound.token_endpoint.clone().or_else(|| self.issuer.as_ref().map(below))
    }

    /// Whether tokens can be fetched.
    pub fn has_client(&self) -> bool {
        self.outbound.client_id.is_some() && self.outbound.client_secret.is_some() && self.token_endpoint().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_apis_own_mode_wins_and_authentication_is_disabled_by_default() {
        let auth = Auth {
            mode: Some(Mode::Required),
            apis: ApiModes { runtime: Some(Mode::Optional), ..ApiModes::default() },
            ..Auth::default()
        };
        assert_eq!((auth.mode("runtime"), auth.mode("runyard")), (Mode::Optional, Mode::Required));
        assert!(auth.is_open_somewhere(), "optional is open");
        let closed = Auth { apis: ApiModes::default(), ..auth.clone() };
        assert!(!closed.is_open_somewhere());
        assert_eq!(Auth::default().mode("runyard"), Mode::Disabled);
        assert!(Auth::default().is_open_somewhere());
        let open = Auth { apis: ApiModes { runyard: Some(Mode::Disabled), ..ApiModes::default() }, ..closed };
        assert!(open.is_open_somewhere());
    }
}
