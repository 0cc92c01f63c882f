//! Read-only access to a database for `runyard check`: one snapshot, no threads, no migration. This module does not
//! know what rows should contain: `runyard check` compares them with the logs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runyard_engine::large::Digest;
use runyard_engine::{Effect, EffectId, NodeRunId, Position, Recorded, RunId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::ack_log;
use super::convert::{self, Id};
use super::{append, approvals, in_row, node_runs, read, schema, values};
use crate::approval::{ApprovalFilter, ApprovalRow};
use crate::maintenance::{Inspect, LostRun, Place, SideRow, Table};
use crate::{KeyUse, RunRow, Status, StoreError, Tenant};

/// The table's name, or a query of the rows if it consists of two tables.
const fn name(table: Table) -> &'static str {
    match table {
        Table::Effects => "(SELECT tenant, run, id FROM effects UNION ALL SELECT tenant, run, id FROM in_hand)",
        Table::NodeRuns => "node_runs",
        Table::Labels => "labels",
        Table::Approvals => "approvals",
        Table::Keys => "idempotency_keys",
        Table::Values => "value_names",
    }
}

const fn columns(table: Table) -> &'static str {
    match table {
        Table::Effects => "id",
        Table::NodeRuns => "node_run",
        Table::Labels => "name, value",
        Table::Approvals => "approval",
        Table::Keys => "scope, key",
        Table::Values => "digest",
    }
}

fn read_row(table: Table, row: &Row<'_>) -> rusqlite::Result<SideRow> {
    Ok(match table {
        Table::Effects => SideRow::Effect(row.get::<_, Id>(2)?.effect()),
        Table::NodeRuns => SideRow::NodeRun(row.get::<_, Id>(2)?.node_run()),
        Table::Labels => SideRow::Label(row.get(2)?, row.get(3)?),
        Table::Approvals => SideRow::Approval(row.get::<_, Id>(2)?.approval()),
        Table::Keys => SideRow::Key(row.get(2)?, row.get(3)?),
        Table::Values => SideRow::Value(values::digest(&row.get::<_, Vec<u8>>(2)?)?),
    })
}

/// A database, and a snapshot of it.
pub(super) struct Inspection {
    connection: Connection,
    path: PathBuf,
}

impl Inspection {
    /// See [`Maintenance::inspect`](crate::maintenance::Maintenance::inspect).
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = schema::open_to_read(path)?;
        schema::refuse_other(&connection, path)?;
        connection.execute_batch("BEGIN").map_err(convert::failure)?;
        // The snapshot starts with the first read.
        connection.query_row("SELECT count(*) FROM meta", [], |_| Ok(())).map_err(convert::failure)?;
        Ok(Inspection { connection, path: path.to_owned() })
    }

    fn next_in(&self, table: &str, after: Option<&Place>) -> rusqlite::Result<Option<Place>> {
        let place = |row: &Row<'_>| Ok(Place { tenant: row.get(0)?, run: row.get::<_, Id>(1)?.run() });
        let order = "ORDER BY tenant, run LIMIT 1";
        match after {
            None => {
                let sql = format!("SELECT tenant, run FROM {table} {order}");
                self.connection.prepare_cached(&sql)?.query_row([], place).optional()
            }
            Some(Place { tenant, run }) => {
                let sql = format!("SELECT tenant, run FROM {table} WHERE (tenant, run) > (?1, ?2) {order}");
                self.connection.prepare_cached(&sql)?.query_row(params![tenant, Id::from(*run)], place).optional()
            }
        }
    }

    /// The effect in a run's row.
    fn in_row(&self, place: &Place) -> Result<Option<Effect>, StoreError> {
        let ask = || {
            self.connection
                .prepare_cached("SELECT in_hand FROM runs WHERE tenant = ?1 AND run = ?2 AND in_hand IS NOT NULL")?
                .query_row(params![place.tenant, Id::from(place.run)], |row| row.get::<_, Vec<u8>>(0))
                .optional()
        };
        let Some(bytes) = ask().map_err(convert::failure_of(place.run))? else { return Ok(None) };
        let (_, asked) = in_row::read(&place.tenant, place.run, &bytes)?;
        Ok(Some(Effect::clone(&asked.effect)))
    }

    fn each_in_row(&self, each: &mut dyn FnMut(Place, SideRow) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let sql = "SELECT tenant, run FROM runs WHERE in_hand IS NOT NULL";
        let mut select = self.connection.prepare(sql).map_err(convert::failure)?;
        let mut rows = select.query([]).map_err(convert::failure)?;
        while let Some(row) = rows.next().map_err(convert::failure)? {
            let read = || Ok(Place { tenant: row.get(0)?, run: row.get::<_, Id>(1)?.run() });
            let place = read().map_err(convert::failure)?;
            if let Some(effect) = self.in_row(&place)? {
                each(place, SideRow::Effect(effect.id))?;
            }
        }
        Ok(())
    }
}

impl Inspect for Inspection {
    fn lost(&self) -> Result<Vec<LostRun>, StoreError> {
        ack_log::lost(&self.connection, &self.path)
    }

    fn damage(&self, each: &mut dyn FnMut(String)) -> Result<(), StoreError> {
        let mut look = self.connection.prepare("PRAGMA integrity_check(1000)").map_err(convert::failure)?;
        let mut lines = look.query([]).map_err(convert::failure)?;
        while let Some(line) = lines.next().map_err(convert::failure)? {
            let line: String = line.get(0).map_err(convert::failure)?;
            if line != "ok" {
                each(line);
            }
        }
        Ok(())
    }

    fn next(&self, after: Option<&Place>) -> Result<Option<Place>, StoreError> {
        let ask = |table: &str| self.next_in(table, after).map_err(convert::failure);
        Ok(ask("runs")?.into_iter().chain(ask("log")?).min())
    }

    fn place_of(&self, run: RunId) -> Result<Option<Place>, StoreError> {
        let ask = |table: &str| {
            let sql = format!("SELECT tenant FROM {table} WHERE run = ?1 LIMIT 1");
            let tenant = self.connection.query_row(&sql, [Id::from(run)], |row| row.get(0)).optional();
            tenant.map(|tenant| tenant.map(|tenant| Place { tenant, run })).map_err(convert::failure)
        };
        Ok(ask("runs")?.or(ask("log")?))
    }

    fn row(&self, place: &Place) -> Result<Option<RunRow>, StoreError> {
        append::row(&self.connection, &place.tenant, place.run).map_err(convert::failure_of(place.run))
    }

    fn log(&self, place: &Place, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        read::log_as_it_is(&self.connection, &place.tenant, place.run, after, limit)
    }

    fn is_going(&self, place: &Place) -> Result<bool, StoreError> {
        let ask = || {
            self.connection
                .prepare_cached("SELECT 1 FROM removals WHERE tenant = ?1 AND run = ?2")?
                .exists(params![place.tenant, Id::from(place.run)])
        };
        ask().map_err(convert::failure)
    }

    fn effect(&self, place: &Place, id: EffectId) -> Result<Option<(RunId, Effect)>, StoreError> {
        let tenant = &place.tenant;
        if let Some(effect) = self.in_row(place)?.filter(|effect| effect.id == id) {
            return Ok(Some((place.run, effect)));
        }
        let ask = || {
            self.connection
                .prepare_cached(
                    "SELECT run, node_run, due_at_ms, attempt, format, request FROM effects WHERE id = ?1 AND tenant = ?2 \
                     UNION ALL \
                     SELECT run, node_run, due_at_ms, attempt, format, request FROM in_hand WHERE id = ?1 AND tenant = ?2",
                )?
                .query_row(params![Id::from(id), tenant], |row| {
                    let run = row.get::<_, Id>(0)?.run();
                    let request = convert::request(run, id, row.get(4)?, row.get_ref(5)?.as_bytes()?);
                    let (node_run, due_at_ms) = (row.get::<_, Id>(1)?.node_run(), row.get(2)?);
                    let attempt = row.get(3)?;
                    Ok(request.map(|request| (run, Effect { id, node_run, attempt, due_at_ms, request })))
                })
                .optional()
        };
        ask().map_err(convert::failure)?.transpose()
    }

    fn run_of(&self, tenant: &str, node_run: NodeRunId) -> Result<Option<(RunId, bool)>, StoreError> {
        node_runs::run_of(&self.connection, tenant, node_run)
    }

    fn has_label(&self, place: &Place, created_at_ms: i64, name: &str, value: &str) -> Result<bool, StoreError> {
        let ask = || {
            self.connection
                .prepare_cached(
                    "SELECT 1 FROM labels WHERE tenant = ?1 AND name = ?2 AND value = ?3 AND created_at_ms = ?4 AND run = ?5",
                )?
                .exists(params![place.tenant, name, value, created_at_ms, Id::from(place.run)])
        };
        ask().map_err(convert::failure)
    }

    fn approvals(&self, place: &Place) -> Result<Vec<ApprovalRow>, StoreError> {
        let filter = ApprovalFilter { run: Some(place.run), ..ApprovalFilter::default() };
        approvals::list_one(&self.connection, &place.tenant, None, &filter, None, usize::MAX)
    }

    fn keys(&self, place: &Place) -> Result<Vec<KeyUse>, StoreError> {
        let read = || -> rusqlite::Result<Vec<KeyUse>> {
            self.connection
                .prepare_cached("SELECT scope, key, fingerprint FROM idempotency_keys WHERE tenant = ?1 AND run = ?2")?
                .query_map(params![place.tenant, Id::from(place.run)], |row| {
                    Ok(KeyUse { scope: row.get(0)?, key: row.get(1)?, fingerprint: row.get(2)?, run: place.run })
                })?
                .collect()
        };
        read().map_err(convert::failure)
    }

    fn value(&self, place: &Place, digest: Digest) -> Result<Option<String>, StoreError> {
        values::get(&self.connection, &place.tenant, place.run, digest)
    }

    fn counts(&self) -> Result<BTreeMap<(Tenant, Status), i64>, StoreError> {
        let read = || -> rusqlite::Result<BTreeMap<(Tenant, Status), i64>> {
            self.connection
                .prepare("SELECT tenant, status, runs FROM status_counts WHERE runs <> 0")?
                .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?
                .collect()
        };
        read().map_err(convert::failure)
    }

    fn total(&self, table: Table) -> Result<u64, StoreError> {
        let count = |sql: &str| -> Result<i64, StoreError> {
            self.connection.query_row(sql, [], |row| row.get(0)).map_err(convert::failure)
        };
        let rows = count(&format!("SELECT count(*) FROM {}", name(table)))?;
        let in_rows = match table {
            Table::Effects => count("SELECT count(*) FROM runs WHERE in_hand IS NOT NULL")?,
            _ => 0,
        };
        Ok((rows + in_rows).unsigned_abs())
    }

    fn each(
        &self,
        table: Table,
        each: &mut dyn FnMut(Place, SideRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = format!("SELECT tenant, run, {} FROM {}", columns(table), name(table));
        let mut select = self.connection.prepare(&sql).map_err(convert::failure)?;
        let mut rows = select.query([]).map_err(convert::failure)?;
        while let Some(row) = rows.next().map_err(convert::failure)? {
            let read = || -> rusqlite::Result<(Place, SideRow)> {
                let place = Place { tenant: row.get(0)?, run: row.get::<_, Id>(1)?.run() };
                Ok((place, read_row(table, row)?))
            };
            let (place, beside) = read().map_err(convert::failure)?;
            each(place, beside)?;
        }
        if table == Table::Effects { self.each_in_row(each) } else { Ok(()) }
    }
}
