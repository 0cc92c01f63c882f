//! The simulation: the real engine, runs, driver, feed and dialect modules over simulated versions of everything that
//! can fail.
//!
//! | real                                                          | simulated                                                  |
//! |---------------------------------------------------------------|------------------------------------------------------------|
//! | the engine; `Runs` with its cache and locks; the whole driver | the store: the memory store behind gates (`store.rs`)      |
//! | the feed; the streams of the gateway, Runtime and Runyard APIs | planner and executor (`outside.rs`), clocks, callers      |
//!
//! A world (`world.rs`) has one or two servers over one store and runs on one thread. Each request to the store, the
//! planner or an executor waits at a gate (`gates.rs`). A step opens one gate, or lets time pass, a client call, a
//! reader connect or a server crash (`moves.rs`). So two things never happen at once, and a seed repeats a world
//! exactly. After every step the store is checked against the laws (`model.rs`); at its end a world comes to rest
//! (`rest.rs`).
//!
//! `RUNYARD_SIM_STEPS` and `RUNYARD_SIM_SEED` set the length and the seed. A failure prints the command that repeats
//! it, shrunk (`shrink.rs`). Bugs that tests switch on show that the simulation can fail (`planted.rs`).

#![expect(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that cannot go on should stop; one binary, in which `pub` is for the next file"
)]

mod choices;
mod clients;
mod draw;
mod gates;
mod idle;
mod ledger;
mod model;
mod moves;
mod outside;
mod planted;
mod rest;
mod run;
mod server;
mod shrink;
mod store;
mod watch;
mod world;
