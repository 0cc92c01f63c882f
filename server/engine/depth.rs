//! How deep values may nest, whatever way they come into a run.
//!
//! What comes in (inputs, outputs, plans) keeps to `Context::depth_max`. What the engine makes of it (a plan's outputs hold those of its
//! steps, a list's those of its items) may be [`ASSEMBLED`] levels deeper. A request past the limit is refused; a computed value
//! past it fails its node run, `value_too_deep`. So nothing is recorded that a reader with a bound of its own could not read.

use serde_json::Value;

use crate::event::Failure;
use crate::finish::failure;
use crate::graph::{Content, Graph};
use crate::{ChildSpec, Command, Completion, Context, Object, Outcome, Plan, Rejected, Start};

/// Levels that the engine and the APIs may put around values that came in.
pub const ASSEMBLED: usize = 32;

/// Whether arrays and objects lie more than `max` deep within each other. A scalar has depth 0. Looks no deeper than that.
pub fn nests_deeper(value: &Value, max: usize) -> bool {
    match value {
        Value::Array(items) => max == 0 || items.iter().any(|item| nests_deeper(item, max - 1)),
        Value::Object(members) => max == 0 || members.values().any(|member| nests_deeper(member, max - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The same of an object.
pub fn object_nests_deeper(object: &Object, max: usize) -> bool {
    max == 0 || object.values().any(|member| nests_deeper(member, max - 1))
}

/// What a node run fails with of which a value nests too deep.
pub fn too_deep(what: &str, max: usize) -> Failure {
    let details = Object::from_iter([("limit".to_owned(), Value::from(max))]);
    let message = format!("{what} nest more than {max} levels deep; return less, or text");
    Failure { details: Some(details), retryable: Some(false), ..failure("value_too_deep", message) }
}

/// A command that keeps to the limit: as it is, or, where it brings what was computed, with a failure in its place.
///
/// # Errors
/// [`Rejected::ValueTooDeep`] where it is a request: its sender can send something else.
pub(crate) fn bounded(command: Command, context: Context) -> Result<Command, Rejected> {
    let max = context.depth_max;
    let around = max + ASSEMBLED;
    let refused_if = |deep: bool| if deep { Err(Rejected::ValueTooDeep { limit: max }) } else { Ok(()) };
    match &command {
        Command::Start(start) => refused_if(start_is_deep(start, around))?,
        Command::CreateChildren { children, .. } => refused_if(children.iter().any(|child| child_is_deep(child, around)))?,
        Command::Complete { completion, .. } => refused_if(completion_is_deep(completion, around))?,
        Command::Evaluate { evaluation, recovery, .. } => {
            let deep = deep(evaluation.details.as_ref(), around)
                || object_nests_deeper(&evaluation.extensions, around)
                || recovery.as_ref().is_some_and(|action| object_nests_deeper(&action.0, around));
            refused_if(deep)?;
        }
        Command::Planned { plan, .. } if plan_is_deep(plan, max) => return Ok(failed(command, "values of the plan", max)),
        Command::Loaded { inputs, content, .. } => {
            if deep(inputs.as_ref(), max) || content_is_deep(content, around) {
                return Ok(failed(command, "the inputs", max));
            }
        }
        Command::Launched { inputs, .. } if deep(inputs.as_ref(), max) => return Ok(failed(command, "the inputs", max)),
        Command::Settle { outcome, .. } => match outcome {
            Outcome::Succeeded { outputs } if object_nests_deeper(outputs, max) => {
                return Ok(failed(command, "the outputs", max));
            }
            Outcome::Routed(routed) if object_nests_deeper(&routed.outputs, max) => {
                return Ok(failed(command, "the outputs", max));
            }
            Outcome::Routed(routed) if deep(routed.inputs.as_ref(), max) => {
                return Ok(failed(command, "the inputs", max));
            }
            Outcome::FailedWith { inputs, .. } if object_nests_deeper(inputs, max) => {
                return Ok(failed(command, "the inputs", max));
            }
            Outcome::Failed(error) if deep(error.details.as_ref(), max) => {
                return Ok(failed(command, "details of the failure", max));
            }
            _ => {}
        },
        Command::Planned { .. }
        | Command::Launched { .. }
        | Command::Wake { .. }
        // What ends it is looked at where it ends (`finish`).
        | Command::Report { .. }
        | Command::Deliver { .. }
        | Command::Decide { .. }
        | Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Fail { .. }
        | Command::Cancel { .. } => {}
    }
    Ok(command)
}

/// The answer to the same effect, that it failed.
fn failed(command: Command, what: &str, max: usize) -> Command {
    match command {
        Command::Planned { effect, node_run, .. }
        | Command::Loaded { effect, node_run, .. }
        | Command::Launched { effect, node_run, .. }
        | Command::Settle { effect, node_run, .. } => {
            Command::Settle { effect, node_run, outcome: Outcome::Failed(too_deep(what, max)) }
        }
        other => other,
    }
}

fn deep(object: Option<&Object>, max: usize) -> bool {
    object.is_some_and(|object| object_nests_deeper(object, max))
}

fn start_is_deep(start: &Start, max: usize) -> bool {
    object_nests_deeper(&start.inputs, max)
        || object_nests_deeper(&start.notes, max)
        || start.output_schema.as_ref().is_some_and(|schema| nests_deeper(schema, max))
        || start.graph.as_deref().is_some_and(|graph| graph_is_deep(graph, max))
}

fn child_is_deep(child: &ChildSpec, max: usize) -> bool {
    object_nests_deeper(&child.inputs, max)
        || object_nests_deeper(&child.notes, max)
        || child.binding_decision.as_ref().is_some_and(|decision| nests_deeper(decision, max))
}

fn completion_is_deep(completion: &Completion, max: usize) -> bool {
    deep(completion.outputs.as_ref(), max)
        || completion.artifacts.iter().any(|artifact| object_nests_deeper(&artifact.0, max))
        || completion.error.as_ref().is_some_and(|error| deep(error.details.as_ref(), max))
}

fn plan_is_deep(plan: &Plan, max: usize) -> bool {
    plan.steps.iter().any(|step| object_nests_deeper(&step.inputs, max))
}

fn content_is_deep(content: &Content, max: usize) -> bool {
    match content {
        Content::Graph(graph) => graph_is_deep(graph, max),
        Content::Items(items) => {
            object_nests_deeper(&items.inputs, max)
                || items.items.iter().any(|item| nests_deeper(item, max))
                || items.graph.as_deref().is_some_and(|graph| graph_is_deep(graph, max))
        }
    }
}

/// Whether an input nests too deep, counted from the outermost graph: a graph within a graph is stored within it.
fn graph_is_deep(graph: &Graph, max: usize) -> bool {
    // `graph`, `nodes`, the node.
    const LEVELS: usize = 3;
    let mut open = vec![(graph, max)];
    while let Some((graph, max)) = open.pop() {
        let Some(within) = max.checked_sub(LEVELS) else { return true };
        if graph.nodes.iter().any(|node| object_nests_deeper(&node.inputs, within)) {
            return true;
        }
        open.extend(graph.nodes.iter().filter_map(|node| Some((node.graph.as_deref()?, within))));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_of_a_value_is_that_of_its_brackets() {
        let value = serde_json::json!({ "a": [1, { "b": [] }], "c": {} });
        assert!(!nests_deeper(&value, 4));
        assert!(nests_deeper(&value, 3));
        assert!(!nests_deeper(&Value::from("[[["), 0));
    }
}
