//! Releases of workflows: small objects below their workflow. A workflow has one draft. Deploying it freezes its
//! content.

use runyard_api::cargo::types::{
    Deployment, DraftChange, FormField, Node, Release, ReleaseEnvelope, ReleaseList, ReleaseStatus, Validation,
};
use runyard_api::host::Caller;
use serde::{Deserialize, Serialize};

use super::error::{
    invalid_draft, invalid_nodes, invalid_version, no_draft, no_form, no_release, nothing_deployed, of_objects, settled,
};
use super::lower::checked;
use super::start::fresh;
use super::{Handlers, check};
use crate::dialects::common::refusal::Refusal;
use crate::dialects::common::time::time;
use crate::objects::{self, Change, New, Stored};

/// The version of a first release.
const FIRST: [u64; 3] = [1, 0, 0];

/// Stored data of a release. Every field has a default, so that older data can be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ReleaseBody {
    pub(super) status: ReleaseStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    pub(super) nodes: Vec<Node>,
    #[serde(skip_serializing_if = "Option::is_none")]
    form_fields: Option<Vec<FormField>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployed_at_ms: Option<i64>,
}

impl Default for ReleaseBody {
    fn default() -> Self {
        ReleaseBody {
            status: ReleaseStatus::Draft,
            version: None,
            description: None,
            nodes: Vec::new(),
            form_fields: None,
            deployed_at_ms: None,
        }
    }
}

impl objects::ObjectType for ReleaseBody {
    const KIND: &'static str = "cargo.release";
}

impl Handlers {
    async fn release(&self, cx: &Caller, uuid: &str) -> Result<Option<Stored<ReleaseBody>>, Refusal> {
        self.objects.get(&cx.tenant, uuid).await.map_err(of_objects)
    }

    /// The release of a workflow that a run executes: the requested one, or the deployed one.
    pub(super) async fn released(
        &self,
        cx: &Caller,
        workflow: &str,
        release: Option<&str>,
    ) -> Result<Stored<ReleaseBody>, Refusal> {
        let Some(uuid) = release else { return self.deployed(cx, workflow).await };
        let found = self.release(cx, uuid).await?.filter(|release| release.parent.as_deref() == Some(workflow));
        let found = found.ok_or_else(|| invalid_nodes(format!("workflow `{workflow}` has no release `{uuid}`")))?;
        if found.body.status == ReleaseStatus::Draft {
            return Err(invalid_nodes(format!("release `{uuid}` is a draft; deploy it first")));
        }
        Ok(found)
    }

    async fn deployed(&self, cx: &Caller, workflow: &str) -> Result<Stored<ReleaseBody>, Refusal> {
        let uuid = self.workflow(cx, workflow).await?.body.deployed.ok_or_else(|| nothing_deployed(workflow))?;
        self.release(cx, &uuid).await?.ok_or_else(|| nothing_deployed(workflow))
    }

    async fn draft(&self, cx: &Caller, workflow: &str) -> Result<Stored<ReleaseBody>, Refusal> {
        let uuid = self.workflow(cx, workflow).await?.body.draft.ok_or_else(|| no_draft(workflow))?;
        self.release(cx, &uuid).await?.ok_or_else(|| no_draft(workflow))
    }
}

/// A release.
pub(super) async fn get(handlers: &Handlers, cx: &Caller, uuid: &str) -> Result<ReleaseEnvelope, Refusal> {
    let found = handlers.release(cx, uuid).await?.ok_or_else(|| no_release(uuid))?;
    Ok(envelope(cx, found))
}

/// The deployed release of a workflow.
pub(super) async fn deployed(handlers: &Handlers, cx: &Caller, workflow: &str) -> Result<ReleaseEnvelope, Refusal> {
    Ok(envelope(cx, handlers.deployed(cx, workflow).await?))
}

/// The draft of a workflow.
pub(super) async fn draft(handlers: &Handlers, cx: &Caller, workflow: &str) -> Result<ReleaseEnvelope, Refusal> {
    Ok(envelope(cx, handlers.draft(cx, workflow).await?))
}

/// A page of the releases of a workflow.
pub(super) async fn list(
    handlers: &Handlers,
    cx: &Caller,
    workflow: &str,
    statuses: &[ReleaseStatus],
    page: (usize, usize),
) -> Result<ReleaseList, Refusal> {
    handlers.workflow(cx, workflow).await?;
    let wanted = |release: &Stored<ReleaseBody>| statuses.is_empty() || statuses.contains(&release.body.status);
    let found = handlers.page(cx, Some(workflow), wanted, page).await?;
    Ok(ReleaseList { releases: found.into_iter().map(|release| shown(cx, release)).collect() })
}

/// Updates a draft. Its nodes need not be valid before it is deployed.
pub(super) async fn update(handlers: &Handlers, cx: &Caller, body: DraftChange) -> Result<ReleaseEnvelope, Refusal> {
    settled(|| update_once(handlers, cx, body.clone())).await
}

async fn update_once(handlers: &Handlers, cx: &Caller, body: DraftChange) -> Result<ReleaseEnvelope, Refusal> {
    let DraftChange { workflow_uuid, nodes, form_fields } = body;
    let mut draft = handlers.draft(cx, &workflow_uuid).await?;
    if let Some(nodes) = nodes {
        draft.body.nodes = nodes;
    }
    draft.body.form_fields = form_fields.or(draft.body.form_fields.take());
    let changed = handlers.objects.replace(&cx.tenant, draft).await.map_err(of_objects)?;
    Ok(envelope(cx, changed))
}

/// Deploys the draft: new runs execute it, and a copy of it becomes the next draft.
pub(super) async fn deploy(handlers: &Handlers, cx: &Caller, body: Deployment) -> Result<ReleaseEnvelope, Refusal> {
    settled(|| deploy_once(handlers, cx, body.clone())).await
}

async fn deploy_once(handlers: &Handlers, cx: &Caller, body: Deployment) -> Result<ReleaseEnvelope, Refusal> {
    // Destructured completely, so that a field that the API adds does not compile until it takes effect here.
    let Deployment { workflow_uuid, version, description, nodes, form_fields } = body;
    let mut workflow = handlers.workflow(cx, &workflow_uuid).await?;
    let mut release = handlers.draft(cx, &workflow_uuid).await?;
    // Fields of the request replace those of the draft.
    release.body.nodes = nodes.unwrap_or(release.body.nodes);
    release.body.form_fields = form_fields.or(release.body.form_fields);
    let version = next(workflow.body.version.as_deref(), version.as_deref())?;
    let tools = handlers.called(cx, &release.body.nodes).await?;
    let checked = checked(&handlers.runs.of_tenant(&cx.tenant), &cx.tenant, &release.body.nodes, tools).await?;
    checked.map_err(|faults| invalid_draft(check::described(&faults)))?;
    if release.body.form_fields.is_none() {
        return Err(no_form());
    }
    let draft = New { id: fresh(), name: None, parent: Some(workflow_uuid), body: release.body.clone() };
    let mut changes = vec![Change::create(&draft)];
    if let Some(before) = &workflow.body.deployed
        && let Some(mut before) = handlers.release(cx, before).await?
    {
        before.body.status = ReleaseStatus::Archived;
        changes.push(Change::replace(&before));
    }
    release.body = ReleaseBody {
        status: ReleaseStatus::Deployed,
        version: Some(version.clone()),
        description,
        deployed_at_ms: Some(handlers.runs.clock().now_ms()),
        ..release.body
    };
    changes.push(Change::replace(&release));
    workflow.body.deployed = Some(release.id.clone());
    workflow.body.draft = Some(draft.id);
    workflow.body.version = Some(version);
    changes.push(Change::replace(&workflow));
    handlers.objects.change(&cx.tenant, changes).await.map_err(of_objects)?;
    get(handlers, cx, &release.id).await
}

/// Validates nodes as a deployment would.
pub(super) async fn validate(handlers: &Handlers, cx: &Caller, nodes: &[Node]) -> Result<Validation, Refusal> {
    let tools = handlers.called(cx, nodes).await?;
    let checked = checked(&handlers.runs.of_tenant(&cx.tenant), &cx.tenant, nodes, tools).await?;
    Ok(check::validation(checked))
}

/// The version of a release: the requested one, or the next after `before`.
fn next(before: Option<&str>, asked: Option<&str>) -> Result<String, Refusal> {
    let before = before.and_then(numbers);
    let written = |[major, minor, patch]: [u64; 3]| format!("{major}.{minor}.{patch}");
    let Some(asked) = asked else {
        let next = before.map_or(FIRST, |[major, minor, _]| [major, minor.saturating_add(1), 0]);
        return Ok(written(next));
    };
    let version = numbers(asked).ok_or_else(|| {
        invalid_version(format!("version `{asked}` is not three numbers with dots between them, such as 1.2.0"))
    })?;
    match before.filter(|before| version <= *before) {
        Some(before) => Err(invalid_version(format!("version `{asked}` is not above {}", written(before)))),
        None => Ok(written(version)),
    }
}

fn numbers(version: &str) -> Option<[u64; 3]> {
    let parts: Vec<u64> = version.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    parts.try_into().ok()
}

fn envelope(cx: &Caller, release: Stored<ReleaseBody>) -> ReleaseEnvelope {
    ReleaseEnvelope { release: shown(cx, release) }
}

fn shown(cx: &Caller, release: Stored<ReleaseBody>) -> Release {
    let ReleaseBody { status, version, description, nodes, form_fields, deployed_at_ms } = release.body;
    Release {
        uuid: release.id,
        workspace_uuid: cx.tenant.to_string(),
        workflow_uuid: release.parent.unwrap_or_default(),
        version,
        description,
        status,
        nodes,
        form_fields,
        created_at: time(release.created_at_ms),
        updated_at: time(release.updated_at_ms),
        deployed_at: deployed_at_ms.map(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_only_grow() {
        assert_eq!(next(None, None).unwrap(), "1.0.0");
        assert_eq!(next(Some("1.4.2"), None).unwrap(), "1.5.0");
        assert_eq!(next(Some("1.4.2"), Some("1.4.3")).unwrap(), "1.4.3");
        for asked in ["1.4.2", "1.4.1", "0.9.9", "1.5", "v2.0.0", "", "1.2.3.4", "99999999999999999999.0.0"] {
            assert_eq!(
                next(Some("1.4.2"), Some(asked)).unwrap_err().code.as_str(),
                "invalid_release_version",
                "{asked}"
            );
        }
    }
}
