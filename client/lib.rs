//! Typed clients for the run APIs that Runyard serves.
//!
#![doc = include_str!("README.md")]
//!
//! # Modules
//!
//! | module | contents |
//! |---|---|
//! | [`run_gateway`], [`run_coordinator`], [`runtime`], [`toolregistry`], [`acp`], [`cargo`], [`runyard`] | one document each: its client, requests, types and errors |
//! | [`Builder`] | building a client: token, timeouts, headers, retries |
//! | [`CallError`] | why a call failed |
//! | [`token`] | token providers |
//! | [`retry`] | which calls are retried, and how often |
//! | [`watch`], [`wait`] | the events of a run over as many connections as it takes; its end |
//! | [`ndjson`], [`sse`] | the two formats of streams, for other streams |
//!
//! The clients themselves are generated from the documents when `runyard-api` is compiled. This crate does not execute
//! runs, and does not compile the server.
#![cfg_attr(
    not(all(
        feature = "run-gateway",
        feature = "run-coordinator",
        feature = "runtime",
        feature = "toolregistry",
        feature = "acp",
        feature = "cargo",
        feature = "runyard"
    )),
    expect(rustdoc::broken_intra_doc_links, reason = "the table above names every document, compiled or not")
)]

#[cfg(any(feature = "run-gateway", feature = "run-coordinator", feature = "runtime"))]
mod arp;
#[cfg(not(any(
    feature = "run-gateway",
    feature = "run-coordinator",
    feature = "runtime",
    feature = "toolregistry",
    feature = "acp",
    feature = "cargo",
    feature = "runyard"
)))]
compile_error!(
    "choose a document: features `run-gateway`, `run-coordinator`, `runtime`, `toolregistry`, `acp`, `cargo`, `runyard`"
);

mod assembly;
mod build_error;
mod builder;
mod calls;
#[macro_use]
mod document;
pub mod ndjson;
mod pause;
#[cfg(any(feature = "acp", feature = "cargo"))]
mod polled;
pub mod retry;
pub mod sse;
#[cfg(any(
    feature = "run-gateway",
    feature = "run-coordinator",
    feature = "runtime",
    feature = "toolregistry",
    feature = "runyard"
))]
mod streamed;
#[cfg(feature = "tls")]
mod tls;
pub mod token;
pub mod wait;
pub mod watch;

#[cfg(feature = "acp")]
pub mod acp;
#[cfg(feature = "cargo")]
pub mod cargo;
#[cfg(feature = "run-coordinator")]
pub mod run_coordinator;
#[cfg(feature = "run-gateway")]
pub mod run_gateway;
#[cfg(feature = "runtime")]
pub mod runtime;
#[cfg(feature = "runyard")]
pub mod runyard;
#[cfg(feature = "toolregistry")]
pub mod toolregistry;

pub use build_error::BuildError;
pub use builder::Builder;
pub use document::{Document, ErrorBody};
/// HTTP statuses, headers and their names.
pub use http;
/// For [`Builder::http`] and the errors of connections.
pub use reqwest;
pub use retry::Retry;
pub use runyard_api::client::{BoxError, ByteStream, CallError, Refusal, ResponseValue};
/// For JSON bodies, and for free-form objects, which are its maps.
pub use serde_json;
pub use token::TokenProvider;
pub use wait::WaitError;
pub use watch::{AnyEvent, Backoff, Event, Interruption, Watch, WatchError, WatchItem};
