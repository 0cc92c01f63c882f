//! The comparison of two schemas by their meaning ([`Schema`]). `unions.rs` has alternatives, `keywords.rs` has
//! keywords without nested schemas.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Value, json};

use super::change::{How, Position};
use super::document::Document;
use super::effect::Effect;
use super::keywords::{self, CONDITIONS, Difference, Keywords};
use super::pairs::{Found, Pairs};
use super::view::{Part, Schema};

/// How deep a comparison within a comparison may be.
const TRIALS_MAX: usize = 3;

/// Compares schemas.
pub(super) struct Schemas<'a> {
    pub(super) old: &'a Document,
    pub(super) new: &'a Document,
    pub(super) pairs: Pairs,
    waiting: Vec<(usize, String, Schema<'a>, Schema<'a>)>,
    /// The component names on both sides of all pairs.
    names: (BTreeSet<String>, BTreeSet<String>),
    /// How deep this comparison is within others, and what those compare.
    depth: usize,
    assumed: BTreeSet<Keys>,
    /// What this comparison assumed to be equal, or could not look into.
    used: RefCell<BTreeSet<Keys>>,
    /// The trials that assumed nothing, of all comparisons.
    trials: Rc<RefCell<BTreeMap<Keys, Effect>>>,
}

/// The keys of two schemas.
type Keys = (String, String);

/// The pair that is compared now, and the place of properties that have no component of their own.
pub(super) struct Here {
    pub(super) pair: usize,
    pub(super) place: String,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(old: &'a Document, new: &'a Document) -> Self {
        Self {
            old,
            new,
            pairs: Pairs::default(),
            waiting: Vec::new(),
            names: Default::default(),
            depth: 0,
            assumed: BTreeSet::new(),
            used: RefCell::default(),
            trials: Rc::default(),
        }
    }

    /// The pair of these two; a new pair is compared later. `place` names it if it has no name of its own.
    pub(super) fn pair(&mut self, place: &str, old: Schema<'a>, new: Schema<'a>) -> usize {
        let (pair, fresh) = self.pairs.open(format!("schema {}", old.key()), new.key());
        if !fresh {
            return pair;
        }
        self.names.0.extend(old.components.iter().cloned());
        self.names.1.extend(new.components.iter().cloned());
        if let (Some(before), Some(after)) = (&old.name, &new.name)
            && before != after
            // A part of the one may be the other.
            && !old.components.contains(after)
            && !new.components.contains(before)
        {
            let pointer = |document: &Document, schema: &Schema<'_>| {
                schema.parts.first().map(|part| document.shown(&part.pointer))
            };
            let (subject, how, place, what) =
                ("schema_name", How::Changed, after.clone(), "schema has another name".to_owned());
            let pointers = (pointer(self.old, &old), pointer(self.new, &new));
            let (before, after) = (Some(json!(before)), Some(json!(after)));
            let found = Found { subject, how, place, pointers, what, old: before, new: after, effect: Effect::SAME };
            self.pairs.say(pair, found);
        }
        let place = new.name.clone().unwrap_or_else(|| place.to_owned());
        self.waiting.push((pair, place, old, new));
        pair
    }

    /// Compares all pairs so far, and returns the component names found in the old and in the new document.
    pub(super) fn follow(&mut self) -> &(BTreeSet<String>, BTreeSet<String>) {
        while let Some((pair, place, old, new)) = self.waiting.pop() {
            self.compare(&Here { pair, place }, &old, &new);
        }
        &self.names
    }

    /// The effect of replacing one schema by the other, without any finding.
    pub(super) fn trial(&self, old: &Schema<'a>, new: &Schema<'a>) -> Effect {
        let key = (old.key(), new.key());
        if let Some(known) = self.trials.borrow().get(&key) {
            return *known;
        }
        // Whatever contains itself is equal if all else is.
        if self.assumed.contains(&key) {
            self.used.borrow_mut().insert(key);
            return Effect::SAME;
        }
        if self.depth >= TRIALS_MAX {
            self.used.borrow_mut().insert(key);
            let same = old.parts.iter().map(|part| part.value).eq(new.parts.iter().map(|part| part.value));
            return if same { Effect::SAME } else { Effect::OTHER };
        }
        let mut inner = Self::new(self.old, self.new);
        inner.depth = self.depth + 1;
        inner.trials = Rc::clone(&self.trials);
        inner.assumed = self.assumed.clone();
        inner.assumed.insert(key.clone());
        inner.pair("", old.clone(), new.clone());
        inner.follow();
        let effect = inner.pairs.breaks();
        let mut used = inner.used.take();
        used.remove(&key);
        if used.is_empty() || self.depth == 0 {
            self.trials.borrow_mut().insert(key, effect);
        }
        self.used.borrow_mut().extend(used);
        effect
    }

    pub(super) fn schema_old(&self, parts: &[Part<'a>]) -> Schema<'a> {
        Schema::all(self.old, parts)
    }

    pub(super) fn schema_new(&self, parts: &[Part<'a>]) -> Schema<'a> {
        Schema::all(self.new, parts)
    }

    pub(super) fn leads(
        &mut self,
        here: &Here,
        place: &str,
        old: &[Part<'a>],
        new: &[Part<'a>],
        only: Option<Position>,
    ) {
        let (old, new) = (self.schema_old(old), self.schema_new(new));
        let next = self.pair(place, old, new);
        self.pairs.lead(here.pair, next, only);
    }

    fn compare(&mut self, here: &Here, old: &Schema<'a>, new: &Schema<'a>) {
        if self.wrapped(here, old, new) {
            return;
        }
        if self.keywords(here, old, new) {
            return;
        }
        self.properties(here, old, new);
        self.required(here, old, new);
        self.additional(here, old, new);
        self.patterns(here, old, new);
        self.items(here, old, new);
        self.conditions(here, old, new);
        self.unions(here, old, new);
        self.discriminators(here, old, new);
    }

    /// Returns whether the types have nothing in common, so that there is nothing else to compare.
    pub(super) fn keywords(&mut self, here: &Here, old: &Schema<'a>, new: &Schema<'a>) -> bool {
        let (before, after) = (Keywords::of(old), Keywords::of(new));
        let (found, other) = keywords::differences(&before.fields, &after.fields);
        // Without a type on either side, null is compared where both have alternatives.
        let alone = old.unions.is_empty() || new.unions.is_empty();
        let untyped = old.types.is_none() && new.types.is_none();
        for Difference { subject, how, keyword, what, old: was, new: is, effect } in found {
            if alone && untyped && subject == "type" {
                continue;
            }
            let one = |value: &Option<Value>| value.clone().filter(|_| subject == "enum_value");
            let pointers = (
                Some(self.old.shown(&before.pointer(&keyword, one(&was).as_ref(), old))),
                Some(self.new.shown(&after.pointer(&keyword, one(&is).as_ref(), new))),
            );
            let (side, pointers) = match how {
                How::Added => (new, (None, pointers.1)),
                How::Removed => (old, (pointers.0, None)),
                How::Changed => (new, pointers),
            };
            let place = self.place(here, side, pointers.1.as_ref().or(pointers.0.as_ref()));
            self.pairs.say(here.pair, Found { subject, how, place, pointers, what, old: was, new: is, effect });
        }
        other
    }

    /// The place of the part that has a pointer: a base has a name of its own.
    fn place(&self, here: &Here, side: &Schema<'a>, pointer: Option<&String>) -> String {
        let document = |part: &Part<'a>| (self.old.shown(&part.pointer), self.new.shown(&part.pointer));
        let has = |part: &&Part<'a>| {
            let (old, new) = document(part);
            pointer.is_some_and(|pointer| pointer.starts_with(&old) || pointer.starts_with(&new))
        };
        match side.parts.iter().rev().find(has) {
            Some(part) if side.parts.len() > 1 && !part.place.is_empty() => part.place.clone(),
            _ => here.place.clone(),
        }
    }

    /// A finding at one side or at both, below these parts.
    pub(super) fn say(
        &mut self,
        here: &Here,
        (subject, how, place, what): (&'static str, How, String, String),
        pointers: (Option<&str>, Option<&str>),
        values: (Option<Value>, Option<Value>),
        effect: Effect,
    ) {
        let pointers = (
            pointers.0.filter(|_| how != How::Added).map(|pointer| self.old.shown(pointer)),
            pointers.1.filter(|_| how != How::Removed).map(|pointer| self.new.shown(pointer)),
        );
        let (old, new) = values;
        self.pairs.say(here.pair, Found { subject, how, place, pointers, what, old, new, effect });
    }

    fn properties(&mut self, here: &Here, old: &Schema<'a>, new: &Schema<'a>) {
        let key = "properties";
        let names: BTreeSet<&'a String> = &old.names(key) | &new.names(key);
        for name in names {
            let (before, after) = (old.below(key, name), new.below(key, name));
            let (before, after) = (named(before, here, name), named(after, here, name));
            match (before.as_slice(), after.as_slice()) {
                ([], []) => {}
                ([], [first, ..]) => {
                    let required = new.required(name).is_some();
                    let effect = Effect::property_added(required, is_closed(old));
                    let only = self.schema_new(&after);
                    let effect = effect.only(directed(&only));
                    let finding =
                        ("property", How::Added, first.place.clone(), format!("{} property added", kind(required)));
                    self.say(here, finding, (None, Some(&first.pointer)), (None, None), effect);
                }
                ([first, ..], []) => {
                    let required = old.required(name).is_some();
                    let effect = Effect::property_removed(required, is_closed(new));
                    let only = self.schema_old(&before);
                    let effect = effect.only(directed(&only));
                    let finding =
                        ("property", How::Removed, first.place.clone(), format!("{} property removed", kind(required)));
                    self.say(here, finding, (Some(&first.pointer), None), (None, None), effect);
                }
                (_, [first, ..]) => {
                    self.property(here, (name, &first.place), (old, &before), (new, &after));
                }
            }
        }
    }

    /// A property of both. One that is only read, or only written, has one direction.
    fn property(
        &mut self,
        here: &Here,
        (name, place): (&str, &str),
        (old, before): (&Schema<'a>, &[Part<'a>]),
        (new, after): (&Schema<'a>, &[Part<'a>]),
    ) {
        let (one, other) = (self.schema_old(before), self.schema_new(after));
        let mut both = [true, true];
        for (index, keyword, what) in [(0, "readOnly", "read-only"), (1, "writeOnly", "write-only")] {
            let (was, is) = (one.is_true(keyword), other.is_true(keyword));
            both[index] = !was && !is;
            if was == is {
                continue;
            }
            // What is only read is removed from requests; what is only written, from responses.
            let required = (if is { old } else { new }).required(name).is_some();
            let closed = is_closed(if is { new } else { old });
            let effect =
                if is { Effect::property_removed(required, closed) } else { Effect::property_added(required, closed) };
            let position = if index == 0 { Position::Request } else { Position::Response };
            let (how, what) = if is {
                (How::Added, format!("is {what} now"))
            } else {
                (How::Removed, format!("is no longer {what}"))
            };
            let pointer = |parts: &[Part<'a>]| parts.first().map(|part| format!("{}/{keyword}", part.pointer));
            let (pointers, subject) =
                ((pointer(before), pointer(after)), if index == 0 { "read_only" } else { "write_only" });
            self.say(
                here,
                (subject, how, place.to_owned(), what),
                (pointers.0.as_deref(), pointers.1.as_deref()),
                (None, None),
                effect.only(Some(position)),
            );
        }
        let only = match both {
            [true, true] => None,
            [false, true] => Some(Position::Response),
            [true, false] => Some(Position::Request),
            // Neither sent nor received.
            [false, false] => return,
        };
        let next = self.pair(place, one, other);
        self.pairs.lead(here.pair, next, only);
    }

    /// Properties that became required or optional. Added and removed properties are reported as such.
    fn required(&mut self, here: &Here, old: &Schema<'a>, new: &Schema<'a>) {
        let has = |side: &Schema<'a>, name: &str| !side.below("properties", name).is_empty();
        let (before, after) = (old.required_names(), new.required_names());
        for (how, side, changed) in [(How::Added, new, &after - &before), (How::Removed, old, &before - &after)] {
            for name in changed.into_iter().filter(|name| has(old, name) == has(new, name)) {
                let (what, effect) = match how {
                    How::Removed => ("is no longer required", Effect::WIDER),
                    How::Added | How::Changed => ("is required now", Effect::NARROWER),
                };
                let Some((part, index)) = side.required(name) else { continue };
                let one = self.schema_old(&old.below("properties", name));
                let other = self.schema_new(&new.below("properties", name));
                let is = |keyword| one.is_true(keyword) || other.is_true(keyword);
                let only = match (is("readOnly"), is("writeOnly")) {
                    (true, _) => Some(Position::Response),
                    (false, true) => Some(Position::Request),
                    (false, false) => None,
                };
                let pointer = format!("{}/required/{index}", part.pointer);
                let place = inside(&part.place, here, name);
                let finding = ("required", how, place, what.to_owned());
                self.say(here, finding, (Some(&pointer), Some(&pointer)), (None, None), effect.only(only));
            }
        }
    }

    fn additional(&mut self, here: &Here, old: &Schema<'a>, new: &Schema<'a>) {
        let (before, after) = (Additional::of(old), Additional::of(new));
        let effect = match (before, after) {
            (Additional::Fit, Additional::Fit) => {
                let key = "additionalProperties";
                let name = |parts: Vec<Part<'a>>| -> Vec<Part<'a>> {
                    let place = |part: &Part<'a>| format!("{}{{}}", placed(&part.place, here));
                    parts.into_iter().map(|part| part.clone().named(place(&part))).collect()
                };
                let (one, other) = (name(old.children(key)), name(new.children(key)));
                return self.leads(here, &format!("{}{{}}", here.place), &one, &other, None);
            }
            (before, after) if before == after => return,
            (Additional::Any, _) | (_, Additional::None) => Effect::NARROWER,
            (_, Additional::Any) | (Additional::None, _) => Effect::WIDER,
        };
        let at = |side: &Schema<'a>| {
            let part = side.parts.iter().find(|part| part.value.get("additionalProperties").is_some());
            part.or(side.parts.first()).map(|part| format!("{}/additionalProperties", part.pointer))
        };
        let (one, other) = (at(old), at(new));
        let finding =
            ("additional_properties", How::Changed, here.place.clone(), "other properties changed".to_owned());
        let values = (Some(json!(before.word())), Some(json!(after.word())));
        self.say(here, finding, (one.as_deref(), other.as_deref()), values, effect);
    }

    /// Schemas for all properties whose names match a pattern.
    fn patterns(&mut self, here: &Here, old: &Schema<'a>, new: &Schema<'a>) {
        let key = "patternProperties";
        for name in &old.names(key) | &new.names(key) {
            let place = format!("{}{{{name}}}", here.place);
            let (before, after) = (old.below(key, name), new.below(key, name));
            let closed = is_closed(old) && is_closed(new);
            let (how, effect, part) = match (before.first(), after.first()) {
                (Some(_), Some(_)) => {
                    self.leads(here, &place, &before, &after, None);
                    continue;
                }
                // Where nothing else is allowed, a pattern allows more.
                (None, Some(part)) => (How::Added, if closed { Effect::WIDER } else { Effect::NARROWER }, part),
                (Some(part), None) => (How::Removed, if closed { Effect::NARROWER } else { Effect::WIDER }, part),
                (None, None) => continue,
            };
            let finding = ("pattern_properties", how, place, format!("rule for properties {}", how.word()));
            self.say(here, finding, (Some(&part.pointer), Some(&part.pointer)), (None, None), effect);
        }
    }

    fn items(&mut self, here: &Here, old: &Schema<'a>, new: &Schema<'a>) {
        let list = |side: &Schema<'a>| -> Vec<Part<'a>> {
            side.parts.iter().flat_map(|part| part.items("prefixItems")).collect()
        };
        let (before, after) = (list(old), list(new));
        for (index, (one, other)) in before.iter().zip(&after).enumerate() {
            let place = format!("{}[{index}]", here.place);
            self.leads(here, &place, std::slice::from_ref(one), std::slice::from_ref(other), None);
        }
        if before.len() != after.len() {
            let pointer = |parts: &[Part<'a>], side: &Schema<'a>| {
                parts.last().or(side.parts.first()).map(|part| part.pointer.clone())
            };
            let (one, other) = (pointer(&before, old), pointer(&after, new));
            let finding =
                ("items", How::Changed, here.place.clone(), "number of places of the tuple changed".to_owned());
            let values = (Some(json!(before.len())), Some(json!(after.len())));
            self.say(here, finding, (one.as_deref(), other.as_deref()), values, Effect::OTHER);
        }
        let name = |parts: Vec<Part<'a>>| -> Vec<Part<'a>> {
            let place = |part: &Part<'a>| format!("{}[]", placed(&part.place, here));
            parts.into_iter().map(|part| part.clone().named(place(&part))).collect()
        };
        let (one, other) = (name(old.children("items")), name(new.children("items")));
        let (how, part, effect) = match (one.first(), other.first()) {
            (Some(_), Some(_)) => return self.leads(here, &format!("{}[]", here.place), &one, &other, None),
            (None, Some(part)) if !self.schema_new(&other).is_anything() => (How::Added, part, Effect::NARROWER),
            (Some(part), None) if !self.schema_old(&one).is_anything() => (How::Removed, part, Effect::WIDER),
            _ => return,
        };
        let finding = ("items", how, here.place.clone(), format!("rule for items {}", how.word()));
        self.say(here, finding, (Some(&part.pointer), Some(&part.pointer)), (None, None), effect);
    }

    /// Keywords with a schema that restrict in ways of their own.
    fn conditions(&mut self, here: &Here, old: &Schema<'a>, new: &Schema<'a>) {
        for keyword in CONDITIONS {
            let (before, after) = (old.children(keyword), new.children(keyword));
            let how = match (before.is_empty(), after.is_empty()) {
                (true, true) => continue,
                (true, false) => How::Added,
                (false, true) => How::Removed,
                (false, false) => {
                    if self.trial(&self.schema_old(&before), &self.schema_new(&after)) == Effect::SAME {
                        continue;
                    }
                    How::Changed
                }
            };
            let value = |parts: &[Part<'a>]| parts.first().map(|part| part.value.clone());
            let pointer = |parts: &[Part<'a>]| parts.first().map(|part| part.pointer.clone());
            let (one, other) = (pointer(&before), pointer(&after));
            let finding = ("keyword", how, here.place.clone(), format!("{keyword} {}", how.word()));
            let values = (value(&before), value(&after));
            self.say(here, finding, (one.as_deref(), other.as_deref()), values, Effect::OTHER);
        }
    }
}

/// The only position of a property, if it is only read or only written.
fn directed(schema: &Schema<'_>) -> Option<Position> {
    match (schema.is_true("readOnly"), schema.is_true("writeOnly")) {
        (true, _) => Some(Position::Response),
        (false, true) => Some(Position::Request),
        (false, false) => None,
    }
}

/// Parts of a property, each with the place of the schema that has it.
fn named<'a>(parts: Vec<Part<'a>>, here: &Here, name: &str) -> Vec<Part<'a>> {
    parts.into_iter().map(|part| part.clone().named(inside(&part.place, here, name))).collect()
}

fn inside(place: &str, here: &Here, name: &str) -> String {
    format!("{}.{name}", placed(place, here))
}

fn placed<'p>(place: &'p str, here: &'p Here) -> &'p str {
    if place.is_empty() { &here.place } else { place }
}

fn kind(required: bool) -> &'static str {
    if required { "required" } else { "optional" }
}

pub(super) fn is_closed(schema: &Schema<'_>) -> bool {
    Additional::of(schema) == Additional::None
}

/// The rule of a schema for properties that it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Additional {
    Any,
    Fit,
    None,
}

impl Additional {
    fn of(schema: &Schema<'_>) -> Self {
        let rules = |keyword: &str| schema.children(keyword);
        let is_false = |part: &Part<'_>| *part.value == Value::Bool(false) || *part.value == json!({ "not": {} });
        if rules("additionalProperties").iter().chain(&rules("unevaluatedProperties")).any(is_false) {
            return Self::None;
        }
        let restricts = |part: &Part<'_>| part.value.as_object().is_some_and(|fields| !fields.is_empty());
        if rules("additionalProperties").iter().any(restricts) { Self::Fit } else { Self::Any }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Fit => "those that fit a schema",
            Self::None => "none",
        }
    }
}
