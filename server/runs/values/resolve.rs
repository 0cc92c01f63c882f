//! Takes references out and puts values in: first selects the places that fit the bound, then reads their values, then
//! puts them in place.
//!
//! Every place counts with the length of its value, because every place gets a copy. But the first few places of one
//! value count once, because a run's inputs and results are in several places of its state.

use std::collections::{BTreeMap, BTreeSet};

use runyard_engine::large::{self, Digest, MARK, Reference};
use runyard_engine::{Object, RunId, Slot};
use serde_json::Value;

use super::placeholder::placeholder;

/// Values by digest.
pub(super) type Fetched = BTreeMap<Digest, Value>;

/// The places that get their values.
#[derive(Debug)]
pub(super) struct ValueRequests {
    /// Only these digests; absent: all.
    only: Option<BTreeSet<Digest>>,
    /// Whether a place beyond the bound gets a placeholder.
    shows: bool,
    bytes_max: u64,
    bytes: u64,
    /// For each place, in order.
    places: Vec<bool>,
    /// The digests, and how many places each has.
    digests: BTreeMap<Digest, usize>,
}

/// So many places of one value count once.
const PLACES: usize = 4;

impl ValueRequests {
    /// For an answer: values beyond the bound are shown as placeholders.
    pub(super) fn up_to(bytes_max: u64) -> Self {
        ValueRequests { only: None, shows: true, bytes_max, bytes: 0, places: Vec::new(), digests: BTreeMap::new() }
    }

    /// For a reader that needs all values, or these, or none.
    pub(super) fn only(only: Option<BTreeSet<Digest>>, bytes_max: u64) -> Self {
        ValueRequests { only, shows: false, ..ValueRequests::up_to(bytes_max) }
    }

    /// Whether no place gets a value.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The size of all values to be put in place.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The size of all values, if it exceeds the bound.
    pub(super) fn exceeds(&self) -> Option<u64> {
        Some(self.bytes).filter(|bytes| *bytes > self.bytes_max)
    }

    pub(super) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.digests.keys().copied()
    }

    /// Counts the references in one slot of a state, an event or a call.
    pub(super) fn look(&mut self, slot: &Slot<'_>) {
        match slot {
            Slot::Object(object) | Slot::Members(object) => self.object(object),
            Slot::Value(value) => self.value(value),
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(object) => self.object(object),
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn object(&mut self, object: &Object) {
        if let Some(reference) = large::reference(object) {
            self.reference(reference);
        }
        object.values().for_each(|value| self.value(value));
    }

    fn reference(&mut self, Reference { digest, bytes }: Reference) {
        let asked = self.only.as_ref().is_none_or(|only| only.contains(&digest));
        let before = self.digests.get(&digest).copied().unwrap_or_default();
        let more = if before % PLACES == 0 { bytes } else { 0 };
        let fits = asked && (!self.shows || self.bytes.saturating_add(more) <= self.bytes_max);
        if fits {
            self.bytes = self.bytes.saturating_add(more);
            self.digests.insert(digest, before + 1);
        }
        self.places.push(fits);
    }

    /// The values that were read, to be put in place in the same order.
    pub(super) fn places(self, fetched: &Fetched, run: RunId) -> Places<'_> {
        Places { fetched, run, shows: self.shows, places: self.places.into_iter() }
    }
}

/// Puts values in place.
pub(super) struct Places<'a> {
    fetched: &'a Fetched,
    run: RunId,
    shows: bool,
    places: std::vec::IntoIter<bool>,
}

impl Places<'_> {
    /// Puts values into one slot of a state, an event or a call: the same slots, in the same order, as were counted.
    pub(super) fn put(&mut self, slot: Slot<'_>) {
        match slot {
            Slot::Object(object) | Slot::Members(object) => {
                // The value of an object's reference is always an object.
                if let Some(Value::Object(whole)) = self.object(object) {
                    *object = whole;
                }
            }
            Slot::Value(value) => self.value(value),
        }
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Object(object) => {
                if let Some(other) = self.object(object) {
                    *value = other;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// The value that replaces an object, if not only its members change.
    fn object(&mut self, object: &mut Object) -> Option<Value> {
        let reference = large::reference(object);
        let fits = reference.is_some() && self.places.next() == Some(true);
        object
            .iter_mut()
            .filter(|(name, _)| reference.is_none() || *name != MARK)
            .for_each(|(_, value)| self.value(value));
        let reference = reference?;
        match self.fetched.get(&reference.digest).filter(|_| fits) {
            Some(Value::Object(base)) => {
                let mut whole = base.clone();
                let beside = std::mem::take(object).into_iter().filter(|(name, _)| name != MARK);
                whole.extend(beside);
                Some(Value::Object(whole))
            }
            Some(other) if object.len() == 1 => Some(other.clone()),
            // A value that is no object has no members beside it, unless a caller's own object looked like a
            // reference.
            Some(_) => None,
            None if self.shows && !fits => {
                object.insert(MARK.to_owned(), placeholder(self.run, reference));
                None
            }
            None => None,
        }
    }
}
