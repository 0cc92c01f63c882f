//! Keywords of a schema without nested schemas: types, enums, bounds, texts. `schemas.rs` has the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::change::{Breaks, How};
use super::effect::Effect;
use super::tree::escape;
use super::view::{Part, Schema};

/// The difference in one keyword.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) subject: &'static str,
    pub(super) how: How,
    /// The keyword, for the pointer.
    pub(super) keyword: String,
    pub(super) what: String,
    pub(super) old: Option<Value>,
    pub(super) new: Option<Value>,
    pub(super) effect: Effect,
}

/// Lower bounds that have no exclusive form. A missing one is 0.
const LOWER: [&str; 3] = ["minLength", "minItems", "minProperties"];
/// All bounds: a larger one is stricter, or a smaller one.
const BOUNDS: [(&str, bool); 8] = [
    ("minimum", true),
    ("maximum", false),
    ("minLength", true),
    ("minItems", true),
    ("minProperties", true),
    ("maxLength", false),
    ("maxItems", false),
    ("maxProperties", false),
];
/// Upper bounds that have no exclusive form. A missing one is no bound.
const UPPER: [&str; 3] = ["maxLength", "maxItems", "maxProperties"];
/// Rules that may be absent: a removed rule allows more, and a changed one allows other values.
const RULES: [&str; 4] = ["pattern", "multipleOf", "x-property-names", "format"];
/// Keywords for people only.
const TEXTS: [&str; 3] = ["description", "title", "summary"];
/// Keywords that bind neither side.
const NOTES: [&str; 6] = ["example", "examples", "externalDocs", "deprecated", "xml", "$comment"];
/// Keywords that are compared elsewhere: types, enums and numeric bounds below, nested schemas in `schemas.rs`.
const ELSEWHERE: [&str; 35] = [
    "$ref",
    "type",
    "nullable",
    "enum",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "uniqueItems",
    "default",
    "properties",
    "patternProperties",
    "required",
    "items",
    "prefixItems",
    "additionalProperties",
    "oneOf",
    "anyOf",
    "allOf",
    "discriminator",
    "readOnly",
    "writeOnly",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$defs",
    "definitions",
    "$id",
    "$schema",
    "$anchor",
];

/// Keywords that have a schema, and are compared only for equality: as such, the direction of a change is not known.
pub(super) const CONDITIONS: [&str; 7] = ["not", "if", "then", "else", "contains", "propertyNames", "unevaluatedItems"];

/// Whether a keyword is for people only.
pub(super) fn is_note(keyword: &str) -> bool {
    let lists: [&[&str]; 2] = [&TEXTS, &NOTES];
    let known = lists.iter().any(|list| list.contains(&keyword)) || keyword.starts_with("x-");
    known && keyword != "x-property-names" || matches!(keyword, "nullable" | "default" | "readOnly" | "writeOnly")
}

/// The keywords of a schema without nested schemas, and the pointer of each.
#[derive(Debug, Default)]
pub(super) struct Keywords {
    pub(super) fields: Map<String, Value>,
    pointers: BTreeMap<String, String>,
}

impl Keywords {
    /// Those of all parts: the stricter bound, every other rule, and the first text.
    pub(super) fn of(schema: &Schema<'_>) -> Self {
        let mut all = Self::default();
        for part in &schema.parts {
            for (key, value) in part.value.as_object().into_iter().flatten() {
                all.add(key, value, part);
            }
        }
        if let Some(types) = &schema.types {
            let types: Vec<&str> = types.iter().copied().collect();
            all.fields.insert("type".to_owned(), json!(types));
        }
        if schema.null {
            all.fields.insert("nullable".to_owned(), json!(true));
        }
        if let Some(values) = &schema.values {
            let plain: Vec<&Value> = values.iter().map(|(value, _)| *value).collect();
            all.fields.insert("enum".to_owned(), json!(plain));
        }
        all
    }

    /// The pointer of a keyword; of an enum's value, the one of the list that has it.
    pub(super) fn pointer(&self, keyword: &str, value: Option<&Value>, schema: &Schema<'_>) -> String {
        let values = schema.values.iter().flatten();
        let of_value = |wanted: &Value| values.clone().find(|(value, _)| *value == wanted);
        if keyword == "enum"
            && let Some((_, pointer)) = value.and_then(of_value).or_else(|| values.clone().next())
        {
            return pointer.clone();
        }
        let first = || schema.parts.first().map_or("", |part| part.pointer.as_str()).to_owned();
        let part = self.pointers.get(keyword).cloned().unwrap_or_else(first);
        format!("{part}/{}", escape(keyword))
    }

    fn add(&mut self, key: &str, value: &Value, part: &Part<'_>) {
        // Compared elsewhere, and some are large.
        let is_scalar = BOUNDS.iter().any(|(bound, _)| *bound == key)
            || matches!(key, "exclusiveMinimum" | "exclusiveMaximum" | "uniqueItems" | "default");
        if ELSEWHERE.contains(&key) && !is_scalar {
            return self.type_pointer(key, part);
        }
        let stricter = match (self.fields.get(key), BOUNDS.iter().find(|(keyword, _)| *keyword == key)) {
            (None, _) => true,
            (Some(before), Some((_, lower))) => match (before.as_f64(), value.as_f64()) {
                (Some(before), Some(value)) => (value > before) == *lower && value != before,
                _ => false,
            },
            (Some(before), None) if RULES.contains(&key) && before != value => {
                // Several patterns all apply.
                let both = match before {
                    Value::Array(several) => several.iter().chain([value]).cloned().collect(),
                    one => vec![one.clone(), value.clone()],
                };
                self.fields.insert(key.to_owned(), sorted(both));
                return;
            }
            (Some(before), None) => key == "uniqueItems" && *before != json!(true),
        };
        if stricter {
            self.fields.insert(key.to_owned(), value.clone());
            self.pointers.insert(key.to_owned(), part.pointer.clone());
        }
    }
}

impl Keywords {
    /// Remembers which part has a keyword that is merged elsewhere.
    fn type_pointer(&mut self, key: &str, part: &Part<'_>) {
        if matches!(key, "type" | "nullable") {
            self.pointers.entry("type".to_owned()).or_insert_with(|| part.pointer.clone());
        }
    }
}

fn sorted(mut values: Vec<Value>) -> Value {
    values.sort_by_key(Value::to_string);
    values.dedup();
    Value::Array(values)
}

/// All differences of these two schemas, without nested schemas, and whether the types have nothing in common.
pub(super) fn differences(old: &Map<String, Value>, new: &Map<String, Value>) -> (Vec<Difference>, bool) {
    let mut found = Vec::new();
    if let Some(difference) = types(old, new) {
        let other = difference.effect == Effect::OTHER;
        found.push(difference);
        if other {
            // If the types differ, only the descriptions can be compared.
            notes(old, new, &mut found);
            return (found, true);
        }
    }
    enums(old, new, &mut found);
    // The values of an enum follow its rules, so that it matters only which values there are.
    if !listed(old, new) {
        bounds(old, new, &mut found);
        for keyword in RULES {
            found.extend(rule(keyword, old.get(keyword), new.get(keyword)));
        }
    }
    found.extend(unique(old, new));
    found.extend(default(old, new));
    notes(old, new, &mut found);
    others(old, new, &mut found);
    (found, false)
}

fn how(old: Option<&Value>, new: Option<&Value>) -> How {
    match (old, new) {
        (None, _) => How::Added,
        (_, None) => How::Removed,
        _ => How::Changed,
    }
}

fn differs(
    subject: &'static str,
    keyword: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    effect: Effect,
) -> Option<Difference> {
    let how = how(old, new);
    let what = format!("{keyword} {}", how.word());
    (old != new).then(|| Difference {
        subject,
        how,
        keyword: keyword.to_owned(),
        what,
        old: old.cloned(),
        new: new.cloned(),
        effect,
    })
}

/// The allowed types; all, if none is given.
fn type_set(schema: &Map<String, Value>) -> Option<BTreeSet<&str>> {
    let mut set: BTreeSet<&str> = schema.get("type")?.as_array()?.iter().filter_map(Value::as_str).collect();
    if schema.contains_key("nullable") {
        set.insert("null");
    }
    Some(set)
}

fn types(old: &Map<String, Value>, new: &Map<String, Value>) -> Option<Difference> {
    let (before, after) = (type_set(old), type_set(new));
    if before.is_none() && after.is_none() {
        return null(old, new);
    }
    if before == after {
        return None;
    }
    // An integer is a number.
    let within = |one: &BTreeSet<&str>, other: &BTreeSet<&str>| {
        one.iter().all(|kind| other.contains(kind) || *kind == "integer" && other.contains("number"))
    };
    let effect = match (&before, &after) {
        (None, _) => Effect::NARROWER,
        (_, None) => Effect::WIDER,
        (Some(before), Some(after)) if within(before, after) => Effect::WIDER,
        (Some(before), Some(after)) if within(after, before) => Effect::NARROWER,
        _ => Effect::OTHER,
    };
    let show = |set: &Option<BTreeSet<&str>>| {
        set.as_ref().map(|set| json!(set.iter().copied().collect::<Vec<_>>().join(" or ")))
    };
    let (old, new) = (show(&before), show(&after));
    differs("type", "type", old.as_ref(), new.as_ref(), effect)
}

/// Null, beside alternatives that have types of their own.
fn null(old: &Map<String, Value>, new: &Map<String, Value>) -> Option<Difference> {
    let (before, after) = (old.contains_key("nullable"), new.contains_key("nullable"));
    let effect = if after { Effect::WIDER } else { Effect::NARROWER };
    let show = |null: bool| json!(if null { "or null" } else { "not null" });
    (before != after).then(|| differs("type", "type", Some(&show(before)), Some(&show(after)), effect)).flatten()
}

/// The allowed values; all, if none is given.
fn values(schema: &Map<String, Value>) -> Option<&Vec<Value>> {
    schema.get("enum").and_then(Value::as_array)
}

/// Whether both have lists of values, or one has and all its values are within the bounds of the other.
fn listed(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    match (values(old), values(new)) {
        (Some(_), Some(_)) => true,
        (None, Some(list)) => list.iter().all(|value| is_within(value, old)),
        (Some(list), None) => list.iter().all(|value| is_within(value, new)),
        (None, None) => false,
    }
}

/// Whether a value keeps the bounds of a schema. A pattern is not tried.
fn is_within(value: &Value, schema: &Map<String, Value>) -> bool {
    let number = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let (size, least, most) = match value {
        Value::String(text) => {
            (u32::try_from(text.chars().count()).map_or(f64::MAX, f64::from), number("minLength"), number("maxLength"))
        }
        Value::Number(value) => {
            let bound = |plain, exclusive, lower| numeric(schema, plain, exclusive, lower);
            let (least, most) =
                (bound("minimum", "exclusiveMinimum", true), bound("maximum", "exclusiveMaximum", false));
            let excluded = [least, most].into_iter().flatten().any(|(limit, out)| out && value.as_f64() == Some(limit));
            if excluded {
                return false;
            }
            (value.as_f64().unwrap_or_default(), least.map(|one| one.0), most.map(|one| one.0))
        }
        _ => return true,
    };
    !schema.contains_key("pattern") && least.is_none_or(|least| size >= least) && most.is_none_or(|most| size <= most)
}

fn enums(old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<Difference>) {
    let one = |how: How, value: &Value, effect: Effect| Difference {
        subject: "enum_value",
        how,
        keyword: "enum".to_owned(),
        what: format!("enum value {}", how.word()),
        old: (how == How::Removed).then(|| value.clone()),
        new: (how == How::Added).then(|| value.clone()),
        effect,
    };
    match (values(old), values(new)) {
        (Some(before), Some(after)) => {
            let gone = before.iter().filter(|value| !after.contains(*value));
            found.extend(gone.map(|value| one(How::Removed, value, Effect::NARROWER)));
            let fresh = after.iter().filter(|value| !before.contains(*value));
            found.extend(fresh.map(|value| one(How::Added, value, Effect::WIDER)));
        }
        (before, after) => {
            let effect = if before.is_none() { Effect::NARROWER } else { Effect::WIDER };
            let (old, new) = (before.map(|list| json!(list)), after.map(|list| json!(list)));
            found.extend(differs("enum", "enum", old.as_ref(), new.as_ref(), effect));
        }
    }
}

/// A numeric bound, in the forms of OpenAPI 3.0 and 3.1: the value, and whether the value itself is excluded.
fn numeric(schema: &Map<String, Value>, plain: &str, exclusive: &str, lower: bool) -> Option<(f64, bool)> {
    let number = |key: &str| schema.get(key).and_then(Value::as_f64);
    let flagged = schema.get(exclusive).and_then(Value::as_bool) == Some(true);
    let both = [number(plain).map(|value| (value, flagged)), number(exclusive).map(|value| (value, true))];
    both.into_iter().flatten().reduce(|one, other| if stricter(other, one, lower) { other } else { one })
}

fn stricter(one: (f64, bool), other: (f64, bool), lower: bool) -> bool {
    if one.0 == other.0 { one.1 && !other.1 } else { (one.0 > other.0) == lower }
}

fn bounds(old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<Difference>) {
    for (plain, exclusive, lower) in [("minimum", "exclusiveMinimum", true), ("maximum", "exclusiveMaximum", false)] {
        let of = |schema| numeric(schema, plain, exclusive, lower);
        found.extend(bound(plain, of(old), of(new), lower));
    }
    for (keywords, lower) in [(LOWER, true), (UPPER, false)] {
        for keyword in keywords {
            let of = |schema: &Map<String, Value>| {
                let value = schema.get(keyword).and_then(Value::as_f64)?;
                (!lower || value != 0.0).then_some((value, false))
            };
            found.extend(bound(keyword, of(old), of(new), lower));
        }
    }
}

fn bound(keyword: &str, old: Option<(f64, bool)>, new: Option<(f64, bool)>, lower: bool) -> Option<Difference> {
    let effect = match (old, new) {
        (None, _) => Effect::NARROWER,
        (_, None) => Effect::WIDER,
        (Some(old), Some(new)) if stricter(new, old, lower) => Effect::NARROWER,
        _ => Effect::WIDER,
    };
    // As it was written: 5, not 5.0.
    let show = |(value, excluded): (f64, bool)| {
        if excluded {
            json!(format!("{value}, excluded"))
        } else {
            json!(value.to_string().parse::<serde_json::Number>().ok())
        }
    };
    let (old, new) = (old.map(show), new.map(show));
    differs("bound", keyword, old.as_ref(), new.as_ref(), effect)
}

fn rule(keyword: &'static str, old: Option<&Value>, new: Option<&Value>) -> Option<Difference> {
    let grows = |one: Option<&Value>, other: Option<&Value>| {
        let pair = (one.and_then(Value::as_str), other.and_then(Value::as_str));
        keyword == "format" && matches!(pair, (Some("int32"), Some("int64")) | (Some("float"), Some("double")))
    };
    let effect = match (old, new) {
        (None, _) => Effect::NARROWER,
        (_, None) => Effect::WIDER,
        _ if grows(old, new) => Effect::WIDER,
        _ if grows(new, old) => Effect::NARROWER,
        _ => Effect::OTHER,
    };
    let subject = match keyword {
        "format" => "format",
        "pattern" => "pattern",
        _ => "rule",
    };
    differs(subject, keyword, old, new, effect)
}

fn unique(old: &Map<String, Value>, new: &Map<String, Value>) -> Option<Difference> {
    let unique =
        |schema: &Map<String, Value>| schema.get("uniqueItems").filter(|value| **value == json!(true)).cloned();
    let (old, new) = (unique(old), unique(new));
    let effect = if old.is_none() { Effect::NARROWER } else { Effect::WIDER };
    differs("rule", "uniqueItems", old.as_ref(), new.as_ref(), effect)
}

fn default(old: &Map<String, Value>, new: &Map<String, Value>) -> Option<Difference> {
    let (old, new) = (old.get("default"), new.get("default"));
    let breaks = match how(old, new) {
        How::Added => Breaks::SERVERS,
        How::Removed => Breaks::CLIENTS,
        How::Changed => Breaks::BOTH,
    };
    differs("default", "default", old, new, Effect::of_default(breaks))
}

/// A key for people only.
pub(super) fn note(keyword: &str, old: Option<&Value>, new: Option<&Value>) -> Difference {
    let how = how(old, new);
    let (what, keyword) = (format!("{keyword} {}", how.word()), keyword.to_owned());
    Difference { subject: "note", how, keyword, what, old: old.cloned(), new: new.cloned(), effect: Effect::SAME }
}

/// Descriptions and other texts.
pub(super) fn notes(old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<Difference>) {
    for keyword in TEXTS {
        found.extend(differs("description", keyword, old.get(keyword), new.get(keyword), Effect::SAME));
    }
    let noted = |key: &&String| NOTES.contains(&key.as_str()) || key.starts_with("x-") && *key != "x-property-names";
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).filter(noted).collect();
    for keyword in keys {
        // `deprecated: false` is the default.
        let side = |map: &Map<String, Value>| map.get(keyword).filter(|value| **value != json!(false)).cloned();
        found.extend(differs("note", keyword, side(old).as_ref(), side(new).as_ref(), Effect::SAME));
    }
}

/// Keywords that are compared only for equality.
fn others(old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<Difference>) {
    let known = |key: &str| {
        let lists: [&[&str]; 6] = [&LOWER, &UPPER, &RULES, &TEXTS, &NOTES, &ELSEWHERE];
        lists.iter().any(|list| list.contains(&key)) || key.starts_with("x-")
    };
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).filter(|key| !known(key)).collect();
    for keyword in keys {
        found.extend(differs("keyword", keyword, old.get(keyword), new.get(keyword), Effect::OTHER));
    }
}
