//! The basis of all tests here: a server per test, clients that check each answer against its document, and bounded
//! waits.
//!
//! | file          | subject                                                                      |
//! |---------------|------------------------------------------------------------------------------|
//! | `world.rs`    | a whole server on free loopback ports over a folder of its own               |
//! | `apart.rs`    | the APIs alone, over any store, with a clock and a stop that a test controls |
//! | `trouble.rs`  | a store that fails on command                                                |
//! | `clients.rs`  | the generated clients of the APIs, and shared requests                       |
//! | `contract.rs` | one document: its answers and its event lines, checked                       |
//! | `recorder.rs` | the hooks around each call: they check and record the answer                 |
//! | `raw.rs`      | requests that a generated client cannot make, checked in the same way        |
//! | `lines.rs`    | a strict reader of NDJSON                                                    |
//! | `frames.rs`   | a strict reader of server-sent events                                        |
//!
//! | `issuer.rs`   | keys that the tests generate, and the tokens that they sign                  |
//! | `peer.rs`     | a service on loopback that steps call                                        |
//! | `provider.rs` | an identity provider on loopback with configurable answers                   |
//! | `tokens.rs`   | its token endpoint                                                           |
//!
//! An undocumented answer fails the test that received it.

mod apart;
mod clients;
pub mod contract;
mod frames;
mod issuer;
mod lines;
pub mod peer;
mod provider;
mod raw;
mod recorder;
mod tokens;
mod trouble;
mod world;

use std::time::Duration;

use runyard::clock::Clock;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use apart::Apart;
pub use clients::{Clients, Refused, refused};
pub use contract::{Contract, DOCUMENTS, standard};
pub use frames::{Frame, Frames};
pub use issuer::{ALGORITHMS, Issuer, encoded};
pub use lines::Lines;
pub use provider::{Answers, Provider};
pub use raw::Answer;
pub use recorder::Reached;
pub use tokens::{Gives, TokenService};
pub use trouble::Mode;
pub use world::World;

/// How long an expected event may take. It only keeps a broken test from hanging; no test measures it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Polls until there is a value, with a bound.
pub async fn eventually<T, Look: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> Look) -> T {
    let clock = Clock::system();
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            clock.sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never happened: {what}"))
}

/// JSON as the type that a generated client takes.
pub fn typed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap_or_else(|error| panic!("the type does not take this: {error}"))
}
