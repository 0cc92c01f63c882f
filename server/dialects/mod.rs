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
//! `answer_size` is how much fits on a page of a list. Rooms of one owner share what their documents share: `arp` is the furniture of the ARP rooms. `mapping` asks every room how it
//! shows the same thing; each has a `MAPPING` for that.

pub mod acp;
pub mod answer_size;
pub mod arp;
pub mod cargo_ai;
pub mod mapping;
pub mod native;
pub mod refusal;
pub mod resume;
pub mod run_coordinator;
pub mod run_gateway;
pub mod runtime;
pub mod toolregistry;

#[cfg(test)]
mod said;
