//! Times on the wire.

use jiff::Timestamp;

/// A time in an answer. Every stored time is a valid timestamp; one that is not becomes the epoch.
pub fn time(at_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at_ms).unwrap_or_default()
}
