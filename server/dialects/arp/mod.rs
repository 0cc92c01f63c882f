//! What the ARP rooms share, because their documents share it: schemas, run operations, events, errors.

pub mod error;
mod policy;
pub mod project;
pub mod runs;
pub mod service;
pub mod stream;
pub mod wire;
