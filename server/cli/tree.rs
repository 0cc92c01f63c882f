//! A run's tree: read whole, and drawn with names, durations and attempts.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;

use jiff::Timestamp;
use runyard_client::runyard::types::{NodeRun, NodeRunState, Run};
use runyard_client::runyard::{Client, Error};
use serde_json::json;

use super::lengths;
use super::output::{faint, one_line, strong};
use super::steps::message;
use super::tone;

/// The most node runs that the API returns at once.
const PAGE_MAX: NonZeroU32 = NonZeroU32::new(1_000).unwrap();
/// The depth at which a drawing stops moving to the right.
const INDENTED_DEPTH_MAX: usize = 32;

/// The run as the Runyard API has it, with every page of its node runs.
///
/// # Errors
/// No such run, or the server cannot be reached.
pub(super) async fn whole(client: &Client, run_id: &str) -> Result<Run, Error> {
    let mut run = client.get_run(run_id).await?.into_inner();
    while let Some(cursor) = run.next_cursor.take() {
        let page = client.list_node_runs(run_id, Some(&cursor), Some(PAGE_MAX)).await?.into_inner();
        run.node_runs.extend(page.node_runs);
        run.next_cursor = page.next_cursor;
    }
    Ok(run)
}

/// The steps that failed, without the composites that failed only because of them: name and reason.
pub(super) fn failed_steps(run: &Run) -> Vec<(String, String)> {
    let is_failed = |node: &&NodeRun| node.state == NodeRunState::Failed;
    let parents: HashSet<&str> =
        run.node_runs.iter().filter(is_failed).filter_map(|node| node.parent_node_run_id.as_deref()).collect();
    let steps = run.node_runs.iter().filter(is_failed).filter(|node| node.parent_node_run_id.is_some());
    let steps = steps.filter(|node| !parents.contains(node.node_run_id.as_str()));
    steps.map(|node| (name(node), reason(node).unwrap_or_default())).collect()
}

/// The tree, a line for each node run, at most so many. Gives how many were left out.
pub(super) fn drawn(run: &Run, now: Timestamp, lines_max: usize) -> (Vec<String>, usize) {
    let mut children: HashMap<&str, Vec<&NodeRun>> = HashMap::new();
    for node in &run.node_runs {
        if let Some(parent) = &node.parent_node_run_id {
            children.entry(parent.as_str()).or_default().push(node);
        }
    }
    let roots = run.node_runs.iter().filter(|node| node.parent_node_run_id.is_none());
    let mut lines = Vec::new();
    // Each with what stands before its line, and before those of its children. Last first, because the last is taken next.
    let mut open: Vec<(&NodeRun, String, String)> = roots.map(|root| (root, String::new(), String::new())).collect();
    open.reverse();
    while let Some((node, before, below)) = open.pop() {
        if lines.len() == lines_max {
            return (lines, run.node_runs.len() - lines_max);
        }
        lines.push(format!("{}{}", faint_exactly(&before), line(node, now)));
        let next = children.get(node.node_run_id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let deep = below.chars().count() >= 3 * INDENTED_DEPTH_MAX;
        for (index, child) in next.iter().enumerate().rev() {
            let (branch, under) = match (deep, index + 1 == next.len()) {
                (true, _) => ("", ""),
                (false, true) => ("└─ ", "   "),
                (false, false) => ("├─ ", "│  "),
            };
            open.push((child, format!("{below}{branch}"), format!("{below}{under}")));
        }
    }
    (lines, 0)
}

/// A branch of the drawing: spaces count.
fn faint_exactly(branch: &str) -> String {
    if branch.is_empty() {
        String::new()
    } else {
        format!("{}{branch}{}", anstyle::Style::new().dimmed(), anstyle::Reset)
    }
}

fn line(node: &NodeRun, now: Timestamp) -> String {
    let waits = node.waiting_for.as_ref().map(|wait| format!(" for {}", wait.reason)).unwrap_or_default();
    let until = node.waiting_for.as_ref().and_then(|wait| wait.until).filter(|until| *until > now);
    let until = until.map(|until| format!(", {} left", lengths::between(now, until))).unwrap_or_default();
    let took = node.started_at.map(|started| lengths::between(started, node.ended_at.unwrap_or(now)));
    let attempts = (node.attempt > 1).then(|| format!("{} attempts", node.attempt));
    let facts: Vec<String> = took.into_iter().chain(attempts).collect();
    let facts = if facts.is_empty() { String::new() } else { format!("  {}", faint(&facts.join(", "))) };
    let goal = node.goal.as_deref().map(|goal| format!("  {}", faint(goal))).unwrap_or_default();
    let why = reason(node).map(|why| format!(": {}", one_line(&why))).unwrap_or_default();
    format!("{}  {}{waits}{until}{why}{facts}{goal}", strong(&name(node)), tone::state(&node.state))
}

fn name(node: &NodeRun) -> String {
    let node_type = &node.resolved_node_type.node_type_id;
    if node.key.is_empty() { node_type.clone() } else { format!("{} {node_type}", node.key) }
}

fn reason(node: &NodeRun) -> Option<String> {
    node.error.as_ref().map(|error| message(&json!(error)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn node(id: &str, parent: Option<&str>, more: Value) -> Value {
        let node_type = json!({ "node_type_id": "a.b", "version": "1.0.0" });
        let mut node = json!({
            "node_run_id": id, "key": if parent.is_some() { id } else { "" }, "depth": 0, "node_type_ref": node_type,
            "resolved_node_type": node_type, "kind": "atomic", "state": "succeeded", "depends_on": [], "inputs": {}, "attempt": 1,
            "created_at": "2026-01-01T00:00:00Z", "started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:01.5Z",
        });
        if let Some(parent) = parent {
            node["parent_node_run_id"] = json!(parent);
        }
        if let (Value::Object(node), Value::Object(more)) = (&mut node, more) {
            node.extend(more);
        }
        node
    }

    fn run(nodes: Vec<Value>) -> Run {
        serde_json::from_value(json!({
            "run_id": "run_1", "face": "runyard", "node_type": "a.b", "state": "failed", "event_count": 1,
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "inputs": {}, "constraints": {},
            "root_node_run_id": "n0", "node_runs": nodes,
        }))
        .unwrap()
    }

    fn a_run_that_failed() -> Run {
        let error = json!({ "code": "http_503", "message": "busy", "retryable": true });
        run(vec![
            node("n0", None, json!({ "state": "failed", "error": error })),
            node("S1", Some("n0"), json!({ "goal": "Fetch it" })),
            node("S2", Some("n0"), json!({ "state": "failed", "error": error, "attempt": 3 })),
            node("#1", Some("S1"), json!({})),
        ])
    }

    #[test]
    fn a_tree_shows_names_durations_attempts_and_reasons() {
        let (lines, left_out) = drawn(&a_run_that_failed(), Timestamp::UNIX_EPOCH, 10);
        let text = anstream::adapter::strip_str(&lines.join("\n")).to_string();
        insta::assert_snapshot!(text, @r"
        a.b  failed: busy (http_503)  1.5 s
        ├─ S1 a.b  succeeded  1.5 s  Fetch it
        │  └─ #1 a.b  succeeded  1.5 s
        └─ S2 a.b  failed: busy (http_503)  1.5 s, 3 attempts
        ");
        assert_eq!(left_out, 0);
        let (lines, left_out) = drawn(&a_run_that_failed(), Timestamp::UNIX_EPOCH, 2);
        assert_eq!((lines.len(), left_out), (2, 2));
    }

    #[test]
    fn only_steps_that_failed_by_themselves_are_named() {
        assert_eq!(failed_steps(&a_run_that_failed()), [("S2 a.b".to_owned(), "busy (http_503)".to_owned())]);
    }
}
