//! The table of approvals: written with the log, read by id and in lists.

use runyard_engine::ApprovalId;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};

use super::convert::{self, Id};
use super::stop::Stop;
use crate::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow, ApprovalStatus, Subject};
use crate::{Append, StoreError};

/// The columns of a row, in the order that [`row`] reads them.
const COLUMNS: &str =
    "approval, run, node_run, subject, key, node_type, title, status, asked_at_ms, ended_at_ms, decided_by, comment";

/// Inserts new approvals, and updates title and status of existing ones.
pub(super) fn write(connection: &Connection, append: &Append) -> Result<(), Stop> {
    if append.approvals.is_empty() {
        return Ok(());
    }
    let mut upsert = connection.prepare_cached(
        "INSERT INTO approvals (tenant, approval, run, node_run, subject, key, node_type, title, status, asked_at_ms, \
         ended_at_ms, decided_by, comment) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
         ON CONFLICT (tenant, approval) DO UPDATE SET title = excluded.title, status = excluded.status, \
         ended_at_ms = excluded.ended_at_ms, decided_by = excluded.decided_by, comment = excluded.comment WHERE run = excluded.run",
    )?;
    for row in &append.approvals {
        upsert.execute(params![
            append.tenant,
            Id::from(row.approval),
            Id::from(row.run),
            Id::from(row.node_run),
            row.subject,
            row.key,
            row.node_type,
            row.title,
            row.status,
            row.asked_at_ms,
            row.ended_at_ms,
            row.by,
            row.comment
        ])?;
    }
    Ok(())
}

pub(super) fn get(
    connection: &Connection,
    tenant: &str,
    approval: ApprovalId,
) -> Result<Option<ApprovalRow>, StoreError> {
    let ask = || {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM approvals WHERE tenant = ?1 AND approval = ?2"))?
            .query_row(params![tenant, Id::from(approval)], row)
            .optional()
    };
    ask().map_err(convert::failure)
}

/// Newest first. Each of several statuses has an ordered query, and the results are merged: one query over all could
/// not use the index's order. A run has few approvals, so its index serves for all statuses.
pub(super) fn list(
    connection: &mut Connection,
    tenant: &str,
    filter: &ApprovalFilter,
    after: Option<ApprovalCursor>,
    limit: usize,
) -> Result<Vec<ApprovalRow>, StoreError> {
    let snapshot = connection.transaction().map_err(convert::failure)?;
    let mut statuses = filter.statuses.clone();
    statuses.sort_unstable();
    statuses.dedup();
    let statuses: Vec<Option<ApprovalStatus>> =
        if statuses.is_empty() { vec![None] } else { statuses.into_iter().map(Some).collect() };
    let mut rows = Vec::new();
    for status in statuses {
        rows.extend(list_one(&snapshot, tenant, status, filter, after, limit)?);
    }
    rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.asked_at_ms, row.approval)));
    rows.truncate(limit);
    Ok(rows)
}

/// One ordered query, as one snapshot sees it.
pub(super) fn list_one(
    connection: &Connection,
    tenant: &str,
    status: Option<ApprovalStatus>,
    filter: &ApprovalFilter,
    after: Option<ApprovalCursor>,
    limit: usize,
) -> Result<Vec<ApprovalRow>, StoreError> {
    let limit = convert::limit(limit);
    let (run, cursor) = (filter.run.map(Id::from), after.map(|after| (after.asked_at_ms, Id::from(after.approval))));
    let mut sql = format!("SELECT {COLUMNS} FROM approvals WHERE tenant = ?");
    let mut values: Vec<&dyn ToSql> = vec![&tenant];
    if let Some(run) = &run {
        sql.push_str(" AND run = ?");
        values.push(run);
    }
    if let Some(status) = &status {
        // A run has few approvals, so the planner must not use the index by status instead.
        sql.push_str(if run.is_some() { " AND +status = ?" } else { " AND status = ?" });
        values.push(status);
    }
    if let Some((asked_at_ms, approval)) = &cursor {
        sql.push_str(" AND (asked_at_ms, approval) < (?, ?)");
        values.extend([asked_at_ms as &dyn ToSql, approval]);
    }
    sql.push_str(" ORDER BY asked_at_ms DESC, approval DESC LIMIT ?");
    values.push(&limit);
    let read = || -> rusqlite::Result<Vec<ApprovalRow>> {
        let mut select = connection.prepare_cached(&sql)?;
        select.query_map(values.as_slice(), row)?.collect()
    };
    read().map_err(convert::failure)
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<ApprovalRow> {
    Ok(ApprovalRow {
        approval: row.get::<_, Id>(0)?.approval(),
        run: row.get::<_, Id>(1)?.run(),
        node_run: row.get::<_, Id>(2)?.node_run(),
        subject: row.get(3)?,
        key: row.get(4)?,
        node_type: row.get(5)?,
        title: row.get(6)?,
        status: row.get(7)?,
        asked_at_ms: row.get(8)?,
        ended_at_ms: row.get(9)?,
        by: row.get(10)?,
        comment: row.get(11)?,
    })
}

impl ToSql for ApprovalStatus {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.word().as_bytes())))
    }
}

impl FromSql for ApprovalStatus {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        ApprovalStatus::from_word(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for Subject {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.word().as_bytes())))
    }
}

impl FromSql for Subject {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Subject::from_word(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}
