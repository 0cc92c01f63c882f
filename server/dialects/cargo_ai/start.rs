//! Builds new runs: of a workflow's release, of nodes in the request, or of one action.

use runyard_api::cargo::types::{CreateRun, ExecuteAction, Node, NodeKind, Position};
use runyard_api::host::Caller;
use runyard_engine::{ApprovalStrategy, Constraints, Labels, Object, Policy};
use serde_json::{Value, json};
use uuid::Uuid;

use super::lower::{Lowered, checked, graph_type, is_worked_out};
use super::native::START;
use super::tool_body::ToolBody;
use super::{API, Handlers, check, error, own_nodes, wire};
use crate::codes::Code;
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::dialects::common::start::idempotency_key;
use crate::runs::{NewRun, StartedRun};

/// The longest label value, bytes: the limit for a run that another run starts.
const LABEL_BYTES_MAX: usize = 256;

/// The graph that a run is to execute.
#[derive(Debug)]
pub(super) struct GraphRun {
    pub(super) workflow: String,
    /// Absent if the nodes came with the request.
    pub(super) release: Option<String>,
    pub(super) nodes: Vec<Node>,
    pub(super) lowered: Lowered,
}

/// Starts a run.
pub(super) async fn create(
    handlers: &Handlers,
    cx: &Caller,
    body: CreateRun,
    key: Option<&str>,
) -> Result<StartedRun, Refusal> {
    let request = serde_json::to_value(&body).unwrap_or_default();
    // Destructured completely, so that a field that the API adds does not compile until it takes effect here.
    let CreateRun { workflow_uuid, data, release_uuid, nodes } = body;
    let walk = handlers.walk(cx, workflow_uuid, release_uuid, nodes).await?;
    let title = match wire::record_title(&data) {
        Some(title) => Some(title),
        None => handlers.workflow_name(cx, &walk).await?,
    };
    let mut new = new_run(cx, walk, data, ("cargo.create_run", request));
    new.title = title;
    begin(handlers, cx, new, key).await
}

/// Starts a run of a start node, one action, and an end node.
pub(super) async fn execute(
    handlers: &Handlers,
    cx: &Caller,
    body: ExecuteAction,
    key: Option<&str>,
) -> Result<StartedRun, Refusal> {
    let request = serde_json::to_value(&body).unwrap_or_default();
    let ExecuteAction { action, data } = body;
    let data = data.unwrap_or_default();
    let config = action.config.filter(|config| !config.is_empty()).unwrap_or_else(|| config_of(&data));
    let title = wire::record_title(&data).or_else(|| action.action_slug.clone());
    let (start, act, end) = (fresh(), fresh(), fresh());
    let native = |uuid: &str, slug: &str, child: Option<&str>| Node {
        action_slug: Some(slug.to_owned()),
        ..node(uuid, slug, NodeKind::Native, child)
    };
    let nodes = vec![
        native(&start, START, Some(&act)),
        Node {
            config,
            action_slug: action.action_slug,
            integration_slug: action.integration_slug,
            connector_uuid: action.connector_uuid,
            tool_uuid: action.tool_uuid,
            agent_uuid: action.agent_uuid,
            retry: action.retry,
            ..node(&act, "action", action.kind, Some(&end))
        },
        native(&end, "end", None),
    ];
    let walk = handlers.walk(cx, None, None, Some(nodes)).await?;
    let mut new = new_run(cx, walk, data, ("cargo.execute_action", request));
    new.title = title;
    begin(handlers, cx, new, key).await
}

/// The configuration of an action without one: its input is the data. Data is never an expression, so text that looks
/// like one is read from the start node, which returns it unchanged.
fn config_of(data: &Value) -> Object {
    let Some(members) = data.as_object() else { return Object::new() };
    let read = |name: &str| json!({ "kind": "jsExpression", "expression": format!("nodes.start[{}]", json!(name)) });
    let input = |(name, value): (&String, &Value)| {
        let value = if is_worked_out(value) { read(name) } else { value.clone() };
        (name.clone(), value)
    };
    members.iter().map(input).collect()
}

/// A node that Runyard adds, with the next node as its child.
fn node(uuid: &str, slug: &str, kind: NodeKind, child: Option<&str>) -> Node {
    Node {
        uuid: uuid.to_owned(),
        slug: slug.to_owned(),
        name: None,
        description: None,
        config: Object::new(),
        children_uuids: child.map(|child| Some(child.to_owned())).into_iter().collect(),
        fallback_on_failure: false,
        fallback_child_uuid: None,
        position: Position { x: 0.0, y: 0.0 },
        retry: None,
        kind,
        action_slug: None,
        integration_slug: None,
        connector_uuid: None,
        tool_uuid: None,
        agent_uuid: None,
        template_slug: None,
        release_uuid: None,
        wait_until_finished: None,
    }
}

/// A new identifier in this API's form.
pub(super) fn fresh() -> String {
    Uuid::new_v4().to_string()
}

impl GraphRun {
    /// The labels by which lists find its runs.
    pub(super) fn labels(&self, cx: &Caller) -> Labels {
        let mut labels = Labels::new();
        label(&mut labels, wire::WORKFLOW, &self.workflow);
        label(&mut labels, wire::GROUP, if self.lowered.groups { "true" } else { "false" });
        if let Some(release) = &self.release {
            label(&mut labels, wire::RELEASE, release);
        }
        if let Some(user) = cx.subject.as_deref() {
            label(&mut labels, wire::USER, user);
        }
        labels
    }
}

impl Handlers {
    /// The name of the tool whose saved workflow is executed. `None` if the nodes came with the request, or the tool
    /// was deleted.
    pub(super) async fn workflow_name(&self, cx: &Caller, walk: &GraphRun) -> Result<Option<String>, Refusal> {
        if walk.release.is_none() {
            return Ok(None);
        }
        let tool = self.workflow(cx, &walk.workflow).await?.body.tool;
        let tool = self.objects.get::<ToolBody>(&cx.tenant, &tool).await.map_err(error::of_objects)?;
        Ok(tool.map(|tool| tool.body.name))
    }

    /// The graph to execute, validated as a whole.
    pub(super) async fn walk(
        &self,
        cx: &Caller,
        workflow: Option<String>,
        release: Option<String>,
        nodes: Option<Vec<Node>>,
    ) -> Result<GraphRun, Refusal> {
        if let Some(workflow) = &workflow {
            self.workflow(cx, workflow).await?;
        }
        let (workflow, release, nodes) = match (workflow, release, nodes) {
            (_, Some(_), Some(_)) => {
                return Err(error::invalid_nodes("there is a releaseUuid, and there are nodes; give one of them"));
            }
            (workflow, None, Some(nodes)) => (workflow.unwrap_or_else(fresh), None, nodes),
            (None, _, None) => return Err(error::invalid("/workflowUuid", "is required, unless there are nodes")),
            (Some(workflow), release, None) => {
                let release = self.released(cx, &workflow, release.as_deref()).await?;
                (workflow, Some(release.id), release.body.nodes)
            }
        };
        let tools = self.called(cx, &nodes).await?;
        let lowered = checked(&self.runs.of_tenant(&cx.tenant), &cx.tenant, &nodes, tools).await?;
        let lowered = lowered.map_err(|faults| check::refused(&faults))?;
        Ok(GraphRun { workflow, release, nodes, lowered })
    }
}

/// Starts a run once, however often the request is repeated.
async fn begin(handlers: &Handlers, cx: &Caller, mut new: NewRun, key: Option<&str>) -> Result<StartedRun, Refusal> {
    new.key = key.map(idempotency_key).transpose()?;
    handlers.runs.start(&cx.tenant, new).await.map_err(|error| {
        let refusal = of_runs(error);
        // Faults of nodes that only the engine finds.
        if refusal.is(Code::InvalidInputs) { error::invalid_nodes(refusal.message) } else { refusal }
    })
}

/// A run of a workflow. `request`: the operation, and the fields that distinguish a repeated request from another one.
fn new_run(cx: &Caller, walk: GraphRun, data: Value, (operation, request): (&'static str, Value)) -> NewRun {
    let mut labels = walk.labels(cx);
    if let Some(title) = wire::record_title(&data) {
        label(&mut labels, wire::RECORD_TITLE, &title);
        label(&mut labels, wire::RECORD, &title);
    }
    let graph = walk.lowered.read();
    let mut notes = Object::new();
    if walk.release.is_none() {
        notes.insert(own_nodes::NODES.to_owned(), walk.lowered.stored_nodes);
    }
    NewRun {
        name: None,
        title: None,
        api: API,
        operation,
        node_type: graph_type(),
        graph,
        inputs: Object::from_iter([("data".to_owned(), data)]),
        constraints: Constraints::default(),
        policy: Policy::default(),
        steps: Policy::default(),
        approval: ApprovalStrategy::None,
        notes,
        labels,
        output_schema: None,
        pass_through: Vec::new(),
        thread: None,
        request,
        key: None,
    }
}

/// Adds a label. An empty value is left out, and a long one is cut.
pub(super) fn label(labels: &mut Labels, name: &str, value: &str) {
    let value = cut(value);
    if !value.is_empty() {
        labels.entry(name.to_owned()).or_default().insert(value.to_owned());
    }
}

/// The part of a text that fits into a label.
pub(super) fn cut(value: &str) -> &str {
    &value[..value.floor_char_boundary(LABEL_BYTES_MAX)]
}
