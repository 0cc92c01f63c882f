//! placeholder
pub mod ndjson;
