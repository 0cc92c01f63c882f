//! `runyard get`: a run as it stands: its result first, then its tree where the peer has the Runyard API.

use clap::Args;
use jiff::Timestamp;
use runyard_api::arp::schemas::Run;
use runyard_client::runyard::types as own;
use serde_json::{Value, json};

use super::connection::{Connection, FolderUse, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::lengths::{between, clock_time};
use super::output::{self, Output, faint, one_line, strong};
use super::steps::message;
use super::{inputs, outcome, tone, tree};
use crate::clock::Clock;

/// How many lines of a tree are drawn without `--tree`.
const LINES_MAX: usize = 50;

/// Which run.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    runyard get order-17\n  \
    runyard get order-17 --tree --json\n\n\
    With --json one object: the Run as the gateway answers it; with --tree the run as the Runyard API answers it.")]
pub struct Arguments {
    /// The run's id
    #[arg(value_name = "RUN")]
    pub run_id: String,
    /// Every node run, however many there are
    #[arg(long)]
    pub tree: bool,
}

/// A run as far as the peer shows it.
enum FoundRun {
    Gateway(Box<Run>),
    Runyard(Box<own::Run>),
}

/// Shows a run.
///
/// # Errors
/// No such run.
pub async fn get(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let need = if arguments.tree { RequiredApi::Runyard } else { RequiredApi::Gateway };
    let connection = Connection::open(context.target(), need, FolderUse::Read).await?;
    let found = find(&connection, arguments, context.output.is_json()).await;
    connection.close().await;
    let output = &mut context.output;
    match found? {
        FoundRun::Gateway(run) => {
            output.object(&json!(run));
            show_gateways(output, &json!(run));
        }
        FoundRun::Runyard(run) => {
            output.object(&json!(run));
            if !output.is_json() {
                let lines_max = if arguments.tree { usize::MAX } else { LINES_MAX };
                show(output, &run, arguments, lines_max);
            }
        }
    }
    Ok(Exit::Success)
}

async fn find(connection: &Connection, arguments: &Arguments, json: bool) -> Result<FoundRun, Failure> {
    let id = &arguments.run_id;
    if arguments.tree {
        return Ok(FoundRun::Runyard(Box::new(tree::whole(&connection.runyard(), id).await?)));
    }
    if !json && let Some(client) = connection.runyard_if_served() {
        // A gateway that forwards knows runs that its own server does not have.
        if let Ok(run) = tree::whole(&client, id).await {
            return Ok(FoundRun::Runyard(Box::new(run)));
        }
    }
    Ok(FoundRun::Gateway(Box::new(connection.gateway().get_run(id).await?.into_inner())))
}

/// What a run gateway shows: no tree.
fn show_gateways(output: &mut Output, run: &Value) {
    let extension = |key: &str| run.pointer(&format!("/extensions/{key}"));
    result(output, extension("runyard.error"), extension("runyard.outputs"));
    for (label, name) in [("run", "run_id"), ("state", "state"), ("started", "started_at"), ("ended", "ended_at")] {
        if let Some(value) = run.get(name).and_then(Value::as_str) {
            fact(output, label, &one_line(value));
        }
    }
}

fn show(output: &mut Output, run: &own::Run, arguments: &Arguments, lines_max: usize) {
    let now = Timestamp::from_millisecond(Clock::system().now_ms()).unwrap_or_default();
    let error = run.error.as_ref().map(|error| json!(error));
    let outputs = run.outputs.as_ref().map(|outputs| json!(outputs));
    result(output, error.as_ref(), outputs.as_ref());
    let id = match &run.name {
        Some(name) => format!("{} ({})", strong(name), one_line(&run.run_id)),
        None => strong(&run.run_id),
    };
    fact(output, "run", &id);
    if let Some(title) = run.title.as_deref().filter(|title| !title.is_empty()) {
        fact(output, "title", &one_line(title));
    }
    fact(output, "state", &state(run, now));
    fact(output, "created", &format!("{} through {}", clock_time(run.created_at), one_line(&run.face)));
    if let Some(labels) = &run.labels {
        let pair = |(name, values): (&String, &Vec<String>)| format!("{name}:{}", values.join(","));
        let labels: Vec<String> = labels.iter().map(pair).collect();
        fact(output, "labels", &one_line(&labels.join(" ")));
    }
    pending(output, run, arguments, now);
    let (lines, left_out) = tree::drawn(run, now, lines_max);
    output.line("");
    lines.iter().for_each(|line| output.line(line));
    if left_out > 0 {
        output.line(&faint(&format!("and {left_out} more: `runyard get {} --tree` shows all", arguments.run_id)));
    }
}

/// Its state, and how long it took or has taken so far.
fn state(run: &own::Run, now: Timestamp) -> String {
    let reason = run.reason.as_deref().filter(|reason| *reason != run.state.to_string());
    let reason = reason.map(|reason| format!(" ({})", one_line(reason))).unwrap_or_default();
    let took = match run.ended_at {
        Some(ended) => format!(" after {}", between(run.created_at, ended)),
        None => format!(" since {}", between(run.created_at, now)),
    };
    format!("{}{reason}{took}", tone::state(&run.state))
}

/// The result, or why the run has no result, before anything else.
fn result(output: &mut Output, error: Option<&Value>, outputs: Option<&Value>) {
    if let Some(error) = error {
        output.line(&one_line(&message(error)));
    }
    if let Some(outputs) = outputs {
        output.line(&output::value(outcome::result(outputs)));
    }
    if error.is_some() || outputs.is_some() {
        output.line("");
    }
}

/// What the run waits for, with the command that answers it.
fn pending(output: &mut Output, run: &own::Run, arguments: &Arguments, now: Timestamp) {
    let id = &arguments.run_id;
    if let Some(paused) = &run.paused {
        let by = paused.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        let reason = paused.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let since = between(paused.since, now);
        fact(output, "paused", &format!("for {since}{}; `runyard resume {id}`", one_line(&format!("{by}{reason}"))));
    }
    if let Some(question) = run.waiting_on.as_ref().and_then(|waiting| waiting.question.as_deref()) {
        fact(output, "question", &format!("{}; `runyard answer {id} TEXT`", strong(&inputs::cut(question, 400))));
    }
    let approvals = run.approvals.iter().flatten();
    for approval in approvals.filter(|approval| approval.state == own::ApprovalState::Pending) {
        let about = if approval.key.is_empty() { approval.subject.to_string() } else { approval.key.clone() };
        let what = one_line(&format!("{about} {}", approval.node_type));
        fact(output, "approval", &format!("{what}; `runyard approve {}`", strong(&approval.approval_id)));
    }
}

fn fact(output: &mut Output, label: &str, value: &str) {
    output.line(&format!("{}{value}", output::padded(label, 10, faint)));
}
