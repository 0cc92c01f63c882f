//! `runyard health`: whether a server works, for container health checks and scripts.

use std::time::Duration;

use clap::Args;
use runyard_client::runyard::types::{Health, Status};
use runyard_client::{Retry, runyard};
use serde_json::json;

use super::context::Context;
use super::failure::{Exit, Failure, UNREACHABLE};
use super::output::one_line;
use super::tone;
use super::{discovery, local};
use crate::clock::Clock;

/// The longest wait for an answer.
const WITHIN: Duration = Duration::from_secs(5);

/// Nothing to choose.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    runyard health\n  \
    runyard health --url http://127.0.0.1:8092 --json\n\n\
    Needs no credential, starts no server, and waits for 5 seconds at most.\n\
    Exit code 0: the server works; 1: it does not, or it cannot be reached.\n\
    With --json one object: {\"status\",\"url\",\"health\"}, with the Health as the Runyard API answers it.")]
pub struct Arguments {}

/// Reads the health of the server at `--url`, or of the one that owns the data folder.
///
/// # Errors
/// No server is running, it cannot be reached in time, or it does not work.
pub async fn health(context: &mut Context) -> Result<Exit, Failure> {
    let base = address(context)?;
    let builder = runyard::Client::builder(&base).retry(Retry::never());
    // A server of this machine is not behind a proxy.
    let client = if context.url.is_some() { builder } else { builder.no_proxy() }.build()?;
    let clock = Clock::system();
    let answer = tokio::select! {
        answer = client.health() => answer,
        () = clock.sleep(WITHIN) => {
            let waited = WITHIN.as_secs();
            return Err(Failure::new(UNREACHABLE, format!("{base} did not answer within {waited} seconds")));
        }
    };
    let health = answer.map_err(|error| {
        let failure = Failure::from(error);
        Failure { exit: Exit::Failed, message: format!("{base}: {}", failure.message), ..failure }
    })?;
    show(context, &base, &health.into_inner())
}

/// Where the server is.
fn address(context: &Context) -> Result<String, Failure> {
    if let Some(url) = &context.url {
        return discovery::base_url(url);
    }
    let folder = &context.loaded.config.data_dir;
    let owner = local::owner(folder).ok_or_else(|| {
        Failure::new(UNREACHABLE, format!("no server is running for the data folder {}", folder.display()))
            .advise("`runyard serve` starts one; --url names a server elsewhere")
    })?;
    Ok(owner.runyard_url)
}

fn show(context: &mut Context, base: &str, health: &Health) -> Result<Exit, Failure> {
    let output = &mut context.output;
    let status = health.status.to_string();
    output.object(&json!({ "status": status, "url": base, "health": health }));
    let checks: Vec<String> = health.checks.iter().map(|check| format!("{} {}", check.name, check.status)).collect();
    output.line(&format!("{} {}", tone::state(&health.status), one_line(&format!("{base}: {}", checks.join(", ")))));
    Ok(if health.status == Status::Ok { Exit::Success } else { Exit::Failed })
}
