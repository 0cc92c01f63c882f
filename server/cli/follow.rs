//! Following a run to its end: events as they happen, over cut connections, and what Ctrl-C means meanwhile.
//!
//! People read the run's own log where the peer has the Runyard API ([`LogLines`]); programs, and people at a gateway of another
//! vendor, get the events of the run gateway ([`Steps`]).

use std::time::Duration;

use futures::StreamExt;
use runyard_api::arp::schemas::Run;
use runyard_client::run_gateway::types::ErrorEnvelope;
use runyard_client::run_gateway::{ByteStream, Error, ResponseValue};
use runyard_client::runyard::types as own;
use runyard_client::watch::{AnyEvent, Source, Watch, WatchError, WatchItem};
use runyard_client::{ErrorBody, runyard};
use serde_json::json;

use super::connection::{Connection, Peer};
use super::failure::{Failure, UNREACHABLE};
use super::log_lines::LogLines;
use super::outcome::{self, FinishedRun};
use super::output::Output;
use super::signals::Signals;
use super::steps::Steps;
use crate::clock::Clock;
use crate::codes::Code;

/// How often a run is read where its gateway does not stream.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// What the spinner says while nothing happens.
const RUNNING: &str = "running";

/// What the first Ctrl-C means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Cancel the run and follow it to that end.
    Cancels,
    /// Stop watching; the run continues.
    Leaves,
}

/// How following ended.
#[derive(Debug)]
pub(super) enum FollowEnd {
    /// With the run.
    Ended(Box<FinishedRun>),
    /// Before it: the reader went, or Ctrl-C where it [leaves](Stop::Leaves).
    Left,
    /// Ctrl-C twice.
    Forced,
}

/// A run that is followed.
pub(super) struct Follow<'a> {
    pub(super) connection: &'a Connection,
    pub(super) signals: &'a mut Signals,
    pub(super) run_id: &'a str,
    /// Only events after this one; 0 is all.
    pub(super) after: u64,
    pub(super) stop: Stop,
    /// Whether steps are shown, or only the end.
    pub(super) shown: bool,
}

impl Follow<'_> {
    /// Follows to the end.
    pub(super) async fn until_end(mut self, output: &mut Output) -> Result<FollowEnd, Failure> {
        let (connection, run_id) = (self.connection, self.run_id);
        if self.shown {
            output.begin(RUNNING);
        }
        let followed = if output.is_json() || connection.runyard_if_served().is_none() {
            let mut steps = Steps::default();
            let line = move |event: &AnyEvent| steps.line(event).into_iter().collect();
            self.events(Watch::over(GatewayEvents { connection, run_id }), line, output).await
        } else {
            let mut lines = LogLines::of(run_id);
            let line = move |event: &AnyEvent| lines.lines(event);
            self.events(Watch::over(LogEvents { connection, run_id }), line, output).await
        };
        output.end();
        followed
    }

    async fn events<R: ErrorBody>(
        &mut self,
        watch: Watch<'_, AnyEvent, R>,
        mut lines: impl FnMut(&AnyEvent) -> Vec<String>,
        output: &mut Output,
    ) -> Result<FollowEnd, Failure> {
        let mut items = if self.after > 0 { watch.after(self.after) } else { watch }.with_interruptions();
        let mut stopping = false;
        loop {
            let item = tokio::select! {
                item = items.next() => item,
                () = self.signals.next() => match self.stopped(stopping, output).await? {
                    Some(followed) => return Ok(followed),
                    None => { stopping = true; continue }
                },
            };
            match item {
                Some(Ok(WatchItem::Event(event))) => self.show(&event, lines(&event), output),
                Some(Ok(WatchItem::Interrupted { cause, wait, count })) => {
                    output.remark(&format!("{cause}; trying again in {wait:?} (attempt {count})"));
                }
                Some(Err(error)) if cannot_stream(&error) => {
                    output.remark(&format!("this gateway does not stream events ({error}); reading the run instead"));
                    return self.poll_until_end(stopping, output).await;
                }
                Some(Err(error)) => return Err(lost(error, self.run_id)),
                None => return Ok(FollowEnd::Ended(Box::new(FinishedRun::read(self.connection, self.run_id).await?))),
            }
            if output.is_closed() && self.stop == Stop::Leaves {
                return Ok(FollowEnd::Left);
            }
        }
    }

    fn show(&self, event: &AnyEvent, lines: Vec<String>, output: &mut Output) {
        if self.shown {
            output.object(&json!({ "kind": "event", "event": event.body }));
            lines.iter().for_each(|line| output.progress(line));
        }
    }

    /// What a signal does. `None`: continue to follow.
    async fn stopped(&mut self, again: bool, output: &mut Output) -> Result<Option<FollowEnd>, Failure> {
        if again {
            output.remark(&format!("not waiting any longer; `runyard get {}` shows how it ended", self.run_id));
            return Ok(Some(FollowEnd::Forced));
        }
        if self.stop == Stop::Leaves {
            let continues = match self.connection.peer() {
                Peer::Here => "the run continues when a server owns the data folder: `runyard serve`",
                Peer::Owner(_) | Peer::Url(_) => "the run continues",
            };
            output.remark(&format!("stopped watching; {continues}"));
            return Ok(Some(FollowEnd::Left));
        }
        output.remark("canceling the run; Ctrl-C again to leave without waiting");
        tokio::select! {
            canceled = self.connection.cancel(self.run_id) => {
                canceled?;
                Ok(None)
            }
            () = self.signals.next() => Ok(Some(FollowEnd::Forced)),
        }
    }

    /// For gateways without the optional event stream.
    async fn poll_until_end(&mut self, mut stopping: bool, output: &mut Output) -> Result<FollowEnd, Failure> {
        let clock = Clock::system();
        loop {
            if let Some(ended) = self.ended().await? {
                return Ok(FollowEnd::Ended(ended));
            }
            tokio::select! {
                () = clock.sleep(POLL_EVERY) => {}
                () = self.signals.next() => match self.stopped(stopping, output).await? {
                    Some(followed) => return Ok(followed),
                    None => stopping = true,
                },
            }
        }
    }

    /// The run, if it has ended.
    async fn ended(&self) -> Result<Option<Box<FinishedRun>>, Failure> {
        let ended = match FinishedRun::read(self.connection, self.run_id).await {
            // The peer is stopping; the next attempt finds another.
            Err(failure) if failure.code == UNREACHABLE || Code::parse(&failure.code) == Some(Code::Stopping) => {
                return Ok(None);
            }
            ended => ended?,
        };
        Ok(outcome::is_final(&ended.run).then(|| Box::new(ended)))
    }
}

/// The events that the run gateway shows, from the peer or the next one when it goes away. They are shown as they were sent, so also
/// those of a gateway that is laxer than its contract.
struct GatewayEvents<'a> {
    connection: &'a Connection,
    run_id: &'a str,
}

impl Source for GatewayEvents<'_> {
    type Refusal = ErrorEnvelope;

    async fn open(&self, after: Option<u64>) -> Result<ResponseValue<ByteStream>, Error> {
        self.connection.events(self.run_id, after).await
    }

    async fn has_ended(&self) -> Result<bool, Error> {
        let run: Run = self.connection.gateway().get_run(self.run_id).await?.into_inner();
        Ok(outcome::is_final(&run))
    }
}

/// The events of the run's own log, from the peer or the next one when it goes away.
struct LogEvents<'a> {
    connection: &'a Connection,
    run_id: &'a str,
}

impl Source for LogEvents<'_> {
    type Refusal = own::ErrorEnvelope;

    async fn open(&self, after: Option<u64>) -> Result<ResponseValue<ByteStream>, runyard::Error> {
        self.connection.log(self.run_id, after).await
    }

    async fn has_ended(&self) -> Result<bool, runyard::Error> {
        Ok(self.connection.runyard().get_run(self.run_id).await?.ended_at.is_some())
    }
}

/// The standard makes the event stream optional, and some servers send something else in its place.
fn cannot_stream<R: ErrorBody>(error: &WatchError<R>) -> bool {
    match error {
        WatchError::NotEvents(_) => true,
        WatchError::Refused(error) => {
            let missing = error.status().is_some_and(|status| matches!(status.as_u16(), 404 | 405 | 501));
            missing && error.code().as_deref().and_then(Code::parse) != Some(Code::RunNotFound)
        }
        WatchError::GaveUp { .. } => false,
    }
}

fn lost<R: ErrorBody>(error: WatchError<R>, run_id: &str) -> Failure {
    let is_lost = matches!(error, WatchError::GaveUp { .. });
    let failure = Failure::from(error);
    if is_lost {
        failure.advise(format!("the run may still continue: `runyard watch {run_id}` follows it again"))
    } else {
        failure
    }
}
