//! Schemas with a discriminator that others extend by `allOf`: each becomes the alternatives that it stands for.
//!
//! A value of such a schema can be any of its children, whose properties the schema itself does not have. So `Pet` with
//! the children `Cat` and `Dog` becomes `oneOf: [Cat, Dog, PetBase]`, and its own properties are those of `PetBase`,
//! which the children extend instead. `PetBase` itself is the alternative for every value of the discriminator that
//! has no child; it is left out if there is no such value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::document;
use crate::normal::{each_child, each_schema};
use crate::report::Report;
use crate::{names, types};

/// In a discriminator: the component that is read if no other alternative is.
pub(crate) const OTHERWISE: &str = "x-otherwise";

/// Separates every base from its children. `document` is checked: its references lead somewhere.
pub(crate) fn separate(document: &mut Value, report: &mut Report) {
    let Some(Value::Object(schemas)) = document.pointer("/components/schemas") else { return };
    let family = Family { schemas };
    let found: Vec<(String, Vec<String>)> =
        schemas.keys().map(|name| (name.clone(), family.children(name))).filter(|(_, all)| !all.is_empty()).collect();
    if found.is_empty() {
        return;
    }
    // A child that has children of its own is also separated, since its discriminator's value is not theirs.
    let within: BTreeSet<&String> = found.iter().flat_map(|(_, children)| children).collect();
    let parents = within.iter().filter(|name| schemas.keys().any(|other| family.extends(other, name)));
    let apart: BTreeSet<&String> = found.iter().map(|(name, _)| name).chain(parents.copied()).collect();
    let mut renamed = BTreeMap::new();
    let mut taken: BTreeSet<String> = schemas.keys().map(|name| names::pascal(name)).collect();
    for name in apart {
        let base = names::apart(&format!("{name}Base"), |name| taken.contains(&names::pascal(name)));
        taken.insert(names::pascal(&base));
        renamed.insert(name.clone(), base);
    }
    // A child that only repeats its base extends it, too.
    let leads_to_child = |name: &String| within.iter().any(|child| *child == name || family.extends(child, name));
    let extending: BTreeSet<String> =
        schemas.keys().filter(|name| leads_to_child(name)).map(|name| schema_pointer(name)).collect();
    each_schema(document, &mut |pointer, schema| redirect(schema, extending.contains(pointer), &renamed));
    let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") else { return };
    for (name, base) in &renamed {
        let Some(original) = schemas.get_mut(name) else { continue };
        let children = found.iter().find(|(known, _)| known == name).map(|(_, children)| children.as_slice());
        let (own, new) = match children {
            Some(children) => split(original, name, base, children),
            None => (original.clone(), json!({ "allOf": [types::reference(base)] })),
        };
        *original = new;
        schemas.insert(base.clone(), own);
        if children.is_some() {
            let what = format!("is one of its children; its own properties are those of `{base}`");
            report.note(format!("/components/schemas/{name}"), what);
        }
    }
}

struct Family<'a> {
    schemas: &'a Map<String, Value>,
}

impl Family<'_> {
    /// The alternatives that a base with a discriminator stands for: those of its mapping, or all that extend it.
    fn children(&self, name: &str) -> Vec<String> {
        let Some(schema) = self.schemas.get(name) else { return Vec::new() };
        let Some(discriminator) = schema.get("discriminator").filter(|one| one.get("propertyName").is_some()) else {
            return Vec::new();
        };
        let listed = ["oneOf", "anyOf"].iter().filter_map(|key| schema.get(*key)?.as_array()).flatten();
        let listed: Vec<&str> = listed.filter_map(component).collect();
        let extending = self.schemas.keys().filter(|other| self.extends(other, name));
        if !listed.is_empty() {
            // Its alternatives extend it as well: then they must not contain it.
            let circular = listed.iter().any(|one| self.extends(one, name));
            let listed = listed.into_iter().map(str::to_owned);
            return if circular { listed.collect() } else { Vec::new() };
        }
        let mapped: Vec<String> = document::entries(discriminator, "mapping")
            .filter_map(|(_, target)| target.as_str().map(last))
            .filter(|target| *target != name && self.schemas.contains_key(*target))
            .map(str::to_owned)
            .collect();
        let all: Vec<String> = if mapped.is_empty() { extending.cloned().collect() } else { mapped };
        let mut seen = BTreeSet::new();
        all.into_iter().filter(|one| seen.insert(one.clone())).collect()
    }

    /// Whether `child` has `base` among its parts, at any distance.
    fn extends(&self, child: &str, base: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut wanted = vec![child];
        while let Some(name) = wanted.pop() {
            let parts = self.schemas.get(name).and_then(|schema| schema.get("allOf")).and_then(Value::as_array);
            for part in parts.into_iter().flatten().filter_map(component) {
                if part == base {
                    return child != base;
                }
                if seen.insert(part) {
                    wanted.push(part);
                }
            }
        }
        false
    }
}

/// The schema of the base alone, and the one of its alternatives.
fn split(original: &Value, name: &str, base: &str, children: &[String]) -> (Value, Value) {
    let mut own = original.clone();
    let mut new = Map::new();
    let mut discriminator = original["discriminator"].clone();
    if let Value::Object(fields) = &mut own {
        for key in ["discriminator", "oneOf", "anyOf", "nullable"] {
            fields.shift_remove(key);
        }
    }
    for key in ["description", "nullable"] {
        new.extend(original.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    let mut alternatives: Vec<Value> = children.iter().map(|child| types::reference(child)).collect();
    let mapping = document::object_mut(&mut discriminator, "mapping");
    let mut itself = false;
    for target in mapping.into_iter().flat_map(|all| all.values_mut()) {
        if target.as_str().map(last) == Some(name) {
            itself = true;
            *target = types::reference(base)["$ref"].clone();
        }
    }
    if itself {
        alternatives.push(types::reference(base));
    } else if !["oneOf", "anyOf"].iter().any(|key| original.get(*key).is_some())
        && !covered(original, &discriminator, children)
    {
        alternatives.push(types::reference(base));
        discriminator[OTHERWISE] = base.into();
    }
    new.insert("oneOf".into(), alternatives.into());
    new.insert("discriminator".into(), discriminator);
    (own, Value::Object(new))
}

/// Whether the discriminator's property lists its values, and each has a child.
fn covered(original: &Value, discriminator: &Value, children: &[String]) -> bool {
    let property = document::text(discriminator, "propertyName").unwrap_or_default();
    let values = original.get("properties").and_then(|all| all.get(property)).and_then(|one| one.get("enum"));
    let has = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        discriminator["mapping"].get(text).is_some() || children.iter().any(|child| child == text)
    };
    values.and_then(Value::as_array).is_some_and(|values| values.iter().all(has))
}

/// In every `allOf` that extends it, a base stands for its own properties alone.
fn redirect(schema: &mut Value, extends: bool, renamed: &BTreeMap<String, String>) {
    let extends = extends || schema.get("properties").is_some();
    if let Some(Value::Array(all)) = schema.get_mut("allOf")
        && (extends || all.len() > 1)
    {
        for part in all {
            if let Some(base) = component(part).and_then(|name| renamed.get(name)) {
                *part = types::reference(base);
            }
        }
    }
    each_child(schema, "", &mut |_, child| redirect(child, false, renamed));
}

fn schema_pointer(name: &str) -> String {
    format!("/components/schemas/{}", document::escape(name))
}

fn component(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

fn last(target: &str) -> &str {
    target.rsplit('/').next().unwrap_or(target)
}
