//! `runyard fill`: a data folder with very many runs, for measurements. Hidden: running a server does not need it.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::Context;
use super::failure::{Exit, Failure, with_causes};
use crate::clock::{Clock, Stopwatch};
use crate::fill::{self, Wanted};
use crate::store::folder::Folder;
use crate::store::sqlite::{Options, Sqlite};

/// How many runs.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "With --json one object: {\"kind\":\"filled\",\"runs\",\"seconds\"}.")]
pub struct Arguments {
    /// Runs that have ended
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub runs: u64,
    /// Runs that sleep for a day
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub asleep: u64,
    /// Runs that have a step to do at once
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub due: u64,
}

/// Fills the data folder.
///
/// # Errors
/// Another process owns the folder, or it cannot be written.
pub async fn fill(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::new("not_filled", with_causes(error));
    let owned = Folder::own(&context.loaded.config.data_dir).map_err(|error| failed(&error))?;
    let store = Sqlite::open(owned.path(), Options::default()).map_err(|error| failed(&error))?;
    let wanted = Wanted { ended: arguments.runs, asleep: arguments.asleep, due: arguments.due };
    let since = Stopwatch::start();
    let output = &mut context.output;
    output.begin("writing runs");
    let all = wanted.ended + wanted.asleep + wanted.due;
    let progress = |runs| output.advance(runs, all);
    fill::fill(Arc::new(store), "default", wanted, &Clock::system(), progress).await.map_err(|error| failed(&error))?;
    output.end();
    let (runs, seconds) = (wanted.ended + wanted.asleep + wanted.due, since.elapsed().as_secs_f64());
    output.object(&json!({ "kind": "filled", "runs": runs, "seconds": seconds }));
    output.line(&format!("{runs} runs in {seconds:.1} s"));
    Ok(Exit::Success)
}
