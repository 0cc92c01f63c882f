//! The table of settings: key, meaning, allowed values.
//!
//! It is the source of everything that is printed about a setting: checks, `config show`, the commented file of
//! `config init`, and the suggestions in errors. A test compares it with the fields of [`Config`](super::Config).

use std::sync::LazyLock;

pub use super::found::Found;
pub use super::kind::Kind;
pub(crate) use super::urls::{host, is_base_url, is_endpoint, is_private_way, is_this_machine};
use crate::limits::{self, Limit};
use crate::store::location::StoreUrl;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The key with dots, as in `runyard.toml`.
    pub key: &'static str,
    /// What it does, in one or two sentences.
    pub about: &'static str,
    /// What is allowed.
    pub kind: Kind,
    /// The default as it would be in the file, or an example if it is absent by default.
    pub written: &'static str,
}

/// The values of `auth.mode` and the modes of single APIs.
const MODES: &[&str] = &["disabled", "optional", "required"];

const MINUTES_10_MS: u64 = 600_000;
/// A hundred years.
const SECONDS_MAX: u64 = 3_155_760_000;

/// All settings, in the order in which they are shown: those below, then the table of limits.
pub static SETTINGS: LazyLock<Vec<Setting>> =
    LazyLock::new(|| NAMED.iter().copied().chain(limits::TABLE.iter().map(of_limit)).collect());

/// A limit as a setting.
fn of_limit(limit: &Limit) -> Setting {
    let (min, max) = limit.allowed;
    Setting { key: limit.setting, about: limit.about, kind: Kind::Count { min, max }, written: limit.written }
}

/// Settings that are not limits.
const NAMED: &[Setting] = &[
    Setting {
        key: "data_dir",
        about: "The data folder, with everything that is stored. One server uses it at a time.",
        kind: Kind::Path,
        written: "\".runyard\"",
    },
    Setting {
        key: "host",
        about: "The IP address that every API listens on. One that other machines can reach also needs auth.mode, or insecure_allow_remote.",
        kind: Kind::Address,
        written: "\"127.0.0.1\"",
    },
    Setting {
        key: "insecure_allow_remote",
        about: "Allows a host that other machines can reach although some API needs no credential (auth.mode disabled or optional). Each start warns.",
        kind: Kind::Switch,
        written: "false",
    },
    Setting {
        key: "allowed_hosts",
        about: "Names (Host) under which listeners that need no credential answer, beside localhost, 127.0.0.1, [::1], host and the host of public_url. *.example.org is every name below example.org.",
        kind: Kind::Hosts,
        written: "[]",
    },
    Setting {
        key: "public_url",
        about: "The public base URL of this server; links in answers begin with it. Not set: what trusted_proxies forward, else the listener's own address.",
        kind: Kind::Url,
        written: "\"https://runs.example.org\"",
    },
    Setting {
        key: "trusted_proxies",
        about: "Networks of proxies whose Forwarded, X-Forwarded-Proto and X-Forwarded-Host headers are trusted, and which limits.connections_per_peer does not bound.",
        kind: Kind::Networks,
        written: "[]",
    },
    Setting {
        key: "port_base",
        about: "The APIs listen above this, each at its own distance, from the run gateway at +1 to the Runyard API at +12. 0 takes free ports.",
        kind: Kind::PortBase,
        written: "8080",
    },
    Setting {
        key: "workers",
        about: "How many effects are performed at the same time, over all runs.",
        kind: Kind::Count { min: 1, max: 4096 },
        written: "64",
    },
    Setting {
        key: "parallel_max",
        about: "How many node runs of one run may be in progress at the same time.",
        kind: Kind::Count { min: 1, max: 1024 },
        written: "16",
    },
    Setting {
        key: "body_bytes_max",
        about: "The largest request body, in bytes.",
        kind: Kind::Count { min: 1024, max: 256 * 1024 * 1024 },
        written: "1048576",
    },
    Setting {
        key: "lease_ms",
        about: "How long a claimed step stays with a server that stopped renewing its lease, in milliseconds.",
        kind: Kind::Count { min: 1000, max: MINUTES_10_MS },
        written: "15000",
    },
    Setting {
        key: "stop_within_ms",
        about: "How long stopping may take, in milliseconds. Connections that are still open then are closed; nothing that was acknowledged is lost.",
        kind: Kind::Count { min: 0, max: MINUTES_10_MS },
        written: "10000",
    },
    Setting {
        key: "perform",
        about: "Whether this server performs steps. With false it answers and records, and runs wait for another server.",
        kind: Kind::Switch,
        written: "true",
    },
    Setting {
        key: "goals",
        about: "Who plans goals: auto, a model if the tenant has one and rules otherwise; or rules, always.",
        kind: Kind::Choice(&["auto", "rules"]),
        written: "\"auto\"",
    },
    Setting {
        key: "models",
        about: "Models that agents and runs may ask, each a table [[models]]; docs/guides/agents.md has examples.",
        kind: Kind::Models,
        written: "[]",
    },
    Setting {
        key: "integrations",
        about: "Services that runs may use, each a table [[integrations]] with its operations; docs/guides/rest-api-as-tools.md has an example.",
        kind: Kind::Integrations,
        written: "[]",
    },
    Setting {
        key: "store.url",
        about: "Where runs are stored: sqlite: in the data folder, or memory:, from which everything is gone when the server stops.",
        kind: Kind::Choice(StoreUrl::ALLOWED),
        written: "\"sqlite:\"",
    },
    Setting {
        key: "log.format",
        about: "How log lines look on standard error: text for people, json for one object per line.",
        kind: Kind::Choice(&["text", "json"]),
        written: "\"text\"",
    },
    Setting {
        key: "log.filter",
        about: "Which lines are logged: a level, or levels by module such as info,runyard=debug.",
        kind: Kind::Filter,
        written: "\"info\"",
    },
    Setting {
        key: "cors.origins",
        about: "Origins whose pages may call every API and read the answers (CORS), such as https://app.example.org.",
        kind: Kind::Origins,
        written: "[]",
    },
    Setting {
        key: "coordinator.url",
        about: "Base URL of a remote run coordinator that the run gateway forwards to. JARVIS_RUN_COORDINATOR_URL is read as well.",
        kind: Kind::Url,
        written: "\"http://127.0.0.1:8082\"",
    },
    Setting {
        key: "coordinator.credentials",
        about: "The credential that the run gateway sends to that coordinator: the caller's (pass), a token exchanged for it, a token of the gateway's own client, or none. Not set: exchange if callers are authenticated and auth.outbound has a client, else pass.",
        kind: Kind::Choice(&["pass", "exchange", "client_credentials", "none"]),
        written: "\"pass\"",
    },
    Setting {
        key: "coordinator.audience",
        about: "The audience of tokens that are fetched for that coordinator. JARVIS_RUN_COORDINATOR_AUDIENCE is read as well.",
        kind: Kind::Text,
        written: "\"arp-run-coordinator\"",
    },
    Setting {
        key: "coordinator.scope",
        about: "The scope to request for that coordinator's tokens. Not set: the identity provider's default.",
        kind: Kind::Text,
        written: "\"runs:read runs:write\"",
    },
    Setting {
        key: "gateway.coordinator",
        about: "Where the run gateway's coordinator is. Not set: remote if coordinator.url is set, else local.",
        kind: Kind::Choice(&["local", "remote"]),
        written: "\"local\"",
    },
    Setting {
        key: "toolregistry.plan_wait_ms",
        about: "How long starting a run through the API of toolregistry.ai waits for the plan, in milliseconds. Then it answers without the plan.",
        kind: Kind::Count { min: 0, max: MINUTES_10_MS },
        written: "10000",
    },
    Setting {
        key: "toolregistry.open_max",
        about: "How many starts and event streams of one tenant may be open at once at the API of toolregistry.ai. One more is answered 429.",
        kind: Kind::Count { min: 1, max: 1_000_000 },
        written: "256",
    },
    Setting {
        key: "toolregistry.public_url",
        about: "Where callers reach the API of toolregistry.ai, if not at public_url; links that approve or deny begin with it. Not set: as public_url.",
        kind: Kind::Url,
        written: "\"https://runs.example.org\"",
    },
    Setting {
        key: "client.planner",
        about: "The node type that `runyard run GOAL` and `runyard start GOAL` use, as ID or ID@VERSION: other gateways have other planners.",
        kind: Kind::Text,
        written: "\"runyard.composite.planner.general\"",
    },
    Setting {
        key: "runtime.sync_wait_ms",
        about: "How long a start of the ARP Runtime API waits for the end of its run, in milliseconds, so that short runs are answered as finished.",
        kind: Kind::Count { min: 0, max: MINUTES_10_MS },
        written: "200",
    },
    Setting {
        key: "acp.sync_wait_ms",
        about: "How long a start in mode sync of ACP waits for the end of its run, in milliseconds. Then the answer is 202, and the run continues.",
        kind: Kind::Count { min: 0, max: 600_000 },
        written: "55000",
    },
    Setting {
        key: "auth.mode",
        about: "Whether callers are authenticated. Not set: disabled on loopback; on another host it must be set. ARP_AUTH_MODE and the other ARP_AUTH_ variables are read as well.",
        kind: Kind::Choice(MODES),
        written: "\"required\"",
    },
    Setting {
        key: "auth.issuer",
        about: "The issuer whose tokens are accepted, exactly as it appears in them. Its keys are found below it, unless jwks_uri or discovery_url is set.",
        kind: Kind::Text,
        written: "\"https://id.example.org/realms/main\"",
    },
    Setting {
        key: "auth.audience",
        about: "The audience that tokens must name, or a list of which they must name one. Not set: a token of the issuer for any service is accepted.",
        kind: Kind::Texts,
        written: "\"arp-run-gateway\"",
    },
    Setting {
        key: "auth.jwks_uri",
        about: "Where the issuer's keys are. Takes precedence over discovery_url.",
        kind: Kind::Endpoint,
        written: "\"https://id.example.org/realms/main/keys\"",
    },
    Setting {
        key: "auth.discovery_url",
        about: "The address of the issuer's metadata, which names its keys' address. Not set: .well-known/openid-configuration below the issuer.",
        kind: Kind::Endpoint,
        written: "\"https://id.example.org/realms/main/.well-known/openid-configuration\"",
    },
    Setting {
        key: "auth.algorithms",
        about: "Accepted signature algorithms of tokens, with commas between.",
        kind: Kind::Algorithms,
        written: "\"RS256\"",
    },
    Setting {
        key: "auth.clock_skew_seconds",
        about: "How far the clocks of the issuer and of this server may be apart, in seconds.",
        kind: Kind::Count { min: 0, max: 3600 },
        written: "60",
    },
    Setting {
        key: "auth.jwks_max_age_seconds",
        about: "How long the issuer's keys are used before they are fetched again, in seconds. A token with a new key fetches them at once.",
        kind: Kind::Count { min: 1, max: 86_400 },
        written: "600",
    },
    Setting {
        key: "auth.tenant_claim",
        about: "The claim that names a token's tenant; a token without it is refused. Not set: every token is of tenant default.",
        kind: Kind::Text,
        written: "\"tenant\"",
    },
    Setting {
        key: "auth.dev_subject",
        about: "The subject of all callers while authentication is disabled.",
        kind: Kind::Text,
        written: "\"dev\"",
    },
    Setting {
        key: "auth.anonymous_subject",
        about: "The subject of callers without a credential where authentication is optional.",
        kind: Kind::Text,
        written: "\"anonymous\"",
    },
    Setting {
        key: "auth.insecure_allow_http",
        about: "Allows fetching the issuer's keys over plain http from another machine.",
        kind: Kind::Switch,
        written: "false",
    },
    Setting {
        key: "auth.scopes.read",
        about: "The scope that a token needs to read. Not set: no scope is required. API keys have scopes of their own.",
        kind: Kind::Text,
        written: "\"runs:read\"",
    },
    Setting {
        key: "auth.scopes.write",
        about: "The scope that a token needs to start or change something. Not set: no scope is required.",
        kind: Kind::Text,
        written: "\"runs:write\"",
    },
    Setting {
        key: "auth.scopes.admin",
        about: "The scope that a token needs to create, list and revoke API keys of its tenant. Not set: tokens cannot.",
        kind: Kind::Text,
        written: "\"admin\"",
    },
    Setting {
        key: "auth.apis.run_gateway",
        about: "The mode of the run gateway alone. Not set: auth.mode.",
        kind: Kind::Choice(MODES),
        written: "\"required\"",
    },
    Setting {
        key: "auth.apis.run_coordinator",
        about: "The mode of the run coordinator alone. Not set: auth.mode.",
        kind: Kind::Choice(MODES),
        written: "\"required\"",
    },
    Setting {
        key: "auth.apis.runtime",
        about: "The mode of the ARP Runtime alone. Not set: auth.mode.",
        kind: Kind::Choice(MODES),
        written: "\"required\"",
    },
    Setting {
        key: "auth.apis.toolregistry",
        about: "The mode of the API of toolregistry.ai alone. Not set: auth.mode.",
        kind: Kind::Choice(MODES),
        written: "\"required\"",
    },
    Setting {
        key: "auth.apis.acp",
        about: "The mode of the API of ACP alone. Not set: auth.mode.",
        kind: Kind::Choice(MODES),
        written: "\"required\"",
    },
    Setting {
        key: "auth.apis.cargo",
        about: "The mode of the API of Cargo alone. Not set: auth.mode.",
        kind: Kind::Choice(MODES),
        written: "\"required\"",
    },
    Setting {
        key: "auth.apis.runyard",
        about: "The mode of the Runyard API alone. Not set: auth.mode.",
        kind: Kind::Choice(MODES),
        written: "\"required\"",
    },
    Setting {
        key: "auth.audiences.run_gateway",
        about: "The audience of the Run Gateway API alone, or a list. Not set: auth.audience.",
        kind: Kind::Texts,
        written: "\"arp-run-gateway\"",
    },
    Setting {
        key: "auth.audiences.run_coordinator",
        about: "The audience of the Run Coordinator API alone, or a list. Not set: auth.audience.",
        kind: Kind::Texts,
        written: "\"arp-run-coordinator\"",
    },
    Setting {
        key: "auth.audiences.runtime",
        about: "The audience of the ARP Runtime API alone, or a list. Not set: auth.audience.",
        kind: Kind::Texts,
        written: "\"arp-runtime\"",
    },
    Setting {
        key: "auth.audiences.toolregistry",
        about: "The audience of the toolregistry.ai API alone, or a list. Not set: auth.audience.",
        kind: Kind::Texts,
        written: "\"toolregistry\"",
    },
    Setting {
        key: "auth.audiences.acp",
        about: "The audience of the ACP API alone, or a list. Not set: auth.audience.",
        kind: Kind::Texts,
        written: "\"acp\"",
    },
    Setting {
        key: "auth.audiences.cargo",
        about: "The audience of the Cargo API alone, or a list. Not set: auth.audience.",
        kind: Kind::Texts,
        written: "\"cargo\"",
    },
    Setting {
        key: "auth.audiences.runyard",
        about: "The audience of the Runyard API alone, or a list. Not set: auth.audience.",
        kind: Kind::Texts,
        written: "[\"runyard\", \"runyard-console\"]",
    },
    Setting {
        key: "auth.outbound.token_endpoint",
        about: "Where the identity provider gives tokens for calls to other servers. Not set: protocol/openid-connect/token below auth.issuer. ARP_AUTH_TOKEN_ENDPOINT is read as well.",
        kind: Kind::Endpoint,
        written: "\"https://id.example.org/realms/main/protocol/openid-connect/token\"",
    },
    Setting {
        key: "auth.outbound.client_id",
        about: "The id of this server's client there. Its secret is not a setting: it comes from ARP_AUTH_CLIENT_SECRET or RUNYARD_CLIENT_SECRET. ARP_AUTH_CLIENT_ID is read as well.",
        kind: Kind::Text,
        written: "\"arp-run-gateway\"",
    },
    Setting {
        key: "auth.outbound.client_auth",
        about: "How the secret is sent: post, in the form, or basic, in the Authorization header.",
        kind: Kind::Choice(&["post", "basic"]),
        written: "\"post\"",
    },
    Setting {
        key: "auth.outbound.timeout_seconds",
        about: "How long the identity provider may take to give a token, in seconds. ARP_AUTH_TIMEOUT_SECS is read as well.",
        kind: Kind::Count { min: 1, max: 300 },
        written: "10",
    },
    Setting {
        key: "egress.allow_hosts",
        about: "Hosts that steps may call; *.example.org is every host below example.org. Not set: every host. The host of an integration is always allowed.",
        kind: Kind::Hosts,
        written: "[\"api.example.org\", \"*.example.com\"]",
    },
    Setting {
        key: "egress.deny_hosts",
        about: "Hosts that steps may not call. Takes precedence over everything that allows one.",
        kind: Kind::Hosts,
        written: "[]",
    },
    Setting {
        key: "egress.allow_ports",
        about: "Ports that steps may call. Not set: every port.",
        kind: Kind::Ports,
        written: "[443]",
    },
    Setting {
        key: "egress.allow_networks",
        about: "Networks that steps may call although they are private, link-local, this machine or otherwise not on the public internet, such as 10.0.0.0/8.",
        kind: Kind::Networks,
        written: "[]",
    },
    Setting {
        key: "egress.deny_networks",
        about: "Networks that steps may not call, whatever name resolves to them. Takes precedence over everything that allows one.",
        kind: Kind::Networks,
        written: "[]",
    },
    Setting {
        key: "egress.proxy",
        about: "The proxy that steps call through; the environment's is not used. It resolves names itself, so networks are not checked here.",
        kind: Kind::Url,
        written: "\"http://127.0.0.1:3128\"",
    },
    Setting {
        key: "egress.timeout_ms_max",
        about: "The longest that one call may take, in milliseconds, whatever its inputs ask for.",
        kind: Kind::Count { min: 1, max: MINUTES_10_MS },
        written: "60000",
    },
    Setting {
        key: "egress.response_bytes_max",
        about: "The largest answer that is read, in bytes after decoding, whatever its inputs ask for.",
        kind: Kind::Count { min: 1024, max: 64 * 1024 * 1024 },
        written: "1048576",
    },
    Setting {
        key: "retention.max_age_seconds",
        about: "How long a run is stored after its end, in seconds. Then it is removed with everything that belongs to it. Not set: for ever.",
        kind: Kind::Count { min: 0, max: SECONDS_MAX },
        written: "2592000",
    },
    Setting {
        key: "retention.failed_max_age_seconds",
        about: "The same for runs that failed. Not set: as retention.max_age_seconds.",
        kind: Kind::Count { min: 0, max: SECONDS_MAX },
        written: "7776000",
    },
    Setting {
        key: "retention.max_runs",
        about: "How many finished runs of each tenant are stored; beyond that the oldest are removed. Not set: all.",
        kind: Kind::Count { min: 0, max: 1_000_000_000_000 },
        written: "1000000",
    },
    Setting {
        key: "retention.keys_seconds",
        about: "How long an idempotency key protects its run from removal after the key was used, in seconds. The key is removed with the run.",
        kind: Kind::Count { min: 0, max: SECONDS_MAX },
        written: "86400",
    },
    Setting {
        key: "retention.interval_seconds",
        about: "How often to look for runs to remove, in seconds.",
        kind: Kind::Count { min: 1, max: 86_400 },
        written: "60",
    },
    Setting {
        key: "tools.mcp",
        about: "MCP servers whose tools runs may use, each a table [[tools.mcp]]; docs/guides/mcp-servers.md has examples.",
        kind: Kind::McpServers,
        written: "[]",
    },
    Setting {
        key: "tools.openapi",
        about: "Services with an OpenAPI document, each a table [[tools.openapi]]; docs/guides/openapi-tools.md has examples.",
        kind: Kind::OpenapiServices,
        written: "[]",
    },
];

impl Setting {
    /// The setting with this key.
    pub fn named(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("{}{}", super::environment::PREFIX, self.key.replace('.', "__").to_ascii_uppercase())
    }
}

/// Renamed sections: the old name and the present one. A setting below the old name is still read, with a warning.
const RENAMED: &[(&str, &str)] = &[("auth.doors", "auth.apis")];

/// The present name of a key with an old name.
pub(super) fn renamed(key: &str) -> Option<String> {
    for (old, present) in RENAMED {
        match key.strip_prefix(old) {
            Some(rest) if rest.is_empty() || rest.starts_with('.') => return Some(format!("{present}{rest}")),
            _ => {}
        }
    }
    None
}

/// Whether there are keys below this one.
pub(super) fn is_section(key: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// The key that was probably meant, or all of them.
pub(super) fn nearest(key: &str) -> String {
    let closest = SETTINGS.iter().map(|setting| (strsim::jaro_winkler(key, setting.key), setting.key));
    match closest.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, nearest)) if likeness > 0.85 => format!("did you mean {nearest}?"),
        // The keys of its own section, if it has one.
        _ => {
            let section = key.rsplit_once('.').map_or("", |(section, _)| section);
            let beside = |known: &&str| known.rsplit_once('.').is_some_and(|(table, _)| table == section);
            let keys: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
            let found: Vec<&str> = keys.iter().copied().filter(beside).collect();
            format!("there are: {}", if found.is_empty() { keys } else { found }.join(", "))
        }
    }
}
