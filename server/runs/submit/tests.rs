//! Races of several servers over one store: the loser decides again, and no caller gets a wrong answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use runyard_engine::event::FinalState;
use runyard_engine::{
    ChildSpec, Command, Completion, Event, FailureCode, NodeRunId, Outcome, Rejected, RunId, RunOutcome, RunStatus,
    Start, State,
};
use serde_json::{Value, json};

use super::ATTEMPTS_MAX;
use crate::clock::Clock;
use crate::runs::fixture::{Fixture, InterferingStore, LEASE_MS, NOW_MS, TENANT, new_run, others_go_on, outcome_of};
use crate::runs::{Error, NewRun};
use crate::store::{Claimed, Claims, Epoch, Store, StoreError};

/// Two servers over one store; a test can interfere with the commits of the first.
fn two() -> (Arc<InterferingStore>, Fixture, Fixture) {
    let store = InterferingStore::new();
    let clock = Clock::manual(NOW_MS);
    let first = Fixture::over(store.clone(), clock.clone());
    let second = Fixture::over(store.inner.clone(), clock);
    (store, first, second)
}

/// A schema that an older build accepted, because it read references differently from its validator.
fn doubling() -> Value {
    let mut schema = json!({ "definitions": { "a40": {} }, "$ref": "#/definitions/%610" });
    for at in 0..40 {
        let next = json!({ "$ref": format!("#/definitions/%61{}", at + 1) });
        schema["definitions"][format!("a{at}")] = json!({ "allOf": [next, next] });
    }
    schema
}

#[tokio::test]
async fn a_stored_schema_that_would_take_for_ever_fails_its_run_by_name() {
    let fixture = Fixture::new();
    let run = fixture.clock.new_run_id();
    let start = fixture.runs.prepared(TENANT, new_run("runyard.core.echo", json!({ "echo": "x" })), b"").await.unwrap();
    let start = Start { output_schema: Some(doubling()), ..start };
    fixture.runs.submit(TENANT, run, Command::Start(Arc::new(start))).await.unwrap();
    let driving = fixture.drive_plainly("one");
    let log = fixture.ended(run).await;
    driving.stop().await;
    let Event::Finished { outcome, error: Some(error), .. } = &log.last().unwrap().event else { panic!("{log:?}") };
    assert_eq!((*outcome, error.code.as_str()), (RunOutcome::Failed, "validation_too_expensive"));
}

#[tokio::test]
async fn a_completion_that_is_too_expensive_to_check_is_refused_by_name_and_the_run_goes_on() {
    let fixture = Fixture::new();
    let twice = json!({ "properties": { "a": { "$ref": "#" } } });
    let schema = json!({ "allOf": [twice, twice], "properties": { "why": { "type": "string" } } });
    let new = NewRun { output_schema: Some(schema), ..new_run(EXTERNAL, json!({})) };
    let run = fixture.runs.start(TENANT, new).await.unwrap().state.run;
    let complete = |outputs: Value| {
        let outputs = outputs.as_object().cloned();
        let completion = Completion { state: FinalState::Succeeded, outputs, artifacts: Vec::new(), error: None };
        Command::Complete { node_run: NodeRunId::root(run), completion }
    };
    let deep = (0..60).fold(json!(1), |inner, _| json!({ "a": inner }));
    let refused = fixture.runs.submit(TENANT, run, complete(deep)).await.unwrap_err();
    let Error::Rejected(Rejected::ResultUnfit { code, .. }) = refused else { panic!("{refused:?}") };
    assert!(code.is(FailureCode::ValidationTooExpensive));
    let unfit = fixture.runs.submit(TENANT, run, complete(json!({ "why": 1 }))).await.unwrap_err();
    let Error::Rejected(Rejected::ResultUnfit { code, .. }) = unfit else { panic!("{unfit:?}") };
    assert!(code.is(FailureCode::OutputSchemaMismatch));
    let state = fixture.runs.submit(TENANT, run, complete(json!({ "why": "done" }))).await.unwrap();
    assert_eq!(state.status, RunStatus::Final(RunOutcome::Succeeded));
}

const EXTERNAL: &str = "runyard.composite.external";

#[tokio::test]
async fn a_decision_on_an_old_state_is_made_again_on_the_new_one() {
    let (_, first, second) = two();
    let run = first.start(EXTERNAL, json!({})).await;
    let version = first.state(run).await.version;
    second.evaluate(run).await.unwrap();
    // The first server has the run in its cache as it started it.
    assert_eq!(first.state(run).await.version, version);
    let state = first.evaluate(run).await.unwrap();
    assert_eq!(state.version, version + 2);
    let evaluated =
        first.log(run).await.into_iter().filter(|recorded| matches!(recorded.event, Event::Evaluated { .. }));
    assert_eq!(evaluated.count(), 2, "both are there");
}

#[tokio::test]
async fn a_decision_on_an_old_state_that_the_new_one_does_not_allow_is_refused() {
    let (_, first, second) = two();
    let run = first.start(EXTERNAL, json!({})).await;
    second.runs.submit(TENANT, run, Command::Cancel { reason: None }).await.unwrap();
    assert!(matches!(first.evaluate(run).await, Err(Error::Rejected(_))));
    let log = first.log(run).await;
    assert!(matches!(log.last().unwrap().event, Event::Finished { .. }), "final is final");
}

#[tokio::test]
async fn a_command_that_always_conflicts_is_busy_and_records_nothing() {
    let (store, first, _) = two();
    let run = first.start(EXTERNAL, json!({})).await;
    let version = first.state(run).await.version;
    for _ in 0..ATTEMPTS_MAX {
        store.next(async move { Some(StoreError::Conflict { run, expected: version, found: version + 1 }) });
    }
    assert!(matches!(first.evaluate(run).await, Err(Error::Busy)));
    assert_eq!(store.waiting(), 0, "it tried as often as it may");
    assert_eq!(first.log(run).await.len() as u64, version);
    first.evaluate(run).await.unwrap();
}

#[tokio::test]
async fn a_busy_or_broken_store_is_reported_and_nothing_changes() {
    let (store, first, _) = two();
    let run = first.start(EXTERNAL, json!({})).await;
    let before = first.log(run).await;
    store.next(async { Some(StoreError::Busy("queue".into())) });
    assert!(matches!(first.evaluate(run).await, Err(Error::Busy)));
    store.next(async { Some(StoreError::Failed("disk".into())) });
    assert!(matches!(first.evaluate(run).await, Err(Error::Store(StoreError::Failed(_)))));
    assert_eq!(first.log(run).await, before);
    assert_eq!(first.state(run).await.version, before.len() as u64, "nor is anything else cached");
}

#[tokio::test]
async fn of_two_starts_under_one_name_one_starts() {
    let echo = |text: &str| new_run("runyard.core.echo", json!({ "echo": text })).named("mine");
    for (other, expected) in [("a", "replayed"), ("b", "name taken")] {
        let (store, first, second) = two();
        // The second server takes the name between the first one's lookup and its commit.
        let taking = second.clone();
        store.next(async move {
            taking.runs.start(TENANT, echo(other)).await.unwrap();
            None
        });
        let started = first.runs.start(TENANT, echo("a")).await;
        assert_eq!(outcome_of(&started), expected);
        let runs = store.list(TENANT, &Default::default(), None, 10).await.unwrap();
        assert_eq!(runs.len(), 1);
        assert!(started.is_err() || started.unwrap().state.run == runs[0].run);
        assert_eq!(outcome_of(&second.runs.start(TENANT, echo(other)).await), "replayed");
    }
}

#[tokio::test]
async fn of_two_starts_under_one_key_one_starts() {
    let echo = |text: &str| new_run("runyard.core.echo", json!({ "echo": text })).keyed("key");
    for (other, expected) in [("a", "replayed"), ("b", "key reused")] {
        let (store, first, second) = two();
        store.next(async move {
            second.runs.start(TENANT, echo(other)).await.unwrap();
            None
        });
        assert_eq!(outcome_of(&first.runs.start(TENANT, echo("a")).await), expected);
        assert_eq!(store.list(TENANT, &Default::default(), None, 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_name_and_a_key_of_different_runs_do_not_mix() {
    let fixture = Fixture::new();
    let echo = |text: &str| new_run("runyard.core.echo", json!({ "echo": text }));
    assert_eq!(outcome_of(&fixture.runs.start(TENANT, echo("a").named("name-a").keyed("key-a")).await), "started");
    assert_eq!(outcome_of(&fixture.runs.start(TENANT, echo("b").named("name-b").keyed("key-b")).await), "started");
    assert_eq!(outcome_of(&fixture.runs.start(TENANT, echo("a").named("name-a").keyed("key-a")).await), "replayed");
    assert_eq!(outcome_of(&fixture.runs.start(TENANT, echo("a").named("name-b").keyed("key-c")).await), "name taken");
    // The same key for another tenant is another key.
    assert_eq!(outcome_of(&fixture.runs.start("other", echo("b").named("name-a").keyed("key-a")).await), "started");
}

#[tokio::test]
async fn a_run_of_another_tenant_is_not_found() {
    let fixture = Fixture::new();
    let run = fixture.start(EXTERNAL, json!({})).await;
    let reference = run.to_string();
    assert!(matches!(fixture.runs.get("other", &reference).await, Err(Error::UnknownRun(_))));
    let node_run = NodeRunId::root(run).to_string();
    assert!(matches!(fixture.runs.get_node_run("other", &node_run).await, Err(Error::UnknownNodeRun(_))));
    let cancel = Command::Cancel { reason: None };
    assert!(fixture.runs.submit("other", run, cancel).await.is_err());
    assert_eq!(fixture.state(run).await.version, fixture.log(run).await.len() as u64);
    assert!(fixture.state(run).await.ended_at_ms.is_none());
}

/// A child with the key `below`, of the type of its parent.
async fn child(fixture: &Fixture, run: RunId) -> ChildSpec {
    ChildSpec {
        key: Some("below".to_owned()),
        node_type: fixture.state(run).await.root().unwrap().node_type.clone(),
        inputs: Default::default(),
        constraints: Default::default(),
        policy: runyard_engine::Policy::default(),
        depends_on: Vec::new(),
        candidate_set_id: None,
        binding_decision: None,
        notes: Default::default(),
    }
}

#[tokio::test]
async fn a_step_that_begins_before_its_commit_returns_waits_for_the_state_and_reads_no_log() {
    let (store, first, _) = two();
    let run = first.start(EXTERNAL, json!({})).await;
    let (parent, below) = (NodeRunId::root(run), NodeRunId::child(run, NodeRunId::root(run), "below"));
    let (reader, (sender, reading)) = (first.clone(), tokio::sync::oneshot::channel());
    store.next(async move {
        let state = tokio::spawn(async move { reader.runs.state_with(TENANT, run, below).await });
        // It has read the cached state, which does not have the child.
        tokio::task::yield_now().await;
        sender.send(state).unwrap();
        None
    });
    let children = vec![child(&first, run).await];
    first.runs.submit(TENANT, run, Command::CreateChildren { parent, children }).await.unwrap();
    let state = reading.await.unwrap().await.unwrap().unwrap();
    assert!(state.node(below).is_some());
    assert_eq!(store.events_read.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn callers_that_want_a_run_at_the_same_time_share_one_read_of_its_log() {
    let (store, first, second) = two();
    let run = second.start(EXTERNAL, json!({})).await;
    let reads = (0..8).map(|_| first.state(run));
    let states = futures::future::join_all(reads).await;
    assert!(states.iter().all(|state| Arc::ptr_eq(state, &states[0])));
    assert_eq!(store.events_read.load(Ordering::SeqCst), states[0].version);
}

#[tokio::test]
async fn a_rejection_is_not_based_on_a_state_that_another_server_has_changed() {
    let (_, first, second) = two();
    let run = first.start(EXTERNAL, json!({})).await;
    let children = vec![child(&first, run).await];
    let (parent, child) = (NodeRunId::root(run), NodeRunId::child(run, NodeRunId::root(run), "below"));
    second.runs.submit(TENANT, run, Command::CreateChildren { parent, children }).await.unwrap();
    // The first server has the run in its cache without this node run.
    let completion = runyard_engine::Completion {
        state: runyard_engine::event::FinalState::Succeeded,
        outputs: None,
        artifacts: Vec::new(),
        error: None,
    };
    let done = first.runs.submit(TENANT, run, Command::Complete { node_run: child, completion }).await.unwrap();
    assert!(!done.node(child).unwrap().is_live());
}

#[tokio::test]
async fn a_commit_that_was_written_although_the_store_reported_a_failure_is_seen() {
    let (store, first, second) = two();
    let run = first.start(EXTERNAL, json!({})).await;
    // The other server plays a commit that was written and whose answer was lost.
    store.next(async move {
        second.runs.submit(TENANT, run, Command::Cancel { reason: None }).await.unwrap();
        Some(StoreError::Failed("connection".into()))
    });
    assert!(first.runs.submit(TENANT, run, Command::Cancel { reason: None }).await.is_err());
    assert!(first.state(run).await.ended_at_ms.is_some(), "the end of the run is seen");
}

/// A run with this many parallel calls, all of them claimed.
async fn with_claimed_calls(fixture: &Fixture, calls: usize) -> (RunId, Vec<Claimed>) {
    let run = fixture.start(EXTERNAL, json!({})).await;
    let node_type = fixture.runs.catalog().resolve(&new_run("runyard.core.echo", json!({})).node_type).unwrap();
    let child = |place: usize| runyard_engine::ChildSpec {
        key: Some(place.to_string()),
        node_type: node_type.clone(),
        inputs: serde_json::from_value(json!({ "echo": place.to_string() })).unwrap(),
        constraints: Default::default(),
        policy: runyard_engine::Policy::default(),
        depends_on: Vec::new(),
        candidate_set_id: None,
        binding_decision: None,
        notes: Default::default(),
    };
    let command = Command::CreateChildren { parent: NodeRunId::root(run), children: (0..calls).map(child).collect() };
    fixture.runs.submit(TENANT, run, command).await.unwrap();
    let claimed = fixture.store.claim("a", NOW_MS, LEASE_MS, calls).await.unwrap();
    assert_eq!(claimed.len(), calls);
    (run, claimed)
}

/// Settles a claimed call under this epoch.
async fn answer(fixture: &Fixture, claimed: &Claimed, epoch: Epoch) -> Result<Arc<State>, Error> {
    let outputs = serde_json::from_value(json!({ "echo": "x" })).unwrap();
    let (effect, node_run) = (claimed.effect.id, claimed.effect.node_run);
    let command = Command::Settle { effect, node_run, outcome: Outcome::Succeeded { outputs } };
    fixture.runs.settle(TENANT, claimed.run, command, (effect, epoch)).await
}

/// A commit that takes so long that everything else waits for it.
fn slow_commit(store: &InterferingStore) {
    store.next(async {
        others_go_on().await;
        None
    });
}

#[tokio::test]
async fn answers_of_one_run_that_come_while_it_commits_are_committed_together() {
    let (store, first, _) = two();
    let (run, claimed) = with_claimed_calls(&first, 3).await;
    let [a, b, c] = &claimed[..] else { panic!("{claimed:?}") };
    (0..4).for_each(|_| slow_commit(&store));
    let answers =
        async { tokio::join!(answer(&first, a, a.epoch), answer(&first, b, b.epoch), answer(&first, c, c.epoch)) };
    let (evaluated, answered) = tokio::join!(first.evaluate(run), answers);
    evaluated.unwrap();
    let states = [answered.0, answered.1, answered.2].map(|state| state.unwrap().version);
    assert_eq!(store.waiting(), 2, "one commit for the verdict, one for three answers");
    assert_eq!(states, [first.log(run).await.len() as u64; 3]);
    let state = first.state(run).await;
    assert!(claimed.iter().all(|claimed| !state.node(claimed.effect.node_run).unwrap().is_live()));
    assert!(store.claim("b", NOW_MS + LEASE_MS, LEASE_MS, 10).await.unwrap().is_empty(), "none is performed again");
}

#[tokio::test]
async fn an_answer_that_comes_too_late_does_not_spoil_those_that_are_committed_with_it() {
    let (store, first, _) = two();
    let (run, claimed) = with_claimed_calls(&first, 3).await;
    let [a, b, c] = &claimed[..] else { panic!("{claimed:?}") };
    slow_commit(&store);
    let answers =
        async { tokio::join!(answer(&first, a, a.epoch), answer(&first, b, b.epoch + 1), answer(&first, c, c.epoch)) };
    let (evaluated, answered) = tokio::join!(first.evaluate(run), answers);
    evaluated.unwrap();
    assert!(answered.0.is_ok() && answered.2.is_ok());
    assert!(matches!(answered.1, Err(Error::Store(StoreError::Fenced { .. }))), "{:?}", answered.1);
    let again = store.claim("b", NOW_MS + LEASE_MS, LEASE_MS, 10).await.unwrap();
    assert_eq!(again.iter().map(|again| again.effect.id).collect::<Vec<_>>(), [b.effect.id]);
}

#[tokio::test]
async fn answers_that_wait_while_their_run_is_canceled_change_nothing() {
    let (store, first, _) = two();
    let (run, claimed) = with_claimed_calls(&first, 2).await;
    let [a, b] = &claimed[..] else { panic!("{claimed:?}") };
    slow_commit(&store);
    let cancel = first.runs.submit(TENANT, run, Command::Cancel { reason: None });
    let answers = async { tokio::join!(answer(&first, a, a.epoch), answer(&first, b, b.epoch)) };
    let (canceled, answered) = tokio::join!(cancel, answers);
    canceled.unwrap();
    assert!(answered.0.is_ok() && answered.1.is_ok(), "an answer that is wanted no more is no error");
    let log = first.log(run).await;
    assert!(matches!(log.last().unwrap().event, Event::Finished { .. }), "final is final");
    assert!(store.claim("b", NOW_MS + LEASE_MS, LEASE_MS, 10).await.unwrap().is_empty());
}
