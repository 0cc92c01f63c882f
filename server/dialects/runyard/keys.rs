//! API keys: create, list and revoke them. Callers with the scope `admin` manage the keys of their own tenant. The
//! owner of the data folder manages the keys of every tenant.

use runyard_api::host::Caller;
use runyard_api::runyard::{CreateKeyRequest, ListKeysRequest, types};

use super::{Handlers, LIMIT};
use crate::auth::{ApiKey, NewKey, OWNER, Scope};
use crate::codes::{AccessReason, Code};
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::dialects::common::time::time;

/// Creates a key.
pub(super) async fn create(
    handlers: &Handlers,
    cx: &Caller,
    request: CreateKeyRequest,
) -> Result<types::CreatedKey, Refusal> {
    let types::KeyRequest { tenant, name, scopes, expires_in_seconds } = request.body;
    let now_ms = handlers.keys.clock().now_ms();
    let expires_at_ms = expires_in_seconds.map(|seconds| {
        let seconds = i64::try_from(seconds.get()).unwrap_or(i64::MAX);
        now_ms.saturating_add(seconds.saturating_mul(1000))
    });
    let asked = tenant.map(|tenant| tenant.to_string());
    let new = NewKey {
        tenant: allowed(cx, asked)?.unwrap_or_else(|| cx.tenant.to_string()),
        name: name.map(|name| name.to_string()),
        scopes: scopes.map_or_else(|| vec![Scope::Read, Scope::Write], |scopes| scopes.iter().map(scope).collect()),
        expires_at_ms,
    };
    let created = handlers.keys.create(new).await.map_err(|error| of_runs(error.into()))?;
    Ok(types::CreatedKey { api_key: created.secret.expose().to_owned(), key: key(&created.key, now_ms) })
}

/// One page of keys.
pub(super) async fn list(
    handlers: &Handlers,
    cx: &Caller,
    request: ListKeysRequest,
) -> Result<types::KeyList, Refusal> {
    let tenant = allowed(cx, request.tenant.map(|tenant| tenant.to_string()))?;
    let limit = request.limit.and_then(|limit| usize::try_from(limit.get()).ok()).unwrap_or(LIMIT);
    let after = request.cursor.as_deref();
    if let Some(cursor) = after {
        // Keys are never deleted, so every cursor that this server wrote names an existing key.
        let known = handlers.keys.get(tenant.as_deref(), cursor).await.map_err(|error| of_runs(error.into()))?;
        known.ok_or_else(super::cursor::refused)?;
    }
    // One more than requested, to see whether there is a next page.
    let found = handlers.keys.list(tenant.as_deref(), after, limit + 1).await;
    let mut found = found.map_err(|error| of_runs(error.into()))?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|last| last.id.clone());
    let now_ms = handlers.keys.clock().now_ms();
    Ok(types::KeyList { keys: found.iter().map(|one| key(one, now_ms)).collect(), next_cursor })
}

/// Revokes a key. A key of another tenant is not found.
pub(super) async fn revoke(handlers: &Handlers, cx: &Caller, key_id: &str) -> Result<types::Key, Refusal> {
    let tenant = allowed(cx, None)?;
    let revoked = handlers.keys.revoke(tenant.as_deref(), key_id).await.map_err(|error| of_runs(error.into()))?;
    let unknown =
        || Refusal::new(Code::KeyNotFound, format!("key `{key_id}` is not known here")).with("key_id", key_id);
    Ok(key(&revoked.ok_or_else(unknown)?, handlers.keys.clock().now_ms()))
}

/// The tenant whose keys a caller may manage: the requested one, if it is the caller's own. `None` means every tenant.
fn allowed(cx: &Caller, asked: Option<String>) -> Result<Option<String>, Refusal> {
    match asked {
        asked if cx.may(OWNER) => Ok(asked),
        Some(other) if other != *cx.tenant => {
            let message = "only the owner of the data folder may use keys of another tenant";
            Err(Refusal::new(Code::Forbidden, message).with("reason", AccessReason::TenantForeign.as_str()))
        }
        _ => Ok(Some(cx.tenant.to_string())),
    }
}

fn scope(scope: &types::Scope) -> Scope {
    match scope {
        types::Scope::RunsRead => Scope::Read,
        types::Scope::RunsWrite => Scope::Write,
        types::Scope::Admin => Scope::Admin,
    }
}

fn shown(scope: Scope) -> types::Scope {
    match scope {
        Scope::Read => types::Scope::RunsRead,
        Scope::Write => types::Scope::RunsWrite,
        Scope::Admin => types::Scope::Admin,
    }
}

fn key(key: &ApiKey, now_ms: i64) -> types::Key {
    let state = match (key.revoked_at_ms, key.expires_at_ms) {
        (Some(_), _) => types::KeyState::Revoked,
        (None, Some(at_ms)) if at_ms <= now_ms => types::KeyState::Expired,
        _ => types::KeyState::Active,
    };
    types::Key {
        key_id: key.id.clone(),
        tenant: key.tenant.clone(),
        name: key.name.clone(),
        scopes: key.scopes.iter().filter_map(|word| Scope::from_word(word)).map(shown).collect(),
        state,
        created_at: time(key.created_at_ms),
        expires_at: key.expires_at_ms.map(time),
        revoked_at: key.revoked_at_ms.map(time),
    }
}
