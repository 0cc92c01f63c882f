//! The client against servers that do what servers do on a bad day, over real sockets. Against a server of ours: `tests/it/`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod answers;
mod building;
mod repeating;
mod scripted;
mod streams;
#[cfg(feature = "tls")]
mod tls;
mod tokens;
