//! What the engine records about an agent when it begins: the node type of its turns, and its tools.

use std::sync::Arc;

use runyard_engine::{Agent, Constraints, Content, NodeTypeRef, Object};
use serde_json::Value;

use super::{AgentInputs, tools};
use crate::catalog::{Catalog, Violation};
use crate::nodes::models;
use crate::schemas::{Schema, Work};

/// The content of an agent with these inputs, which fit its schema.
///
/// # Errors
/// Every fault, field by field.
pub(in crate::nodes) fn content(
    catalog: &Catalog,
    constraints: &Constraints,
    inputs: &Object,
) -> Result<Content, Vec<Violation>> {
    let wrong = |field: &str, reason: String| vec![Violation::at(field, reason)];
    let inputs: AgentInputs = serde_json::from_value(Value::Object(inputs.clone()))
        .map_err(|error| wrong("", format!("cannot be read: {error}")))?;
    if let Some(schema) = &inputs.output_schema {
        Schema::read(&Value::Object(schema.clone()), &Work::default())
            .map_err(|error| wrong("output_schema", format!("is no JSON Schema that can be checked: {error}")))?;
    }
    let asked = NodeTypeRef { id: models::chat::ID.to_owned(), version: "1.0.0".to_owned() };
    let mut turn = catalog.resolve(&asked).map_err(|_| {
        wrong(
            "model",
            "is missing: this server has no model for this caller; add [[models]] to its configuration".to_owned(),
        )
    })?;
    turn.retry = Some(models::retry());
    Ok(Content::Agent(Arc::new(Agent {
        turn,
        tools: tools::chosen(catalog, constraints, &inputs)?,
        at_once: inputs.limits.max_parallel_calls,
        turns_max: inputs.limits.max_turns,
    })))
}
