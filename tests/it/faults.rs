//! Faults on the real thing: what a machine, a disk or a client can do to a server, and what must happen then.
//!
//! | file | fault |
//! |------|-------|
//! | `room.rs` | a disk without room, and room again |
//! | `writable.rs` | a folder or a database that may not be written |
//! | `damage.rs` | pages that are not what was written, a WAL that is cut |
//! | `files.rs` | no file descriptors left |
//! | `clients.rs` | clients that do not read, or do not get on |
//! | `clocks.rs` | a clock that is set |
//!
//! `kill -9` is `kills.rs` and `crash.rs`. Limits are the system's own, and only Linux lets one process set another's.

mod clients;
mod clocks;
mod damage;
mod files;
#[cfg(target_os = "linux")]
mod room;
mod writable;

use serde_json::{Value, json};

use crate::harness::{Answer, Clients};

/// A start at each API that starts runs: API, path and body.
fn starts() -> [(&'static str, &'static str, Value); 6] {
    let goal = "Generate a UUID, then return it.";
    let node_type = json!({ "node_type_id": "runyard.core.uuid4", "version": "1.0.0" });
    let of_arp = json!({ "root_node_type_ref": node_type, "input": {} });
    let of_toolregistry =
        json!({ "intent": goal, "selectedCustomerIntegrationIds": ["*"], "context": "", "userId": "ann" });
    [
        ("run-gateway", "/v1/runs", of_arp.clone()),
        ("run-coordinator", "/v1/runs", of_arp),
        ("runtime", "/v1/runs", json!({ "input": { "goal": goal } })),
        ("toolregistry", "/v1/runs", of_toolregistry),
        ("acp", "/v1/servers/default/runs", json!({ "content": goal, "mode": "async" })),
        ("runyard", "/v1/runs", json!({ "goal": goal })),
    ]
}

/// Starts a run at every API; the answers have been held to their documents.
async fn start_everywhere(clients: &Clients) -> Vec<(&'static str, Answer)> {
    let mut answers = Vec::new();
    for (api, path, body) in starts() {
        answers.push((api, clients.post(api, path, body.to_string()).await));
    }
    answers
}
