//! Runyard: one durable run server for the run APIs that agent platforms already speak.
//!
//! A request enters through an API ([`listeners`]), is authenticated ([`auth`]), and goes to a dialect module
//! ([`dialects`]), which converts it and calls [`runs`]. The engine decides, the [`store`] commits, the [`feed`]
//! notifies watchers, and the [`driver`] executes effects. [`serve`] combines all of it in one value; `main.rs` and
//! [`cli`] are the command line over that.

pub mod auth;
pub mod check;
pub mod cli;
pub mod codes;
pub mod config;
pub mod dialects;
pub mod driver;
pub mod feed;
pub mod graph;
pub mod limits;
pub mod listeners;
pub mod logging;
pub mod nodes;
pub mod objects;
pub mod open_files;
pub mod planner;
pub mod ports;
pub mod retention;
pub mod runs;
pub mod schemas;
pub mod serve;
pub mod version;
pub mod web;

// Under short names.
pub use nodes::{catalog, integrations};

// Separate crates, re-exported under their short names.
pub use runyard_compute::{self as compute, clock, sizes};
pub use runyard_expressions as expressions;
pub use runyard_store as store;
