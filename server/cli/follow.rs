//! Following a run to its end: events as they happen, over cut connections, and what Ctrl-C means meanwhile.

use std::time::Duration;

use futures::StreamExt;
use runyard_api::arp::schemas::Run;
use runyard_client::run_gateway::types::ErrorEnvelope;
use runyard_client::run_gateway::{ByteStream, Error, ResponseValue};
use runyard_client::watch::{AnyEvent, Seen, Source, Watch, WatchError};
use serde_json::json;

use super::connection::{Connection, Peer};
use super::failure::{Failure, UNREACHABLE};
use super::outcome;
use super::output::Output;
use super::signals::Signals;
use super::steps::Steps;
use crate::clock::Clock;
use crate::codes::Code;

/// How often a gateway that does not stream is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What the first Ctrl-C means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Cancel the run and follow it to that end.
    Cancels,
    /// Look away; the run goes on.
    Leaves,
}

/// How following ended.
#[derive(Debug)]
pub(super) enum Followed {
    /// With the run.
    Ended(Box<Run>),
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
    pub(super) async fn until_end(mut self, output: &mut Output) -> Result<Followed, Failure> {
        let watch = Watch::over(Events { connection: self.connection, run_id: self.run_id });
        let mut told = if self.after > 0 { watch.after(self.after) } else { watch }.told();
        let mut steps = Steps::default();
        let mut asked_to_stop = false;
        loop {
            let seen = tokio::select! {
                seen = told.next() => seen,
                () = self.signals.next() => match self.stopped(asked_to_stop, output).await? {
                    Some(followed) => return Ok(followed),
                    None => { asked_to_stop = true; continue }
                },
            };
            match seen {
                Some(Ok(Seen::Event(event))) => self.show(&mut steps, &event, output),
                Some(Ok(Seen::Interrupted { cause, wait, count })) => {
                    output.remark(&format!("{cause}; trying again in {wait:?} (attempt {count})"));
                }
                Some(Err(error)) if cannot_stream(&error) => {
                    output
                        .remark(&format!("this gateway does not stream events ({error}); asking for the run instead"));
                    return self.ask_until_end(asked_to_stop, output).await;
                }
                Some(Err(error)) => return Err(lost(error, self.run_id)),
                None => return Ok(Followed::Ended(Box::new(self.look().await?))),
            }
            if output.is_closed() && self.stop == Stop::Leaves {
                return Ok(Followed::Left);
            }
        }
    }

    fn show(&self, steps: &mut Steps, event: &AnyEvent, output: &mut Output) {
        let line = steps.line(event);
        if self.shown {
            output.object(&json!({ "kind": "event", "event": event.body }));
            if let Some(line) = line {
                output.line(&line);
            }
        }
    }

    /// What a signal does. `None`: go on following.
    async fn stopped(&mut self, again: bool, output: &mut Output) -> Result<Option<Followed>, Failure> {
        if again {
            output.remark(&format!("not waiting any longer; `runyard get {}` says how it ended", self.run_id));
            return Ok(Some(Followed::Forced));
        }
        if self.stop == Stop::Leaves {
            let goes_on = match self.connection.peer() {
                Peer::Here => "it goes on when a server owns the data folder: `runyard serve`",
                Peer::Owner(_) | Peer::Url(_) => "the run goes on",
            };
            output.remark(&format!("no longer watching; {goes_on}"));
            return Ok(Some(Followed::Left));
        }
        output.remark("canceling the run; Ctrl-C again to leave without waiting");
        tokio::select! {
            canceled = self.connection.cancel(self.run_id) => {
                canceled?;
                Ok(None)
            }
            () = self.signals.next() => Ok(Some(Followed::Forced)),
        }
    }

    /// For gateways whose optional event stream is not there.
    async fn ask_until_end(&mut self, mut asked_to_stop: bool, output: &mut Output) -> Result<Followed, Failure> {
        let clock = Clock::system();
        loop {
            if let Some(run) = self.ended().await? {
                return Ok(Followed::Ended(run));
            }
            tokio::select! {
                () = clock.sleep(ASK_EVERY) => {}
                () = self.signals.next() => match self.stopped(asked_to_stop, output).await? {
                    Some(followed) => return Ok(followed),
                    None => asked_to_stop = true,
                },
            }
        }
    }

    /// The run, if it has ended.
    async fn ended(&self) -> Result<Option<Box<Run>>, Failure> {
        let run = match self.look().await {
            // The peer is on its way out; whoever follows finds the next one.
            Err(failure) if failure.code == UNREACHABLE || Code::parse(&failure.code) == Some(Code::Stopping) => {
                return Ok(None);
            }
            run => run?,
        };
        Ok(outcome::is_final(&run).then(|| Box::new(run)))
    }

    async fn look(&self) -> Result<Run, Failure> {
        Ok(self.connection.gateway().get_run(self.run_id).await?.into_inner())
    }
}

/// Where the events come from: the peer, or the next one when it goes away. They are shown as they were sent, so also those of a
/// gateway that is laxer than its contract.
struct Events<'a> {
    connection: &'a Connection,
    run_id: &'a str,
}

impl Source for Events<'_> {
    type Refusal = ErrorEnvelope;

    async fn open(&self, after: Option<u64>) -> Result<ResponseValue<ByteStream>, Error> {
        self.connection.events(self.run_id, after).await
    }

    async fn has_ended(&self) -> Result<bool, Error> {
        Ok(outcome::is_final(&*self.connection.gateway().get_run(self.run_id).await?))
    }
}

/// The standard makes the event stream optional, and some send one that is none.
fn cannot_stream(error: &WatchError<ErrorEnvelope>) -> bool {
    match error {
        WatchError::NotEvents(_) => true,
        WatchError::Refused(error) => {
            let missing = error.status().is_some_and(|status| matches!(status.as_u16(), 404 | 405 | 501));
            missing && error.code().as_deref().and_then(Code::parse) != Some(Code::RunNotFound)
        }
        WatchError::GaveUp { .. } => false,
    }
}

fn lost(error: WatchError<ErrorEnvelope>, run_id: &str) -> Failure {
    let is_lost = matches!(error, WatchError::GaveUp { .. });
    let failure = Failure::from(error);
    if is_lost {
        failure.advise(format!("the run may well go on: `runyard watch {run_id}` follows it again"))
    } else {
        failure
    }
}
