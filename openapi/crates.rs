//! The crates that generated code is made of: led through here, a crate that includes some need not list them, nor hit
//! their versions.
//!
//! What of them shows in an API is part of ours: another major version of one is another of this crate.

pub use bytes;
pub use http;
pub use jiff;
pub use regress;
pub use schemars;
pub use serde;
pub use serde_json;
pub use uuid;

/// Bodies of forms with files.
pub use crate::multipart;

#[cfg(feature = "client")]
pub use progenitor_client;
#[cfg(feature = "client")]
pub use reqwest;

/// What dropshot logs with.
#[cfg(feature = "server")]
pub use slog;
