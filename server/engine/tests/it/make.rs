//! Short constructors for the parts of commands.

use std::sync::Arc;

use runyard_engine::command::ChildSpec;
use runyard_engine::event::{CodeText, Evaluation, EvaluationStatus, Failure, FinalState, RecoveryAction};
use runyard_engine::graph::{Fallback, OnItemFailure};
use runyard_engine::plan::{Binding, Candidate, CandidateSet, Form, Source, Step};
use runyard_engine::{
    Agent, AgentTool, ApprovalStrategy, Completion, Constraints, Graph, GraphNode, Items, Labels, NodeKind, NodeType,
    NodeTypeRef, Object, OnFailure, Plan, Policy, Retry, RunId, RunResult, SideEffect, Start,
};
use serde_json::Value;

/// The run of every test.
pub(crate) fn run() -> RunId {
    RunId::parse("run_00000000000070008000000000000001").unwrap()
}

/// An object from JSON.
pub(crate) fn object(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

/// Constraints from JSON.
pub(crate) fn limits(value: Value) -> Constraints {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn node_type(kind: NodeKind) -> NodeType {
    let id = match kind {
        NodeKind::Call => "test.call",
        NodeKind::Sleep => "test.sleep",
        NodeKind::Ask => "test.ask",
        NodeKind::Run => "test.run",
        NodeKind::Plan => "test.plan",
        NodeKind::External => "test.external",
        NodeKind::Graph => "test.graph",
        NodeKind::Each => "test.each",
        NodeKind::Agent => "test.agent",
    };
    NodeType {
        asked: NodeTypeRef { id: format!("{id}.alias"), version: "latest".into() },
        id: id.into(),
        version: "1.0.0".into(),
        kind,
        side_effect: SideEffect::Read,
        external: false,
        constraints: Constraints::default(),
        retry: None,
        timeout_ms: None,
        input_schema_sha256: None,
    }
}

/// A stub of the output schema check: the value of the schema's `const` fits. For a plan, an output of a step with this
/// value is enough.
pub(crate) fn fit(made: &RunResult) -> Result<Value, Box<Failure>> {
    let wanted = &made.schema["const"];
    let stepped = made.steps.iter().flatten().any(|outputs| outputs.values().any(|value| value == wanted));
    if &made.answer == wanted || stepped { Ok(wanted.clone()) } else { Err(Box::new(failure("unfit"))) }
}

pub(crate) fn start(kind: NodeKind) -> Start {
    Start {
        name: None,
        title: None,
        api: "test".into(),
        node_type: node_type(kind),
        inputs: Object::new(),
        constraints: Constraints::default(),
        policy: Policy::default(),
        steps: Policy::default(),
        approval: ApprovalStrategy::None,
        parallel_max: 4,
        output_schema: None,
        graph: None,
        notes: Object::new(),
        labels: Labels::new(),
        turn: None,
        parent: None,
    }
}

/// A step with a call that depends on these steps.
pub(crate) fn step(id: &str, after: &[&str]) -> Step {
    Step {
        id: id.into(),
        goal: format!("do {id}"),
        candidates: CandidateSet {
            id: format!("candidates_{id}"),
            candidates: vec![Candidate {
                node_type: NodeTypeRef { id: "test.call".into(), version: "1.0.0".into() },
                score: 1.5,
                rationale: None,
            }],
        },
        node_type: node_type(NodeKind::Call),
        rationale: None,
        inputs: Object::new(),
        bindings: Vec::new(),
        depends_on: after.iter().map(|id| (*id).to_owned()).collect(),
        policy: Policy::default(),
    }
}

pub(crate) fn plan(steps: Vec<Step>) -> Plan {
    Plan { summary: "as asked".into(), steps, result: None }
}

pub(crate) fn source(step: &str, pointer: &str) -> Source {
    Source { step: step.into(), pointer: pointer.into() }
}

pub(crate) fn binding(field: &str, step: &str, pointer: &str) -> Binding {
    Binding { field: field.into(), source: source(step, pointer), form: Form::Value }
}

/// A policy with at most this many attempts, 100 ms, 200 ms, ... apart.
pub(crate) fn tries(attempts_max: u32) -> Policy {
    let retry =
        Retry { attempts_max, initial_ms: 100, backoff: 2.0, delay_ms_max: Some(1000), jitter: 0.0, codes: None };
    Policy { retry: Some(retry), ..Policy::default() }
}

pub(crate) fn passed_over() -> Policy {
    Policy { on_failure: OnFailure::Continue, ..Policy::default() }
}

pub(crate) fn go_to(key: &str) -> Policy {
    Policy { on_failure: OnFailure::GoTo(key.into()), ..Policy::default() }
}

/// A graph node with a call and these outgoing edges; `None` has no target.
pub(crate) fn drawn(key: &str, ways: &[Option<u32>]) -> GraphNode {
    GraphNode {
        key: key.into(),
        slug: key.into(),
        node_type: node_type(NodeKind::Call),
        inputs: Object::new(),
        ways: ways.to_vec(),
        policy: Policy::default(),
        fallback: Fallback::None,
        graph: None,
    }
}

/// A graph that begins with its first node.
pub(crate) fn graph(nodes: Vec<GraphNode>) -> Arc<Graph> {
    Arc::new(Graph { entry: 0, nodes })
}

/// A list of items with one call each, two at once. The input `item` has the item.
pub(crate) fn items(items: Vec<Value>) -> Items {
    Items {
        items,
        node_type: node_type(NodeKind::Call),
        inputs: Object::new(),
        item_as: Some("item".into()),
        policy: Policy::default(),
        at_once: 2,
        on_item_failure: OnItemFailure::Fail,
        graph: None,
    }
}

/// An agent with these tools, two calls at once, and at most three turns.
pub(crate) fn agent(tools: &[NodeKind]) -> Agent {
    let tool = |(kind, number): (&NodeKind, u32)| AgentTool {
        name: format!("tool_{number}"),
        node_type: node_type(*kind),
        description: None,
        inputs: Object::new(),
        needs_approval: false,
        policy: Policy::default(),
    };
    let tools = tools.iter().zip(0..).map(tool).collect();
    Agent { turn: node_type(NodeKind::Call), tools, at_once: 2, turns_max: 3 }
}

/// The outputs of a turn that calls these tools.
pub(crate) fn calls(tools: &[u32]) -> Value {
    let call = |tool: &u32| serde_json::json!({ "id": "c", "tool": tool, "inputs": { "n": tool } });
    serde_json::json!({ "text": "", "next": { "calls": tools.iter().map(call).collect::<Vec<_>>() } })
}

/// The outputs of a turn that gives the answer.
pub(crate) fn answers() -> Value {
    serde_json::json!({ "text": "x", "next": { "answer": { "result": "x" } } })
}

/// A child with a key.
pub(crate) fn child(key: &str, kind: NodeKind) -> ChildSpec {
    ChildSpec { key: Some(key.into()), ..unnamed(kind) }
}

/// A child without a key.
pub(crate) fn unnamed(kind: NodeKind) -> ChildSpec {
    ChildSpec {
        key: None,
        node_type: node_type(kind),
        inputs: Object::new(),
        constraints: Constraints::default(),
        depends_on: Vec::new(),
        policy: Policy::default(),
        candidate_set_id: None,
        binding_decision: None,
        notes: Object::new(),
    }
}

pub(crate) fn failure(code: &str) -> Failure {
    Failure { code: CodeText::from_outside(code), message: format!("it was {code}"), details: None, retryable: None }
}

pub(crate) fn completion(state: FinalState) -> Completion {
    let error = (state == FinalState::Failed).then(|| failure("broken"));
    Completion { state, outputs: None, artifacts: Vec::new(), error }
}

pub(crate) fn evaluation(status: EvaluationStatus) -> Evaluation {
    Evaluation {
        status,
        reason_code: Some("judged".into()),
        message: None,
        details: None,
        confidence: Some(0.5),
        extensions: Object::new(),
    }
}

pub(crate) fn recovery(kind: &str) -> RecoveryAction {
    RecoveryAction(Object::from_iter([("type".to_owned(), Value::from(kind))]))
}
