//! Large values on their way into a run and out of it. What a caller, a service or a script sends is searched once,
//! before the decision: a large value is stored under its hash, and a reference replaces it. On the way out references
//! are replaced by their values, up to a bound, and beyond it by a placeholder that says where the value can be read.
//!
//! | file         | what |
//! |--------------|------|
//! | `extract.rs` | values out, references in |
//! | `resolve.rs` | references out, values in |
//!
//! The engine defines what a reference is (`runyard_engine::large`); the store stores the values.

mod extract;
mod placeholder;
mod resolve;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use runyard_engine::large::{self, Digest};
use runyard_engine::{Command, Event, Object, Recorded, RunId, RunResult, Slot, State};
use serde_json::Value;

pub(super) use self::extract::{Extracted, Known};
use self::resolve::{Fetched, ValueRequests};
use super::Error;
use crate::store::{Store, StoreError};

/// Limits in bytes: see [`crate::limits`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByteLimits {
    /// `value_inline_bytes`.
    pub inline: u64,
    /// `value_shown_bytes`.
    pub shown: u64,
    /// `value_read_bytes`.
    pub read: u64,
    /// `run_bytes`.
    pub run: u64,
    /// `run_held_bytes`.
    pub held: u64,
}

impl From<&crate::limits::Limits> for ByteLimits {
    fn from(limits: &crate::limits::Limits) -> Self {
        ByteLimits {
            inline: limits.value_inline_bytes,
            shown: limits.value_shown_bytes,
            read: limits.value_read_bytes,
            run: limits.run_bytes,
            held: limits.run_held_bytes,
        }
    }
}

impl From<Unresolved> for Error {
    fn from(unresolved: Unresolved) -> Self {
        match unresolved {
            Unresolved::TooLarge(TooLarge { bytes, limit }) => Error::ValuesTooLarge { bytes, limit },
            Unresolved::Store(error) => error.into(),
        }
    }
}

/// Limits of reading values back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// How many bytes one answer, or one event, shows in place.
    pub shown: u64,
    /// How many bytes one step, or one decision, may read.
    pub read: u64,
}

/// More bytes are to be read than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge {
    pub bytes: u64,
    pub limit: u64,
}

/// Why values could not be put in place.
#[derive(Debug)]
pub(super) enum Unresolved {
    TooLarge(TooLarge),
    Store(StoreError),
}

impl From<StoreError> for Unresolved {
    fn from(error: StoreError) -> Self {
        Unresolved::Store(error)
    }
}

/// The large values of runs in a store.
#[derive(Clone)]
pub(crate) struct Values {
    pub store: Arc<dyn Store>,
    pub bounds: Bounds,
}

impl Values {
    /// A state as answers show it.
    pub(super) async fn shown(&self, tenant: &str, state: Arc<State>) -> Result<Arc<State>, Error> {
        if state.written.values.is_empty() {
            return Ok(state);
        }
        let mut copy = State::clone(&state);
        let mut wanted = ValueRequests::up_to(self.bounds.shown);
        copy.each_shown_slot(&mut |slot| wanted.look(&slot));
        let fetched = self.fetch(tenant, state.run, &wanted).await?;
        let mut places = wanted.places(&fetched, state.run);
        copy.each_shown_slot(&mut |slot| places.put(slot));
        Ok(Arc::new(copy))
    }

    /// An event as answers show it.
    pub(crate) async fn shown_event(
        &self,
        tenant: &str,
        run: RunId,
        recorded: Arc<Recorded>,
    ) -> Result<Arc<Recorded>, StoreError> {
        if !recorded.event.has_references() {
            return Ok(recorded);
        }
        let mut copy = Recorded::clone(&recorded);
        let mut wanted = ValueRequests::up_to(self.bounds.shown);
        copy.event.each_slot(&mut |slot| wanted.look(&slot));
        let fetched = self.fetch(tenant, run, &wanted).await?;
        let mut places = wanted.places(&fetched, run);
        copy.event.each_slot(&mut |slot| places.put(slot));
        Ok(Arc::new(copy))
    }

    /// The same for several events.
    pub(super) async fn shown_events(
        &self,
        tenant: &str,
        run: RunId,
        log: Vec<Recorded>,
    ) -> Result<Vec<Recorded>, StoreError> {
        let mut shown = Vec::with_capacity(log.len());
        // The bound of one answer, over all its events.
        let mut left = self.bounds.shown;
        for mut recorded in log {
            if recorded.event.has_references() {
                let mut wanted = ValueRequests::up_to(left);
                recorded.event.each_slot(&mut |slot| wanted.look(&slot));
                left -= wanted.bytes().min(left);
                let fetched = self.fetch(tenant, run, &wanted).await?;
                let mut places = wanted.places(&fetched, run);
                recorded.event.each_slot(&mut |slot| places.put(slot));
            }
            shown.push(recorded);
        }
        Ok(shown)
    }

    /// A state for a decision that has to read values: all of them, or these.
    pub(super) async fn for_decision(
        &self,
        tenant: &str,
        state: &Arc<State>,
        digests: Option<&BTreeSet<Digest>>,
    ) -> Result<Arc<State>, Unresolved> {
        if state.written.values.is_empty() {
            return Ok(state.clone());
        }
        let mut copy = State::clone(state);
        let mut wanted = ValueRequests::only(digests.cloned(), self.bounds.read);
        copy.each_slot(&mut |slot| wanted.look(&slot));
        self.put(tenant, state.run, wanted, |places| copy.each_slot(&mut |slot| places.put(slot))).await?;
        Ok(Arc::new(copy))
    }

    /// An object with every value in place.
    pub(super) async fn whole<'a>(
        &self,
        tenant: &str,
        run: RunId,
        object: &'a Object,
    ) -> Result<Cow<'a, Object>, Unresolved> {
        let mut any = false;
        large::in_object(object, &mut |_| any = true);
        if !any {
            return Ok(Cow::Borrowed(object));
        }
        let mut copy = object.clone();
        let mut wanted = ValueRequests::only(None, self.bounds.read);
        wanted.look(&Slot::Object(&mut copy));
        self.put(tenant, run, wanted, |places| places.put(Slot::Object(&mut copy))).await?;
        Ok(Cow::Owned(copy))
    }

    /// A value with every value in it in place.
    pub(super) async fn whole_value(&self, tenant: &str, run: RunId, value: &mut Value) -> Result<(), Unresolved> {
        let mut wanted = ValueRequests::only(None, self.bounds.read);
        wanted.look(&Slot::Value(value));
        if wanted.is_empty() {
            return Ok(());
        }
        self.put(tenant, run, wanted, |places| places.put(Slot::Value(value))).await
    }

    async fn put(
        &self,
        tenant: &str,
        run: RunId,
        wanted: ValueRequests,
        put: impl FnOnce(&mut resolve::Places<'_>),
    ) -> Result<(), Unresolved> {
        if let Some(bytes) = wanted.exceeds() {
            return Err(Unresolved::TooLarge(TooLarge { bytes, limit: self.bounds.read }));
        }
        let fetched = self.fetch(tenant, run, &wanted).await?;
        put(&mut wanted.places(&fetched, run));
        Ok(())
    }

    /// The result of a run with every value in place, new ones included.
    pub(super) async fn whole_made(
        &self,
        tenant: &str,
        run: RunId,
        made: &RunResult,
        extracted: &Extracted,
    ) -> Result<RunResult, Unresolved> {
        let mut copy = made.clone();
        let mut wanted = ValueRequests::only(None, self.bounds.read);
        each_slot(&mut copy, &mut |slot| wanted.look(&slot));
        if wanted.is_empty() {
            return Ok(copy);
        }
        if let Some(bytes) = wanted.exceeds() {
            return Err(Unresolved::TooLarge(TooLarge { bytes, limit: self.bounds.read }));
        }
        let mut fetched = self.fetch(tenant, run, &wanted).await?;
        for digest in wanted.digests() {
            if let Some(text) = extracted.value(digest).text {
                fetched.insert(digest, read(run, digest, &text)?);
            }
        }
        let mut places = wanted.places(&fetched, run);
        each_slot(&mut copy, &mut |slot| places.put(slot));
        Ok(copy)
    }

    /// Reads the wanted values, each once.
    async fn fetch(&self, tenant: &str, run: RunId, wanted: &ValueRequests) -> Result<Fetched, StoreError> {
        let mut fetched = BTreeMap::new();
        for digest in wanted.digests() {
            // A digest without a value was no reference, but an object of the caller that looked like one before there
            // were references.
            let Some(text) = self.store.value(tenant, run, digest).await? else { continue };
            fetched.insert(digest, read(run, digest, &text)?);
        }
        Ok(fetched)
    }
}

/// Every value in the result of a run.
fn each_slot(made: &mut RunResult, visit: &mut dyn FnMut(Slot<'_>)) {
    visit(Slot::Value(&mut made.answer));
    made.steps.iter_mut().flatten().for_each(|outputs| visit(Slot::Object(outputs)));
}

fn read(run: RunId, digest: Digest, text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
        run,
        reason: format!("the large value {digest} is not readable: {error}"),
    })
}

/// Puts values that were taken out of a command back, for a decision that has to read them.
pub(super) fn put_back(
    run: RunId,
    command: &mut Command,
    extracted: &Extracted,
    digests: &BTreeSet<Digest>,
) -> Result<(), StoreError> {
    let mut fetched = Fetched::new();
    for digest in digests {
        if let Some(text) = extracted.value(*digest).text {
            fetched.insert(*digest, read(run, *digest, &text)?);
        }
    }
    let mut wanted = ValueRequests::only(Some(fetched.keys().copied().collect()), u64::MAX);
    command.each_slot(&mut |slot| wanted.look(&slot));
    let mut places = wanted.places(&fetched, run);
    command.each_slot(&mut |slot| places.put(slot));
    Ok(())
}

/// Takes large values out of events. Returns whether there were any.
pub(super) fn extract_events(events: &mut [Event], extracted: &mut Extracted, known: &Known<'_>) -> bool {
    let before = extracted.taken();
    events.iter_mut().for_each(|event| event.each_slot(&mut |slot| extracted.take(slot, known)));
    extracted.taken() != before
}

#[cfg(test)]
mod tests;
