//! The command line: one binary, one file per command.
//!
//! | command | file | | supporting | file |
//! |---|---|---|---|---|
//! | `serve`  | [`mod@serve`] | | what is printed, and how | [`output`] |
//! | `run`    | [`run`]     | | errors and exit codes | [`failure`] |
//! | `start`  | [`start`]   | | the way to runs | [`connection`], [`local`] |
//! | `get`    | [`get`]     | | what is asked for | [`request`] |
//! | `watch`  | [`mod@watch`] | | following a run to its end | `follow`, [`steps`], [`outcome`] |
//! | `cancel` | [`cancel`]  | | being asked to stop | [`signals`] |
//! | `pause`, `resume` | [`pause`] | | | |
//! | `approvals`, `approve`, `deny` | [`approvals`], [`decide`] | | | |
//! | `list`, `nodes` | [`list`], [`nodes`] | | | |
//! | `keys` | [`mod@keys`] | | | |
//! | `cargo` | [`mod@cargo`] | | | |
//! | `login`, `logout` | [`mod@login`] | | | |
//! | `backup`, `restore`, `check` | [`mod@backup`], [`mod@check`] | | | |
//! | `fill` | [`fill`] | | | |
//! | `openapi`, `config` | [`openapi`], [`config`] | | | |
//!
//! A command reads its arguments, opens a [`connection::Connection`], calls generated clients, and prints. Nothing is decided
//! about runs here, and nothing here reads the store, except to copy it whole or to look at the whole of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

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
pub mod config;
pub mod connection;
pub mod decide;
pub mod failure;
mod follow;
pub mod get;
pub mod keys;
pub mod list;
pub mod local;
pub mod login;
pub mod nodes;
pub mod openapi;
pub mod outcome;
pub mod output;
pub mod pause;
pub mod remove;
pub mod request;
pub mod run;
pub mod serve;
pub mod signals;
pub mod start;
pub mod steps;
pub mod watch;

use connection::Target;
use failure::{Exit, Failure};
use output::Output;

/// What log lines a command other than `serve` shows, unless something else is configured: its output is for reading.
const QUIET_FILTER: &str = "warn";
/// How long threads that still block are waited for once a command is done.
const THREADS_END_WITHIN: Duration = Duration::from_secs(1);

/// One durable run server for the run APIs that agent platforms already speak.
#[derive(Debug, Parser)]
#[command(name = "runyard", version, arg_required_else_help = true, max_term_width = 110)]
#[command(
    after_help = "Without --url a command uses the server that owns the data folder, or opens the folder itself.\n\
    Exit codes: 0 done (a run: succeeded), 1 not done (a run: failed or canceled), 2 asked for in a way that cannot work.\n\
    Settings: flags go before RUNYARD_... variables, and these before runyard.toml. See `runyard config show`."
)]
pub struct Cli {
    /// What goes for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "For every command")]
pub struct Global {
    /// The folder with everything that is kept [default: .runyard]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<String>,
    /// Read this configuration file instead of runyard.toml in the current folder
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting by its key, for example --set parallel_max=4; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print JSON for programs: one object per line, errors too (on standard error)
    #[arg(long, global = true)]
    pub json: bool,
    /// Base URL of an API to use, whoever serves it: a run gateway, or for what no gateway can say the Runyard API.
    /// RUNYARD_URL is read as well
    #[arg(long, global = true, value_name = "URL", conflicts_with = "data_dir")]
    pub url: Option<String>,
    /// Show this credential: an API key or a token. Others can see it in a list of processes; RUNYARD_TOKEN is read as well.
    /// With --url and neither of them, the token of `runyard login`
    #[arg(long, global = true, value_name = "TOKEN")]
    pub token: Option<Secret>,
    /// Which log lines to show, for example info or warn,runyard=debug
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// How log lines look: text or json
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the APIs until Ctrl-C or SIGTERM
    Serve(serve::Arguments),
    /// Run something and watch it to its end
    Run(run::Arguments),
    /// Start something and leave it; prints its id
    Start(start::Arguments),
    /// Show a run
    Get(get::Arguments),
    /// Watch a run to its end; goes on by itself after a cut connection
    Watch(watch::Arguments),
    /// Cancel a run
    Cancel(cancel::Arguments),
    /// Remove a run from the data folder for good
    Remove(remove::Arguments),
    /// Pause a run: what is at work comes to its end, and nothing new begins
    Pause(pause::Arguments),
    /// Let a paused run go on
    Resume(pause::Resume),
    /// List what somebody is asked to agree to, newest first
    Approvals(approvals::Arguments),
    /// Agree to what is asked
    Approve(decide::Approve),
    /// Do not agree to what is asked; its run is canceled
    Deny(decide::Deny),
    /// Answer a question of a run
    Answer(answer::Arguments),
    /// List runs, newest first
    List(list::Arguments),
    /// List what can be run
    Nodes(nodes::Arguments),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Keys(keys::Arguments),
    /// Deploy workflows for the API of Cargo
    #[command(subcommand)]
    Cargo(cargo::Arguments),
    /// Fetch a token of an identity provider, and keep it for commands with --url
    Login(login::Arguments),
    /// Forget that token
    Logout(login::Logout),
    /// Copy the data folder's database into a file, while a server is at work in it or not
    Backup(backup::Backup),
    /// Put a backup into the data folder
    Restore(backup::Restore),
    /// Check that nothing in the data folder, or in a backup, is lost or contradicts its logs
    Check(check::Arguments),
    /// Print the OpenAPI documents that this binary serves
    Openapi(openapi::Arguments),
    /// Show the configuration in effect, or write a file to start from
    #[command(subcommand)]
    Config(config::Arguments),
}

/// What commands work with.
pub struct Context {
    /// Where to print.
    pub output: Output,
    /// The configuration and where its values came from.
    pub loaded: Loaded,
    /// The API given by `--url` or `RUNYARD_URL`.
    pub url: Option<String>,
    /// The credential given by `--token` or `RUNYARD_TOKEN`.
    pub token: Option<Secret>,
    /// Where a login is kept; none where nobody has a home.
    pub login: Option<PathBuf>,
}

impl Context {
    /// Where this command is to find runs.
    pub fn target(&self) -> Target {
        let (url, token, login) = (self.url.clone(), self.token.clone(), self.login.clone());
        Target { url, config: self.loaded.config.clone(), token, login }
    }

    /// Where a login is kept.
    ///
    /// # Errors
    /// Nobody has a home here.
    pub fn login_file(&self) -> Result<&Path, Failure> {
        let none = || Failure::usage("there is no place to keep a login").advise("set HOME or XDG_CONFIG_HOME");
        self.login.as_deref().ok_or_else(none)
    }
}

/// What the arguments and the environment say, beside the command.
struct Given {
    loaded: Loaded,
    url: Option<String>,
    token: Option<Secret>,
    login: Option<PathBuf>,
}

/// The whole program: arguments (with the program's name first) and environment in, exit code out.
pub fn main(arguments: Vec<OsString>, environment: BTreeMap<String, String>) -> ExitCode {
    let wants_json = arguments.iter().any(|argument| argument == "--json");
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error, wants_json).into(),
    };
    let mut output = Output::process(cli.global.json);
    match context(&cli, environment) {
        Ok(Given { loaded, url, token, login }) => {
            perform(cli.command, Context { output, loaded, url, token, login }).into()
        }
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

/// Help and version are no errors. Everything else is, and says what clap found.
fn not_parsed(error: &clap::Error, wants_json: bool) -> Exit {
    if wants_json && error.use_stderr() {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        // What follows the first paragraph is how to get help, for people.
        Output::process(true).failure(&Failure::usage(text.split("\n\n").next().unwrap_or(text)));
    } else {
        // Nobody can be told that the terminal is gone.
        let _ = error.print();
    }
    if error.use_stderr() { Exit::Usage } else { Exit::Success }
}

fn context(cli: &Cli, mut environment: BTreeMap<String, String>) -> Result<Given, Failure> {
    let login = login::place(&environment);
    let token = credential(cli, environment.remove("RUNYARD_TOKEN"))?;
    let from_environment = environment.remove("RUNYARD_URL").filter(|url| !url.is_empty());
    let sources = Sources { flags: flags(cli)?, environment, file: cli.global.config.clone(), folder: PathBuf::new() };
    // The file is about to be written: what stands in it now is no reason to refuse.
    let loaded = match &cli.command {
        Command::Config(config::Arguments::Init(_)) => Loaded::defaults(),
        _ => load(&sources)?,
    };
    let mut log = loaded.config.log.clone();
    if loaded.is_default("log.filter") && !matches!(cli.command, Command::Serve(_)) {
        log.filter = QUIET_FILTER.to_owned();
    }
    logging::start(&log).map_err(|error| Failure::new("no_logging", error.to_string()))?;
    let url = match (&cli.command, &cli.global.url) {
        (
            Command::Serve(_)
            | Command::Openapi(_)
            | Command::Config(_)
            | Command::Logout(_)
            | Command::Backup(_)
            | Command::Restore(_)
            | Command::Check(_)
            | Command::Remove(_),
            Some(_),
        ) => {
            return Err(Failure::usage("this command does not go through an API").advise("leave --url out"));
        }
        (_, Some(url)) => Some(url.clone()),
        // A folder that was named goes before an API that is merely around.
        (_, None) => from_environment.filter(|_| cli.global.data_dir.is_none()),
    };
    Ok(Given { loaded, url, token, login })
}

/// What was given to show who calls: the flag goes before the variable.
fn credential(cli: &Cli, from_environment: Option<String>) -> Result<Option<Secret>, Failure> {
    let from_environment = from_environment.filter(|token| !token.is_empty()).map(Secret::new);
    let token = cli.global.token.clone().or(from_environment);
    // Not repeated: it is a secret even where it is none.
    match &token {
        Some(token) if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(Failure::usage("the token (--token or RUNYARD_TOKEN) has characters that no token has"))
        }
        _ => Ok(token),
    }
}

/// Settings on the command line. Named flags go before `--set`.
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
        Command::List(arguments) => list::list(&arguments, context).await,
        Command::Nodes(arguments) => nodes::nodes(&arguments, context).await,
        Command::Keys(arguments) => keys::keys(&arguments, context).await,
        Command::Cargo(arguments) => cargo::cargo(&arguments, context).await,
        Command::Login(arguments) => login::login(&arguments, context).await,
        Command::Logout(_) => login::logout(context),
        Command::Backup(arguments) => backup::backup(&arguments, context),
        Command::Restore(arguments) => backup::restore(&arguments, context),
        Command::Check(arguments) => check::check(&arguments, context),
        Command::Openapi(arguments) => openapi::openapi(&arguments, context),
        Command::Config(arguments) => config::config(&arguments, context),
    }
}

#[cfg(test)]
mod tests;
