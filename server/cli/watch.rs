//! `runyard watch`: a run's events to its end, over as many connections as needed.

use clap::Args;

use super::connection::{Connection, FolderUse, Peer, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::follow::{Follow, FollowEnd, Stop};
use super::outcome;
use super::signals::Signals;

/// Which run.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    runyard watch order-17\n  \
    runyard watch order-17 --json --after 12\n\n\
    Steps go to standard error, the result to standard output. Ctrl-C stops watching; the run continues.\n\
    Exit code 0: the run succeeded, or you stopped watching; 1: it failed, was partial or canceled.\n\
    With --json one object per line: {\"kind\":\"event\",\"event\"}, and last {\"kind\":\"result\",\"run\",\"outputs\",\"error\"}.")]
pub struct Arguments {
    /// The run's id
    #[arg(value_name = "RUN")]
    pub run_id: String,
    /// Only events after the one with this seq: of the run gateway with --json, else of the run's own log
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub after: u64,
}

/// Watches to the end.
///
/// # Errors
/// No such run, or its events are lost.
pub async fn watch(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let Some(connection) =
        signals.unless(Connection::open(context.target(), RequiredApi::Gateway, FolderUse::Continue)).await
    else {
        return Ok(Exit::Interrupted);
    };
    let connection = connection?;
    if connection.peer() == Peer::Here {
        let folder = context.loaded.config.data_dir.display();
        context.output.remark(&format!("no server owns {folder}; this command executes its runs while it watches"));
    }
    let follow = Follow {
        connection: &connection,
        signals: &mut signals,
        run_id: &arguments.run_id,
        after: arguments.after,
        stop: Stop::Leaves,
        shown: true,
    };
    let followed = follow.until_end(&mut context.output).await;
    connection.close().await;
    match followed? {
        FollowEnd::Ended(ended) => Ok(outcome::show(&mut context.output, &ended, false)),
        FollowEnd::Left => Ok(Exit::Success),
        FollowEnd::Forced => Ok(Exit::Interrupted),
    }
}
