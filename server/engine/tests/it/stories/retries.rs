//! Retries: what is retried, when, and what takes precedence.

use std::collections::BTreeSet;
use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::{ChildSpec, Command, NodeKind, Outcome, Policy, Rejected, Request, Retry, Start};
use serde_json::json;

use crate::make::{child, failure, limits, node_type, object, plan, start, step, tries};
use crate::story::{Story, golden};

fn call(policy: Policy) -> Start {
    Start { policy, ..start(NodeKind::Call) }
}

fn timed(timeout_ms: u64, attempts_max: u32) -> Policy {
    Policy { timeout_ms: Some(timeout_ms), ..tries(attempts_max) }
}

/// The error code of a run, and the number of attempts of its root.
fn ended(story: &Story) -> (String, u32) {
    (story.world.state.error.clone().unwrap().code.to_string(), story.node("root").attempt)
}

#[test]
fn a_call_that_fails_is_tried_again_after_longer_and_longer_waits() {
    Story::new()
        .start(call(tries(3)))
        .fail("root")
        .wake("root", "retry")
        .after_ms(100)
        .wake("root", "retry")
        .fail("root")
        .after_ms(200)
        .wake("root", "retry")
        .complete("root")
        .matches_transcript("retry_succeeds");
}

#[test]
fn the_last_try_ends_it_with_its_own_reason() {
    let story = Story::new().start(call(tries(2))).fail("root").after_ms(100).wake("root", "retry");
    story.fail_with("root", failure("worse")).matches_transcript("retry_gives_up");
}

#[test]
fn one_try_is_all_there_is_unless_more_are_asked_for() {
    assert_eq!(ended(&Story::new().start(start(NodeKind::Call)).fail("root")), ("broken".into(), 1));
}

#[test]
fn what_says_that_it_is_not_retryable_is_not_tried_again() {
    let unsatisfiable = Failure { retryable: Some(false), ..failure("unsatisfiable") };
    assert_eq!(
        ended(&Story::new().start(call(tries(3))).fail_with("root", unsatisfiable)),
        ("unsatisfiable".into(), 1)
    );
}

#[test]
fn a_list_of_codes_decides_alone() {
    let only = |code: &str| {
        let Some(retry) = tries(3).retry else { panic!() };
        Policy { retry: Some(Retry { codes: Some(BTreeSet::from([code.to_owned()])), ..retry }), ..Policy::default() }
    };
    let unsatisfiable = Failure { retryable: Some(false), ..failure("unsatisfiable") };
    let story = Story::new().start(call(only("unsatisfiable"))).fail_with("root", unsatisfiable.clone());
    assert!(story.node("root").is_live());
    let soon = Failure { retryable: Some(true), ..failure("soon") };
    assert_eq!(ended(&Story::new().start(call(only("unsatisfiable"))).fail_with("root", soon)), ("soon".into(), 1));
}

#[test]
fn a_node_type_brings_its_own_tries_and_the_caller_may_want_none() {
    let mut typed = start(NodeKind::Call);
    typed.node_type.retry = tries(3).retry;
    assert!(Story::new().start(typed.clone()).fail("root").node("root").is_live());
    typed.policy = tries(1);
    assert_eq!(ended(&Story::new().start(typed).fail("root")), ("broken".into(), 1));
}

#[test]
fn a_planner_is_asked_again_also_when_its_plan_makes_no_sense() {
    Story::new()
        .start(Start { policy: tries(3), ..start(NodeKind::Plan) })
        .plan_fails("root")
        .after_ms(100)
        .wake("root", "retry")
        .planned("root", plan(vec![]))
        .after_ms(200)
        .wake("root", "retry")
        .planned("root", plan(vec![step("a", &[])]))
        .complete("root/a")
        .matches_transcript("retry_of_a_planner");
}

#[test]
fn what_was_planned_once_is_not_planned_again_when_a_step_fails() {
    let story = Story::new().start(Start { policy: tries(3), ..start(NodeKind::Plan) });
    let story = story.planned("root", plan(vec![step("a", &[])])).fail("root/a");
    assert_eq!(ended(&story), ("child_failed".into(), 1));
}

#[test]
fn who_waits_for_the_next_try_gives_its_place_to_others_and_comes_back_first() {
    let mut first = step("a", &[]);
    first.policy = tries(2);
    Story::new()
        .start(Start { parallel_max: 1, ..start(NodeKind::Plan) })
        .planned("root", plan(vec![first, step("b", &[]), step("c", &[])]))
        .fail("root/a")
        .after_ms(100)
        .wake("root/a", "retry")
        .complete("root/b")
        .complete("root/a")
        .complete("root/c")
        .matches_transcript("retry_in_line");
}

#[test]
fn late_results_of_an_earlier_try_change_nothing() {
    let story = Story::new().start(call(tries(3)));
    let (first, node_run) = story.effect("root", "call");
    let story = story.fail("root").after_ms(100).wake("root", "retry");
    let late = |story: Story| {
        let outcome = Outcome::Succeeded { outputs: object(json!({ "late": true })) };
        story.tell("settle the first try", Command::Settle { effect: first, node_run, outcome })
    };
    let story = late(story);
    assert_eq!(story.node("root").attempt, 2);
    late(story.complete("root")).matches_transcript("retry_late_result");
}

#[test]
fn a_try_that_takes_too_long_fails_and_is_tried_again() {
    Story::new()
        .start(call(timed(50, 2)))
        .wake("root", "attempt")
        .after_ms(50)
        .wake("root", "attempt")
        .complete("root")
        .after_ms(100)
        .wake("root", "retry")
        .after_ms(50)
        .wake("root", "attempt")
        .matches_transcript("try_times_out");
}

#[test]
fn a_try_that_ends_in_time_takes_its_timer_back() {
    Story::new().start(call(timed(50, 2))).complete("root").wake("root", "attempt").matches_transcript("try_in_time");
}

#[test]
fn a_plan_that_came_in_time_is_not_timed_any_longer() {
    let story = Story::new().start(Start { policy: timed(50, 1), ..start(NodeKind::Plan) });
    let story = story.planned("root", plan(vec![step("a", &[])])).after_ms(60).wake("root", "attempt");
    assert!(story.node("root").is_live());
}

#[test]
fn a_cancel_wins_over_the_next_try() {
    let story = Story::new().start(call(tries(3))).fail("root").cancel().after_ms(100);
    story.wake("root", "retry").matches_transcript("retry_canceled");
}

#[test]
fn the_time_of_the_run_wins_over_the_next_try() {
    let within = Start { constraints: limits(json!({ "budgets": { "max_wall_time_ms": 80 } })), ..call(tries(3)) };
    Story::new()
        .start(within)
        .fail("root")
        .after_ms(80)
        .wake("root", "wall_time")
        .matches_transcript("retry_out_of_time");
}

#[test]
fn the_time_of_the_run_is_counted_from_its_first_try() {
    let within = Start { constraints: limits(json!({ "budgets": { "max_wall_time_ms": 150 } })), ..call(tries(3)) };
    let story = Story::new().start(within).fail("root").after_ms(100).wake("root", "retry").after_ms(50);
    assert_eq!(ended(&story.wake("root", "wall_time")), ("timed_out".into(), 2));
}

#[test]
fn every_try_is_a_step() {
    let within = Start { constraints: limits(json!({ "budgets": { "max_steps": 2 } })), ..call(tries(5)) };
    let story = Story::new().start(within).fail("root").after_ms(100).wake("root", "retry").fail("root");
    story.after_ms(200).wake("root", "retry").matches_transcript("retry_out_of_steps");
}

#[test]
fn what_could_not_begin_is_not_tried_again() {
    let mut blind = step("b", &["a"]);
    blind.policy = tries(3);
    blind.bindings = vec![crate::make::binding("text", "a", "/nowhere")];
    let story = Story::new().start(start(NodeKind::Plan)).planned("root", plan(vec![step("a", &[]), blind]));
    let story = story.complete("root/a");
    assert_eq!((story.node("root/b").attempt, ended(&story).0), (0, "child_failed".to_owned()));
}

#[test]
fn tries_that_cannot_be_kept_are_refused_by_name() {
    let Some(good) = tries(3).retry else { panic!() };
    let retry = |retry: Retry| Policy { retry: Some(retry), ..Policy::default() };
    let time = |timeout_ms: u64| Policy { timeout_ms: Some(timeout_ms), ..Policy::default() };
    let cases = [
        (NodeKind::Call, tries(0)),
        (NodeKind::Call, tries(101)),
        (NodeKind::Call, retry(Retry { initial_ms: u64::MAX, ..good.clone() })),
        (NodeKind::Call, retry(Retry { delay_ms_max: Some(u64::MAX), ..good.clone() })),
        (NodeKind::Call, retry(Retry { backoff: 0.5, ..good.clone() })),
        (NodeKind::Call, retry(Retry { backoff: f64::NAN, ..good.clone() })),
        (NodeKind::Call, retry(Retry { jitter: 1.5, ..good.clone() })),
        (NodeKind::Call, retry(Retry { codes: Some(BTreeSet::new()), ..good })),
        (NodeKind::Sleep, tries(3)),
        (NodeKind::External, tries(3)),
        (NodeKind::Call, time(0)),
        (NodeKind::Call, time(u64::MAX)),
        (NodeKind::Sleep, time(5)),
    ];
    let mut text = String::new();
    for (kind, policy) in cases {
        let asked = Start { policy: policy.clone(), ..start(kind) };
        let mut world = crate::world::World::new();
        let at_root = world.submit(Command::Start(Arc::new(asked))).unwrap_err();
        world.submit(Command::Start(Arc::new(start(NodeKind::External)))).unwrap();
        let spec = ChildSpec { policy, ..child("a", kind) };
        let parent = runyard_engine::NodeRunId::root(world.state.run);
        let below = world.create(parent, vec![child("first", NodeKind::Call), spec]).unwrap_err();
        assert!(matches!(&below, Rejected::InvalidPolicy { child: Some(key), .. } if key == "a"), "{below}");
        assert_eq!(world.state.nodes.len(), 1, "all or none");
        text.push_str(&format!("{at_root}\n{below}\n"));
    }
    golden("retry_refused", &text);
}

#[test]
fn a_step_whose_tries_cannot_be_kept_makes_its_plan_invalid() {
    let mut sleeper = step("a", &[]);
    (sleeper.node_type, sleeper.policy) = (node_type(NodeKind::Sleep), tries(2));
    let story = Story::new().start(start(NodeKind::Plan)).planned("root", plan(vec![sleeper]));
    assert_eq!(ended(&story).0, "plan_invalid");
}

#[test]
fn a_worker_may_report_that_the_time_of_the_attempt_is_over() {
    let story = Story::new().start(call(timed(50, 1)));
    let (effect, node_run) = story.effect("root", "call");
    assert!(matches!(
        story.world.wanted[&effect].request,
        Request::Call { until_ms: Some(until_ms), .. } if until_ms == story.world.at_ms + 50
    ));
    let story =
        story.after_ms(50).tell("time is over", Command::Settle { effect, node_run, outcome: Outcome::TimedOut });
    assert_eq!(ended(&story), ("timed_out".into(), 1));
    assert!(story.world.wanted.is_empty(), "the timer is not needed any more");
}
