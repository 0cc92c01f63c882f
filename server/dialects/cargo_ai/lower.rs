//! Lowers nodes as drawn in Cargo to the graph that the engine executes. A node's uuid is its key in the graph.
//!
//! Faults are found here or in `check.rs` and reported with their node, before a run is created.

use std::collections::HashSet;
use std::sync::Arc;

use runyard_api::cargo::types::{InvalidNodeReason as Reason, Node, NodeKind, Retry};
use runyard_engine::graph::{EdgeCount, Outline};
use runyard_engine::policy::{ATTEMPTS_MAX, BACKOFF_MAX, WAIT_MS_MAX};
use runyard_engine::{Graph, NodeType, NodeTypeRef, Object};
use serde_json::{Value, json};

use super::called::{Tools, bytes_of};
use super::check::{Fault, Faults};
use super::native::{self, GROUP, START};
use super::{own_nodes, wire};
use crate::catalog::Catalog;
use crate::catalog::integration::node_type_id;
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::limits::Limits;
use crate::nodes::graph::{WrittenFallback, WrittenGraph, WrittenNode, WrittenRetry, WrittenType};
use crate::runs::{Error, Runs, output_schema};

/// The node type of every run that this API starts.
const GRAPH: &str = "runyard.composite.graph";
/// The node type that answers the prompt of an agent, because there are no models.
pub(super) const PLANNER: &str = "runyard.composite.planner.general";
/// The node type that starts a run of its own.
const SUB_RUN: &str = "runyard.core.run";

/// The most nodes, inner nodes of groups included: the engine's limit.
const NODES_MAX: usize = 10_000;
/// The maximum nesting of groups.
const DEPTH_MAX: usize = 8;

/// The attempts of a retry without numbers.
const ATTEMPTS: u32 = 3;
const INITIAL_MS: u64 = 1_000;
const BACKOFF: f64 = 2.0;

/// Nodes that can be executed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lowered {
    /// The graph as JSON for the engine.
    graph: Value,
    /// The same graph, parsed, so that starting a run need not parse it again.
    read: Option<Arc<Graph>>,
    /// Whether a group is among them.
    pub(super) groups: bool,
    /// The nodes in the form in which a run stores them.
    pub(super) stored_nodes: Value,
}

/// Lowers nodes and validates them with the engine's graph reader, which also checks JavaScript.
///
/// Nodes and tools may be many, so this runs on the compute threads, which are shared fairly between tenants.
///
/// # Errors
/// The work was not done. Faults of nodes are in the inner result, whose list is never empty.
pub(super) async fn checked(
    runs: &Runs,
    tenant: &str,
    nodes: &[Node],
    tools: Tools,
) -> Result<Result<Lowered, Vec<Fault>>, Refusal> {
    let (reader, nodes) = (runs.clone(), nodes.to_vec());
    let checking = runs.compute().run(tenant, move || check(&reader, &nodes, &tools));
    checking.await.map_err(|refused| of_runs(refused.into()))
}

fn check(runs: &Runs, nodes: &[Node], tools: &Tools) -> Result<Lowered, Vec<Fault>> {
    let lowered = lower(runs.catalog(), nodes, tools, runs.limits())?;
    match runs.check(&graph_type(), &lowered.inputs(Value::Null)) {
        Ok(read) => {
            let inline_bytes = runs.limits().value_inline_bytes;
            let stored_nodes = own_nodes::stored(nodes, read.as_deref(), inline_bytes);
            Ok(Lowered { read, stored_nodes, ..lowered })
        }
        Err(Error::InvalidInputs { violations, .. }) => {
            Err(violations.iter().map(|violation| Fault::of_violation(nodes, violation)).collect())
        }
        Err(other) => Err(vec![Fault::of_all(Reason::NativeInvalid, other.to_string())]),
    }
}

/// The node type of every run that this API starts.
pub(super) fn graph_type() -> NodeTypeRef {
    NodeTypeRef { id: GRAPH.to_owned(), version: "1.0.0".to_owned() }
}

impl Lowered {
    /// The graph as JSON for the engine.
    pub(super) fn graph(&self) -> &Value {
        &self.graph
    }

    /// The parsed graph.
    pub(super) fn read(&self) -> Option<Arc<Graph>> {
        self.read.clone()
    }

    /// The inputs of such a run.
    pub(super) fn inputs(&self, data: Value) -> Object {
        Object::from_iter([("graph".to_owned(), self.graph.clone()), ("data".to_owned(), data)])
    }
}

/// Lowers nodes.
///
/// # Errors
/// All faults, node by node; never empty.
fn lower(catalog: &Catalog, nodes: &[Node], tools: &Tools, limits: &Limits) -> Result<Lowered, Vec<Fault>> {
    let mut reader = Reader { catalog, tools, limits, nodes: 0, bytes: 0, groups: false };
    let graph = reader.graph(nodes, 1)?;
    let unwritable = |error: serde_json::Error| vec![Fault::of_all(Reason::NativeInvalid, error.to_string())];
    let graph = serde_json::to_value(graph).map_err(unwritable)?;
    Ok(Lowered { graph, read: None, groups: reader.groups, stored_nodes: Value::Null })
}

struct Reader<'a> {
    catalog: &'a Catalog,
    tools: &'a Tools,
    limits: &'a Limits,
    nodes: usize,
    /// The size of the graph so far; a tool counts as often as it is called.
    bytes: u64,
    groups: bool,
}

impl Reader<'_> {
    fn graph(&mut self, nodes: &[Node], depth: usize) -> Result<WrittenGraph, Vec<Fault>> {
        self.nodes += nodes.len();
        if self.nodes > NODES_MAX {
            return Err(vec![Fault::of_all(
                Reason::ChildrenUuidsInvalid,
                format!("there are more than {NODES_MAX} nodes"),
            )]);
        }
        self.bytes += nodes.iter().map(bytes_of).sum::<u64>();
        let most = self.limits.expansion_bytes;
        if self.bytes > most {
            return Err(vec![Fault::of_all(
                Reason::ToolInvalid,
                format!(
                    "expansion_too_large: with the tools that they call the nodes come to more than {most} bytes \
                     (limits.expansion_bytes); call a large tool from fewer nodes"
                ),
            )]);
        }
        if nodes.is_empty() {
            return Err(vec![Fault::of_all(Reason::NodesNotFound, "there are no nodes")]);
        }
        let is_start = |node: &&Node| node.kind == NodeKind::Native && node.action_slug.as_deref() == Some(START);
        let mut starts = nodes.iter().filter(is_start);
        let Some(start) = starts.next() else {
            return Err(vec![Fault::of_all(Reason::StartNodeNotFound, "there is no start node")]);
        };
        let mut faults = Faults::default();
        for second in starts {
            faults.of(second, Reason::NativeInvalid, "there is a start node before it, and may be only one");
        }
        let (mut written, mut outlines) = (Vec::with_capacity(nodes.len()), Vec::with_capacity(nodes.len()));
        let as_runs = seen_as_runs(nodes);
        for node in nodes {
            let read = self.node(node, depth, as_runs.contains(node.slug.as_str()));
            let ways = read.as_ref().map_or(EdgeCount::Any, |(_, ways)| *ways);
            outlines.push(outline(node, ways));
            match read {
                Ok((node, _)) => written.push(node),
                Err((reason, message)) => faults.of(node, reason, message),
            }
        }
        faults.of_outlines(nodes, &start.uuid, &outlines);
        faults.none()?;
        Ok(WrittenGraph { entry: Some(start.uuid.clone()), nodes: written, text: None })
    }

    fn node(&mut self, node: &Node, depth: usize, as_run: bool) -> Result<(WrittenNode, EdgeCount), (Reason, String)> {
        let (node_type, mut inputs, ways) = match node.kind {
            NodeKind::Native => self.native(node, depth)?,
            NodeKind::Connector => self.connector(node)?,
            NodeKind::Tool => self.tool(node, depth)?,
            NodeKind::Agent => agent(node, self.limits)?,
        };
        let seen_as = match (node.kind, as_run) {
            (NodeKind::Tool, false) => Some("outputs"),
            (NodeKind::Tool, true) => Some("outputs_and_run"),
            (NodeKind::Agent, false) => Some("answer"),
            (NodeKind::Agent, true) => Some("answer_and_run"),
            (NodeKind::Native | NodeKind::Connector, _) => None,
        };
        inputs.extend(seen_as.map(|seen_as| ("seen_as".to_owned(), json!(seen_as))));
        let retry = node.retry.as_ref().map(retry).transpose().map_err(|message| (Reason::NativeInvalid, message))?;
        let written = WrittenNode {
            key: node.uuid.clone(),
            slug: Some(node.slug.clone()),
            node_type_ref: WrittenType { node_type_id: node_type, version: None },
            inputs,
            children: node.children_uuids.clone(),
            retry,
            timeout_ms: None,
            on_failure: fallback(node),
        };
        Ok((written, ways))
    }

    fn native(&mut self, node: &Node, depth: usize) -> Result<(String, Object, EdgeCount), (Reason, String)> {
        let invalid = |message: String| (Reason::NativeInvalid, message);
        let native = native::action(node).map_err(invalid)?;
        let mut inputs = native::inputs(native, &node.config).map_err(invalid)?;
        if native.slug == GROUP {
            self.groups = true;
            inputs.insert("graph".to_owned(), self.within(node, depth)?);
        } else {
            self.fits(native.node_type, &inputs).map_err(invalid)?;
        }
        Ok((native.node_type.to_owned(), inputs, native::ways(native, &node.config)))
    }

    /// The graph that a group executes for each item.
    fn within(&mut self, node: &Node, depth: usize) -> Result<Value, (Reason, String)> {
        let invalid = |message: String| (Reason::SubNodesInvalid, message);
        if depth == DEPTH_MAX {
            return Err(invalid(format!("groups may lie {DEPTH_MAX} deep within each other")));
        }
        let nodes: Vec<Node> = serde_json::from_value(node.config["_nodes"].clone())
            .map_err(|error| invalid(format!("its `_nodes` are no nodes: {error}")))?;
        let graph = self.graph(&nodes, depth + 1).map_err(|faults| invalid(super::check::described(&faults)))?;
        serde_json::to_value(graph).map_err(|error| invalid(error.to_string()))
    }

    fn connector(&self, node: &Node) -> Result<(String, Object, EdgeCount), (Reason, String)> {
        let missing = |message: String| (Reason::ConnectorNotFound, message);
        let (Some(integration), Some(action)) = (&node.integration_slug, &node.action_slug) else {
            return Err(missing("a connector needs an integrationSlug and an actionSlug".to_owned()));
        };
        let node_type = node_type_id(integration, action);
        self.resolve(&node_type).map_err(|_| {
            missing(format!("there is no action `{action}` of an integration `{integration}` in the configuration"))
        })?;
        Ok((node_type, node.config.clone(), EdgeCount::AtMost(1)))
    }

    /// A run of the tool's release, with the node's configuration as its data.
    fn tool(&mut self, node: &Node, depth: usize) -> Result<(String, Object, EdgeCount), (Reason, String)> {
        let invalid = |message: String| (Reason::ToolInvalid, message);
        let Some(tool) = &node.tool_uuid else {
            return Err(invalid("a tool node needs a toolUuid; there are no templates here".to_owned()));
        };
        let Some(called) = self.tools.of(node) else {
            return Err(invalid(format!("there is no tool `{tool}`, or no such release of it is deployed")));
        };
        if depth == DEPTH_MAX {
            return Err(invalid(format!("tools may call tools {DEPTH_MAX} deep, and none itself")));
        }
        let around = std::mem::take(&mut self.groups);
        let graph = self.graph(&called.nodes, depth + 1).map_err(|faults| invalid(super::check::described(&faults)))?;
        let groups = std::mem::replace(&mut self.groups, around);
        let labels = json!({
            wire::WORKFLOW: called.workflow, wire::RELEASE: called.release, wire::GROUP: groups.to_string(),
            wire::PARENT_NODE: node.uuid
        });
        let mut inputs = sub_run(node, GRAPH, json!({ "data": node.config }), labels);
        let graph = serde_json::to_value(graph).map_err(|error| invalid(error.to_string()))?;
        inputs.insert("graph".to_owned(), graph);
        inputs.insert("title".to_owned(), literal(&called.name));
        Ok((SUB_RUN.to_owned(), inputs, EdgeCount::AtMost(1)))
    }

    /// Whether literal inputs are valid. Expressions are evaluated only when the node is reached.
    fn fits(&self, node_type: &str, inputs: &Object) -> Result<(), String> {
        let node_type = self.resolve(node_type)?;
        if inputs.values().any(is_worked_out) {
            return Ok(());
        }
        self.catalog.validate_inputs(&node_type, inputs).map_err(|violations| {
            let each = violations.iter().map(|one| format!("{} {}", one.field, one.reason));
            each.collect::<Vec<_>>().join("; ")
        })
    }

    fn resolve(&self, node_type: &str) -> Result<NodeType, String> {
        let asked = NodeTypeRef { id: node_type.to_owned(), version: "latest".to_owned() };
        self.catalog.resolve(&asked).map_err(|error| error.to_string())
    }
}

/// A run of the planner with the prompt as its goal, because there are no models.
fn agent(node: &Node, limits: &Limits) -> Result<(String, Object, EdgeCount), (Reason, String)> {
    let says = |prompt: &&Value| prompt.as_str().is_some_and(|text| !text.trim().is_empty()) || is_worked_out(prompt);
    let Some(prompt) = node.config.get("prompt").filter(says) else {
        return Err((
            Reason::ToolInvalid,
            "an agent needs a `prompt` in its config: a text, which is a goal for the planner".to_owned(),
        ));
    };
    let labels = json!({ wire::GROUP: "false", wire::PARENT_NODE: node.uuid });
    let mut inputs = sub_run(node, PLANNER, json!({ "goal": prompt }), labels);
    if let Some(schema) = asked_output(node, limits).map_err(|message| (Reason::ToolInvalid, message))? {
        inputs.insert("output_schema".to_owned(), schema);
    }
    Ok((SUB_RUN.to_owned(), inputs, EdgeCount::AtMost(1)))
}

/// The schema of an agent's answer; `None` if any answer is valid.
fn asked_output(node: &Node, limits: &Limits) -> Result<Option<Value>, String> {
    let Some(output) = node.config.get("output").filter(|output| !output.is_null()) else { return Ok(None) };
    match output["type"].as_str() {
        Some("text") => Ok(None),
        Some("jsonSchema") => {
            let schema = output.get("jsonSchema").cloned().unwrap_or_default();
            output_schema::check(&schema, limits).map_err(|reason| format!("the output's `jsonSchema` {reason}"))?;
            Ok(Some(schema))
        }
        _ => Err("an agent's `output` has the type `text`, or `jsonSchema` with a `jsonSchema` beside it".to_owned()),
    }
}

/// The inputs of a node that starts a run.
fn sub_run(node: &Node, node_type: &str, inputs: Value, labels: Value) -> Object {
    let wait = node.wait_until_finished.unwrap_or(true);
    Object::from_iter([
        ("node_type_ref".to_owned(), json!({ "node_type_id": node_type })),
        ("inputs".to_owned(), inputs),
        ("labels".to_owned(), labels),
        ("wait".to_owned(), Value::Bool(wait)),
    ])
}

/// A text as a literal input: one that looks like an expression becomes an expression that evaluates to the text.
fn literal(text: &str) -> Value {
    let text = json!(text);
    if is_worked_out(&text) { json!({ "kind": "jsExpression", "expression": text.to_string() }) } else { text }
}

/// The slugs whose expressions read a field that only the node's run has: `nodes.SLUG.outputs.x`. Older workflows were
/// written when expressions saw the run instead of its result, and they must still work.
fn seen_as_runs(nodes: &[Node]) -> HashSet<&str> {
    let mut found = HashSet::new();
    let mut open: Vec<&Value> = nodes.iter().flat_map(|node| node.config.values()).collect();
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => found.extend(text.split("nodes.").skip(1).filter_map(run_slug)),
            Value::Object(members) => open.extend(members.values()),
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found
}

/// The slug before a field of a run.
fn run_slug(path: &str) -> Option<&str> {
    let end = path.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))?;
    let field = path[end..].trim_start_matches('?').strip_prefix('.')?;
    let named = |name: &&str| {
        field
            .strip_prefix(*name)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
    };
    ["outputs", "run_id", "state"].iter().any(named).then(|| &path[..end])
}

fn outline(node: &Node, ways: EdgeCount) -> Outline<'_> {
    Outline {
        key: &node.uuid,
        slug: &node.slug,
        children: node.children_uuids.iter().map(Option::as_deref).collect(),
        fallback: node.fallback_child_uuid.as_deref().filter(|_| node.fallback_on_failure),
        ways,
    }
}

/// The fallback after a failure: none, another node, or the first edge if no node is named.
fn fallback(node: &Node) -> Option<WrittenFallback> {
    let child = node.fallback_child_uuid.clone();
    node.fallback_on_failure.then(|| child.map_or(WrittenFallback::Continue, WrittenFallback::GoTo))
}

fn retry(retry: &Retry) -> Result<WrittenRetry, String> {
    let Retry { maximum_attempts, initial_interval, backoff_coefficient } = retry;
    let max_attempts = maximum_attempts.map_or(Some(ATTEMPTS), |attempts| u32::try_from(attempts).ok());
    let max_attempts = max_attempts.filter(|attempts| (1..=ATTEMPTS_MAX).contains(attempts));
    let initial_ms = initial_interval.map_or(Some(INITIAL_MS), |ms| u64::try_from(ms).ok());
    let initial_ms = initial_ms.filter(|ms| *ms <= WAIT_MS_MAX);
    let backoff = backoff_coefficient.unwrap_or(BACKOFF);
    Ok(WrittenRetry {
        max_attempts: max_attempts.ok_or_else(|| format!("retry.maximumAttempts must be 1 to {ATTEMPTS_MAX}"))?,
        initial_interval_ms: initial_ms.ok_or_else(|| format!("retry.initialInterval must be 0 to {WAIT_MS_MAX}"))?,
        backoff_coefficient: Some(backoff)
            .filter(|backoff| (1.0..=BACKOFF_MAX).contains(backoff))
            .ok_or_else(|| format!("retry.backoffCoefficient must be 1 to {BACKOFF_MAX}"))?,
        max_interval_ms: None,
        jitter: 0.0,
        retryable_codes: None,
    })
}

/// Whether a value contains an expression at any depth: an expression object, or a text with braces.
pub(super) fn is_worked_out(value: &Value) -> bool {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) if text.contains("{{") => return true,
            Value::Object(members) if members.contains_key("kind") && members.contains_key("expression") => {
                return true;
            }
            Value::Object(members) => open.extend(members.values()),
            Value::Array(items) => open.extend(items),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    false
}
