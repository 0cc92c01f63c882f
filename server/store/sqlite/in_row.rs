//! An effect in its run's row, which each commit writes anyway. So a run with one effect at a time writes no other page
//! for its effects. `claims.rs` chooses the effect.

use std::sync::Arc;

use runyard_engine::event::FORMAT_VERSION;
use runyard_engine::{Effect, EffectId, NodeRunId, RunId};

use super::{convert, packed};
use crate::StoreError;
use crate::outbox::{Ordinal, OutboxEffect};

/// The maximum bytes of an effect in the run's row: several rows should share a page.
pub(super) const BYTES_MAX: usize = 400;

/// Rows of runs that contain an effect.
pub(super) const IN_ROWS: &str = "SELECT runs.tenant, runs.run, runs.in_hand FROM status_counts CROSS JOIN runs INDEXED BY runs_by_status \
     ON runs.tenant = status_counts.tenant AND runs.status = status_counts.status \
     WHERE status_counts.status IN ('queued', 'running', 'waiting') AND runs.in_hand IS NOT NULL";

/// The change to the effect in a run's row.
#[derive(Debug)]
pub(super) enum InRow {
    /// No change.
    Kept,
    /// Replaced by this new effect: its index among the effects of the append, its ordinal, and its bytes.
    Is(Option<(usize, Ordinal, Vec<u8>)>),
    /// Stays although the run ends: it is moved to the table for ended runs' effects.
    Moves(Ordinal),
}

impl InRow {
    pub(super) fn is_kept(&self) -> bool {
        matches!(self, InRow::Kept)
    }

    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            InRow::Is(Some((_, _, bytes))) => Some(bytes),
            InRow::Is(None) | InRow::Kept | InRow::Moves(_) => None,
        }
    }
}

/// Serializes an effect for a run's row: numbers and ids in order, then the request.
pub(super) fn write(ordinal: Ordinal, effect: &Effect, request: &str) -> Vec<u8> {
    let Effect { id, node_run, attempt, due_at_ms, .. } = effect;
    let mut bytes = Vec::with_capacity(request.len() + 60);
    bytes.extend(ordinal.to_be_bytes());
    bytes.extend(due_at_ms.to_be_bytes());
    bytes.extend(attempt.to_be_bytes());
    bytes.extend(FORMAT_VERSION.to_be_bytes());
    bytes.extend(id.uuid().as_bytes());
    bytes.extend(node_run.uuid().as_bytes());
    match packed::pack(request) {
        Some(packed) => bytes.extend([&[1], &packed[..]].concat()),
        None => bytes.extend([&[0], request.as_bytes()].concat()),
    }
    bytes
}

/// Reads an effect from a run's row.
pub(super) fn read(tenant: &str, run: RunId, bytes: &[u8]) -> Result<(Ordinal, OutboxEffect), StoreError> {
    let short = || StoreError::Corrupt { run, reason: "the effect in its row is cut short".to_owned() };
    let mut rest = bytes;
    fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
        let (taken, more) = rest.split_first_chunk::<N>()?;
        *rest = more;
        Some(*taken)
    }
    let mut numbers = || {
        let (ordinal, due_at_ms) = (i64::from_be_bytes(take(&mut rest)?), i64::from_be_bytes(take(&mut rest)?));
        let (attempt, format) = (u32::from_be_bytes(take(&mut rest)?), u32::from_be_bytes(take(&mut rest)?));
        let [id, node_run] = [take(&mut rest)?, take(&mut rest)?].map(uuid::Uuid::from_bytes);
        let [is_packed] = take(&mut rest)?;
        Some((ordinal, due_at_ms, attempt, format, id, node_run, is_packed == 1))
    };
    let (ordinal, due_at_ms, attempt, format, id, node_run, is_packed) = numbers().ok_or_else(short)?;
    let json = if is_packed { packed::unpack(rest).ok_or_else(short)? } else { rest.to_vec() };
    let (id, node_run) = (EffectId::from_uuid(id), NodeRunId::from_uuid(node_run));
    let request = convert::request(run, id, format.into(), &json)?;
    let (bytes, effect) = (json.len(), Arc::new(Effect { id, node_run, attempt, due_at_ms, request }));
    Ok((ordinal, OutboxEffect { tenant: tenant.to_owned(), run, effect, bytes }))
}
