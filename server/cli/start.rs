//! `runyard start`: start a run and return at once.

use clap::Args;
use serde_json::json;

use super::connection::{Connection, FolderUse, Peer, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::one_line;
use super::request::RunArguments;
use super::run::start_once;

/// What to start.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    runyard start \"Sleep for 5 seconds, then generate a UUID.\" --run-id order-17\n  \
    runyard start \"Generate a UUID.\" --url http://runs.example:8092\n\n\
    Without a server that owns the data folder the run is recorded, and executed when there is one.\n\
    With --json one object: the Run as the gateway answers it.")]
pub struct Arguments {
    /// What to start.
    #[command(flatten)]
    pub wanted: RunArguments,
}

/// Starts a run.
///
/// # Errors
/// When it cannot be started.
pub async fn start(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let request = arguments.wanted.request(&context.loaded.config.client.planner)?;
    // Nothing is executed here: it would only be cut off when this command ends.
    let connection = Connection::open(context.target(), RequiredApi::Gateway, FolderUse::Record).await?;
    let started = start_once(&connection, &request).await;
    let peer = connection.peer();
    connection.close().await;
    let run = started?;
    let output = &mut context.output;
    output.object(&json!(run));
    output.line(&one_line(&run.run_id));
    output.remark(&match peer {
        Peer::Here => {
            let folder = context.loaded.config.data_dir.display();
            format!("recorded; no server owns {folder}, so it waits: `runyard serve` executes it, and so does `runyard watch {}`", run.run_id)
        }
        Peer::Owner(_) | Peer::Url(_) => format!("started; `runyard watch {}` follows it", run.run_id),
    });
    Ok(Exit::Success)
}
