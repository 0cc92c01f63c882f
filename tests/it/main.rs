//! How we know: a real server on free loopback ports, asked through the generated clients.
#![expect(
    unreachable_pub,
    reason = "one binary: nothing here is reached from outside, and `pub` is what modules share"
)]

mod constraints;
mod contract;
mod coordinator;
mod gateway;
mod harness;
mod idempotency;
mod native;
mod planned;
mod refusals;
mod streams;
