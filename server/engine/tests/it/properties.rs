//! Property tests with random commands in any order, including duplicates and late results. `world` checks all
//! invariants after every command. This file generates the commands and checks how a run may end.

mod made;

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use runyard_engine::event::{EvaluationStatus, FinalState};
use runyard_engine::plan::Step;
use runyard_engine::{
    ApprovalId, ApprovalStrategy, ChildSpec, Command, Completion, Constraints, Decision, Effect, EffectId, Event,
    NodeKind, NodeRunId, NodeState, OnFailure, Outcome, Plan, Policy, Request, Retry, Routed, RunId, RunOutcome,
    RunStatus, SideEffect, Start, SubRunReport, Verdict, Wait,
};
use serde_json::{Value, json};

use crate::make::{self, child, completion, evaluation, failure, node_type, object, recovery, start};
use crate::world::World;
use made::{RunResult, any_graph, any_made};

const CASES: u32 = 256;
const MOVES_MAX: usize = 50;

/// One random step. Numbers select an existing item, modulo the number of items.
#[derive(Debug, Clone)]
enum Move {
    /// Time passes.
    Later(i64),
    /// An outstanding effect succeeds or fails, or its timer fires.
    Answer {
        which: usize,
        well: bool,
        made: RunResult,
    },
    /// An earlier answer is repeated: late, twice, or for another node run.
    Stale {
        effect: usize,
        node: usize,
        kind: u8,
        made: RunResult,
    },
    Create {
        node: usize,
        children: Vec<ChildSpec>,
    },
    Complete {
        node: usize,
        completion: Completion,
    },
    Evaluate {
        node: usize,
        status: EvaluationStatus,
        recovery: bool,
    },
    Deliver {
        node: usize,
        input: String,
    },
    Decide {
        which: usize,
        verdict: Verdict,
    },
    /// A verdict for a node run, with or without an approval request.
    DecideAny {
        node: usize,
        verdict: Verdict,
    },
    Pause,
    Resume,
    Cancel,
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: CASES,
        // A fixed seed gives the same cases in every build, so that failures are reproducible. Found failures become
        // scenarios, not seeds.
        rng_seed: RngSeed::Fixed(0x5eed),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_laws_hold_whatever_happens(
        start in any_start(),
        moves in prop::collection::vec(any_move(), 1..MOVES_MAX),
    ) {
        let mut world = World::new();
        if world.submit(Command::Start(Arc::new(start))).is_err() {
            return Ok(());
        }
        let mut seen = Seen::default();
        for next in moves {
            let over = matches!(world.state.status, RunStatus::Final(_));
            let version = world.state.version;
            seen.note(&world);
            obey(&mut world, &seen, next);
            prop_assert!(!over || world.state.version == version, "nothing follows the end");
        }
        wind_up(&mut world);
        prop_assert!(matches!(world.state.status, RunStatus::Final(_)), "every run ends once it is answered");
        prop_assert!(world.wanted.is_empty(), "and then wants nothing");
        prop_assert_eq!(world.read_back(), world.state, "what is stored is what is read");
    }

    #[test]
    fn a_canceled_run_starts_no_new_work(
        start in any_start(),
        before in prop::collection::vec(any_move(), 1..MOVES_MAX / 2),
        after in prop::collection::vec(any_move(), 1..MOVES_MAX / 2),
    ) {
        let mut world = World::new();
        if world.submit(Command::Start(Arc::new(start))).is_err() {
            return Ok(());
        }
        let mut seen = Seen::default();
        for next in before {
            seen.note(&world);
            obey(&mut world, &seen, next);
        }
        seen.note(&world);
        world.submit(Command::Cancel { reason: None }).unwrap();
        prop_assert!(world.wanted.is_empty());
        let end = world.state.clone();
        for next in after {
            obey(&mut world, &seen, next);
        }
        prop_assert_eq!(world.state, end, "a canceled run stays as it is");
    }

    #[test]
    fn merging_constraints_is_the_strictest_of_both(a in any_limits(), b in any_limits(), c in any_limits()) {
        prop_assert_eq!(a.merge(&b), b.merge(&a));
        prop_assert_eq!(a.merge(&b).merge(&c), a.merge(&b.merge(&c)));
        prop_assert_eq!(a.merge(&a), a.clone());
        prop_assert_eq!(a.merge(&Constraints::default()), a);
    }
}

/// Every effect that was ever requested and every node run, for late and misdirected answers.
#[derive(Default)]
struct Seen {
    effects: Vec<EffectId>,
    known: BTreeSet<EffectId>,
}

impl Seen {
    fn note(&mut self, world: &World) {
        let new = world.wanted.keys().filter(|id| self.known.insert(**id)).copied();
        self.effects.extend(new.collect::<Vec<_>>());
    }
}

fn obey(world: &mut World, seen: &Seen, next: Move) {
    let node = |index: usize| world.state.order[index % world.state.order.len()];
    let command = match next {
        Move::Later(ms) => {
            world.at_ms += ms;
            return;
        }
        Move::Answer { which, well, made } => {
            let Some(effect) = world.wanted.values().nth(which % world.wanted.len().max(1)) else { return };
            if well && matches!(effect.request, Request::Wake) {
                world.at_ms = world.at_ms.max(effect.due_at_ms);
            }
            answer(world, effect, well, made)
        }
        Move::Stale { effect, node: index, kind, made } => {
            let Some(effect) = seen.effects.get(effect % seen.effects.len().max(1)).copied() else { return };
            let node_run = node(index);
            match kind % 8 {
                6 => Command::Launched { effect, node_run, inputs: None, waits: true },
                7 => ended_run(world, node_run, RunOutcome::Partial),
                0 => Command::Planned { effect, node_run, plan: made.plan },
                5 => Command::Loaded { effect, node_run, inputs: None, content: made.content(NodeKind::Each) },
                1 => Command::Wake { effect, node_run },
                2 => Command::Settle { effect, node_run, outcome: Outcome::Failed(failure("late")) },
                3 => Command::Settle { effect, node_run, outcome: Outcome::TimedOut },
                _ => Command::Settle { effect, node_run, outcome: Outcome::Succeeded { outputs: object(json!({})) } },
            }
        }
        Move::Create { node: index, children } => {
            // Prefer node runs for which the command is valid.
            let external =
                |id: &NodeRunId| world.state.node(*id).is_some_and(|node| node.node_type.kind == NodeKind::External);
            let parents: Vec<NodeRunId> = world.state.order.iter().copied().filter(external).collect();
            let parent = if index % 8 == 0 {
                node(index / 8)
            } else {
                *parents.get(index % parents.len().max(1)).unwrap_or(&node(index))
            };
            Command::CreateChildren { parent, children }
        }
        Move::Complete { node: index, completion } => Command::Complete { node_run: node(index), completion },
        Move::Evaluate { node: index, status, recovery: recovers } => Command::Evaluate {
            node_run: node(index),
            evaluation: evaluation(status),
            recovery: recovers.then(|| recovery("retry")),
        },
        Move::Deliver { node: index, input } => {
            // Prefer node runs that wait for it.
            let asking =
                |id: &NodeRunId| world.state.node(*id).is_some_and(|node| node.node_type.kind == NodeKind::Ask);
            let questions: Vec<NodeRunId> = world.state.order.iter().copied().filter(asking).collect();
            let node_run = *questions.get(index % (questions.len() + 1)).unwrap_or(&node(index));
            Command::Deliver { node_run, input }
        }
        Move::Decide { which, verdict } => {
            let asked: Vec<ApprovalId> = world.state.asked().map(|(_, asked)| asked.id).collect();
            let Some(approval) = asked.get(which % asked.len().max(1)).copied() else { return };
            Command::Decide { approval, verdict, by: Some("drawn".to_owned()), comment: None, inputs: None }
        }
        Move::DecideAny { node: index, verdict } => {
            let approval = ApprovalId::of(world.state.run, node(index));
            Command::Decide { approval, verdict, by: None, comment: Some("any".to_owned()), inputs: None }
        }
        Move::Pause => Command::Pause { reason: None, by: None },
        Move::Resume => Command::Resume { by: None },
        Move::Cancel => Command::Cancel { reason: None },
    };
    let before = world.state.clone();
    match world.submit(command) {
        Ok(Decision { events, .. }) if !events.is_empty() => {}
        _ => assert_eq!(world.state, before, "a refusal or an empty decision changes nothing"),
    }
}

fn answer(world: &World, asked: &Effect, well: bool, made: RunResult) -> Command {
    let (effect, node_run) = (asked.id, asked.node_run);
    match (&asked.request, well) {
        (Request::Wake, _) => Command::Wake { effect, node_run },
        (Request::Plan { .. }, true) => Command::Planned { effect, node_run, plan: made.plan },
        (Request::Load { .. }, true) => {
            let kind = world.state.node(node_run).unwrap().node_type.kind;
            Command::Loaded { effect, node_run, inputs: None, content: made.content(kind) }
        }
        (Request::Run { .. }, true) => {
            // Without a wait, the node run ends with this command.
            let (inputs, waits) = (None, made.routed.is_none());
            Command::Launched { effect, node_run, inputs, waits }
        }
        (Request::Stop { .. } | Request::Report { .. }, true) => unreachable!("nothing waits for its answer"),
        (Request::Call { .. }, true) => {
            let mut outputs = object(json!({ "a": 1, "b": [true, null], "text": "made" }));
            outputs.extend(made.next.map(|next| ("next".to_owned(), next)));
            let outcome = match made.routed {
                None => Outcome::Succeeded { outputs },
                Some((route, wait_ms)) => {
                    let until_ms = Some(world.at_ms + wait_ms);
                    let inputs = Some(object(json!({ "came": "to" })));
                    Outcome::Routed(Box::new(Routed { outputs, inputs, route, until_ms }))
                }
            };
            Command::Settle { effect, node_run, outcome }
        }
        (_, false) => Command::Settle { effect, node_run, outcome: Outcome::Failed(failure("broken")) },
    }
}

/// Reports the end of the run that the current attempt of a node run started.
fn ended_run(world: &World, node_run: NodeRunId, outcome: RunOutcome) -> Command {
    let attempt = world.state.node(node_run).map_or(1, |node| node.attempt);
    let run = RunId::sub_run(world.state.run, node_run, attempt);
    let report = Box::new(SubRunReport { run, outcome, outputs: None, error: None });
    Command::Report { node_run, report }
}

/// Answers every effect, approves every approval request and completes every external composite, until the run ends or
/// nothing changes.
fn wind_up(world: &mut World) {
    while !matches!(world.state.status, RunStatus::Final(_)) {
        let version = world.state.version;
        world.submit(Command::Resume { by: None }).unwrap();
        let open: Vec<ApprovalId> =
            world.state.asked().filter(|(node, _)| node.is_asked()).map(|(_, asked)| asked.id).collect();
        for approval in open {
            // One verdict may end the run, and then the others are rejected.
            let verdict = Verdict::Approved;
            _ = world.submit(Command::Decide { approval, verdict, by: None, comment: None, inputs: None });
        }
        let wanted: Vec<_> = world.wanted.values().cloned().collect();
        world.at_ms = wanted.iter().map(|effect| effect.due_at_ms).fold(world.at_ms, i64::max);
        for effect in wanted {
            world.submit(answer(world, &effect, true, RunResult::plain())).unwrap();
        }
        let leaf = world.state.order.iter().rev().filter_map(|id| world.state.node(*id));
        let owned = |node: &&runyard_engine::Node| {
            node.is_live() && node.node_type.kind == NodeKind::External && node.attempt > 0 && node.live_children == 0
        };
        if let Some(node_run) = leaf.filter(owned).map(|node| node.id).next() {
            world.submit(Command::Complete { node_run, completion: completion(FinalState::Succeeded) }).unwrap();
        }
        let asks =
            |id: &&NodeRunId| world.state.node(**id).is_some_and(|node| node.state == NodeState::Waiting(Wait::Input));
        if let Some(node_run) = world.state.order.iter().find(asks).copied() {
            world.submit(Command::Deliver { node_run, input: "in the end".into() }).unwrap();
        }
        let waits =
            |id: &&NodeRunId| world.state.node(**id).is_some_and(|node| node.state == NodeState::Waiting(Wait::Run));
        if let Some(node_run) = world.state.order.iter().find(waits).copied() {
            world.submit(ended_run(world, node_run, RunOutcome::Succeeded)).unwrap();
        }
        assert!(world.state.version > version, "a live run that was answered moves");
    }
}

fn any_kind() -> impl Strategy<Value = NodeKind> {
    prop_oneof![
        8 => Just(NodeKind::Call),
        4 => Just(NodeKind::Sleep),
        1 => Just(NodeKind::Ask),
        2 => Just(NodeKind::Run),
        4 => Just(NodeKind::Plan),
        6 => Just(NodeKind::External),
        2 => Just(NodeKind::Graph),
        2 => Just(NodeKind::Each),
        2 => Just(NodeKind::Agent),
    ]
}

fn any_start() -> impl Strategy<Value = Start> {
    let kind = prop_oneof![
        2 => Just(NodeKind::Call),
        2 => Just(NodeKind::Sleep),
        1 => Just(NodeKind::Ask),
        2 => Just(NodeKind::Run),
        9 => Just(NodeKind::Plan),
        12 => Just(NodeKind::External),
        6 => Just(NodeKind::Graph),
        4 => Just(NodeKind::Each),
        6 => Just(NodeKind::Agent),
    ];
    let approval = prop_oneof![
        8 => Just(ApprovalStrategy::None),
        1 => Just(ApprovalStrategy::OnStart),
        1 => Just(ApprovalStrategy::OnToolCall),
    ];
    let known = prop::option::weighted(0.7, any_graph(1));
    (kind, 0_u32..4, prop::option::weighted(0.3, any_limits()), any_policy(), approval, known).prop_map(
        |(kind, parallel_max, constraints, policy, approval, known)| Start {
            graph: known.filter(|_| kind == NodeKind::Graph),
            parallel_max,
            approval,
            policy: if matches!(
                kind,
                NodeKind::Run | NodeKind::Plan | NodeKind::Graph | NodeKind::Each | NodeKind::Agent
            ) {
                Policy { on_failure: OnFailure::Fail, ..policy }
            } else {
                Policy::default()
            },
            constraints: constraints.unwrap_or_default(),
            ..start(kind)
        },
    )
}

/// Constraints that often reject something and seldom everything.
fn any_limits() -> impl Strategy<Value = Constraints> {
    let number = |range: std::ops::Range<u64>| prop::option::weighted(0.2, range);
    let structural = (number(0..4), number(0..6), number(0..20), number(0..4), number(0..3));
    let ids = || {
        prop::collection::btree_set(
            prop::sample::select(vec!["test.call", "test.sleep.alias", "test.plan", "test.external"]),
            0..4,
        )
    };
    let allowed = prop::option::weighted(0.1, ids());
    let denied = prop::option::weighted(0.1, ids());
    let budgets = (number(0..3000), number(0..8), prop::option::weighted(0.1, 0.0..9.0_f64));
    let gates = (prop::option::weighted(0.1, any_side_effect()), prop::bool::weighted(0.05));
    (structural, allowed, denied, budgets, gates).prop_map(|(structural, allowed, denied, budgets, gates)| {
        let mut constraints = Constraints::default();
        let into = &mut constraints.structural;
        (into.max_depth, into.max_children_per_composite, into.max_total_nodes_per_run) =
            (structural.0, structural.1, structural.2);
        into.max_decomposition_rounds_per_node = structural.3;
        constraints.candidates.max_candidates_per_subtask = structural.4;
        let owned = |ids: BTreeSet<&str>| ids.into_iter().map(str::to_owned).collect();
        constraints.candidates.allowed_node_type_ids = allowed.map(owned);
        constraints.candidates.denied_node_type_ids = denied.map(owned).unwrap_or_default();
        (constraints.budgets.max_wall_time_ms, constraints.budgets.max_steps, constraints.budgets.max_cost) = budgets;
        (constraints.gates.side_effect_class, constraints.gates.require_approval) = gates;
        constraints
    })
}

fn any_side_effect() -> impl Strategy<Value = SideEffect> {
    prop_oneof![5 => Just(SideEffect::Read), 1 => Just(SideEffect::Write), 1 => Just(SideEffect::Irreversible)]
}

/// Few keys, so that they collide.
fn any_key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d", "#1", "#2", ""]).prop_map(str::to_owned)
}

fn any_inputs() -> impl Strategy<Value = Value> {
    let seconds = prop::sample::select(vec![json!(0), json!(1.5), json!(null), json!(-1), json!("x")]);
    prop_oneof![3 => Just(json!({})), 2 => seconds.prop_map(|seconds| json!({ "seconds": seconds })), 1 => Just(json!({ "text": "x" }))]
}

fn any_child() -> impl Strategy<Value = ChildSpec> {
    let key = prop::option::weighted(0.8, any_key());
    let depends_on = prop_oneof![4 => Just(vec![]), 1 => prop::collection::vec(prop::sample::select(vec!["a".to_owned(), "b".to_owned()]), 1..3)];
    let constraints = prop::option::weighted(0.15, any_limits());
    let decided = (prop::option::weighted(0.2, Just(json!({ "subtask_id": "T" }))), any_policy());
    (key, any_kind(), any_side_effect(), any_inputs(), depends_on, constraints, decided).prop_map(
        |(key, kind, side_effect, inputs, depends_on, constraints, (binding_decision, policy))| {
            let mut spec = child("", kind);
            spec.key = key;
            spec.node_type.side_effect = side_effect;
            spec.inputs = object(inputs);
            spec.depends_on = depends_on;
            spec.constraints = constraints.unwrap_or_default();
            spec.policy = fitting(policy, kind);
            spec.candidate_set_id = binding_decision.as_ref().map(|_| "set".to_owned());
            spec.binding_decision = binding_decision;
            spec
        },
    )
}

/// Points every fallback at the next child, or uses `Continue` if that one has no key.
fn with_fallbacks(mut children: Vec<ChildSpec>) -> Vec<ChildSpec> {
    for place in 0..children.len() {
        let next = children.get(place + 1).and_then(|next| next.key.clone());
        if let OnFailure::GoTo(key) = &mut children[place].policy.on_failure
            && !key.starts_with('#')
        {
            match next {
                Some(next) => *key = next,
                None => children[place].policy.on_failure = OnFailure::Continue,
            }
        }
    }
    children
}

/// Mostly well-formed plans: each step depends on some earlier ones.
fn any_plan() -> impl Strategy<Value = Plan> {
    let bound = prop::option::weighted(0.4, any_binding());
    let step = (any_kind(), any_side_effect(), any_inputs(), any::<u8>(), bound, any_policy());
    let broken = prop::bool::weighted(0.05);
    let result = prop::option::weighted(0.3, (0_usize..4, any_pointer()));
    (prop::collection::vec(step, 0..5), broken, result).prop_map(|(drawn, broken, result)| {
        let id = |index: usize| if broken { "S".to_owned() } else { format!("S{index}") };
        let mut steps: Vec<Step> = Vec::new();
        let last = drawn.len();
        for (index, (kind, side_effect, inputs, mask, bound, mut policy)) in drawn.into_iter().enumerate() {
            let mut earlier: Vec<String> = (0..index).filter(|other| mask >> other & 1 == 1).map(id).collect();
            let stands_in = steps.iter().any(|step| step.policy.on_failure == OnFailure::GoTo(id(index)));
            if stands_in && mask < 250 {
                // Otherwise the fallback would mostly wait for the step that it replaces.
                earlier.clear();
            }
            let mut step = make::step(&id(index), &[]);
            step.node_type = node_type(kind);
            step.node_type.side_effect = side_effect;
            step.inputs = object(inputs);
            if let (Some((field, pointer)), Some(source)) = (bound, earlier.first()) {
                step.bindings = vec![make::binding(&field, source, &pointer)];
            }
            step.depends_on = earlier;
            if let OnFailure::GoTo(key) = &mut policy.on_failure {
                // Mostly a later step. One that waits for this step makes the plan invalid.
                *key = id(index + 1);
                if index + 1 == last {
                    policy.on_failure = OnFailure::Continue;
                }
            }
            step.policy = fitting(policy, kind);
            steps.push(step);
        }
        let result = result.map(|(index, pointer)| make::source(&id(index), &pointer).into());
        Plan { result, ..make::plan(steps) }
    })
}

/// Mostly a policy that is valid for this kind.
fn fitting(policy: Policy, kind: NodeKind) -> Policy {
    match kind {
        NodeKind::Call | NodeKind::Run | NodeKind::Plan | NodeKind::Graph | NodeKind::Each | NodeKind::Agent => policy,
        NodeKind::Sleep | NodeKind::Ask | NodeKind::External if policy.timeout_ms == Some(7) => policy,
        NodeKind::Sleep | NodeKind::Ask | NodeKind::External => Policy { retry: None, timeout_ms: None, ..policy },
    }
}

/// Few attempts, short waits, and every `OnFailure`.
fn any_policy() -> impl Strategy<Value = Policy> {
    let codes = prop::option::weighted(0.2, Just(BTreeSet::from(["broken".to_owned()])));
    let retry = (1_u32..4, 0_u64..50, 1.0..3.0_f64, 0.0..1.0_f64, codes).prop_map(
        |(attempts_max, initial_ms, backoff, jitter, codes)| Retry {
            attempts_max,
            initial_ms,
            backoff,
            delay_ms_max: Some(100),
            jitter,
            codes,
        },
    );
    let key = prop::sample::select(vec!["b", "c", "d", "d", "#1"]);
    let on_failure = prop_oneof![
        3 => Just(OnFailure::Fail),
        3 => Just(OnFailure::Continue),
        3 => key.prop_map(|key| OnFailure::GoTo(key.to_owned())),
    ];
    (prop::option::weighted(0.4, retry), prop::option::weighted(0.1, 1_u64..80), on_failure)
        .prop_map(|(retry, timeout_ms, on_failure)| Policy { retry, timeout_ms, on_failure })
}

fn any_binding() -> impl Strategy<Value = (String, String)> {
    (prop::sample::select(vec!["seconds", "text"]).prop_map(str::to_owned), any_pointer())
}

fn any_pointer() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "/a", "/a", "/b/0", "/b/7", "a", "/slept_seconds"]).prop_map(str::to_owned)
}

/// Mostly approvals, so that the run continues.
fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![6 => Just(Verdict::Approved), 1 => Just(Verdict::Denied)]
}

fn any_move() -> impl Strategy<Value = Move> {
    let state = prop::sample::select(vec![
        FinalState::Succeeded,
        FinalState::Succeeded,
        FinalState::Failed,
        FinalState::Canceled,
        FinalState::Skipped,
    ]);
    let status = prop::sample::select(vec![EvaluationStatus::Success, EvaluationStatus::Fail]);
    prop_oneof![
        6 => (0_i64..2000).prop_map(Move::Later),
        40 => (any::<usize>(), prop::bool::weighted(0.75), any_made()).prop_map(|(which, well, made)| Move::Answer { which, well, made }),
        10 => (any::<usize>(), any::<usize>(), any::<u8>(), any_made())
            .prop_map(|(effect, node, kind, made)| Move::Stale { effect, node, kind, made }),
        40 => (any::<usize>(), prop::collection::vec(any_child(), 1..4))
            .prop_map(|(node, children)| Move::Create { node, children: with_fallbacks(children) }),
        5 => (any::<usize>(), state).prop_map(|(node, state)| Move::Complete { node, completion: completion(state) }),
        8 => (any::<usize>(), status, any::<bool>())
            .prop_map(|(node, status, recovery)| Move::Evaluate { node, status, recovery }),
        6 => (any::<usize>(), prop::sample::select(vec!["yes", "no"]))
            .prop_map(|(node, input)| Move::Deliver { node, input: input.to_owned() }),
        12 => (any::<usize>(), any_verdict()).prop_map(|(which, verdict)| Move::Decide { which, verdict }),
        1 => (any::<usize>(), any_verdict()).prop_map(|(node, verdict)| Move::DecideAny { node, verdict }),
        1 => Just(Move::Pause),
        8 => Just(Move::Resume),
        1 => Just(Move::Cancel),
    ]
}

/// The generators are useless if most commands are rejected. Over all cases, every kind of event must occur often.
#[test]
fn the_draws_reach_every_event() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::new(config());
    let strategy = (any_start(), prop::collection::vec(any_move(), 1..MOVES_MAX));
    let mut met = std::collections::BTreeMap::new();
    for _ in 0..8 * CASES {
        let (start, moves) = strategy.new_tree(&mut runner).unwrap().current();
        let mut world = World::new();
        if world.submit(Command::Start(Arc::new(start))).is_ok() {
            let mut seen = Seen::default();
            for next in moves {
                seen.note(&world);
                obey(&mut world, &seen, next);
            }
        }
        for recorded in &world.log {
            *met.entry(recorded.event.name().to_owned()).or_insert(0) += 1;
            if let Event::NodeFinished { shortfall: Some(shortfall), .. } = &recorded.event {
                *met.entry(format!("{shortfall:?}")).or_insert(0) += 1;
            }
            if let Event::ApprovalDecided { verdict: Verdict::Denied, .. } = &recorded.event {
                *met.entry("denied".to_owned()).or_insert(0) += 1;
            }
            if let Event::NodeFinished { node_run, state: FinalState::Succeeded, .. } = &recorded.event
                && !world.state.node(*node_run).unwrap().fallback_for.is_empty()
            {
                *met.entry("fallback".to_owned()).or_insert(0) += 1;
            }
        }
    }
    // Events, both kinds of shortfall, fallbacks that ran, and denials.
    assert_eq!(met.len(), 24, "{met:?}");
    assert!(met.values().all(|times| *times >= 10), "{met:?}");
}
