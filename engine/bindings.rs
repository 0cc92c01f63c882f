//! Values that come from earlier siblings' outputs: where they are found and how they are put.

use serde_json::Value;

use crate::event::{Failure, FinalState};
use crate::finish::{Checked, failure};
use crate::plan::{Form, Source, as_text};
use crate::{Node, NodeRunId, Object, State, standing};

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

/// JSON pointer (RFC 6901) into an object, without copying the object first.
fn at(outputs: &Object, pointer: &str) -> Option<Value> {
    if pointer.is_empty() {
        return Some(Value::Object(outputs.clone()));
    }
    let path = pointer.strip_prefix('/')?;
    let end = path.find('/').unwrap_or(path.len());
    let (field, rest) = path.split_at(end);
    // In this order: `~01` is `~1`, not `/`.
    let field = field.replace("~1", "/").replace("~0", "~");
    outputs.get(&field)?.pointer(rest).cloned()
}
