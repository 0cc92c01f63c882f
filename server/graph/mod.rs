//! Graphs between those who write them and the engine: read, resolved and checked before anything of them runs, and looked at by
//! those who perform their nodes.
//!
//! | file          | what                                                                       |
//! |---------------|----------------------------------------------------------------------------|
//! | `read.rs`     | a graph or a list of items as written, to the one that the engine walks     |
//! | `written.rs`  | the expressions in it                                                       |
//! | `nodes.rs`    | what a node sees of the graph around it: what others have put out           |
//! | `evaluate.rs` | what a node's inputs come to there                                          |
//!
//! How a graph is walked is the engine's business (`server/engine/graph`, `server/engine/kinds/graph.rs`).

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
/// How deep graphs may lie within graphs.
pub const DEPTH_MAX: usize = 8;
/// How many items go through at once where nothing is said.
pub const AT_ONCE: u32 = 10;

#[cfg(test)]
mod tests;
