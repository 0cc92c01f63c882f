//! Alternatives (`oneOf`, `anyOf`): which old one a new one replaces, and what a single schema became.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::change::{How, Position};
use super::effect::Effect;
use super::schemas::{Here, Schemas};
use super::view::{Part, Schema, Union};

/// Both have the same name.
const SAME_NAME: usize = 10_000;
/// The same values fit both.
const SAME_VALUES: usize = 9_000;
/// Both have a property with the same only value.
const SAME_TAG: usize = 8_000;
/// The maximum of what properties in common are worth.
const PROPERTIES_MAX: usize = 100;

impl<'a> Schemas<'a> {
    /// A schema became one of several alternatives, or the reverse. Returns whether it is so, and was compared.
    pub(super) fn wrapped(&mut self, here: &Here, old: &Schema<'a>, new: &Schema<'a>) -> bool {
        let is_single = |schema: &Schema<'a>| schema.unions.is_empty() && !schema.is_anything();
        match (old.wrapper(), new.wrapper()) {
            (None, Some(union)) if is_single(old) => {
                self.one_and_many(here, How::Added, (old, new), &union.schemas(self.new), union);
            }
            (Some(union), None) if is_single(new) => {
                self.one_and_many(here, How::Removed, (old, new), &union.schemas(self.old), union);
            }
            _ => return false,
        }
        true
    }

    fn one_and_many(
        &mut self,
        here: &Here,
        how: How,
        (old, new): (&Schema<'a>, &Schema<'a>),
        alternatives: &[Schema<'a>],
        union: &Union<'a>,
    ) {
        let added = how == How::Added;
        let single = if added { old } else { new }.clone().without_null();
        let keyword = union.keyword;
        self.null(here, old, new);
        let effects: Vec<Effect> = alternatives
            .iter()
            .map(|one| if added { self.trial(&single, one) } else { self.trial(one, &single) })
            .collect();
        // In the direction from one to many: whether the alternative takes less, or more, than the single schema.
        let less = |effect: &Effect| {
            let breaks = effect.at(Position::Request);
            if added { breaks.clients } else { breaks.servers }
        };
        let more = |effect: &Effect| {
            let breaks = effect.at(Position::Request);
            if added { breaks.servers } else { breaks.clients }
        };
        let fits: Vec<usize> = (0..effects.len()).filter(|index| !less(&effects[*index])).collect();
        let best = fits.iter().find(|index| effects[**index] == Effect::SAME).or(fits.first()).copied();
        let nearest = || {
            let scored = alternatives.iter().enumerate().map(|(index, one)| {
                let score = if added { self.affinity(&single, one) } else { self.affinity(one, &single) };
                (score, std::cmp::Reverse(index))
            });
            scored.max().filter(|(score, _)| *score > 0).map(|(_, index)| index.0)
        };
        let ambiguous = keyword == "oneOf" && fits.len() > 1;
        let best = if ambiguous { None } else { best.or_else(nearest) };
        let Some(best) = best else {
            let several = if ambiguous { ", several of which its values fit" } else { "" };
            let (from, to) = ("one schema".to_owned(), format!("{keyword} of {}{several}", alternatives.len()));
            let (from, to) = if added { (from, to) } else { (to, from) };
            let pointer = |schema: &Schema<'a>| schema.parts.first().map(|part| part.pointer.clone());
            let (one, other) = (pointer(old), pointer(new));
            let finding = ("combination", How::Changed, here.place.clone(), "alternatives changed".to_owned());
            let values = (Some(json!(from)), Some(json!(to)));
            // Alternatives that all fit the single schema are less than it.
            let effect = match (ambiguous || effects.iter().any(more), added) {
                (true, _) => Effect::OTHER,
                (false, true) => Effect::NARROWER,
                (false, false) => Effect::WIDER,
            };
            return self.say(here, finding, (one.as_deref(), other.as_deref()), values, effect);
        };
        let place = part_place(here, keyword, &alternatives[best]);
        let chosen = alternatives[best].clone();
        let (one, other) = if added { (single, chosen) } else { (chosen, single) };
        let next = self.pair(&place, one, other);
        self.pairs.lead(here.pair, next, None);
        let others = alternatives.iter().enumerate().filter(|(index, _)| *index != best && more(&effects[*index]));
        for (_, alternative) in others {
            self.part(here, keyword, how, alternative);
        }
    }

    /// Whether null fits the alternatives as a whole.
    fn null(&mut self, here: &Here, old: &Schema<'a>, new: &Schema<'a>) {
        if old.null == new.null {
            return;
        }
        let pointer = |schema: &Schema<'a>| schema.parts.first().map(|part| part.pointer.clone());
        let (one, other) = (pointer(old), pointer(new));
        let effect = if new.null { Effect::WIDER } else { Effect::NARROWER };
        let show = |null: bool| Some(json!(if null { "or null" } else { "not null" }));
        let finding = ("type", How::Changed, here.place.clone(), "type changed".to_owned());
        self.say(here, finding, (one.as_deref(), other.as_deref()), (show(old.null), show(new.null)), effect);
    }

    /// Alternatives of both.
    pub(super) fn unions(&mut self, here: &Here, old: &Schema<'a>, new: &Schema<'a>) {
        let mut left: Vec<&Union<'a>> = new.unions.iter().collect();
        let mut alone = Vec::new();
        for before in &old.unions {
            match left.iter().position(|after| after.keyword == before.keyword) {
                Some(index) => self.both(here, before, left.remove(index)),
                None => alone.push(before),
            }
        }
        for before in alone {
            if left.is_empty() {
                self.combination(here, How::Removed, before);
            } else {
                let after = left.remove(0);
                let finding = ("combination", How::Changed, here.place.clone(), "combination changed".to_owned());
                let (one, other) = (
                    format!("{}/{}", before.owner.pointer, before.keyword),
                    format!("{}/{}", after.owner.pointer, after.keyword),
                );
                let values = (Some(json!(before.keyword)), Some(json!(after.keyword)));
                // The same values fit, unless they fit several alternatives.
                self.say(here, finding, (Some(&one), Some(&other)), values, Effect::SAME);
                self.both(here, before, after);
            }
        }
        for after in left {
            self.combination(here, How::Added, after);
        }
    }

    /// All alternatives were added or removed: one rule more or less.
    fn combination(&mut self, here: &Here, how: How, union: &Union<'a>) {
        let keyword = union.keyword;
        let effect = if how == How::Added { Effect::NARROWER } else { Effect::WIDER };
        let pointer = format!("{}/{keyword}", union.owner.pointer);
        let finding = ("combination", how, here.place.clone(), format!("{keyword} {}", how.word()));
        self.say(here, finding, (Some(&pointer), Some(&pointer)), (None, None), effect);
    }

    fn both(&mut self, here: &Here, old: &Union<'a>, new: &Union<'a>) {
        let (before, after) = (old.schemas(self.old), new.schemas(self.new));
        let matches = self.matches(&before, &after);
        for (one, other) in &matches {
            let (one, other) = (&before[*one], &after[*other]);
            let next = self.pair(&part_place(here, new.keyword, other), one.clone(), other.clone());
            self.pairs.lead(here.pair, next, None);
        }
        let old_ones: BTreeSet<usize> = matches.iter().map(|(one, _)| *one).collect();
        let new_ones: BTreeSet<usize> = matches.iter().map(|(_, other)| *other).collect();
        for (_, one) in before.iter().enumerate().filter(|(index, _)| !old_ones.contains(index)) {
            self.part(here, old.keyword, How::Removed, one);
        }
        for (_, other) in after.iter().enumerate().filter(|(index, _)| !new_ones.contains(index)) {
            self.part(here, new.keyword, How::Added, other);
        }
    }

    /// Which old alternative became which new one: those that are most alike. The reverse direction finds the same.
    fn matches(&self, old: &[Schema<'a>], new: &[Schema<'a>]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let mut named: Vec<(usize, usize)> = Vec::new();
        for (index, one) in old.iter().enumerate() {
            let same = new.iter().position(|other| one.name.is_some() && other.name == one.name);
            named.extend(same.map(|other| (index, other)));
        }
        // Names are cheap to compare, and most alternatives have one.
        let is_named = |index: usize, side: usize| {
            named.iter().any(|pair| if side == 0 { pair.0 == index } else { pair.1 == index })
        };
        for (index, one) in old.iter().enumerate().filter(|(index, _)| !is_named(*index, 0)) {
            for (at, other) in new.iter().enumerate().filter(|(at, _)| !is_named(*at, 1)) {
                let score = self.affinity(one, other);
                if score > 0 {
                    found.push((std::cmp::Reverse(score), index.abs_diff(at), index + at, index, at));
                }
            }
        }
        found.sort_unstable();
        let mut matches = named;
        for (.., one, other) in found {
            if !matches.iter().any(|(old, new)| *old == one || *new == other) {
                matches.push((one, other));
            }
        }
        matches
    }

    /// How much two schemas have in common; 0 if one is not a version of the other.
    fn affinity(&self, old: &Schema<'a>, new: &Schema<'a>) -> usize {
        if old.name.is_some() && old.name == new.name {
            return SAME_NAME;
        }
        if old.types != new.types {
            return 0;
        }
        if self.trial(old, new) == Effect::SAME {
            return SAME_VALUES;
        }
        let (one, other) = (self.tags(old, true), self.tags(new, false));
        if one.iter().any(|tag| other.contains(tag)) {
            return SAME_TAG;
        }
        // With other tags, it is another alternative.
        if one.iter().any(|(name, _)| other.iter().any(|(other, _)| other == name)) {
            return 0;
        }
        let (before, after) = (old.names("properties"), new.names("properties"));
        let unnamed = old.name.is_none() && new.name.is_none();
        match (&before | &after).len() {
            0 if unnamed => 1,
            0 => 0,
            all => {
                let share = (&before & &after).len() * PROPERTIES_MAX / all;
                // A schema with a name of its own must be more alike.
                if unnamed || share * 2 > PROPERTIES_MAX { share + 1 } else { 0 }
            }
        }
    }

    /// Properties that have only one value, with the value.
    fn tags(&self, schema: &Schema<'a>, is_old: bool) -> Vec<(&'a String, &'a Value)> {
        let only = |name: &'a String| {
            let parts = schema.below("properties", name);
            let one = if is_old { self.schema_old(&parts) } else { self.schema_new(&parts) };
            match one.values?.as_slice() {
                [(value, _)] => Some((name, *value)),
                _ => None,
            }
        };
        schema.names("properties").into_iter().filter_map(only).collect()
    }

    fn part(&mut self, here: &Here, keyword: &str, how: How, schema: &Schema<'a>) {
        let effect = if how == How::Added { Effect::WIDER } else { Effect::NARROWER };
        let Some(part) = schema.parts.first() else { return };
        let plain = || {
            let values =
                schema.values.as_ref().map(|values| values.iter().map(|(value, _)| *value).collect::<Vec<_>>());
            values.map_or_else(|| part.value.clone(), |values| json!({ "enum": values }))
        };
        let shown = Some(schema.name.clone().map_or_else(plain, Value::String));
        // The place of an alternative is in the list, not where its reference leads.
        let finding = ("part", how, here.place.clone(), format!("part of {keyword} {}", how.word()));
        let values = if how == How::Removed { (shown, None) } else { (None, shown) };
        self.say(here, finding, (Some(&part.pointer), Some(&part.pointer)), values, effect);
    }

    /// Which value of a property stands for which schema: as written, or the names of the alternatives.
    pub(super) fn discriminators(&mut self, here: &Here, old: &Schema<'a>, new: &Schema<'a>) {
        let (before, after) = (Discriminator::of(old), Discriminator::of(new));
        let (one, other) = match (before, after) {
            (None, None) => return,
            (Some(one), Some(other)) => (one, other),
            (one, other) => {
                let (how, effect) = match &one {
                    None => (How::Added, Effect::NARROWER),
                    Some(_) => (How::Removed, Effect::WIDER),
                };
                let Some(side) = one.or(other) else { return };
                let finding = ("discriminator", how, here.place.clone(), format!("discriminator {}", how.word()));
                let name = Some(json!(side.property));
                let values = if how == How::Added { (None, name) } else { (name, None) };
                return self.say(here, finding, (Some(&side.pointer), Some(&side.pointer)), values, effect);
            }
        };
        let pointers = (one.pointer.as_str(), other.pointer.as_str());
        if one.property != other.property {
            let finding =
                ("discriminator", How::Changed, here.place.clone(), "property of the discriminator changed".to_owned());
            let values = (Some(json!(one.property)), Some(json!(other.property)));
            return self.say(here, finding, (Some(pointers.0), Some(pointers.1)), values, Effect::OTHER);
        }
        let as_many = one.targets().len() == other.targets().len();
        for (how, from, to) in [(How::Removed, &one, &other), (How::Added, &other, &one)] {
            // An alternative that was added or removed is reported as such.
            let moved = |target: &String| as_many || to.targets().contains(target);
            for (value, _) in from.values.iter().filter(|(key, name)| !to.values.contains_key(*key) && moved(name)) {
                let effect = if how == How::Added { Effect::WIDER } else { Effect::NARROWER };
                let what = format!("value of the discriminator {}", how.word());
                let finding = ("discriminator_value", how, here.place.clone(), what);
                let shown = Some(json!(value));
                let values = if how == How::Removed { (shown, None) } else { (None, shown) };
                let pointer = format!("{}/mapping", from.pointer);
                self.say(here, finding, (Some(&pointer), Some(&pointer)), values, effect);
            }
        }
        for (value, target) in &one.values {
            let Some(now) = other.values.get(value).filter(|now| *now != target) else { continue };
            if other.targets().contains(target) && one.targets().contains(now) {
                let finding = (
                    "discriminator_value",
                    How::Changed,
                    here.place.clone(),
                    format!("value {value} of the discriminator stands for another schema"),
                );
                let values = (Some(json!(target)), Some(json!(now)));
                self.say(here, finding, (Some(pointers.0), Some(pointers.1)), values, Effect::OTHER);
            }
        }
    }
}

fn part_place(here: &Here, keyword: &str, schema: &Schema<'_>) -> String {
    let index = || {
        let pointer = schema.parts.first().map_or("", |part| part.pointer.as_str());
        pointer.rsplit('/').next().unwrap_or_default().to_owned()
    };
    format!("{}({keyword} {})", here.place, schema.name.clone().unwrap_or_else(index))
}

struct Discriminator {
    property: String,
    pointer: String,
    /// The name of a schema by the value that stands for it.
    values: BTreeMap<String, String>,
}

impl Discriminator {
    fn of(schema: &Schema<'_>) -> Option<Self> {
        let part: Part<'_> = schema.parts.iter().find_map(|part| part.child("discriminator"))?;
        let property = part.value.get("propertyName")?.as_str()?.to_owned();
        let mapping = part.value.get("mapping").and_then(Value::as_object);
        let target = |value: &Value| value.as_str().map(|text| text.rsplit('/').next().unwrap_or(text).to_owned());
        let written = mapping.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), target(value)?)));
        let mut values: BTreeMap<String, String> = written.collect();
        let mapped: BTreeSet<String> = values.values().cloned().collect();
        for name in schema.unions.iter().flat_map(Union::names).filter(|name| !mapped.contains(name)) {
            values.insert(name.clone(), name);
        }
        Some(Self { property, pointer: part.pointer, values })
    }

    fn targets(&self) -> BTreeSet<&String> {
        self.values.values().collect()
    }
}
