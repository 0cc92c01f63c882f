//! The run of each node run. A node run's id starts like its run's id, so it identifies the run unless another run
//! started in the same millisecond with the same first random bits. Other node runs have an index row each: those from
//! before event format 5, whose ids are hashes, and those of a run whose id starts like another's.

use runyard_engine::{NodeRunId, RunId};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::convert::{self, Id};
use crate::{Append, StoreError};

/// Runs that start like an id, the first of them first. Two ranges, because the version of a UUID is inside the shared
/// part: version 7 for normal runs, and 8 for runs that another run has started.
const ALIKE: &str = "SELECT run FROM ( \
       SELECT rowid AS place, run FROM runs WHERE tenant = ?1 AND run BETWEEN ?2 AND ?3 UNION ALL \
       SELECT rowid, run FROM runs WHERE tenant = ?1 AND run BETWEEN ?4 AND ?5) ORDER BY place LIMIT 2";
const ROW: &str = "SELECT run FROM node_runs WHERE tenant = ?1 AND node_run = ?2";
/// Queries that must not scan whole tables, for tests.
#[cfg(test)]
pub(super) const QUERIES: [&str; 2] = [ALIKE, ROW];

/// Writes index rows for node runs whose ids are ambiguous. The run's own row exists already.
pub(super) fn write(connection: &Connection, append: &Append) -> rusqlite::Result<()> {
    if append.node_runs.is_empty() {
        return Ok(());
    }
    // Later node runs with the same start of the id will find this run.
    let alone = alike(connection, &append.tenant, append.run.uuid())? == [append.run];
    let mut node_runs: Vec<_> = append.node_runs.iter().filter(|id| !alone || !id.is_timed(append.run)).collect();
    // In the order of the index: rows added at its end fill its pages.
    node_runs.sort_unstable();
    for node_run in node_runs {
        connection
            .prepare_cached("INSERT INTO node_runs (tenant, node_run, run) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![append.tenant, Id::from(*node_run), Id::from(append.run)])?;
    }
    Ok(())
}

/// The run of a node run, and whether an index row names it.
pub(super) fn run_of(
    connection: &Connection,
    tenant: &str,
    node_run: NodeRunId,
) -> Result<Option<(RunId, bool)>, StoreError> {
    let ask = || -> rusqlite::Result<Option<(RunId, bool)>> {
        let row = connection
            .prepare_cached(ROW)?
            .query_row(params![tenant, Id::from(node_run)], |row| row.get::<_, Id>(0))
            .optional()?;
        if let Some(run) = row {
            return Ok(Some((run.run(), true)));
        }
        // Of several runs with the same start, all but the first have index rows.
        let first = alike(connection, tenant, node_run.uuid())?.into_iter().next();
        Ok(first.filter(|run| node_run.is_timed(*run)).map(|run| (run, false)))
    };
    ask().map_err(convert::failure)
}

/// The first two runs that start like an id.
fn alike(connection: &Connection, tenant: &str, id: Uuid) -> rusqlite::Result<Vec<RunId>> {
    let bounds = |version: u8| {
        let [mut least, mut most] = [[0_u8; 16], [0xff; 16]];
        for bytes in [&mut least, &mut most] {
            bytes[..8].copy_from_slice(&id.as_bytes()[..8]);
            bytes[6] = bytes[6] & 0x0f | version << 4;
        }
        [least, most]
    };
    let ([least_7, most_7], [least_8, most_8]) = (bounds(7), bounds(8));
    connection
        .prepare_cached(ALIKE)?
        .query_map(params![tenant, least_7, most_7, least_8, most_8], |row| row.get::<_, Id>(0).map(Id::run))?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::conformance::fixture::{Draft, TENANT, go_on, start};
    use crate::sqlite::{FILE_NAME, Options, Sqlite};

    /// An append to another run, with its own node runs.
    fn about(mut draft: Draft, run: RunId, node_runs: &[NodeRunId]) -> Draft {
        (draft.0.run, draft.0.row.run) = (run, run);
        draft.0.node_runs = node_runs.to_vec();
        draft
    }

    #[tokio::test]
    async fn a_node_run_is_found_by_the_time_of_its_run_even_of_two_that_began_alike() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path(), Options::default()).unwrap();
        let run = |digits: &str| RunId::parse(digits).unwrap();
        let first = run("0190b2c3d4e57f89a0123456789abcde");
        let alike = run("0190b2c3d4e57f89b0123456789abcde");
        let other = run("0190b2c3d4e57f90a0123456789abcde");
        let old = run("0190b2c3d4e67f89a0123456789abcde");
        let child = |run, root, key| NodeRunId::child(run, root, key);
        let timed = |run: RunId| {
            let root = NodeRunId::root(run);
            [root, child(run, root, "a"), child(run, root, "b"), child(run, root, "late")]
        };
        let [f, a, o] = [first, alike, other].map(timed);
        let sub_run = RunId::sub_run(first, f[1], 1);
        let s = timed(sub_run);
        let hashed = [NodeRunId::hashed_root(old), child(old, NodeRunId::hashed_root(old), "a")];
        about(start(1), first, &f[..3]).lands(&store).await;
        about(start(2), alike, &a[..3]).lands(&store).await;
        about(start(3), other, &o).lands(&store).await;
        about(start(4), old, &hashed).lands(&store).await;
        about(start(5), sub_run, &s).lands(&store).await;
        about(go_on(1, 1), first, &f[3..]).lands(&store).await;
        about(go_on(2, 1), alike, &a[3..]).lands(&store).await;
        for (run, ids) in [(first, &f[..]), (alike, &a), (other, &o), (old, &hashed), (sub_run, &s)] {
            for id in ids {
                assert_eq!(store.run_of(TENANT, *id).await.unwrap(), Some(run));
                assert_eq!(store.run_of("other", *id).await.unwrap(), None);
            }
        }
        drop(store);
        let database = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        let rows: i64 = database.query_row("SELECT count(*) FROM node_runs", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 4 + 1 + 2, "of the one that began alike, what the first has since, and hashes");
    }
}
