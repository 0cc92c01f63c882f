//! `runyard run`: start, watch, result.

use clap::Args;
use runyard_api::arp::schemas::{Run, RunStartRequest};
use runyard_client::run_gateway::{Error, StartRunRequest};
use serde_json::json;
use uuid::Uuid;

use super::connection::{Connection, FolderUse, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::follow::{Follow, FollowEnd, Stop};
use super::outcome;
use super::output::{Output, faint, strong};
use super::request::RunArguments;
use super::signals::Signals;
use crate::codes::Code;

/// What to run.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    runyard run \"Generate a UUID, then return it.\"\n  \
    runyard run --node-type runyard.core.sleep --input '{\"seconds\": 2}'\n  \
    ID=$(runyard run --quiet \"Generate a UUID, then return it.\")\n\n\
    Steps go to standard error, the result to standard output. Ctrl-C cancels the run.\n\
    Exit code 0: succeeded; 1: failed, partial or canceled.\n\
    With --json one object per line: {\"kind\":\"run\",\"run\"}, then {\"kind\":\"event\",\"event\"} for each event of the run gateway, and last\n\
    {\"kind\":\"result\",\"run\",\"outputs\",\"error\"}.")]
pub struct Arguments {
    /// What to run.
    #[command(flatten)]
    pub wanted: RunArguments,
    /// Show only the result
    #[arg(long, short)]
    pub quiet: bool,
}

/// Runs to the end.
///
/// # Errors
/// It cannot be started, or its events are lost. A run that fails is an exit code and not an error.
pub async fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let request = arguments.wanted.request(&context.loaded.config.client.planner)?;
    let mut signals = Signals::listen()?;
    let Some(connection) =
        signals.unless(Connection::open(context.target(), RequiredApi::Gateway, FolderUse::Execute)).await
    else {
        return Ok(Exit::Interrupted);
    };
    let connection = connection?;
    let done = run_over(&connection, &request, arguments, &mut signals, &mut context.output).await;
    connection.close().await;
    done
}

async fn run_over(
    connection: &Connection,
    request: &RunStartRequest,
    arguments: &Arguments,
    signals: &mut Signals,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let Some(run) = signals.unless(start_once(connection, request)).await else {
        output.remark("interrupted before it was known whether the run was started; `runyard list` shows it if it was");
        return Ok(Exit::Interrupted);
    };
    let run = run?;
    if !arguments.quiet {
        output.object(&json!({ "kind": "run", "run": run }));
        let node_type = &request.root_node_type_ref.node_type_id;
        output.progress(&format!("run {} {}", strong(&run.run_id), faint(node_type)));
    }
    let (stop, shown) = (Stop::Cancels, !arguments.quiet);
    let follow = Follow { connection, signals, run_id: &run.run_id, after: 0, stop, shown };
    match follow.until_end(output).await? {
        FollowEnd::Ended(ended) => {
            let exit = outcome::show(output, &ended, arguments.quiet);
            let planner = &request.root_node_type_ref.node_type_id;
            if outcome::failed_without_a_reason(&ended.run) && arguments.wanted.node_type.is_none() {
                output.remark(&format!(
                    "this gateway may not have the planner `{planner}`: name one that it has with --node-type ID@VERSION, or set client.planner"
                ));
            }
            Ok(exit)
        }
        FollowEnd::Left => Ok(Exit::Failed),
        FollowEnd::Forced => Ok(Exit::Interrupted),
    }
}

/// Starts a run. The idempotency key makes a second attempt, over another connection, start nothing new.
pub(super) async fn start_once(connection: &Connection, request: &RunStartRequest) -> Result<Run, Failure> {
    let start = StartRunRequest { idempotency_key: Some(Uuid::new_v4().to_string()), body: request.clone() };
    let started = match start.send(&connection.gateway()).await {
        Err(error) if connection.renew(&error).await => start.send(&connection.gateway()).await,
        started => started,
    };
    Ok(started.map_err(not_started)?.into_inner())
}

fn not_started(error: Error) -> Failure {
    let failure = Failure::from(error);
    match Code::parse(&failure.code) {
        Some(Code::UnknownNodeType) => failure.advise("`runyard nodes` lists the node types"),
        _ => failure,
    }
}
