//! The settings and their values.
//!
//! | file            | what is in it |
//! |-----------------|---------------|
//! | this one        | [`Config`]: the effective values, as the rest of the server reads them |
//! | [`settings`]    | the table of settings: key, meaning, what is allowed. Add a setting here and in [`Config`] |
//! | `kind.rs`       | the allowed values |
//! | `found.rs`      | a value as it was found, and its conversions |
//! | [`mod@load`]    | flags over environment over file over defaults, and the origin of each value |
//! | [`auth`]        | `[auth]`: authentication of callers |
//! | [`outbound`]    | `[coordinator]` and `[auth.outbound]`: credentials for other servers |
//! | [`egress`]      | `[egress]`: which hosts steps may call |
//! | [`retention`]   | `[retention]`: how long ended runs are stored |
//! | [`integrations`] | `[[integrations]]`: services that runs may use |
//! | [`models`]      | `[[models]]`: models that agents and runs may ask |
//! | [`tools`]       | `[tools]`: MCP servers and OpenAPI services whose tools runs may use |
//! | `arp.rs`        | the reference implementation's variables |
//! | `agree.rs`      | checks over several settings |
//! | [`show`]        | `config show` and the commented file of `config init` |
//!
//! Nothing here reads the process environment: callers pass it in (see [`load::Sources`]), so tests need no global state.
//! Secrets are not settings: `RUNYARD_SECRET_KEY`, `RUNYARD_TOKEN` and `RUNYARD_URL` are reserved names that this module skips. A client's
//! secret comes from the environment alone, and no output has it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

mod agree;
mod arp;
pub mod auth;
pub mod egress;
mod environment;
pub mod error;
mod found;
pub mod integrations;
mod kind;
pub mod load;
mod loaded;
pub mod models;
pub mod outbound;
pub mod retention;
pub mod settings;
pub mod show;
pub mod tools;
pub(crate) mod urls;

pub use auth::Auth;
pub use error::ConfigError;
pub use kind::PORT_OFFSET_MAX;
pub use load::{Sources, load};
pub use loaded::Loaded;
pub use outbound::{Coordinator, Credentials};
pub use retention::Retention;

use crate::limits::Limits;
use crate::store::location::StoreUrl;

/// Effective values. Field names are the keys of `runyard.toml`; [`settings::SETTINGS`] has meaning and bounds.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The data folder. Default `.runyard` in the current folder.
    pub data_dir: PathBuf,
    /// The address that every API listens on. Default `127.0.0.1`.
    pub host: IpAddr,
    /// Allows an address that other machines can reach although authentication is not required. Default false.
    pub insecure_allow_remote: bool,
    /// Host names under which listeners without authentication may be called, besides localhost and `host`.
    pub allowed_hosts: Vec<String>,
    /// The URL at which callers reach this server; links begin with it. Absent: what trusted proxies say, else the
    /// listener's own address.
    pub public_url: Option<String>,
    /// Proxies whose forwarded headers are trusted.
    pub trusted_proxies: Vec<String>,
    /// The APIs listen on this port plus their offset; 0 uses free ports. Default 8080.
    pub port_base: u16,
    /// How many effects are performed at once, over all runs. Default 64.
    pub workers: usize,
    /// How many node runs of one run are live at once. Default 16.
    pub parallel_max: u32,
    /// The largest request body, bytes. Default 1 MiB.
    pub body_bytes_max: usize,
    /// How long a claimed effect stays with a driver that does not renew it, milliseconds. Default 15000.
    pub lease_ms: u64,
    /// How long stopping waits for open requests before it closes them, milliseconds. Default 10000.
    pub stop_within_ms: u64,
    /// Whether this server performs steps, or only serves its APIs. Default true.
    pub perform: bool,
    /// Who plans goals. Default auto.
    pub goals: Goals,
    /// Models that agents and runs may ask.
    #[serde(deserialize_with = "models::from_text")]
    pub models: Vec<models::Model>,
    /// Services that runs may use.
    #[serde(deserialize_with = "integrations::from_text")]
    pub integrations: Vec<integrations::Integration>,
    /// When the configuration file was last written, Unix milliseconds; absent without a file.
    #[serde(skip)]
    pub written_at_ms: Option<i64>,
    /// Where runs are stored.
    pub store: Store,
    /// What is logged, and in which format.
    pub log: Log,
    /// Which web pages may call (CORS).
    pub cors: Cors,
    /// The remote run coordinator, if there is one.
    pub coordinator: Coordinator,
    /// Which coordinator the run gateway uses.
    pub gateway: Gateway,
    /// The API of toolregistry.ai.
    pub toolregistry: ToolregistrySettings,
    /// The settings of commands that call a server.
    pub client: Client,
    /// The ARP Runtime API.
    pub runtime: Runtime,
    /// The API of ACP.
    pub acp: AcpSettings,
    /// Authentication of callers.
    pub auth: Auth,
    /// Which hosts steps may call.
    pub egress: egress::Egress,
    /// How long ended runs are stored.
    pub retention: Retention,
    /// More sources of node types.
    pub tools: tools::Tools,
    /// Limits on what callers, services and scripts send.
    pub limits: Limits,
}

/// `[store]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// Which store. Default SQLite in the data folder.
    pub url: StoreUrl,
}

/// `[toolregistry]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToolregistrySettings {
    /// How long a start waits for its plan, milliseconds. Default 10000.
    pub plan_wait_ms: u64,
    /// How many starts and streams of one tenant may be open at once. Default 256.
    pub open_max: usize,
    /// The base of links to this API, if it is not `public_url`.
    pub public_url: Option<String>,
}

impl Default for ToolregistrySettings {
    fn default() -> Self {
        Self { plan_wait_ms: 10_000, open_max: 256, public_url: None }
    }
}

/// `[client]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Client {
    /// The node type of `runyard run GOAL`, as ID or ID@VERSION. Default: the server's planner in its newest version.
    pub planner: String,
}

impl Default for Client {
    fn default() -> Self {
        Self { planner: "runyard.composite.planner.general".to_owned() }
    }
}

/// `[runtime]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Runtime {
    /// How long a start waits for the end of its run, milliseconds. Default 200: short runs are answered with their end.
    pub sync_wait_ms: u64,
}

impl Default for Runtime {
    fn default() -> Self {
        Self { sync_wait_ms: 200 }
    }
}

/// `[acp]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AcpSettings {
    /// How long an answer waits for the end of its run, milliseconds. Default 55000: the vendor's clients time out
    /// after 60 s.
    pub sync_wait_ms: u64,
}

impl Default for AcpSettings {
    fn default() -> Self {
        Self { sync_wait_ms: 55_000 }
    }
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Text for people or one JSON object per line. Default text.
    pub format: LogFormat,
    /// Which lines are logged, as in tracing's `EnvFilter`. Default `info`.
    pub filter: String,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// `[cors]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Origins of web pages that may call and read. None by default.
    pub origins: Vec<String>,
}

/// `[gateway]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// Absent: remote when `coordinator.url` is set, else local.
    pub coordinator: Option<CoordinatorPlace>,
}

/// Where the gateway's coordinator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CoordinatorPlace {
    /// In this process.
    Local,
    /// At `coordinator.url`.
    Remote,
}

/// Who plans goals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Goals {
    /// A model works on them if the tenant has one; else rules plan them.
    Auto,
    /// Rules plan them.
    Rules,
}

/// What the run gateway does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayMode {
    /// Starts it here.
    Local,
    /// Forward it to the coordinator with this base URL (no trailing slash).
    Remote(String),
    /// Answers 503 `run_coordinator_missing`: the coordinator is remote, and `coordinator.url` is not set.
    Missing,
}

impl Config {
    /// What the run gateway does, from `gateway.coordinator` and `coordinator.url` together.
    pub fn gateway_mode(&self) -> GatewayMode {
        let url = self.coordinator.url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        match (self.gateway.coordinator, url) {
            (Some(CoordinatorPlace::Local), _) | (None, None) => GatewayMode::Local,
            (_, Some(url)) => GatewayMode::Remote(url),
            (Some(CoordinatorPlace::Remote), None) => GatewayMode::Missing,
        }
    }

    /// The port of the API with this offset; 0 means a free one.
    pub fn port(&self, offset: u16) -> u16 {
        debug_assert!(offset <= PORT_OFFSET_MAX, "no API lies past the checked range");
        if self.port_base == 0 { 0 } else { self.port_base.saturating_add(offset) }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from(".runyard"),
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            insecure_allow_remote: false,
            allowed_hosts: Vec::new(),
            public_url: None,
            trusted_proxies: Vec::new(),
            port_base: 8080,
            workers: 64,
            parallel_max: 16,
            body_bytes_max: 1024 * 1024,
            lease_ms: 15_000,
            stop_within_ms: 10_000,
            perform: true,
            integrations: Vec::new(),
            goals: Goals::Auto,
            models: Vec::new(),
            written_at_ms: None,
            store: Store::default(),
            log: Log::default(),
            cors: Cors::default(),
            coordinator: Coordinator::default(),
            gateway: Gateway::default(),
            client: Client::default(),
            runtime: Runtime::default(),
            toolregistry: ToolregistrySettings::default(),
            acp: AcpSettings::default(),
            auth: Auth::default(),
            egress: egress::Egress::default(),
            retention: Retention::default(),
            tools: tools::Tools::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Config {
    /// The credential that is sent to the remote coordinator. If authentication is disabled, no token endpoint is
    /// needed: a caller's credential is forwarded if there is one.
    pub fn coordinator_credentials(&self) -> Credentials {
        let exchanges = self.auth.mode("run-gateway") != auth::Mode::Disabled && self.auth.has_client();
        let default = if exchanges { Credentials::Exchange } else { Credentials::Pass };
        self.coordinator.credentials.unwrap_or(default)
    }

    /// Whether this server fetches tokens.
    pub(super) fn fetches_tokens(&self) -> bool {
        let forwards = matches!(self.gateway_mode(), GatewayMode::Remote(_));
        forwards && matches!(self.coordinator_credentials(), Credentials::Exchange | Credentials::ClientCredentials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(place: Option<CoordinatorPlace>, url: Option<&str>) -> Config {
        Config {
            gateway: Gateway { coordinator: place },
            coordinator: Coordinator { url: url.map(str::to_owned), ..Coordinator::default() },
            ..Config::default()
        }
    }

    #[test]
    fn a_url_makes_the_gateway_forward_unless_it_is_set_to_local() {
        let url = Some("http://peer:8082/");
        let remote = GatewayMode::Remote("http://peer:8082".to_owned());
        assert_eq!(config(None, None).gateway_mode(), GatewayMode::Local);
        assert_eq!(config(None, url).gateway_mode(), remote);
        assert_eq!(config(Some(CoordinatorPlace::Remote), url).gateway_mode(), remote);
        assert_eq!(config(Some(CoordinatorPlace::Local), url).gateway_mode(), GatewayMode::Local);
        assert_eq!(config(Some(CoordinatorPlace::Remote), None).gateway_mode(), GatewayMode::Missing);
    }

    #[test]
    fn port_base_zero_uses_free_ports_for_every_api() {
        let free = Config { port_base: 0, ..Config::default() };
        assert_eq!((free.port(1), free.port(12)), (0, 0));
        assert_eq!(Config::default().port(12), 8092);
    }
}
