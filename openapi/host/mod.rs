//! The host: what stands between dropshot and a generated trait.
//!
//! `serve.rs` carries the connection over hyper: listening, bounds on connections, request ids, shutdown. In a dropshot server of
//! someone else, a catch-all endpoint takes its place. The host takes one request at a time and carries the contract: routing by the document's own paths, who is calling, the body's limits and
//! content type, validation against the document's schema, one typed call, and the document's own error body for everything
//! that is refused on the way. Why stock routes cannot carry these documents is shown in `tests/stock.rs`, one test per reason;
//! what hyper answers before the host is asked, in `tests/before.rs`.
//!
//! | file             | one idea                                                                        |
//! |------------------|---------------------------------------------------------------------------------|
//! | `operation.rs`   | what a document says about its operations, as generated constants               |
//! | `api.rs`         | the seam: what generated glue implements, and the validated input it is given   |
//! | `caller.rs`      | the head of a request, and who is calling                                       |
//! | `fault.rs`       | why a request was refused                                                       |
//! | `reply.rs`       | building answers                                                                |
//! | `stream.rs`      | bytes that arrive over time                                                     |
//! | `mounted.rs`     | an implementation made ready: routes and schemas compiled                       |
//! | `router.rs`      | path and method to operation                                                    |
//! | `access.rs`      | under which names a listener may be asked, and by which pages                   |
//! | `base_url.rs`    | what links begin with                                                           |
//! | `budget.rs`      | bytes that many requests hold together                                          |
//! | `answers.rs`     | what unsent answers hold                                                        |
//! | `connections.rs` | how many connections there may be, and which goes when there are too many       |
//! | `heavy.rs`       | work whose cost is not constant, off the async runtime                          |
//! | `ignored.rs`     | parameters and fields that were ignored, named in the answer                    |
//! | `api.rs`        | one request from head to answer                                                 |
//! | `pages.rs`       | pages beside the document, as they are given                                    |
//! | `parameters.rs`  | path, query and header text to JSON values                                      |
//! | `body.rs`        | content type, limits, JSON                                                      |
//! | `depth.rs`       | how deep a JSON text nests                                                      |
//! | `schema.rs`      | OpenAPI 3.0 schema to JSON Schema                                               |
//! | `validate.rs`    | JSON value against schema to violations                                         |
//! | `checker.rs`     | answers against the document, for tests                                         |
//! | `documents.rs`   | the document, served                                                            |
//! | `catch_all.rs`   | the only file that names dropshot's endpoint machinery                          |
//! | `serve.rs`       | a listening server that can be closed                                           |
//!
//! No operation, no error code and no tenant rule lives here: those are the implementation's.

mod access;
mod answers;
mod api;
mod base_url;
mod body;
mod budget;
mod caller;
mod catch_all;
mod checker;
mod connections;
mod depth;
mod discriminator;
mod documents;
mod fault;
mod heavy;
mod ignored;
mod mounted;
mod mounted_api;
mod numbers;
mod operation;
mod pages;
mod parameters;
mod reply;
mod router;
mod schema;
mod schema_latest;
mod serve;
mod stream;
mod styles;
mod validate;

#[cfg(test)]
mod tests;

pub use access::{Access, Hosts};
pub use api::{Api, Input};
pub use base_url::Reached;
pub use budget::{Budget, Share};
pub use caller::{Caller, Head};
pub use catch_all::Hosted;
pub use checker::Checker;
pub use connections::{ConnectionLimits, Connections};
pub use depth::nests_deeper;
pub use fault::{Fault, Violation};
pub use ignored::ignoring;
pub use mounted::{MountError, Mounted};
pub use numbers::{InexactNumber, inexact_number};
pub use operation::{BodyRule, Document, DocumentedResponse, Operation, Parameter, Place};
pub use pages::{Content, Page, Written};
pub use reply::{Reply, empty, json, stream};
pub use serve::{Bound, Closed, ServeError, Server, bind, serve};
pub use stream::ByteStream;

pub use crate::multipart::{Multipart, Part};
pub use crate::style::Style;
pub use dropshot::Body;
pub use futures::future::BoxFuture;
pub use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
pub use ipnet::IpNet;
pub use serde_json::Value;
pub use tokio_util::sync::CancellationToken;

use std::time::Duration;

/// What becomes of query parameters that a document does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownParameters {
    /// The request is refused, and each is named. For a contract of one's own.
    Refuse,
    /// They are ignored, as the document's vendor does, and named in `Runyard-Ignored-Parameters` of the answer.
    #[default]
    Ignore,
}

/// What an operator may turn on one mounted document.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The largest request body that is read, in bytes. Default 1 MiB.
    pub body_bytes_max: usize,
    /// How deep the body's arrays and objects may nest. Default 64.
    pub body_depth_max: usize,
    /// Requests that are answered at the same time; one more is told to come back later (503 with `Retry-After`). A request counts from when its
    /// body has come; a stream counts until it begins; operations of constant cost (health) do not count. Default 4096.
    pub requests_max: usize,
    /// How long a client may take to send a whole body. Default 30 s.
    pub body_read_timeout: Duration,
    /// What all bodies that have not come to their end hold together. Default 64 MiB. Copies share it.
    pub bodies: Budget,
    /// What all answers that have not been taken hold together. Default 64 MiB. Copies share it.
    pub answers: Budget,
    /// How long a request may wait for its part of `answers`. Default 5 s.
    pub answer_wait: Duration,
    /// The open connections and their bounds. Copies share them.
    pub connections: Connections,
    /// Under which names, and by which pages, the listener may be asked. Default: any name, reading by any page.
    pub access: Access,
    /// How the listener is reached from outside, for links. Default: at its own address.
    pub reached: Reached,
    /// What to do about query parameters that the document does not name. Default: ignored, and named in the answer.
    pub unknown_parameters: UnknownParameters,
    /// Cancelled when the process stops: new requests are refused, open streams end.
    pub stopping: CancellationToken,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_bytes_max: 1024 * 1024,
            body_depth_max: 64,
            requests_max: 4096,
            body_read_timeout: Duration::from_secs(30),
            bodies: Budget::new(64 * 1024 * 1024),
            answers: Budget::new(64 * 1024 * 1024),
            answer_wait: Duration::from_secs(5),
            connections: Connections::default(),
            access: Access::default(),
            reached: Reached::default(),
            unknown_parameters: UnknownParameters::default(),
            stopping: CancellationToken::new(),
        }
    }
}
