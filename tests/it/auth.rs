//! Authentication: credentials sent to a real server through every API.
//!
//! | file           | subject |
//! |----------------|----------|
//! | `modes.rs`     | disabled, optional, required; which endpoints stay open |
//! | `keys.rs`      | API keys: who may create, read and revoke them |
//! | `tokens.rs`    | valid tokens, and the whole table of invalid ones |
//! | `providers.rs` | an identity provider that rotates its keys, fails, is slow, or sends invalid answers |
//! | `tenants.rs`   | two tenants over every operation of every document |
//! | `forwarding.rs` | a gateway that forwards: whose token the coordinator receives |
//! | `issuing.rs`   | how the gateway gets tokens for a coordinator, and its answers when it gets none |
//! | `secrets.rs`   | no credential in any log |
//! | `login.rs`     | a token that the command line fetches and stores |
//! | `commands.rs`  | the command line where authentication is required |

mod commands;
mod forwarding;
mod issuing;
mod keys;
mod login;
mod modes;
mod providers;
mod secrets;
mod tenants;
mod tokens;

use runyard::config::Config;
use runyard::config::auth::Mode;
use serde_json::Value;

use crate::harness::{Answer, DOCUMENTS};

/// A secured read of every API that names no resource, and the status that an authorized caller gets.
const READS: [(&str, &str, u16); 7] = [
    ("run-gateway", "/v1/runs/unknown", 404),
    ("run-coordinator", "/v1/node-runs/unknown", 404),
    ("runtime", "/v1/runs/unknown", 404),
    ("toolregistry", "/v1/runs", 200),
    ("acp", "/v1/servers/default/runs", 200),
    ("cargo", "/v1/orchestration/tools/list", 200),
    ("runyard", "/v1/run-counts", 200),
];

/// APIs whose error body has no field for a reason: the message has to suffice.
const WITHOUT_REASONS: [&str; 2] = ["toolregistry", "cargo"];

#[test]
fn no_api_is_forgotten() {
    let clients: Vec<&str> = DOCUMENTS.iter().map(|document| document.name).collect();
    assert_eq!(READS.map(|(api, ..)| api).to_vec(), clients);
}

/// Every API requires authentication.
fn required(config: &mut Config) {
    config.auth.mode = Some(Mode::Required);
}

/// Status, code and reason of a refusal. The reason is empty where the body has no field for it.
fn why(answer: &Answer) -> (u16, String, String) {
    let (status, code) = answer.refusal();
    let body = answer.json();
    let details = &body["error"]["details"];
    let listed = body["details"].as_array().into_iter().flatten().find(|one| one["field"] == "reason");
    let reason = details["reason"].as_str().or(listed.and_then(|one| one["message"].as_str()));
    (status, code, reason.unwrap_or_default().to_owned())
}

/// The reason as the API can express it.
fn reason_at(api: &str, reason: &str) -> String {
    if WITHOUT_REASONS.contains(&api) { String::new() } else { reason.to_owned() }
}

/// The message of a refusal, if the document has one.
fn sentence(answer: &Answer) -> String {
    let body = answer.json();
    let found =
        [&body["error"]["message"], &body["message"], &body["errorMessage"]].into_iter().find_map(Value::as_str);
    found.unwrap_or_else(|| panic!("no message in {body}")).to_owned()
}
