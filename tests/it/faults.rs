//! Faults in a real server: what a machine, a disk or a client can do to it, and how it must behave then.
//!
//! | file | fault |
//! |------|-------|
//! | `full_disk.rs` | a full disk, and free space again |
//! | `writable.rs` | a folder or a database without write permission |
//! | `damage.rs` | damaged pages, a truncated WAL |
//! | `files.rs` | no file descriptors left |
//! | `clients.rs` | clients that do not read, or send slowly |
//! | `clocks.rs` | a clock that is set forward or back |
//!
//! `kills.rs` and `crash.rs` test `kill -9`. The limits are those of the system, and only Linux lets one process set
//! another's.

mod clients;
mod clocks;
mod damage;
mod files;
#[cfg(target_os = "linux")]
mod full_disk;
mod writable;

use serde_json::{Value, json};

use crate::harness::{Answer, Clients};

/// A start for each API that starts runs: API, path and body.
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

/// Starts a run at every API. The answers have been checked against their documents.
async fn start_everywhere(clients: &Clients) -> Vec<(&'static str, Answer)> {
    let mut answers = Vec::new();
    for (api, path, body) in starts() {
        answers.push((api, clients.post(api, path, body.to_string()).await));
    }
    answers
}
