//! Effects in SQLite: claimed, renewed, and when to look again. They are asked for and removed in `append.rs`.

use runyard_engine::{Effect, EffectId, RunId};
use rusqlite::{Connection, params};

use super::append::Stop;
use super::convert::{self, Id};
use crate::store::{Claimed, Epoch, StoreError};

/// What is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whatever is due.
    All,
    /// Timers alone.
    Timers,
}

impl Wanted {
    /// What holds of it, as `effects_free` and `effects_timers` have it: the planner compares the words.
    const fn clause(self) -> &'static str {
        match self {
            Wanted::All => "lease_until_ms IS NULL",
            Wanted::Timers => "lease_until_ms IS NULL AND request = '{\"type\":\"wake\"}'",
        }
    }
}

#[derive(Debug)]
pub(super) struct Claim {
    pub(super) wanted: Wanted,
    pub(super) claimer: String,
    pub(super) now_ms: i64,
    pub(super) lease_until_ms: i64,
    pub(super) limit: i64,
}

impl Claim {
    pub(super) fn new(wanted: Wanted, claimer: &str, (now_ms, lease_ms): (i64, i64), limit: usize) -> Self {
        let lease_until_ms = now_ms.saturating_add(lease_ms);
        Claim { wanted, claimer: claimer.to_owned(), now_ms, lease_until_ms, limit: convert::limit(limit) }
    }
}

#[derive(Debug)]
pub(super) struct Renewal {
    pub(super) held: Vec<(EffectId, Epoch)>,
    pub(super) lease_until_ms: i64,
}

/// Takes what is due. One that cannot be read is taken too, so that it does not stand in the way of the others; it is
/// reported here and comes up again when its lease runs out.
pub(super) fn claim(connection: &Connection, claim: &Claim) -> Result<Vec<Claimed>, Stop> {
    free_expired(connection, claim.now_ms)?;
    let mut due = connection.prepare_cached(&due_sql(claim.wanted))?;
    let rows = due.query_map(params![claim.now_ms, claim.limit], |row| {
        let ordinal: i64 = row.get(0)?;
        Ok((ordinal, row.get::<_, Epoch>(9)?, claimed(row, claim.lease_until_ms)?))
    })?;
    // Collected first: the index that is being read is about to change.
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;

    let mut take = connection
        .prepare_cached("UPDATE effects SET claimed_by = ?2, lease_until_ms = ?3, epoch = ?4 WHERE ordinal = ?1")?;
    let mut taken = Vec::with_capacity(rows.len());
    for (ordinal, epoch, read) in rows {
        take.execute(params![ordinal, claim.claimer, claim.lease_until_ms, epoch])?;
        match read {
            Ok(claimed) => taken.push(claimed),
            Err(error) => tracing::error!(%error, "an effect cannot be read and is left undone"),
        }
    }
    Ok(taken)
}

pub(super) fn due_sql(wanted: Wanted) -> String {
    let clause = wanted.clause();
    format!(
        "SELECT ordinal, tenant, id, run, node_run, due_at_ms, attempt, format, request, epoch + 1 FROM effects \
         WHERE {clause} AND due_at_ms <= ?1 ORDER BY due_at_ms, ordinal LIMIT ?2"
    )
}

fn claimed(row: &rusqlite::Row<'_>, lease_until_ms: i64) -> rusqlite::Result<Result<Claimed, StoreError>> {
    let run: RunId = row.get::<_, Id>(3)?.run();
    let id = row.get::<_, Id>(2)?.effect();
    let request = convert::request(run, id, row.get(7)?, row.get_ref(8)?.as_bytes()?);
    let (tenant, epoch) = (row.get(1)?, row.get(9)?);
    let (node_run, due_at_ms, attempt) = (row.get::<_, Id>(4)?.node_run(), row.get(5)?, row.get(6)?);
    Ok(request.map(|request| Claimed {
        tenant,
        run,
        effect: Effect { id, node_run, attempt, due_at_ms, request },
        epoch,
        lease_until_ms,
    }))
}

/// A lease that has run out makes its effect free again, in its old place. Its epoch stays until the next claim raises it.
fn free_expired(connection: &Connection, now_ms: i64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("UPDATE effects SET lease_until_ms = NULL, claimed_by = NULL WHERE lease_until_ms <= ?1")?
        .execute([now_ms])
}

/// Ends every lease. The epochs stay, so a claimer that was thought gone cannot settle what another has claimed since.
pub(super) fn free_all(connection: &Connection) -> rusqlite::Result<usize> {
    connection
        .execute("UPDATE effects SET lease_until_ms = NULL, claimed_by = NULL WHERE lease_until_ms IS NOT NULL", [])
}

/// Makes leases last longer; those that are not held any more are left out of the answer.
pub(super) fn renew(connection: &Connection, renewal: &Renewal) -> Result<Vec<EffectId>, Stop> {
    let mut update = connection
        .prepare_cached("UPDATE effects SET lease_until_ms = ?3 WHERE id = ?1 AND epoch = ?2 AND epoch > 0")?;
    let mut renewed = Vec::with_capacity(renewal.held.len());
    for (effect, epoch) in &renewal.held {
        if update.execute(params![Id::from(*effect), epoch, renewal.lease_until_ms])? > 0 {
            renewed.push(*effect);
        }
    }
    Ok(renewed)
}

/// When the next free effect is due or the next lease runs out.
pub(super) fn next_due(connection: &Connection, wanted: Wanted) -> Result<Option<i64>, StoreError> {
    let ask = || connection.prepare_cached(&next_due_sql(wanted))?.query_row([], |row| row.get(0));
    ask().map_err(convert::failure)
}

pub(super) fn next_due_sql(wanted: Wanted) -> String {
    let clause = wanted.clause();
    format!(
        "SELECT min(next) FROM ( \
           SELECT (SELECT min(due_at_ms) FROM effects WHERE {clause}) AS next UNION ALL \
           SELECT (SELECT min(lease_until_ms) FROM effects WHERE lease_until_ms IS NOT NULL))"
    )
}
