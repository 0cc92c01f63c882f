//! `runyard get`: a run as it stands, with its tree where the peer can tell it.

use std::num::NonZeroU32;

use clap::Args;
use runyard_api::arp::schemas::Run;
use runyard_client::runyard::Error;
use serde_json::{Value, json};

use super::Context;
use super::connection::{Connection, Need, Peer};
use super::failure::{Exit, Failure};
use super::output::{self, Output, faint, one_line, strong};
use super::steps::message;

/// How many node runs the API gives at most at once.
const PAGE_MAX: NonZeroU32 = NonZeroU32::new(1_000).unwrap();
/// How deep a tree is drawn before it stops moving to the right.
const INDENTED_DEPTH_MAX: u64 = 32;

/// Which run.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "With --json one object: the Run as the gateway answers it; with --tree the run as the Runyard API answers it."
)]
pub struct Arguments {
    /// The run's id
    #[arg(value_name = "RUN")]
    pub run_id: String,
    /// The whole run with every node run, from the Runyard API
    #[arg(long)]
    pub tree: bool,
}

/// Shows a run.
///
/// # Errors
/// No such run.
pub async fn get(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let need = if arguments.tree { Need::Own } else { Need::Gateway };
    let connection = Connection::open(context.target(), need, false).await?;
    let found = look(&connection, arguments).await;
    connection.close().await;
    let (run, whole) = found?;
    let output = &mut context.output;
    output.object(if arguments.tree { &whole } else { &run });
    if !output.is_json() {
        show(output, if run.is_null() { &whole } else { &run }, &whole);
    }
    Ok(Exit::Success)
}

/// The run as the gateway has it and as the Runyard API has it; null for what this peer does not have.
async fn look(connection: &Connection, arguments: &Arguments) -> Result<(Value, Value), Failure> {
    let at_url = matches!(connection.peer(), Peer::Url(_));
    let run = if arguments.tree { Value::Null } else { json!(gateways(connection, &arguments.run_id).await?) };
    let whole = if at_url && !arguments.tree {
        Value::Null
    } else {
        match tree_of(connection, &arguments.run_id).await {
            Ok(run) => run,
            Err(error) if arguments.tree => return Err(error.into()),
            // A gateway that forwards knows runs that its own server does not have.
            Err(_) => Value::Null,
        }
    };
    Ok((run, whole))
}

/// The run as the Runyard API has it, with every page of its node runs.
async fn tree_of(connection: &Connection, run_id: &str) -> Result<Value, Error> {
    let mut run = connection.own().get_run(run_id).await?.into_inner();
    while let Some(cursor) = run.next_cursor.take() {
        let page = connection.own().list_node_runs(run_id, Some(&cursor), Some(PAGE_MAX)).await?.into_inner();
        run.node_runs.extend(page.node_runs);
        run.next_cursor = page.next_cursor;
    }
    Ok(json!(run))
}

async fn gateways(connection: &Connection, run_id: &str) -> Result<Run, Failure> {
    Ok(connection.gateway().get_run(run_id).await?.into_inner())
}

fn show(output: &mut Output, run: &Value, whole: &Value) {
    let field = |name: &str| run.get(name).or_else(|| whole.get(name)).and_then(Value::as_str);
    for (label, name) in [
        ("run", "run_id"),
        ("title", "title"),
        ("came through", "face"),
        ("created", "created_at"),
        ("started", "started_at"),
        ("ended", "ended_at"),
    ] {
        if let Some(value) = field(name) {
            output.line(&format!("{} {}", faint(&format!("{label}:")), one_line(value)));
        }
    }
    output.line(&format!("{} {}", faint("state:"), output::state(field("state").unwrap_or("unknown"))));
    held(output, whole);
    tree(output, whole);
    let extension = |key: &str| run.pointer(&format!("/extensions/{key}"));
    if let Some(error) = extension("runyard.error").or_else(|| whole.get("error")) {
        output.line(&format!("{} {}", faint("error:"), one_line(&message(error))));
    }
    if let Some(outputs) = extension("runyard.outputs").or_else(|| whole.get("outputs")) {
        output.line(&faint("outputs:"));
        output.line(&output::value(outputs));
    }
}

/// What keeps it from going on, and how to let it.
fn held(output: &mut Output, whole: &Value) {
    if let Some(paused) = whole.get("paused") {
        let said = |name: &str| paused.get(name).and_then(Value::as_str).map(one_line);
        let by = said("by").map(|by| format!(" by {by}")).unwrap_or_default();
        let reason = said("reason").map(|reason| format!(": {reason}")).unwrap_or_default();
        let since = said("since").unwrap_or_default();
        output.line(&format!("{} since {since}{by}{reason}", faint("paused:")));
    }
    for approval in whole.get("approvals").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| approval.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("state") == "pending" {
            let about = if text("key").is_empty() { text("subject") } else { text("key") };
            let (label, node_type) = (faint("asked:"), one_line(text("node_type")));
            output.line(&format!("{label} {} {node_type} {}", one_line(about), strong(text("approval_id"))));
        }
    }
}

fn tree(output: &mut Output, whole: &Value) {
    let Some(node_runs) = whole.get("node_runs").and_then(Value::as_array) else { return };
    output.line(&faint("node runs:"));
    for node_run in node_runs {
        let text = |pointer: &str| node_run.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        // The order is that of creation: parents come before their children.
        let depth = node_run.get("depth").and_then(Value::as_u64).unwrap_or_default().min(INDENTED_DEPTH_MAX);
        let waits = match text("/waiting_for/reason") {
            "" => String::new(),
            reason => format!(" for {}", one_line(reason)),
        };
        let why = node_run.get("error").map(|error| format!(": {}", one_line(&message(error)))).unwrap_or_default();
        output.line(&format!(
            "{:width$}{} {}{waits}{why} {}",
            "",
            strong(text("/node_type_ref/node_type_id")),
            output::state(text("/state")),
            faint(text("/node_run_id")),
            width = 2 + 2 * usize::try_from(depth).unwrap_or_default()
        ));
    }
}
