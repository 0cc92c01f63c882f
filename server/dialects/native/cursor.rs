//! Where a list goes on, as opaque text: base64url of the last run's creation time and id.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use runyard_engine::RunId;
use uuid::Uuid;

use crate::dialects::refusal::Refusal;
use crate::store::Cursor;

/// The text of a cursor.
pub(super) fn write(cursor: Cursor) -> String {
    let mut bytes = Vec::with_capacity(24);
    bytes.extend_from_slice(&cursor.created_at_ms.to_be_bytes());
    bytes.extend_from_slice(cursor.run.uuid().as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A cursor that we wrote; anything else is `None`.
pub(super) fn read(text: &str) -> Option<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (time, id) = bytes.split_at_checked(8)?;
    let created_at_ms = i64::from_be_bytes(time.try_into().ok()?);
    let run = RunId::from_uuid(Uuid::from_slice(id).ok()?);
    Some(Cursor { created_at_ms, run })
}

/// What is no cursor of a list.
pub(super) fn refused() -> Refusal {
    let reason = "is not a cursor of this list: use `next_cursor` of the page before";
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", format!("query cursor: {reason}"))
        .with("errors", serde_json::json!([{ "place": "query", "field": "cursor", "reason": reason }]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_rubbish_does_not() {
        let cursor = Cursor { created_at_ms: 1_700_000_000_123, run: RunId::from_uuid(Uuid::from_u128(7)) };
        assert_eq!(read(&write(cursor)), Some(cursor));
        for rubbish in ["", "x", "AAAA", "not base64!", &"A".repeat(100)] {
            assert_eq!(read(rubbish), None, "{rubbish}");
        }
    }
}
