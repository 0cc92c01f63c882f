//! `runyard approve` and `runyard deny`: decide an approval request.

use clap::Args;
use runyard_api::runyard::types::{Approval, DecisionGiven, Verdict};
use serde_json::json;

use super::connection::{Connection, FolderUse, Peer, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::{one_line, strong};
use super::request::object;
use super::texts::text;
use super::tone;
use crate::codes::Code;

/// What to approve.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Example:\n  runyard approve approval_1bf0a33fbe6b85729c2ce8ff714d65a2 --comment \"as agreed\"\n\n\
    A decision is final: repeating it changes nothing, the opposite is refused. The approver is recorded. With --input the\n\
    call gets other inputs than it asked for; they must fit its node type.\n\
    With --json one object: the Approval as the Runyard API answers it."
)]
pub struct Approve {
    /// The approval's id, as `runyard approvals` lists it
    #[arg(value_name = "APPROVAL")]
    pub approval_id: String,
    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// The inputs to approve in place of the requested ones, as a JSON object
    #[arg(long, value_name = "JSON")]
    pub input: Option<String>,
}

/// What to deny.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Example:\n  runyard deny approval_1bf0a33fbe6b85729c2ce8ff714d65a2 --reason \"too expensive\"\n\n\
    The run is canceled with the code `denied`. A decision is final: repeating it changes nothing, the opposite is refused.\n\
    With --json one object: the Approval as the Runyard API answers it."
)]
pub struct Deny {
    /// The approval's id, as `runyard approvals` lists it
    #[arg(value_name = "APPROVAL")]
    pub approval_id: String,
    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Approves.
///
/// # Errors
/// No such approval request, or it was decided otherwise.
pub async fn approve(arguments: &Approve, context: &mut Context) -> Result<Exit, Failure> {
    let comment = text("--comment", arguments.comment.as_deref())?;
    let inputs = arguments.input.as_deref().map(|text| object("--input", text)).transpose()?;
    decide(&arguments.approval_id, DecisionGiven { decision: Verdict::Approved, comment, inputs }, context).await
}

/// Denies.
///
/// # Errors
/// No such approval request, or it was decided otherwise.
pub async fn deny(arguments: &Deny, context: &mut Context) -> Result<Exit, Failure> {
    let comment = text("--reason", arguments.reason.as_deref())?;
    decide(&arguments.approval_id, DecisionGiven { decision: Verdict::Denied, comment, inputs: None }, context).await
}

async fn decide(approval_id: &str, body: DecisionGiven, context: &mut Context) -> Result<Exit, Failure> {
    let connection = Connection::open(context.target(), RequiredApi::Runyard, FolderUse::Read).await?;
    let decided = connection.runyard().decide_approval(approval_id, &body).await;
    let peer = connection.peer();
    connection.close().await;
    let approval = decided.map_err(refused)?.into_inner();
    show(&approval, context);
    if peer == Peer::Here && body.decision == Verdict::Approved {
        context.output.remark(&super::pause::recorded(context));
    }
    Ok(Exit::Success)
}

fn show(approval: &Approval, context: &mut Context) {
    let output = &mut context.output;
    output.object(&json!(approval));
    let what = if approval.key.is_empty() {
        approval.node_type.clone()
    } else {
        format!("{} {}", approval.key, approval.node_type)
    };
    let (state, run) = (tone::state(&approval.state), strong(&approval.run_id));
    output.line(&format!("{state} {} in run {run}", one_line(&what)));
}

fn refused(error: runyard_client::runyard::Error) -> Failure {
    let failure = Failure::from(error);
    match Code::parse(&failure.code) {
        Some(Code::ApprovalNotFound) => failure.advise("`runyard approvals` lists the pending approval requests"),
        _ => failure,
    }
}
