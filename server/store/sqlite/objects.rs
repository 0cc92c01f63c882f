//! The table of small objects. Each job is its own savepoint: a job that is refused half-way leaves nothing behind, and
//! the batch continues.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::convert;
use crate::StoreError;
use crate::object::{Change, Changes, Object, ObjectCursor, ObjectError};

const COLUMNS: &str = "kind, id, name, parent, version, created_at_ms, updated_at_ms, body";

/// The result of changes, if SQLite itself did not fail.
pub(super) type Changed = Result<Vec<Object>, ObjectError>;

fn object(row: &Row<'_>) -> rusqlite::Result<Object> {
    Ok(Object {
        kind: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        parent: row.get(3)?,
        version: row.get::<_, i64>(4)?.unsigned_abs(),
        created_at_ms: row.get(5)?,
        updated_at_ms: row.get(6)?,
        body: row.get(7)?,
    })
}

/// Applies all changes, or none.
pub(super) fn change(connection: &Connection, changes: &Changes) -> rusqlite::Result<Changed> {
    connection.execute_batch("SAVEPOINT objects")?;
    let mut now = Vec::with_capacity(changes.changes.len());
    for change in &changes.changes {
        match one(connection, &changes.tenant, change)? {
            Ok(object) => now.extend(object),
            Err(refused) => {
                connection.execute_batch("ROLLBACK TO objects; RELEASE objects")?;
                return Ok(Err(refused));
            }
        }
    }
    connection.execute_batch("RELEASE objects")?;
    Ok(Ok(now))
}

fn one(
    connection: &Connection,
    tenant: &str,
    change: &Change,
) -> rusqlite::Result<Result<Option<Object>, ObjectError>> {
    let (kind, id) = change.place();
    let before = select(connection, "id", tenant, kind, id)?;
    if let Err(stale) = change.refuse_stale(before.as_ref().map_or(0, |before| before.version)) {
        return Ok(Err(stale));
    }
    let put = match change {
        Change::Put(put) => put.clone(),
        Change::Delete { .. } => {
            connection
                .prepare_cached("DELETE FROM objects WHERE tenant = ?1 AND kind = ?2 AND id = ?3")?
                .execute([tenant, kind, id])?;
            return Ok(Ok(None));
        }
    };
    if let Some(name) = &put.name
        && let Some(other) = select(connection, "name", tenant, kind, name)?.filter(|other| other.id != id)
    {
        return Ok(Err(ObjectError::NameTaken { kind: kind.to_owned(), name: name.clone(), id: other.id }));
    }
    let after = put.over(before.as_ref());
    let sql = match before {
        None => format!("INSERT INTO objects (tenant, {COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
        Some(_) => "UPDATE objects SET name = ?4, parent = ?5, version = ?6, updated_at_ms = ?8, body = ?9 \
                    WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND created_at_ms = ?7"
            .to_owned(),
    };
    connection.prepare_cached(&sql)?.execute(params![
        tenant,
        after.kind,
        after.id,
        after.name,
        after.parent,
        after.version.cast_signed(),
        after.created_at_ms,
        after.updated_at_ms,
        after.body,
    ])?;
    Ok(Ok(Some(after)))
}

/// The object with this id or name.
fn select(
    connection: &Connection,
    by: &'static str,
    tenant: &str,
    kind: &str,
    value: &str,
) -> rusqlite::Result<Option<Object>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM objects WHERE tenant = ?1 AND kind = ?2 AND {by} = ?3"))?
        .query_row([tenant, kind, value], object)
        .optional()
}

pub(super) fn get(connection: &Connection, tenant: &str, kind: &str, id: &str) -> Result<Option<Object>, StoreError> {
    select(connection, "id", tenant, kind, id).map_err(convert::failure)
}

pub(super) fn named(
    connection: &Connection,
    tenant: &str,
    kind: &str,
    name: &str,
) -> Result<Option<Object>, StoreError> {
    select(connection, "name", tenant, kind, name).map_err(convert::failure)
}

/// Each combination of clauses is its own query, so that each uses its index.
pub(super) fn list_sql(of_one_parent: bool, goes_on: bool) -> String {
    let parent = if of_one_parent { "AND parent = :parent " } else { "" };
    let place = if goes_on { "AND (created_at_ms, id) < (:created_at_ms, :id) " } else { "" };
    format!(
        "SELECT {COLUMNS} FROM objects WHERE tenant = :tenant AND kind = :kind {parent}{place}\
         ORDER BY created_at_ms DESC, id DESC LIMIT :limit"
    )
}

pub(super) fn list(
    connection: &Connection,
    tenant: &str,
    kind: &str,
    parent: Option<&str>,
    after: Option<&ObjectCursor>,
    limit: usize,
) -> Result<Vec<Object>, StoreError> {
    let limit = convert::limit(limit);
    let mut values: Vec<(&str, &dyn ToSql)> = vec![(":tenant", &tenant), (":kind", &kind), (":limit", &limit)];
    if let Some(parent) = &parent {
        values.push((":parent", parent));
    }
    if let Some(after) = after {
        values.extend([(":created_at_ms", &after.created_at_ms as &dyn ToSql), (":id", &after.id)]);
    }
    let read = || -> rusqlite::Result<Vec<Object>> {
        let mut select = connection.prepare_cached(&list_sql(parent.is_some(), after.is_some()))?;
        select.query_map(values.as_slice(), object)?.collect()
    };
    read().map_err(convert::failure)
}
