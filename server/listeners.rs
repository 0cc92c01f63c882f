//! One dropshot server per document: the table of documents, dialect modules and ports.
//!
//! | API              | port base + | document                   | dialect module               |
//! |-------------------|-------------|----------------------------|------------------------------|
//! | `run-gateway`     | 1           | `openapi/arp/run-gateway`  | [`dialects::run_gateway`]    |
//! | `run-coordinator` | 2           | `openapi/arp/run-coordinator` | [`dialects::run_coordinator`] |
//! | `runtime`         | 3           | `openapi/arp/runtime`      | [`dialects::runtime`]        |
//! | `toolregistry`    | 4           | `openapi/toolregistry/toolregistry` | [`dialects::toolregistry`] |
//! | `acp`             | 5           | `openapi/acp/acp`          | [`dialects::acp`]            |
//! | `cargo`           | 6           | `openapi/cargo/cargo`      | [`dialects::cargo_ai`]       |
//! | `runyard`         | 12          | `openapi/runyard/runyard`  | [`dialects::runyard`]         |
//!
//! Ports +7 to +11 are reserved for future APIs. Nothing listens on the base itself.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use runyard_api::host::{self, Access, Bound, Hosts, Mounted, Reached, Settings, UnknownParameters};
use runyard_api::{acp, arp, cargo, runyard, toolregistry};

use crate::auth::Guard;
use crate::config::auth::Mode;
use crate::config::egress::{HostPattern, network};
use crate::config::{Config, settings};
use crate::dialects::{self, run_coordinator, run_gateway, runtime};
use crate::objects::Objects;
use crate::ports::OFFSETS;
pub use crate::ports::{Listener, offset};
use crate::runs::Runs;
use crate::web::reference;

/// Why a listener did not open.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process listens there, or may listen there.
    #[error("API `{api}` cannot listen on {address}: {reason}; {advice}")]
    Bind {
        /// The document's name.
        api: &'static str,
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        reason: String,
        /// How to fix it.
        advice: &'static str,
    },
    /// The document cannot be served.
    #[error("API `{api}` cannot be served: {reason}")]
    Mount {
        /// The document's name.
        api: &'static str,
        /// The error of the host.
        reason: String,
    },
}

/// How to fix a port that is in use.
const ADVICE: &str = "set `port_base` (--port-base, RUNYARD_PORT_BASE) to a free range, or to 0 for free ports";

/// The names of all APIs, in the order of their ports.
pub fn names() -> impl Iterator<Item = &'static str> {
    OFFSETS.iter().map(|(name, _)| *name)
}

/// The services that the dialect modules use.
pub struct Inside {
    /// All runs.
    pub runs: Runs,
    /// Stored objects of APIs that are not runs.
    pub objects: Objects,
    /// Authenticates callers.
    pub guard: Guard,
    /// Where the gateway's runs are.
    pub gateway: run_gateway::Coordinator,
}

/// Opens all listeners, or none. None accepts connections before all listen, so a client that sees the server ready can
/// use every API.
pub fn open(
    config: &Config,
    inside: Inside,
    settings: &Settings,
    log: &slog::Logger,
) -> Result<(Vec<Listener>, Vec<host::Server>), ListenError> {
    let known: dialects::runyard::Listeners = Arc::new(OnceLock::new());
    let mounted = table(config, inside, settings, known.clone());
    let pages = reference::Served::new(known.clone());
    let (mut listeners, mut bound) = (Vec::new(), Vec::new());
    for one in mounted {
        let document = one.document();
        let address = SocketAddr::new(config.host, config.port(offset(document.name)));
        let one = one.with_pages(pages.at_api(document.name));
        let one = one.bind(address, log.clone()).map_err(|error| refused(document.name, address, error))?;
        listeners.push(Listener { name: document.name, title: title(document), url: url(config, one.local_addr()) });
        bound.push(one);
    }
    // This is the only place that sets it, so it cannot fail.
    let _ = known.set(listeners.clone());
    Ok((listeners, bound.into_iter().map(Bound::start).collect()))
}

fn table(
    config: &Config,
    inside: Inside,
    settings: &Settings,
    listeners: dialects::runyard::Listeners,
) -> Vec<Mounted> {
    let of = |document| settings_of(config, settings, document);
    let Inside { runs, objects, guard, gateway } = inside;
    let handlers = Arc::new(dialects::run_gateway::Handlers::new(gateway, guard.gate(&arp::run_gateway::DOCUMENT)));
    let gateway = arp::run_gateway::api(handlers, of(&arp::run_gateway::DOCUMENT));
    let handlers = Arc::new(run_coordinator::Handlers::new(runs.clone(), guard.gate(&arp::run_coordinator::DOCUMENT)));
    let coordinator = arp::run_coordinator::api(handlers, of(&arp::run_coordinator::DOCUMENT));
    let (gate, sync_wait) = (guard.gate(&arp::runtime::DOCUMENT), Duration::from_millis(config.runtime.sync_wait_ms));
    let handlers = Arc::new(runtime::Handlers::new(runs.clone(), gate, sync_wait));
    let runtime = arp::runtime::api(handlers, of(&arp::runtime::DOCUMENT));
    let gate = guard.gate(&toolregistry::DOCUMENT);
    let handlers = Arc::new(dialects::toolregistry::Handlers::new(
        runs.clone(),
        gate,
        &of_toolregistry(config, runs.clock().now_ms()),
    ));
    let toolregistry = toolregistry::api(handlers, of(&toolregistry::DOCUMENT));
    let (gate, sync_wait) = (guard.gate(&acp::DOCUMENT), Duration::from_millis(config.acp.sync_wait_ms));
    let handlers = Arc::new(dialects::acp::Handlers::new(runs.clone(), objects.clone(), gate, sync_wait));
    // The vendor's Python client puts `/v1` before every path, its TypeScript client does not.
    let acp = acp::api(handlers, of(&acp::DOCUMENT)).also_without("/v1");
    let handlers = Arc::new(dialects::cargo_ai::Handlers::new(runs.clone(), objects, guard.gate(&cargo::DOCUMENT)));
    let cargo = cargo::api(handlers, of(&cargo::DOCUMENT));
    let gate = guard.gate(&runyard::DOCUMENT);
    let handlers = Arc::new(dialects::runyard::Handlers::new(runs.clone(), listeners, gate, guard.keys().clone()));
    let own = runyard::api(handlers, of(&runyard::DOCUMENT));
    vec![gateway, coordinator, runtime, toolregistry, acp, cargo, own]
}

fn of_toolregistry(config: &Config, now_ms: i64) -> dialects::toolregistry::Settings {
    let set = &config.toolregistry;
    dialects::toolregistry::Settings {
        plan_wait: Duration::from_millis(set.plan_wait_ms),
        open_max: set.open_max,
        public_url: set.public_url.clone(),
        integrations_since_ms: config.written_at_ms.unwrap_or(now_ms),
    }
}

/// The settings of one document's listener that differ from those of the others.
fn settings_of(config: &Config, settings: &Settings, document: &host::Document) -> Settings {
    let open = config.auth.mode(document.name) != Mode::Required;
    let access =
        Access { hosts: open.then(|| Arc::new(hosts(config))), origins: config.cors.origins.iter().cloned().collect() };
    // The Runyard document is complete, so unknown parameters are refused. Vendors ignore unknown parameters, and so do
    // their APIs here.
    let unknown_parameters =
        if document.name == "runyard" { UnknownParameters::Refuse } else { UnknownParameters::Ignore };
    Settings { access, reached: reached(config), unknown_parameters, ..settings.clone() }
}

/// The host names that a listener accepts when it requires no credential.
fn hosts(config: &Config) -> Hosts {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    if !config.host.is_unspecified() {
        names.push(config.host.to_string());
    }
    names.extend(config.allowed_hosts.iter().filter_map(|text| HostPattern::parse(text)).map(
        |pattern| match pattern {
            HostPattern::Exact(name) => name,
            HostPattern::Below(name) => format!("*.{name}"),
        },
    ));
    let urls = [&config.public_url, &config.toolregistry.public_url];
    names.extend(urls.into_iter().flatten().filter_map(|url| settings::host(url)));
    Hosts { names, any_address: config.host.is_unspecified() }
}

fn reached(config: &Config) -> Reached {
    Reached {
        public_url: config.public_url.as_deref().map(|url| url.trim_end_matches('/').into()),
        trusted_proxies: config.trusted_proxies.iter().filter_map(|text| network(text)).collect(),
    }
}

/// The title in a document.
fn title(document: &host::Document) -> String {
    let full: serde_json::Value = serde_json::from_str(document.full_json).unwrap_or_default();
    full["info"]["title"].as_str().unwrap_or(document.name).to_owned()
}

fn refused(api: &'static str, address: SocketAddr, error: host::ServeError) -> ListenError {
    match error {
        host::ServeError::Bind { source, .. } => {
            ListenError::Bind { api, address, reason: source.to_string(), advice: ADVICE }
        }
        host::ServeError::Mount(error) => ListenError::Mount { api, reason: error.to_string() },
    }
}

/// The URL for clients on this machine: a wildcard address is not one that a client can call.
fn url(config: &Config, address: SocketAddr) -> String {
    let host = match config.host {
        ip if ip.is_unspecified() && ip.is_ipv6() => "[::1]".to_owned(),
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    format!("http://{host}:{}", address.port())
}
