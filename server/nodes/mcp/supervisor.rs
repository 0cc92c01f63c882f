//! Keeps the connection to one MCP server: connects, lists its tools, and connects again after it has ended, each time
//! after a longer wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmcp::service::{Peer, RoleClient};
use runyard_engine::event::Failure;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::connection::{Beginning, Connection, connect};
use super::failure;
use super::lists::Lists;
use super::target::{Place, Target};
use crate::clock::Clock;
use crate::nodes::perform::http::Outside;

/// The wait before the second attempt; it doubles with every other one.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// The longest wait between two attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// A connection that lasted this long ends the series of failures, milliseconds.
const STABLE_MS: i64 = 30_000;
/// How often the tools are listed again, if the server does not tell that they have changed.
const REFRESH: Duration = Duration::from_secs(300);
/// How long changes are collected before the tools are listed again.
const SETTLE: Duration = Duration::from_millis(200);

/// Whether a server can be called.
#[derive(Clone)]
pub(super) enum State {
    /// The first or the next attempt to connect is under way.
    Starting,
    /// It can.
    Up(Up),
    /// It cannot, and the next attempt is at this time, Unix milliseconds.
    Down { failure: Failure, retry_at_ms: i64 },
}

/// A server that can be called.
#[derive(Clone)]
pub(super) struct Up {
    pub(super) peer: Peer<RoleClient>,
    pub(super) too_large: Arc<AtomicBool>,
}

/// Supervises one server.
pub(super) struct Supervisor {
    /// The server's place among all servers.
    pub(super) place: usize,
    pub(super) target: Arc<Target>,
    pub(super) outside: Arc<Outside>,
    pub(super) clock: Clock,
    pub(super) lists: Arc<Lists>,
    pub(super) state: watch::Sender<State>,
    pub(super) stopping: CancellationToken,
}

impl Supervisor {
    /// Supervises until the server stops.
    pub(super) async fn run(self) {
        let server = &self.target.configured.name;
        let mut failures = 0;
        let mut beginning = Beginning::Discover;
        while !self.stopping.is_cancelled() {
            self.state.send_replace(State::Starting);
            let changed = Arc::new(Notify::new());
            let connected = tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                connected = connect(&self.target, &self.outside, &self.clock, changed.clone(), beginning) => connected,
            };
            let failure = match connected {
                Ok(connection) => {
                    let since_ms = self.clock.now_ms();
                    let Some(failure) = self.serve(connection, &changed).await else { return };
                    if self.clock.now_ms() - since_ms >= STABLE_MS {
                        failures = 0;
                    }
                    failure
                }
                Err(failure) => {
                    if let Place::Program { .. } = self.target.place {
                        beginning = beginning.other();
                    }
                    failure
                }
            };
            failures += 1;
            let wait = backoff(failures);
            let seen = self.lists.count(self.place);
            let why = &failure.message;
            tracing::warn!(
                server,
                "the MCP server is down: {why}; next attempt in {wait:?}, {seen} tools were last seen"
            );
            let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            let retry_at_ms = self.clock.now_ms().saturating_add(wait_ms);
            self.state.send_replace(State::Down { failure, retry_at_ms });
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = self.clock.sleep(wait) => {}
            }
        }
    }

    /// Serves calls over a connection until it ends. Returns why it has ended, or nothing if the server stops.
    async fn serve(&self, connection: Connection, changed: &Notify) -> Option<Failure> {
        let ended = tokio::select! {
            biased;
            () = self.stopping.cancelled() => None,
            failure = self.lists_tools(&connection, changed) => Some(failure),
            () = connection.ended(&self.clock) => Some(failure::ended(&self.target, too_large(&connection))),
        };
        if let Some(failure) = &ended {
            let retry_at_ms = self.clock.now_ms();
            self.state.send_replace(State::Down { failure: failure.clone(), retry_at_ms });
        }
        connection.close().await;
        ended
    }

    /// Lists the tools, now and after each change. Ends only with a failure of the first list.
    async fn lists_tools(&self, connection: &Connection, changed: &Notify) -> Failure {
        let mut is_first = true;
        let listening = async {
            connection.listen().await;
            std::future::pending::<()>().await;
        };
        tokio::pin!(listening);
        loop {
            match connection.tools(&self.target, &self.clock).await {
                Ok(tools) => self.lists.seen(self.place, &tools),
                Err(failure) if is_first => return failure,
                Err(failure) => {
                    let (server, why) = (&self.target.configured.name, &failure.message);
                    tracing::warn!(server, "the tools of the MCP server cannot be listed again: {why}");
                }
            }
            if is_first {
                let info = connection.service.peer().peer_info();
                let protocol = info.map(|info| info.protocol_version.to_string()).unwrap_or_default();
                tracing::info!(server = self.target.configured.name, protocol, "the MCP server is connected");
                let (peer, too_large) = (connection.service.peer().clone(), connection.too_large.clone());
                self.state.send_replace(State::Up(Up { peer, too_large }));
                is_first = false;
            }
            tokio::select! {
                () = changed.notified() => self.clock.sleep(SETTLE).await,
                () = self.clock.sleep(REFRESH) => {}
                () = &mut listening => {}
            }
        }
    }
}

fn too_large(connection: &Connection) -> bool {
    connection.too_large.load(Ordering::Relaxed)
}

/// The wait after this many failures in a row.
fn backoff(failures: u32) -> Duration {
    BACKOFF_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_between_attempts_grows_to_a_minute() {
        let waits: Vec<u128> = [1, 2, 3, 8, 9, 100].map(|failures| backoff(failures).as_millis()).to_vec();
        assert_eq!(waits, [250, 500, 1_000, 32_000, 60_000, 60_000]);
    }
}
