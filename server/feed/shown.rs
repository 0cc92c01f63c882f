//! The log as an API shows it: a projection of the log with numbered events, resumed after a `seq`.
//!
//! A connect begins at the last [checkpoint](super::checkpoints) before the `seq`, so that its cost does not grow with
//! the run.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::{BoxStream, Stream, StreamExt};
use runyard_engine::{Position, Recorded, RunId, State};
use tokio_util::sync::CancellationToken;

use super::checkpoints::{Checkpoints, STRIDE};
use super::projection::{Projection, ProjectionError};
use super::{Feed, Reach};
use crate::store::{StoreError, Tenant};

/// Which events of a run a stream shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRange {
    /// Only those with a greater `seq`.
    pub after_seq: u64,
    /// Where the stream ends.
    pub reach: Reach,
}

/// Whether a stream continues after a stored event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goes {
    /// It continues.
    On,
    /// This event is the last one.
    EndsAfter,
    /// The event before this one is the last one.
    EndsBefore,
}

impl Feed {
    /// A run's events as an API shows them. `look` gets every stored event that is projected, and can end the stream.
    pub fn shown<P: Projection>(
        &self,
        tenant: Tenant,
        state: &State,
        wanted: EventRange,
        stopping: CancellationToken,
        look: impl FnMut(&Recorded) -> Goes + Send + 'static,
    ) -> impl Stream<Item = Result<P::Shown, StoreError>> + Send + 'static {
        let run = state.run;
        // Not after the cached state, so that the state is valid where the projection begins.
        let found = self.checkpoints.before::<P>(&tenant, run, wanted.after_seq, state.version);
        let (position, projection) = found.unwrap_or_else(|| (0, P::of(state)));
        let log = match wanted.reach {
            Reach::Live => self.follow(tenant.clone(), run, position, stopping).boxed(),
            Reach::Recorded => self.recorded(tenant.clone(), run, position).boxed(),
        };
        let writer = CheckpointWriter { checkpoints: self.checkpoints.clone(), tenant, run, kept: position };
        let fold = Fold {
            log,
            look,
            after_seq: wanted.after_seq,
            ready: VecDeque::new(),
            ended: false,
            at: At { position, projection: Some(projection), writer },
        };
        futures::stream::unfold(fold, |mut fold| async move { fold.next().await.map(|shown| (shown, fold)) })
    }
}

struct Fold<P: Projection, Look> {
    log: BoxStream<'static, Result<Arc<Recorded>, StoreError>>,
    look: Look,
    after_seq: u64,
    ready: VecDeque<P::Shown>,
    ended: bool,
    at: At<P>,
}

impl<P: Projection, Look: FnMut(&Recorded) -> Goes> Fold<P, Look> {
    async fn next(&mut self) -> Option<Result<P::Shown, StoreError>> {
        loop {
            if let Some(shown) = self.ready.pop_front() {
                return Some(Ok(shown));
            }
            if self.ended {
                return None;
            }
            match self.log.next().await? {
                Ok(recorded) => {
                    if let Err(error) = self.fold(&recorded) {
                        self.ended = true;
                        return Some(Err(error.into()));
                    }
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), ProjectionError> {
        let goes = (self.look)(recorded);
        self.ended = goes != Goes::On;
        if goes != Goes::EndsBefore {
            let after_seq = self.after_seq;
            self.ready.extend(self.at.project(recorded)?.into_iter().filter(|shown| P::seq_of(shown) > after_seq));
        }
        Ok(())
    }
}

/// A projection and its position. When a stream is dropped, this becomes its last checkpoint.
struct At<P: Projection> {
    position: Position,
    /// Present until it is dropped or fails.
    projection: Option<P>,
    writer: CheckpointWriter,
}

/// Where a stream saves its checkpoints.
struct CheckpointWriter {
    checkpoints: Arc<Checkpoints>,
    tenant: Tenant,
    run: RunId,
    /// The position of the last one.
    kept: Position,
}

impl<P: Projection> At<P> {
    fn project(&mut self, recorded: &Recorded) -> Result<Vec<P::Shown>, ProjectionError> {
        // Taken, so that a projection that failed does not become a checkpoint.
        let Some(mut projection) = self.projection.take() else { return Ok(Vec::new()) };
        let shown = projection.project(recorded)?;
        self.position = recorded.position;
        if self.position - self.writer.kept >= STRIDE {
            self.writer.keep(self.position, projection.clone());
        }
        self.projection = Some(projection);
        Ok(shown)
    }
}

impl CheckpointWriter {
    fn keep<P: Projection>(&mut self, position: Position, projection: P) {
        self.checkpoints.keep(&self.tenant, self.run, position, projection);
        self.kept = position;
    }
}

impl<P: Projection> Drop for At<P> {
    fn drop(&mut self) {
        if let Some(projection) = self.projection.take().filter(|_| self.position > self.writer.kept) {
            self.writer.keep(self.position, projection);
        }
    }
}
