//! `runyard list`: runs, newest first, page by page.

use std::num::NonZeroU32;

use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use runyard_api::runyard::types::{RunList, RunState, RunSummary};
use serde_json::json;

use super::connection::{Connection, FolderUse, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::inputs;
use super::lengths::{self, between, clock_time};
use super::output::{self, Output};
use crate::clock::Clock;

/// The most runs that the API returns at once.
const PAGE_MAX: u32 = 200;
/// How many runs are shown where the caller does not say.
const LIMIT: usize = 50;
/// How many runs are read at most for filters that the API does not have.
const READ_MAX: usize = 20_000;
/// How much of a title is shown, characters.
const TITLE_CHARS_MAX: usize = 60;

/// Which runs.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    runyard list --state failed --since 1d\n  \
    runyard list --label team:billing --text invoice\n  \
    runyard list --longer-than 10m --all --json\n\n\
    With --json one object per page: {\"runs\":[...],\"next_cursor\"}, as the Runyard API answers it; with --text or --longer-than each \
    page has only the runs that fit.")]
pub struct Arguments {
    /// Only runs in this state; may be repeated
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(["queued", "running", "waiting", "succeeded", "partial", "nothing_achieved", "failed", "canceled"]))]
    pub state: Vec<String>,
    /// Only runs with this label; may be repeated to narrow the list further
    #[arg(long, value_name = "NAME:VALUE")]
    pub label: Vec<String>,
    /// Only runs with this text in their title, id, node type or reason
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// Only runs created since then: a time such as 2026-03-01T09:00:00Z, or a length such as 2h
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only runs created before then, in the same form
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only runs that took, or have taken so far, longer than this, for example 10m
    #[arg(long, value_name = "LENGTH", value_parser = lengths::read)]
    pub longer_than: Option<i64>,
    /// Only runs started through this API, for example run-gateway
    #[arg(long, value_name = "API", alias = "face")]
    pub api: Option<String>,
    /// Only runs whose root has this node type
    #[arg(long, value_name = "ID")]
    pub node_type: Option<String>,
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

impl Arguments {
    /// Whether pages have to be filtered here.
    fn is_filtered(&self) -> bool {
        self.text.is_some() || self.longer_than.is_some()
    }

    /// Whether a run fits the filters that the API does not have.
    fn fits(&self, run: &RunSummary, now: Timestamp) -> bool {
        let took_ms = run.ended_at.unwrap_or(now).as_millisecond() - run.created_at.as_millisecond();
        let long_enough = self.longer_than.is_none_or(|least_ms| took_ms > least_ms);
        let text = self.text.as_ref().map(|text| text.to_lowercase());
        let has_text = text.is_none_or(|text| {
            let texts = [&run.title, &run.name, &run.reason].into_iter().flatten();
            texts.chain([&run.run_id, &run.node_type]).any(|one| one.to_lowercase().contains(&text))
        });
        long_enough && has_text
    }
}

/// Lists runs.
///
/// # Errors
/// The server cannot be reached, or the cursor is not valid.
pub async fn list(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let connection = Connection::open(context.target(), RequiredApi::Runyard, FolderUse::Read).await?;
    let listed = pages(&connection, arguments, &mut context.output).await;
    connection.close().await;
    listed.map(|()| Exit::Success)
}

async fn pages(connection: &Connection, arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let now = Timestamp::from_millisecond(Clock::system().now_ms()).unwrap_or_default();
    let mut cursor = arguments.cursor.clone();
    let wanted = arguments.limit.map_or(LIMIT, |limit| limit as usize);
    let (mut read, mut shown) = (0, 0);
    if arguments.is_filtered() {
        output.begin("reading runs");
    }
    loop {
        let mut page = page(connection, arguments, cursor.as_deref(), now).await?;
        read += page.runs.len();
        page.runs.retain(|run| arguments.fits(run, now));
        shown += page.runs.len();
        cursor = page.next_cursor.as_ref().map(|cursor| cursor.to_string());
        // A page in which no run fits says nothing to people; programs see every page.
        if !page.runs.is_empty() || output.is_json() || (cursor.is_none() && shown == 0) {
            show(&page, now, output);
        }
        let Some(next) = &cursor else { return Ok(()) };
        let is_enough = !arguments.is_filtered() || shown >= wanted || read >= READ_MAX;
        if !arguments.all && is_enough {
            output.remark(&format!("there are more: --cursor {next}, or --all"));
            return Ok(());
        }
        if output.is_closed() {
            return Ok(());
        }
    }
}

async fn page(
    connection: &Connection,
    arguments: &Arguments,
    cursor: Option<&str>,
    now: Timestamp,
) -> Result<RunList, Failure> {
    let states = arguments.state.iter().map(|state| state.parse::<RunState>()).collect::<Result<Vec<_>, _>>();
    let states = states.map_err(|error| Failure::usage(format!("--state: {error}")))?;
    if let Some(label) = arguments.label.iter().find(|label| !label.contains(':')) {
        return Err(Failure::usage(format!("--label {label:?} is not NAME:VALUE")));
    }
    let labels = (!arguments.label.is_empty()).then_some(&arguments.label);
    let largest = arguments.all || (arguments.is_filtered() && arguments.limit.is_none());
    let limit = arguments.limit.or(largest.then_some(PAGE_MAX)).and_then(NonZeroU32::new);
    let since = arguments.since.as_deref().map(|text| moment("--since", text, now)).transpose()?;
    let until = arguments.until.as_deref().map(|text| moment("--until", text, now)).transpose()?;
    let (api, node_type) = (arguments.api.as_deref(), arguments.node_type.as_deref());
    let states = (!states.is_empty()).then_some(&states);
    let client = connection.runyard();
    let listed =
        client.list_runs(since.as_ref(), until.as_ref(), cursor, api, labels, limit, node_type, None, None, states);
    Ok(listed.await?.into_inner())
}

/// A time, or as long ago as this.
fn moment(flag: &str, text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let ago = lengths::read(text).ok().and_then(|ms| Timestamp::from_millisecond(now.as_millisecond() - ms).ok());
    ago.ok_or_else(|| {
        Failure::usage(format!("{flag} {text:?} is not a time"))
            .advise("write a time such as 2026-03-01T09:00:00Z, or a length of time such as 2h or 7d")
    })
}

fn show(page: &RunList, now: Timestamp, output: &mut Output) {
    output.object(&json!(page));
    if page.runs.is_empty() {
        output.remark("no runs");
    } else {
        let head = ["RUN", "STATE", "CREATED", "DURATION", "NODE TYPE", "TITLE"];
        output.table(&head, page.runs.iter().map(|run| row(run, now)).collect());
    }
}

fn row(run: &RunSummary, now: Timestamp) -> Vec<String> {
    let state = match &run.reason {
        Some(reason) if *reason != run.state.to_string() => format!("{} ({reason})", run.state),
        _ => run.state.to_string(),
    };
    let title = inputs::cut(&output::one_line(run.title.as_deref().unwrap_or_default()), TITLE_CHARS_MAX);
    let id = run.name.clone().unwrap_or_else(|| run.run_id.clone());
    let took = between(run.created_at, run.ended_at.unwrap_or(now));
    vec![id, state, clock_time(run.created_at), took, run.node_type.clone(), title]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(title: &str, took_ms: i64) -> RunSummary {
        let ended = Timestamp::from_millisecond(took_ms).unwrap();
        serde_json::from_value(json!({
            "run_id": "run_1", "face": "runyard", "node_type": "a.b", "title": title, "state": "succeeded", "event_count": 1,
            "created_at": Timestamp::UNIX_EPOCH, "updated_at": ended, "ended_at": ended,
        }))
        .unwrap()
    }

    #[test]
    fn text_and_duration_narrow_a_page() {
        let wanted = Arguments { text: Some("INVOICE".to_owned()), longer_than: Some(1_000), ..Arguments::default() };
        for (title, took_ms, fits) in
            [("Send the invoice", 1_001, true), ("Send the invoice", 1_000, false), ("Send it", 5_000, false)]
        {
            assert_eq!(wanted.fits(&run(title, took_ms), Timestamp::UNIX_EPOCH), fits, "{title} {took_ms}");
        }
    }

    #[test]
    fn a_moment_is_a_time_or_a_length_before_now() {
        let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        assert_eq!(moment("--since", "2h", now).unwrap(), "2026-03-02T10:00:00Z".parse().unwrap());
        let time = "2026-03-01T09:00:00Z";
        assert_eq!(moment("--since", time, now).unwrap(), time.parse().unwrap());
        assert!(moment("--since", "yesterday", now).unwrap_err().message.contains("--since \"yesterday\""));
    }
}
