//! `runyard list`: runs, newest first, page by page.

use std::num::NonZeroU32;

use clap::Args;
use clap::builder::PossibleValuesParser;
use runyard_api::runyard::types::{RunList, RunState, RunSummary};
use serde_json::json;

use super::Context;
use super::connection::{Connection, Need};
use super::failure::{Exit, Failure};
use super::output::{self, Output};

/// How many runs the API gives at most at once.
const PAGE_MAX: u32 = 200;

/// Which runs.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "With --json one object per page: {\"runs\":[...],\"next_cursor\"}, as the Runyard API answers it."
)]
pub struct Arguments {
    /// Only runs in this state; may be repeated
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(["queued", "running", "waiting", "succeeded", "partial", "nothing_achieved", "failed", "canceled"]))]
    pub state: Vec<String>,
    /// Only runs that came through this API, for example run-gateway
    #[arg(long, value_name = "DOOR")]
    pub face: Option<String>,
    /// Only runs whose root has this node type
    #[arg(long, value_name = "ID")]
    pub node_type: Option<String>,
    /// Only runs with this label; may be repeated to narrow the list further
    #[arg(long, value_name = "NAME:VALUE")]
    pub label: Vec<String>,
    /// Most runs on a page, 1 to 200 [default: 50]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE_MAX)))]
    pub limit: Option<u32>,
    /// The page after the one that gave this cursor
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
    /// Every page, one after the other
    #[arg(long)]
    pub all: bool,
}

/// Lists runs.
///
/// # Errors
/// The API cannot be reached, or the cursor is none.
pub async fn list(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
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
        cursor = page.next_cursor.map(|cursor| cursor.to_string());
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

async fn page(connection: &Connection, arguments: &Arguments, cursor: Option<&str>) -> Result<RunList, Failure> {
    let states = arguments.state.iter().map(|state| state.parse::<RunState>()).collect::<Result<Vec<_>, _>>();
    let states = states.map_err(|error| Failure::usage(format!("--state: {error}")))?;
    if let Some(label) = arguments.label.iter().find(|label| !label.contains(':')) {
        return Err(Failure::usage(format!("--label {label:?} is not NAME:VALUE")));
    }
    let labels = (!arguments.label.is_empty()).then_some(&arguments.label);
    let limit = arguments.limit.or(arguments.all.then_some(PAGE_MAX)).and_then(NonZeroU32::new);
    let (face, node_type) = (arguments.face.as_deref(), arguments.node_type.as_deref());
    let states = (!states.is_empty()).then_some(&states);
    let listed =
        connection.own().list_runs(None, None, cursor, face, labels, limit, node_type, None, None, states).await;
    Ok(listed?.into_inner())
}

fn show(page: &RunList, output: &mut Output) {
    output.object(&json!(page));
    if page.runs.is_empty() {
        output.remark("no runs");
    } else {
        output.table(&["RUN", "STATE", "CREATED", "EVENTS", "NODE TYPE", "TITLE"], page.runs.iter().map(row).collect());
    }
}

fn row(run: &RunSummary) -> Vec<String> {
    const TITLE_CHARS_MAX: usize = 60;
    let state = match &run.reason {
        Some(reason) if *reason != run.state.to_string() => format!("{} ({reason})", run.state),
        _ => run.state.to_string(),
    };
    let title = output::one_line(run.title.as_deref().unwrap_or_default());
    let title = match title.char_indices().nth(TITLE_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &title[..end]),
        None => title,
    };
    let id = run.name.clone().unwrap_or_else(|| run.run_id.clone());
    vec![id, state, format!("{:.0}", run.created_at), run.event_count.to_string(), run.node_type.clone(), title]
}
