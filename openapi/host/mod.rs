//! The host: the layer between hyper or dropshot and a generated trait.
//!
//! `serve.rs` runs connections over hyper: listening, limits on connections, request ids, shutdown. In a dropshot
//! server of another program, a catch-all endpoint replaces it. The host then handles one request at a time: routing by
//! the document's own paths, authentication, the body's limits and content type, validation against the document's
//! schema, one typed call, and the document's own error body for every refusal. `tests/stock.rs` shows why stock
//! dropshot routes do not work for these documents, with one test per reason; `tests/before.rs` shows what hyper
//! answers before the host is called.
//!
//! | file             | contents                                                                        |
//! |------------------|---------------------------------------------------------------------------------|
//! | `operation.rs`   | the document's operations, as generated constants                               |
//! | `api.rs`         | the interface to generated code, and the validated input                        |
//! | `caller.rs`      | the head of a request, and the authenticated caller                             |
//! | `fault.rs`       | why a request was refused                                                       |
//! | `reply.rs`       | building responses                                                              |
//! | `stream.rs`      | the bodies of streams                                                           |
//! | `mounted.rs`     | an implementation with its routes and schemas compiled                          |
//! | `router.rs`      | path and method to operation                                                    |
//! | `access.rs`      | host names and origins that a listener accepts                                  |
//! | `base_url.rs`    | the base URL of links                                                           |
//! | `budget.rs`      | a bound on the bytes that many requests hold together                           |
//! | `answers.rs`     | the memory of unsent responses                                                  |
//! | `connections.rs` | limits on connections, and which one is evicted                                 |
//! | `heavy.rs`       | work whose cost depends on the input, off the async runtime                     |
//! | `ignored.rs`     | parameters and fields that were ignored, reported in the response               |
//! | `mounted_api.rs` | one request from head to response                                               |
//! | `pages.rs`       | static pages beside the document                                                |
//! | `parameters.rs`  | path, query and header text to JSON values                                      |
//! | `body.rs`        | content type, limits, JSON                                                      |
//! | `depth.rs`       | the nesting depth of a JSON text                                                |
//! | `schema.rs`      | OpenAPI 3.0 schema to JSON Schema                                               |
//! | `direction.rs`   | what is required of a request, and what of a response                           |
//! | `validate.rs`    | JSON value against schema to violations                                         |
//! | `checker.rs`     | responses against the document, for tests                                       |
//! | `documents.rs`   | serving the document                                                            |
//! | `catch_all.rs`   | the only file that uses dropshot's endpoint API                                 |
//! | `serve.rs`       | a listening server that can be closed                                           |
//!
//! The host has no operations, error codes or tenant rules: those belong to the implementation.

mod access;
mod answers;
mod api;
mod base_url;
mod body;
mod budget;
mod caller;
mod catch_all;
mod checker;
mod compiled;
mod connections;
mod depth;
mod direction;
mod discriminator;
mod documents;
mod fault;
mod format;
mod heavy;
mod ignored;
mod mounted;
mod mounted_api;
mod numbers;
mod openapi_version;
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

/// What the host does with query parameters that a document does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownParameters {
    /// The request is refused, and each parameter is named. For documents without an upstream vendor.
    Refuse,
    /// They are ignored, as the vendor's servers do, and listed in `Runyard-Ignored-Parameters` of the response.
    #[default]
    Ignore,
}

/// Settings of one mounted document.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The largest allowed request body, in bytes. Default 1 MiB.
    pub body_bytes_max: usize,
    /// How deep the body's arrays and objects may nest. Default 64.
    pub body_depth_max: usize,
    /// The most requests in progress; one more gets 503 with `Retry-After`. A request counts from when its body has
    /// arrived; a stream counts until it begins; operations of constant cost (health) do not count. Default 4096.
    pub requests_max: usize,
    /// How long a client may take to send a whole body. Default 30 s.
    pub body_read_timeout: Duration,
    /// The bytes that all incomplete bodies hold together. Default 64 MiB. Copies share it.
    pub bodies: Budget,
    /// The bytes that all unsent responses hold together. Default 64 MiB. Copies share it.
    pub answers: Budget,
    /// How long a request may wait for its share of `answers`. Default 5 s.
    pub answer_wait: Duration,
    /// The open connections and their limits. Copies share them.
    pub connections: Connections,
    /// Host names and origins that the listener accepts. Default: any host; pages of any origin may read.
    pub access: Access,
    /// How clients reach the listener, for links. Default: at its own address.
    pub reached: Reached,
    /// What to do with query parameters that the document does not have. Default: ignore and report them.
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
