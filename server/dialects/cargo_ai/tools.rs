//! Tools and their workflows: small objects. Each tool has one workflow, which is created and deleted with it.

use runyard_api::cargo::types::{
    NewTool, Tool, ToolChange, ToolEnvelope, ToolList, Workflow, WorkflowKind, WorkflowList,
};
use runyard_api::host::Caller;
use serde::{Deserialize, Serialize};

use super::error::{no_tool, no_workflow, of_objects, settled};
use super::start::fresh;
use super::tool_body::ToolBody;
use super::{Handlers, releases};
use crate::dialects::common::answer_size::AnswerSize;
use crate::dialects::common::refusal::Refusal;
use crate::dialects::common::time::time;
use crate::objects::{self, Change, New, Stored};

/// The number of objects read at once while a list is filtered.
const PAGE: usize = 100;

/// Stored data of a workflow. Every field has a default, so that older data can be read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct WorkflowBody {
    pub(super) tool: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deployed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) draft: Option<String>,
    /// The version that was deployed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
}

impl objects::ObjectType for WorkflowBody {
    const KIND: &'static str = "cargo.workflow";
}

impl Handlers {
    /// A workflow that must exist.
    pub(super) async fn workflow(&self, cx: &Caller, uuid: &str) -> Result<Stored<WorkflowBody>, Refusal> {
        let found = self.objects.get(&cx.tenant, uuid).await.map_err(of_objects)?;
        found.ok_or_else(|| no_workflow(uuid))
    }

    /// A tool that must exist.
    pub(super) async fn tool(&self, cx: &Caller, uuid: &str) -> Result<Stored<ToolBody>, Refusal> {
        let found = self.objects.get(&cx.tenant, uuid).await.map_err(of_objects)?;
        found.ok_or_else(|| no_tool(uuid))
    }

    /// A page of objects that match, newest first.
    pub(super) async fn page<T: objects::ObjectType>(
        &self,
        cx: &Caller,
        parent: Option<&str>,
        fits: impl Fn(&Stored<T>) -> bool,
        (limit, offset): (usize, usize),
    ) -> Result<Vec<Stored<T>>, Refusal> {
        let (mut found, mut after, mut skipped) = (Vec::new(), None, 0);
        let mut size = AnswerSize::of(self.runs.answer_bytes());
        while found.len() < limit {
            let page = self.objects.list::<T>(&cx.tenant, parent, after.as_ref(), PAGE).await.map_err(of_objects)?;
            after = page.last().map(Stored::cursor);
            let last = page.len() < PAGE;
            for one in page.into_iter().filter(&fits) {
                if skipped < offset {
                    skipped += 1;
                } else if found.len() == limit || !size.admits(&one.body) {
                    return Ok(found);
                } else {
                    found.push(one);
                }
            }
            if last {
                break;
            }
        }
        Ok(found)
    }
}

/// Creates a tool, its workflow and the draft of its first release.
pub(super) async fn create(handlers: &Handlers, cx: &Caller, body: NewTool) -> Result<ToolEnvelope, Refusal> {
    let NewTool { name, description, icon_url } = body;
    let (tool, workflow, draft) = (fresh(), fresh(), fresh());
    let kept = ToolBody { name: name.to_string(), description, icon_url, workflow: workflow.clone() };
    let of_workflow = WorkflowBody { tool: tool.clone(), draft: Some(draft.clone()), ..WorkflowBody::default() };
    let changes = vec![
        Change::create(&New { id: tool.clone(), name: None, parent: None, body: kept }),
        Change::create(&New { id: workflow.clone(), name: None, parent: None, body: of_workflow }),
        Change::create(&New { id: draft, name: None, parent: Some(workflow), body: releases::ReleaseBody::default() }),
    ];
    handlers.objects.change(&cx.tenant, changes).await.map_err(of_objects)?;
    get(handlers, cx, &tool).await
}

/// A tool.
pub(super) async fn get(handlers: &Handlers, cx: &Caller, uuid: &str) -> Result<ToolEnvelope, Refusal> {
    Ok(ToolEnvelope { tool: shown(cx, &handlers.tool(cx, uuid).await?) })
}

/// A page of tools.
pub(super) async fn list(handlers: &Handlers, cx: &Caller, page: (usize, usize)) -> Result<ToolList, Refusal> {
    let found = handlers.page::<ToolBody>(cx, None, |_| true, page).await?;
    Ok(ToolList { tools: found.iter().map(|tool| shown(cx, tool)).collect() })
}

/// Updates the fields that are present.
pub(super) async fn update(
    handlers: &Handlers,
    cx: &Caller,
    uuid: &str,
    body: ToolChange,
) -> Result<ToolEnvelope, Refusal> {
    settled(|| update_once(handlers, cx, uuid, body.clone())).await
}

async fn update_once(handlers: &Handlers, cx: &Caller, uuid: &str, body: ToolChange) -> Result<ToolEnvelope, Refusal> {
    let ToolChange { name, description, icon_url } = body;
    let mut tool = handlers.tool(cx, uuid).await?;
    if let Some(name) = name {
        tool.body.name = name.to_string();
    }
    tool.body.description = description.or(tool.body.description.take());
    tool.body.icon_url = icon_url.or(tool.body.icon_url.take());
    let changed = handlers.objects.replace(&cx.tenant, tool).await.map_err(of_objects)?;
    Ok(ToolEnvelope { tool: shown(cx, &changed) })
}

/// Deletes a tool and its workflow. Its releases stay, because its runs show the nodes that they executed.
pub(super) async fn delete(handlers: &Handlers, cx: &Caller, uuid: &str) -> Result<(), Refusal> {
    settled(|| delete_once(handlers, cx, uuid)).await
}

async fn delete_once(handlers: &Handlers, cx: &Caller, uuid: &str) -> Result<(), Refusal> {
    let tool = handlers.tool(cx, uuid).await?;
    let workflow = handlers.workflow(cx, &tool.body.workflow).await?;
    let changes = vec![Change::delete(&tool), Change::delete(&workflow)];
    handlers.objects.change(&cx.tenant, changes).await.map_err(of_objects)?;
    Ok(())
}

/// A page of workflows.
pub(super) async fn workflows(
    handlers: &Handlers,
    cx: &Caller,
    uuids: &[String],
    page: (usize, usize),
) -> Result<WorkflowList, Refusal> {
    let wanted = |workflow: &Stored<WorkflowBody>| uuids.is_empty() || uuids.contains(&workflow.id);
    let mut workflows = Vec::new();
    for found in handlers.page(cx, None, wanted, page).await? {
        let tool = handlers.objects.get::<ToolBody>(&cx.tenant, &found.body.tool).await.map_err(of_objects)?;
        workflows.push(Workflow {
            uuid: found.id,
            workspace_uuid: cx.tenant.to_string(),
            kind: WorkflowKind::Tool,
            name: tool.map(|tool| tool.body.name),
            tool_uuid: Some(found.body.tool),
            deployed_release_uuid: found.body.deployed,
            draft_release_uuid: found.body.draft,
            created_at: time(found.created_at_ms),
            updated_at: time(found.updated_at_ms),
        });
    }
    Ok(WorkflowList { workflows })
}

fn shown(cx: &Caller, tool: &Stored<ToolBody>) -> Tool {
    let ToolBody { name, description, icon_url, workflow } = tool.body.clone();
    Tool {
        uuid: tool.id.clone(),
        workspace_uuid: cx.tenant.to_string(),
        workflow_uuid: workflow,
        name,
        description,
        icon_url,
        created_at: time(tool.created_at_ms),
        updated_at: time(tool.updated_at_ms),
    }
}
