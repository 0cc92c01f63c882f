//! Tests of the driver with a stopped clock: leases, epochs, several drivers over one store, defects during execution.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runyard_engine::event::FinalState;
use runyard_engine::{Command, Event, Outcome, Policy, Recorded, Retry, RunId, RunOutcome};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::runs::fixture::{
    Fixture, InterferingStore, LEASE_MS, NOW_MS, ScriptedPlanner, TENANT, bounded, new_run, others_go_on,
};
use crate::runs::{Error, NewRun};
use crate::store::memory::Memory;
use crate::store::{Claimed, StoreError};

const PLANNER: &str = "runyard.composite.planner.general";
const UUID4: &str = "runyard.core.uuid4";

fn outcome(log: &[Recorded]) -> RunOutcome {
    match log.last().unwrap().event {
        Event::Finished { outcome, .. } => outcome,
        _ => panic!("it has not ended: {log:#?}"),
    }
}

/// How often each node run has ended.
fn endings(log: &[Recorded]) -> Vec<usize> {
    let mut endings = BTreeMap::new();
    for recorded in log {
        if let Event::NodeFinished { node_run, .. } = &recorded.event {
            *endings.entry(*node_run).or_insert(0) += 1;
        }
    }
    endings.into_values().collect()
}

/// Claims everything that is due now for another claimer.
async fn claimed_by(fixture: &Fixture, claimer: &str) -> Vec<Claimed> {
    fixture.store.claim(claimer, fixture.clock.now_ms(), LEASE_MS, 100).await.unwrap()
}

fn outputs(claimed: &Claimed, uuid4: &str) -> Command {
    let Value::Object(outputs) = json!({ "uuid4": uuid4 }) else { panic!("an object") };
    let (effect, node_run) = (claimed.effect.id, claimed.effect.node_run);
    Command::Settle { effect, node_run, outcome: Outcome::Succeeded { outputs } }
}

#[tokio::test]
async fn what_a_dead_claimer_was_performing_is_performed_when_its_lease_has_run_out() {
    let fixture = Fixture::new();
    let run = fixture.start(UUID4, json!({})).await;
    assert_eq!(claimed_by(&fixture, "dead").await.len(), 1);
    let driving = fixture.drive_plainly("alive");
    fixture.clock.advance(Duration::from_millis(LEASE_MS.unsigned_abs() - 1));
    others_go_on().await;
    assert!(fixture.state(run).await.ended_at_ms.is_none(), "it is not ours yet");
    fixture.clock.advance(Duration::from_millis(1));
    let log = fixture.ended(run).await;
    assert_eq!((outcome(&log), endings(&log)), (RunOutcome::Succeeded, vec![1]));
    driving.stop().await;
}

#[tokio::test]
async fn a_node_of_a_graph_is_tried_again_just_when_its_backoff_says() {
    let fixture = Fixture::new();
    let driving = fixture.drive_plainly("driver");
    let retry = json!({ "max_attempts": 3, "initial_interval_ms": 1000, "backoff_coefficient": 2.0 });
    let risky = json!({ "key": "risky", "node_type_ref": { "node_type_id": "runyard.core.fail" }, "inputs": { "tries": 2 }, "retry": retry });
    let run = fixture.start("runyard.composite.graph", json!({ "graph": { "nodes": [risky] } })).await;
    for (wait_ms, tries) in [(1_000, 1), (2_000, 2)] {
        others_go_on().await;
        fixture.clock.advance(Duration::from_millis(wait_ms - 1));
        others_go_on().await;
        assert_eq!(fixture.state(run).await.steps, tries, "not a millisecond too early");
        fixture.clock.advance(Duration::from_millis(1));
    }
    let log = fixture.ended(run).await;
    let began =
        |one: &Recorded| matches!(one.event, Event::NodeStarted { attempt: 1.., .. }).then_some(one.at_ms - NOW_MS);
    let began: Vec<i64> = log.iter().filter_map(began).collect();
    // The graph itself, and three attempts.
    assert_eq!(began, [0, 0, 1_000, 3_000]);
    assert_eq!(outcome(&log), RunOutcome::Succeeded);
    driving.stop().await;
}

#[tokio::test]
async fn a_result_under_an_old_epoch_is_dropped() {
    let fixture = Fixture::new();
    let run = fixture.start(UUID4, json!({})).await;
    let old = claimed_by(&fixture, "slow").await.remove(0);
    fixture.clock.advance(Duration::from_millis(LEASE_MS.unsigned_abs()));
    let new = claimed_by(&fixture, "fast").await.remove(0);
    assert_eq!((old.effect.id, old.epoch + 1), (new.effect.id, new.epoch));

    let late = || fixture.runs.settle(TENANT, run, outputs(&old, "late"), (old.effect.id, old.epoch));
    assert!(matches!(late().await, Err(Error::Store(StoreError::Fenced { .. }))), "before the new result");
    fixture.runs.settle(TENANT, run, outputs(&new, "first"), (new.effect.id, new.epoch)).await.unwrap();
    // The run has continued: the answer changes nothing.
    let _ = late().await;
    let log = fixture.ended(run).await;
    let Some(Event::NodeFinished { outputs, .. }) =
        log.iter().map(|one| &one.event).find(|event| matches!(event, Event::NodeFinished { .. }))
    else {
        panic!("it ended")
    };
    assert_eq!(json!(outputs), json!({ "uuid4": "first" }));
    assert_eq!(endings(&log), [1]);
}

#[tokio::test]
async fn a_lease_is_renewed_for_as_long_as_the_work_lasts() {
    let fixture = Fixture::new();
    let go = Arc::new(Notify::new());
    let driving = fixture.drive("busy", ScriptedPlanner::FailsWhenNotified(go.clone()));
    let run = fixture.start(PLANNER, json!({ "goal": "Take your time." })).await;
    others_go_on().await;
    for second in 0..10 {
        fixture.clock.advance(Duration::from_secs(1));
        others_go_on().await;
        assert_eq!(claimed_by(&fixture, "waiting").await, [], "after {second} s");
    }
    go.notify_one();
    let log = fixture.ended(run).await;
    assert_eq!((outcome(&log), endings(&log)), (RunOutcome::Failed, vec![1]));
    driving.stop().await;
}

#[tokio::test]
async fn a_stopping_driver_finishes_its_effects_and_claims_no_new_ones() {
    let fixture = Fixture::new();
    let go = Arc::new(Notify::new());
    let driving = fixture.drive("leaving", ScriptedPlanner::FailsWhenNotified(go.clone()));
    let held_work = fixture.start(PLANNER, json!({ "goal": "Take your time." })).await;
    others_go_on().await;
    driving.stopping.cancel();
    others_go_on().await;
    let new = fixture.start(UUID4, json!({})).await;
    others_go_on().await;
    assert!(!driving.task.is_finished());
    go.notify_one();
    bounded(driving.task).await.unwrap();
    assert_eq!(outcome(&fixture.ended(held_work).await), RunOutcome::Failed);
    assert!(fixture.state(new).await.ended_at_ms.is_none());
    assert_eq!(claimed_by(&fixture, "next").await.len(), 1, "the new one is free for the next driver");
}

#[tokio::test]
async fn a_dropped_driver_performs_nothing() {
    let fixture = Fixture::new();
    let go = Arc::new(Notify::new());
    let driving = fixture.drive("gone", ScriptedPlanner::FailsWhenNotified(go.clone()));
    let run = fixture.start(PLANNER, json!({ "goal": "Take your time." })).await;
    others_go_on().await;
    driving.task.abort();
    assert!(bounded(driving.task).await.unwrap_err().is_cancelled());
    others_go_on().await;
    assert_eq!(Arc::strong_count(&go), 1, "no task is left");
    fixture.clock.advance(Duration::from_millis(LEASE_MS.unsigned_abs() - 1));
    others_go_on().await;
    assert_eq!(claimed_by(&fixture, "hasty").await, []);
    // Its claims are not renewed either.
    fixture.clock.advance(Duration::from_millis(1));
    let driving = fixture.drive_plainly("next");
    let log = fixture.ended(run).await;
    assert!(endings(&log).iter().all(|times| *times == 1), "{log:#?}");
    driving.stop().await;
}

#[tokio::test]
async fn two_drivers_over_one_store_record_each_result_once() {
    const RUNS: usize = 40;
    let first = Fixture::new();
    let second = Fixture::over(first.store.clone(), first.clock.clone());
    let goal = "Generate a UUID, then generate a UUID, then hash the text \"abc\", then return the hash.";
    let mut runs: Vec<RunId> = Vec::new();
    for number in 0..RUNS {
        let fixture = if number % 2 == 0 { &first } else { &second };
        runs.push(fixture.start(PLANNER, json!({ "goal": goal })).await);
    }
    let driving = [first.drive_plainly("first"), second.drive_plainly("second")];
    for run in runs {
        // The watcher may not get a notification of the other server: it reads again within a second.
        let (log, ()) = tokio::join!(second.ended(run), async {
            for _ in 0..20 {
                others_go_on().await;
                first.clock.advance(Duration::from_millis(100));
            }
        });
        assert_eq!((outcome(&log), endings(&log)), (RunOutcome::Succeeded, vec![1; 4]));
        let positions: Vec<_> = log.iter().map(|recorded| recorded.position).collect();
        assert_eq!(positions, (1..=log.len() as u64).collect::<Vec<_>>());
        assert_eq!(first.log(run).await, log);
    }
    for one in driving {
        one.stop().await;
    }
    assert_eq!(first.store.next_due().await.unwrap(), None, "nothing is left to do");
}

#[tokio::test]
async fn a_defect_while_performing_ends_the_step_as_an_internal_error() {
    let fixture = Fixture::new();
    let driving = fixture.drive("unlucky", ScriptedPlanner::Panics);
    let run = fixture.start(PLANNER, json!({ "goal": "Generate a UUID." })).await;
    let log = fixture.ended(run).await;
    let Event::Finished { outcome: RunOutcome::Failed, error: Some(error), .. } = &log.last().unwrap().event else {
        panic!("{log:#?}")
    };
    assert_eq!(error.code.as_str(), "internal_error");
    assert!(!error.message.contains("as a defect would"), "what went wrong is for the server's log alone");
    // The driver itself continues.
    let next = fixture.start(UUID4, json!({})).await;
    assert_eq!(outcome(&fixture.ended(next).await), RunOutcome::Succeeded);
    driving.stop().await;
}

/// Attempts with exponential backoff: the first delay is this many milliseconds, and each next is twice as long.
fn tries(attempts_max: u32, initial_ms: u64) -> Policy {
    let retry = Retry { attempts_max, initial_ms, backoff: 2.0, delay_ms_max: None, jitter: 0.0, codes: None };
    Policy { retry: Some(retry), ..Policy::default() }
}

#[tokio::test]
async fn waits_between_tries_are_exact() {
    let fixture = Fixture::new();
    let driving = fixture.drive_plainly("patient");
    let new = NewRun { policy: tries(4, 1_000), ..new_run("runyard.core.fail", json!({ "tries": 3 })) };
    let run = fixture.runs.start(TENANT, new).await.unwrap().state.run;
    for _ in 0..70 {
        others_go_on().await;
        fixture.clock.advance(Duration::from_millis(100));
    }
    let log = fixture.ended(run).await;
    let begun = log.iter().filter(|one| matches!(one.event, Event::NodeStarted { .. })).map(|one| one.at_ms - NOW_MS);
    assert_eq!(begun.collect::<Vec<_>>(), [0, 1_000, 3_000, 7_000]);
    assert_eq!((outcome(&log), endings(&log)), (RunOutcome::Succeeded, vec![1]));
    driving.stop().await;
}

/// One call per worker, each of which takes a minute.
async fn all_workers_busy(fixture: &Fixture, policy: &Policy) -> Vec<RunId> {
    let mut runs = Vec::new();
    for _ in 0..4 {
        let new = NewRun { policy: policy.clone(), ..new_run("runyard.core.fail", json!({ "after_ms": 60_000 })) };
        runs.push(fixture.runs.start(TENANT, new).await.unwrap().state.run);
    }
    others_go_on().await;
    runs
}

#[tokio::test]
async fn what_takes_too_long_is_given_up_and_its_worker_is_free() {
    let fixture = Fixture::new();
    let driving = fixture.drive_plainly("busy");
    let runs = all_workers_busy(&fixture, &Policy { timeout_ms: Some(500), ..Policy::default() }).await;
    let next = fixture.start(UUID4, json!({})).await;
    others_go_on().await;
    assert!(fixture.state(next).await.ended_at_ms.is_none(), "every worker is busy");
    // No worker is free for the timers, and none is needed.
    fixture.clock.advance(Duration::from_millis(500));
    others_go_on().await;
    for run in runs {
        assert_eq!(fixture.state(run).await.error.as_ref().unwrap().code.as_str(), "timed_out");
    }
    assert_eq!(outcome(&fixture.ended(next).await), RunOutcome::Succeeded);
    driving.stop().await;
}

#[tokio::test]
async fn a_runs_time_is_over_on_time_although_every_worker_is_busy() {
    let fixture = Fixture::new();
    let driving = fixture.drive_plainly("busy");
    all_workers_busy(&fixture, &Policy::default()).await;
    let mut new = new_run("runyard.core.sleep", json!({ "seconds": 60 }));
    new.constraints.budgets.max_wall_time_ms = Some(500);
    let timed = fixture.runs.start(TENANT, new).await.unwrap().state.run;
    let short = fixture.start("runyard.core.sleep", json!({ "seconds": 0.7 })).await;
    others_go_on().await;
    fixture.clock.advance(Duration::from_millis(500));
    others_go_on().await;
    assert_eq!(fixture.state(timed).await.error.as_ref().unwrap().code.as_str(), "timed_out");
    assert!(fixture.state(short).await.ended_at_ms.is_none());
    fixture.clock.advance(Duration::from_millis(200));
    assert_eq!(outcome(&fixture.ended(short).await), RunOutcome::Succeeded);
    let waiting = fixture.start(UUID4, json!({})).await;
    others_go_on().await;
    assert!(fixture.state(waiting).await.ended_at_ms.is_none(), "only timers go on without a free worker");
    driving.task.abort();
}

#[tokio::test]
async fn what_a_cancel_overtakes_is_given_up_at_once() {
    let fixture = Fixture::new();
    let driving = fixture.drive_plainly("busy");
    for run in all_workers_busy(&fixture, &Policy::default()).await {
        fixture.runs.submit(TENANT, run, Command::Cancel { reason: None }).await.unwrap();
    }
    let next = fixture.start(UUID4, json!({})).await;
    assert_eq!(outcome(&fixture.ended(next).await), RunOutcome::Succeeded, "and no time has passed");
    driving.stop().await;
}

#[tokio::test]
async fn a_timer_that_fires_too_early_fires_again_when_it_is_due() {
    let fixture = Fixture::new();
    let run = fixture.start("runyard.core.sleep", json!({ "seconds": 60 })).await;
    let early = fixture.store.claim("hasty", NOW_MS + 60_000, LEASE_MS, 1).await.unwrap().remove(0);
    let wake = Command::Wake { effect: early.effect.id, node_run: early.effect.node_run };
    fixture.runs.settle(TENANT, run, wake, (early.effect.id, early.epoch)).await.unwrap();
    let driving = fixture.drive_plainly("patient");
    others_go_on().await;
    assert!(fixture.state(run).await.ended_at_ms.is_none());
    // The lease of the short one ends after the timer is due.
    fixture.clock.advance(Duration::from_millis(60_000 + LEASE_MS.unsigned_abs()));
    let log = fixture.ended(run).await;
    assert_eq!((outcome(&log), endings(&log)), (RunOutcome::Succeeded, vec![1]));
    assert!(log.last().unwrap().at_ms >= NOW_MS + 60_000, "never early");
    driving.stop().await;
}

#[tokio::test]
async fn what_a_canceled_run_was_performing_is_dropped() {
    let fixture = Fixture::new();
    let run = fixture.start(UUID4, json!({})).await;
    let claimed = claimed_by(&fixture, "slow").await.remove(0);
    fixture.runs.submit(TENANT, run, Command::Cancel { reason: None }).await.unwrap();
    let before = fixture.log(run).await;
    let _ = fixture.runs.settle(TENANT, run, outputs(&claimed, "late"), (claimed.effect.id, claimed.epoch)).await;
    assert_eq!(fixture.log(run).await, before, "final is final");
    let canceled =
        before.iter().any(|one| matches!(one.event, Event::NodeFinished { state: FinalState::Canceled, .. }));
    assert!(canceled);
    assert_eq!(fixture.store.next_due().await.unwrap(), None);
}

#[tokio::test]
async fn a_driver_with_few_workers_gets_through_much_work() {
    let fixture = Fixture::over(Arc::new(Memory::new()), crate::clock::Clock::manual(NOW_MS));
    let mut runs = Vec::new();
    for _ in 0..50 {
        runs.push(fixture.start(UUID4, json!({})).await);
    }
    // Four at once; there is no notification for those that wait.
    let driving = fixture.drive_plainly("alone");
    for run in runs {
        assert_eq!(outcome(&fixture.ended(run).await), RunOutcome::Succeeded);
    }
    driving.stop().await;
}

#[tokio::test]
async fn a_claim_answered_after_its_lease_had_run_out_is_left_to_who_has_it_now() {
    let store = InterferingStore::new();
    let fixture = Fixture::over(store.clone(), Clock::manual(NOW_MS));
    let run = fixture.start(PLANNER, json!({ "goal": "Take your time." })).await;
    let elsewhere = Fixture::over(store.inner.clone(), fixture.clock.clone());
    store.before_the_claim_is_answered(async move {
        // The store is slow, and meanwhile another claimer claims, executes and finishes.
        elsewhere.clock.advance(Duration::from_millis(LEASE_MS.unsigned_abs()));
        let now = claimed_by(&elsewhere, "fast").await.remove(0);
        let failed = Command::Settle {
            effect: now.effect.id,
            node_run: now.effect.node_run,
            outcome: Outcome::Failed(super::work::panicked()),
        };
        elsewhere.runs.settle(TENANT, run, failed, (now.effect.id, now.epoch)).await.unwrap();
    });
    let asked = Arc::new(AtomicU64::new(0));
    let driving = fixture.drive("slow", ScriptedPlanner::Counts(asked.clone()));
    assert_eq!(outcome(&fixture.ended(run).await), RunOutcome::Failed);
    others_go_on().await;
    assert_eq!(asked.load(Ordering::SeqCst), 0, "a finished step is not performed again");
    driving.stop().await;
}

#[tokio::test]
async fn a_result_counts_although_its_own_process_claimed_the_effect_again_after_a_stop() {
    let store = InterferingStore::new();
    let fixture = Fixture::over(store.clone(), Clock::manual(NOW_MS));
    let go = Arc::new(Notify::new());
    let driving = fixture.drive("stopped", ScriptedPlanner::FailsWhenNotified(go.clone()));
    let run = fixture.start(PLANNER, json!({ "goal": "Take your time." })).await;
    others_go_on().await;
    // As after SIGSTOP: the leases have run out and nothing was renewed; the answer of the call comes while the driver claims.
    fixture.clock.jump(15 * LEASE_MS);
    store.before_the_claim_is_answered(async move {
        go.notify_one();
        others_go_on().await;
    });
    let next = fixture.start(UUID4, json!({})).await;
    let log = fixture.ended(run).await;
    assert_eq!((outcome(&log), endings(&log)), (RunOutcome::Failed, vec![1]));
    assert_eq!(outcome(&fixture.ended(next).await), RunOutcome::Succeeded);
    fixture.clock.advance(Duration::from_millis(15 * LEASE_MS.unsigned_abs()));
    assert_eq!(claimed_by(&fixture, "next").await, [], "nothing is left to be performed again");
    driving.stop().await;
}

#[tokio::test]
async fn a_renewal_while_the_own_process_claims_again_does_not_cancel_the_work() {
    let store = InterferingStore::new();
    let fixture = Fixture::over(store.clone(), Clock::manual(NOW_MS));
    let (asked, go) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let driving = fixture.drive("stopped", ScriptedPlanner::CountsAndWaits(asked.clone(), go.clone()));
    let run = fixture.start(PLANNER, json!({ "goal": "Take your time." })).await;
    others_go_on().await;
    // As after SIGSTOP: the lease has run out; the renewal, still under the old epoch, comes while the driver claims.
    fixture.clock.jump(15 * LEASE_MS);
    let clock = fixture.clock.clone();
    store.before_the_claim_is_answered(async move {
        clock.advance(Duration::from_millis(LEASE_MS.unsigned_abs() / 2));
        others_go_on().await;
    });
    let next = fixture.start(UUID4, json!({})).await;
    others_go_on().await;
    assert_eq!(store.claims_waiting(), 0, "the claim was answered");
    // Enough for a claim of what was given up.
    fixture.clock.advance(Duration::from_millis(2 * LEASE_MS.unsigned_abs()));
    others_go_on().await;
    go.notify_one();
    assert_eq!(outcome(&fixture.ended(run).await), RunOutcome::Failed);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the step was performed once");
    go.notify_one();
    fixture.ended(next).await;
    driving.stop().await;
}

#[tokio::test]
async fn what_was_canceled_before_its_claim_was_answered_is_not_performed() {
    let store = InterferingStore::new();
    let fixture = Fixture::over(store.clone(), Clock::manual(NOW_MS));
    let run = fixture.start(PLANNER, json!({ "goal": "Take your time." })).await;
    let canceling = fixture.clone();
    store.before_the_claim_is_answered(async move {
        canceling.runs.submit(TENANT, run, Command::Cancel { reason: None }).await.unwrap();
    });
    let asked = Arc::new(AtomicU64::new(0));
    let driving = fixture.drive("slow", ScriptedPlanner::Counts(asked.clone()));
    assert_eq!(outcome(&fixture.ended(run).await), RunOutcome::Canceled);
    others_go_on().await;
    assert_eq!(asked.load(Ordering::SeqCst), 0, "a canceled run starts no new work");
    driving.stop().await;
}

#[tokio::test]
async fn what_another_server_began_is_performed_although_the_cache_does_not_know_it() {
    let fixture = Fixture::new();
    let run = fixture.start("runyard.composite.external", json!({})).await;
    let elsewhere = Fixture::over(fixture.store.clone(), fixture.clock.clone());
    let children = vec![child(UUID4)];
    let parent = runyard_engine::NodeRunId::root(run);
    let (_, ids) = elsewhere.runs.create_children(TENANT, run, parent, children).await.unwrap();
    let driving = fixture.drive_plainly("behind");
    let ended = async {
        loop {
            others_go_on().await;
            if !elsewhere.log(run).await.iter().all(|one| !ends(one, ids[0])) {
                return;
            }
        }
    };
    bounded(ended).await;
    driving.stop().await;
}

fn ends(recorded: &Recorded, child: runyard_engine::NodeRunId) -> bool {
    matches!(recorded.event, Event::NodeFinished { node_run, .. } if node_run == child)
}

fn child(node_type: &str) -> crate::runs::ChildRequest {
    let new = crate::runs::fixture::new_run(node_type, json!({}));
    crate::runs::ChildRequest {
        key: None,
        node_type: new.node_type,
        inputs: new.inputs,
        policy: Policy::default(),
        depends_on: Vec::new(),
        constraints: new.constraints,
        candidate_set_id: None,
        binding_decision: None,
        notes: new.notes,
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_hold_up_what_is_due() {
    let fixture = Fixture::new();
    let driving = fixture.drive_plainly("steady");
    let before = fixture.start(PLANNER, json!({ "goal": "Sleep for 5 seconds, then generate a UUID." })).await;
    others_go_on().await;
    fixture.clock.jump(-3_600_000);
    let after = fixture.start(UUID4, json!({})).await;
    assert_eq!(outcome(&fixture.ended(after).await), RunOutcome::Succeeded);
    others_go_on().await;
    fixture.clock.advance(Duration::from_secs(5));
    assert_eq!(outcome(&fixture.ended(before).await), RunOutcome::Succeeded, "five seconds are five seconds");
    driving.stop().await;
}
