//! Pairs of schemas. Each pair is compared once, even if several operations use it or it is recursive.
//!
//! A pair has its own changes and the pairs that it refers to. After all operations have listed the pairs that they
//! use, the positions of a pair decide which side its changes break.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::change::{Breaks, Change, How, Position, Uses};
use super::effect::Effect;
use super::keywords::{self, Difference};
use super::tree::{At, component, escape, members, resolve, shown};

/// A change of a schema, without its positions.
#[derive(Debug)]
struct Found {
    change: Change,
    effect: Effect,
}

/// An old schema and its replacement.
#[derive(Debug, Default)]
struct Pair {
    found: Vec<Found>,
    leads_to: BTreeSet<usize>,
}

/// A place within an operation where a schema is used.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Start {
    operation: String,
    position: Position,
}

/// All pairs.
pub(super) struct Schemas<'a> {
    old: &'a Value,
    new: &'a Value,
    pairs: Vec<Pair>,
    met: BTreeMap<(String, String), usize>,
    waiting: Vec<(usize, String, At<'a>, At<'a>)>,
    starts: BTreeMap<Start, BTreeSet<usize>>,
    /// The component names on both sides of a pair.
    names: (BTreeSet<String>, BTreeSet<String>),
}

/// The result of one pair during its comparison.
struct Here<'p> {
    place: &'p str,
    pair: usize,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(old: &'a Value, new: &'a Value) -> Self {
        let (pairs, met, waiting) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { old, new, pairs, met, waiting, starts: BTreeMap::new(), names: Default::default() }
    }

    /// An operation uses these two at this position. `place` names them if they have no name of their own.
    pub(super) fn start(&mut self, operation: &str, position: Position, place: &str, old: At<'a>, new: At<'a>) {
        let pair = self.pair(place, old, new);
        let start = Start { operation: operation.to_owned(), position };
        self.starts.entry(start).or_default().insert(pair);
    }

    /// Two components with the same name, whether or not an operation uses them.
    pub(super) fn named(&mut self, place: &str, old: At<'a>, new: At<'a>) {
        self.pair(place, old, new);
    }

    /// Compares all pairs so far, and returns the component names found in the old and in the new document.
    pub(super) fn follow(&mut self) -> &(BTreeSet<String>, BTreeSet<String>) {
        while let Some((pair, place, old, new)) = self.waiting.pop() {
            self.compare(&Here { place: &place, pair }, &old, &new);
        }
        &self.names
    }

    /// All changes with the sides that they break. With `everywhere`, schemas that no operation uses count as used in
    /// requests and in responses; otherwise they break neither side.
    pub(super) fn finish(mut self, everywhere: bool) -> Vec<Change> {
        self.follow();
        let mut uses: Vec<Uses> = vec![Uses::new(); self.pairs.len()];
        for (start, pairs) in &self.starts {
            for pair in self.reached(pairs) {
                uses[pair].entry(start.position).or_default().insert(start.operation.clone());
            }
        }
        let all = self.pairs.into_iter().zip(uses);
        all.flat_map(|(pair, uses)| pair.found.into_iter().map(move |found| placed(found, &uses, everywhere))).collect()
    }

    /// These pairs and all pairs that they refer to.
    fn reached(&self, from: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut seen = from.clone();
        let mut open: Vec<usize> = from.iter().copied().collect();
        while let Some(pair) = open.pop() {
            open.extend(self.pairs[pair].leads_to.iter().filter(|next| seen.insert(**next)));
        }
        seen
    }

    /// The pair of these two; a new pair is compared later.
    fn pair(&mut self, place: &str, old: At<'a>, new: At<'a>) -> usize {
        let (old, new) = (resolve(self.old, old), resolve(self.new, new));
        let key = (old.pointer.clone(), new.pointer.clone());
        if let Some(pair) = self.met.get(&key) {
            return *pair;
        }
        let pair = self.pairs.len();
        self.pairs.push(Pair::default());
        self.met.insert(key, pair);
        let names = (component(&old.pointer, "schemas"), component(&new.pointer, "schemas"));
        if let (Some(before), Some(after)) = &names
            && before != after
        {
            let mut told = change("schema_name", How::Changed, after.clone(), &new.pointer, "another name".to_owned());
            (told.old, told.new) = (Some(json!(before)), Some(json!(after)));
            self.pairs[pair].found.push(Found { change: told, effect: Effect::SAME });
        }
        let place = names.1.clone().unwrap_or_else(|| place.to_owned());
        self.names.0.extend(names.0);
        self.names.1.extend(names.1);
        self.waiting.push((pair, place, old, new));
        pair
    }

    fn leads(&mut self, here: &Here<'_>, place: &str, old: At<'a>, new: At<'a>) {
        let next = self.pair(place, old, new);
        self.pairs[here.pair].leads_to.insert(next);
    }

    fn say(&mut self, here: &Here<'_>, change: Change, effect: Effect) {
        self.pairs[here.pair].found.push(Found { change, effect });
    }

    fn compare(&mut self, here: &Here<'_>, old: &At<'a>, new: &At<'a>) {
        let nothing = Map::new();
        let (before, after) = (fields(old, &nothing), fields(new, &nothing));
        for difference in keywords::differences(before, after) {
            self.keyword(here, old, new, difference);
        }
        self.properties(here, old, new);
        self.required(here, old, new);
        self.additional(here, old, new);
        self.items(here, old, new);
        for (keyword, each) in [("oneOf", Effect::WIDER), ("anyOf", Effect::WIDER), ("allOf", Effect::NARROWER)] {
            self.parts(here, old, new, keyword, each);
        }
    }

    fn keyword(&mut self, here: &Here<'_>, old: &At<'a>, new: &At<'a>, difference: Difference) {
        let Difference { subject, how, keyword, what, old: before, new: after, effect } = difference;
        let side = if how == How::Removed { old } else { new };
        let pointer = shown(&format!("{}/{}", side.pointer, escape(&keyword)));
        let place = here.place.to_owned();
        let uses = Uses::new();
        self.say(
            here,
            Change { subject, how, place, pointer, what, old: before, new: after, breaks: Breaks::NOBODY, uses },
            effect,
        );
    }

    fn properties(&mut self, here: &Here<'_>, old: &At<'a>, new: &At<'a>) {
        for (name, _) in members(old.value, "properties") {
            let place = format!("{}.{name}", here.place);
            let inside = |side: &At<'a>| side.pointer.clone() + "/properties";
            let Some(before) = below(old, "properties", name) else { continue };
            match below(new, "properties", name) {
                Some(after) => self.leads(here, &place, before, after),
                None => {
                    let effect = Effect::property_removed(requires(old, name), is_strict(new));
                    let pointer = format!("{}/{}", inside(old), escape(name));
                    self.property(here, How::Removed, place, &pointer, requires(old, name), effect);
                }
            }
        }
        for (name, _) in members(new.value, "properties") {
            if below(old, "properties", name).is_none() {
                let effect = Effect::property_added(requires(new, name), is_strict(old));
                let pointer = format!("{}/properties/{}", new.pointer, escape(name));
                let place = format!("{}.{name}", here.place);
                self.property(here, How::Added, place, &pointer, requires(new, name), effect);
            }
        }
    }

    fn property(&mut self, here: &Here<'_>, how: How, place: String, pointer: &str, required: bool, effect: Effect) {
        let kind = if required { "required" } else { "optional" };
        self.say(here, change("property", how, place, pointer, format!("{kind} property {}", how.word())), effect);
    }

    /// Properties that became required or optional. Added and removed properties are reported as such.
    fn required(&mut self, here: &Here<'_>, old: &At<'a>, new: &At<'a>) {
        let has = |side: &At<'a>, name: &str| below(side, "properties", name).is_some();
        let names = |side: &At<'a>| -> BTreeSet<String> {
            let list = side.value.get("required").and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let (before, after) = (names(old), names(new));
        for (how, side, changed) in [(How::Added, new, &after - &before), (How::Removed, old, &before - &after)] {
            for name in changed.iter().filter(|name| has(old, name) == has(new, name)) {
                let (what, effect) = match how {
                    How::Removed => ("is no longer required", Effect::WIDER),
                    How::Added | How::Changed => ("is required now", Effect::NARROWER),
                };
                let pointer = format!("{}/required", side.pointer);
                let place = format!("{}.{name}", here.place);
                self.say(here, change("required", how, place, &pointer, what.to_owned()), effect);
            }
        }
    }

    fn additional(&mut self, here: &Here<'_>, old: &At<'a>, new: &At<'a>) {
        let keyword = "additionalProperties";
        let (before, after) = (Additional::of(old), Additional::of(new));
        let effect = match (before, after) {
            (Additional::Fit, Additional::Fit) => {
                if let (Some(one), Some(other)) = (child(old, keyword), child(new, keyword)) {
                    self.leads(here, &format!("{}{{}}", here.place), one, other);
                }
                return;
            }
            (before, after) if before == after => return,
            (Additional::Any, _) | (_, Additional::None) => Effect::NARROWER,
            (_, Additional::Any) | (Additional::None, _) => Effect::WIDER,
        };
        let pointer = format!("{}/{keyword}", new.pointer);
        let mut told = change(
            "additional_properties",
            How::Changed,
            here.place.to_owned(),
            &pointer,
            "other properties changed".to_owned(),
        );
        (told.old, told.new) = (Some(json!(before.word())), Some(json!(after.word())));
        self.say(here, told, effect);
    }

    fn items(&mut self, here: &Here<'_>, old: &At<'a>, new: &At<'a>) {
        let how = match (child(old, "items"), child(new, "items")) {
            (Some(before), Some(after)) => return self.leads(here, &format!("{}[]", here.place), before, after),
            (None, None) => return,
            (None, Some(_)) => How::Added,
            (Some(_), None) => How::Removed,
        };
        let (side, effect) = if how == How::Added { (new, Effect::NARROWER) } else { (old, Effect::WIDER) };
        let pointer = format!("{}/items", side.pointer);
        let what = format!("rule for items {}", how.word());
        self.say(here, change("items", how, here.place.to_owned(), &pointer, what), effect);
    }

    /// The parts of a combination. Parts with the same name or text are matched; the others are matched in order.
    fn parts(&mut self, here: &Here<'_>, old: &At<'a>, new: &At<'a>, keyword: &'static str, each: Effect) {
        let list = |side: &At<'a>, root: &'a Value| -> Vec<At<'a>> {
            let count = side.value.get(keyword).and_then(Value::as_array).map_or(0, Vec::len);
            (0..count).filter_map(|index| side.item(root, keyword, index)).collect()
        };
        let (before, mut after) = (list(old, self.old), list(new, self.new));
        let whole = match (before.is_empty(), after.is_empty()) {
            (true, true) => return,
            (false, false) => None,
            // The whole combination was added or removed: one rule more or less.
            (true, false) => Some((How::Added, new, Effect::NARROWER)),
            (false, true) => Some((How::Removed, old, Effect::WIDER)),
        };
        if let Some((how, side, effect)) = whole {
            let pointer = format!("{}/{keyword}", side.pointer);
            let what = format!("{keyword} {}", how.word());
            return self.say(here, change("combination", how, here.place.to_owned(), &pointer, what), effect);
        }
        let mut left = Vec::new();
        for one in before {
            match after.iter().position(|other| same(&one, other)) {
                Some(index) => self.leads(here, &part(here, keyword, &one), one, after.remove(index)),
                None => left.push(one),
            }
        }
        // A named schema matches only the same name: another name is another part.
        let (named, mut plain): (Vec<_>, Vec<_>) = after.into_iter().partition(|at| name(at).is_some());
        for one in left {
            if name(&one).is_none() && !plain.is_empty() {
                self.leads(here, &part(here, keyword, &one), one, plain.remove(0));
            } else {
                self.part(here, keyword, How::Removed, &one, each);
            }
        }
        for other in named.into_iter().chain(plain) {
            self.part(here, keyword, How::Added, &other, each);
        }
    }

    fn part(&mut self, here: &Here<'_>, keyword: &str, how: How, at: &At<'a>, each: Effect) {
        // Another alternative allows more; another condition allows less.
        let effect = match (how, each == Effect::WIDER) {
            (How::Removed, true) | (How::Added | How::Changed, false) => Effect::NARROWER,
            (How::Removed, false) | (How::Added | How::Changed, true) => Effect::WIDER,
        };
        let mut told =
            change("part", how, here.place.to_owned(), &at.pointer, format!("part of {keyword} {}", how.word()));
        let shown = Some(name(at).map_or_else(|| at.value.clone(), Value::String));
        if how == How::Removed {
            told.old = shown
        } else {
            told.new = shown
        }
        self.say(here, told, effect);
    }
}

fn change(subject: &'static str, how: How, place: String, pointer: &str, what: String) -> Change {
    let pointer = shown(pointer);
    Change { subject, how, place, pointer, what, old: None, new: None, breaks: Breaks::NOBODY, uses: Uses::new() }
}

fn placed(found: Found, uses: &Uses, everywhere: bool) -> Change {
    let Found { mut change, effect } = found;
    if everywhere {
        change.breaks = effect.at(Position::Request).or(effect.at(Position::Response));
    } else {
        change.breaks = uses.keys().fold(Breaks::NOBODY, |breaks, position| breaks.or(effect.at(*position)));
    }
    change.uses = uses.clone();
    change
}

/// A schema's keywords. `true` and values that are not schemas allow anything.
fn fields<'s>(at: &At<'s>, nothing: &'s Map<String, Value>) -> &'s Map<String, Value> {
    at.value.as_object().unwrap_or(nothing)
}

fn child<'a>(at: &At<'a>, key: &str) -> Option<At<'a>> {
    Some(At::new(at.value.get(key)?, format!("{}/{}", at.pointer, escape(key))))
}

fn below<'a>(at: &At<'a>, key: &str, name: &str) -> Option<At<'a>> {
    let value = at.value.get(key)?.get(name)?;
    Some(At::new(value, format!("{}/{key}/{}", at.pointer, escape(name))))
}

fn requires(at: &At<'_>, name: &str) -> bool {
    let list = at.value.get("required").and_then(Value::as_array);
    list.is_some_and(|list| list.iter().any(|one| one.as_str() == Some(name)))
}

fn is_strict(at: &At<'_>) -> bool {
    Additional::of(at) == Additional::None
}

fn name(at: &At<'_>) -> Option<String> {
    component(&at.pointer, "schemas").filter(|_| at.referred)
}

fn same(one: &At<'_>, other: &At<'_>) -> bool {
    match (name(one), name(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one.value == other.value,
        _ => false,
    }
}

fn part(here: &Here<'_>, keyword: &str, at: &At<'_>) -> String {
    let index = at.pointer.rsplit('/').next().unwrap_or_default();
    format!("{}({keyword} {})", here.place, name(at).unwrap_or_else(|| index.to_owned()))
}

/// The rule of a schema for properties that it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Additional {
    Any,
    Fit,
    None,
}

impl Additional {
    fn of(at: &At<'_>) -> Self {
        match at.value.get("additionalProperties") {
            Some(Value::Bool(false)) => Self::None,
            Some(Value::Object(schema)) if !schema.is_empty() => Self::Fit,
            _ => Self::Any,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Fit => "those that fit a schema",
            Self::None => "none",
        }
    }
}
