//! What is stored of runs: events, effects and the types in them. Types and their stored forms, without decisions. The
//! rest of the engine imports these files, and they import only each other.
//!
//! | file             | what                                                                |
//! |------------------|---------------------------------------------------------------------|
//! | `event.rs`       | the events of a run's log                                           |
//! | `effect.rs`      | effects: the rows of the outbox                                     |
//! | `start.rs`       | what a run starts with                                              |
//! | `status.rs`      | states of runs and node runs, and how they end                      |
//! | `failure.rs`     | why something failed; `failure_code.rs` has the codes of the server |
//! | `approval.rs`    | approval requests and the decisions on them                         |
//! | `node_type.rs`   | the node type that a node run pins                                  |
//! | `constraints.rs` | constraints of a run; `side_effect.rs` has the classes              |
//! | `policy.rs`      | retries, timeouts, what a failure means for siblings                |
//! | `plan.rs`        | plans; `graph.rs` has graphs and lists of items, `agent.rs` agents   |
//! | `ids.rs`         | the ids of all of these                                             |
//!
//! A change here changes a stored format: see [`event::FORMAT_VERSION`].

pub mod agent;
pub mod approval;
pub mod constraints;
pub mod effect;
pub mod event;
pub mod failure;
pub mod failure_code;
pub mod graph;
pub mod ids;
pub mod node_type;
pub mod plan;
pub mod policy;
pub mod side_effect;
pub mod start;
pub mod status;

/// Labels for searching runs: each name has one or more values. Opaque to the engine.
pub type Labels = std::collections::BTreeMap<String, std::collections::BTreeSet<String>>;

/// A JSON object, with its members in the order of the source.
pub type Object = serde_json::Map<String, serde_json::Value>;
