//! The table of API keys. Keys are found by id and listed by tenant. They are never deleted: a revoked key stays
//! visible.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::convert;
use super::stop::Stop;
use crate::StoreError;
use crate::api_key::ApiKey;

const COLUMNS: &str = "id, tenant, name, secret_sha256, scopes, created_at_ms, expires_at_ms, revoked_at_ms";

/// Revokes a key of one tenant, or of any.
#[derive(Debug)]
pub(super) struct Revocation {
    pub(super) tenant: Option<String>,
    pub(super) id: String,
    pub(super) at_ms: i64,
}

fn key(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    let scopes: String = row.get(4)?;
    Ok(ApiKey {
        id: row.get(0)?,
        tenant: row.get(1)?,
        name: row.get(2)?,
        secret_sha256: row.get(3)?,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        created_at_ms: row.get(5)?,
        expires_at_ms: row.get(6)?,
        revoked_at_ms: row.get(7)?,
    })
}

pub(super) fn add(connection: &Connection, key: &ApiKey) -> Result<(), Stop> {
    let added = connection
        .prepare_cached(&format!(
            "INSERT INTO api_keys ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING"
        ))?
        .execute(params![
            key.id,
            key.tenant,
            key.name,
            key.secret_sha256,
            key.scopes.join(" "),
            key.created_at_ms,
            key.expires_at_ms,
            key.revoked_at_ms,
        ])?;
    if added == 1 { Ok(()) } else { Err(Stop::Refused(StoreError::Failed("this key id is taken".into()))) }
}

pub(super) fn revoke(connection: &Connection, revocation: &Revocation) -> Result<Option<ApiKey>, Stop> {
    let Revocation { tenant, id, at_ms } = revocation;
    let revoked = connection
        .prepare_cached(&format!(
            "UPDATE api_keys SET revoked_at_ms = coalesce(revoked_at_ms, ?3) \
             WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2) RETURNING {COLUMNS}"
        ))?
        .query_row(params![id, tenant, at_ms], key)
        .optional()?;
    Ok(revoked)
}

pub(super) fn get(connection: &Connection, id: &str) -> Result<Option<ApiKey>, StoreError> {
    let ask = || {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM api_keys WHERE id = ?1"))?
            .query_row([id], key)
            .optional()
    };
    ask().map_err(convert::failure)
}

/// For one tenant the index scan starts at the tenant, for all tenants at the previous key. So there are two queries.
pub(super) fn list(
    connection: &Connection,
    tenant: Option<&str>,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<ApiKey>, StoreError> {
    let wanted = tenant.map_or("", |_| "tenant = ?1 AND");
    let place = after.map_or(
        "?2 IS NULL",
        |_| "(tenant, created_at_ms, id) > (SELECT tenant, created_at_ms, id FROM api_keys WHERE id = ?2)",
    );
    let sql = format!(
        "SELECT {COLUMNS} FROM api_keys WHERE {wanted} {place} \
         ORDER BY tenant, created_at_ms, id LIMIT ?3"
    );
    let ask = || -> rusqlite::Result<Vec<ApiKey>> {
        let mut select = connection.prepare_cached(&sql)?;
        select.query_map(params![tenant, after, convert::limit(limit)], key)?.collect()
    };
    ask().map_err(convert::failure)
}
