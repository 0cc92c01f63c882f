//! Calls and sleeps.

use runyard_engine::{Command, NodeKind, Outcome, Start};
use serde_json::json;

use crate::make::{failure, object, start};
use crate::story::Story;

#[test]
fn a_call_succeeds() {
    let ask = Start { inputs: object(json!({ "text": "hello" })), ..start(NodeKind::Call) };
    Story::new().start(ask).complete_with("root", json!({ "text": "hello" })).matches_transcript("call_succeeds");
}

#[test]
fn a_call_fails() {
    Story::new().start(start(NodeKind::Call)).fail("root").matches_transcript("call_fails");
}

#[test]
fn a_result_that_comes_late_twice_or_from_nowhere_changes_nothing() {
    let story = Story::new().start(start(NodeKind::Call));
    let (effect, node_run) = story.effect("root", "sleep");
    let stranger = story.id("root/stranger");
    let outcome = || Outcome::Failed(failure("broken"));
    story
        .tell("settle with another effect", Command::Settle { effect, node_run, outcome: outcome() })
        .tell("settle a stranger", Command::Settle { effect, node_run: stranger, outcome: outcome() })
        .tell("wake a call", Command::Wake { effect, node_run })
        .tell("wake a stranger", Command::Wake { effect, node_run: stranger })
        .planned("root", crate::make::plan(vec![]))
        .complete("root")
        .complete("root")
        .fail("root")
        .matches_transcript("results_late_and_twice");
}

#[test]
fn a_sleep_lasts_as_long_as_asked() {
    let ask =
        Start { inputs: object(json!({ "seconds": null, "duration_seconds": 1.2345 })), ..start(NodeKind::Sleep) };
    Story::new()
        .start(ask)
        .wake("root", "sleep")
        .after_ms(1234)
        .wake("root", "sleep")
        .after_ms(1)
        .wake("root", "sleep")
        .wake("root", "sleep")
        .matches_transcript("sleep");
}

#[test]
fn a_sleep_without_a_time_is_over_at_once() {
    Story::new().start(start(NodeKind::Sleep)).wake("root", "sleep").matches_transcript("sleep_without_time");
}

#[test]
fn a_sleep_that_makes_no_sense_fails() {
    let mut text = String::new();
    for seconds in [json!(-1), json!("5"), json!(true), json!([1]), json!(366 * 86_400 + 1), json!(1e300), json!(-0.5)]
    {
        let ask = Start { inputs: object(json!({ "seconds": seconds })), ..start(NodeKind::Sleep) };
        let story = Story::new().start(ask);
        let error = story.world.state.error.clone().unwrap();
        text.push_str(&format!("{seconds}: {}: {}\n", error.code, error.message));
    }
    crate::story::golden("sleep_makes_no_sense", &text);
}
