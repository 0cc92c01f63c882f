//! One page of the Runyard API's list of runs.

use std::num::NonZeroU32;

use runyard_api::runyard::types::{RunState, RunSummary};

use crate::harness::World;

/// The filters.
#[derive(Default)]
pub(super) struct RunQuery<'a> {
    pub(super) states: Vec<RunState>,
    pub(super) face: Option<&'a str>,
    pub(super) node_type: Option<&'a str>,
    pub(super) after: Option<jiff::Timestamp>,
    pub(super) before: Option<jiff::Timestamp>,
}

/// One page of runs, and where the next one begins.
pub(super) async fn page(
    world: &World,
    wanted: &RunQuery<'_>,
    limit: u32,
    cursor: Option<&str>,
) -> (Vec<RunSummary>, Option<String>) {
    let states = (!wanted.states.is_empty()).then_some(&wanted.states);
    let (after, before) = (wanted.after.as_ref(), wanted.before.as_ref());
    let limit = NonZeroU32::new(limit);
    let answer = world
        .native
        .list_runs(after, before, cursor, wanted.face, None, limit, wanted.node_type, None, None, states)
        .await;
    let list = answer.unwrap().into_inner();
    (list.runs, list.next_cursor)
}
