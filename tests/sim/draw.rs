//! Random requests, children, plans and results of clients, planners and executors. Drawing only zeros gives the
//! simplest ones.

mod graphs;

use runyard::catalog::Catalog;
use runyard::runs::{ChildRequest, IdempotencyKey, NewRun, RunName};
use runyard_engine::event::{Artifact, CodeText, Evaluation, EvaluationStatus, Failure, FinalState, RecoveryAction};
use runyard_engine::plan::{Binding, Candidate, CandidateSet, Form, PlanResult, Source, Step};
use runyard_engine::{
    ApprovalStrategy, ChildSpec, Completion, Constraints, Labels, NodeType, NodeTypeRef, Object, OnFailure, Outcome,
    Plan, Policy, Retry, Route, Routed, RunId, RunOutcome, SideEffect, SubRunReport,
};
use serde_json::{Value, json};

use crate::choices::Choices;

pub use graphs::{Made, made, next_step, plainest_made};

/// The tenants of the runs.
pub const TENANTS: [&str; 2] = ["default", "other"];
/// The tenant with this name.
pub fn tenant(name: &str) -> Option<&'static str> {
    TENANTS.into_iter().find(|tenant| *tenant == name)
}

/// The operation of every start.
pub const OPERATION: &str = "start_run";

const ECHO: &str = "runyard.core.echo";
const SLEEP: &str = "runyard.core.sleep";
const ASK: &str = "runyard.core.ask";
const UUID4: &str = "runyard.core.uuid4";
const PLANNER: &str = "runyard.composite.planner.general";
const EXTERNAL: &str = "runyard.composite.external";
const GRAPH: &str = "runyard.composite.graph";
const EACH: &str = "runyard.composite.each";
const RUN: &str = "runyard.core.run";
const AGENT: &str = "runyard.agent";
const CHAT: &str = "runyard.model.chat";

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn reference(id: &str) -> NodeTypeRef {
    NodeTypeRef { id: id.to_owned(), version: "latest".to_owned() }
}

/// A node type and valid inputs for it.
fn work(choices: &mut Choices, composites: bool) -> (NodeTypeRef, Object) {
    let weights = if composites { [4, 3, 2, 3, 5, 1, 2, 2, 2, 3] } else { [4, 3, 1, 1, 1, 1, 0, 0, 1, 0] };
    match choices.weighted(&weights) {
        0 => (reference(ECHO), object(json!({ "echo": *choices.pick(&["a", "b", "c"]) }))),
        1 => (reference(SLEEP), object(json!({ "seconds": *choices.pick(&[0.0, 0.05, 1.0, 7.5, 60.0]) }))),
        2 => (reference(UUID4), Object::new()),
        3 => (reference(PLANNER), object(json!({ "goal": *choices.pick(&["one", "two"]) }))),
        4 => (reference(EXTERNAL), Object::new()),
        5 => (reference(ASK), object(json!({ "question": *choices.pick(&["who", "why"]) }))),
        6 => (reference(GRAPH), object(json!({ "graph": graphs::written(choices), "data": { "n": 1 } }))),
        7 => {
            let at_once = 1 + choices.below(3);
            let items = json!({ "items": ["a", "b", "c"], "item_as": "echo", "at_once": at_once });
            let mut inputs = object(items);
            inputs.insert("node_type_ref".to_owned(), json!({ "node_type_id": ECHO }));
            (reference(EACH), inputs)
        }
        9 => (reference(AGENT), object(json!({ "prompt": "work" }))),
        _ => {
            let (id, inputs) = match choices.below(4) {
                0 => (ECHO, json!({ "echo": "a" })),
                1 => (EXTERNAL, json!({})),
                2 => (SLEEP, json!({ "seconds": 0.05 })),
                _ => (PLANNER, json!({ "goal": "one" })),
            };
            let request =
                json!({ "node_type_ref": { "node_type_id": id }, "inputs": inputs, "wait": choices.percent(80) });
            (reference(RUN), object(request))
        }
    }
}

fn node_type(catalog: &Catalog, request: &NodeTypeRef) -> NodeType {
    catalog.resolve(request).expect("the catalogue has it")
}

/// A request that starts a run. Few names and few keys, so that they collide.
pub fn new_run(choices: &mut Choices) -> NewRun {
    let (node_type, inputs) = work(choices, true);
    let name = choices.percent(25).then(|| *choices.pick(&["first", "second", "third"]));
    let key = choices.percent(40).then(|| *choices.pick(&["key-1", "key-2", "key-3", "key-4"]));
    let constraints = if choices.percent(20) { limits(choices) } else { Constraints::default() };
    let tried = node_type.id != SLEEP && node_type.id != EXTERNAL;
    let policy = Policy { on_failure: OnFailure::Fail, ..policy(choices, tried, None) };
    let steps = if choices.percent(30) { policy_for_all(choices) } else { Policy::default() };
    let labels = labels(choices);
    let approvals = [ApprovalStrategy::OnToolCall, ApprovalStrategy::OnStart];
    let approval = if choices.percent(25) { *choices.pick(&approvals) } else { ApprovalStrategy::None };
    let output_schema = choices.percent(15).then(|| output_schema(choices));
    NewRun {
        name: name.map(RunName::new),
        title: None,
        api: "run-gateway",
        operation: OPERATION,
        request: json!({ "name": name, "node_type": node_type.id, "inputs": inputs, "limits": constraints, "policy": policy, "steps": steps, "labels": labels, "approval": approval, "output_schema": output_schema }),
        node_type,
        inputs,
        constraints,
        policy,
        steps,
        approval,
        notes: Object::new(),
        labels,
        output_schema,
        pass_through: Vec::new(),
        graph: None,
        thread: None,
        key: key.and_then(IdempotencyKey::parse),
    }
}

/// Schemas for a result: one that every result matches, one that some match, one that none matches.
fn output_schema(choices: &mut Choices) -> Value {
    match choices.below(3) {
        0 => json!({ "type": "object" }),
        1 => json!({ "type": "object", "required": ["echo"], "properties": { "echo": { "type": "string" } } }),
        _ => json!({ "type": "object", "required": ["never made"] }),
    }
}

/// The names and values of labels. Few, so that they collide.
pub const LABELS: [(&str, &str); 3] = [("user", "ann"), ("user", "bob"), ("team", "red")];

/// The filters by which lists find a run.
fn labels(choices: &mut Choices) -> Labels {
    let mut labels = Labels::new();
    for (name, value) in LABELS {
        if choices.percent(20) {
            labels.entry(name.to_owned()).or_default().insert(value.to_owned());
        }
    }
    labels
}

/// Policies for failures and time: few attempts, short waits, and every kind of recovery. `next` may be the fallback.
fn policy(choices: &mut Choices, tried: bool, next: Option<String>) -> Policy {
    let retry = (tried && choices.percent(20)).then(|| Retry {
        attempts_max: 2 + choices.below(2) as u32,
        initial_ms: *choices.pick(&[50, 2_000, 40_000]),
        backoff: *choices.pick(&[1.0, 2.0]),
        delay_ms_max: None,
        jitter: *choices.pick(&[0.0, 0.5]),
        codes: None,
    });
    let timeout_ms = (tried && choices.percent(10)).then(|| *choices.pick(&[100, 5_000]));
    let on_failure = match (choices.weighted(&[6, 3, 2]), next) {
        (1, _) => OnFailure::Continue,
        (2, Some(next)) => OnFailure::GoTo(next),
        _ => OnFailure::Fail,
    };
    Policy { retry, timeout_ms, on_failure }
}

/// The same for every step.
fn policy_for_all(choices: &mut Choices) -> Policy {
    policy(choices, true, None)
}

/// Limits that often apply and seldom forbid everything.
fn limits(choices: &mut Choices) -> Constraints {
    let mut constraints = Constraints::default();
    let number = |choices: &mut Choices, least: u64, most: u64| {
        choices.percent(25).then(|| least + choices.below((most - least) as usize) as u64)
    };
    let structural = &mut constraints.structural;
    structural.max_depth = number(choices, 0, 4);
    structural.max_children_per_composite = number(choices, 0, 6);
    structural.max_total_nodes_per_run = number(choices, 0, 20);
    structural.max_decomposition_rounds_per_node = number(choices, 0, 4);
    constraints.candidates.max_candidates_per_subtask = number(choices, 0, 3);
    constraints.budgets.max_wall_time_ms = number(choices, 0, 30_000);
    constraints.budgets.max_steps = number(choices, 0, 8);
    if choices.percent(10) {
        constraints.candidates.denied_node_type_ids.insert((*choices.pick(&[UUID4, SLEEP, PLANNER])).to_owned());
    }
    if choices.percent(10) {
        constraints.gates.side_effect_class = Some(*choices.pick(&[SideEffect::Read, SideEffect::Write]));
    }
    constraints.gates.require_approval = choices.percent(10);
    constraints
}

/// Few keys, so that they collide.
fn key(choices: &mut Choices) -> Option<String> {
    (!choices.percent(20)).then(|| (*choices.pick(&["a", "b", "c", "d", "#1", "#2"])).to_owned())
}

/// Children, as a request of an API.
pub fn child_requests(choices: &mut Choices) -> Vec<ChildRequest> {
    let child = |choices: &mut Choices| {
        let (node_type, inputs) = work(choices, false);
        let (candidate_set_id, binding_decision) = decision(choices);
        let constraints = if choices.percent(10) { limits(choices) } else { Constraints::default() };
        let tried = node_type.id != SLEEP && node_type.id != EXTERNAL;
        ChildRequest {
            key: key(choices),
            node_type,
            inputs,
            constraints,
            policy: policy(choices, tried, None),
            depends_on: Vec::new(),
            candidate_set_id,
            binding_decision,
            notes: Object::new(),
        }
    };
    (0..=choices.below(3)).map(|_| child(choices)).collect()
}

/// Children as the engine accepts them: with dependencies.
pub fn child_specs(choices: &mut Choices, catalog: &Catalog) -> Vec<ChildSpec> {
    let mut requests = child_requests(choices);
    // Sometimes the last one is the fallback of the one before it.
    if let [.., replaced, fallback] = &mut requests[..]
        && let Some(key) = fallback.key.clone()
        && choices.percent(30)
    {
        replaced.policy.on_failure = OnFailure::GoTo(key);
    }
    let spec = |request: ChildRequest, choices: &mut Choices| {
        let depends = if choices.percent(30) { vec![(*choices.pick(&["a", "b"])).to_owned()] } else { Vec::new() };
        ChildSpec {
            key: request.key,
            node_type: node_type(catalog, &request.node_type),
            inputs: request.inputs,
            constraints: request.constraints,
            depends_on: depends,
            policy: request.policy,
            candidate_set_id: request.candidate_set_id,
            binding_decision: request.binding_decision,
            notes: request.notes,
        }
    };
    requests.into_iter().map(|request| spec(request, choices)).collect()
}

fn decision(choices: &mut Choices) -> (Option<String>, Option<Value>) {
    match choices.percent(20) {
        true => (Some("set".to_owned()), Some(json!({ "subtask_id": "T", "reason": "drawn" }))),
        false => (None, None),
    }
}

/// How the external worker of a composite reports its end.
pub fn completion(choices: &mut Choices) -> Completion {
    let state = *choices.pick(&[
        FinalState::Succeeded,
        FinalState::Succeeded,
        FinalState::Failed,
        FinalState::Canceled,
        FinalState::Skipped,
    ]);
    Completion {
        state,
        outputs: choices.percent(50).then(|| object(json!({ "made": 1 }))),
        artifacts: if choices.percent(10) { vec![Artifact(object(json!({ "uri": "s3://x" })))] } else { Vec::new() },
        error: (state == FinalState::Failed).then(|| failure(choices)),
    }
}

/// An evaluation from outside, with or without a recovery action.
pub fn evaluation(choices: &mut Choices) -> (Evaluation, Option<RecoveryAction>) {
    let status = *choices.pick(&[EvaluationStatus::Success, EvaluationStatus::Fail, EvaluationStatus::Unknown]);
    let evaluation = Evaluation {
        status,
        reason_code: Some("drawn".to_owned()),
        message: Some(format!("judgement {}", choices.below(3))),
        details: None,
        confidence: Some(0.5),
        extensions: Object::new(),
    };
    let recovery = choices.percent(40).then(|| RecoveryAction(object(json!({ "type": "retry" }))));
    (evaluation, recovery)
}

pub fn failure(choices: &mut Choices) -> Failure {
    let code = *choices.pick(&["failed", "timed_out", "internal_error", "unavailable"]);
    Failure {
        code: CodeText::from_outside(code),
        message: "as drawn".to_owned(),
        details: None,
        retryable: Some(code != "failed"),
    }
}

/// The result of a call.
pub fn outcome(choices: &mut Choices, now_ms: i64) -> Outcome {
    if choices.percent(20) {
        let error = failure(choices);
        return match choices.percent(20) {
            true => Outcome::FailedWith { error, inputs: object(json!({ "came": "to" })) },
            false => Outcome::Failed(error),
        };
    }
    if choices.percent(3) {
        return Outcome::TimedOut;
    }
    let mut outputs = object(choices.pick(&[json!({ "a": 1 }), json!({}), json!({ "a": "x", "b": [1, 2] })]).clone());
    if choices.percent(50) {
        outputs.insert("next".to_owned(), next_step(choices));
    }
    if choices.percent(15) {
        let route = *choices.pick(&[None, Some(Route::Way(0)), Some(Route::Way(1)), Some(Route::Stop)]);
        let inputs = choices.percent(50).then(|| object(json!({ "came": "to" })));
        let until_ms = choices.percent(50).then(|| now_ms + *choices.pick(&[0, 50, 5_000]));
        return Outcome::Routed(Box::new(Routed { outputs, inputs, route, until_ms }));
    }
    Outcome::Succeeded { outputs }
}

/// The ends of a run that another run has started.
pub fn report(choices: &mut Choices, run: RunId) -> SubRunReport {
    let outcome = *choices.pick(&[RunOutcome::Succeeded, RunOutcome::Canceled]);
    SubRunReport { run, outcome, outputs: None, error: None }
}

/// The answer of the planner: mostly a plan, and mostly a valid one.
pub fn plan(choices: &mut Choices, catalog: &Catalog) -> Result<Plan, Failure> {
    if choices.percent(10) {
        return Err(failure(choices));
    }
    let rubbish = choices.percent(8);
    let count = choices.below(5);
    let id = |place: usize| if rubbish { "S".to_owned() } else { format!("S{place}") };
    let mut steps: Vec<Step> = Vec::new();
    for place in 0..=count {
        let stands_in = steps.iter().any(|step| step.policy.on_failure == OnFailure::GoTo(id(place)));
        let chance = if stands_in { 5 } else { 35 };
        let earlier: Vec<String> = (0..place).filter(|_| choices.percent(chance)).map(id).collect();
        let next = (place < count).then(|| id(place + 1));
        steps.push(step(choices, catalog, id(place), earlier, next));
    }
    let result = choices.percent(25).then(|| match choices.percent(30) {
        true => PlanResult::List(vec![source(choices, &id(count)), source(choices, &id(0))]),
        false => source(choices, &id(count)).into(),
    });
    // The planner has no answer.
    if rubbish && count == 0 {
        steps.clear();
    }
    Ok(Plan { summary: "as drawn".to_owned(), steps, result })
}

fn step(choices: &mut Choices, catalog: &Catalog, id: String, depends_on: Vec<String>, next: Option<String>) -> Step {
    let (request, inputs) = work(choices, false);
    let policy = policy(choices, request.id != SLEEP && request.id != EXTERNAL, next);
    let bound = depends_on.first().filter(|_| choices.percent(40)).cloned();
    let bindings = bound.map(|source_step| Binding {
        field: (*choices.pick(&["text", "seconds"])).to_owned(),
        source: source(choices, &source_step),
        form: if choices.percent(50) {
            Form::Text { before: "<".to_owned(), after: ">".to_owned() }
        } else {
            Form::Value
        },
    });
    let candidate = Candidate { node_type: request.clone(), score: 0.5, rationale: None };
    Step {
        goal: format!("the goal of {id}"),
        candidates: CandidateSet { id: format!("candidates_{id}"), candidates: vec![candidate] },
        node_type: node_type(catalog, &request),
        rationale: Some("drawn".to_owned()),
        inputs,
        bindings: bindings.into_iter().collect(),
        depends_on,
        policy,
        id,
    }
}

fn source(choices: &mut Choices, step: &str) -> Source {
    let pointer = *choices.pick(&["", "/a", "/b/0", "/b/7", "no pointer", "/slept_seconds"]);
    Source { step: step.to_owned(), pointer: pointer.to_owned() }
}

/// An echo node.
pub fn plainest_plan(catalog: &Catalog) -> Plan {
    let mut nothing = Choices::again(crate::choices::Script(vec![Vec::new()]));
    nothing.next_step();
    Plan {
        summary: "the plainest".to_owned(),
        steps: vec![step(&mut nothing, catalog, "S0".to_owned(), Vec::new(), None)],
        result: None,
    }
}
