//! Typed clients for the run APIs that Runyard serves.
//!
//! | module     | what it is for |
//! |------------|----------------|
//! | [`error`]  | one error for every generated client: refused, unreachable, or not as the contract says |
//! | [`ndjson`] | lines of JSON out of the bytes of a stream |
//! | [`watch`]  | the events of a run, resumed where they were cut |
//!
//! The clients themselves ([`RunGateway`], [`RunCoordinator`], [`Runtime`], [`Runyard`]) are generated into `runyard-api` from the
//! documents. Nothing in this crate knows how a run is executed, and nothing in it compiles the server.

pub mod error;
pub mod ndjson;
pub mod watch;

pub use error::{CallError, Refusal};
/// ARP Run Coordinator: runs and the node runs that they are made of.
pub use runyard_api::arp::run_coordinator::client::Client as RunCoordinator;
/// ARP Run Gateway: start, look at, cancel and watch runs.
pub use runyard_api::arp::run_gateway::client::Client as RunGateway;
/// ARP Runtime: a goal in, an output out.
pub use runyard_api::arp::runtime::client::Client as Runtime;
/// What happens around each call of a client, and the behaviour that adds nothing.
pub use runyard_api::client::{Behaviour, Plain};
/// Runyard's own door: what no other API says.
pub use runyard_api::runyard::client::Client as Runyard;
pub use watch::{Event, Interruption, Patience, Seen, Watch, WatchError};
