//! The command line: one binary, one file per command.
//!
//! | command | file | | supporting | file |
//! |---|---|---|---|---|
//! | `serve`  | [`mod@serve`] | | what is printed, and how | [`output`], `progress`, `lengths`, `inputs` |
//! | `run`    | [`run`]     | | errors and exit codes | [`failure`] |
//! | `start`  | [`start`]   | | how commands reach a server | [`connection`], `discovery`, [`local`] |
//! | `get`    | [`get`]     | | the start request | [`request`] |
//! | `watch`  | [`mod@watch`] | | following a run to its end | `follow`, `log_lines`, [`steps`], [`outcome`], `tree` |
//! | `cancel` | [`cancel`]  | | Ctrl-C and SIGTERM | [`signals`] |
//! | `pause`, `resume` | [`pause`] | | groups of commands, exit codes | [`help`] |
//! | `approvals`, `approve`, `deny` | [`approvals`], [`decide`] | | | |
//! | `list`, `nodes` | [`list`], [`nodes`] | | | |
//! | `keys` | [`mod@keys`] | | | |
//! | `cargo` | [`mod@cargo`] | | | |
//! | `login`, `logout` | [`mod@login`] | | | |
//! | `backup`, `restore`, `check` | [`mod@backup`], [`mod@check`] | | | |
//! | `openapi`, `config` | [`openapi`], [`config`] | | | |
//! | `health` | [`health`] | | | |
//! | `completions`, `man` | [`mod@completions`], [`mod@man`] | | what every command is given | [`context`] |
//!
//! A command reads its arguments, opens a [`connection::Connection`], calls generated clients, and prints. Nothing is decided
//! about runs here, and nothing here reads the store, except to copy it whole or to check the whole of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::auth::Secret;
use crate::config::load::Flag;
use crate::config::{Loaded, Sources, load};
use crate::logging;

pub mod answer;
pub mod approvals;
pub mod backup;
pub mod cancel;
pub mod cargo;
pub mod check;
pub mod completions;
pub mod config;
pub mod connection;
pub mod context;
mod credential;
pub mod decide;
mod discovery;
pub mod failure;
mod follow;
pub mod get;
pub mod health;
pub mod help;
mod inputs;
pub mod keys;
mod lengths;
pub mod list;
pub mod local;
mod log_lines;
pub mod login;
pub mod man;
pub mod nodes;
pub mod openapi;
pub mod outcome;
pub mod output;
pub mod pause;
mod progress;
pub mod remove;
pub mod request;
pub mod run;
pub mod serve;
pub mod signals;
pub mod start;
pub mod steps;
mod texts;
pub mod tone;
pub mod tools;
mod tree;
pub mod watch;

use context::Context;
use failure::{Exit, Failure};
use output::Output;

/// The log filter of a command other than `serve`, unless another is configured: its output is for people.
const QUIET_FILTER: &str = "warn";
/// The longest wait for threads that still block once a command is done.
const THREADS_END_WITHIN: Duration = Duration::from_secs(1);

/// One durable run server for the run APIs that agent platforms already speak.
#[derive(Debug, Parser)]
#[command(name = "runyard", version = crate::version::VERSION, arg_required_else_help = true, max_term_width = 110)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The folder with all stored data [default: .runyard]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<String>,
    /// Read this configuration file instead of runyard.toml in the current folder
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting by its key, for example --set parallel_max=4; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print JSON for programs: one object per line; errors as well, on standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// Use the server at this address: that of its Runyard API, for example http://127.0.0.1:8092, through which the command finds the
    /// server's other APIs. A run gateway of another vendor works for `run`, `start`, `get`, `watch` and `cancel`. Also RUNYARD_URL
    #[arg(long, global = true, value_name = "URL", conflicts_with = "data_dir")]
    pub url: Option<String>,
    /// Authenticate with this API key or token. Other users of the machine can read it in the list of processes; RUNYARD_TOKEN is
    /// safer. With --url and neither of them, the token of `runyard login` is used
    #[arg(long, global = true, value_name = "TOKEN")]
    pub token: Option<Secret>,
    /// Filter of the log lines, for example info or warn,runyard=debug
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// Format of the log lines: text or json
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve every API until Ctrl-C or SIGTERM
    Serve(serve::Arguments),
    /// Start a run, watch it to its end, and print its result
    Run(run::Arguments),
    /// Start a run and print its id
    Start(start::Arguments),
    /// Show a run: its result, its state and its tree
    Get(get::Arguments),
    /// Watch a run to its end; reconnects by itself
    Watch(watch::Arguments),
    /// Cancel a run
    Cancel(cancel::Arguments),
    /// Remove a run from the data folder
    Remove(remove::Arguments),
    /// Pause a run: steps that are running finish, and no new step begins
    Pause(pause::Arguments),
    /// Resume a paused run
    Resume(pause::Resume),
    /// List approval requests, newest first, with what they are about
    Approvals(approvals::Arguments),
    /// Approve an approval request
    Approve(decide::Approve),
    /// Deny an approval request; its run is canceled
    Deny(decide::Deny),
    /// Answer the question of a run that waits for input
    Answer(answer::Arguments),
    /// List runs, newest first, by state, label, text, time or duration
    List(list::Arguments),
    /// Check whether the server works; for container health checks
    Health(health::Arguments),
    /// List the node types that can be run
    Nodes(nodes::Arguments),
    /// Import OpenAPI documents as node types, and search the node types of services
    #[command(subcommand)]
    Tools(tools::Arguments),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Keys(keys::Arguments),
    /// Deploy workflows to the Cargo API
    #[command(subcommand)]
    Cargo(cargo::Arguments),
    /// Log in at an identity provider, for commands with --url
    Login(login::Arguments),
    /// Remove the stored login
    Logout(login::Logout),
    /// Copy the database into a file; a server may be running
    Backup(backup::Backup),
    /// Restore a backup into the data folder
    Restore(backup::Restore),
    /// Check the data folder, or a backup, for damage
    Check(check::Arguments),
    /// Print, export and compare OpenAPI documents
    Openapi(openapi::Arguments),
    /// Show the configuration in effect, or write a commented file
    #[command(subcommand)]
    Config(config::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
    /// Print the manual page, or write one for each command
    Man(man::Arguments),
    /// List the exit codes
    #[command(hide = true)]
    ExitCodes(help::ExitCodes),
}

/// What the arguments and the environment give every command.
struct Environment {
    loaded: Loaded,
    url: Option<String>,
    token: Option<Secret>,
    login: Option<PathBuf>,
}

/// The whole program: arguments (with the program's name first) and environment in, exit code out.
pub fn main(arguments: Vec<OsString>, environment: BTreeMap<String, String>) -> ExitCode {
    let wants_json = arguments.iter().any(|argument| argument == "--json");
    let parsed = definition().try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error, wants_json).into(),
    };
    let mut output = Output::process(cli.global.json);
    match context(&cli, environment) {
        Ok(Environment { loaded, url, token, login }) => {
            perform(cli.command, Context { output, loaded, url, token, login }).into()
        }
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

/// The definition of all commands, with the commands in groups in its help.
pub fn definition() -> clap::Command {
    help::grouped(Cli::command())
}

/// Help and version are not errors. Everything else is, with the reason that clap found.
fn not_parsed(error: &clap::Error, wants_json: bool) -> Exit {
    if wants_json && error.use_stderr() {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        // After the first paragraph comes how to get help, for people.
        Output::process(true).failure(&Failure::usage(text.split("\n\n").next().unwrap_or(text)));
    } else {
        // There is no place left to report that the terminal is gone.
        let _ = error.print();
    }
    if error.use_stderr() { Exit::Usage } else { Exit::Success }
}

fn context(cli: &Cli, mut environment: BTreeMap<String, String>) -> Result<Environment, Failure> {
    let login = login::place(&environment);
    let token = credential(cli, environment.remove("RUNYARD_TOKEN"))?;
    let from_environment = environment.remove("RUNYARD_URL").filter(|url| !url.is_empty());
    let sources = Sources { flags: flags(cli)?, environment, file: cli.global.config.clone(), folder: PathBuf::new() };
    // The file is about to be replaced: its present content is no reason to refuse.
    let loaded = match &cli.command {
        Command::Config(config::Arguments::Init(_))
        | Command::Completions(_)
        | Command::Man(_)
        | Command::ExitCodes(_) => Loaded::defaults(),
        _ => load(&sources)?,
    };
    let mut log = loaded.config.log.clone();
    if loaded.is_default("log.filter") && !matches!(cli.command, Command::Serve(_)) {
        log.filter = QUIET_FILTER.to_owned();
    }
    logging::start(&log).map_err(|error| Failure::new("no_logging", error.to_string()))?;
    for warning in loaded.warnings() {
        tracing::warn!("{warning}");
    }
    let url = match (&cli.command, &cli.global.url) {
        (
            Command::Serve(_)
            | Command::Openapi(_)
            | Command::Config(_)
            | Command::Logout(_)
            | Command::Backup(_)
            | Command::Restore(_)
            | Command::Check(_)
            | Command::Remove(_)
            | Command::Completions(_)
            | Command::Man(_)
            | Command::ExitCodes(_),
            Some(_),
        ) => {
            return Err(Failure::usage("this command does not use a server").advise("leave --url out"));
        }
        (_, Some(url)) => Some(url.clone()),
        // A folder on the command line wins over an address in the environment.
        (_, None) => from_environment.filter(|_| cli.global.data_dir.is_none()),
    };
    Ok(Environment { loaded, url, token, login })
}

/// The credential: the flag wins over the variable.
fn credential(cli: &Cli, from_environment: Option<String>) -> Result<Option<Secret>, Failure> {
    let from_environment = from_environment.filter(|token| !token.is_empty()).map(Secret::new);
    let token = cli.global.token.clone().or(from_environment);
    // Not repeated: even a credential that is not valid is a secret.
    match &token {
        Some(token) if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(Failure::usage("the token (--token or RUNYARD_TOKEN) has characters that no token has"))
        }
        _ => Ok(token),
    }
}

/// Settings on the command line. Named flags win over `--set`.
fn flags(cli: &Cli) -> Result<Vec<Flag>, Failure> {
    let mut flags = Vec::new();
    for pair in &cli.global.set {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Failure::usage(format!("--set {pair:?} is not KEY=VALUE"))
                .advise("`runyard config show` lists the keys"));
        };
        flags.push(Flag { key: key.trim().to_owned(), value: value.to_owned(), name: "--set".to_owned() });
    }
    let mut named = |key: &str, name: &str, value: Option<String>| {
        flags.extend(value.map(|value| Flag { key: key.to_owned(), value, name: name.to_owned() }));
    };
    named("data_dir", "--data-dir", cli.global.data_dir.clone());
    named("log.filter", "--log", cli.global.log.clone());
    named("log.format", "--log-format", cli.global.log_format.clone());
    if let Command::Login(arguments) = &cli.command {
        named("auth.issuer", "--issuer", arguments.issuer.clone());
        named("auth.outbound.token_endpoint", "--token-endpoint", arguments.token_endpoint.clone());
        named("auth.outbound.client_id", "--client-id", arguments.client_id.clone());
    }
    if let Command::Serve(arguments) = &cli.command {
        named("host", "--host", arguments.host.clone());
        named("port_base", "--port-base", arguments.port_base.clone());
        named("auth.mode", "--auth-mode", arguments.auth_mode.clone());
        named("coordinator.url", "--coordinator-url", arguments.coordinator_url.clone());
        named(
            "insecure_allow_remote",
            "--insecure-allow-remote",
            arguments.insecure_allow_remote.then(|| "true".to_owned()),
        );
    }
    Ok(flags)
}

fn perform(command: Command, mut context: Context) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            context.output.failure(&Failure::new("no_runtime", format!("cannot start threads: {error}")));
            return Exit::Failed;
        }
    };
    let done = runtime.block_on(dispatch(command, &mut context));
    runtime.shutdown_timeout(THREADS_END_WITHIN);
    let is_json = context.output.is_json();
    let exit = done.unwrap_or_else(|failure| {
        context.output.failure(&failure);
        failure.exit
    });
    match context.output.finish() {
        Ok(()) => exit,
        Err(failure) => {
            Output::process(is_json).failure(&failure);
            failure.exit
        }
    }
}

async fn dispatch(command: Command, context: &mut Context) -> Result<Exit, Failure> {
    match command {
        Command::Serve(_) => serve::serve(context).await,
        Command::Run(arguments) => run::run(&arguments, context).await,
        Command::Start(arguments) => start::start(&arguments, context).await,
        Command::Get(arguments) => get::get(&arguments, context).await,
        Command::Watch(arguments) => watch::watch(&arguments, context).await,
        Command::Cancel(arguments) => cancel::cancel(&arguments, context).await,
        Command::Remove(arguments) => remove::remove(&arguments, context),
        Command::Pause(arguments) => pause::pause(&arguments, context).await,
        Command::Resume(arguments) => pause::resume(&arguments, context).await,
        Command::Approvals(arguments) => approvals::approvals(&arguments, context).await,
        Command::Approve(arguments) => decide::approve(&arguments, context).await,
        Command::Deny(arguments) => decide::deny(&arguments, context).await,
        Command::Answer(arguments) => answer::answer(&arguments, context).await,
        Command::Health(_) => health::health(context).await,
        Command::List(arguments) => list::list(&arguments, context).await,
        Command::Nodes(arguments) => nodes::nodes(&arguments, context).await,
        Command::Tools(arguments) => tools::tools(&arguments, context).await,
        Command::Keys(arguments) => keys::keys(&arguments, context).await,
        Command::Cargo(arguments) => cargo::cargo(&arguments, context).await,
        Command::Login(arguments) => login::login(&arguments, context).await,
        Command::Logout(_) => login::logout(context),
        Command::Backup(arguments) => backup::backup(&arguments, context),
        Command::Restore(arguments) => backup::restore(&arguments, context),
        Command::Check(arguments) => check::check(&arguments, context),
        Command::Openapi(arguments) => openapi::openapi(&arguments, context),
        Command::Config(arguments) => config::config(&arguments, context),
        Command::Completions(arguments) => completions::completions(&arguments, definition(), context),
        Command::Man(arguments) => man::man(&arguments, Cli::command(), context),
        Command::ExitCodes(_) => Ok(help::show_exit_codes(context)),
    }
}

#[cfg(test)]
mod tests;
