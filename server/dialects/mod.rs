//! The HTTP APIs: one dialect module per document, with the same files in each.
//!
//! | file         | what                                        |
//! |--------------|---------------------------------------------|
//! | `mod.rs`     | which operation becomes which command        |
//! | `handlers.rs`| read, submit, answer                         |
//! | `wire.rs`    | converts between wire types and engine types |
//! | `project.rs` | the log as this API shows it                |
//! | `error.rs`   | every refusal in this document's error body  |
//!
//! `common` has code that several modules share. Modules of one vendor share what their documents share: `arp` is that
//! of the three ARP modules. `mapping` compares how every API shows one run; each module has a `MAPPING` for that.

pub mod acp;
pub mod arp;
pub mod cargo_ai;
pub mod common;
pub mod mapping;
pub mod run_coordinator;
pub mod run_gateway;
pub mod runtime;
pub mod runyard;
pub mod toolregistry;

#[cfg(test)]
mod enum_coverage;
