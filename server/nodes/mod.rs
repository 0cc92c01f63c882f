//! Node types: one file each, with its id, its inputs and outputs as Rust types, its entry in the catalogue, and its
//! execution. To add one: a file, and a line in [`BUILTINS`].
//!
//! | file           | what |
//! |----------------|------|
//! | `provider.rs`  | [`Provider`]: lists node types and executes calls; [`Builtin`]: the definition in each file |
//! | `providers.rs` | [`Providers`]: all of them, and the catalogue of each tenant |
//! | `catalog/`     | the catalogue: resolving, validating, listing |
//! | `integrations/` | the provider of services of the configuration |
//! | `mcp/`         | the provider of MCP servers |
//! | `models/`, `agent/` | the provider of models, and agents, which let a model work with tools |
//! | `openapi/`     | the provider of services with an OpenAPI document |
//! | `perform/`     | the steps around a call: inputs evaluated, values validated; calls over HTTP |
//! | `values.rs`, `failures.rs`, `credentials.rs` | shared by several files |
//! | `web.rs`       | the two node types that call over HTTP, which share their rules |
//! | all others     | a node type each |
//!
//! Schemas that callers see are derived from the types, and the same types read and write the values, so the two always
//! match. Field names of `runyard.core.*` are those of the ARP reference node types, so an alias is only a name.

pub mod agent;
pub mod ask;
pub mod branch;
pub mod catalog;
pub mod credentials;
pub mod delay;
pub mod each;
pub mod echo;
pub mod end;
pub mod external;
pub mod fail;
pub(crate) mod failures;
pub mod filter;
pub mod graph;
pub mod hash_sha256;
pub mod integrations;
pub mod mcp;
pub mod models;
pub mod openapi;
pub mod perform;
pub mod planner;
pub mod provider;
pub mod providers;
pub mod run;
pub mod script;
pub mod sleep;
pub mod split;
pub mod start;
pub mod switch;
pub mod time_now;
pub mod uuid4;
mod values;
pub mod variables;
pub mod web;

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use runyard_engine::Routed;
use runyard_engine::event::Failure;

use failures::unavailable;

pub use provider::{Builtin, NodeContext, Perform, Provider, Snapshot};
pub use providers::Providers;

/// Every node type that comes with the server.
pub const BUILTINS: &[Builtin] = &[
    echo::BUILTIN,
    sleep::BUILTIN,
    ask::BUILTIN,
    run::BUILTIN,
    uuid4::BUILTIN,
    time_now::BUILTIN,
    hash_sha256::BUILTIN,
    fail::BUILTIN,
    web::REQUEST_BUILTIN,
    web::FETCH_BUILTIN,
    planner::BUILTIN,
    external::BUILTIN,
    graph::BUILTIN,
    each::BUILTIN,
    start::BUILTIN,
    end::BUILTIN,
    variables::BUILTIN,
    branch::BUILTIN,
    filter::BUILTIN,
    switch::BUILTIN,
    split::BUILTIN,
    script::BUILTIN,
    delay::BUILTIN,
];

/// The builtin with this id.
pub fn builtin(id: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.id == id)
}

/// The provider of the builtins that call no external service.
#[derive(Debug, Clone, Copy)]
pub struct Builtins;

#[async_trait]
impl Provider for Builtins {
    fn node_types(&self, _tenant: &str) -> Arc<Snapshot> {
        static LISTED: LazyLock<Arc<Snapshot>> = LazyLock::new(|| {
            let listed = BUILTINS.iter().filter(|builtin| !matches!(builtin.perform, Perform::Elsewhere));
            Snapshot::fixed(listed.map(|builtin| (builtin.entry)()))
        });
        LISTED.clone()
    }

    async fn perform(&self, cx: &NodeContext<'_>) -> Result<Routed, Failure> {
        match builtin(&cx.node_type.id).map(|builtin| builtin.perform) {
            Some(Perform::Now(perform)) => perform(cx),
            Some(Perform::Later(perform)) => perform(cx).await,
            // The engine moves it, and nothing calls it.
            Some(Perform::Engine | Perform::Elsewhere) | None => Err(unavailable(cx.node_type)),
        }
    }
}
