//! Integration tests: a real server on free loopback ports, called through the generated clients.
#![expect(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that cannot go on should stop, and no crate imports it"
)]

mod acp;
mod agent;
mod apis;
mod approvals;
mod attack;
mod auth;
mod cargo_ai;
mod cli;
mod constraints;
mod contract;
mod coordinator;
mod crash;
mod docs;
mod expressions;
mod failures;
mod faults;
mod gateway;
mod golden_store;
mod graphs;
mod harness;
mod http;
mod idempotency;
mod kills;
mod large;
mod listeners;
mod mcp;
mod native;
mod openapi_tools;
mod operations;
mod output_schemas;
mod planned;
mod poison;
mod process;
mod providers;
mod reference;
mod refusals;
mod remote;
mod runtime;
mod shutdown;
mod streams;
mod sub_runs;
#[cfg(unix)]
mod suspended;
mod tidy;
mod toolregistry;
mod values;
mod words;
