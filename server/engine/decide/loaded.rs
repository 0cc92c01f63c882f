//! `Loaded`: the content of a composite. If the content is not valid or a constraint forbids it, the attempt fails with
//! a reason, and the content is not recorded. If the effect is unknown, late or repeated, nothing changes.

use crate::draft::Draft;
use crate::ending::Checked;
use crate::event::Failure;
use crate::graph::{Content, Graph, Items};
use crate::kinds::facts::Work;
use crate::limits::Breach;
use crate::policy::{self, Invalid, OnFailure};
use crate::record::agent::Agent;
use crate::{
    Constraints, Context, Decision, EffectId, Event, FailureCode, Node, NodeKind, NodeRunId, Object, Rejected, State,
    attempts, kinds, limits, outstanding, schedule,
};

/// Begins the graph or the list. If the content does not fit, retries or ends the composite.
pub(super) fn decide(
    state: &State,
    effect: EffectId,
    node_run: NodeRunId,
    inputs: Option<Object>,
    content: Content,
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    let asked = |node: &&Node| {
        let loads = node.node_type.kind.facts().work == Some(Work::Load);
        loads && outstanding::is_work_of(state.run, node, effect)
    };
    let Some(node) = state.node(node_run).filter(asked) else { return Ok(Decision::default()) };
    let mut draft = Draft::answering(state, context, effect);
    match fits(state, node, &content) {
        Ok(()) => {
            let before = draft.wanted(node_run)?;
            draft.record(Event::Loaded { node_run, inputs, content })?;
            kinds::begin_children(&mut draft, node_run, before)?;
        }
        Err(failure) => attempts::failed(&mut draft, node_run, failure)?,
    }
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}

/// Whether the composite can have this content.
fn fits(state: &State, node: &Node, content: &Content) -> Checked<()> {
    let breach = |breach: Breach| Box::new(Failure::from(breach));
    match (node.node_type.kind, content) {
        (NodeKind::Graph, Content::Graph(graph)) => {
            limits::children_fit(state, node, 1).map_err(breach)?;
            walkable(&node.constraints, graph)
        }
        (NodeKind::Each, Content::Items(items)) => {
            limits::children_fit(state, node, items.items.len()).map_err(breach)?;
            limits::node_type_fits(&node.constraints, &items.node_type).map_err(breach)?;
            if let Some(graph) = &items.graph {
                walkable(&node.constraints, graph)?;
            }
            doable(items)
        }
        (NodeKind::Agent, Content::Agent(agent)) => {
            limits::children_fit(state, node, 1).map_err(breach)?;
            usable(&node.constraints, agent)
        }
        _ => Err(Failure::new(FailureCode::LoadFailed, "what the composite is made of does not fit its kind").into()),
    }
}

/// Whether a graph can be executed under these constraints.
fn walkable(constraints: &Constraints, graph: &Graph) -> Checked<()> {
    if let Some(fault) = graph.fault() {
        return Err(Failure { retryable: Some(false), ..Failure::new(FailureCode::GraphInvalid, fault) }.into());
    }
    for (key, node_type) in graph.node_types() {
        limits::node_type_fits(constraints, node_type).map_err(|breach| {
            let failure = Failure::from(breach);
            Failure { message: format!("node `{key}`: {}", failure.message), ..failure }
        })?;
    }
    Ok(())
}

/// The same for a graph that a run starts with.
pub(super) fn graph_fits(constraints: &Constraints, graph: &Graph) -> Result<(), Rejected> {
    if let Some(reason) = graph.fault() {
        return Err(Rejected::InvalidGraph { reason });
    }
    for (_, node_type) in graph.node_types() {
        limits::node_type_fits(constraints, node_type)?;
    }
    Ok(())
}

/// Whether an agent may use its model and its tools.
fn usable(constraints: &Constraints, agent: &Agent) -> Checked<()> {
    let invalid = |message: String| {
        Box::new(Failure { retryable: Some(false), ..Failure::new(FailureCode::InvalidInputs, message) })
    };
    limits::node_type_fits(constraints, &agent.turn).map_err(|breach| Box::new(Failure::from(breach)))?;
    for tool in &agent.tools {
        limits::node_type_fits(constraints, &tool.node_type).map_err(|breach| {
            let failure = Failure::from(breach);
            Failure { message: format!("tool `{}`: {}", tool.name, failure.message), ..failure }
        })?;
        policy::check(&tool.policy, &tool.node_type)
            .map_err(|Invalid { field, reason }| invalid(format!("tool `{}`: {field}: {reason}", tool.name)))?;
        if tool.policy.on_failure != OnFailure::Fail {
            return Err(invalid(format!("tool `{}`: on_failure: the model decides what follows a failure", tool.name)));
        }
    }
    Ok(())
}

/// Whether every item can run the node type of the list.
fn doable(items: &Items) -> Checked<()> {
    let invalid = |message: String| {
        Box::new(Failure { retryable: Some(false), ..Failure::new(FailureCode::ItemsInvalid, message) })
    };
    if items.policy.on_failure != OnFailure::Fail {
        return Err(invalid("on_failure: what follows a failed item is for the whole list to say".to_owned()));
    }
    policy::check(&items.policy, &items.node_type)
        .map_err(|Invalid { field, reason }| invalid(format!("{field}: {reason}")))?;
    match items.items.iter().position(|item| items.item_as.is_none() && !item.is_object()) {
        Some(place) => Err(invalid(format!("item {place} is no object, and nothing says in which input it is put"))),
        None => Ok(()),
    }
}
