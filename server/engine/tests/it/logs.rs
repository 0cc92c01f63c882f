//! Invalid logs are rejected with a reason and leave the state unchanged. `check` finds invalid states.

use std::sync::Arc;

use runyard_engine::event::{ChildCreated, FinalState};
use runyard_engine::{
    ApprovalId, ApprovalStrategy, Constraints, Corrupt, Event, NodeKind, NodeRunId, NodeState, Object, Policy,
    Recorded, RunId, RunOutcome, RunStatus, Shortfall, Start, State, Verdict, Wait, apply, check, replay,
};

use crate::make::{child, failure, node_type, plan, run, start, step};
use crate::story::Story;

/// A run with an external root, a running call, a succeeded one, and one that waits for the first.
fn story() -> Story {
    let waiting = runyard_engine::ChildSpec { depends_on: vec!["running".into()], ..child("waiting", NodeKind::Call) };
    Story::new()
        .start(start(NodeKind::External))
        .create("root", vec![child("running", NodeKind::Call), child("done", NodeKind::Call), waiting])
        .complete("root/done")
}

/// Applies one more event and returns the reason for its rejection.
fn refused(state: &State, event: Event) -> Corrupt {
    let mut after = state.clone();
    let recorded = Recorded { position: state.version + 1, at_ms: 0, event };
    let corrupt = apply(&mut after, &recorded).unwrap_err();
    assert_eq!(after, *state, "a refused event leaves no trace");
    corrupt
}

fn finished(node_run: NodeRunId, state: FinalState) -> Event {
    Event::NodeFinished {
        node_run,
        state,
        outputs: None,
        artifacts: vec![],
        error: None,
        shortfall: None,
        inputs: None,
        route: None,
    }
}

#[test]
fn a_gap_and_a_repetition_are_refused() {
    let Story { world, .. } = story();
    let mut holes = world.log.clone();
    holes.remove(2);
    assert_eq!(replay(run(), &holes), Err(Corrupt::Position { expected: 3, found: 4 }));
    let mut twice = world.log.clone();
    twice.insert(2, twice[1].clone());
    assert_eq!(replay(run(), &twice), Err(Corrupt::Position { expected: 3, found: 2 }));
    assert_eq!(replay(run(), &world.log[1..]), Err(Corrupt::Position { expected: 1, found: 2 }));
    assert_eq!(replay(run(), &[]), Ok(State::new(run())));
}

#[test]
fn the_log_of_another_run_is_refused() {
    let other = RunId::parse("run_00000000000070008000000000000002").unwrap();
    let refused = replay(other, &story().world.log).unwrap_err();
    assert!(matches!(refused, Corrupt::Impossible { event: "started", .. }), "{refused}");
}

#[test]
fn the_first_event_comes_first_and_the_last_one_last() {
    let root = NodeRunId::root(run());
    let first = refused(&State::new(run()), finished(root, FinalState::Failed));
    assert_eq!(first, Corrupt::BeforeStarted { event: "node_finished" });
    let ended = story().cancel().world.state;
    assert_eq!(refused(&ended, finished(root, FinalState::Failed)), Corrupt::AfterFinished { event: "node_finished" });
}

#[test]
fn what_cannot_happen_is_refused_with_a_reason() {
    let story = story();
    let state = &story.world.state;
    let (root, running, done, waiting) =
        (story.id("root"), story.id("root/running"), story.id("root/done"), story.id("root/waiting"));
    let stranger = story.id("root/stranger");
    let bare = |node_run, parent| ChildCreated {
        node_run,
        parent,
        key: "new".into(),
        key_given: true,
        node_type: node_type(NodeKind::Call),
        inputs: Object::new(),
        bindings: vec![],
        depends_on: vec![],
        fallback_for: vec![],
        place: None,
        policy: Policy::default(),
        asked: Constraints::default(),
        constraints: Constraints::default(),
        goal: None,
        candidate_set_id: None,
        binding_decision: None,
        notes: Object::new(),
    };
    let created = |node_run, parent, depends_on| {
        Event::ChildCreated(Box::new(ChildCreated { depends_on, ..bare(node_run, parent) }))
    };
    let below = |parent| NodeRunId::child(run(), parent, "new");
    let started = |node_run, attempt| Event::NodeStarted { node_run, attempt, inputs: None };
    let decomposed = |node_run, round| Event::Decomposed { node_run, round, children: 1, summary: None, result: None };
    let asked = |node_run, approval| Event::ApprovalAsked { node_run, approval, inputs: None };
    let decided = |node_run| Event::ApprovalDecided {
        node_run,
        approval: ApprovalId::of(run(), node_run),
        verdict: Verdict::Approved,
        by: None,
        comment: None,
        inputs: None,
    };
    let impossible = [
        (
            Event::Started { start: Arc::new(start(NodeKind::Call)), root, constraints: Constraints::default() },
            "the run has started before",
        ),
        (decomposed(root, 3), "wrong round"),
        (decomposed(running, 1), "it is atomic"),
        (created(running, root, vec![]), "it exists already"),
        (created(stranger, root, vec![]), "its id does not follow from parent and key"),
        (created(below(root), root, vec![root]), "it depends on a node run that is no sibling"),
        (created(below(running), running, vec![]), "it is atomic"),
        (started(running, 2), "it is not queued"),
        (started(waiting, 1), "it is not queued"),
        (Event::NodeWaiting { node_run: root, wait: Wait::External }, "it is not running"),
        (Event::NodeWaiting { node_run: running, wait: Wait::Children }, "its kind does not wait for that"),
        (
            Event::AttemptFailed { node_run: root, attempt: 1, error: failure("broken"), retry_at_ms: 0 },
            "it is at no try",
        ),
        (
            Event::AttemptFailed { node_run: running, attempt: 2, error: failure("broken"), retry_at_ms: 0 },
            "it is at another try",
        ),
        (
            Event::NodeQueued { node_run: running },
            "it waits neither for its next try nor for an approval that is given",
        ),
        (asked(waiting, ApprovalId::of(run(), running)), "the approval's id does not follow from it"),
        (asked(waiting, ApprovalId::of(run(), waiting)), "there is nothing to ask about it"),
        (asked(root, ApprovalId::of(run(), root)), "there is nothing to ask about it"),
        (decided(running), "it does not wait for that approval"),
        (Event::Resumed { by: None }, "it is not paused"),
        (
            Event::NodeFinished {
                node_run: running,
                state: FinalState::Failed,
                outputs: None,
                artifacts: vec![],
                error: None,
                shortfall: Some(Shortfall::Partial),
                inputs: None,
                route: None,
            },
            "only a composite of the server's own, or who waited for a run, falls short when it failed",
        ),
        (
            Event::ChildCreated(Box::new(ChildCreated { fallback_for: vec![done], ..bare(below(root), root) })),
            "it stands in for a node run that does not name it",
        ),
        (finished(root, FinalState::Canceled), "it has live children"),
        (finished(done, FinalState::Failed), "it has ended before"),
        (finished(running, FinalState::Skipped), "only who waits is skipped"),
        (finished(waiting, FinalState::Succeeded), "it never began"),
        (Event::Finished { outcome: RunOutcome::Canceled, outputs: None, error: None }, "it did not end like that"),
    ];
    for (event, expected) in impossible {
        match refused(state, event) {
            Corrupt::Impossible { reason, .. } => assert_eq!(reason, expected),
            other => panic!("{other}, not {expected}"),
        }
    }
    let unknown = refused(state, finished(stranger, FinalState::Failed));
    assert_eq!(unknown, Corrupt::UnknownNodeRun { event: "node_finished", node_run: stranger });
}

#[test]
fn what_was_asked_or_paused_once_is_not_again() {
    let story = Story::new().start(Start { approval: ApprovalStrategy::OnStart, ..start(NodeKind::Call) });
    let root = story.id("root");
    let approval = ApprovalId::of(run(), root);
    let reason = |state: &State, event| match refused(state, event) {
        Corrupt::Impossible { reason, .. } => reason,
        other => panic!("{other}"),
    };
    let again = Event::ApprovalAsked { node_run: root, approval, inputs: None };
    assert_eq!(reason(&story.world.state, again), "it was asked about before");
    let queued = Event::NodeQueued { node_run: root };
    assert_eq!(
        reason(&story.world.state, queued),
        "it waits neither for its next try nor for an approval that is given"
    );
    let paused = Event::Paused { reason: None, by: None };
    let story = story.pause("for a while");
    assert_eq!(reason(&story.world.state, paused), "it is paused already");
    let queued = Story::new().start(start(NodeKind::External)).pause("for a while");
    let story = queued.create("root", vec![child("a", NodeKind::Call)]);
    let begins = Event::NodeStarted { node_run: story.id("root/a"), attempt: 1, inputs: None };
    assert_eq!(reason(&story.world.state, begins), "the run is paused, or its plan waits for an approval");
}

fn but(state: &State, change: fn(&mut State)) -> State {
    let mut state = state.clone();
    change(&mut state);
    state
}

#[test]
fn a_state_that_cannot_be_is_found() {
    let story = story();
    let good = &story.world.state;
    assert_eq!(check(good), vec![]);
    let with = |path: &str, change: fn(&mut runyard_engine::Node)| {
        let mut state = good.clone();
        change(Arc::make_mut(state.nodes.get_mut(&story.id(path)).unwrap()));
        state
    };
    let broken = [
        (
            with("root/running", |node| node.state = NodeState::Final(FinalState::Succeeded)),
            "live children are counted right",
        ),
        (with("root/done", |node| node.state = NodeState::Queued), "the ready queue is what the node runs say"),
        (with("root/waiting", |node| node.unsatisfied = 0), "unsatisfied dependencies are counted right"),
        (with("root/running", |node| node.depth = 7), "a child is one deeper than its parent"),
        (with("root/running", |node| node.key = "other".into()), "an id follows from parent and key"),
        (with("root", |node| node.children.clear()), "a parent knows each of its children once"),
        (with("root/running", |node| node.dependants.clear()), "a dependency knows each of its dependants once"),
        (with("root", |node| node.constraints.structural.max_depth = Some(0)), "max_depth"),
        (with("root", |node| node.asked.budgets.max_steps = Some(1)), "max_steps"),
        (
            with("root/running", |node| node.constraints.gates.require_approval = true),
            "what needs an approval begins with one",
        ),
        (
            with("root", |node| _ = node.constraints.candidates.denied_node_type_ids.insert("test.call".into())),
            "node types are allowed where they are",
        ),
        (
            with("root/waiting", |node| node.state = NodeState::Waiting(Wait::Approval)),
            "who waits for an approval has asked, and has no answer",
        ),
        (
            but(good, |state| _ = state.approvals.insert(ApprovalId::of(run(), state.order[1]), state.order[1])),
            "every approval is known once",
        ),
        (but(good, |state| state.status = RunStatus::Waiting), "a waiting run has no node run that runs, or may begin"),
        (but(good, |state| state.status = RunStatus::Final(RunOutcome::Failed)), "a run ends as its root ended"),
        (but(good, |state| state.steps = 9), "steps are the tries of atomic node runs"),
        (but(&State::new(run()), |state| state.version = 1), "nothing has happened before the first event"),
    ];
    for (state, law) in broken {
        let found = check(&state);
        assert!(found.iter().any(|violation| violation.law == law), "{law}: {found:?}");
    }
}

#[test]
fn a_violation_says_where() {
    let mut state = story().world.state;
    state.steps = 9;
    assert_eq!(check(&state)[0].to_string(), "run: steps are the tries of atomic node runs");
    let planned = Story::new().start(start(NodeKind::Plan)).planned("root", plan(vec![step("S1", &[])]));
    let (id, mut state) = (planned.id("root/S1"), planned.world.state);
    Arc::make_mut(state.nodes.get_mut(&id).unwrap()).depth = 2;
    assert_eq!(check(&state)[0].to_string(), format!("{id}: a child is one deeper than its parent"));
}
