//! `runyard approvals`: approval requests, newest first, page by page. People see what they decide about: the step and its inputs.

use std::collections::HashMap;
use std::num::NonZeroU32;

use clap::Args;
use clap::builder::PossibleValuesParser;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use runyard_api::runyard::types::{Approval, ApprovalList, ApprovalState, PlannedStep, Run};
use runyard_client::runyard::Client;
use serde_json::json;

use super::connection::{Connection, FolderUse, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::inputs;
use super::lengths::{between, clock_time};
use super::output::{self, Output, faint, one_line, strong};
use super::tone;
use crate::clock::Clock;

/// The most approval requests that the API returns at once.
const PAGE_MAX: u32 = 200;
/// Stands for every state.
const ANY: &str = "any";
/// How many are read in full at the same time.
const READ_AT_ONCE: usize = 8;
/// How many steps of a plan are shown.
const STEPS_MAX: usize = 20;

/// Which approval requests.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    runyard approvals\n  \
    runyard approvals --run order-17 --state any\n\n\
    `runyard approve APPROVAL` and `runyard deny APPROVAL` decide. Values whose names say that they are secret are shown as ***.\n\
    With --json one object per page: {\"approvals\":[...],\"next_cursor\"}, as the Runyard API answers it.")]
pub struct Arguments {
    /// Only those of this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Only approval requests in this state; may be repeated [default: pending]
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(["pending", "approved", "denied", "lapsed", ANY]))]
    pub state: Vec<String>,
    /// Most approval requests on a page, 1 to 200 [default: 50]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE_MAX)))]
    pub limit: Option<u32>,
    /// The page after the one that gave this cursor
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
    /// Every page, one after the other
    #[arg(long)]
    pub all: bool,
}

/// Lists approval requests.
///
/// # Errors
/// The server cannot be reached, there is no such run, or the cursor is not valid.
pub async fn approvals(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let connection = Connection::open(context.target(), RequiredApi::Runyard, FolderUse::Read).await?;
    let listed = pages(&connection, arguments, &mut context.output).await;
    connection.close().await;
    listed.map(|()| Exit::Success)
}

async fn pages(connection: &Connection, arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let mut cursor = arguments.cursor.clone();
    loop {
        let page = page(connection, arguments, cursor.as_deref()).await?;
        output.object(&json!(page));
        if !output.is_json() {
            show(&connection.runyard(), &page, output).await?;
        }
        cursor = page.next_cursor;
        match &cursor {
            Some(cursor) if !arguments.all => {
                output.remark(&format!("there are more: --cursor {cursor}, or --all"));
                return Ok(());
            }
            Some(_) if !output.is_closed() => {}
            _ => return Ok(()),
        }
    }
}

async fn page(connection: &Connection, arguments: &Arguments, cursor: Option<&str>) -> Result<ApprovalList, Failure> {
    let states = match &arguments.state[..] {
        [] => vec![ApprovalState::Pending],
        states if states.iter().any(|state| state == ANY) => Vec::new(),
        states => states
            .iter()
            .map(|state| state.parse())
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::usage(format!("--state: {error}")))?,
    };
    let states = (!states.is_empty()).then_some(&states);
    let limit = arguments.limit.or(arguments.all.then_some(PAGE_MAX)).and_then(NonZeroU32::new);
    Ok(connection.runyard().list_approvals(cursor, limit, arguments.run.as_deref(), states).await?.into_inner())
}

/// Each with its inputs and its run, which a list does not have.
async fn show(client: &Client, page: &ApprovalList, output: &mut Output) -> Result<(), Failure> {
    if page.approvals.is_empty() {
        output.remark("no approval requests");
        return Ok(());
    }
    let whole = page.approvals.iter().map(|approval| client.get_approval(&approval.approval_id));
    let whole: Vec<_> = stream::iter(whole).buffered(READ_AT_ONCE).collect().await;
    let mut runs: HashMap<String, Run> = HashMap::new();
    let now = Timestamp::from_millisecond(Clock::system().now_ms()).unwrap_or_default();
    for approval in whole {
        let approval = approval?.into_inner();
        if !runs.contains_key(&approval.run_id) {
            runs.insert(approval.run_id.clone(), client.get_run(&approval.run_id).await?.into_inner());
        }
        lines(&approval, runs.get(&approval.run_id), now).iter().for_each(|line| output.line(line));
        output.line("");
    }
    Ok(())
}

/// What there is to know before one decides.
fn lines(approval: &Approval, run: Option<&Run>, now: Timestamp) -> Vec<String> {
    let title = approval.title.as_deref().map(|title| format!("  {}", one_line(title))).unwrap_or_default();
    let state = tone::state(&approval.state);
    let mut lines = vec![format!("{}  {state}{title}", strong(&approval.approval_id))];
    let mut fact = |label: &str, value: String| lines.push(format!("  {}{value}", output::padded(label, 9, faint)));
    if let Some(run) = run {
        let id = run.name.as_deref().unwrap_or(&run.run_id);
        let goal = run.title.as_deref().map(|goal| format!(": {goal}")).unwrap_or_default();
        fact("run", one_line(&format!("{id} through {}{goal}", run.face)));
    }
    let key = if approval.key.is_empty() { String::new() } else { format!("{} ", approval.key) };
    fact(&approval.subject.to_string().replace('_', " "), one_line(&format!("{key}{}", approval.node_type)));
    for step in approval.steps.iter().flatten().take(STEPS_MAX) {
        fact("", planned(step));
    }
    if let Some(left_out) = approval.steps.as_ref().and_then(|steps| steps.len().checked_sub(STEPS_MAX + 1)) {
        fact("", faint(&format!("and {} more", left_out + 1)));
    }
    let given = approval.inputs.as_ref().map(inputs::shown).unwrap_or_default();
    if !given.is_empty() {
        fact("inputs", given);
    }
    fact("since", format!("{}, {} ago", clock_time(approval.asked_at), between(approval.asked_at, now)));
    match approval.ended_at {
        None => fact("expires", expiry(run, now)),
        Some(ended) => {
            let by = approval.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
            let comment = approval.comment.as_deref().map(|comment| format!(": {comment}")).unwrap_or_default();
            fact("decided", one_line(&format!("{}{by}{comment}", clock_time(ended))));
        }
    }
    lines
}

fn planned(step: &PlannedStep) -> String {
    let goal = step.goal.as_deref().map(|goal| format!("  {goal}")).unwrap_or_default();
    one_line(&format!("{} {}{goal}", step.key, step.node_type))
}

/// When the request lapses: with the time limit of its run, which counts through the wait.
fn expiry(run: Option<&Run>, now: Timestamp) -> String {
    let limit_ms = run.and_then(|run| run.constraints.get("budgets")?.get("max_wall_time_ms")?.as_i64());
    let at = run.zip(limit_ms).and_then(|(run, ms)| run.created_at.checked_add(SignedDuration::from_millis(ms)).ok());
    match at {
        Some(at) if at > now => format!("{}, in {} (time limit of the run)", clock_time(at), between(now, at)),
        Some(at) => format!("{} (time limit of the run)", clock_time(at)),
        None => "never".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_request_shows_what_is_decided_since_when_and_until_when() {
        let approval = serde_json::from_value(json!({
            "approval_id": "approval_1", "run_id": "run_1", "node_run_id": "n1", "subject": "node_run", "key": "S1",
            "node_type": "mail.send", "title": "Send the invoice", "state": "pending", "asked_at": "2026-01-01T00:00:00Z",
            "inputs": { "to": "ada@example.org", "token": "hunter2" },
        }))
        .unwrap();
        let run = serde_json::from_value(json!({
            "run_id": "run_1", "name": "order-17", "face": "runyard", "node_type": "a.b", "title": "Bill the customer",
            "state": "waiting", "event_count": 1, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            "inputs": {}, "constraints": { "budgets": { "max_wall_time_ms": 3_600_000 } }, "root_node_run_id": "n0", "node_runs": [],
        }))
        .unwrap();
        let now = "2026-01-01T00:10:00Z".parse().unwrap();
        let text = anstream::adapter::strip_str(&lines(&approval, Some(&run), now).join("\n")).to_string();
        insta::assert_snapshot!(text, @r#"
        approval_1  pending  Send the invoice
          run      order-17 through runyard: Bill the customer
          node run S1 mail.send
          inputs   to: "ada@example.org", token: ***
          since    2026-01-01 00:00:00Z, 10 min 00 s ago
          expires  2026-01-01 01:00:00Z, in 50 min 00 s (time limit of the run)
        "#);
    }
}
