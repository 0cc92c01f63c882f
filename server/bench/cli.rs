//! The command line: what is measured, and figures on their way to a reader.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use runyard::cli::failure::{Exit, Failure, with_causes};
use runyard::cli::output::Output;
use runyard::clock::{Clock, Stopwatch};
use runyard::config::Config;
use runyard::store::folder::Folder;
use runyard::store::location::StoreUrl;
use runyard::{logging, open_files};
use serde_json::json;

use crate::fill::{self, FillCounts};
use crate::{Bench, BenchError, Fact, Figure, Machine, Report, Scenario, figure};

/// Log lines below this level are not shown: the output is for reading.
const LOG_FILTER: &str = "warn";
/// How long threads that still block are waited for at the end.
const THREADS_END_WITHIN: Duration = Duration::from_secs(1);

/// Measures how fast this build of Runyard is on this machine.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "runyard-bench",
    version,
    after_help = "A server is started in a temporary folder (TMPDIR) for each figure, and its yardsticks are measured in the same run: quote the \
    ratios. With --url that server is measured, and no yardsticks are.\n\
    With --json one object a line: {\"kind\":\"machine\"}, then {\"kind\":\"figure\"} and {\"kind\":\"ratio\"} as they are found."
)]
pub struct Arguments {
    /// What to do
    #[command(subcommand)]
    command: Command,
    /// Print one JSON object a line instead of tables
    #[arg(long, global = true)]
    json: bool,
    /// Measure the run gateway at this URL instead of servers of its own. RUNYARD_URL is not read: it is the address of the Runyard API
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// A credential for that server
    #[arg(long, global = true, value_name = "TOKEN", env = "RUNYARD_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// How many connections at once; may be repeated, or listed with commas [default: depends on what is measured]
    #[arg(long, global = true, value_name = "COUNT", value_delimiter = ',')]
    connections: Vec<NonZeroUsize>,
    /// How long each figure is measured
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    seconds: f64,
    /// Ask so often per second, whatever the answers take (an open loop), instead of when the last answer has come
    #[arg(long, global = true, value_name = "PER_SECOND", value_parser = rate)]
    rate: Option<f64>,
    /// How many watch, in streams
    #[arg(long, global = true, value_name = "COUNT", default_value = "10000")]
    watchers: NonZeroUsize,
    /// How many live runs they watch
    #[arg(long, global = true, value_name = "COUNT", default_value = "1000")]
    runs: NonZeroUsize,
    /// How many runs that have ended are kept, in scale
    #[arg(long, global = true, value_name = "COUNT", default_value = "1000000")]
    kept: u64,
    /// How many runs that have not ended a server finds, in scale
    #[arg(long, global = true, value_name = "COUNT", default_value = "100000")]
    unfinished: u64,
    /// Draw how the times of each figure lie
    #[arg(long, global = true)]
    histogram: bool,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    #[command(flatten)]
    Measure(What),
    /// Fill a data folder with runs, to measure with
    #[command(hide = true)]
    Fill(FillArguments),
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum What {
    /// Runs started durably, beside the same in memory, the API alone, and SQLite alone
    Starts,
    /// Runs from their start to the terminal event: one step, five in a chain, a hundred side by side
    Runs,
    /// Looking at runs, beside the API alone
    Reads,
    /// Watching live runs: when what was committed is seen, and what a watcher costs beside a bare stream
    Streams,
    /// Starts, reads and whole runs at the same time
    Mixed,
    /// What a server holds when its work is done: memory above idle, and the WAL
    Memory,
    /// A server that has nothing to do: memory, work, writes, and how soon it is ready
    Idle,
    /// An empty store beside one with a million runs, and how soon a server is ready that finds a hundred thousand to go on with
    Scale,
    /// One tenant's runs of one step beside another tenant that floods the server with scripts, lists and sub-runs
    Fairness,
    /// Everything but fairness, scale and memory
    All,
}

impl What {
    fn scenarios(self) -> Vec<Scenario> {
        match self {
            What::Starts => vec![Scenario::Starts],
            What::Runs => vec![Scenario::Runs],
            What::Reads => vec![Scenario::Reads],
            What::Streams => vec![Scenario::Streams],
            What::Mixed => vec![Scenario::Mixed],
            What::Memory => vec![Scenario::Memory],
            What::Idle => vec![Scenario::Idle],
            What::Fairness => vec![Scenario::Fairness],
            What::Scale => vec![Scenario::Scale],
            What::All => Scenario::ALL.to_vec(),
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    between(text, 0.01, 3_600.0)
}

fn rate(text: &str) -> Result<f64, String> {
    between(text, 0.1, 1_000_000.0)
}

fn between(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    if (least..=most).contains(&number) { Ok(number) } else { Err(format!("it must be from {least} to {most}")) }
}

/// How many runs, and where.
#[derive(Debug, Clone, Args)]
#[command(after_help = "With --json one object: {\"kind\":\"filled\",\"runs\",\"seconds\"}.")]
struct FillArguments {
    /// The data folder [default: .runyard]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Runs that have ended
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    ended: u64,
    /// Runs that sleep for a day
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    asleep: u64,
    /// Runs that have a step to do at once
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    due: u64,
}

/// The whole program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::process(arguments.json);
    let exit = match perform(&arguments, &mut output) {
        Ok(()) => Exit::Success,
        Err(failure) => {
            output.failure(&failure);
            failure.exit
        }
    };
    match output.finish() {
        Ok(()) => exit.into(),
        Err(failure) => failure.exit.into(),
    }
}

fn perform(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let mut log = Config::default().log;
    log.filter = LOG_FILTER.to_owned();
    logging::start(&log).map_err(|error| Failure::new("no_logging", error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new("no_runtime", format!("cannot start threads: {error}")))?;
    let done = runtime.block_on(async {
        match &arguments.command {
            Command::Measure(what) => measure(*what, arguments, output).await,
            Command::Fill(wanted) => fill(wanted, output).await,
        }
    });
    runtime.shutdown_timeout(THREADS_END_WITHIN);
    done
}

async fn fill(arguments: &FillArguments, output: &mut Output) -> Result<(), Failure> {
    let failed = |error: &dyn std::error::Error| Failure::new("not_filled", with_causes(error));
    let folder = arguments.data_dir.clone().unwrap_or_else(|| Config::default().data_dir);
    let owned = Folder::own(&folder).map_err(|error| failed(&error))?;
    let store = StoreUrl::default().open(owned.path(), usize::MAX).map_err(|error| failed(&error))?;
    let wanted = FillCounts { ended: arguments.ended, asleep: arguments.asleep, due: arguments.due };
    let since = Stopwatch::start();
    let progress = |runs| output.remark(&format!("{runs} runs"));
    fill::fill(store, "default", wanted, &Clock::system(), progress).await.map_err(|error| failed(&error))?;
    let (runs, seconds) = (wanted.ended + wanted.asleep + wanted.due, since.elapsed().as_secs_f64());
    output.object(&json!({ "kind": "filled", "runs": runs, "seconds": seconds }));
    output.line(&format!("{runs} runs in {seconds:.1} s"));
    Ok(())
}

async fn measure(what: What, arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    open_files::allow_many();
    let here = std::env::temp_dir();
    let machine = tokio::task::spawn_blocking(move || Machine::look(&here)).await;
    let machine = machine.map_err(|error| Failure::new("not_measured", error.to_string()))?.map_err(failed)?;
    output.line(&machine.line());
    output.object(&machine.json());
    let bench = Bench {
        url: arguments.url.clone().filter(|url| !url.is_empty()),
        credential: arguments.token.as_ref().filter(|token| !token.is_empty()).map(|token| format!("Bearer {token}")),
        connections: arguments.connections.iter().map(|count| count.get()).collect(),
        seconds: Duration::from_secs_f64(arguments.seconds),
        rate: arguments.rate,
        watchers: arguments.watchers.get(),
        runs: arguments.runs.get(),
        kept: arguments.kept,
        unfinished: arguments.unfinished,
    };
    let mut shown = FigurePrinter { output, histogram: arguments.histogram, figures: Vec::new(), facts: Vec::new() };
    for scenario in what.scenarios() {
        let measured = bench.measure(scenario, &mut shown).await;
        shown.table();
        measured.map_err(failed)?;
    }
    Ok(())
}

fn failed(error: BenchError) -> Failure {
    match error {
        BenchError::Url { .. } => Failure::usage(with_causes(&error)),
        error => Failure::new("not_measured", with_causes(&error)),
    }
}

/// Figures on their way to a reader.
struct FigurePrinter<'a> {
    output: &'a mut Output,
    histogram: bool,
    figures: Vec<Figure>,
    facts: Vec<Fact>,
}

impl Report for FigurePrinter<'_> {
    fn progress(&mut self, what: &str) {
        self.output.remark(what);
    }

    fn figure(&mut self, figure: &Figure) {
        self.output.object(&figure.json());
        self.figures.push(figure.clone());
    }

    fn fact(&mut self, fact: &Fact) {
        self.output.object(&fact.json());
        self.facts.push(fact.clone());
    }
}

impl FigurePrinter<'_> {
    /// All that was found since the last table.
    fn table(&mut self) {
        let (figures, facts) = (std::mem::take(&mut self.figures), std::mem::take(&mut self.facts));
        if let Some(first) = figures.first() {
            let head = std::iter::once(first.scenario).chain(Figure::HEAD.into_iter().skip(1)).collect::<Vec<_>>();
            self.output.line("");
            self.output.table(&head, figures.iter().map(Figure::row).collect());
        }
        if self.histogram {
            for figure in &figures {
                self.output.line("");
                self.output.line(&format!("{}, {} at once", figure.subject, figure.connections));
                figure.drawn().iter().for_each(|line| self.output.line(line));
            }
        }
        if let Some(first) = facts.first() {
            self.output.line("");
            self.output.table(&[first.scenario, "AT ONCE", ""], facts.iter().map(Fact::row).collect());
        }
    }
}

impl Machine {
    fn line(&self) -> String {
        let load = self.load.map_or_else(String::new, |load| format!(", load {load:.1} before this"));
        let [median, tail] = [0.5, 0.99].map(|quantile| figure::time(self.flush.value_at_quantile(quantile) as f64));
        format!("{} processors{load}; one flush of the disk: p50 {median}, p99 {tail}", self.processors)
    }

    fn json(&self) -> serde_json::Value {
        let [median, tail] = [0.5, 0.99].map(|quantile| self.flush.value_at_quantile(quantile) as f64 / 1_000.0);
        serde_json::json!({
            "kind": "machine",
            "version": env!("CARGO_PKG_VERSION"),
            "processors": self.processors,
            "load": self.load,
            "flush_us": { "p50": median, "p99": tail },
        })
    }
}
