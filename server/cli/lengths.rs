//! Lengths of time for people, and back.

use jiff::{Span, SpanRelativeTo, Timestamp};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A length of time in its two largest units: `12 ms`, `1.5 s`, `2 min 05 s`, `3 h 20 min`, `4 d 6 h`.
pub(super) fn length(ms: i64) -> String {
    let ms = ms.max(0);
    match ms {
        0..SECOND_MS => format!("{ms} ms"),
        SECOND_MS..MINUTE_MS => format!("{}.{} s", ms / SECOND_MS, ms % SECOND_MS / 100),
        MINUTE_MS..HOUR_MS => format!("{} min {:02} s", ms / MINUTE_MS, ms % MINUTE_MS / SECOND_MS),
        HOUR_MS..DAY_MS => format!("{} h {:02} min", ms / HOUR_MS, ms % HOUR_MS / MINUTE_MS),
        _ => format!("{} d {} h", ms / DAY_MS, ms % DAY_MS / HOUR_MS),
    }
}

/// From one time to another.
pub(super) fn between(from: Timestamp, to: Timestamp) -> String {
    length(to.as_millisecond().saturating_sub(from.as_millisecond()))
}

/// A time in UTC, to the second.
pub(super) fn clock_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Reads a length such as `30d`, `12h` or `90m`, in milliseconds; a day has 24 hours.
///
/// # Errors
/// Why it is not one.
pub(super) fn read(text: &str) -> Result<i64, String> {
    let span: Span = text.parse().map_err(|_| "expected a time such as 30d, 12h or 90m".to_owned())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let length = length.map_err(|_| "months and years differ in length: give days".to_owned())?;
    let ms = i64::try_from(length.as_millis()).map_err(|_| "is too long".to_owned())?;
    if ms > 0 { Ok(ms) } else { Err("must be longer than nothing".to_owned()) }
}

/// Reads a length in whole seconds.
///
/// # Errors
/// Why it is not one.
pub(super) fn read_seconds(text: &str) -> Result<i64, String> {
    let seconds = read(text)? / SECOND_MS;
    if seconds >= 1 { Ok(seconds) } else { Err("must be a second at least".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_their_two_largest_units() {
        for (ms, expected) in [
            (-5, "0 ms"),
            (12, "12 ms"),
            (1_570, "1.5 s"),
            (59_999, "59.9 s"),
            (125_000, "2 min 05 s"),
            (12_000_000, "3 h 20 min"),
            (4 * DAY_MS + 6 * HOUR_MS, "4 d 6 h"),
        ] {
            assert_eq!(length(ms), expected, "{ms}");
        }
    }

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, expected) in [("30d", 2_592_000), ("12h", 43_200), ("1w 1d", 691_200), ("90m", 5_400), ("2s", 2)] {
            assert_eq!(read_seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "soon", "0s", "-3h", "1mo", "2y", "30"] {
            assert!(read_seconds(text).is_err(), "{text}");
        }
        assert_eq!(read("250ms"), Ok(250));
        assert!(read_seconds("250ms").is_err());
    }
}
