//! Removal of old runs: periodic, in small batches, with pauses between them so that commits are not delayed.
//!
//! The store decides which runs may be removed (`store/retention.rs`). This module only selects runs that are too old
//! or too many.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Retention as Settings;
use crate::runs::{Error, Runs};
use crate::store::retention::Retention;
use crate::store::{Cursor, RunRow, Status, StoreError};

/// The most runs of one batch.
const BATCH_RUNS: usize = 64;
/// The most events that are deleted at once.
const BATCH_EVENTS: usize = 256;
/// The pause between two batches.
const PAUSE: Duration = Duration::from_millis(10);
/// How many runs one read returns.
const PAGE: usize = 256;

/// The states that a run ends in.
const FINAL: [Status; 5] =
    [Status::Succeeded, Status::Partial, Status::NothingAchieved, Status::Failed, Status::Canceled];

/// The parts of a removal.
#[derive(Clone)]
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Retention>,
    /// The facade with the caches.
    pub runs: Runs,
    /// What time it is.
    pub clock: Clock,
    /// When runs are too old, or too many.
    pub settings: Settings,
}

/// Removes old runs periodically until it is canceled. Returns at once if the settings keep everything and no removal
/// is unfinished.
pub async fn keep(parts: Parts, stopping: CancellationToken) {
    let work = async {
        loop {
            match round(&parts).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "runs that ended long ago were removed"),
                Err(error) => tracing::warn!(%error, "runs could not be removed; the next round goes on"),
            }
            if !parts.settings.removes() {
                return;
            }
            parts.clock.sleep(Duration::from_secs(parts.settings.interval_seconds)).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = stopping.cancelled() => {}
    }
}

/// Removes the runs of all tenants that are too old or too many now. Returns their number.
///
/// # Errors
/// The store did not answer.
pub async fn round(parts: &Parts) -> Result<u64, Error> {
    sweep(parts).await?;
    let mut removed = 0;
    if parts.settings.removes() {
        for tenant in parts.store.tenants().await? {
            removed += of_tenant(parts, &tenant).await?;
        }
    }
    Ok(removed)
}

/// Deletes the remaining data of removed runs.
async fn sweep(parts: &Parts) -> Result<(), StoreError> {
    while parts.store.sweep(BATCH_EVENTS).await? >= BATCH_EVENTS {
        parts.clock.sleep(PAUSE).await;
    }
    Ok(())
}

async fn of_tenant(parts: &Parts, tenant: &str) -> Result<u64, Error> {
    let Settings { max_runs, keys_seconds, .. } = parts.settings;
    let now_ms = parts.clock.now_ms();
    let counts = parts.runs.counts(tenant).await?;
    let ended: u64 = counts.iter().filter(|(status, _)| FINAL.contains(status)).map(|(_, runs)| *runs).sum();
    let mut too_many = max_runs.map_or(0, |max| ended.saturating_sub(max));
    let statuses = FINAL.into_iter().filter(|status| too_many > 0 || parts.settings.max_age_ms(*status).is_some());
    let mut walk = EndedRuns { tenant, waiting: statuses.map(Waiting::new).collect() };
    let mut removed = 0;
    loop {
        let mut batch: Vec<RunRow> = Vec::new();
        let mut more = true;
        while batch.len() < BATCH_RUNS && more {
            let Some(row) = walk.next(parts).await? else {
                more = false;
                break;
            };
            let old = |age_ms: i64| row.ended_at_ms.is_some_and(|ended_at_ms| ended_at_ms <= now_ms - age_ms);
            if batch.len() as u64 >= too_many && !parts.settings.max_age_ms(row.status.into()).is_some_and(old) {
                // Runs that were created later than these ended later, too.
                more = too_many > batch.len() as u64 || parts.settings.could_be_old(now_ms, row.created_at_ms);
            } else {
                batch.push(row);
            }
        }
        let gone = parts.runs.remove(&*parts.store, tenant, &batch, now_ms - milliseconds(keys_seconds)).await?;
        removed += gone.len() as u64;
        too_many = too_many.saturating_sub(gone.len() as u64);
        sweep(parts).await?;
        if !more {
            return Ok(removed);
        }
        parts.clock.sleep(PAUSE).await;
    }
}

/// Ended runs, oldest first by creation, over several states.
struct EndedRuns<'a> {
    tenant: &'a str,
    waiting: Vec<Waiting>,
}

/// The next runs of one state.
struct Waiting {
    status: Status,
    rows: VecDeque<RunRow>,
    after: Option<Cursor>,
    over: bool,
}

impl Waiting {
    fn new(status: Status) -> Self {
        Waiting { status, rows: VecDeque::new(), after: None, over: false }
    }
}

impl EndedRuns<'_> {
    async fn next(&mut self, parts: &Parts) -> Result<Option<RunRow>, StoreError> {
        for waiting in &mut self.waiting {
            if waiting.rows.is_empty() && !waiting.over {
                let page = parts.store.oldest(self.tenant, waiting.status, waiting.after, PAGE).await?;
                waiting.over = page.len() < PAGE;
                waiting.after = page.last().map(|row| Cursor { created_at_ms: row.created_at_ms, run: row.run });
                waiting.rows = page.into();
            }
        }
        let place = |waiting: &Waiting| waiting.rows.front().map(|row| (row.created_at_ms, row.run));
        let first =
            self.waiting.iter_mut().filter(|waiting| !waiting.rows.is_empty()).min_by_key(|waiting| place(waiting));
        Ok(first.and_then(|waiting| waiting.rows.pop_front()))
    }
}

fn milliseconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000)
}

#[cfg(test)]
mod tests;
