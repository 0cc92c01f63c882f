//! `runyard answer`: answer a question of a run.

use clap::Args;
use runyard_api::runyard::types::InputGiven;
use serde_json::json;

use super::connection::{Connection, FolderUse, Peer, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::{one_line, strong};
use super::tone;

/// What to answer.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  runyard answer order-17 \"The blue one.\"\n\n\
    `runyard list --state waiting` shows the runs that wait for input, `runyard get RUN` their question.\n\
    With --json one object: the Run as the Runyard API answers it.")]
pub struct Arguments {
    /// The run's id
    #[arg(value_name = "RUN")]
    pub run_id: String,
    /// The answer
    #[arg(value_name = "TEXT")]
    pub text: String,
    /// The node run with the question, where the run has several open questions
    #[arg(long, value_name = "ID")]
    pub node_run: Option<String>,
}

/// Answers a question.
///
/// # Errors
/// No such run, or it has no open question.
pub async fn answer(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let input = arguments.text.parse().map_err(|error| Failure::usage(format!("TEXT is not valid: {error}")))?;
    let node_run_id = super::texts::text("--node-run", arguments.node_run.as_deref())?;
    let body = InputGiven { input, node_run_id };
    let connection = Connection::open(context.target(), RequiredApi::Runyard, FolderUse::Read).await?;
    let answered = connection.runyard().deliver_input(&arguments.run_id, &body).await;
    let peer = connection.peer();
    connection.close().await;
    let run = answered?.into_inner();
    let output = &mut context.output;
    output.object(&json!(run));
    output.line(&format!("answered; run {} is {}", strong(&one_line(&run.run_id)), tone::state(&run.state)));
    if peer == Peer::Here && run.ended_at.is_none() {
        context.output.remark(&super::pause::recorded(context));
    }
    Ok(Exit::Success)
}
