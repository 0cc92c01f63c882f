//! Node types: one file each, with its id, its inputs and outputs as Rust types, its entry in the catalogue, and its
//! execution. To add one: a file, and a line in [`BUILTINS`].
//!
//! | file           | what |
//! |----------------|------|
//! | `provider.rs`  | [`Provider`]: executes calls; [`Builtin`]: the definition in each file |
//! | `perform/`     | the providers, and the steps around a call: inputs evaluated, values validated |
//! | `values.rs`    | types shared by several files |
//! | `web.rs`       | the two node types that call over HTTP, which share their rules |
//! | all others     | a node type each |
//!
//! Schemas that callers see are derived from the types, and the same types read and write the values, so the two always
//! match. Field names of `runyard.core.*` are those of the ARP reference node types, so an alias is only a name. Node
//! types of integrations come from the configuration: `integrations/`, `catalog/integration.rs`.

pub mod ask;
pub mod branch;
pub mod delay;
pub mod each;
pub mod echo;
pub mod end;
pub mod external;
pub mod fail;
pub mod filter;
pub mod graph;
pub mod hash_sha256;
pub mod perform;
pub mod planner;
pub mod provider;
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

use async_trait::async_trait;
use runyard_engine::Routed;
use runyard_engine::event::Failure;

pub use provider::{Builtin, NodeContext, Perform, Provider};

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
    async fn perform(&self, cx: &NodeContext<'_>) -> Option<Result<Routed, Failure>> {
        match builtin(&cx.node_type.id)?.perform {
            Perform::Now(perform) => Some(perform(cx)),
            Perform::Later(perform) => Some(perform(cx).await),
            Perform::Engine | Perform::Elsewhere => None,
        }
    }
}
