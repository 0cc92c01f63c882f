//! An append with everything serialized that can be before the transaction.

use std::sync::Arc;

use runyard_engine::{Effect, Event};

use super::{convert, packed};
use crate::{Append, StoreError, check};

/// An append, checked and serialized as JSON on the caller's thread, not on the writer's.
#[derive(Debug)]
pub(super) struct PreparedAppend {
    pub(super) append: Append,
    /// The events as rows of the log.
    pub(super) events: Vec<LogRow>,
    /// The effects, with their requests as JSON.
    pub(super) effects: Vec<(Arc<Effect>, String)>,
}

impl PreparedAppend {
    pub(super) fn new(mut append: Append) -> Result<Self, StoreError> {
        check::append(&append)?;
        let events = rows(&append.events)?;
        let effects = std::mem::take(&mut append.effects);
        let effects = effects
            .into_iter()
            .map(|effect| convert::encode(&effect.request).map(|request| (Arc::new(effect), request)))
            .collect::<Result<_, _>>()?;
        Ok(PreparedAppend { append, events, effects })
    }

    /// The append without its effects.
    pub(super) fn append(&self) -> &Append {
        &self.append
    }

    /// The effects, with their requests as JSON.
    pub(super) fn effects(&self) -> &[(Arc<Effect>, String)] {
        &self.effects
    }

    /// The approximate number of bytes to write, without the parts of fixed size.
    pub(super) fn bytes(&self) -> usize {
        let requests = self.effects.iter().map(|(_, request)| request);
        let values = self.append.values.iter().filter_map(|value| value.text.as_ref()).map(|text| text.len());
        self.events.iter().map(LogRow::bytes).chain(requests.map(String::len)).chain(values).sum()
    }
}

impl PreparedAppend {
    /// The line for the acknowledgement log once this is durable.
    pub(super) fn version(&self) -> (&str, runyard_engine::RunId, runyard_engine::Position) {
        (&self.append.tenant, self.append.run, self.append.row.version)
    }
}

/// The maximum number of events in a row of the log, and the bytes after which a row takes no more. Reading one event
/// reads its whole row.
const ROW_EVENTS_MAX: i64 = 128;

const ROW_BYTES_MAX: usize = 16 << 10;

/// A row of the log: the number of events, and a line for each, packed if that saves enough.
#[derive(Debug)]
pub(super) struct LogRow {
    pub(super) count: i64,
    pub(super) lines: String,
    pub(super) packed: Option<Vec<u8>>,
}

impl LogRow {
    fn bytes(&self) -> usize {
        self.packed.as_ref().map_or(self.lines.len(), Vec::len)
    }
}

/// Groups events into rows of the log. No event contains a line break: JSON escapes those of texts.
fn rows(events: &[Event]) -> Result<Vec<LogRow>, StoreError> {
    let mut rows: Vec<(i64, String)> = Vec::new();
    for event in events {
        let line = convert::encode(event)?;
        match rows.last_mut() {
            Some((count, lines)) if *count < ROW_EVENTS_MAX && lines.len() + line.len() < ROW_BYTES_MAX => {
                *count += 1;
                lines.push('\n');
                lines.push_str(&line);
            }
            _ => rows.push((1, line)),
        }
    }
    let row = |(count, lines): (i64, String)| match packed::pack(&lines) {
        Some(packed) => LogRow { count, lines: String::new(), packed: Some(packed) },
        None => LogRow { count, lines, packed: None },
    };
    Ok(rows.into_iter().map(row).collect())
}
