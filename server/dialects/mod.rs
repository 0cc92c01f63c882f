//! Where a request enters: one room per document, the same furniture in each.
//!
//! | file         | what                                        |
//! |--------------|---------------------------------------------|
//! | `mod.rs`     | which operation becomes which command        |
//! | `handlers.rs`| read, submit, answer                         |
//! | `wire.rs`    | between the wire's words and the engine's    |
//! | `project.rs` | the log as this API shows it                |
//! | `error.rs`   | every refusal in this document's error body  |
//!
//! `common` is what several of them need; modules of one vendor share what their documents share: `arp` is that of the three ARP modules.
//! `mapping` shows one thing as every API shows it; each module has a `MAPPING` for that.

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
mod said;
