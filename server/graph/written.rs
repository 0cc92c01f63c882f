//! Expressions in what a graph says: found, made explicit, and checked before anything runs.
//!
//! | as written                                                          | as the engine keeps it |
//! |---------------------------------------------------------------------|------------------------|
//! | `{"kind": "templateExpression" \| "jsExpression", "expression": ...}` | the same               |
//! | text with `{{ }}` in it, where the graph does not say `text: plain` | a `templateExpression` |
//! | anything else                                                       | the same               |
//!
//! So what is kept says by itself what is worked out, and no text of a value is ever taken for an expression.

use runyard_engine::Object;
use serde_json::{Value, json};

use crate::expressions::{self, Compiler, Dialect, Fault, has_braces, is_expression};

/// The node type that is a script.
pub const SCRIPT: &str = "runyard.graph.script";

/// How what is kept is read.
pub(super) const DIALECT: Dialect<'static> = Dialect { roots: &["nodes", "parentNodes"], verbatim: &[], braces: false };

/// The inputs of a node of this type with every expression of its plain texts made explicit. A script is none.
pub(super) fn explicit(node_type: &str, inputs: &mut Object) {
    for (field, value) in inputs {
        if (node_type, field.as_str()) != (SCRIPT, "script") {
            expand(value);
        }
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

/// Whether a value is worked out, at any depth.
pub(super) fn has_expressions(value: &Value) -> bool {
    match value {
        Value::Object(members) => is_expression(members) || members.values().any(has_expressions),
        Value::Array(items) => items.iter().any(has_expressions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Everything in the inputs of a node of this type that should be JavaScript and is not.
pub(super) fn faults(compiler: &mut Compiler, node_type: &str, inputs: &Object) -> Vec<Fault> {
    let mut faults = Vec::new();
    if inputs.values().any(has_expressions) {
        // Only borrowed as a value there is nothing to compile from; what has expressions is small.
        let compiled = compiler.compile(&Value::Object(inputs.clone()), &DIALECT);
        faults.extend(compiled.err().into_iter().flatten());
    }
    if let (SCRIPT, Some(Value::String(script))) = (node_type, inputs.get("script")) {
        let compiled = compiler.compile_script(script, &DIALECT);
        let named = |fault: expressions::Fault| Fault { path: "/script".to_owned(), ..fault };
        faults.extend(compiled.err().into_iter().flatten().map(named));
    }
    faults
}
