//! The client against servers that fail in various ways, over real sockets. `tests/it/` tests it against Runyard's
//! server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod answers;
mod building;
mod repeating;
mod scripted;
mod streams;
#[cfg(feature = "tls")]
mod tls;
mod tokens;
