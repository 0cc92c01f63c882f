//! Conversions between columns and the types of the trait, and from SQLite's errors to the store's.

use runyard_engine::event::FORMAT_VERSION;
use runyard_engine::{ApprovalId, EffectId, Event, NodeRunId, Request, RunId, Turn, UpcastError, upcast};
use rusqlite::ErrorCode;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use uuid::Uuid;

use crate::{RunPhase, RunRow, Status, StoreError, json};

/// An id as a 16-byte BLOB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(pub(super) Uuid);

impl ToSql for Id {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.0.as_bytes())))
    }
}

impl FromSql for Id {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        Uuid::from_slice(bytes).map(Id).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl From<RunId> for Id {
    fn from(id: RunId) -> Self {
        Id(id.uuid())
    }
}

impl From<NodeRunId> for Id {
    fn from(id: NodeRunId) -> Self {
        Id(id.uuid())
    }
}

impl From<EffectId> for Id {
    fn from(id: EffectId) -> Self {
        Id(id.uuid())
    }
}

impl From<ApprovalId> for Id {
    fn from(id: ApprovalId) -> Self {
        Id(id.uuid())
    }
}

impl Id {
    pub(super) fn approval(self) -> ApprovalId {
        ApprovalId::from_uuid(self.0)
    }

    pub(super) fn run(self) -> RunId {
        RunId::from_uuid(self.0)
    }

    pub(super) fn node_run(self) -> NodeRunId {
        NodeRunId::from_uuid(self.0)
    }

    pub(super) fn effect(self) -> EffectId {
        EffectId::from_uuid(self.0)
    }
}

impl ToSql for Status {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.word().as_bytes())))
    }
}

impl FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Status::from_word(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for RunPhase {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.word().as_bytes())))
    }
}

impl FromSql for RunPhase {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        RunPhase::from_word(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

/// The columns of a run's row, in the order that [`run_row`] reads them.
pub(super) const RUN_COLUMNS: &str = "run, name, face, node_type, title, status, standing, reason, version, created_at_ms, \
     updated_at_ms, ended_at_ms, thread, turn";

pub(super) fn run_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        run: row.get::<_, Id>(0)?.run(),
        name: row.get(1)?,
        api: row.get(2)?,
        node_type: row.get(3)?,
        title: row.get(4)?,
        turn: turn(row.get(12)?, row.get(13)?),
        status: row.get::<_, Status>(5)?.into(),
        phase: row.get(6)?,
        reason: row.get(7)?,
        version: row.get::<_, i64>(8)?.unsigned_abs(),
        created_at_ms: row.get(9)?,
        updated_at_ms: row.get(10)?,
        ended_at_ms: row.get(11)?,
    })
}

/// A place in a thread, if there is one.
fn turn(thread: Option<String>, number: Option<i64>) -> Option<Turn> {
    Some(Turn { thread: thread?, number: number?.unsigned_abs() })
}

/// A limit as an SQLite integer.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Serializes an event in the current format.
pub(super) fn encode<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    json::write(value).map_err(|error| StoreError::Failed(Box::new(error)))
}

/// Reads an event of any format version.
pub(super) fn event(run: RunId, position: i64, format: i64, stored: &[u8]) -> Result<Event, StoreError> {
    let what = format!("the event at position {position}");
    let stored = json::read(stored).map_err(|error| unreadable(run, &what, format, &error))?;
    let known = u32::try_from(format).unwrap_or(0); // No build ever wrote 0, which is what the engine then says.
    upcast(known, stored).map_err(|error| match error {
        UpcastError::Newer { .. } => newer(run, &what, format),
        UpcastError::Malformed { cause, .. } => unreadable(run, &what, format, &cause),
        error => StoreError::Corrupt { run, reason: format!("{what}: {error}") },
    })
}

/// Reads the request of an effect.
pub(super) fn request(run: RunId, effect: EffectId, format: i64, stored: &[u8]) -> Result<Request, StoreError> {
    let what = format!("the request of {effect}");
    if format > i64::from(FORMAT_VERSION) {
        return Err(newer(run, &what, format));
    }
    json::read(stored).map_err(|error| unreadable(run, &what, format, &error))
}

fn newer(run: RunId, what: &str, format: i64) -> StoreError {
    StoreError::Unusable(format!(
        "{what} of {run} is written in format {format}; this build reads formats up to {FORMAT_VERSION}: use a newer runyard"
    ))
}

/// Describes the defect without quoting the data, which may be confidential.
fn unreadable(run: RunId, what: &str, format: i64, error: &serde_json::Error) -> StoreError {
    let kind = match error.classify() {
        serde_json::error::Category::Data => format!("not what format {format} describes"),
        _ => "not JSON".to_owned(),
    };
    StoreError::Corrupt { run, reason: format!("{what} is {kind}") }
}

/// Maps SQLite's error to the variant that the caller handles.
pub(super) fn failure(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(Box::new(error)),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Unusable(format!("the database is damaged ({error}): restore it from a copy"))
        }
        _ => StoreError::Failed(Box::new(error)),
    }
}

/// As [`failure`], for a value of this run that cannot be read.
pub(super) fn failure_of(run: RunId) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| match error {
        rusqlite::Error::FromSqlConversionFailure(column, ..)
        | rusqlite::Error::InvalidColumnType(column, ..)
        | rusqlite::Error::IntegralValueOutOfRange(column, _)
        | rusqlite::Error::Utf8Error(column, _) => {
            StoreError::Corrupt { run, reason: format!("column {column} of its row does not hold what belongs there") }
        }
        error => failure(error),
    }
}

/// The store's threads have ended.
pub(super) fn stopped() -> StoreError {
    StoreError::Failed("a thread of the store has stopped; restart the server".into())
}
