//! A list of items that run the same node type: it runs until its items are known, then waits for their node runs. At
//! most `at_once` items are live. A child is created only when it may begin, so that a long list needs no more memory
//! in advance than a short one.
//!
//! Its outputs are `results`, with the outputs of each item in order or null for failed ones, and `errors`, by the
//! item's place. If a failed item fails the list, running items are canceled. If failures are collected, the list
//! succeeds only without failures. Otherwise it fails with `partial` or `nothing_achieved`, and still has outputs.

use serde_json::{Value, json};

use crate::draft::Draft;
use crate::ending::{Ending, ended_as};
use crate::event::{ChildCreated, Failure, FinalState};
use crate::finish;
use crate::graph::{Items, OnItemFailure};
use crate::kinds::graph::is_done;
use crate::{Constraints, Event, FailureCode, Node, NodeRunId, Object, Rejected, Shortfall, State, large, limits};

/// Begins the first items, or ends if the list is empty.
pub(crate) fn first(draft: &mut Draft, id: NodeRunId) -> Result<Option<Ending>, Rejected> {
    go_on(draft, id)
}

/// Begins the next item, or ends as described above.
pub(crate) fn child_ended(draft: &mut Draft, id: NodeRunId, child: NodeRunId) -> Result<Option<Ending>, Rejected> {
    let (node, child) = (draft.node(id)?, draft.node(child)?);
    let fails = node.items.as_ref().is_none_or(|items| items.on_item_failure == OnItemFailure::Fail);
    if fails && !is_done(child) {
        let failure = item_failed(child);
        stop_others(draft, id, &failure.message)?;
        return Ok(Some(Ending::failed(failure)));
    }
    go_on(draft, id)
}

fn go_on(draft: &mut Draft, id: NodeRunId) -> Result<Option<Ending>, Rejected> {
    if let Some(failure) = fill(draft, id)? {
        stop_others(draft, id, &failure.message)?;
        return Ok(Some(Ending::failed(failure)));
    }
    let node = draft.node(id)?;
    Ok((node.live_children == 0).then(|| answer(draft.state(), node)))
}

/// Creates the next children, while there are items and less than `at_once` are live. The run may have grown since its
/// items were loaded. If the next child would exceed a limit, the list fails with that limit.
fn fill(draft: &mut Draft, id: NodeRunId) -> Result<Option<Failure>, Rejected> {
    let Some(items) = draft.node(id)?.items.clone() else { return Err(super::impossible(id, "it has no items")) };
    let at_once = items.at_once.max(1) as usize;
    loop {
        let node = draft.node(id)?;
        let place = node.children.len();
        let Some(item) = items.items.get(place).filter(|_| node.live_children < at_once) else { return Ok(None) };
        if let Err(breach) = limits::more_children_fit(draft.state(), node, 1) {
            return Ok(Some(Failure::from(breach)));
        }
        if let (None, Value::Object(members)) = (&items.item_as, item)
            && let Some(reference) = large::reference(members)
        {
            // The item's members are merged with the shared inputs.
            return Err(Rejected::NeedsValues { digests: [reference.digest].into() });
        }
        let created = created(draft.state(), node, &items, place, item);
        draft.record(Event::ChildCreated(Box::new(created)))?;
    }
}

fn created(state: &State, parent: &Node, items: &Items, place: usize, item: &Value) -> ChildCreated {
    let key = format!("#{}", place + 1);
    ChildCreated {
        node_run: NodeRunId::child(state.run, parent.id, &key),
        parent: parent.id,
        key,
        key_given: false,
        constraints: parent.constraints.merge(&items.node_type.constraints),
        node_type: items.node_type.clone(),
        inputs: inputs(items, item),
        bindings: Vec::new(),
        depends_on: Vec::new(),
        fallback_for: Vec::new(),
        place: u32::try_from(place).ok(),
        policy: items.policy.clone(),
        asked: Constraints::default(),
        goal: None,
        candidate_set_id: None,
        binding_decision: None,
        notes: Object::new(),
    }
}

/// The shared inputs and the item.
fn inputs(items: &Items, item: &Value) -> Object {
    let mut inputs = items.inputs.clone();
    match (&items.item_as, item) {
        (Some(field), item) => _ = inputs.insert(field.clone(), item.clone()),
        (None, Value::Object(members)) => inputs.extend(members.clone()),
        (None, _) => {}
    }
    inputs
}

/// The failure of the list when an item did not succeed.
fn item_failed(child: &Node) -> Failure {
    let (place, code, reason) = error(child);
    let details = Object::from_iter([
        ("node_run_id".to_owned(), Value::String(child.id.to_string())),
        ("index".to_owned(), json!(place)),
        ("code".to_owned(), Value::String(code.to_owned())),
        ("message".to_owned(), Value::String(reason.to_owned())),
    ]);
    let how = ended_as(child.final_state().unwrap_or(FinalState::Failed));
    Failure { details: Some(details), ..Failure::new(FailureCode::ItemFailed, format!("item {place} {how}: {reason}")) }
}

/// The item's place, and why it did not succeed.
fn error(child: &Node) -> (u32, &str, &str) {
    let (code, reason) = match &child.error {
        Some(error) => (error.code.as_str(), error.message.as_str()),
        None => ("unknown", "no reason was given"),
    };
    (child.place.unwrap_or_default(), code, reason)
}

/// Cancels the node runs of other items.
fn stop_others(draft: &mut Draft, id: NodeRunId, why: &str) -> Result<(), Rejected> {
    let canceled = Failure::new(FailureCode::Canceled, format!("stopped because {why}"));
    let children = draft.node(id)?.children.iter();
    let live: Vec<NodeRunId> =
        children.copied().filter(|id| draft.state().node(*id).is_some_and(Node::is_live)).collect();
    for sibling in live {
        finish::cancel(draft, sibling, &canceled)?;
    }
    Ok(())
}

/// The end of the list after its last item.
fn answer(state: &State, list: &Node) -> Ending {
    let through = || list.children.iter().filter_map(|id| state.node(*id));
    let result = |child: &Node| match (&child.outputs, is_done(child)) {
        (outputs, true) => Value::Object(outputs.clone().unwrap_or_default()),
        (_, false) => Value::Null,
    };
    let lost: Vec<&Node> = through().filter(|child| !is_done(child)).collect();
    let short = through().filter(|child| child.final_state() != Some(FinalState::Succeeded)).count();
    let errors = lost.iter().map(|child| {
        let (place, code, reason) = error(child);
        json!({ "index": place, "code": code, "message": reason })
    });
    let outputs = Object::from_iter([
        ("results".to_owned(), Value::Array(through().map(result).collect())),
        ("errors".to_owned(), Value::Array(errors.collect())),
    ]);
    let all = list.children.len();
    if short == 0 {
        return Ending::succeeded(outputs);
    }
    if lost.len() == all {
        return Ending::short(
            Shortfall::NothingAchieved,
            outputs,
            Failure::new(FailureCode::NothingAchieved, format!("all {all} items failed")),
        );
    }
    let message = format!("{short} of {all} items fell short of success");
    Ending::short(Shortfall::Partial, outputs, Failure::new(FailureCode::Partial, message))
}
