//! What every test here stands on: a server of its own, clients that hold each answer to its document, and bounded waits.
//!
//! | file          | one idea                                                                     |
//! |---------------|------------------------------------------------------------------------------|
//! | `world.rs`    | a whole server on free loopback ports over a folder of its own               |
//! | `apart.rs`    | the APIs alone, over any store, with a clock and a stop that a test holds   |
//! | `trouble.rs`  | a store that fails when it is told to                                        |
//! | `clients.rs`  | the generated clients of the APIs, and what a test asks of them       |
//! | `contract.rs` | one document: its answers and its event lines, checked                       |
//! | `recorder.rs` | what is around each call: the answer is checked and noted                    |
//! | `raw.rs`      | requests that a generated client cannot make, checked in the same way        |
//! | `lines.rs`    | a strict reader of NDJSON                                                    |
//! | `frames.rs`   | a strict reader of server-sent events                                        |
//!
//! | `issuer.rs`   | keys of the tests' own, and the tokens that they sign                       |
//! | `peer.rs`     | a service on loopback that steps call                                        |
//! | `provider.rs` | an identity provider on loopback, which answers as it is told                |
//! | `tokens.rs`   | and where it gives tokens                                                    |
//!
//! An answer that its document does not promise fails the test that saw it.

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

/// How long anything may take that is expected to happen. Never measured: it only keeps a broken test from hanging.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until there is something, with a bound.
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
