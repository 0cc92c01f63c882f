//! Keywords of a schema without nested schemas: types, enums, bounds, texts. `schemas.rs` has the others.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::change::{Breaks, How};
use super::effect::Effect;

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
/// Upper bounds that have no exclusive form. A missing one is no bound.
const UPPER: [&str; 3] = ["maxLength", "maxItems", "maxProperties"];
/// Rules that may be absent: a removed rule allows more, and a changed one allows other values.
const RULES: [&str; 5] = ["pattern", "multipleOf", "x-property-names", "propertyNames", "format"];
/// Keywords for people only.
const TEXTS: [&str; 3] = ["description", "title", "summary"];
/// Keywords that bind neither side.
const NOTES: [&str; 8] =
    ["example", "examples", "externalDocs", "deprecated", "xml", "$comment", "readOnly", "writeOnly"];
/// Keywords that are compared elsewhere: types, enums and numeric bounds below, nested schemas in `schemas.rs`.
const ELSEWHERE: [&str; 22] = [
    "$ref",
    "$id",
    "$schema",
    "$anchor",
    "$defs",
    "definitions",
    "type",
    "nullable",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "uniqueItems",
    "default",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "oneOf",
    "anyOf",
];

/// All differences of these two schemas, without nested schemas.
pub(super) fn differences(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<Difference> {
    let mut found = Vec::new();
    if let Some(difference) = types(old, new) {
        let other = difference.effect == Effect::OTHER;
        found.push(difference);
        if other {
            // If the types differ, only the descriptions can be compared.
            notes(old, new, &mut found);
            return found;
        }
    }
    enums(old, new, &mut found);
    bounds(old, new, &mut found);
    for keyword in RULES {
        found.extend(rule(keyword, old.get(keyword), new.get(keyword)));
    }
    found.extend(unique(old, new));
    found.extend(default(old, new));
    notes(old, new, &mut found);
    others(old, new, &mut found);
    found
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
    let mut set: BTreeSet<&str> = match schema.get("type")? {
        Value::String(one) => [one.as_str()].into(),
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        set.insert("null");
    }
    Some(set)
}

fn types(old: &Map<String, Value>, new: &Map<String, Value>) -> Option<Difference> {
    let (before, after) = (type_set(old), type_set(new));
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

/// The allowed values; all, if none is given.
fn values(schema: &Map<String, Value>) -> Option<Vec<&Value>> {
    match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
        (Some(only), _) => Some(vec![only]),
        (None, Some(list)) => Some(list.iter().collect()),
        (None, None) => None,
    }
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
            let gone = before.iter().filter(|value| !after.contains(value));
            found.extend(gone.map(|value| one(How::Removed, value, Effect::NARROWER)));
            let fresh = after.iter().filter(|value| !before.contains(value));
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
    let said = |schema: &Map<String, Value>| schema.get("uniqueItems").filter(|said| **said == json!(true)).cloned();
    let (old, new) = (said(old), said(new));
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
        found.extend(differs("note", keyword, old.get(keyword), new.get(keyword), Effect::SAME));
    }
}

/// Keywords that are compared only for equality.
fn others(old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<Difference>) {
    let known = |key: &str| {
        let lists: [&[&str]; 6] = [&LOWER, &UPPER, &RULES, &TEXTS, &NOTES, &ELSEWHERE];
        lists.iter().any(|list| list.contains(&key)) || key == "allOf" || key.starts_with("x-")
    };
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).filter(|key| !known(key)).collect();
    for keyword in keys {
        found.extend(differs("keyword", keyword, old.get(keyword), new.get(keyword), Effect::OTHER));
    }
}
