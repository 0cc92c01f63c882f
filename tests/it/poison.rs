//! No request may lose a run, hang the process or stop it.
//!
//! | file | requests |
//! |------|--------------|
//! | `depth.rs` | values that nest too deep, through every API and computed |
//! | `damaged.rs` | runs that an older build made unreadable, and runs that are damaged |
//! | `mutated.rs` | starts and completions of every API, changed at random: an acknowledged one can be read back |
//! | `survives.rs` | the harness of the rest: a process under a memory limit, killed and restarted with its data |
//! | `bodies.rs` | bodies that do not end |
//! | `schemas.rs` | small schemas and graphs that need much work or memory |
//! | `lists.rs` | small requests for large lists |
//! | `crowds.rs` | requests that cause much work |

#[cfg(target_os = "linux")]
mod bodies;
#[cfg(target_os = "linux")]
mod crowds;
mod damaged;
mod depth;
#[cfg(target_os = "linux")]
mod lists;
mod mutated;
#[cfg(target_os = "linux")]
mod schemas;
#[cfg(target_os = "linux")]
mod survives;

use serde_json::{Value, json};

/// This many nested arrays.
fn nested(depth: usize) -> Value {
    (1..depth).fold(json!([]), |value, _| json!([value]))
}

/// A start at the Runyard API.
fn start(node_type: &str, inputs: Value) -> Value {
    json!({ "node_type_ref": { "node_type_id": node_type }, "inputs": inputs })
}
