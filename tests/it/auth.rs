//! Who is calling: credentials shown to a real server through every door.
//!
//! | file           | one idea |
//! |----------------|----------|
//! | `modes.rs`     | disabled, optional, required; what stays open |
//! | `keys.rs`      | API keys: made, shown, revoked, and by whom |
//! | `tokens.rs`    | tokens that hold, and the whole table of those that do not |
//! | `providers.rs` | an identity provider that rotates its keys, fails, is slow, or talks rubbish |
//! | `tenants.rs`   | two tenants over every operation of every document |
//! | `forwarding.rs` | a gateway that forwards: whose token a coordinator sees |
//! | `issuing.rs`   | where tokens for it come from, and what is answered when none do |
//! | `secrets.rs`   | no credential in any log |
//! | `login.rs`     | a token that the command line fetches and keeps |
//! | `commands.rs`  | the command line where everybody is asked who they are |

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

use crate::harness::Answer;

/// Every door asks.
fn required(config: &mut Config) {
    config.auth.mode = Some(Mode::Required);
}

/// Status, code and reason of a refusal.
fn why(answer: &Answer) -> (u16, String, String) {
    let (status, code) = answer.refusal();
    let reason = answer.json()["error"]["details"]["reason"].as_str().unwrap_or_default().to_owned();
    (status, code, reason)
}
