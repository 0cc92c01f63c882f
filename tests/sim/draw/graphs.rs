//! Graphs and lists of items, as callers write them and as composites expand to.

use std::sync::Arc;

use runyard::catalog::Catalog;
use runyard_engine::event::Failure;
use runyard_engine::graph::{Fallback, OnItemFailure};
use runyard_engine::{Agent, AgentTool, Content, Graph, GraphNode, Items, NodeKind, Object, OnFailure, Policy};
use serde_json::{Value, json};

use super::{CHAT, ECHO, EXTERNAL, SLEEP, UUID4, failure, node_type, object, policy, work};
use crate::choices::Choices;

/// A graph as a caller writes it: a chain, sometimes with an edge that skips nodes, and sometimes with a fallback.
pub(super) fn written(choices: &mut Choices) -> Value {
    let count = 1 + choices.below(4);
    let key = |place: usize| if place < count { json!(format!("n{place}")) } else { Value::Null };
    let node = |place: usize, choices: &mut Choices| {
        let on_failure = match choices.weighted(&[4, 2, 2]) {
            1 => json!("continue"),
            2 if place + 1 < count => json!({ "go_to": format!("n{}", count - 1) }),
            _ => json!("fail"),
        };
        let id = *choices.pick(&[ECHO, "runyard.graph.variables", UUID4]);
        let inputs = if id == ECHO { json!({ "echo": "x" }) } else { json!({}) };
        json!({ "key": key(place), "node_type_ref": { "node_type_id": id }, "inputs": inputs, "children": [key(place + 1)], "on_failure": on_failure })
    };
    json!({ "nodes": (0..count).map(|place| node(place, choices)).collect::<Vec<_>>() })
}

/// The expansion of a composite.
pub struct Made {
    /// The evaluated inputs.
    pub inputs: Option<Object>,
    graph: Arc<Graph>,
    items: Items,
    agent: Agent,
}

impl Made {
    /// The content of a composite of this kind.
    pub fn content(self, kind: NodeKind) -> Content {
        match kind {
            NodeKind::Each => Content::Items(Arc::new(self.items)),
            NodeKind::Agent => Content::Agent(Arc::new(self.agent)),
            _ => Content::Graph(self.graph),
        }
    }
}

/// Mostly a valid expansion.
pub fn made(choices: &mut Choices, catalog: &Catalog) -> Result<Made, Failure> {
    if choices.percent(10) {
        return Err(failure(choices));
    }
    let inputs = choices.percent(30).then(|| object(json!({ "came": "to" })));
    let graph = drawn(choices, catalog);
    let (request, inputs_of_all) = work(choices, false);
    let all = ["a", "b", "c", "d", "e"];
    let items = Items {
        items: all[..choices.below(6)].iter().map(|item| json!(item)).collect(),
        node_type: node_type(catalog, &request),
        inputs: inputs_of_all,
        item_as: (!choices.percent(5)).then(|| "echo".to_owned()),
        policy: Policy::default(),
        at_once: choices.below(4) as u32,
        on_item_failure: *choices.pick(&[OnItemFailure::Fail, OnItemFailure::Collect]),
        graph: None,
    };
    let agent = agent(choices, catalog);
    Ok(Made { inputs, graph, items, agent })
}

/// An agent with a few tools.
fn agent(choices: &mut Choices, catalog: &Catalog) -> Agent {
    let tool = |number: usize, choices: &mut Choices| {
        let (request, inputs) = work(choices, false);
        AgentTool {
            name: format!("tool_{number}"),
            node_type: node_type(catalog, &request),
            description: None,
            inputs,
            needs_approval: choices.percent(20),
            policy: Policy::default(),
        }
    };
    Agent {
        turn: node_type(catalog, &super::reference(CHAT)),
        tools: (0..=choices.below(2)).map(|number| tool(number, choices)).collect(),
        at_once: choices.below(3) as u32,
        turns_max: 1 + choices.below(3) as u32,
    }
}

/// What follows a turn of an agent, sometimes a call of a tool that it does not have.
pub fn next_step(choices: &mut Choices) -> Value {
    let call = |number: usize, tool: usize| json!({ "id": format!("c{number}"), "tool": tool, "inputs": {} });
    match choices.below(3) {
        0 => json!({ "answer": { "result": "x" } }),
        _ => {
            let count = choices.below(4);
            let calls: Vec<Value> = (0..count).map(|number| call(number, choices.below(3))).collect();
            json!({ "calls": calls })
        }
    }
}

/// A graph whose edges lead forward; sometimes one leads back.
fn drawn(choices: &mut Choices, catalog: &Catalog) -> Arc<Graph> {
    let count = 1 + choices.below(4) as u32;
    let back = choices.percent(4);
    let node = |place: u32, choices: &mut Choices| {
        let (request, inputs) = work(choices, false);
        let node_type = node_type(catalog, &request);
        let tried = request.id != SLEEP && request.id != EXTERNAL;
        let policy = Policy { on_failure: OnFailure::Fail, ..policy(choices, tried, None) };
        let next = Some(if back { 0 } else { place + 1 }).filter(|to| *to < count);
        let fallback = match choices.weighted(&[3, 2, 2]) {
            1 => Fallback::GoOn,
            2 => next.map_or(Fallback::None, Fallback::GoTo),
            _ => Fallback::None,
        };
        let key = format!("n{place}");
        GraphNode { slug: key.clone(), key, node_type, inputs, ways: vec![next], policy, fallback, graph: None }
    };
    Arc::new(Graph { entry: 0, nodes: (0..count).map(|place| node(place, choices)).collect() })
}

/// An echo node without items.
pub fn plainest_made(catalog: &Catalog) -> Made {
    let mut nothing = Choices::again(crate::choices::Script(vec![Vec::new()]));
    nothing.next_step();
    made(&mut nothing, catalog).unwrap_or_else(|_| unreachable!("nothing fails where nothing is drawn"))
}
