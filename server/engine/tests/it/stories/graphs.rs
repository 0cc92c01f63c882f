//! Static graphs, executed node by node.

use std::sync::Arc;

use runyard_engine::graph::Fallback;
use runyard_engine::{
    Command, Constraints, Content, FailureCode, Graph, GraphNode, NodeKind, Outcome, Policy, Rejected, Route, Routed,
    RunOutcome, RunStatus, Start, Wait,
};
use serde_json::json;

use crate::make::{drawn, failure, graph, limits, node_type, object, start, tries};
use crate::story::Story;

/// A run of this graph.
fn walking(graph: Arc<Graph>) -> Story {
    Story::new().start(Start { graph: Some(graph), ..start(NodeKind::Graph) })
}

/// Two edges from the first node, which join in the last.
fn forked() -> Arc<Graph> {
    let ways = [Some(1), Some(2)];
    graph(vec![drawn("fork", &ways), drawn("left", &[Some(3)]), drawn("right", &[Some(3)]), drawn("end", &[None])])
}

/// A chain of nodes.
fn chain(nodes: u32) -> Arc<Graph> {
    let node = |place: u32| drawn(&format!("n{place}"), &[Some(place + 1).filter(|next| *next < nodes)]);
    graph((0..nodes).map(node).collect())
}

fn outcome(story: &Story) -> RunStatus {
    story.world.state.status
}

#[test]
fn a_graph_is_walked_by_the_ways_that_its_nodes_name() {
    walking(forked())
        .goes("root/fork", Route::Way(1))
        .complete("root/right")
        .complete_with("root/end", json!({ "answer": 42 }))
        .matches_transcript("graph");
}

#[test]
fn what_a_graph_is_made_of_may_have_to_be_asked() {
    let story = Story::new().start(start(NodeKind::Graph));
    story.loaded("root", Content::Graph(forked())).goes("root/fork", Route::Stop).matches_transcript("graph_loaded");
}

#[test]
fn a_way_that_is_not_there_ends_the_walk() {
    let story = walking(forked()).goes("root/fork", Route::Way(7));
    assert_eq!(outcome(&story), RunStatus::Final(RunOutcome::Succeeded));
    assert_eq!(story.world.state.nodes.len(), 2);
    assert_eq!(story.world.state.outputs, Some(object(json!({ "made": "root/fork" }))));
}

#[test]
fn a_node_is_tried_again_before_anything_follows_its_failure() {
    let nodes = vec![GraphNode { policy: tries(2), ..drawn("a", &[Some(1)]) }, drawn("b", &[])];
    let story = walking(graph(nodes)).fail("root/a").after_ms(100).wake("root/a", "retry");
    story.complete("root/a").complete("root/b").matches_transcript("graph_retry");
}

#[test]
fn a_failure_without_a_fallback_fails_the_graph() {
    let nodes = vec![drawn("a", &[Some(1)]), drawn("b", &[])];
    walking(graph(nodes)).fail("root/a").matches_transcript("graph_fails");
}

#[test]
fn a_fallback_elsewhere_makes_a_failure_good() {
    let risky = GraphNode { fallback: Fallback::GoTo(2), ..drawn("risky", &[Some(1)]) };
    let nodes = vec![risky, drawn("end", &[]), drawn("instead", &[Some(1)])];
    walking(graph(nodes))
        .fail("root/risky")
        .complete("root/instead")
        .complete("root/end")
        .matches_transcript("graph_fallback");
}

#[test]
fn a_failure_that_is_passed_over_makes_a_success_in_part() {
    let risky = GraphNode { fallback: Fallback::GoOn, ..drawn("risky", &[Some(1)]) };
    walking(graph(vec![risky, drawn("end", &[])]))
        .fail("root/risky")
        .complete("root/end")
        .matches_transcript("graph_partial");
}

#[test]
fn passing_over_all_there_is_achieves_nothing() {
    let risky = GraphNode { fallback: Fallback::GoOn, ..drawn("risky", &[]) };
    let story = walking(graph(vec![risky])).fail("root/risky");
    assert_eq!(outcome(&story), RunStatus::Final(RunOutcome::NothingAchieved));
}

#[test]
fn a_call_may_end_later_and_takes_no_place_until_then() {
    let story = walking(graph(vec![drawn("delay", &[Some(1)]), drawn("end", &[])]));
    let until_ms = Some(story.world.at_ms + 300_000);
    let inputs = Some(object(json!({ "minutes": 5 })));
    let later = Routed { outputs: object(json!({ "waited": true })), inputs, route: None, until_ms };
    let story = story.complete_as("root/delay", "in 5 minutes", later);
    assert_eq!(outcome(&story), RunStatus::Waiting);
    story.wake("root/delay", "sleep").after_ms(300_000).wake("root/delay", "sleep").matches_transcript("graph_delay");
}

#[test]
fn a_graph_within_a_graph_is_a_node_like_others() {
    let inner = GraphNode {
        node_type: node_type(NodeKind::Graph),
        graph: Some(graph(vec![GraphNode { fallback: Fallback::GoOn, ..drawn("x", &[Some(1)]) }, drawn("y", &[])])),
        ..drawn("inner", &[Some(1)])
    };
    let outer = graph(vec![inner.clone(), drawn("end", &[])]);
    // The inner graph is loaded anyway, because its inputs may have to be evaluated.
    let story = walking(outer).loaded("root/inner", Content::Graph(inner.graph.unwrap()));
    story.fail("root/inner/x").complete("root/inner/y").complete("root/end").matches_transcript("graph_within");
}

#[test]
fn canceling_ends_the_node_that_was_reached_and_reaches_no_other() {
    let story = walking(forked()).goes("root/fork", Route::Way(0)).cancel();
    let (effect, node_run) = story.effect("root/left", "call");
    let late = Command::Settle { effect, node_run, outcome: Outcome::Failed(failure("late")) };
    story.tell("a late answer", late).matches_transcript("graph_canceled");
}

#[test]
fn no_more_nodes_are_reached_than_allowed() {
    let asked = Start {
        graph: Some(chain(9)),
        constraints: limits(json!({ "structural": { "max_total_nodes_per_run": 3 } })),
        ..start(NodeKind::Graph)
    };
    Story::new().start(asked).complete("root/n0").complete("root/n1").matches_transcript("graph_too_long");
}

#[test]
fn a_graph_that_cannot_be_walked_is_refused_before_anything_runs() {
    let refused = |graph: Arc<Graph>, constraints: Constraints| {
        let asked = Start { graph: Some(graph), constraints, ..start(NodeKind::Graph) };
        match Story::new().world.submit(Command::Start(Arc::new(asked))) {
            Err(Rejected::InvalidGraph { reason }) => reason,
            other => format!("{other:?}"),
        }
    };
    let free = Constraints::default;
    let circle = graph(vec![drawn("a", &[Some(1)]), drawn("b", &[Some(0)])]);
    assert_eq!(refused(circle, free()), "node `a`: it leads back to itself, by `b`");
    let nowhere = graph(vec![drawn("a", &[Some(5)])]);
    assert_eq!(refused(nowhere, free()), "node `a`: child 0 is ``, which is no node of the graph");
    assert_eq!(refused(graph(Vec::new()), free()), "the graph has no node to begin with");
    let within = GraphNode { graph: Some(graph(vec![drawn("x", &[]), drawn("x", &[])])), ..drawn("a", &[]) };
    assert_eq!(refused(graph(vec![within]), free()), "node `x`: an earlier node has the same key");
    let policy = Policy { timeout_ms: Some(0), ..Policy::default() };
    let timed = graph(vec![GraphNode { policy, ..drawn("a", &[]) }]);
    assert!(refused(timed, free()).starts_with("node `a`: timeout_ms: it is 0"));
    let denied = limits(json!({ "candidates": { "denied_node_type_ids": ["test.call"] } }));
    assert!(refused(chain(1), denied).contains("denied_node_type_ids"));
}

#[test]
fn a_graph_that_turns_out_to_be_wrong_is_a_failed_try() {
    let story = Story::new().start(Start { policy: tries(2), ..start(NodeKind::Graph) });
    let story = story.loaded("root", Content::Graph(graph(vec![drawn("a", &[Some(0)])])));
    assert_eq!(story.world.state.error.clone().map(|error| error.code), Some(FailureCode::GraphInvalid.into()));
    let story = Story::new().start(Start { policy: tries(2), ..start(NodeKind::Graph) });
    let (effect, node_run) = story.effect("root", "load");
    let broken = Command::Settle { effect, node_run, outcome: Outcome::Failed(failure("broken")) };
    let story = story.tell("it cannot be loaded", broken).after_ms(100).wake("root", "retry");
    story.loaded("root", Content::Graph(chain(1))).complete("root/n0").matches_transcript("graph_loaded_again");
}

#[test]
fn only_the_engine_gives_a_graph_children_and_ends_it() {
    let mut story = walking(forked());
    let (parent, owned) = (story.id("root"), Rejected::ServerOwned { node_run: story.id("root") });
    let children = vec![crate::make::child("x", NodeKind::Call)];
    assert_eq!(story.world.submit(Command::CreateChildren { parent, children }), Err(owned));
    assert_eq!(story.node("root").state, runyard_engine::NodeState::Waiting(Wait::Children));
}
