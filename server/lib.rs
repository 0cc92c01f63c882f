//! Runyard: one durable run server for the run APIs that agent platforms already speak.
//!
//! A request enters through an API ([`listeners`]), shows who is calling ([`auth`]), and goes into a room ([`dialects`]), which
//! translates and calls [`runs`]. The engine
//! decides, the [`store`] commits, the [`feed`] tells who watches, and the [`driver`] performs what was asked. [`serve`] is all
//! of it in one value; `main.rs` and [`cli`] are the command line over that.

pub mod auth;
pub mod bench;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod clock;
pub mod codes;
pub mod compute;
pub mod config;
pub mod dialects;
pub mod driver;
pub mod expressions;
pub mod feed;
pub mod fill;
pub mod graph;
pub mod integrations;
pub mod limits;
pub mod listeners;
pub mod logging;
pub mod objects;
pub mod open_files;
pub mod openapi_diff;
pub mod planner;
pub mod retention;
pub mod runs;
pub mod schemas;
pub mod serve;
pub mod sizes;
pub mod store;
pub mod web;
mod worker_slot;
