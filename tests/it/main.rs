//! How we know: a real server on free loopback ports, asked through the generated clients.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test that cannot go on should stop, and nobody imports it")]

mod first;
mod harness;
mod tidy;
