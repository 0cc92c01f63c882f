//! `runyard serve`: the APIs, until somebody asks to stop.

use clap::Args;
use runyard_api::host::Closed;
use serde_json::json;

use super::failure::{Exit, Failure, with_causes};
use super::output::{strong, text};
use super::signals::Signals;
use super::{Context, local};
use crate::config::auth::Mode;
use crate::config::{Config, GatewayMode};
use crate::logging;
use crate::open_files;
use crate::serve::{ServeError, Server};
use crate::store::folder::FolderError;

/// Settings that are often given here. Any other one: --set KEY=VALUE.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "With --json one object: {\"kind\":\"ready\",\"pid\",\"data_dir\",\"doors\":[{\"name\",\"title\",\"url\"}]}."
)]
pub struct Arguments {
    /// The IP address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// The APIs listen above this, each at its own distance, from the run gateway at +1 to the Runyard API at +12; 0 takes
    /// free ports [default: 8080]
    #[arg(long, value_name = "PORT")]
    pub port_base: Option<String>,
    /// Forward the run gateway to a remote run coordinator
    #[arg(long, value_name = "URL")]
    pub coordinator_url: Option<String>,
    /// Whether callers are asked who they are: disabled, optional or required [default: disabled, on loopback only]
    #[arg(long, value_name = "MODE")]
    pub auth_mode: Option<String>,
    /// Agree to a --host that other machines can reach although an API asks nobody who they are
    #[arg(long)]
    pub insecure_allow_remote: bool,
}

/// Serves until it is asked to stop, twice to stop at once.
///
/// # Errors
/// The folder is another server's, a port is taken, or the folder cannot be used.
pub async fn serve(context: &mut Context) -> Result<Exit, Failure> {
    let config = context.loaded.config.clone();
    open_files::allow_many();
    // First, so that a signal during the start is not lost.
    let mut signals = Signals::listen()?;
    if let Some(owner) = local::owner(&config.data_dir) {
        return Err(owned(&config, Some(owner.pid), Some(&owner.own_url)));
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
                "some clients did not take their answers in time, or work took longer than {waited} ms (stop_within_ms): they were cut"
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

fn announce(context: &mut Context, config: &Config, server: &Server) {
    let listeners = server.listeners().iter();
    let rows = listeners.clone().map(|api| {
        let document = format!("{}/openapi.json", api.url);
        vec![api.name.to_owned(), api.url.clone(), api.title.clone(), document]
    });
    let output = &mut context.output;
    output.table(&["DOOR", "URL", "API", "DOCUMENT"], rows.collect());
    output.line("");
    output.line(&format!("data folder  {}", text(&server.folder().display().to_string())));
    match config.gateway_mode() {
        GatewayMode::Local => {}
        GatewayMode::Remote(url) => output.line(&format!("run gateway  forwards to {}", text(&url))),
        GatewayMode::Missing => output.line("run gateway  answers 503 run_coordinator_missing: set coordinator.url"),
    }
    output.line(&format!("callers      {}", callers(config, server)));
    output.line(&format!("{} pid {}; Ctrl-C stops", strong("ready"), std::process::id()));
    let listeners: Vec<_> =
        listeners.map(|api| json!({ "name": api.name, "title": api.title, "url": api.url })).collect();
    output.object(
        &json!({ "kind": "ready", "pid": std::process::id(), "data_dir": server.folder(), "doors": listeners }),
    );
}

/// Which APIs ask who is calling.
fn callers(config: &Config, server: &Server) -> String {
    let listeners = server.listeners().iter().map(|api| (api.name, config.auth.mode(api.name)));
    let by_mode = [
        (Mode::Required, "must show a credential"),
        (Mode::Optional, "may show a credential"),
        (Mode::Disabled, "are not asked who they are"),
    ];
    let said = by_mode.into_iter().filter_map(|(mode, what)| {
        let names: Vec<&str> = listeners.clone().filter(|(_, found)| *found == mode).map(|(name, _)| name).collect();
        match names.len() {
            0 => None,
            all if all == server.listeners().len() => Some(what.to_owned()),
            _ => Some(format!("{what} at {}", names.join(", "))),
        }
    });
    said.collect::<Vec<_>>().join("; ")
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
        .advise("stop that one first, or serve another folder with --data-dir; other commands in this folder use it as it is")
}
