//! Graphs between their authors and the engine: read, resolved and checked before they run, and inspected by the
//! providers that perform their nodes.
//!
//! | file          | what                                                                       |
//! |---------------|----------------------------------------------------------------------------|
//! | `read.rs`     | reads a written graph or list of items for the engine |
//! | `written.rs`  | the expressions in a graph |
//! | `nodes.rs`    | what a node can read of the graph around it: the outputs of other nodes |
//! | `evaluate.rs` | evaluates a node's inputs |
//!
//! The engine executes graphs (`server/engine/graph`, `server/engine/kinds/graph.rs`).

mod evaluate;
mod nodes;
mod read;
mod written;

pub use evaluate::{began_with, evaluate, script};
pub use nodes::Nodes;
pub use read::{check_inputs, items, missing, read, ways, within};
pub use written::SCRIPT;

/// The most nodes of one graph, those of graphs within it included.
pub const NODES_MAX: usize = 10_000;
/// The most items of one list.
pub const ITEMS_MAX: usize = 10_000;
/// How deep graphs may be nested.
pub const DEPTH_MAX: usize = 8;
/// How many items of a list run at once by default.
pub const AT_ONCE: u32 = 10;

#[cfg(test)]
mod tests;
