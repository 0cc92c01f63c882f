//! `runyard serve`: every API, until Ctrl-C or SIGTERM.

use std::io::IsTerminal;

use clap::Args;
use runyard_api::host::Closed;
use serde_json::json;

use super::context::Context;
use super::failure::{Exit, Failure, with_causes};
use super::local;
use super::output::{faint, padded, strong, text};
use super::signals::Signals;
use crate::config::auth::Mode;
use crate::config::{Config, GatewayMode, LogFormat};
use crate::logging;
use crate::open_files;
use crate::serve::{ServeError, Server};
use crate::store::folder::FolderError;

/// Settings that are often given here. Any other one: --set KEY=VALUE.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    runyard serve\n  \
    runyard serve --port-base 9000 --data-dir /var/lib/runyard --log-format json\n\n\
    With --json one object: {\"kind\":\"ready\",\"pid\",\"data_dir\",\"doors\":[{\"name\",\"title\",\"url\"}]}.")]
pub struct Arguments {
    /// The IP address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// The ports of the APIs are counted from this, from the run gateway at +1 to the Runyard API at +12; 0 takes free ports
    /// [default: 8080]
    #[arg(long, value_name = "PORT")]
    pub port_base: Option<String>,
    /// Forward the run gateway to a remote run coordinator
    #[arg(long, value_name = "URL")]
    pub coordinator_url: Option<String>,
    /// Authentication of callers: disabled, optional or required [default: disabled, on loopback only]
    #[arg(long, value_name = "MODE")]
    pub auth_mode: Option<String>,
    /// Allow a --host that other machines can reach although an API does not require authentication
    #[arg(long)]
    pub insecure_allow_remote: bool,
}

/// Serves until Ctrl-C or SIGTERM; a second one stops at once.
///
/// # Errors
/// Another server owns the folder, a port is taken, or the folder cannot be used.
pub async fn serve(context: &mut Context) -> Result<Exit, Failure> {
    let config = context.loaded.config.clone();
    open_files::allow_many();
    // First, so that a signal during the start is not lost.
    let mut signals = Signals::listen()?;
    if let Some(owner) = local::owner(&config.data_dir) {
        return Err(owned(&config, Some(owner.pid), Some(&owner.runyard_url)));
    }
    let Some(started) = signals.unless(Server::start(&config, logging::dropshot())).await else {
        return Ok(Exit::Interrupted);
    };
    let server = started.map_err(|error| refused(&config, error))?;
    announce(context, &config, &server);
    let ended = tokio::select! {
        () = signals.next() => None,
        why = server.ended() => Some(why),
    };
    context.output.remark(ended.as_deref().unwrap_or("stopping; Ctrl-C again to stop at once"));
    tokio::select! {
        closed = server.stop() => if closed == Closed::Busy {
            let waited = config.stop_within_ms;
            context.output.remark(&format!(
                "some clients did not read their answers in time, or work took longer than {waited} ms (stop_within_ms): they were cut off"
            ));
        },
        () = signals.next() => return Ok(Exit::Interrupted),
    }
    match ended {
        None => {
            context.output.remark("stopped; nothing that was acknowledged is lost");
            Ok(Exit::Success)
        }
        Some(why) => {
            Err(Failure::new("door_ended", why).advise("the log has more; nothing that was acknowledged is lost"))
        }
    }
}

/// On a terminal: what to open and what to try. For programs: the addresses. In a log file: that it is ready, in one line.
fn announce(context: &mut Context, config: &Config, server: &Server) {
    let apis = server.listeners().iter();
    let shown: Vec<_> = apis.map(|api| json!({ "name": api.name, "title": api.title, "url": api.url })).collect();
    let (pid, folder) = (std::process::id(), server.folder());
    context.output.object(&json!({ "kind": "ready", "pid": pid, "data_dir": folder, "doors": shown }));
    let base = server.url("runyard").unwrap_or_default().to_owned();
    let folder = text(&folder.display().to_string());
    let for_people = context.output.is_interactive() && std::io::stdout().is_terminal();
    if !for_people || config.log.format == LogFormat::Json {
        context.output.line(&format!("ready: the Runyard API is at {base}, data folder {folder}, pid {pid}"));
        return;
    }
    let output = &mut context.output;
    let rows = server.listeners().iter().map(|api| vec![api.name.to_owned(), api.url.clone(), api.title.clone()]);
    output.table(&["API", "ADDRESS", "TITLE"], rows.collect());
    output.line("");
    for (label, value) in [
        ("reference", format!("{base}/docs")),
        ("data folder", folder),
        ("authentication", authentication(config, server)),
    ] {
        output.line(&format!("{}{value}", padded(label, 16, faint)));
    }
    match config.gateway_mode() {
        GatewayMode::Local => {}
        GatewayMode::Remote(url) => output.line(&format!("the run gateway forwards to {}", text(&url))),
        GatewayMode::Missing => output.line("the run gateway answers 503 run_coordinator_missing: set coordinator.url"),
    }
    output.line("");
    output.line("Try this in another terminal, in the same folder:");
    output.line(&format!("  {}", strong("runyard run \"Generate a UUID, then return it.\"")));
    output.line(&format!("or from anywhere on this machine: runyard --url {base} list"));
    output.line("");
    output.line(&format!("{} pid {pid}; Ctrl-C stops", strong("ready")));
}

/// Which APIs authenticate their callers.
fn authentication(config: &Config, server: &Server) -> String {
    let apis = server.listeners().iter().map(|api| (api.name, config.auth.mode(api.name)));
    let by_mode = [(Mode::Required, "required"), (Mode::Optional, "optional"), (Mode::Disabled, "disabled")];
    let parts = by_mode.into_iter().filter_map(|(mode, word)| {
        let names: Vec<&str> = apis.clone().filter(|(_, found)| *found == mode).map(|(name, _)| name).collect();
        match names.len() {
            0 => None,
            all if all == server.listeners().len() => Some(word.to_owned()),
            _ => Some(format!("{word} for {}", names.join(", "))),
        }
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn refused(config: &Config, error: ServeError) -> Failure {
    match error {
        ServeError::Folder(FolderError::Owned { pid, server, .. }) => {
            owned(config, pid, server.as_deref().map(|server| server.native_url.as_str()))
        }
        error => Failure::new("not_served", with_causes(&error)),
    }
}

fn owned(config: &Config, pid: Option<u32>, url: Option<&str>) -> Failure {
    let process = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
    let place = url.map(|url| format!(", which serves {url}")).unwrap_or_default();
    Failure::new("folder_owned", format!("the data folder {} is owned by {process}{place}", config.data_dir.display()))
        .advise("stop that server first, or serve another folder with --data-dir; other commands in this folder use the running server")
}
