//! The failures of planning. Each message says what happened, why, and what to do next.
//!
//! | code                   | when                                                                          |
//! |------------------------|-------------------------------------------------------------------------------|
//! | `goal_missing`         | both `goal` and `prompt` are empty                                            |
//! | `goal_too_long`        | the goal is longer than the limit                                             |
//! | `invalid_inputs`       | the planner's inputs do not match its schema                                  |
//! | `constraint_violation` | the plan would have more steps, or be deeper, than a limit allows             |
//! | `clause_unmapped`      | no node type, or no allowed one, serves a clause                              |
//! | `arguments_missing`    | a node type serves a clause, but the clause lacks an input                    |
//! | `server_busy`, `validation_too_expensive` | no thread was free, or planning took too long              |
//! | `arguments_invalid`    | a node type serves a clause, but an input does not match its schema           |

use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, Object};
use serde_json::{Value, json};

/// The end of every message about a clause: what the caller can do.
const WAY_OUT: &str = "Say it more plainly, put texts in quotation marks, or name the node type by its id";

/// How many node types a message lists if none is similar.
const LISTED_MAX: usize = 20;

/// A longer clause is cut in messages and in `details.clause`.
const SHOWN_CHARS_MAX: usize = 200;

/// A similar node type, for `details.nearest`.
pub(super) struct Near {
    pub(super) id: String,
    pub(super) score: f64,
}

/// The node types for a message about a clause.
#[derive(Default)]
pub(super) struct Nearest<'a> {
    /// The similar ones, best first.
    pub(super) nearest: Vec<Near>,
    /// The ids of all node types that can be steps.
    pub(super) all: Vec<&'a str>,
}

pub(super) fn goal_missing() -> Failure {
    failure(
        FailureCode::GoalMissing,
        "there is nothing to plan: give `goal` (or `prompt`) as a text that is not blank".to_owned(),
        None,
    )
}

pub(super) fn goal_too_long(unit: &str, found: u64, limit: u64) -> Failure {
    let message = format!("the goal has {found} {unit} and at most {limit} are read; split it into several runs");
    failure(FailureCode::GoalTooLong, message, Some(json!({ unit: found, "limit": limit })))
}

pub(super) fn goal_too_many_steps(steps: u64, limit: u64) -> Failure {
    let message = format!("the goal needs {steps} steps and one plan has at most {limit}; split it into several runs");
    failure(FailureCode::GoalTooLong, message, Some(json!({ "steps": steps, "limit": limit })))
}

pub(super) fn constraint(name: &str, limit: u64, found: u64) -> Failure {
    let message = format!("{name} is {limit}, but the goal needs {found}; raise the limit or ask for less");
    // As text, like the engine's details: some limits are lists.
    let details = json!({ "constraint": name, "limit": limit.to_string(), "found": found.to_string() });
    failure(FailureCode::ConstraintViolation, message, Some(details))
}

pub(super) fn unmapped(clause: &str, why: &str, nearest: &Nearest<'_>) -> Failure {
    let clause = shown(clause);
    let message = format!("no step for the clause \"{clause}\": {why}; {}. {WAY_OUT}", listed(nearest));
    failure(
        FailureCode::ClauseUnmapped,
        message,
        Some(json!({ "clause": clause, "nearest": values(nearest), "missing": [] })),
    )
}

pub(super) fn arguments_missing(clause: &str, why: &str, field: &str, nearest: &Nearest<'_>) -> Failure {
    let clause = shown(clause);
    let message = format!("the clause \"{clause}\" does not say enough: {why}; {}. {WAY_OUT}", listed(nearest));
    let details = json!({ "clause": clause, "nearest": values(nearest), "missing": [field] });
    failure(FailureCode::ArgumentsMissing, message, Some(details))
}

pub(super) fn arguments_invalid(clause: &str, why: &str, field: &str, nearest: &Nearest<'_>) -> Failure {
    let clause = shown(clause);
    let message = format!("the clause \"{clause}\" cannot be done as it stands: {why}; say another value");
    let details = json!({ "clause": clause, "nearest": values(nearest), "missing": [], "invalid": [field] });
    failure(FailureCode::ArgumentsInvalid, message, Some(details))
}

/// A clause about the run's result that cannot be followed.
pub(super) fn answer(clause: &str, why: &str) -> Failure {
    let clause = shown(clause);
    let message = format!("the clause \"{clause}\" does not say what to return: {why}. {WAY_OUT}");
    failure(
        FailureCode::ArgumentsMissing,
        message,
        Some(json!({ "clause": clause, "nearest": [], "missing": ["result"] })),
    )
}

fn listed(near: &Nearest<'_>) -> String {
    let ids: Vec<&str> = near.nearest.iter().map(|near| near.id.as_str()).collect();
    if !ids.is_empty() {
        return format!("the nearest candidates are {}", ids.join(", "));
    }
    let (shown, more) = near.all.split_at(near.all.len().min(LISTED_MAX));
    match (shown, more.len()) {
        ([], _) => "no node type is near".to_owned(),
        (shown, 0) => format!("none is near; there are {}", shown.join(", ")),
        (shown, more) => format!("none is near; there are {} and {more} more", shown.join(", ")),
    }
}

fn values(near: &Nearest<'_>) -> Value {
    near.nearest.iter().map(|near| json!({ "node_type_id": near.id, "score": near.score })).collect()
}

fn failure(code: FailureCode, message: String, details: Option<Value>) -> Failure {
    let details =
        details.and_then(|details| details.as_object().cloned()).filter(|details: &Object| !details.is_empty());
    Failure { code: code.into(), message, details, retryable: Some(false) }
}

/// A text as a message shows it.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
