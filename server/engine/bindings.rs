//! Values that come from earlier siblings' outputs: where they are found and how they are put.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::event::{Failure, FinalState};
use crate::finish::{Checked, failure};
use crate::large::{self, Digest, Found};
use crate::plan::{Form, Source, as_text};
use crate::{Node, NodeRunId, Object, State, standing};

/// The large values that have to be read before the inputs of a node run are known: those that a binding looks into, or puts into a text.
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

/// The same for one value that is read from a composite's children.
pub(crate) fn needs_of(state: &State, composite: NodeRunId, source: &Source) -> BTreeSet<Digest> {
    match look(state, composite, source) {
        Some(Found::In(digest)) => [digest].into(),
        _ => BTreeSet::new(),
    }
}

/// What is found in the outputs, where a part of them is meant.
fn look<'a>(state: &'a State, composite: NodeRunId, source: &Source) -> Option<Found<'a>> {
    let outputs = outputs(state, composite, source)?;
    (!source.pointer.is_empty()).then(|| large::at(outputs, &source.pointer))
}

fn outputs<'a>(state: &'a State, composite: NodeRunId, source: &Source) -> Option<&'a Object> {
    let named = state.node(NodeRunId::child(state.run, composite, &source.step))?;
    standing::stand_in(state, named).outputs.as_ref()
}

/// The inputs with every binding resolved; `None` when there is nothing to resolve.
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

/// The value at a place in the outputs of one of a composite's children, or of its stand-in if that one ran. Null where there is
/// none because a failure was passed over.
pub(crate) fn read(state: &State, composite: NodeRunId, source: &Source) -> Checked<Value> {
    let named = state.node(NodeRunId::child(state.run, composite, &source.step));
    let sibling = named.map(|named| standing::stand_in(state, named));
    let outputs = sibling.and_then(|sibling| sibling.outputs.as_ref());
    let found = match outputs {
        _ if sibling.is_some_and(|sibling| sibling.final_state() != Some(FinalState::Succeeded)) => {
            Some(outputs.and_then(|outputs| at(outputs, &source.pointer)).unwrap_or_default())
        }
        Some(outputs) => at(outputs, &source.pointer),
        // It ended without saying anything: the whole of that is an empty object.
        None => source.pointer.is_empty().then(|| Value::Object(Object::new())),
    };
    found.ok_or_else(|| {
        let Source { step, pointer } = source;
        let message = format!("step `{step}` has nothing at `{pointer}` in its outputs; check the name of the field");
        let details = Object::from_iter([
            ("step".to_owned(), Value::String(step.clone())),
            ("pointer".to_owned(), Value::String(pointer.clone())),
        ]);
        Box::new(Failure { details: Some(details), ..failure("binding_failed", message) })
    })
}

/// JSON pointer (RFC 6901) into an object, without copying the object first. What lies in a large value was asked for before.
fn at(outputs: &Object, pointer: &str) -> Option<Value> {
    if pointer.is_empty() {
        return Some(Value::Object(outputs.clone()));
    }
    match large::at(outputs, pointer) {
        Found::Value(value) => Some(value.clone()),
        Found::Nothing | Found::In(_) => None,
    }
}
