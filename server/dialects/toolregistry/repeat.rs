//! Runs that repeat an earlier one: the user's last successful run under the same key, if its intent is identical. Such
//! a run may use only the tools that the earlier one used successfully.

use std::collections::BTreeSet;

use runyard_api::host::Caller;
use runyard_engine::event::FinalState;
use runyard_engine::{RunId, RunOutcome, RunStatus, State};

use super::create::{PLANNER, REPEAT_KEY, USER};
use super::{API, Handlers, wire};
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::runs::Error;
use crate::store::{Filter, LabelFilter, Status};

/// The run that is repeated.
pub(super) struct Repeated {
    /// The earlier run.
    pub(super) run: RunId,
    /// The node types that the new run may use, including the planner.
    pub(super) node_type_ids: BTreeSet<String>,
}

impl Handlers {
    /// The run that one with this key and intent repeats. It must be of the same user, because other users' runs are
    /// private.
    pub(super) async fn repeated(
        &self,
        cx: &Caller,
        user: &str,
        key: &str,
        intent: &str,
    ) -> Result<Option<Repeated>, Refusal> {
        let label = |name: &str, value: &str| LabelFilter { name: name.to_owned(), values: vec![value.to_owned()] };
        let filter = Filter {
            api: Some(API.to_owned()),
            statuses: vec![Status::Succeeded],
            labels: vec![label(REPEAT_KEY, key), label(USER, user)],
            ..Filter::default()
        };
        let rows = self.runs.list(&cx.tenant, &filter, None, 1).await?;
        let found = match rows.first() {
            Some(row) => self.runs.by_id(&cx.tenant, row.run).await,
            // A run without a key is found by its own id.
            None => self.runs.get(&cx.tenant, key).await,
        };
        let state = match found {
            Ok(state) => state,
            Err(Error::UnknownRun(_)) => return Ok(None),
            Err(error) => return Err(of_runs(error)),
        };
        let repeats = is_of_here(&state)
            && state.status == RunStatus::Final(RunOutcome::Succeeded)
            && wire::repeat_key(&state) == key
            && wire::user(&state) == Some(user)
            && wire::intent(&state) == intent;
        Ok(repeats.then(|| Repeated { run: state.run, node_type_ids: used(&state) }))
    }
}

fn is_of_here(state: &State) -> bool {
    state.start.as_ref().is_some_and(|start| start.api == API)
}

/// The node types of all node runs that succeeded.
fn used(state: &State) -> BTreeSet<String> {
    let succeeded = state.nodes.values().filter(|node| node.final_state() == Some(FinalState::Succeeded));
    succeeded.map(|node| node.node_type.id.clone()).chain([PLANNER.to_owned()]).collect()
}
