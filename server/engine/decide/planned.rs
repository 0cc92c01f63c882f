//! `Planned`: the planner's response. If the plan is not well-formed or a constraint forbids it, the attempt fails with
//! a reason, and the plan is not recorded. If the effect is unknown, late or repeated, nothing changes.

use std::collections::BTreeMap;

use crate::draft::Draft;
use crate::ending::Checked;
use crate::event::{ChildCreated, Failure};
use crate::fallbacks::{self, StepOutline};
use crate::limits::Breach;
use crate::plan::{CandidateSet, Plan, PlanResult, Step};
use crate::policy::{self, Invalid};
use crate::{
    ApprovalId, Constraints, Context, Decision, EffectId, Event, FailureCode, Node, NodeKind, NodeRunId, Rejected,
    RunId, State, Wait, approval, attempts, ids, limits, outstanding, schedule,
};

/// Creates the plan's steps as children. If the plan does not fit, retries or ends the composite.
pub(super) fn decide(
    state: &State,
    effect: EffectId,
    node_run: NodeRunId,
    plan: Plan,
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    let asked =
        |node: &&Node| node.node_type.kind == NodeKind::Plan && outstanding::is_work_of(state.run, node, effect);
    let Some(node) = state.node(node_run).filter(asked) else { return Ok(Decision::default()) };
    let mut draft = Draft::answering(state, context, effect);
    let checked = well_formed(&plan).and_then(|fallbacks| {
        within_limits(state, node, &plan).map_err(|breach| Box::new(Failure::from(breach)))?;
        Ok(fallbacks)
    });
    match checked {
        Ok(fallbacks) => record(&mut draft, node, plan, fallbacks)?,
        Err(failure) => attempts::failed(&mut draft, node_run, failure)?,
    }
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}

/// Checks that ids are unique, that every reference is an earlier step in `depends_on`, and that every policy is valid.
/// Returns for every step the indexes of the steps that it is the fallback of.
fn well_formed(plan: &Plan) -> Checked<Vec<Vec<usize>>> {
    let invalid = |message: String| Box::new(Failure::new(FailureCode::PlanInvalid, message));
    let wrong = |message: String| Err(invalid(message));
    if plan.steps.is_empty() {
        return wrong("the plan has no steps".to_owned());
    }
    let mut places = BTreeMap::new();
    for (place, step) in plan.steps.iter().enumerate() {
        let id = &step.id;
        for dependency in &step.depends_on {
            if !places.contains_key(dependency) {
                return wrong(format!("step `{id}` depends on `{dependency}`, which is not an earlier step"));
            }
        }
        for binding in &step.bindings {
            let source = &binding.source.step;
            if !step.depends_on.contains(source) {
                return wrong(format!("step `{id}` takes `{}` from `{source}` without depending on it", binding.field));
            }
        }
        if step.candidates.candidates.iter().any(|candidate| !candidate.score.is_finite()) {
            // JSON cannot represent it, so it could be recorded but not read back.
            return wrong(format!("a candidate for step `{id}` has a score that is not a number"));
        }
        policy::check(&step.policy, &step.node_type)
            .map_err(|Invalid { field, reason }| invalid(format!("step `{id}`: {field}: {reason}")))?;
        if id.is_empty() {
            return wrong(format!("step {} has no id", place + 1));
        }
        if places.insert(id.clone(), place).is_some() {
            return wrong(format!("two steps have the id `{id}`"));
        }
    }
    let results = plan.result.as_ref().map(PlanResult::sources);
    let stranger = results.unwrap_or_default().iter().find(|result| !places.contains_key(&result.step));
    match (stranger, results) {
        (Some(result), _) => wrong(format!("the result comes from `{}`, which is not a step", result.step)),
        (None, Some([])) => wrong("the result is a list of nothing".to_owned()),
        _ => fallbacks::arrange(&plan.steps.iter().map(sketch).collect::<Vec<_>>()).map_err(|(place, found)| {
            invalid(format!("step `{}`: {}: {}", plan.steps[place].id, found.field, found.reason))
        }),
    }
}

fn sketch(step: &Step) -> StepOutline<'_> {
    StepOutline {
        key: &step.id,
        depends_on: step.depends_on.iter().map(|id| id.as_str().into()).collect(),
        on_failure: &step.policy.on_failure,
    }
}

/// Checks every limit for the composite's children.
fn within_limits(state: &State, node: &Node, plan: &Plan) -> Result<(), Breach> {
    limits::children_fit(state, node, plan.steps.len())?;
    for step in &plan.steps {
        limits::candidates_fit(&node.constraints, step.candidates.candidates.len())?;
        limits::node_type_fits(&node.constraints, &step.node_type)?;
    }
    Ok(())
}

fn record(draft: &mut Draft, node: &Node, plan: Plan, fallbacks: Vec<Vec<usize>>) -> Result<(), Rejected> {
    let run = draft.state().run;
    let Plan { summary, steps, result } = plan;
    draft.record(Event::Decomposed {
        node_run: node.id,
        round: node.rounds + 1,
        children: u32::try_from(steps.len()).unwrap_or(u32::MAX),
        summary: Some(summary),
        result,
    })?;
    let for_all = draft.state().start.as_ref().map(|start| start.steps.clone()).unwrap_or_default();
    let ids: Vec<NodeRunId> = steps.iter().map(|step| NodeRunId::child(run, node.id, &step.id)).collect();
    for (mut step, replaced) in steps.into_iter().zip(fallbacks) {
        step.policy = step.policy.or_for_all(&for_all, step.node_type.kind);
        let fallback_for = replaced.into_iter().map(|place| ids[place]).collect();
        for event in child(run, node, step, fallback_for) {
            draft.record(event)?;
        }
    }
    let before = draft.wanted(node.id)?;
    let waits = if approval::comes_after_planning(draft.state(), node) {
        Event::ApprovalAsked { node_run: node.id, approval: ApprovalId::of(run, node.id), inputs: None }
    } else {
        Event::NodeWaiting { node_run: node.id, wait: Wait::Children }
    };
    draft.record(waits)?;
    draft.exchange(node.id, before)?;
    Ok(())
}

/// The candidates, the choice, and the child itself.
fn child(run: RunId, parent: &Node, step: Step, fallback_for: Vec<NodeRunId>) -> [Event; 3] {
    let node_run = NodeRunId::child(run, parent.id, &step.id);
    let mut depends_on = Vec::new();
    for dependency in &step.depends_on {
        let sibling = NodeRunId::child(run, parent.id, dependency);
        if !depends_on.contains(&sibling) {
            depends_on.push(sibling);
        }
    }
    let set = CandidateSet { id: ids::candidate_set_id(run, node_run), ..step.candidates };
    let candidate_set_id = Some(set.id.clone());
    [
        Event::CandidatesGenerated { node_run, subtask_id: step.id.clone(), set },
        Event::SubtaskMapped {
            node_run,
            subtask_id: Some(step.id.clone()),
            candidate_set_id: candidate_set_id.clone(),
            rationale: step.rationale,
            decision: None,
        },
        Event::ChildCreated(Box::new(ChildCreated {
            node_run,
            parent: parent.id,
            key: step.id,
            key_given: false,
            constraints: parent.constraints.merge(&step.node_type.constraints),
            node_type: step.node_type,
            inputs: step.inputs,
            bindings: step.bindings,
            depends_on,
            fallback_for,
            place: None,
            policy: step.policy,
            asked: Constraints::default(),
            goal: Some(step.goal),
            candidate_set_id,
            binding_decision: None,
            notes: crate::Object::new(),
        })),
    ]
}
