//! `runyard pause` and `runyard resume`: whether new steps of a run may begin.

use clap::Args;
use runyard_api::runyard::types::{ReasonGiven, Run, RunState};
use serde_json::json;

use super::connection::{Connection, FolderUse, Peer, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::strong;
use super::tone;

/// Which run.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  runyard pause order-17 --reason maintenance\n\n\
    Steps that are running finish and are recorded; time limits continue to count. Pausing again changes nothing.\n\
    With --json one object: the Run as the Runyard API answers it.")]
pub struct Arguments {
    /// The run's id
    #[arg(value_name = "RUN")]
    pub run_id: String,
    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Which run.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Example:\n  runyard resume order-17\n\nA run that is not paused stays as it is, and that is no error.\n\
    With --json one object: the Run as the Runyard API answers it."
)]
pub struct Resume {
    /// The run's id
    #[arg(value_name = "RUN")]
    pub run_id: String,
}

/// Pauses a run.
///
/// # Errors
/// No such run, or one that has ended.
pub async fn pause(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let body = ReasonGiven { reason: super::texts::text("--reason", arguments.reason.as_deref())? };
    let connection = Connection::open(context.target(), RequiredApi::Runyard, FolderUse::Read).await?;
    let paused = connection.runyard().pause_run(&arguments.run_id, Some(&body)).await;
    connection.close().await;
    let run = paused?.into_inner();
    show(&run, context);
    if run.state == RunState::Running {
        context.output.remark("steps that are running finish; no new step begins");
    }
    context.output.remark(&format!("`runyard resume {}` resumes it", arguments.run_id));
    Ok(Exit::Success)
}

/// Resumes a run.
///
/// # Errors
/// No such run.
pub async fn resume(arguments: &Resume, context: &mut Context) -> Result<Exit, Failure> {
    let connection = Connection::open(context.target(), RequiredApi::Runyard, FolderUse::Read).await?;
    let resumed = connection.runyard().resume_run(&arguments.run_id).await;
    let peer = connection.peer();
    connection.close().await;
    let run = resumed?.into_inner();
    show(&run, context);
    if peer == Peer::Here && run.ended_at.is_none() {
        context.output.remark(&recorded(context));
    }
    Ok(Exit::Success)
}

/// The remark where no server executes the run.
pub(super) fn recorded(context: &Context) -> String {
    let folder = context.loaded.config.data_dir.display();
    format!("recorded; no server owns {folder}, so it waits: `runyard serve` executes it")
}

fn show(run: &Run, context: &mut Context) {
    let output = &mut context.output;
    output.object(&json!(run));
    let paused = if run.paused.is_some() { ", paused" } else { "" };
    output.line(&format!("run {} {}{paused}", strong(&run.run_id), tone::state(&run.state)));
}
