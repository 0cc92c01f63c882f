//! Runyard: one durable run server for the run APIs that agent platforms already speak.
//!
//! A request enters through an API ([`listeners`]), shows who is calling ([`auth`]), and goes into a room ([`dialects`]), which
//! translates and calls [`runs`]. The engine
//! decides, the [`store`] commits, the [`feed`] tells who watches, and the [`driver`] performs what was asked. [`serve`] is all
//! of it in one value; `main.rs` and [`cli`] are the command line over that.

pub mod auth;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod codes;
pub mod config;
pub mod dialects;
pub mod driver;
pub mod feed;
pub mod graph;
pub mod integrations;
pub mod limits;
pub mod listeners;
pub mod logging;
pub mod nodes;
pub mod objects;
pub mod open_files;
pub mod planner;
pub mod retention;
pub mod runs;
pub mod schemas;
pub mod serve;
pub mod version;
pub mod web;

// Crates of their own, by the names that they have in this one.
pub use runyard_compute::{self as compute, clock, sizes};
pub use runyard_expressions as expressions;
pub use runyard_store as store;
