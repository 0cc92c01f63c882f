//! Inputs that are bound to outputs of earlier siblings: reads the values and sets the inputs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ending::Checked;
use crate::event::{Failure, FinalState};
use crate::large::{self, Digest, Found};
use crate::plan::{Form, Source, as_text};
use crate::{FailureCode, Node, NodeRunId, Object, State, dependency};

/// The large values to load before the inputs of a node run can be resolved: those that a binding reads a part of, or
/// formats as text.
pub(crate) fn needs(state: &State, node: &Node) -> BTreeSet<Digest> {
    let mut needs = BTreeSet::new();
    let Some(parent) = node.parent else { return needs };
    for binding in &node.bindings {
        let found = look(state, parent, &binding.source);
        match (found, &binding.form) {
            (Some(Found::In(digest)), _) => _ = needs.insert(digest),
            (Some(Found::Value(value)), Form::Text { .. }) => {
                large::in_value(value, &mut |reference| _ = needs.insert(reference.digest));
            }
            (None, Form::Text { .. }) => {
                needs.extend(outputs(state, parent, &binding.source).map(large::digests).into_iter().flatten())
            }
            (Some(Found::Value(_) | Found::Nothing) | None, _) => {}
        }
    }
    needs
}

/// As [`needs`], for one source in the outputs of a composite's children.
pub(crate) fn needs_of(state: &State, composite: NodeRunId, source: &Source) -> BTreeSet<Digest> {
    match look(state, composite, source) {
        Some(Found::In(digest)) => [digest].into(),
        _ => BTreeSet::new(),
    }
}

/// Looks up the source in the outputs; `None` if the source is the whole object.
fn look<'a>(state: &'a State, composite: NodeRunId, source: &Source) -> Option<Found<'a>> {
    let outputs = outputs(state, composite, source)?;
    (!source.pointer.is_empty()).then(|| large::at(outputs, &source.pointer))
}

fn outputs<'a>(state: &'a State, composite: NodeRunId, source: &Source) -> Option<&'a Object> {
    let named = state.node(NodeRunId::child(state.run, composite, &source.step))?;
    dependency::effective(state, named).outputs.as_ref()
}

/// The inputs with every binding resolved; `None` if the node run has no bindings.
pub(crate) fn resolve(state: &State, node: &Node) -> Checked<Option<Object>> {
    let Some(parent) = node.parent.filter(|_| !node.bindings.is_empty()) else { return Ok(None) };
    let mut inputs = Object::clone(&node.inputs);
    for binding in &node.bindings {
        let value = read(state, parent, &binding.source)?;
        let value = match &binding.form {
            Form::Value => value,
            Form::Text { before, after } => Value::String(format!("{before}{}{after}", as_text(&value))),
        };
        inputs.insert(binding.field.clone(), value);
    }
    Ok(Some(inputs))
}

/// The value of a source in the outputs of a composite's child, or of its fallback if that one ran. Null if the value
/// is missing because a failure was ignored.
pub(crate) fn read(state: &State, composite: NodeRunId, source: &Source) -> Checked<Value> {
    let named = state.node(NodeRunId::child(state.run, composite, &source.step));
    let sibling = named.map(|named| dependency::effective(state, named));
    let outputs = sibling.and_then(|sibling| sibling.outputs.as_ref());
    let found = match outputs {
        _ if sibling.is_some_and(|sibling| sibling.final_state() != Some(FinalState::Succeeded)) => {
            Some(outputs.and_then(|outputs| at(outputs, &source.pointer)).unwrap_or_default())
        }
        Some(outputs) => at(outputs, &source.pointer),
        // It ended without outputs, so the whole is an empty object.
        None => source.pointer.is_empty().then(|| Value::Object(Object::new())),
    };
    found.ok_or_else(|| {
        let Source { step, pointer } = source;
        let message = format!("step `{step}` has nothing at `{pointer}` in its outputs; check the name of the field");
        let details = Object::from_iter([
            ("step".to_owned(), Value::String(step.clone())),
            ("pointer".to_owned(), Value::String(pointer.clone())),
        ]);
        Box::new(Failure { details: Some(details), ..Failure::new(FailureCode::BindingFailed, message) })
    })
}

/// JSON pointer (RFC 6901) into an object, without copying the object first. Large values on the path are in place:
/// `needs` requested them.
fn at(outputs: &Object, pointer: &str) -> Option<Value> {
    if pointer.is_empty() {
        return Some(Value::Object(outputs.clone()));
    }
    match large::at(outputs, pointer) {
        Found::Value(value) => Some(value.clone()),
        Found::Nothing | Found::In(_) => None,
    }
}
