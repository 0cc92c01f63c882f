//! The error codes that a document's operations answer. [`crate::codes`] describes the codes; the documents list them
//! by operation (`x-runyard-codes`).

use super::view::{Answer, Reference};
use crate::codes::{Code, Scope};

/// A code on a document's page.
pub(super) struct Row {
    pub(super) code: Code,
    /// The operations that may answer it; empty if every operation may.
    pub(super) operations: Vec<String>,
}

/// The codes that an answer of this status may have: those of its operation, and those of every request.
pub(super) fn of_answer(status: &str, listed: impl Iterator<Item = String>) -> Vec<String> {
    let any = Code::ALL.iter().filter(|code| code.scope() == Scope::Any && code.status().as_str() == status);
    listed.chain(any.map(|code| code.as_str().to_owned())).collect()
}

/// The codes of a document, by status.
pub(super) fn of(reference: &Reference) -> Vec<Row> {
    let row = |code: &Code| {
        // A code may have several statuses: each document has its own.
        let status = code.status();
        let answers = |answer: &Answer| {
            (answer.status == status.as_str() || answer.status == "default")
                && answer.codes.iter().any(|one| one == code.as_str())
        };
        let answering = reference
            .operations()
            .filter(|operation| operation.answers.iter().any(answers))
            .map(|operation| operation.id.clone());
        let operations: Vec<String> = if code.scope() == Scope::Listed { answering.collect() } else { Vec::new() };
        let here = code.scope() != Scope::Listed || !operations.is_empty();
        here.then_some(Row { code: *code, operations })
    };
    Code::ALL.iter().filter_map(row).collect()
}
