//! What a node's inputs come to: as they are written, in the graph around it.

use runyard_engine::Object;
use runyard_engine::event::Failure;
use serde_json::Value;

use super::Nodes;

/// The forms of a value that is worked out, by their `kind`.
const EXPRESSIONS: [&str; 2] = ["templateExpression", "jsExpression"];

/// What the inputs of a node come to. Literals are what they are.
///
/// # Errors
/// `expressions_unavailable`: a value is to be worked out, and this server cannot.
pub fn evaluate(inputs: &Object, _nodes: &Nodes) -> Result<Object, Failure> {
    match inputs.iter().find(|(_, value)| is_expression(value)) {
        Some((field, _)) => Err(Failure {
            code: "expressions_unavailable".to_owned(),
            message: format!("`{field}` holds an expression, and this server works none out; write the value itself"),
            details: None,
            retryable: Some(false),
        }),
        None => Ok(inputs.clone()),
    }
}

/// Whether an expression is in it, at any depth.
fn is_expression(value: &Value) -> bool {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                let kind = members.get("kind").and_then(Value::as_str);
                if members.contains_key("expression") && kind.is_some_and(|kind| EXPRESSIONS.contains(&kind)) {
                    return true;
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    false
}
