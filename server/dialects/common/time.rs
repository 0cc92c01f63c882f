//! Times on the wire.

use jiff::Timestamp;

/// A time on the wire. Every stored time lies within what a timestamp can hold; one that does not shows as the epoch.
pub fn time(at_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at_ms).unwrap_or_default()
}
