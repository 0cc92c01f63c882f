//! The format of stored events: every version must remain readable.

mod agents;
mod graphs;

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use runyard_engine::command::Start;
use runyard_engine::event::{
    Artifact, ChildCreated, Evaluation, EvaluationStatus, FORMAT_VERSION, Failure, FinalState, RecoveryAction,
};
use runyard_engine::large::{Digest, Reference};
use runyard_engine::plan::{Binding, Candidate, CandidateSet, Form, PlanResult};
use runyard_engine::{
    ApprovalId, ApprovalStrategy, Constraints, Event, Labels, NodeKind, NodeRunId, Object, OnFailure, Parent, Policy,
    Retry, RunId, RunOutcome, Shortfall, Turn, UpcastError, Verdict, Wait, upcast,
};
use serde_json::{Value, json};

use crate::make::{failure, limits, node_type, object, recovery, run, source, start, step};
use crate::story::golden;

fn every_limit() -> Constraints {
    limits(json!({
        "structural": {
            "max_depth": 1, "max_children_per_composite": 2, "max_total_nodes_per_run": 3, "max_decomposition_rounds_per_node": 4,
        },
        "candidates": {
            "max_candidates_per_subtask": 5, "allowed_node_type_ids": ["test.call"], "denied_node_type_ids": ["test.sleep"],
        },
        "budgets": { "max_wall_time_ms": 6, "max_steps": 7, "max_external_calls": 8, "max_cost": 9.5 },
        "gates": { "side_effect_class": "write", "require_approval": true },
    }))
}

fn full_failure() -> Failure {
    Failure { details: Some(object(json!({ "status": 503 }))), retryable: Some(true), ..failure("unavailable") }
}

/// Every event type of every format.
fn every_event() -> Vec<Event> {
    goldens().into_iter().flat_map(|(_, _, events)| events).collect()
}

/// Added by format 5: references to large values, with and without further members.
fn large_values() -> Vec<Event> {
    let root = NodeRunId::root(run());
    let reference = Reference { digest: Digest::of("\"large\""), bytes: 70_000 }.object();
    let beside: Object = reference.clone().into_iter().chain(object(json!({ "more": 1 }))).collect();
    let inputs = object(json!({ "large": reference, "list": [reference, 2] }));
    let whole = Start { inputs: reference.clone(), ..start(NodeKind::Call) };
    vec![
        Event::Started { start: Arc::new(whole), root, constraints: Constraints::default() },
        Event::NodeStarted { node_run: root, attempt: 1, inputs: Some(inputs) },
        Event::NodeStarted { node_run: root, attempt: 1, inputs: Some(beside) },
        Event::Finished { outcome: RunOutcome::Succeeded, outputs: Some(reference), error: None },
    ]
}

/// Added by format 5: ids that start with the prefix of the run's id.
fn ids_of_format_5() -> Vec<Event> {
    let root = NodeRunId::root(run());
    vec![
        Event::Started { start: Arc::new(start(NodeKind::Call)), root, constraints: Constraints::default() },
        Event::NodeStarted { node_run: NodeRunId::child(run(), root, "a"), attempt: 1, inputs: None },
        Event::Launched { node_run: root, run: RunId::sub_run(run(), root, 1), inputs: None },
    ]
}

/// Added by format 4.
fn added_by_format_4() -> Vec<Event> {
    let root = NodeRunId::hashed_root(run());
    let above = RunId::from_uuid(uuid::Uuid::from_u128(7));
    let parent = |waits| Some(Parent { run: above, node_run: NodeRunId::hashed_root(above), waits, depth: 2 });
    let started = |waits| Event::Started {
        start: Arc::new(Start { parent: parent(waits), ..start(NodeKind::Run) }),
        root,
        constraints: Constraints::default(),
    };
    let launched = |inputs| Event::Launched { node_run: root, run: RunId::sub_run(run(), root, 1), inputs };
    let schema = Start { output_schema: Some(json!({ "type": "object" })), ..start(NodeKind::Call) };
    vec![
        started(true),
        started(false),
        launched(None),
        launched(Some(object(json!({ "wait": true })))),
        Event::Started { start: Arc::new(schema), root, constraints: Constraints::default() },
    ]
}

/// Added by format 3.
fn added_by_format_3() -> Vec<Event> {
    let root = NodeRunId::hashed_root(run());
    let labels = Labels::from([("user".into(), BTreeSet::from(["ann".into(), "bob".into()]))]);
    let started = Start { labels, ..start(NodeKind::Plan) };
    let turn = Some(Turn { thread: "thread_1".into(), number: 2 });
    let next = Start { turn, ..start(NodeKind::Ask) };
    vec![
        Event::Started { start: Arc::new(started), root, constraints: Constraints::default() },
        Event::Started { start: Arc::new(next), root, constraints: Constraints::default() },
        Event::NodeWaiting { node_run: root, wait: Wait::Input },
    ]
    .into_iter()
    .chain(approvals_and_pauses())
    .collect()
}

fn approvals_and_pauses() -> Vec<Event> {
    let root = NodeRunId::hashed_root(run());
    let node_run = NodeRunId::child(run(), root, "S2");
    let approval = ApprovalId::of(run(), node_run);
    let started = |approval| Event::Started {
        start: Arc::new(Start { approval, ..start(NodeKind::Plan) }),
        root,
        constraints: Constraints::default(),
    };
    let decided =
        |verdict, by, comment| Event::ApprovalDecided { node_run, approval, verdict, by, comment, inputs: None };
    vec![
        started(ApprovalStrategy::OnStart),
        started(ApprovalStrategy::OnToolCall),
        Event::ApprovalAsked { node_run, approval, inputs: Some(object(json!({ "n": 2 }))) },
        Event::ApprovalAsked { node_run, approval, inputs: None },
        Event::NodeWaiting { node_run, wait: Wait::Approval },
        decided(Verdict::Approved, Some("ada".into()), Some("go on".into())),
        decided(Verdict::Denied, None, None),
        Event::Paused { reason: Some("maintenance".into()), by: Some("ada".into()) },
        Event::Paused { reason: None, by: None },
        Event::Resumed { by: Some("ada".into()) },
        Event::Resumed { by: None },
    ]
}

/// Added by format 2: events, fields and enum values.
fn added_by_format_2() -> Vec<Event> {
    let root = NodeRunId::hashed_root(run());
    let node_run = NodeRunId::child(run(), root, "S2");
    let retry = Retry {
        attempts_max: 3,
        initial_ms: 500,
        backoff: 1.5,
        delay_ms_max: Some(60_000),
        jitter: 0.25,
        codes: Some(BTreeSet::from(["unavailable".into()])),
    };
    let bare = Retry { delay_ms_max: None, jitter: 0.0, codes: None, ..retry.clone() };
    let policy = |on_failure| Policy { retry: Some(retry.clone()), timeout_ms: Some(2_000), on_failure };
    let mut typed = node_type(NodeKind::Call);
    (typed.retry, typed.timeout_ms) = (Some(bare), Some(9_000));
    let created = ChildCreated {
        node_run,
        parent: root,
        key: "S2".into(),
        key_given: false,
        node_type: typed.clone(),
        inputs: Object::new(),
        bindings: Vec::new(),
        depends_on: Vec::new(),
        fallback_for: vec![NodeRunId::child(run(), root, "S1")],
        place: None,
        policy: policy(OnFailure::GoTo("S3".into())),
        asked: Constraints::default(),
        constraints: Constraints::default(),
        goal: None,
        candidate_set_id: None,
        binding_decision: None,
        notes: Object::new(),
    };
    let passed_over = ChildCreated { fallback_for: Vec::new(), policy: policy(OnFailure::Continue), ..created.clone() };
    let started = Start {
        node_type: typed,
        policy: policy(OnFailure::Fail),
        steps: policy(OnFailure::Continue),
        ..start(NodeKind::Call)
    };
    let short = |shortfall| Event::NodeFinished {
        node_run: root,
        state: FinalState::Failed,
        outputs: Some(object(json!({ "result": null }))),
        artifacts: Vec::new(),
        error: Some(failure("partial")),
        shortfall: Some(shortfall),
        inputs: None,
        route: None,
    };
    let ended = |outcome| Event::Finished { outcome, outputs: None, error: Some(failure("partial")) };
    vec![
        Event::Started { start: Arc::new(started), root, constraints: Constraints::default() },
        Event::ChildCreated(Box::new(created)),
        Event::ChildCreated(Box::new(passed_over)),
        Event::AttemptFailed { node_run, attempt: 1, error: full_failure(), retry_at_ms: 1_700_000_000_000 },
        Event::NodeQueued { node_run },
        short(Shortfall::Partial),
        short(Shortfall::NothingAchieved),
        ended(RunOutcome::Partial),
        ended(RunOutcome::NothingAchieved),
    ]
}

/// Every event type of format 1, once with all fields and once with only the required ones.
fn of_format_1() -> Vec<Event> {
    let root = NodeRunId::hashed_root(run());
    let node_run = NodeRunId::child(run(), root, "S2");
    let sibling = NodeRunId::child(run(), root, "S1");
    let mut typed = node_type(NodeKind::Call);
    typed.constraints = every_limit();
    typed.input_schema_sha256 = Some("00".repeat(32));
    let full_start = Start {
        name: Some("my-run".into()),
        node_type: typed.clone(),
        inputs: object(json!({ "goal": "do it" })),
        constraints: every_limit(),
        notes: object(json!({ "run_context": {} })),
        ..start(NodeKind::Call)
    };
    let candidate = Candidate { node_type: typed.asked.clone(), score: 0.1, rationale: Some("close".into()) };
    let plain = step("S2", &[]);
    let text = Form::Text { before: "<".into(), after: ">".into() };
    let bindings = vec![
        Binding { field: "a".into(), source: source("S1", "/a"), form: Form::Value },
        Binding { field: "b".into(), source: source("S1", ""), form: text },
    ];
    let child = ChildCreated {
        node_run,
        parent: root,
        key: "S2".into(),
        key_given: true,
        node_type: typed,
        inputs: object(json!({ "n": 1 })),
        bindings,
        depends_on: vec![sibling],
        fallback_for: Vec::new(),
        place: None,
        policy: Policy::default(),
        asked: every_limit(),
        constraints: every_limit(),
        goal: Some("do it".into()),
        candidate_set_id: Some("candidates_S2".into()),
        binding_decision: Some(json!({ "subtask_id": "S2" })),
        notes: object(json!({ "metadata": {} })),
    };
    let bare = ChildCreated {
        node_type: plain.node_type,
        bindings: Vec::new(),
        depends_on: Vec::new(),
        asked: Constraints::default(),
        constraints: Constraints::default(),
        goal: None,
        candidate_set_id: None,
        binding_decision: None,
        notes: object(json!({})),
        ..child.clone()
    };
    let evaluation = Evaluation {
        status: EvaluationStatus::Unknown,
        reason_code: Some("judged".into()),
        message: Some("hard to say".into()),
        details: Some(object(json!({ "seen": 1 }))),
        confidence: Some(0.25),
        extensions: object(json!({ "test.note": true })),
    };
    let unsaid = Evaluation {
        reason_code: None,
        message: None,
        details: None,
        confidence: None,
        extensions: object(json!({})),
        ..evaluation.clone()
    };
    let outputs = Some(object(json!({ "text": "hi" })));
    vec![
        Event::Started { start: Arc::new(full_start), root, constraints: every_limit() },
        Event::Started { start: Arc::new(start(NodeKind::Plan)), root, constraints: Constraints::default() },
        Event::Decomposed {
            node_run: root,
            round: 1,
            children: 2,
            summary: Some("two steps".into()),
            result: Some(source("S2", "/a").into()),
        },
        Event::Decomposed { node_run: root, round: 2, children: 1, summary: None, result: None },
        Event::CandidatesGenerated {
            node_run,
            subtask_id: "S2".into(),
            set: CandidateSet { id: "candidates_S2".into(), candidates: vec![candidate] },
        },
        Event::SubtaskMapped {
            node_run,
            subtask_id: Some("S2".into()),
            candidate_set_id: Some("candidates_S2".into()),
            rationale: Some("the best".into()),
            decision: Some(json!({ "subtask_id": "S2" })),
        },
        Event::SubtaskMapped { node_run, subtask_id: None, candidate_set_id: None, rationale: None, decision: None },
        Event::ChildCreated(Box::new(child)),
        Event::ChildCreated(Box::new(bare)),
        Event::NodeStarted { node_run, attempt: 1, inputs: Some(object(json!({ "n": 2 }))) },
        Event::NodeStarted { node_run, attempt: 1, inputs: None },
        Event::NodeWaiting { node_run, wait: Wait::Timer { until_ms: 1_700_000_000_000 } },
        Event::NodeWaiting { node_run, wait: Wait::Children },
        Event::NodeWaiting { node_run, wait: Wait::External },
        Event::NodeFinished {
            node_run,
            state: FinalState::Succeeded,
            outputs: outputs.clone(),
            artifacts: vec![Artifact(object(json!({ "type": "file", "id": "f1" })))],
            error: None,
            shortfall: None,
            inputs: None,
            route: None,
        },
        finished(node_run, FinalState::Failed, Some(full_failure())),
        finished(node_run, FinalState::Canceled, None),
        finished(node_run, FinalState::Skipped, Some(failure("dependency_failed"))),
        Event::Evaluated { node_run, evaluation },
        Event::Evaluated { node_run, evaluation: unsaid },
        Event::RecoveryApplied { node_run, action: recovery("retry") },
        Event::Finished { outcome: RunOutcome::Succeeded, outputs, error: None },
        Event::Finished { outcome: RunOutcome::Failed, outputs: None, error: Some(full_failure()) },
        Event::Finished { outcome: RunOutcome::Canceled, outputs: None, error: Some(failure("canceled")) },
    ]
}

/// A plan whose result has several values.
fn results() -> Vec<Event> {
    let result = PlanResult::List(vec![source("S1", "/a"), source("S2", "")]);
    let result = Some(result);
    vec![Event::Decomposed { node_run: NodeRunId::root(run()), round: 1, children: 2, summary: None, result }]
}

fn finished(node_run: NodeRunId, state: FinalState, error: Option<Failure>) -> Event {
    Event::NodeFinished {
        node_run,
        state,
        outputs: None,
        artifacts: Vec::new(),
        error,
        shortfall: None,
        inputs: None,
        route: None,
    }
}

/// Every golden file: the format that introduced its events, its name, and the events.
fn goldens() -> Vec<(u32, &'static str, Vec<Event>)> {
    vec![
        (1, "format_1", of_format_1()),
        (2, "format_2", added_by_format_2()),
        (3, "format_3", added_by_format_3()),
        (3, "format_3_graphs", graphs::events()),
        (4, "format_4", added_by_format_4()),
        (5, "format_5_results", results()),
        (5, "format_5_ids", ids_of_format_5()),
        (5, "format_5_values", large_values()),
        (6, "format_6_agents", agents::events()),
    ]
}

/// A change of these golden files breaks existing logs. Add an optional field, or a new format version with an upcast
/// step.
#[test]
fn a_format_stays_as_it_is() {
    assert_eq!(FORMAT_VERSION, 6, "keep these goldens, and write one for what the new version adds");
    for (_, name, events) in goldens() {
        let lines: Vec<String> = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        golden(name, &lines.join("\n"));
    }
}

#[test]
fn what_was_written_is_read_for_ever() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/engine");
    let read_as =
        |(since, name, events)| (since..=FORMAT_VERSION).map(move |version| (version, name, Vec::clone(&events)));
    for (version, name, events) in goldens().into_iter().flat_map(read_as) {
        let stored = std::fs::read_to_string(format!("{folder}/{name}.snap")).unwrap();
        let lines = stored.lines().filter(|line| line.starts_with("{\""));
        let read: Vec<Event> =
            lines.map(|line| upcast(version, serde_json::from_str(line).unwrap()).unwrap()).collect();
        assert_eq!(read, events, "{name} as version {version}");
    }
}

#[test]
fn every_type_is_named_as_it_is_stored() {
    for event in every_event() {
        let stored = serde_json::to_value(&event).unwrap();
        assert_eq!(stored["type"], event.name());
        assert_eq!(upcast(FORMAT_VERSION, stored).unwrap(), event);
    }
}

#[test]
fn a_newer_format_is_refused_by_both_numbers() {
    let stored = serde_json::to_value(every_event().swap_remove(0)).unwrap();
    let newer = upcast(FORMAT_VERSION + 1, stored.clone()).unwrap_err();
    assert_eq!(
        newer.to_string(),
        "the event is stored in format 7, and this build reads formats up to 6; use a newer build"
    );
    assert!(matches!(upcast(0, stored), Err(UpcastError::NeverWritten { found: 0 })));
}

#[test]
fn what_is_not_an_event_is_refused() {
    for stored in [Value::Null, json!({}), json!({ "type": "invented" }), json!({ "type": "finished", "outcome": 1 })] {
        assert!(matches!(upcast(1, stored), Err(UpcastError::Malformed { version: 1, .. })));
    }
}

#[test]
fn recovery_actions_and_artifacts_are_stored_as_given() {
    let action = RecoveryAction(object(json!({ "type": "retry", "unknown": [1] })));
    assert_eq!(serde_json::to_value(&action).unwrap(), json!({ "type": "retry", "unknown": [1] }));
}

#[test]
fn numbers_are_read_exactly_as_they_were_written() {
    // Fast decimal parsers are off by one in the last bit for each of these.
    for number in
        [0.1 + 0.2, 1.0 / 3.0, 5e-324, 1.797_693_134_862_315_7e308, 2.225_073_858_507_201e-308, 123_456_789.123_456_79]
    {
        let outputs = Some(object(json!({ "number": number })));
        let event = Event::Finished { outcome: RunOutcome::Succeeded, outputs, error: None };
        let stored = serde_json::to_string(&event).unwrap();
        assert_eq!(upcast(1, serde_json::from_str(&stored).unwrap()).unwrap(), event, "{number:e}");
    }
}

proptest! {
    #[test]
    fn any_number_is_read_exactly_as_it_was_written(number in proptest::num::f64::NORMAL) {
        let text = serde_json::to_string(&number).unwrap();
        prop_assert_eq!(serde_json::from_str::<f64>(&text).unwrap(), number);
    }
}
