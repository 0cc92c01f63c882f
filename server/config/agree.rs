//! Checks over several settings: they must agree with each other, and be safe together.

use std::collections::BTreeMap;

use super::error::Violation;
use super::{Loaded, arp, settings};
use crate::auth::DEFAULT_TENANT;

/// Every conflict.
pub(super) fn check(loaded: &Loaded, environment: &BTreeMap<String, String>) -> Vec<Violation> {
    let mut violations = Vec::new();
    violations.extend(remote(loaded));
    violations.extend(providers(loaded));
    violations.extend(issuer(loaded));
    violations.extend(audience(loaded, environment));
    violations.extend(tokens(loaded));
    violations.extend(tenants(loaded));
    violations
}

/// An API that other machines can reach needs a credential, or a second setting accepts that it does not.
fn remote(loaded: &Loaded) -> Option<Violation> {
    let config = &loaded.config;
    if config.host.is_loopback() || config.insecure_allow_remote || !config.auth.is_open_somewhere() {
        return None;
    }
    let reason = format!(
        "found {}, which other machines can reach, and some API needs no credential (auth.mode disabled or optional). Set \
         auth.mode = \"required\", or use 127.0.0.1, or put something in front that authenticates and set insecure_allow_remote = true",
        config.host
    );
    Some(Violation { key: "host".to_owned(), origin: loaded.origin("host"), reason })
}

/// A service for named tenants is never for callers without a credential, and those have a tenant as well.
fn tenants(loaded: &Loaded) -> Option<Violation> {
    let config = &loaded.config;
    let is_named = |tenants: &Option<Vec<String>>| tenants.iter().flatten().any(|tenant| tenant == DEFAULT_TENANT);
    if !config.auth.admits_anonymous() {
        return None;
    }
    let integration = config.integrations.iter().find(|one| is_named(&one.tenants));
    let server = config.tools.mcp.iter().find(|one| is_named(&one.tenants));
    let model = config.models.iter().find(|one| is_named(&one.tenants));
    let service = config.tools.openapi.iter().find(|one| is_named(&one.tenants));
    let (key, named) = match (integration, server, model, service) {
        (Some(one), ..) => ("integrations", format!("integration `{}`", one.id)),
        (None, Some(one), ..) => ("tools.mcp", format!("MCP server `{}`", one.name)),
        (None, None, Some(one), _) => ("models", format!("model `{}`", one.name)),
        (None, None, None, Some(one)) => ("tools.openapi", format!("OpenAPI service `{}`", one.name)),
        (None, None, None, None) => return None,
    };
    let reason = format!(
        "{named} is for the tenant `{DEFAULT_TENANT}`, which callers without a credential have as well. Set auth.mode = \
         \"required\" for every API, or name another tenant"
    );
    Some(Violation { key: key.to_owned(), origin: loaded.origin(key), reason })
}

/// Keys that are fetched over plain http can be replaced on the way.
fn providers(loaded: &Loaded) -> Vec<Violation> {
    let auth = &loaded.config.auth;
    let found_by_issuer = auth.jwks_uri.is_none() && auth.discovery_url.is_none();
    [
        ("auth.issuer", auth.issuer.as_deref().filter(|_| found_by_issuer)),
        ("auth.jwks_uri", auth.jwks_uri.as_deref()),
        ("auth.discovery_url", auth.discovery_url.as_deref().filter(|_| auth.jwks_uri.is_none())),
    ]
    .into_iter()
    .filter_map(|(key, url)| {
        let reason = match url? {
            url if !settings::is_endpoint(url) => {
                "is no https URL, and its keys are to be found there. Set auth.jwks_uri, or correct it"
            }
            url if !auth.insecure_allow_http && !settings::is_private_way(url) => {
                "is plain http to another machine: a machine in between could sign tokens. Use https, or set \
                 auth.insecure_allow_http = true"
            }
            _ => return None,
        };
        Some(Violation { key: key.to_owned(), origin: loaded.origin(key), reason: reason.to_owned() })
    })
    .collect()
}

/// Keys prove who signed a token, but not for which issuer: without an issuer to compare, any `iss` would be accepted.
fn issuer(loaded: &Loaded) -> Option<Violation> {
    let auth = &loaded.config.auth;
    if auth.jwks_uri.is_none() || auth.issuer.is_some() {
        return None;
    }
    let reason = "needs auth.issuer: without it the keys there would prove tokens of any issuer. Set auth.issuer to the `iss` of the \
                  tokens";
    let key = "auth.jwks_uri".to_owned();
    Some(Violation { origin: loaded.origin(&key), key, reason: reason.to_owned() })
}

/// If one issuer serves many services, a token for another service must not be accepted.
fn audience(loaded: &Loaded, environment: &BTreeMap<String, String>) -> Option<Violation> {
    let auth = &loaded.config.auth;
    if !auth.authenticates_somewhere() || auth.has_audience_everywhere() || !arp::demands_audience(environment) {
        return None;
    }
    let reason = "is not set, and this profile demands it: set ARP_AUTH_AUDIENCE or ARP_AUTH_SERVICE_ID, for example to \
                  arp-run-gateway";
    let origin = "environment ARP_AUTH_PROFILE".to_owned();
    Some(Violation { key: "auth.audience".to_owned(), origin, reason: reason.to_owned() })
}

/// To fetch tokens, the server needs an endpoint, a client, and a connection that protects the secret.
fn tokens(loaded: &Loaded) -> Option<Violation> {
    let (config, outbound) = (&loaded.config, &loaded.config.auth.outbound);
    if !config.fetches_tokens() {
        return None;
    }
    let set = |key: &str| if loaded.is_default(key) { "coordinator.credentials" } else { key }.to_owned();
    let refuse = |key: String, reason: &str| {
        let origin = loaded.origin(&key);
        Some(Violation { key, origin, reason: reason.to_owned() })
    };
    let lacks = |what: &str| refuse("coordinator.credentials".to_owned(), &format!("needs {what}"));
    match config.auth.token_endpoint() {
        None => lacks("a token endpoint: set ARP_AUTH_TOKEN_ENDPOINT (auth.outbound.token_endpoint) or auth.issuer"),
        Some(_) if outbound.client_id.is_none() => lacks("a client: set ARP_AUTH_CLIENT_ID (auth.outbound.client_id)"),
        Some(_) if outbound.client_secret.is_none() => {
            lacks("the client's secret: set ARP_AUTH_CLIENT_SECRET or RUNYARD_CLIENT_SECRET in the environment")
        }
        Some(url) if !settings::is_endpoint(&url) => refuse(
            set("auth.issuer"),
            "is no https URL, and tokens are to be fetched below it. Set auth.outbound.token_endpoint, or correct it",
        ),
        Some(url) if !config.auth.insecure_allow_http && !settings::is_private_way(&url) => refuse(
            set("auth.outbound.token_endpoint"),
            "tokens and the client's secret would go over plain http to another machine. Use https, or set \
             auth.insecure_allow_http = true",
        ),
        Some(_) => None,
    }
}
