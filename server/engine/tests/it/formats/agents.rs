//! Added by format 6: agents, and inputs that an approver changed.

use std::sync::Arc;

use runyard_engine::{
    Agent, AgentTool, ApprovalId, Content, Event, NextStep, NodeKind, NodeRunId, Object, ToolCall, Verdict,
};
use serde_json::json;

use crate::make::{agent, object, run, tries};

/// Every event and field.
pub(super) fn events() -> Vec<Event> {
    let root = NodeRunId::root(run());
    let plain = agent(&[NodeKind::Call]);
    let full = AgentTool {
        description: Some("asks".to_owned()),
        inputs: object(json!({ "fixed": 1 })),
        needs_approval: true,
        policy: tries(2),
        ..plain.tools[0].clone()
    };
    let whole = Agent { tools: vec![full], ..plain.clone() };
    let loaded = |inputs, agent| Event::Loaded { node_run: root, inputs, content: Content::Agent(Arc::new(agent)) };
    let calls = NextStep::Calls(vec![ToolCall { id: "a".to_owned(), tool: 0, inputs: object(json!({ "n": 1 })) }]);
    let ends = |next: NextStep| Event::Finished {
        outcome: runyard_engine::RunOutcome::Succeeded,
        outputs: Some(Object::from_iter([("next".to_owned(), json!(next))])),
        error: None,
    };
    vec![
        loaded(None, plain),
        loaded(Some(object(json!({ "prompt": "x" }))), whole),
        Event::ApprovalDecided {
            node_run: root,
            approval: ApprovalId::of(run(), root),
            verdict: Verdict::Approved,
            by: None,
            comment: None,
            inputs: Some(object(json!({ "n": 2 }))),
        },
        ends(calls),
        ends(NextStep::Answer(object(json!({ "result": "x" })))),
    ]
}
