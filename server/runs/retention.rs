//! Removal of ended runs.

use runyard_engine::{RunId, State, closing_effects};

use super::{Error, Runs, threads};
use crate::store::RunRow;
use crate::store::retention::{Removal, Retention};

impl Runs {
    /// Removes those of these runs that may be removed, and returns them. From then on no caller finds them. The store
    /// that removes is this server's own.
    ///
    /// # Errors
    /// The store failed.
    pub async fn remove(
        &self,
        store: &dyn Retention,
        tenant: &str,
        rows: &[RunRow],
        keys_before_ms: i64,
    ) -> Result<Vec<RunId>, Error> {
        let mut removals = Vec::with_capacity(rows.len());
        for row in rows {
            match self.removal(tenant, row).await {
                Ok(removal) => removals.extend(removal),
                // A damaged run stays, so that it can be inspected.
                Err(error) => tracing::warn!(%error, run_id = %row.run, "a run cannot be read, and is not removed"),
            }
        }
        let gone = store.remove(tenant, removals, keys_before_ms).await?;
        for run in &gone {
            self.submitter.forget(tenant, *run);
            self.feed.checkpoints.forget(tenant, *run);
        }
        Ok(gone)
    }

    /// Reads the log without caching the state, because nothing reads it again.
    async fn removal(&self, tenant: &str, row: &RunRow) -> Result<Option<Removal>, Error> {
        Ok(self.submitter.replayed(tenant, row.run).await?.as_ref().and_then(removal))
    }
}

/// What the store needs to remove a run; `None` if the run never began.
pub(crate) fn removal(state: &State) -> Option<Removal> {
    let start = state.start.as_deref()?;
    Some(Removal {
        run: state.run,
        version: state.version,
        labels: start.labels.clone(),
        thread: start.turn.as_ref().map_or_else(|| threads::own(state.run), |turn| turn.thread.clone()),
        parent: start.parent.as_ref().map(|parent| parent.run),
        closing_effects: closing_effects(state),
    })
}
