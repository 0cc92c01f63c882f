//! Pairs of parts: an old part and its replacement. Each pair is compared once, however many operations use it.
//!
//! A pair has its own findings and the pairs that it contains or refers to. After all operations have listed the pairs
//! that they use, the positions of a pair decide which side its findings break. A finding that several pairs share, as
//! two schemas share their base, becomes one change.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::change::{Breaks, Change, How, Position, Uses};
use super::effect::Effect;

/// A change without its positions.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) subject: &'static str,
    pub(super) how: How,
    pub(super) place: String,
    /// The places in the old and in the new document, as they are shown. A part that was added has no old one.
    pub(super) pointers: (Option<String>, Option<String>),
    pub(super) what: String,
    pub(super) old: Option<Value>,
    pub(super) new: Option<Value>,
    pub(super) effect: Effect,
}

impl Found {
    /// What makes it the same finding, met on another way. Its pointers are its place.
    fn key(&self) -> String {
        let Self { subject, how, pointers, what, old, new, .. } = self;
        format!("{subject} {how:?} {pointers:?} {what} {old:?} {new:?}")
    }
}

/// An old part and its replacement. Each pair that it leads to counts in one position only, or in any.
#[derive(Debug, Default)]
struct Pair {
    found: Vec<Found>,
    leads_to: BTreeSet<(usize, Option<Position>)>,
}

/// All pairs.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    list: Vec<Pair>,
    met: BTreeMap<(String, String), usize>,
    starts: BTreeMap<(String, Position), BTreeSet<usize>>,
}

impl Pairs {
    /// The pair with these keys, and whether it is new.
    pub(super) fn open(&mut self, old: String, new: String) -> (usize, bool) {
        if let Some(pair) = self.met.get(&(old.clone(), new.clone())) {
            return (*pair, false);
        }
        let pair = self.list.len();
        self.list.push(Pair::default());
        self.met.insert((old, new), pair);
        (pair, true)
    }

    /// An operation uses this pair at this position.
    pub(super) fn start(&mut self, operation: &str, position: Position, pair: usize) {
        self.starts.entry((operation.to_owned(), position)).or_default().insert(pair);
    }

    /// A pair contains another, in `only` one position or in any.
    pub(super) fn lead(&mut self, from: usize, to: usize, only: Option<Position>) {
        self.list[from].leads_to.insert((to, only));
    }

    pub(super) fn say(&mut self, pair: usize, found: Found) {
        self.list[pair].found.push(found);
    }

    /// The sides that the findings so far break, at either position.
    pub(super) fn breaks(&self) -> Effect {
        self.list.iter().flat_map(|pair| &pair.found).fold(Effect::SAME, |all, found| all.or(found.effect))
    }

    /// All changes with the sides that they break. With `everywhere`, pairs that no operation uses count as used in
    /// requests and in responses; otherwise they break neither side.
    pub(super) fn finish(self, everywhere: bool) -> Vec<Change> {
        let mut uses: Vec<Uses> = vec![Uses::new(); self.list.len()];
        for ((operation, position), pairs) in &self.starts {
            for pair in self.reached(pairs, *position) {
                uses[pair].entry(*position).or_default().insert(operation.clone());
            }
        }
        let mut changes: BTreeMap<String, Change> = BTreeMap::new();
        for (pair, uses) in self.list.into_iter().zip(uses) {
            for found in pair.found {
                let breaks = if everywhere {
                    found.effect.at(Position::Request).or(found.effect.at(Position::Response))
                } else {
                    uses.keys().fold(Breaks::NEITHER, |breaks, position| breaks.or(found.effect.at(*position)))
                };
                let change = changes.entry(found.key()).or_insert_with(|| placed(found));
                change.breaks = change.breaks.or(breaks);
                for (position, operations) in &uses {
                    change.uses.entry(*position).or_default().extend(operations.iter().cloned());
                }
            }
        }
        changes.into_values().collect()
    }

    /// These pairs and all pairs that they lead to, at this position.
    fn reached(&self, from: &BTreeSet<usize>, position: Position) -> BTreeSet<usize> {
        let mut seen = from.clone();
        let mut open: Vec<usize> = from.iter().copied().collect();
        while let Some(pair) = open.pop() {
            let next = self.list[pair].leads_to.iter().filter(|(_, only)| only.is_none_or(|only| only == position));
            open.extend(next.map(|(next, _)| *next).filter(|next| seen.insert(*next)));
        }
        seen
    }
}

fn placed(found: Found) -> Change {
    let Found { subject, how, place, pointers: (before, after), what, old, new, .. } = found;
    let pointer = if how == How::Removed { before.or(after) } else { after.or(before) }.unwrap_or_default();
    Change { subject, how, place, pointer, what, old, new, breaks: Breaks::NEITHER, uses: Uses::new() }
}
