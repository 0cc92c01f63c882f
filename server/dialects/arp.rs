//! What the ARP rooms share, because their documents share it: schemas, events, errors.

pub mod error;
pub mod project;
pub mod stream;
pub mod wire;
