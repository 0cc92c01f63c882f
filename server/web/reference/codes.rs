//! What every error code means. Which operation answers which stands in the documents (`x-runyard-codes`); a test holds both to the code.

use super::view::Reference;

/// A code on a document's page.
pub(super) struct Row {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) when: &'static str,
    /// The operations that may answer it; none where every request may be answered so.
    pub(super) operations: Vec<String>,
}

/// Status, code, and when it is answered; CommonMark.
pub const CODES: [(u16, &str, &str); 33] = [
    (
        400,
        "invalid_request",
        "Not JSON, no body, or not what the document says: `details.errors` names place, field and reason.",
    ),
    (400, "unknown_node_type", "There is no such node type or version; `details.nearest`."),
    (400, "invalid_inputs", "The inputs do not fit the node type's schema; `details.violations`."),
    (400, "constraint_unsupported", "A constraint that this version cannot keep, by name."),
    (400, "unknown_dependency", "A new node run depends on a key that none of its siblings has."),
    (401, "unauthorized", "Not yet: there is no authentication."),
    (403, "forbidden", "Not yet."),
    (404, "unknown_path", "Nothing of the document is there."),
    (404, "run_not_found", "There is no such run, or the caller may not know of it."),
    (404, "node_run_not_found", "There is no such node run."),
    (404, "parent_node_run_not_found", "There is no such node run to create children below."),
    (405, "method_not_allowed", "The path exists; `Allow` says which methods it has."),
    (408, "body_slow", "The body was not sent within 30 s."),
    (409, "run_already_exists", "The id was used with another body; with the same body the first run is answered."),
    (409, "idempotency_conflict", "The key was used with another body; with the same body the first run is answered."),
    (409, "constraint_violation", "`details` has constraint, limit and what was found."),
    (409, "run_finished", "Final is final; `details.state`."),
    (409, "node_run_finished", "Final is final; `details.state`."),
    (409, "run_not_finished", "There is no result yet; `retryable`, and `details.state` says where the run stands."),
    (409, "node_run_not_begun", "A node run is completed that still waits for another."),
    (409, "children_alive", "A composite cannot succeed before its children have ended."),
    (409, "node_run_server_owned", "The server runs this node run itself; nobody else completes or evaluates it."),
    (409, "parent_node_run_invalid", "The parent is not a composite that takes children."),
    (409, "parent_node_run_mismatch", "The parent belongs to another run."),
    (413, "body_too_large", "More than 1 MiB (`body_bytes_max`)."),
    (415, "unsupported_media_type", "The body is not `application/json`."),
    (500, "internal_error", "A fault of the server's; the log has it under the request id."),
    (502, "run_coordinator_unavailable", "A gateway that forwards, and nobody there."),
    (503, "run_coordinator_missing", "A gateway that forwards, and no address is set: names the setting."),
    (503, "store_busy", "Nothing was recorded; `Retry-After`."),
    (503, "store_unavailable", "Nothing was recorded; `Retry-After`."),
    (503, "stopping", "The server is going down; nothing was recorded."),
    (503, "unavailable", "Not yet: whoever checks credentials cannot be reached."),
];

/// Codes that belong to no operation, or to all.
const ANYWHERE: [&str; 4] = ["unknown_path", "method_not_allowed", "internal_error", "stopping"];

/// The codes of a document, by status.
pub(super) fn of(reference: &Reference) -> Vec<Row> {
    let row = |(status, code, when): &(u16, &'static str, &'static str)| {
        let anywhere = ANYWHERE.contains(code);
        let answers = |codes: &[String]| codes.iter().any(|one| one == code);
        let operations: Vec<String> = reference
            .operations()
            .filter(|operation| !anywhere && operation.answers.iter().any(|answer| answers(&answer.codes)))
            .map(|operation| operation.id.clone())
            .collect();
        (anywhere || !operations.is_empty()).then_some(Row { status: *status, code, when, operations })
    };
    CODES.iter().filter_map(row).collect()
}
