//! Failures of steps that are not executed: values that do not match, and node types that this server does not have.

use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, NodeType, Object};
use serde_json::{Value, json};

use crate::catalog::Violation;

/// The failure of a node type that this server does not execute.
pub(crate) fn unavailable(node_type: &NodeType) -> Failure {
    Failure {
        code: FailureCode::NodeTypeUnavailable.into(),
        message: format!(
            "node type {} {} cannot be performed by this server; start the run again with a node type of its catalogue",
            node_type.id, node_type.version
        ),
        details: None,
        retryable: Some(false),
    }
}

/// A failure that lists the mismatches; an API also returns it before a run starts.
pub fn invalid(code: FailureCode, what: &str, node_type: &NodeType, found: &[Violation]) -> Failure {
    let reasons: Vec<String> = found.iter().map(Violation::to_string).collect();
    let violations: Vec<Value> = found.iter().map(Violation::to_value).collect();
    let mut details = Object::new();
    details.insert("violations".to_owned(), json!(violations));
    Failure {
        code: code.into(),
        message: format!(
            "the {what} do not fit the schema of {} {}: {}",
            node_type.id,
            node_type.version,
            reasons.join("; ")
        ),
        details: Some(details),
        retryable: Some(false),
    }
}
