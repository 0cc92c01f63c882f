//! Expressions in a written graph: found, made explicit, and checked before anything runs.
//!
//! | as written                                                          | as stored              |
//! |---------------------------------------------------------------------|------------------------|
//! | `{"kind": "templateExpression" \| "jsExpression", "expression": ...}` | the same               |
//! | text with `{{ }}` in it, where the graph does not say `text: plain` | a `templateExpression` |
//! | anything else                                                       | the same               |
//!
//! So a stored graph says by itself which values are evaluated, and no text of a value is ever taken for an
//! expression.

use runyard_engine::Object;
use serde_json::{Value, json};

use crate::expressions::{self, Compiler, Dialect, Fault, has_braces, is_expression};

/// The node type that is a script.
pub const SCRIPT: &str = crate::nodes::script::ID;
/// The node type of a sub-run.
const RUN: &str = "runyard.core.run";

/// How a stored graph is read.
pub(super) const DIALECT: Dialect<'static> = Dialect { roots: &["nodes", "parentNodes"], verbatim: &[], braces: false };

/// The same for the inputs of a node of this type. The graph and the output schema of a sub-run are evaluated by that
/// run.
pub(super) fn dialect(node_type: &str) -> Dialect<'static> {
    Dialect { verbatim: if node_type == RUN { &["graph", "output_schema"] } else { &[] }, ..DIALECT }
}

/// Makes every expression in plain texts of a node's inputs explicit. A script's source has none.
pub(super) fn explicit(node_type: &str, inputs: &mut Object) {
    let verbatim = dialect(node_type).verbatim;
    for (field, value) in inputs {
        if (node_type, field.as_str()) != (SCRIPT, "script") && !verbatim.contains(&field.as_str()) {
            expand(value);
        }
    }
}

/// Moves the graph of a sub-run to where it is not evaluated.
pub(super) fn set_apart(node_type: &str, inputs: &mut Object) {
    if node_type == RUN
        && !inputs.contains_key("graph")
        && let Some(Value::Object(given)) = inputs.get_mut("inputs")
        && let Some(graph) = given.shift_remove("graph")
    {
        inputs.insert("graph".to_owned(), graph);
    }
}

fn expand(value: &mut Value) {
    match value {
        Value::String(text) if has_braces(text) => {
            *value = json!({ "kind": "templateExpression", "expression": text });
        }
        Value::Object(members) if !is_expression(members) => members.values_mut().for_each(expand),
        Value::Array(items) => items.iter_mut().for_each(expand),
        _ => {}
    }
}

/// Whether any of the inputs has an expression, at any depth.
pub(super) fn has_expressions(inputs: &Object, dialect: &Dialect<'_>) -> bool {
    inputs.iter().any(|(field, value)| !dialect.verbatim.contains(&field.as_str()) && is_worked_out(value))
}

fn is_worked_out(value: &Value) -> bool {
    match value {
        Value::Object(members) => is_expression(members) || members.values().any(is_worked_out),
        Value::Array(items) => items.iter().any(is_worked_out),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Every expression in the inputs of a node of this type that is no valid JavaScript.
pub(super) fn faults(compiler: &mut Compiler, node_type: &str, inputs: &Object) -> Vec<Fault> {
    let mut faults = Vec::new();
    let dialect = dialect(node_type);
    if has_expressions(inputs, &dialect) {
        let compiled = compiler.compile(&Value::Object(inputs.clone()), &dialect);
        faults.extend(compiled.err().into_iter().flatten());
    }
    if let (SCRIPT, Some(Value::String(script))) = (node_type, inputs.get("script")) {
        let compiled = compiler.compile_script(script, &DIALECT);
        let named = |fault: expressions::Fault| Fault { path: "/script".to_owned(), ..fault };
        faults.extend(compiled.err().into_iter().flatten().map(named));
    }
    faults
}
