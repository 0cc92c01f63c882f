//! placeholder

#[cfg(feature = "server")]
pub mod host;
