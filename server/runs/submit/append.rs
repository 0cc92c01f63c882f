//! A decision on a run, as an entry of a commit.

use runyard_engine::{Effect, EffectId, Event, Labels, NodeRunId, Position, State};

use super::submitted::CommitExtras;
use crate::runs::{approval_rows, row};
use crate::store::{Append, Epoch, LargeValue};

/// A decision's parts, as a commit takes them.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) events: Vec<Event>,
    pub(super) effects: Vec<Effect>,
    pub(super) dropped: Vec<EffectId>,
    pub(super) settles: Vec<(EffectId, Epoch)>,
    pub(super) values: Vec<LargeValue>,
}

/// The entry of a commit that takes a run from one state to another.
pub(super) fn append(
    tenant: &str,
    before: &State,
    after: &State,
    parts: Parts,
    at_ms: i64,
    extras: &CommitExtras,
) -> Append {
    let expected: Position = before.version;
    Append {
        tenant: tenant.to_owned(),
        run: after.run,
        expected,
        at_ms,
        node_runs: created(&parts.events),
        approvals: approval_rows::changed(after, &parts.events),
        events: parts.events,
        row: row::derive(after),
        effects: parts.effects,
        dropped: parts.dropped,
        settles: parts.settles,
        labels: if expected == 0 { labels(after) } else { Labels::new() },
        sealed: if expected == 0 { extras.sealed.clone() } else { Vec::new() },
        key: extras.key.clone(),
        values: parts.values,
    }
}

fn labels(state: &State) -> Labels {
    state.start.as_ref().map(|start| start.labels.clone()).unwrap_or_default()
}

fn created(events: &[Event]) -> Vec<NodeRunId> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Started { root, .. } => Some(*root),
            Event::ChildCreated(child) => Some(child.node_run),
            _ => None,
        })
        .collect()
}
