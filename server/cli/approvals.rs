//! `runyard approvals`: what somebody is asked to agree to, newest first, page by page.

use std::num::NonZeroU32;

use clap::Args;
use clap::builder::PossibleValuesParser;
use runyard_api::runyard::types::{Approval, ApprovalList, ApprovalState};
use serde_json::json;

use super::Context;
use super::connection::{Connection, Need};
use super::failure::{Exit, Failure};
use super::output::{self, Output};

/// How many approvals the API gives at most at once.
const PAGE_MAX: u32 = 200;
/// Stands for every state.
const ANY: &str = "any";

/// Which approvals.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "`runyard approve APPROVAL` and `runyard deny APPROVAL` decide.\n\
    With --json one object per page: {\"approvals\":[...],\"next_cursor\"}, as the Runyard API answers it.")]
pub struct Arguments {
    /// Only those of this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Only approvals in this state; may be repeated [default: pending]
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(["pending", "approved", "denied", "lapsed", ANY]))]
    pub state: Vec<String>,
    /// Most approvals on a page, 1 to 200 [default: 50]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE_MAX)))]
    pub limit: Option<u32>,
    /// The page after the one that gave this cursor
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
    /// Every page, one after the other
    #[arg(long)]
    pub all: bool,
}

/// Lists approvals.
///
/// # Errors
/// The API cannot be reached, there is no such run, or the cursor is none.
pub async fn approvals(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let connection = Connection::open(context.target(), Need::Own, false).await?;
    let listed = pages(&connection, arguments, &mut context.output).await;
    connection.close().await;
    listed.map(|()| Exit::Success)
}

async fn pages(connection: &Connection, arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let mut cursor = arguments.cursor.clone();
    loop {
        let page = page(connection, arguments, cursor.as_deref()).await?;
        show(&page, output);
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
    Ok(connection.own().list_approvals(cursor, limit, arguments.run.as_deref(), states).await?.into_inner())
}

fn show(page: &ApprovalList, output: &mut Output) {
    output.object(&json!(page));
    if page.approvals.is_empty() {
        output.remark("nothing is asked");
    } else {
        let head = ["APPROVAL", "STATE", "ASKED", "RUN", "ABOUT", "NODE TYPE", "TITLE"];
        output.table(&head, page.approvals.iter().map(row).collect());
    }
}

fn row(approval: &Approval) -> Vec<String> {
    const TITLE_CHARS_MAX: usize = 60;
    let about = if approval.key.is_empty() { approval.subject.to_string() } else { output::one_line(&approval.key) };
    let title = output::one_line(approval.title.as_deref().unwrap_or_default());
    let title = match title.char_indices().nth(TITLE_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &title[..end]),
        None => title,
    };
    vec![
        approval.approval_id.clone(),
        approval.state.to_string(),
        format!("{:.0}", approval.asked_at),
        approval.run_id.clone(),
        about,
        approval.node_type.clone(),
        title,
    ]
}
