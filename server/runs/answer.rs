//! The answer of a run: the one value that its caller wants, whatever its root is.

use runyard_engine::plan::PlanResult;
use runyard_engine::{Node, NodeKind, Object, RunOutcome, RunStatus, State};
use serde_json::Value;

/// An answer, and the node type that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The value.
    pub value: Value,
    /// The resolved id of the node type that made it, if it came from one node run.
    pub node_type: Option<String>,
}

/// The answer of a run that has one: the result of a plan, the only output of any other root, or all outputs if there
/// are several.
pub fn of(state: &State) -> Option<Answer> {
    let (root, outputs) = (state.root()?, state.outputs.as_ref()?);
    has_answered(state).then(|| match root.node_type.kind {
        NodeKind::Plan => Answer {
            value: outputs.get("result").cloned().unwrap_or_default(),
            node_type: made_result(state, root).map(|step| step.node_type.id.clone()),
        },
        _ => Answer { value: only(outputs), node_type: Some(root.node_type.id.clone()) },
    })
}

/// The step that a plan's result was read from.
fn made_result<'a>(state: &'a State, plan: &Node) -> Option<&'a Node> {
    let mut steps = plan.children.iter().rev().filter_map(|id| state.node(*id));
    match &plan.result {
        Some(PlanResult::One(source)) => steps.find(|step| step.key == source.step),
        // The items of a list have several makers.
        Some(PlanResult::List(_)) => None,
        None => steps.find(|step| step.fallback_for.is_empty()),
    }
}

fn only(outputs: &Object) -> Value {
    let mut values = outputs.values();
    match (values.next(), values.next()) {
        (Some(one), None) => one.clone(),
        _ => Value::Object(outputs.clone()),
    }
}

/// Whether a run has an answer that later runs may refer to.
fn has_answered(state: &State) -> bool {
    matches!(state.status, RunStatus::Final(RunOutcome::Succeeded | RunOutcome::Partial))
}
