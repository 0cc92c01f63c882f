//! Event streams of the gateway and the coordinator: NDJSON, resumable, closed after the last event of the run or the
//! node run.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{Stream, StreamExt};
use runyard_api::arp::schemas::RunEvent;
use runyard_api::host::{ByteStream, Caller};
use runyard_engine::event::FinalState;
use runyard_engine::{Event, NodeRunId, Recorded, State};

use super::project::{Projection, within};
use crate::feed::{self, EventRange, Goes, Line, Reach};
use crate::runs::Runs;

/// Which events a stream has: all of a run's, or those of a node run and its descendants.
#[derive(Debug, Clone, Copy)]
pub enum Scope {
    /// All.
    Run,
    /// Events of this node run and its descendants.
    NodeRun(NodeRunId),
}

/// The events of a run, or of a node run in it.
pub fn events(runs: &Runs, cx: &Caller, state: Arc<State>, scope: Scope, wanted: EventRange) -> ByteStream {
    let shown = shown(runs, cx, &state, scope, wanted);
    ByteStream::new(feed::ndjson(shown, runs.clock().clone()))
}

fn shown(
    runs: &Runs,
    cx: &Caller,
    state: &State,
    scope: Scope,
    wanted: EventRange,
) -> impl Stream<Item = Line<RunEvent>> + Send + 'static {
    let family = Arc::new(Mutex::new(Family::of(state, scope)));
    let members = family.clone();
    let mut end = End::of(state, scope);
    // All events of a node run that has ended are recorded, however long its run goes on.
    let reach = if end.has_come(state) { Reach::Recorded } else { wanted.reach };
    let wanted = EventRange { reach, ..wanted };
    let shown = runs.shown::<Projection>(&cx.tenant, state, wanted, cx.stopping.clone(), move |recorded| {
        locked(&family).learn(&recorded.event);
        end.look(recorded)
    });
    shown.filter_map(move |event| {
        let line = match event {
            Ok(event) => locked(&members).has(event.node_run).then_some(Ok(event.event)),
            Err(error) => Some(Err(error)),
        };
        futures::future::ready(line)
    })
}

fn locked(family: &Mutex<Family>) -> MutexGuard<'_, Family> {
    family.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The node runs whose events are sent. It grows as children are created.
struct Family {
    scope: Scope,
    members: BTreeSet<NodeRunId>,
    /// The composite that was decomposed last: candidates are for its children, which do not exist yet.
    splits: Option<NodeRunId>,
}

impl Family {
    fn of(state: &State, scope: Scope) -> Self {
        let members = match scope {
            Scope::Run => BTreeSet::new(),
            Scope::NodeRun(top) => state.order.iter().copied().filter(|id| within(state, top, *id)).collect(),
        };
        Family { scope, members, splits: None }
    }

    fn learn(&mut self, event: &Event) {
        let (parent, child) = match event {
            Event::Decomposed { node_run, .. } => {
                self.splits = Some(*node_run);
                return;
            }
            Event::CandidatesGenerated { node_run, .. } => (self.splits, *node_run),
            Event::ChildCreated(child) => (Some(child.parent), child.node_run),
            _ => return,
        };
        if parent.is_some_and(|parent| self.members.contains(&parent)) {
            self.members.insert(child);
        }
    }

    fn has(&self, node_run: Option<NodeRunId>) -> bool {
        match self.scope {
            Scope::Run => true,
            Scope::NodeRun(_) => node_run.is_some_and(|id| self.members.contains(&id)),
        }
    }
}

/// Where a stream ends: with the run, or with the node run that it shows.
#[derive(Debug, Clone, Copy)]
enum End {
    Run,
    NodeRun { top: NodeRunId, atomic: bool, finished: bool },
}

impl End {
    fn of(state: &State, scope: Scope) -> Self {
        match scope {
            Scope::Run => End::Run,
            Scope::NodeRun(top) => {
                let atomic = state.node(top).is_some_and(|node| !node.node_type.kind.is_composite());
                End::NodeRun { top, atomic, finished: false }
            }
        }
    }

    /// Whether the node run has ended, so that all its events are recorded.
    fn has_come(&self, state: &State) -> bool {
        match self {
            End::Run => false,
            End::NodeRun { top, .. } => state.node(*top).is_some_and(|node| !node.is_live()),
        }
    }

    /// The last event of a node run is its end. For an atomic node run that was evaluated, it is the evaluation right
    /// after that.
    fn look(&mut self, recorded: &Recorded) -> Goes {
        let End::NodeRun { top, atomic, finished } = self else { return Goes::On };
        match &recorded.event {
            Event::Evaluated { node_run, .. } if *finished && node_run == top => Goes::EndsAfter,
            _ if *finished => Goes::EndsBefore,
            Event::NodeFinished { node_run, state, .. } if node_run == top => {
                *finished = *atomic && matches!(state, FinalState::Succeeded | FinalState::Failed);
                if *finished { Goes::On } else { Goes::EndsAfter }
            }
            _ => Goes::On,
        }
    }
}
