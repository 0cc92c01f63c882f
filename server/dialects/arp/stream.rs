//! Event streams of the gateway and the coordinator: NDJSON, resumable, closed after the run's last event.

use std::sync::Arc;

use futures::{Stream, StreamExt};
use runyard_api::host::{ByteStream, Caller};
use runyard_engine::{NodeRunId, State};

use super::project::{Projection, within};
use crate::feed::{self, Line};
use crate::runs::Runs;

/// Which events are wanted: all of a run's, or those of a node run and its descendants.
#[derive(Debug, Clone, Copy)]
pub enum Scope {
    /// All.
    Run,
    /// Of this node run and what is below it.
    NodeRun(NodeRunId),
}

/// The events of a run with a `seq` greater than `after_seq`, those to come included.
///
/// A `seq` is found by folding the log from its start, so that resuming needs nothing to be remembered.
pub fn events(runs: &Runs, cx: &Caller, state: Arc<State>, scope: Scope, after_seq: u64) -> ByteStream {
    let shown = shown(runs, cx, state, scope, after_seq);
    ByteStream::new(feed::ndjson(shown, runs.clock().clone()))
}

fn shown(
    runs: &Runs,
    cx: &Caller,
    state: Arc<State>,
    scope: Scope,
    after_seq: u64,
) -> impl Stream<Item = Line> + Send + 'static {
    let mut projection = Projection::of(&state);
    let mut family = Family::of(&state, scope);
    let log = runs.follow(&cx.tenant, state.run, 0, cx.stopping.clone());
    log.flat_map(move |recorded| {
        let lines: Vec<Line> = match recorded {
            Err(error) => vec![Err(error)],
            Ok(recorded) => {
                family.learn(&recorded.event);
                let events = projection.project(&recorded).into_iter();
                events
                    .filter(|event| event.seq > after_seq && family.has(event.node_run))
                    .map(|event| Ok(event.body))
                    .collect()
            }
        };
        futures::stream::iter(lines)
    })
}

/// The node runs whose events are wanted; grows as children are created.
struct Family {
    scope: Scope,
    members: std::collections::BTreeSet<NodeRunId>,
}

impl Family {
    fn of(state: &State, scope: Scope) -> Self {
        let members = match scope {
            Scope::Run => Default::default(),
            Scope::NodeRun(top) => state.order.iter().copied().filter(|id| within(state, top, *id)).collect(),
        };
        Family { scope, members }
    }

    fn learn(&mut self, event: &runyard_engine::Event) {
        if let runyard_engine::Event::ChildCreated(child) = event
            && self.members.contains(&child.parent)
        {
            self.members.insert(child.node_run);
        }
    }

    fn has(&self, node_run: Option<NodeRunId>) -> bool {
        match self.scope {
            Scope::Run => true,
            Scope::NodeRun(_) => node_run.is_some_and(|id| self.members.contains(&id)),
        }
    }
}
