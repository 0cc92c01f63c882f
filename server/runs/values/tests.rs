//! Large values through a run: acknowledged values read back equal, whichever way they came in.

use async_trait::async_trait;
use proptest::prelude::*;
use runyard_engine::event::{Failure, FinalState};
use runyard_engine::large::{self, MARK};
use runyard_engine::plan::{Binding, CandidateSet, Form, Source, Step};
use runyard_engine::{
    Command, Completion, Constraints, Event, NodeRunId, NodeTypeRef, Object, Plan, Policy, RunId, RunOutcome,
    RunStatus, State,
};
use serde_json::{Value, json};

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::limits::Limits;
use crate::planner::{PlanRequest, Planner};
use crate::runs::fixture::{Fixture, NOW_MS, TENANT, bounded, new_run};
use crate::runs::{ChildRequest, Error};
use crate::store::Store;
use crate::store::memory::Memory;

const EXTERNAL: &str = "runyard.composite.external";
const BOUND: usize = 65_536;

fn object(value: Value) -> Object {
    serde_json::from_value(value).unwrap()
}

/// A JSON text of exactly this many bytes, quotes included.
fn text(bytes: usize, letter: char) -> Value {
    Value::String(letter.to_string().repeat(bytes - 2))
}

fn succeeded(outputs: Value) -> Completion {
    Completion { state: FinalState::Succeeded, outputs: Some(object(outputs)), artifacts: Vec::new(), error: None }
}

async fn complete(fixture: &Fixture, run: RunId, outputs: Value) -> Result<Arc<State>, Error> {
    let command = Command::Complete { node_run: NodeRunId::root(run), completion: succeeded(outputs) };
    fixture.runs.submit(TENANT, run, command).await
}

/// The state as cached, with references.
async fn cached(fixture: &Fixture, run: RunId) -> Arc<State> {
    fixture.runs.state_with(TENANT, run, NodeRunId::root(run)).await.unwrap()
}

/// Another server over the same store, with an empty cache.
fn restarted(fixture: &Fixture) -> Fixture {
    Fixture::over(fixture.store.clone(), fixture.clock.clone())
}

#[tokio::test]
async fn a_value_over_64_kib_is_a_reference_in_the_log_and_itself_in_answers() {
    let fixture = Fixture::new();
    let inputs = json!({ "above": text(BOUND + 1, 'b'), "below": text(BOUND - 1_000, 'a'), "small": 1 });
    let run = fixture.start(EXTERNAL, inputs.clone()).await;
    let held = cached(&fixture, run).await;
    let start = held.start.as_deref().unwrap();
    let reference = large::reference(start.inputs["above"].as_object().unwrap()).unwrap();
    assert_eq!(reference.bytes, BOUND as u64 + 1);
    assert_eq!((&start.inputs["below"], &start.inputs["small"]), (&inputs["below"], &json!(1)));
    assert_eq!(held.written.values.len(), 1);
    for fixture in [fixture.clone(), restarted(&fixture)] {
        let shown = fixture.state(run).await;
        assert_eq!(Value::Object(shown.start.as_deref().unwrap().inputs.clone()), inputs);
        assert_eq!(Value::Object(Object::clone(&shown.root().unwrap().inputs)), inputs);
        let log = fixture.runs.log(TENANT, run).await.unwrap();
        let Event::Started { start, .. } = &log[0].event else { panic!("{log:?}") };
        assert_eq!(Value::Object(start.inputs.clone()), inputs);
        let downloaded = fixture.runs.value(TENANT, &run.to_string(), reference.digest).await.unwrap();
        assert_eq!(downloaded, Some(inputs["above"].to_string()));
        assert!(matches!(
            fixture.runs.value("other", &run.to_string(), reference.digest).await,
            Err(Error::UnknownRun(_))
        ));
    }
}

#[tokio::test]
async fn a_completion_with_a_large_value_is_repeated_and_another_is_refused() {
    let fixture = Fixture::new();
    let run = fixture.start(EXTERNAL, json!({})).await;
    let made = json!({ "made": text(BOUND * 2, 'x'), "more": text(BOUND * 3, 'y') });
    let state = complete(&fixture, run, made.clone()).await.unwrap();
    assert_eq!(state.outputs, Some(object(made.clone())));
    let version = state.version;
    let again = complete(&restarted(&fixture), run, made.clone()).await.unwrap();
    assert_eq!((again.version, &again.outputs), (version, &Some(object(made))));
    assert!(complete(&fixture, run, json!({ "made": text(BOUND * 2, 'z') })).await.is_err());
}

#[tokio::test]
async fn a_large_answer_to_a_question_is_repeated_and_another_is_refused() {
    let fixture = Fixture::new();
    let run = fixture.start("runyard.core.ask", json!({ "question": "what?" })).await;
    let deliver = |letter: &str| Command::Deliver { node_run: NodeRunId::root(run), input: letter.repeat(BOUND * 2) };
    let state = fixture.runs.submit(TENANT, run, deliver("a")).await.unwrap();
    assert_eq!(state.outputs, Some(object(json!({ "answer": "a".repeat(BOUND * 2) }))));
    assert_eq!(cached(&fixture, run).await.written.values.len(), 1);
    assert_eq!(fixture.runs.submit(TENANT, run, deliver("a")).await.unwrap().version, state.version);
    assert!(fixture.runs.submit(TENANT, run, deliver("b")).await.is_err());
}

#[tokio::test]
async fn a_result_with_large_values_is_checked_against_its_output_schema() {
    let fixture = Fixture::new();
    let schema = json!({ "type": "object", "required": ["made"], "properties": { "made": { "type": "string" } } });
    let new = || crate::runs::NewRun { output_schema: Some(schema.clone()), ..new_run(EXTERNAL, json!({})) };
    let run = fixture.runs.start(TENANT, new()).await.unwrap().state.run;
    let list = json!({ "made": vec![0; BOUND] });
    assert!(complete(&fixture, run, list).await.is_err(), "a list is no text");
    let made = json!({ "made": text(BOUND * 2, 'x') });
    let state = complete(&fixture, run, made.clone()).await.unwrap();
    assert_eq!(state.outputs, Some(object(made.clone())));
    assert_eq!(cached(&fixture, run).await.written.values.len(), 1);
    assert_eq!(complete(&fixture, run, made).await.unwrap().version, state.version);
}

#[tokio::test]
async fn an_object_that_looks_like_a_reference_reads_back_as_it_was_sent() {
    let fixture = Fixture::new();
    let stored = fixture.start(EXTERNAL, json!({ "large": text(BOUND * 2, 'x') })).await;
    let held = cached(&fixture, stored).await;
    let reference = held.start.as_deref().unwrap().inputs["large"].clone();
    let inputs = json!({ "forged": reference, "in": [{ MARK: 7 }], MARK: { "digest": "x" } });
    let run = fixture.start(EXTERNAL, inputs.clone()).await;
    for fixture in [fixture.clone(), restarted(&fixture)] {
        assert_eq!(Value::Object(Object::clone(&fixture.state(run).await.root().unwrap().inputs)), inputs);
    }
    let state = complete(&fixture, run, json!({ "out": inputs })).await.unwrap();
    assert_eq!(state.outputs, Some(object(json!({ "out": inputs }))));
}

/// Echoes a large text, hashes it, and puts it between two others.
struct Echoes(Arc<Catalog>, Value);

#[async_trait]
impl Planner for Echoes {
    async fn plan(&self, _: PlanRequest) -> Result<Plan, Failure> {
        let step = |id: &str, node_type: &str, inputs: Value, bindings: Vec<Binding>| Step {
            id: id.to_owned(),
            goal: String::new(),
            candidates: CandidateSet { id: format!("candidates_{id}"), candidates: Vec::new() },
            node_type: self.0.resolve(&NodeTypeRef { id: node_type.to_owned(), version: "latest".to_owned() }).unwrap(),
            rationale: None,
            inputs: object(inputs),
            depends_on: bindings.iter().map(|binding| binding.source.step.clone()).collect(),
            bindings,
            policy: Policy::default(),
        };
        let from = |field: &str, pointer: &str, form: Form| Binding {
            field: field.to_owned(),
            source: Source { step: "S1".to_owned(), pointer: pointer.to_owned() },
            form,
        };
        let around = Form::Text { before: "<".to_owned(), after: ">".to_owned() };
        Ok(Plan {
            summary: "echo, hash, wrap".to_owned(),
            steps: vec![
                step("S1", "runyard.core.echo", json!({ "echo": self.1 }), Vec::new()),
                step("S2", "runyard.core.hash.sha256", json!({}), vec![from("text", "/echo", Form::Value)]),
                step("S3", "runyard.core.echo", json!({}), vec![from("echo", "/echo", around)]),
            ],
            result: Some(Source { step: "S3".to_owned(), pointer: "/echo".to_owned() }.into()),
        })
    }
}

#[tokio::test]
async fn a_plan_binds_large_outputs_whole_and_within_texts() {
    let fixture = Fixture::new();
    let large = "x".repeat(BOUND * 2);
    let driving = fixture.drive("one", Echoes(Catalog::builtin(), json!(large)));
    let run = fixture.start("runyard.composite.planner.general", json!({ "goal": "as planned" })).await;
    fixture.ended(run).await;
    driving.stop().await;
    let state = fixture.state(run).await;
    assert_eq!(state.status, RunStatus::Final(RunOutcome::Succeeded), "{:?}", state.error);
    assert_eq!(state.outputs.as_ref().unwrap()["result"], json!(format!("<{large}>")));
    let hashed = state.nodes.values().find(|node| node.key == "S2").unwrap();
    let digest = large::Digest::of(&large).to_string();
    assert_eq!(hashed.outputs, Some(object(json!({ "sha256": digest }))));
    let held = cached(&fixture, run).await;
    assert_eq!(held.written.values.len(), 2, "the text, and the text between two others");
    assert!(held.written.events < 100_000, "{}", held.written.events);
}

#[tokio::test]
async fn sub_runs_get_and_return_large_values() {
    let fixture = Fixture::new();
    let driving = fixture.drive_plainly("one");
    let large = json!("x".repeat(BOUND * 2));
    let echo = json!({ "node_type_id": "runyard.core.echo" });
    let run = fixture.start("runyard.core.run", json!({ "node_type_ref": echo, "inputs": { "echo": large } })).await;
    fixture.ended(run).await;
    driving.stop().await;
    let state = fixture.state(run).await;
    assert_eq!(state.outputs.as_ref().unwrap()["outputs"], json!({ "echo": large }), "{:?}", state.error);
    let below = RunId::sub_run(run, NodeRunId::root(run), 1);
    assert_eq!(fixture.state(below).await.outputs, Some(object(json!({ "echo": large }))));
}

#[tokio::test]
async fn items_of_a_list_share_its_inputs() {
    let fixture = Fixture::new();
    let driving = fixture.drive_plainly("one");
    let large = json!("x".repeat(300_000));
    let echo = json!({ "node_type_id": "runyard.core.echo" });
    let items = vec![json!({}); 40];
    let inputs = json!({ "node_type_ref": echo, "items": items, "inputs": { "echo": large } });
    let run = fixture.start("runyard.composite.each", inputs).await;
    bounded(fixture.ended(run)).await;
    driving.stop().await;
    let held = cached(&fixture, run).await;
    assert_eq!(held.status, RunStatus::Final(RunOutcome::Succeeded), "{:?}", held.error);
    assert_eq!(held.nodes.len(), 41);
    // The text, and the inputs around it.
    assert!(held.written.values_bytes < 700_000, "{}", held.written.values_bytes);
    assert!(held.written.events < 41 * 4_000, "{}", held.written.events);
}

/// A run of this size, written by a build that stored every value in the log.
async fn of_an_older_build(store: &Arc<Memory>, children: usize) -> RunId {
    let old =
        Limits { value_inline_bytes: 1 << 20, run_bytes: u64::MAX, run_held_bytes: u64::MAX, ..Limits::default() };
    let fixture = Fixture::within(store.clone(), Clock::manual(NOW_MS), old);
    let run = fixture.start(EXTERNAL, json!({})).await;
    for number in 0..children {
        let child = ChildRequest {
            key: Some(number.to_string()),
            node_type: NodeTypeRef { id: EXTERNAL.to_owned(), version: "latest".to_owned() },
            inputs: object(json!({ "large": text(100_000, 'x') })),
            constraints: Constraints::default(),
            policy: Policy::default(),
            depends_on: Vec::new(),
            candidate_set_id: None,
            binding_decision: None,
            notes: Object::new(),
        };
        fixture.runs.create_children(TENANT, run, NodeRunId::root(run), vec![child]).await.unwrap();
    }
    run
}

#[tokio::test]
async fn a_run_larger_than_allowed_is_shown_refuses_more_is_canceled_and_removed() {
    let store = Arc::new(Memory::new());
    let run = of_an_older_build(&store, 40).await;
    let bounds = Limits { run_held_bytes: 1 << 20, ..Limits::default() };
    let fixture = Fixture::within(store.clone(), Clock::manual(NOW_MS), bounds);
    let held = cached(&fixture, run).await;
    assert_eq!(held.nodes.len(), 41);
    let size = large::object_bytes(&held.nodes.values().find(|node| node.key == "7").unwrap().inputs);
    assert!(size < 1_000, "{size}: its large values are left out");
    let refused = fixture.evaluate(run).await.unwrap_err();
    assert!(matches!(refused, Error::RunTooLarge { setting: "limits.run_held_bytes", .. }), "{refused:?}");
    let state = fixture.runs.submit(TENANT, run, Command::Cancel { reason: None }).await.unwrap();
    assert_eq!(state.status, RunStatus::Final(RunOutcome::Canceled));
    let restarted = Fixture::within(store.clone(), Clock::manual(NOW_MS), bounds);
    assert_eq!(cached(&restarted, run).await.status, RunStatus::Final(RunOutcome::Canceled));
    let row = store.row(TENANT, run).await.unwrap().unwrap();
    assert_eq!(restarted.runs.remove(&*store, TENANT, &[row], i64::MAX).await.unwrap(), [run]);
    assert_eq!(store.row(TENANT, run).await.unwrap(), None);
}

fn any_large() -> impl Strategy<Value = Value> {
    let near = (BOUND - 3..BOUND + 3).prop_map(|bytes| text(bytes, 'n'));
    let list = (0..12_000_usize, any::<i64>()).prop_map(|(count, one)| json!(vec![one; count]));
    let many = (0..6_000_usize)
        .prop_map(|count| Value::Object((0..count).map(|n| (format!("member {n}"), json!([n, null]))).collect()));
    let small =
        any::<(i64, f64, bool)>().prop_map(|values| json!([values.0, values.1, values.2, "ä\u{0}\n", { MARK: 1 }]));
    prop_oneof![near, list, many, small]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn acknowledged_values_read_back_equal(a in any_large(), b in any_large(), c in any_large()) {
        let inputs = json!({ "a": a, "b": { "in": [b] }, "c": c });
        let outputs = json!({ "a": c, "b": [a], "c": { "d": { "e": b } } });
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let fixture = Fixture::over(Arc::new(Memory::new()), Clock::manual(NOW_MS));
            let run = fixture.start(EXTERNAL, inputs.clone()).await;
            complete(&fixture, run, outputs.clone()).await.unwrap();
            for fixture in [fixture.clone(), restarted(&fixture)] {
                let state = fixture.state(run).await;
                prop_assert_eq!(Value::Object(Object::clone(&state.root().unwrap().inputs)), inputs.clone());
                prop_assert_eq!(state.outputs.clone().map(Value::Object), Some(outputs.clone()));
                // As text, too: no number and no order has changed.
                prop_assert_eq!(Value::Object(state.outputs.clone().unwrap()).to_string(), outputs.to_string());
            }
            Ok(())
        })?;
    }
}
