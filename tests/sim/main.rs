//! The simulation: engine, runs, driver, feed and rooms as they are, over twins of everything that can go wrong.
//!
//! | real                                                          | twin                                                       |
//! |---------------------------------------------------------------|------------------------------------------------------------|
//! | the engine; `Runs` with its cache and turns; the whole driver | the store: the memory store behind gates (`store.rs`)      |
//! | the feed; the gateway's, the Runtime's and our own streams    | planner and performer (`outside.rs`), clocks, callers      |
//!
//! A world (`world.rs`) has one or two servers over one store and lives on one thread. Whatever is asked of the store, the planner or
//! a performer waits at a gate (`gates.rs`), and a step opens one, or lets time pass, a client call, a reader connect, a server crash
//! (`moves.rs`). So two things never happen at once, and a seed repeats a world exactly. After every step the laws are held
//! against what the store has (`model.rs`); at its end a world comes to rest (`rest.rs`).
//!
//! `RUNYARD_SIM_STEPS` and `RUNYARD_SIM_SEED` say how long and from which seed; what fails prints the command that repeats it,
//! shrunk (`shrink.rs`). That it can fail is shown by bugs that are switched on (`planted.rs`).

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
