//! Threads over the memory store, with a driver.

use futures::future::join_all;
use serde_json::json;

use crate::runs::fixture::{Fixture, TENANT, new_run};
use crate::runs::{Error, IdempotencyKey, NewRun, answer, threads};

const PLANNER: &str = "runyard.composite.planner.general";

fn next(thread: &str, goal: &str) -> NewRun {
    NewRun { thread: Some(thread.to_owned()), ..new_run(PLANNER, json!({ "goal": goal })) }
}

/// The turns of a thread, the last first.
async fn turns_of(fixture: &Fixture, thread: &str, before: Option<u64>, limit: usize) -> Vec<u64> {
    let rows = fixture.runs.thread(TENANT, thread, before, limit).await.unwrap();
    rows.into_iter().map(|row| row.turn.unwrap().number).collect()
}

#[tokio::test]
async fn a_later_turn_refers_to_results_of_an_earlier_one() {
    let fixture = Fixture::new();
    let driving = fixture.drive_plainly("one");
    let first = fixture.start("runyard.core.echo", json!({ "echo": "abc" })).await;
    fixture.ended(first).await;
    let thread = threads::turn_of(&*fixture.state(first).await).thread;
    assert_eq!(turns_of(&fixture, &thread, None, 9).await, [1]);

    let mut said = Vec::new();
    for goal in ["Hash it.", "Return the hash.", "Say the message."] {
        let run = fixture.runs.start(TENANT, next(&thread, goal)).await.unwrap().state.run;
        fixture.ended(run).await;
        said.push(answer::of(&*fixture.state(run).await).map(|answer| answer.value));
    }
    let hash = json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(said, [Some(hash.clone()), Some(hash.clone()), Some(hash)]);
    assert_eq!(turns_of(&fixture, &thread, None, 9).await, [4, 3, 2, 1]);
    assert_eq!(turns_of(&fixture, &thread, Some(3), 9).await, [2, 1]);
    assert_eq!(turns_of(&fixture, &thread, Some(1), 9).await, [0; 0]);
    assert_eq!(turns_of(&fixture, &thread, None, 2).await, [4, 3]);
    let second = fixture.runs.thread(TENANT, &thread, Some(3), 1).await.unwrap()[0].run;
    assert_eq!(fixture.runs.continued_by(TENANT, &*fixture.state(first).await).await.unwrap(), Some(second));
    assert!(fixture.runs.thread("other", &thread, None, 9).await.unwrap().is_empty());
    driving.stop().await;
}

#[tokio::test]
async fn a_thread_with_a_live_run_is_busy_and_names_it() {
    let fixture = Fixture::new();
    let first = fixture.start("runyard.core.ask", json!({ "question": "Who?" })).await;
    let thread = threads::turn_of(&*fixture.state(first).await).thread;
    let busy = fixture.runs.start(TENANT, next(&thread, "Generate a UUID.")).await.unwrap_err();
    assert!(matches!(&busy, Error::ThreadBusy { run, .. } if *run == first), "{busy}");
    assert_eq!(fixture.runs.continued_by(TENANT, &*fixture.state(first).await).await.unwrap(), None);
}

#[tokio::test]
async fn of_many_starts_for_one_turn_one_succeeds() {
    let fixture = Fixture::new();
    let thread = fixture.runs.new_thread();
    let asked = (0..8).map(|_| fixture.runs.start(TENANT, next(&thread, "Generate a UUID.")));
    let answers = join_all(asked).await;
    let started: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(started.len(), 1, "{answers:?}");
    let run = started[0].state.run;
    assert!(
        answers
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .all(|error| { matches!(error, Error::ThreadBusy { run: live, .. } if *live == run) })
    );
    assert_eq!(turns_of(&fixture, &thread, None, 9).await, [1]);
}

#[tokio::test]
async fn the_same_request_again_is_the_same_turn() {
    let fixture = Fixture::new();
    let thread = fixture.runs.new_thread();
    let keyed = || NewRun { key: IdempotencyKey::parse("k"), ..next(&thread, "Generate a UUID.") };
    let first = fixture.runs.start(TENANT, keyed()).await.unwrap();
    let again = fixture.runs.start(TENANT, keyed()).await.unwrap();
    assert!(again.replayed && again.state.run == first.state.run, "though the thread is busy: with this very run");
}
