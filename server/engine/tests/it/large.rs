//! Large runs: the cost of a command must not grow with the size of the run.

use std::sync::Arc;

use runyard_engine::{
    Command, Content, Context, Decision, Effect, Graph, NodeKind, Outcome, Request, RunOutcome, RunStatus, Start,
    State, decide,
};
use serde_json::json;

use crate::make::{self, drawn, graph, items, start};

/// Answers every effect, one command at a time as a server does, until the run has ended.
fn run_to_its_end(asked: Start, content: Option<Content>) -> State {
    let mut state = State::new(make::run());
    let mut open = submit(&mut state, Command::Start(Arc::new(asked))).effects;
    while let Some(Effect { id: effect, node_run, request, .. }) = open.pop() {
        let command = match (request, &content) {
            (Request::Load { .. }, Some(content)) => {
                Command::Loaded { effect, node_run, inputs: None, content: content.clone() }
            }
            _ => Command::Settle {
                effect,
                node_run,
                outcome: Outcome::Succeeded { outputs: make::object(json!({ "n": 1 })) },
            },
        };
        open.extend(submit(&mut state, command).effects);
    }
    state
}

fn submit(state: &mut State, command: Command) -> Decision {
    // Concurrent readers hold the old state, so a decision cannot change it in place.
    let before = Arc::new(state.clone());
    let mut decision =
        decide(&before, command, Context { at_ms: 1, run: before.run, fitted: None, depth_max: 64 }).unwrap();
    *state = *decision.after.take().unwrap();
    decision
}

fn chain(nodes: u32) -> Arc<Graph> {
    let node = |place: u32| drawn(&format!("n{place}"), &[Some(place + 1).filter(|next| *next < nodes)]);
    graph((0..nodes).map(node).collect())
}

#[test]
fn a_step_of_a_graph_copies_nothing_of_what_its_run_was_given() {
    let given = make::object(json!({ "data": { "rows": [1, 2, 3] } }));
    let asked = Start {
        graph: Some(chain(50)),
        inputs: given.clone(),
        notes: make::object(json!({ "nodes": [1] })),
        ..start(NodeKind::Graph)
    };
    let mut state = State::new(make::run());
    let mut open = submit(&mut state, Command::Start(Arc::new(asked))).effects;
    let before = state.clone();
    while let Some(Effect { id: effect, node_run, .. }) = open.pop() {
        let outcome = Outcome::Succeeded { outputs: make::object(json!({ "n": 1 })) };
        open.extend(submit(&mut state, Command::Settle { effect, node_run, outcome }).effects);
    }
    assert_eq!(state.status, RunStatus::Final(RunOutcome::Succeeded));
    let (first, last) = (before.root().unwrap(), state.root().unwrap());
    assert_eq!(*last.inputs, given);
    assert!(Arc::ptr_eq(&first.inputs, &last.inputs), "a copy of them for each node makes a chain quadratic");
    assert!(Arc::ptr_eq(&first.notes, &last.notes));
    assert!(Arc::ptr_eq(first.graph.as_ref().unwrap(), last.graph.as_ref().unwrap()));
}

#[test]
fn ten_thousand_nodes_in_a_row_come_to_their_end() {
    let state = run_to_its_end(Start { graph: Some(chain(10_000)), ..start(NodeKind::Graph) }, None);
    assert_eq!((state.status, state.nodes.len()), (RunStatus::Final(RunOutcome::Succeeded), 10_001));
}

#[test]
fn ten_thousand_items_go_through() {
    let all = items((0..10_000).map(|item| json!(item)).collect());
    let state = run_to_its_end(start(NodeKind::Each), Some(Content::Items(Arc::new(all))));
    assert_eq!((state.status, state.nodes.len()), (RunStatus::Final(RunOutcome::Succeeded), 10_001));
    let outputs = state.outputs.unwrap();
    assert_eq!(outputs["results"].as_array().map(Vec::len), Some(10_000));
}
