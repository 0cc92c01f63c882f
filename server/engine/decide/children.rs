//! `CreateChildren`: the owner of an external composite creates children, all or none. A key that was used before
//! identifies the existing child, if the rest of the request is the same.
//!
//! Keys: a derived key is `#` and the child's number. A given key that starts with `#` is stored with one more `#` in
//! front, so that the two never collide.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::draft::Draft;
use crate::event::ChildCreated;
use crate::fallbacks::{self, StepOutline};
use crate::plan::CandidateSet;
use crate::policy::{self, Invalid, OnFailure};
use crate::{
    ChildSpec, Constraints, Context, Decision, Event, Node, NodeKind, NodeRunId, NodeState, NodeTypeRef, Object,
    Policy, Rejected, Reply, RunId, State, dependency, finish, limits, schedule,
};

/// Creates the children that do not exist yet.
pub(super) fn decide(
    state: &State,
    parent: NodeRunId,
    children: Vec<ChildSpec>,
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    let node = state.node(parent).ok_or(Rejected::UnknownNodeRun { node_run: parent })?;
    match node.node_type.kind {
        NodeKind::Call | NodeKind::Sleep | NodeKind::Ask | NodeKind::Run => {
            return Err(Rejected::NotComposite { node_run: parent });
        }
        NodeKind::Plan | NodeKind::Graph | NodeKind::Each | NodeKind::Agent => {
            return Err(Rejected::ServerOwned { node_run: parent });
        }
        NodeKind::External => {}
    }
    let batch = Batch::sort(state, node, children);
    if let Ok(Batch { new, reply }) = &batch
        && new.is_empty()
    {
        return Ok(Decision { reply: Reply::Children(reply.clone()), ..Decision::default() });
    }
    super::target::movable(state, node)?;
    let Batch { mut new, reply } = batch?;
    effective(&mut new)?;
    limits::children_fit(state, node, new.len())?;
    for child in &new {
        limits::node_type_fits(&node.constraints.merge(&child.spec.constraints), &child.spec.node_type)?;
        policy::check(&child.spec.policy, &child.spec.node_type).map_err(|invalid| child.refused(invalid))?;
    }
    let mut draft = Draft::new(state, context);
    draft.record(Event::Decomposed {
        node_run: parent,
        round: node.rounds + 1,
        children: u32::try_from(new.len()).unwrap_or(u32::MAX),
        summary: None,
        result: None,
    })?;
    for child in new {
        child.record(&mut draft, node)?;
    }
    skip_unsatisfiable(&mut draft, &reply)?;
    schedule::dispatch(&mut draft)?;
    Ok(draft.reply(Reply::Children(reply)))
}

/// The requested children, split into new and existing ones.
struct Batch {
    new: Vec<New>,
    /// Every requested child, in the order of the request.
    reply: Vec<NodeRunId>,
}

/// A child to create.
struct New {
    id: NodeRunId,
    key: String,
    depends_on: Vec<NodeRunId>,
    fallback_for: Vec<NodeRunId>,
    spec: ChildSpec,
}

impl Batch {
    fn sort(state: &State, parent: &Node, specs: Vec<ChildSpec>) -> Result<Batch, Rejected> {
        let mut batch = Batch { new: Vec::new(), reply: Vec::new() };
        // The index in `new` of a child of this batch.
        let mut places: BTreeMap<NodeRunId, usize> = BTreeMap::new();
        for mut spec in specs {
            // Null is stored as absent, so compare it as absent.
            spec.binding_decision = spec.binding_decision.filter(|decision| !decision.is_null());
            if let OnFailure::GoTo(key) = &mut spec.policy.on_failure {
                *key = kept_key(key);
            }
            let key = match &spec.key {
                Some(key) => kept_key(key),
                None => format!("#{}", parent.children.len() + batch.new.len() + 1),
            };
            let id = NodeRunId::child(state.run, parent.id, &key);
            let depends_on = siblings(state.run, parent.id, &spec);
            batch.reply.push(id);
            if let Some(before) = state.node(id) {
                same(&key, &Asked::now(&spec, &depends_on), &Asked::before(before))?;
            } else if let Some(before) = places.get(&id).and_then(|place| batch.new.get(*place)) {
                same(&key, &Asked::now(&spec, &depends_on), &Asked::now(&before.spec, &before.depends_on))?;
            } else {
                let exists = |id: &NodeRunId| state.nodes.contains_key(id) || places.contains_key(id);
                if let Some(unknown) = depends_on.iter().position(|id| !exists(id)) {
                    return Err(Rejected::UnknownDependency { key, dependency: spec.depends_on[unknown].clone() });
                }
                places.insert(id, batch.new.len());
                batch.new.push(New { id, key, depends_on, fallback_for: Vec::new(), spec });
            }
        }
        Ok(batch)
    }
}

/// A key in its stored form.
fn kept_key(given: &str) -> String {
    if given.starts_with('#') { format!("#{given}") } else { given.to_owned() }
}

/// The siblings that a child depends on, one for each key.
fn siblings(run: RunId, parent: NodeRunId, spec: &ChildSpec) -> Vec<NodeRunId> {
    spec.depends_on.iter().map(|key| NodeRunId::child(run, parent, &kept_key(key))).collect()
}

/// The fields by which two requests with the same key are compared.
struct Asked<'a> {
    node_type: &'a NodeTypeRef,
    inputs: &'a Object,
    binding_decision: Option<&'a Value>,
    candidate_set_id: Option<&'a str>,
    constraints: &'a Constraints,
    depends_on: BTreeSet<NodeRunId>,
    policy: &'a Policy,
}

impl<'a> Asked<'a> {
    /// Compares the requested node type, not the resolved one, because `latest` may have changed in between.
    fn now(spec: &'a ChildSpec, depends_on: &[NodeRunId]) -> Self {
        Asked {
            node_type: &spec.node_type.asked,
            inputs: &spec.inputs,
            binding_decision: spec.binding_decision.as_ref(),
            candidate_set_id: spec.candidate_set_id.as_deref(),
            constraints: &spec.constraints,
            depends_on: depends_on.iter().copied().collect(),
            policy: &spec.policy,
        }
    }

    /// Children from outside have no bindings, so their inputs are unchanged.
    fn before(node: &'a Node) -> Self {
        Asked {
            node_type: &node.node_type.asked,
            inputs: &node.inputs,
            binding_decision: node.binding_decision.as_ref(),
            candidate_set_id: node.candidate_set_id.as_deref(),
            constraints: &node.asked,
            depends_on: node.depends_on.iter().copied().collect(),
            policy: &node.policy,
        }
    }
}

/// Rejects a different child with an existing key, and names the first field that differs.
fn same(key: &str, now: &Asked, before: &Asked) -> Result<(), Rejected> {
    let fields = [
        ("node_type", now.node_type == before.node_type),
        ("inputs", now.inputs == before.inputs),
        ("binding_decision", now.binding_decision == before.binding_decision),
        ("candidate_set_id", now.candidate_set_id == before.candidate_set_id),
        ("constraints", now.constraints == before.constraints),
        ("depends_on", now.depends_on == before.depends_on),
        ("policy", now.policy == before.policy),
    ];
    match fields.into_iter().find(|(_, equal)| !equal) {
        Some((field, _)) => Err(Rejected::KeyConflict { key: key.to_owned(), field }),
        None => Ok(()),
    }
}

/// Resolves the fallbacks among the new children.
fn effective(new: &mut [New]) -> Result<(), Rejected> {
    let sketches: Vec<StepOutline> = new.iter().map(New::sketch).collect();
    let arranged = fallbacks::arrange(&sketches).map_err(|(place, invalid)| new[place].refused(invalid))?;
    let ids: Vec<NodeRunId> = new.iter().map(|child| child.id).collect();
    for (child, replaced) in new.iter_mut().zip(arranged) {
        child.fallback_for = replaced.into_iter().map(|place| ids[place]).collect();
    }
    Ok(())
}

impl New {
    /// With keys in their stored form.
    fn sketch(&self) -> StepOutline<'_> {
        let depends_on = self.spec.depends_on.iter().map(|key| kept_key(key).into()).collect();
        StepOutline { key: &self.key, depends_on, on_failure: &self.spec.policy.on_failure }
    }

    fn refused(&self, invalid: Invalid) -> Rejected {
        Rejected::InvalidPolicy { child: Some(self.key.clone()), invalid }
    }

    /// Records the owner's candidate set, its choice, and the child itself.
    fn record(self, draft: &mut Draft, parent: &Node) -> Result<(), Rejected> {
        let New { id: node_run, key, mut depends_on, fallback_for, spec } = self;
        if let Some(id) = spec.candidate_set_id.clone() {
            let subtask_id = subtask_id(&spec);
            let set = CandidateSet { id, candidates: Vec::new() };
            draft.record(Event::CandidatesGenerated { node_run, subtask_id, set })?;
        }
        if let Some(decision) = spec.binding_decision.clone() {
            draft.record(Event::SubtaskMapped {
                node_run,
                subtask_id: None,
                candidate_set_id: spec.candidate_set_id.clone(),
                rationale: None,
                decision: Some(decision),
            })?;
        }
        let mut seen = BTreeSet::new();
        depends_on.retain(|id| seen.insert(*id));
        draft.record(Event::ChildCreated(Box::new(ChildCreated {
            node_run,
            parent: parent.id,
            key,
            key_given: spec.key.is_some(),
            constraints: parent.constraints.merge(&spec.node_type.constraints).merge(&spec.constraints),
            node_type: spec.node_type,
            inputs: spec.inputs,
            bindings: Vec::new(),
            depends_on,
            fallback_for,
            place: None,
            policy: spec.policy,
            asked: spec.constraints,
            goal: None,
            candidate_set_id: spec.candidate_set_id,
            binding_decision: spec.binding_decision,
            notes: spec.notes,
        })))?;
        Ok(())
    }
}

/// The subtask of a candidate set: from the owner's decision, else the key, else empty.
fn subtask_id(spec: &ChildSpec) -> String {
    let decided =
        spec.binding_decision.as_ref().and_then(|decision| decision.get("subtask_id")).and_then(Value::as_str);
    decided.or(spec.key.as_deref()).unwrap_or_default().to_owned()
}

/// Skips new children that depend on a sibling that has already ended without success.
fn skip_unsatisfiable(draft: &mut Draft, children: &[NodeRunId]) -> Result<(), Rejected> {
    for id in children {
        let node = draft.node(*id)?;
        let why = dependency::unsatisfiable(draft.state(), node).filter(|_| node.state == NodeState::Pending);
        if let Some(why) = why {
            finish::skip(draft, *id, why)?;
        }
    }
    Ok(())
}
