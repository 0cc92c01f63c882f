//! Generators for the content of composites, and for results of calls.

use std::sync::Arc;

use proptest::prelude::*;
use runyard_engine::graph::{Fallback, OnItemFailure};
use runyard_engine::{Agent, Content, Graph, GraphNode, Items, NodeKind, OnFailure, Plan, Policy, Route};
use serde_json::{Value, json};

use super::{any_inputs, any_kind, any_plan, any_policy, fitting};
use crate::make::{self, drawn, graph, items, node_type, object};

/// Generated answers; the test uses the one that fits the effect.
#[derive(Debug, Clone)]
pub(super) struct RunResult {
    pub(super) plan: Plan,
    graph: Arc<Graph>,
    items: Items,
    agent: Agent,
    /// What follows a turn of an agent.
    pub(super) next: Option<Value>,
    pub(super) routed: Option<(Option<Route>, i64)>,
}

impl RunResult {
    /// The simplest answer of each kind.
    pub(super) fn plain() -> Self {
        let plan = make::plan(vec![make::step("last", &[])]);
        let (graph, items, agent) = (graph(vec![drawn("last", &[])]), items(vec![json!(1)]), make::agent(&[]));
        RunResult { plan, graph, items, agent, next: Some(make::answers()["next"].clone()), routed: None }
    }

    pub(super) fn content(self, kind: NodeKind) -> Content {
        match kind {
            NodeKind::Each => Content::Items(Arc::new(self.items)),
            NodeKind::Agent => Content::Agent(Arc::new(self.agent)),
            _ => Content::Graph(self.graph),
        }
    }
}

/// Mostly valid graphs, whose edges lead to later nodes. `depth` is the depth of nested graphs.
pub(super) fn any_graph(depth: u32) -> BoxedStrategy<Arc<Graph>> {
    let way = prop::option::weighted(0.9, 1_u32..3);
    let fallback = prop_oneof![2 => Just(Fallback::None), 1 => Just(Fallback::GoOn), 2 => Just(Fallback::GoTo(1))];
    let within =
        if depth == 0 { Just(None).boxed() } else { prop::option::weighted(0.5, any_graph(depth - 1)).boxed() };
    let node = (any_kind(), prop::collection::vec(way, 0..3), any_policy(), fallback, within, any_inputs());
    let broken = prop::bool::weighted(0.04);
    (prop::collection::vec(node, 1..6), broken)
        .prop_map(|(nodes, broken)| {
            let count = u32::try_from(nodes.len()).unwrap();
            let continuation = |place: u32, by: u32| Some(place + by).filter(|to| *to < count);
            let mut drawn: Vec<GraphNode> = (0..count)
                .zip(nodes)
                .map(|(place, (kind, ways, policy, fallback, within, inputs))| GraphNode {
                    node_type: node_type(kind),
                    inputs: object(inputs),
                    ways: ways.into_iter().map(|by| continuation(place, if broken { 0 } else { by? })).collect(),
                    policy: Policy { on_failure: OnFailure::Fail, ..fitting(policy, kind) },
                    fallback: match fallback {
                        Fallback::GoTo(by) => continuation(place, by).map_or(Fallback::GoOn, Fallback::GoTo),
                        other => other,
                    },
                    graph: within.filter(|_| matches!(kind, NodeKind::Graph | NodeKind::Each)),
                    ..make::drawn(&format!("n{place}"), &[])
                })
                .collect();
            // One more edge to the next node makes every node reachable.
            for place in 1..count {
                let led_to =
                    drawn.iter().any(|node| node.ways.contains(&Some(place)) || node.fallback == Fallback::GoTo(place));
                if !led_to {
                    drawn[place as usize - 1].ways.push(Some(place));
                }
            }
            graph(drawn)
        })
        .boxed()
}

fn any_items() -> impl Strategy<Value = Items> {
    let all = prop::collection::vec(prop::sample::select(vec![json!(1), json!({}), json!({ "seconds": 1 })]), 0..6);
    let item_as = prop::option::weighted(0.9, Just("item".to_owned()));
    (all, any_kind(), item_as, any_policy(), 0_u32..4, any::<bool>(), any_graph(0)).prop_map(
        |(all, kind, item_as, policy, at_once, collects, walked)| Items {
            node_type: node_type(kind),
            item_as,
            policy: Policy { on_failure: OnFailure::Fail, ..fitting(policy, kind) },
            at_once,
            on_item_failure: if collects { OnItemFailure::Collect } else { OnItemFailure::Fail },
            graph: (kind == NodeKind::Graph).then_some(walked),
            ..items(all)
        },
    )
}

/// Mostly the requested content without more.
pub(super) fn any_made() -> impl Strategy<Value = RunResult> {
    let route = prop::option::weighted(0.8, prop_oneof![6 => (0_u32..3).prop_map(Route::Way), 1 => Just(Route::Stop)]);
    let routed = prop::option::weighted(0.5, (route, prop_oneof![3 => Just(0_i64), 1 => 1_i64..500]));
    (any_plan(), any_graph(0), any_items(), any_agent(), any_next(), routed)
        .prop_map(|(plan, graph, items, agent, next, routed)| RunResult { plan, graph, items, agent, next, routed })
}

fn any_agent() -> impl Strategy<Value = Agent> {
    let tool = (any_kind(), any::<bool>(), any_policy());
    (prop::collection::vec(tool, 0..4), 0_u32..3, 1_u32..4).prop_map(|(drawn, at_once, turns_max)| {
        let kinds: Vec<NodeKind> = drawn.iter().map(|(kind, ..)| *kind).collect();
        let mut agent = Agent { at_once, turns_max, ..make::agent(&kinds) };
        for (tool, (kind, needs_approval, policy)) in agent.tools.iter_mut().zip(drawn) {
            tool.needs_approval = needs_approval;
            tool.policy = Policy { on_failure: OnFailure::Fail, ..fitting(policy, kind) };
        }
        agent
    })
}

/// Mostly what can follow a turn.
fn any_next() -> impl Strategy<Value = Option<Value>> {
    let calls = prop::collection::vec(0_u32..4, 0..5).prop_map(|tools| make::calls(&tools)["next"].clone());
    prop::option::weighted(
        0.9,
        prop_oneof![4 => calls, 2 => Just(make::answers()["next"].clone()), 1 => Just(json!(1))],
    )
}
