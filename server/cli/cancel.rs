//! `runyard cancel`: cancel a run.

use clap::Args;
use runyard_api::arp::schemas::RunState;
use serde_json::json;

use super::connection::{Connection, FolderUse, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::strong;
use super::tone;

/// Which run.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  runyard cancel order-17\n\n\
    A run that has ended stays as it is, and that is no error. With --json one object: the Run as the gateway answers it.")]
pub struct Arguments {
    /// The run's id
    #[arg(value_name = "RUN")]
    pub run_id: String,
}

/// Cancels a run.
///
/// # Errors
/// No such run.
pub async fn cancel(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let connection = Connection::open(context.target(), RequiredApi::Gateway, FolderUse::Read).await?;
    let canceled = connection.cancel(&arguments.run_id).await;
    connection.close().await;
    let run = canceled?;
    let output = &mut context.output;
    output.object(&json!(run));
    output.line(&format!("run {} {}", strong(&run.run_id), tone::state(&run.state)));
    match run.state {
        RunState::Succeeded | RunState::Failed => output.remark("it had ended before; nothing was changed"),
        // Running where a server cancels step by step.
        RunState::Canceled | RunState::Queued | RunState::Running => {}
    }
    Ok(Exit::Success)
}
