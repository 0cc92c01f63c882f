//! The cursor of a list as opaque text: base64url of a kind, and of time and id of the last entry.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use runyard_engine::{ApprovalId, RunId};
use uuid::Uuid;

use crate::codes::Code;
use crate::dialects::common::refusal::Refusal;
use crate::runs::approvals::ApprovalCursor;
use crate::store::Cursor;

/// The prefix of a cursor of approval requests. Cursors of runs are older and have none.
const APPROVALS: &str = "a";

/// The prefix of a cursor of node runs.
const NODE_RUNS: &str = "n";

/// Writes a cursor.
pub(super) fn write(cursor: Cursor) -> String {
    text(cursor.created_at_ms, cursor.run.uuid())
}

/// Parses a cursor that this server wrote. Other text is `None`.
pub(super) fn read(text: &str) -> Option<Cursor> {
    let (created_at_ms, id) = place(text)?;
    Some(Cursor { created_at_ms, run: RunId::from_uuid(id) })
}

/// Writes a cursor of approval requests.
pub(super) fn write_approval(cursor: ApprovalCursor) -> String {
    format!("{APPROVALS}{}", text(cursor.asked_at_ms, cursor.approval.uuid()))
}

/// Parses a cursor of approval requests that this server wrote. Other text is `None`.
pub(super) fn read_approval(text: &str) -> Option<ApprovalCursor> {
    let (asked_at_ms, id) = place(text.strip_prefix(APPROVALS)?)?;
    Some(ApprovalCursor { asked_at_ms, approval: ApprovalId::from_uuid(id) })
}

/// Writes a cursor of node runs: the number of node runs before it.
pub(super) fn write_node_runs(behind: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{NODE_RUNS}{behind}"))
}

/// Parses a cursor of node runs that this server wrote. Other text is `None`.
pub(super) fn read_node_runs(text: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix(NODE_RUNS)?.parse().ok()
}

fn text(at_ms: i64, id: Uuid) -> String {
    let mut bytes = Vec::with_capacity(24);
    bytes.extend_from_slice(&at_ms.to_be_bytes());
    bytes.extend_from_slice(id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn place(text: &str) -> Option<(i64, Uuid)> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (time, id) = bytes.split_at_checked(8)?;
    Some((i64::from_be_bytes(time.try_into().ok()?), Uuid::from_slice(id).ok()?))
}

/// The refusal for text that is not a cursor.
pub(super) fn refused() -> Refusal {
    let reason = "is not a cursor of this list: use `next_cursor` of the page before";
    Refusal::new(Code::InvalidRequest, format!("query cursor: {reason}"))
        .with("errors", serde_json::json!([{ "place": "query", "field": "cursor", "reason": reason }]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_rubbish_does_not() {
        let cursor = Cursor { created_at_ms: 1_700_000_000_123, run: RunId::from_uuid(Uuid::from_u128(7)) };
        assert_eq!(read(&write(cursor)), Some(cursor));
        let of_approvals = ApprovalCursor { asked_at_ms: 7, approval: ApprovalId::from_uuid(Uuid::from_u128(8)) };
        let text = write_approval(of_approvals);
        assert_eq!(read_approval(&text), Some(of_approvals));
        assert_eq!((read(&text), read_approval(&write(cursor))), (None, None), "one list's is not another's");
        assert_eq!((write_node_runs(1).as_str(), read_node_runs(&write_node_runs(20_000))), ("bjE", Some(20_000)));
        assert_eq!(read_node_runs(&write(cursor)), None);
        for rubbish in ["", "x", "AAAA", "not base64!", &"A".repeat(100)] {
            assert_eq!((read(rubbish), read_approval(rubbish)), (None, None), "{rubbish}");
            assert_eq!(read_node_runs(rubbish), None, "{rubbish}");
        }
    }
}
