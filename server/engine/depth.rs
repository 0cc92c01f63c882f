//! The limit on the nesting of values, for every way into a run.
//!
//! Incoming values (inputs, outputs, plans) may be nested up to `Context::depth_max` levels. Values that the engine
//! assembles may be [`ASSEMBLED`] levels deeper: a plan's outputs contain those of its steps, a list's those of its
//! items. A request above the limit is rejected; a computed value above it fails its node run with `value_too_deep`.
//! Every recorded value can therefore be read by parsers with a depth limit.

use serde_json::Value;

use crate::event::Failure;
use crate::graph::{Content, Graph};
use crate::{ChildSpec, Command, Completion, Context, FailureCode, Object, Outcome, Plan, Rejected, Start};

/// The levels that the engine and the APIs may add around incoming values.
pub const ASSEMBLED: usize = 32;

/// Whether arrays and objects are nested more than `max` levels deep. A scalar has depth 0. The recursion stops at
/// `max`.
pub fn nests_deeper(value: &Value, max: usize) -> bool {
    match value {
        Value::Array(items) => max == 0 || items.iter().any(|item| nests_deeper(item, max - 1)),
        Value::Object(members) => max == 0 || members.values().any(|member| nests_deeper(member, max - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The same for an object.
pub fn object_nests_deeper(object: &Object, max: usize) -> bool {
    max == 0 || object.values().any(|member| nests_deeper(member, max - 1))
}

/// The failure of a node run with a value that is nested too deeply.
pub fn too_deep(what: &str, max: usize) -> Failure {
    let details = Object::from_iter([("limit".to_owned(), Value::from(max))]);
    let message = format!("{what} nest more than {max} levels deep; return less, or text");
    Failure { details: Some(details), retryable: Some(false), ..Failure::new(FailureCode::ValueTooDeep, message) }
}

/// Enforces the limit on a command. A command with a computed value above the limit becomes a failure.
///
/// # Errors
/// [`Rejected::ValueTooDeep`] if the command is a request, because its caller can send another value.
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
        Command::Decide { inputs, .. } => refused_if(deep(inputs.as_ref(), around))?,
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
        // `finish` checks the outputs when the node run ends.
        | Command::Report { .. }
        | Command::Deliver { .. }
        | Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Fail { .. }
        | Command::Cancel { .. } => {}
    }
    Ok(command)
}

/// The command that fails the same effect.
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
        Content::Agent(agent) => agent.tools.iter().any(|tool| object_nests_deeper(&tool.inputs, max)),
    }
}

/// Whether an input of a graph is nested too deeply, counted from the outermost graph, because nested graphs are stored
/// within it.
fn graph_is_deep(graph: &Graph, max: usize) -> bool {
    // Each nested graph adds three levels: `graph`, `nodes` and the node.
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
