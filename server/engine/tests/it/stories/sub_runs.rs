//! Child runs: with and without a wait, stopped, and their ends reported.

use runyard_engine::event::Failure;
use runyard_engine::{Command, NodeKind, Object, Parent, Policy, Request, RunId, RunOutcome, Start, SubRunReport};
use serde_json::json;

use crate::make::{failure, object, start, tries};
use crate::story::Story;

/// A run whose root starts a child run.
fn starting() -> Story {
    Story::new().start(start(NodeKind::Run))
}

fn root(story: &Story) -> runyard_engine::NodeRunId {
    story.world.state.root().unwrap().id
}

fn launched(story: Story, waits: bool) -> Story {
    let effect = story.world.wanted.values().find(|one| matches!(one.request, Request::Run { .. })).unwrap();
    let (effect, node_run) = (effect.id, effect.node_run);
    let inputs = Some(object(json!({ "came": "to" })));
    story.tell("the run is started", Command::Launched { effect, node_run, inputs, waits })
}

/// The child run of this attempt has ended.
fn ended(story: Story, attempt: u32, outcome: RunOutcome, error: Option<Failure>) -> Story {
    let node_run = root(&story);
    let run = RunId::sub_run(story.world.state.run, node_run, attempt);
    let outputs = error.is_none().then(|| object(json!({ "made": 1 })));
    let report = Box::new(SubRunReport { run, outcome, outputs, error });
    story.tell(&format!("the run of try {attempt} ended as {outcome}"), Command::Report { node_run, report })
}

#[test]
fn a_run_is_started_waited_for_and_answered_with() {
    let story = ended(launched(starting(), true), 1, RunOutcome::Succeeded, None);
    let again = ended(story, 1, RunOutcome::Failed, Some(failure("late")));
    again.matches_transcript("a_sub_run_is_waited_for");
    assert!(again.world.parted.is_empty(), "nothing is to be stopped");
}

#[test]
fn a_report_may_come_before_it_is_known_that_the_run_has_begun() {
    let story = ended(starting(), 1, RunOutcome::Partial, None);
    story.matches_transcript("a_sub_run_ends_early");
    assert!(story.world.parted.is_empty());
}

#[test]
fn a_run_that_is_not_waited_for_is_left_alone() {
    let story = launched(starting(), false);
    story.matches_transcript("a_sub_run_is_left_alone");
    assert!(story.world.parted.is_empty(), "it goes on by itself");
}

#[test]
fn a_failed_run_is_tried_again_as_another_and_its_code_is_kept() {
    let policy = Policy { timeout_ms: Some(5_000), ..tries(2) };
    let story = Story::new().start(Start { policy, ..start(NodeKind::Run) });
    let story = ended(launched(story, true), 1, RunOutcome::Failed, Some(failure("broken")));
    let story = launched(story.after_ms(100).wake("root", "retry"), true);
    let late = ended(story, 1, RunOutcome::Succeeded, None);
    // The second attempt times out.
    let story = late.after_ms(5_000).wake("root", "attempt");
    story.matches_transcript("a_sub_run_is_tried_again");
    assert_eq!(story.world.parted.len(), 1, "the second is stopped");
}

#[test]
fn who_is_canceled_stops_what_it_has_started_or_may_be_starting() {
    for (story, name) in [(starting(), "before_it_began"), (launched(starting(), true), "while_it_runs")] {
        let story = story.tell("cancel", Command::Cancel { reason: None });
        story.matches_transcript(&format!("a_sub_run_is_stopped_{name}"));
        let run = RunId::sub_run(story.world.state.run, root(&story), 1);
        assert!(matches!(story.world.parted[..], [ref one] if one.request == Request::Stop { run }));
    }
}

#[test]
fn the_parent_run_gets_one_report_if_it_waits() {
    let above = RunId::from_uuid(uuid::Uuid::from_u128(9));
    let node_run = runyard_engine::NodeRunId::root(above);
    for waits in [true, false] {
        let parent = Some(Parent { run: above, node_run, waits, depth: 1 });
        let story = Story::new().start(Start { parent, ..start(NodeKind::External) });
        let story = story.tell("cancel", Command::Cancel { reason: None });
        let requests: Vec<Request> = story.world.parted.iter().map(|parted| parted.request.clone()).collect();
        let report = Request::Report { run: above, node_run };
        assert_eq!(requests, if waits { vec![report] } else { Vec::new() });
        assert_eq!(story.world.state.outputs, None::<Object>);
    }
}
