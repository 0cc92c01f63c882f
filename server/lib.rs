//! One durable run server for the run APIs that agent platforms already speak.
pub mod config;
pub mod logging;
