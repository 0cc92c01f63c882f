//! Lists of runs, newest first. There is one ordered scan for each status and each value of the first label, and the
//! results are merged: one query over all could not use the order of an index. A scan returns only places, most of them
//! from the index alone, and stops when there are enough. Rows are read only for listed runs.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use runyard_engine::RunId;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::append;
use super::convert::{self, Id};
use crate::{Cursor, Filter, LabelFilter, RunPhase, RunRow, Status, StoreError};

/// A run's place in the order of lists.
type Place = (i64, RunId);

/// Runs that match the filter, after the cursor.
pub(super) fn after(
    connection: &mut Connection,
    tenant: &str,
    filter: &Filter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    list(connection, tenant, walks(tenant, filter, after), 0, limit)
}

/// Runs that match the filter, after skipping an offset.
pub(super) fn page(
    connection: &mut Connection,
    tenant: &str,
    filter: &Filter,
    skipped: usize,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    list(connection, tenant, walks(tenant, filter, None), skipped, limit)
}

fn list(
    connection: &mut Connection,
    tenant: &str,
    walks: Vec<OrderedQuery>,
    skipped: usize,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    let snapshot = connection.transaction().map_err(convert::failure)?;
    let places = merge(&snapshot, &walks, skipped, limit).map_err(convert::failure)?;
    let rows = places.into_iter().map(|(_, run)| {
        let row = append::row(&snapshot, tenant, run).map_err(convert::failure_of(run))?;
        row.ok_or_else(|| StoreError::Corrupt { run, reason: "it is listed and has no row".to_owned() })
    });
    rows.collect()
}

/// Merges the ordered scans: the newest of their heads is the next. A run with two of the values occurs twice.
fn merge(
    connection: &Connection,
    walks: &[OrderedQuery],
    skipped: usize,
    limit: usize,
) -> rusqlite::Result<Vec<Place>> {
    let mut places = Vec::new();
    if limit == 0 {
        return Ok(places);
    }
    let mut selects = walks.iter().map(|walk| connection.prepare_cached(&walk.sql)).collect::<Result<Vec<_>, _>>()?;
    let mut rows = selects
        .iter_mut()
        .zip(walks)
        .map(|(select, walk)| select.query(params_from_iter(&walk.values)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut heads = BinaryHeap::new();
    for (number, rows) in rows.iter_mut().enumerate() {
        heads.extend(rows.next()?.map(place).transpose()?.map(|place| (place, Reverse(number))));
    }
    let (mut last, mut seen) = (None, 0);
    while let Some((next, Reverse(number))) = heads.pop() {
        heads.extend(rows[number].next()?.map(place).transpose()?.map(|place| (place, Reverse(number))));
        if last.replace(next) == Some(next) {
            continue;
        }
        seen += 1;
        if seen > skipped {
            places.push(next);
            if places.len() == limit {
                break;
            }
        }
    }
    Ok(places)
}

fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok((row.get(0)?, row.get::<_, Id>(1)?.run()))
}

/// One ordered query and its parameters.
pub(super) struct OrderedQuery {
    pub(super) sql: String,
    values: Vec<Value>,
}

impl OrderedQuery {
    fn and(&mut self, clause: &str, value: impl Into<Value>) {
        self.sql.push_str(clause);
        self.values.push(value.into());
    }
}

/// The scans that find all runs that match a filter.
pub(super) fn walks(tenant: &str, filter: &Filter, after: Option<Cursor>) -> Vec<OrderedQuery> {
    let statuses: BTreeSet<Status> = filter.statuses.iter().copied().collect();
    let statuses = if statuses.is_empty() { vec![None] } else { statuses.into_iter().map(Some).collect() };
    let labels = match filter.labels.first() {
        None => vec![None],
        Some(LabelFilter { name, values }) => {
            let values: BTreeSet<&String> = values.iter().collect();
            values.into_iter().map(|value| Some((name.as_str(), value.as_str()))).collect()
        }
    };
    let phases = phases(filter);
    let mut walks = Vec::new();
    for (status, label) in statuses.iter().flat_map(|status| labels.iter().map(|label| (*status, *label))) {
        walks.extend(phases.iter().map(|phase| walk(tenant, filter, Heads { status, label, phase: *phase }, after)));
    }
    walks
}

/// The phases that are scanned one by one: few runs have a phase, and those have their own index. Empty if the filter
/// matches most runs, or if labels are scanned.
fn phases(filter: &Filter) -> Vec<Option<RunPhase>> {
    let wanted: BTreeSet<RunPhase> = filter.phases.iter().copied().collect();
    let walked = !wanted.is_empty() && !wanted.contains(&RunPhase::Plain) && filter.labels.is_empty();
    if walked { wanted.into_iter().map(Some).collect() } else { vec![None] }
}

/// The source of one scan.
#[derive(Clone, Copy)]
struct Heads<'a> {
    status: Option<Status>,
    label: Option<(&'a str, &'a str)>,
    phase: Option<RunPhase>,
}

fn walk(tenant: &str, filter: &Filter, heads: Heads<'_>, after: Option<Cursor>) -> OrderedQuery {
    let Heads { status, label, phase } = heads;
    let Filter { statuses: _, phases, api, node_type, created_from_ms, created_before_ms, labels } = filter;
    let asks_row = status.is_some() || !phases.is_empty() || api.is_some() || node_type.is_some();
    let (table, join) = match label {
        None => ("runs", ""),
        // In this order: the scan uses the labels.
        Some(_) if asks_row => ("labels", " CROSS JOIN runs ON runs.tenant = labels.tenant AND runs.run = labels.run"),
        Some(_) => ("labels", ""),
    };
    let sql = format!("SELECT {table}.created_at_ms, {table}.run FROM {table}{join} WHERE {table}.tenant = ?");
    let mut walk = OrderedQuery { sql, values: vec![Value::from(tenant.to_owned())] };
    if let Some((name, value)) = label {
        walk.and(" AND labels.name = ?", name.to_owned());
        walk.and(" AND labels.value = ?", value.to_owned());
    }
    // A unary plus where phases are scanned, so that SQLite uses no other index.
    let sign = if phase.is_some() { "+" } else { "" };
    if let Some(status) = status {
        walk.and(&format!(" AND {sign}runs.status = ?"), status.word().to_owned());
    }
    if let Some(phase) = phase {
        // The same text as in the index, because the planner compares the text.
        walk.and(" AND runs.standing <> 'plain' AND runs.standing = ?", phase.word().to_owned());
    } else if !phases.is_empty() {
        let marks = vec!["?"; phases.len()].join(", ");
        walk.sql.push_str(&format!(" AND runs.standing IN ({marks})"));
        walk.values.extend(phases.iter().map(|phase| Value::from(phase.word().to_owned())));
    }
    if let Some(api) = api {
        walk.and(&format!(" AND {sign}runs.face = ?"), api.clone());
    }
    if let Some(node_type) = node_type {
        walk.and(&format!(" AND {sign}runs.node_type = ?"), node_type.clone());
    }
    if let Some(from) = *created_from_ms {
        walk.and(&format!(" AND {table}.created_at_ms >= ?"), from);
    }
    // The tighter one of cursor and bound: with both, the index scan might start at the wrong one.
    match (after, *created_before_ms) {
        (Some(after), before) if before.is_none_or(|before| after.created_at_ms < before) => {
            walk.and(&format!(" AND ({table}.created_at_ms, {table}.run) < (?"), after.created_at_ms);
            walk.and(", ?)", after.run.uuid().as_bytes().to_vec());
        }
        (_, Some(before)) => walk.and(&format!(" AND {table}.created_at_ms < ?"), before),
        (_, None) => {}
    }
    for LabelFilter { name, values } in labels.iter().skip(1) {
        walk.and(
            " AND EXISTS (SELECT 1 FROM labels AS more WHERE more.tenant = labels.tenant AND more.name = ?",
            name.clone(),
        );
        let marks = vec!["?"; values.len()].join(", ");
        walk.sql.push_str(&format!(
            " AND more.value IN ({marks}) AND more.created_at_ms = labels.created_at_ms AND more.run = labels.run)"
        ));
        walk.values.extend(values.iter().cloned().map(Value::from));
    }
    walk.sql.push_str(&format!(" ORDER BY {table}.created_at_ms DESC, {table}.run DESC"));
    walk
}
