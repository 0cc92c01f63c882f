//! Typed clients for the run APIs that Runyard serves.
//!
//! | module     | what it is for |
//! |------------|----------------|
//! | [`error`]  | one error for every generated client: refused, unreachable, or not as the contract says |
//! | [`ndjson`] | lines of JSON out of the bytes of a stream |
//! | [`watch`]  | the events of a run, resumed where they were cut |
//! | [`lax`]    | what peers send that the contract forbids, mended |
//!
//! The clients themselves are generated into `runyard-api` from the documents and re-exported here. Nothing in this crate knows
//! how a run is executed, and nothing in it compiles the server.

pub mod error;
pub mod lax;
pub mod ndjson;
pub mod watch;

pub use error::{CallError, Refusal};
pub use watch::{Event, Interruption, Patience, Seen, Watch, WatchError};
