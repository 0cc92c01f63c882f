//! `runyard cargo`: workflows for the Cargo API, from files.
//!
//! A file is JSON: `name` and `nodes`, and optionally `description`, `formFields` and `version`. Deploying calls the API's operations
//! one by one: the tool with that name, or a new one; its draft; the deployment.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use runyard_client::CallError;
use runyard_client::cargo::Client;
use runyard_client::cargo::types::{
    ApiError, DraftChange, FormField, InvalidNode, NewTool, Node, Release, Tool, ValidateNodes, ValidationOutcome,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::connection::Connection;
use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::one_line;

/// How many tools are read at once while one is looked up by its name.
const PAGE: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// What to do with workflows.
#[derive(Debug, Clone, Subcommand)]
pub enum Arguments {
    /// Deploy a workflow: create its tool unless one has that name, set the draft, deploy it
    Deploy(Deploy),
}

/// Which workflow.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  WORKFLOW=$(runyard cargo deploy greet.json)\n\n\
    The file is JSON: {\"name\": \"Greet\", \"nodes\": [...]}, and optionally \"description\", \"formFields\" and \"version\".\n\
    Standard output has the workflow's id and nothing else.\n\
    With --json one object: {\"tool\",\"release\"}, as the Cargo API answers them.")]
pub struct Deploy {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The content of such a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WorkflowFile {
    name: String,
    nodes: Vec<Node>,
    #[serde(default)]
    description: Option<String>,
    /// Absent: the tool has no form.
    #[serde(default)]
    form_fields: Vec<FormField>,
    #[serde(default)]
    version: Option<String>,
}

/// Deploys a workflow.
///
/// # Errors
/// The file cannot be read, its nodes are not valid, or the API refuses.
pub async fn cargo(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let Arguments::Deploy(Deploy { file }) = arguments;
    let workflow = read(file)?;
    let (client, connection) = Connection::cargo(context.target()).await?;
    let deployed = deploy(&client, workflow).await;
    if let Some(connection) = connection {
        connection.close().await;
    }
    let (tool, release) = deployed?;
    let output = &mut context.output;
    output.object(&json!({ "tool": tool, "release": release }));
    output.line(&one_line(&tool.workflow_uuid));
    let version = release.version.as_deref().unwrap_or_default();
    output.remark(&format!("version {version} of {} is deployed: release {}", tool.name, release.uuid));
    Ok(Exit::Success)
}

fn read(file: &Path) -> Result<WorkflowFile, Failure> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("{name} is not a workflow: {error}"))
            .advise("it is JSON with `name` and `nodes`; see `runyard cargo deploy --help`")
    })
}

async fn deploy(client: &Client, file: WorkflowFile) -> Result<(Tool, Release), Failure> {
    let WorkflowFile { name, nodes, description, form_fields, version } = file;
    let unchecked = ValidateNodes { nodes: nodes.clone(), workflow_uuid: None };
    let validation = client.validate_nodes(&unchecked).await.map_err(refused)?.into_inner();
    if validation.outcome == ValidationOutcome::NotValid {
        return Err(invalid(&validation.invalid_nodes.unwrap_or_default()));
    }
    let tool = match named(client, &name).await? {
        Some(tool) => tool,
        None => {
            let name = name.parse().map_err(|error| Failure::usage(format!("the name of the tool: {error}")))?;
            let new = NewTool { name, description: description.clone(), icon_url: None };
            client.create_tool(&new).await.map_err(refused)?.into_inner().tool
        }
    };
    let workflow_uuid = tool.workflow_uuid.clone();
    let draft = DraftChange { workflow_uuid, nodes: Some(nodes), form_fields: Some(form_fields) };
    client.update_draft_release(&draft).await.map_err(refused)?;
    let deployment = json!({ "workflowUuid": tool.workflow_uuid, "version": version, "description": description });
    let deployment = serde_json::from_value(without_nulls(deployment))
        .map_err(|error| Failure::usage(format!("the workflow cannot be deployed: {error}")))?;
    let release = client.deploy_draft_release(&deployment).await.map_err(refused)?.into_inner().release;
    Ok((tool, release))
}

/// The newest tool with this name.
async fn named(client: &Client, name: &str) -> Result<Option<Tool>, Failure> {
    let mut offset = 0;
    loop {
        let tools = client.list_tools(Some(PAGE), Some(offset)).await.map_err(refused)?.into_inner().tools;
        let seen = tools.len();
        if let Some(tool) = tools.into_iter().find(|tool| tool.name == name) {
            return Ok(Some(tool));
        }
        if seen < PAGE.get() as usize {
            return Ok(None);
        }
        offset += i32::try_from(seen).unwrap_or(i32::MAX);
    }
}

fn without_nulls(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    Value::Object(members.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

/// What is not valid about nodes, a line each.
fn invalid(nodes: &[InvalidNode]) -> Failure {
    let line = |node: &InvalidNode| {
        let about = &node.node;
        let named =
            if about.uuid.is_empty() { json!("all") } else { json!(format!("{} ({})", about.slug, about.uuid)) };
        json!({ "node": named, "reason": node.reason, "message": node.error_message })
    };
    let count = if nodes.len() == 1 { "one node is".to_owned() } else { format!("{} nodes are", nodes.len()) };
    let details = Map::from_iter([("nodes".to_owned(), nodes.iter().map(line).collect::<Value>())]);
    let failure = Failure::new("invalid_nodes", format!("{count} not valid, and nothing was deployed"));
    Failure { exit: Exit::Usage, details: Box::new(details), ..failure }
}

/// A refusal of the API, with its own message.
fn refused(error: CallError<ApiError>) -> Failure {
    let CallError::Refused { status, body, .. } = &error else { return error.into() };
    let reason = body.reason.clone().unwrap_or_else(|| "refused".to_owned());
    let message = body.error_message.clone().unwrap_or_else(|| format!("the API answered {status}"));
    let exit = if status.as_u16() == 400 { Exit::Usage } else { Exit::Failed };
    let failure = Failure { exit, ..Failure::new(&reason, message) };
    if status.as_u16() == 401 {
        return failure.advise("authenticate with --token or RUNYARD_TOKEN; `runyard keys create` creates an API key");
    }
    failure
}
