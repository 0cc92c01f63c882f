//! Runs that have ended, removed for good.

use runyard_engine::{Event, RunId};

use super::{Error, Runs, threads};
use crate::store::RunRow;
use crate::store::retention::{Removal, Retention};

impl Runs {
    /// Removes those of these runs that may go, and answers with them. From then on nobody finds them. The store that removes is this
    /// one's own.
    ///
    /// # Errors
    /// The store did not do it.
    pub async fn remove(
        &self,
        store: &dyn Retention,
        tenant: &str,
        rows: &[RunRow],
        keys_before_ms: i64,
    ) -> Result<Vec<RunId>, Error> {
        let mut removals = Vec::with_capacity(rows.len());
        for row in rows {
            match self.store.log(tenant, row.run, 0, 1).await.map(|log| log.into_iter().next()) {
                Ok(Some(first)) => removals.extend(removal(row, &first.event)),
                Ok(None) => {}
                // Whoever looks into what is damaged finds it as it was.
                Err(error) => tracing::warn!(%error, run_id = %row.run, "a run cannot be read, and is not removed"),
            }
        }
        let gone = store.remove(tenant, removals, keys_before_ms).await?;
        gone.iter().for_each(|run| self.submitter.forget(*run));
        Ok(gone)
    }
}

fn removal(row: &RunRow, first: &Event) -> Option<Removal> {
    let Event::Started { start, .. } = first else { return None };
    let thread = start.turn.as_ref().map_or_else(|| threads::own(row.run), |turn| turn.thread.clone());
    Some(Removal { run: row.run, version: row.version, labels: start.labels.clone(), thread })
}
