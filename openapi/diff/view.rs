//! A schema by its meaning: the rules that all apply to a value, wherever they are written.
//!
//! References and `allOf` are followed, so that it makes no difference whether a rule is inline, in a component or in
//! a base. Alternatives of plain values (`oneOf` of one-value enums) are one enum, and a single alternative is no
//! alternative. Each rule keeps its place.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::document::Document;
use super::keywords::is_note;
use super::tree::{decoded, escape};

/// How many references and combinations may be nested.
const DEPTH_MAX: usize = 64;

/// A schema as written, with its place for people.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    pub(super) value: &'a Value,
    pub(super) pointer: String,
    pub(super) place: String,
}

impl<'a> Part<'a> {
    /// The part below a key.
    pub(super) fn child(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key)?;
        Some(Self { value, pointer: format!("{}/{}", self.pointer, escape(key)), place: self.place.clone() })
    }

    /// The part below a key and a name.
    pub(super) fn below(&self, key: &str, name: &str) -> Option<Self> {
        self.child(key)?.child(name)
    }

    /// The items of a list.
    pub(super) fn items(&self, key: &str) -> Vec<Self> {
        let count = self.value.get(key).and_then(Value::as_array).map_or(0, Vec::len);
        let item = |index: usize| {
            let pointer = format!("{}/{}/{index}", self.pointer, escape(key));
            Some(Self { value: self.value.get(key)?.get(index)?, pointer, place: self.place.clone() })
        };
        (0..count).filter_map(item).collect()
    }

    pub(super) fn named(self, place: String) -> Self {
        Self { place, ..self }
    }

    fn fields(&self) -> Option<&'a Map<String, Value>> {
        self.value.as_object()
    }
}

/// Alternatives: a value fits at least one (`anyOf`), or exactly one (`oneOf`).
#[derive(Debug, Clone)]
pub(super) struct Union<'a> {
    pub(super) keyword: &'static str,
    /// The part with the keyword.
    pub(super) owner: Part<'a>,
    alternatives: Vec<Alternative<'a>>,
}

/// One alternative; or several of plain values, which are one enum.
#[derive(Debug, Clone)]
struct Alternative<'a>(Vec<Part<'a>>);

/// The rules of a schema.
#[derive(Debug, Clone)]
pub(super) struct Schema<'a> {
    /// The schemas whose rules all apply. At least one.
    pub(super) parts: Vec<Part<'a>>,
    /// The name, if it is a component as a whole.
    pub(super) name: Option<String>,
    /// The names of all components that it is made of.
    pub(super) components: BTreeSet<String>,
    /// The types without null; all, if there is no rule.
    pub(super) types: Option<BTreeSet<&'a str>>,
    /// Whether null fits.
    pub(super) null: bool,
    /// The values of an enum without null, each with its pointer.
    pub(super) values: Option<Vec<(&'a Value, String)>>,
    pub(super) unions: Vec<Union<'a>>,
    /// More places that its values come from.
    merged: Vec<String>,
}

impl<'a> Schema<'a> {
    /// The schema that all of these are.
    pub(super) fn all(document: &'a Document, seeds: &[Part<'a>]) -> Self {
        let mut schema = Self {
            parts: Vec::new(),
            name: None,
            components: BTreeSet::new(),
            types: None,
            null: seeds.iter().all(|seed| admits_null(document, seed.value, 0)),
            values: None,
            unions: Vec::new(),
            merged: Vec::new(),
        };
        let mut seen = BTreeSet::new();
        for seed in seeds {
            schema.add(document, seed.clone(), &mut seen, 0);
        }
        if let [seed] = seeds {
            schema.name = name(document, seed);
        }
        let mut next = 0;
        // A single alternative adds parts.
        while let Some(part) = schema.parts.get(next).cloned() {
            next += 1;
            schema.restrict(&part);
            for keyword in ["oneOf", "anyOf"] {
                schema.union(document, &part, keyword, &mut seen);
            }
        }
        if schema.parts.is_empty() {
            schema.parts.extend(seeds.first().cloned());
        }
        schema
    }

    /// What makes it the same schema.
    pub(super) fn key(&self) -> String {
        let parts = self.parts.iter().map(|part| part.pointer.as_str());
        parts.chain(self.merged.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    }

    /// The alternatives, if there is no other rule.
    pub(super) fn wrapper(&self) -> Option<&Union<'a>> {
        let [union] = self.unions.as_slice() else { return None };
        let free = |key: &String| matches!(key.as_str(), "oneOf" | "anyOf" | "allOf" | "discriminator") || is_note(key);
        self.parts.iter().all(|part| part.fields().is_some_and(|fields| fields.keys().all(free))).then_some(union)
    }

    /// The same schema without null, for an alternative: null fits all of them or none.
    pub(super) fn without_null(mut self) -> Self {
        if self.null {
            self.null = false;
            self.merged.push("without null".to_owned());
        }
        self
    }

    /// Whether any value fits.
    pub(super) fn is_anything(&self) -> bool {
        let free = |part: &Part<'a>| part.fields().is_none_or(|fields| fields.keys().all(|key| is_note(key)));
        self.types.is_none() && self.values.is_none() && self.unions.is_empty() && self.parts.iter().all(free)
    }

    /// The parts below a key and a name, of all parts that have them.
    pub(super) fn below(&self, key: &str, name: &str) -> Vec<Part<'a>> {
        self.parts.iter().filter_map(|part| part.below(key, name)).collect()
    }

    /// The parts below a key, of all parts that have it.
    pub(super) fn children(&self, key: &str) -> Vec<Part<'a>> {
        self.parts.iter().filter_map(|part| part.child(key)).collect()
    }

    /// All keys below a key.
    pub(super) fn names(&self, key: &str) -> BTreeSet<&'a String> {
        let below = |part: &Part<'a>| part.value.get(key).and_then(Value::as_object);
        self.parts.iter().filter_map(below).flat_map(Map::keys).collect()
    }

    /// The part that requires a property, and the index in its list.
    pub(super) fn required(&self, name: &str) -> Option<(&Part<'a>, usize)> {
        let index = |part: &'_ Part<'a>| {
            let list = part.value.get("required").and_then(Value::as_array)?;
            list.iter().position(|one| one.as_str() == Some(name))
        };
        self.parts.iter().find_map(|part| Some((part, index(part)?)))
    }

    /// The names of all required properties.
    pub(super) fn required_names(&self) -> BTreeSet<&'a str> {
        let list = |part: &Part<'a>| part.value.get("required").and_then(Value::as_array);
        self.parts.iter().filter_map(list).flatten().filter_map(Value::as_str).collect()
    }

    /// Whether a rule such as `readOnly` is true.
    pub(super) fn is_true(&self, key: &str) -> bool {
        self.parts.iter().any(|part| part.value.get(key) == Some(&Value::Bool(true)))
    }

    fn add(&mut self, document: &'a Document, part: Part<'a>, seen: &mut BTreeSet<String>, depth: usize) {
        let Some(fields) = part.fields() else { return };
        if depth > DEPTH_MAX || !seen.insert(part.pointer.clone()) {
            return;
        }
        self.components.extend(document.component(&part.pointer, "schemas"));
        // Beside a reference only texts are left: the normal form has moved what restricts.
        if let Some(target) = target(document, &part) {
            if document.has_siblings && fields.len() > 1 {
                self.parts.push(part);
            }
            return self.add(document, target, seen, depth + 1);
        }
        if fields.contains_key("$ref") {
            return;
        }
        if fields.keys().any(|key| key != "allOf") {
            self.parts.push(part.clone());
        }
        for item in part.items("allOf") {
            self.add(document, item, seen, depth + 1);
        }
    }

    /// Adds the rules of a part for types and values.
    fn restrict(&mut self, part: &Part<'a>) {
        if let Some(types) = types(part.value) {
            self.restrict_types(types);
        }
        if let Some(values) = values(part) {
            self.restrict_values(values);
        }
    }

    fn restrict_types(&mut self, types: BTreeSet<&'a str>) {
        self.types = Some(match self.types.take() {
            None => types,
            Some(before) => common(&before, &types),
        });
    }

    fn restrict_values(&mut self, values: Vec<(&'a Value, String)>) {
        self.values = Some(match self.values.take() {
            None => values,
            Some(before) => {
                before.into_iter().filter(|(one, _)| values.iter().any(|(other, _)| other == one)).collect()
            }
        });
    }

    fn union(&mut self, document: &'a Document, owner: &Part<'a>, keyword: &'static str, seen: &mut BTreeSet<String>) {
        let items = owner.items(keyword);
        if items.len() > 1 && items.iter().all(|item| is_type(item.value)) {
            // The same as a list of types.
            self.restrict_types(items.iter().filter_map(|item| types(item.value)).flatten().collect());
            return;
        }
        let alternatives = alternatives(document, items);
        match alternatives.as_slice() {
            [] => {}
            [Alternative(seeds)] if seeds.len() > 1 => self.plain(document, seeds),
            [Alternative(seeds)] => {
                if let Some(seed) = seeds.first() {
                    self.add(document, seed.clone(), seen, 0);
                }
            }
            _ => self.unions.push(Union { keyword, owner: owner.clone(), alternatives }),
        }
    }

    /// Alternatives of plain values, as one enum.
    fn plain(&mut self, document: &'a Document, seeds: &[Part<'a>]) {
        let all: Vec<Part<'a>> = seeds.iter().map(|seed| followed(document, seed)).collect();
        let kinds: Vec<_> = all.iter().map(|part| types(part.value)).collect();
        if kinds.iter().all(Option::is_some) {
            self.restrict_types(kinds.into_iter().flatten().flatten().collect());
        }
        self.restrict_values(all.iter().filter_map(values).flatten().collect());
        self.merged.extend(all.into_iter().map(|part| part.pointer));
    }
}

impl<'a> Union<'a> {
    /// The names of alternatives that are references.
    pub(super) fn names(&self) -> Vec<String> {
        let reference = |part: &Part<'a>| part.value.get("$ref")?.as_str()?.rsplit('/').next().map(str::to_owned);
        self.alternatives.iter().flat_map(|Alternative(seeds)| seeds).filter_map(reference).collect()
    }

    /// The schema of each alternative.
    pub(super) fn schemas(&self, document: &'a Document) -> Vec<Schema<'a>> {
        let schema = |Alternative(seeds): &Alternative<'a>| {
            if seeds.len() == 1 {
                return Schema::all(document, seeds).without_null();
            }
            let mut schema = Schema::all(document, &[]);
            schema.null = false;
            schema.plain(document, seeds);
            let names = seeds.iter().map(|seed| followed(document, seed).pointer);
            schema.components.extend(names.filter_map(|pointer| document.component(&pointer, "schemas")));
            // The values have places of their own, so the part has only the union's.
            schema.parts.push(Part { value: &Value::Null, ..self.owner.clone() });
            schema
        };
        self.alternatives.iter().map(schema).collect()
    }
}

/// The alternatives; those of plain values together as one.
fn alternatives<'a>(document: &'a Document, items: Vec<Part<'a>>) -> Vec<Alternative<'a>> {
    let (plain, mut others): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| is_plain(document, item));
    if plain.len() < 2 {
        others.extend(plain);
        others.sort_by_key(|item| item.pointer.rsplit('/').next().and_then(|index| index.parse::<usize>().ok()));
        return others.into_iter().map(|item| Alternative(vec![item])).collect();
    }
    let others = others.into_iter().map(|item| Alternative(vec![item]));
    std::iter::once(Alternative(plain)).chain(others).collect()
}

/// Whether a schema is only a type.
fn is_type(schema: &Value) -> bool {
    let Some(fields) = schema.as_object() else { return false };
    let known = |key: &String| key == "type" || is_note(key) && key != "nullable";
    fields.get("type").is_some_and(Value::is_string) && fields.keys().all(known)
}

/// Whether a schema is only a list of texts.
fn is_plain<'a>(document: &'a Document, item: &Part<'a>) -> bool {
    let part = followed(document, item);
    let Some(fields) = part.fields() else { return false };
    let texts = fields.get("enum").and_then(Value::as_array).is_some_and(|all| all.iter().all(Value::is_string));
    texts && fields.keys().all(|key| matches!(key.as_str(), "type" | "enum") || is_note(key))
}

/// The end of a chain of references.
fn followed<'a>(document: &'a Document, part: &Part<'a>) -> Part<'a> {
    let mut part = part.clone();
    for _ in 0..DEPTH_MAX {
        let Some(next) = target(document, &part) else { break };
        part = next;
    }
    part
}

fn target<'a>(document: &'a Document, part: &Part<'a>) -> Option<Part<'a>> {
    let reference = part.value.get("$ref")?.as_str()?;
    let pointer = decoded(reference.trim_start_matches('#'));
    let value = document.root.pointer(&pointer)?;
    let place = document.component(&pointer, "schemas").unwrap_or_else(|| part.place.clone());
    Some(Part { value, pointer, place })
}

/// The name of the first component that a chain of references leads to.
fn name<'a>(document: &'a Document, seed: &Part<'a>) -> Option<String> {
    let mut part = seed.clone();
    for _ in 0..DEPTH_MAX {
        if let Some(name) = document.component(&part.pointer, "schemas") {
            return Some(name);
        }
        part = target(document, &part)?;
    }
    None
}

/// Whether null fits. A keyword for one type excludes null, like that type.
fn admits_null(document: &Document, value: &Value, depth: usize) -> bool {
    let Some(fields) = value.as_object() else { return true };
    if depth > DEPTH_MAX || fields.get("nullable") == Some(&Value::Bool(true)) {
        return true;
    }
    let below = |value: &Value| admits_null(document, value, depth + 1);
    if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
        return document.root.pointer(&decoded(reference.trim_start_matches('#'))).is_none_or(below);
    }
    if written_type(fields).is_some() {
        return false;
    }
    let list = |key: &str| fields.get(key).and_then(Value::as_array).filter(|list| !list.is_empty());
    list("enum").is_none_or(|values| values.contains(&Value::Null))
        && list("allOf").is_none_or(|parts| parts.iter().all(below))
        && list("oneOf").is_none_or(|parts| parts.iter().any(below))
        && list("anyOf").is_none_or(|parts| parts.iter().any(below))
}

/// The type of a schema: as written, or as its keywords or its values imply.
fn types(schema: &Value) -> Option<BTreeSet<&str>> {
    let fields = schema.as_object()?;
    if let Some(types) = written_type(fields) {
        return Some(types);
    }
    let kinds: BTreeSet<&str> = fields.get("enum")?.as_array()?.iter().filter_map(kind_of).collect();
    (!kinds.is_empty()).then_some(kinds)
}

fn written_type(fields: &Map<String, Value>) -> Option<BTreeSet<&str>> {
    match fields.get("type") {
        Some(Value::String(one)) => return Some([one.as_str()].into()),
        Some(Value::Array(several)) => return Some(several.iter().filter_map(Value::as_str).collect()),
        _ => {}
    }
    let has = |keys: &[&str]| keys.iter().any(|key| fields.contains_key(*key));
    if has(&["properties", "patternProperties", "additionalProperties"]) {
        return Some(["object"].into());
    }
    has(&["items", "prefixItems"]).then(|| ["array"].into())
}

fn kind_of(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(_) => Some("string"),
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        Value::Array(_) => Some("array"),
        Value::Object(_) => Some("object"),
        Value::Null => None,
    }
}

fn values<'a>(part: &Part<'a>) -> Option<Vec<(&'a Value, String)>> {
    let list = part.value.get("enum")?.as_array()?;
    let pointer = format!("{}/enum", part.pointer);
    Some(list.iter().filter(|value| !value.is_null()).map(|value| (value, pointer.clone())).collect())
}

/// The types that both allow. An integer is a number.
fn common<'a>(one: &BTreeSet<&'a str>, other: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let within =
        |kind: &&str, set: &BTreeSet<&'a str>| set.contains(*kind) || *kind == "integer" && set.contains("number");
    let left = one.iter().filter(|kind| within(kind, other));
    left.chain(other.iter().filter(|kind| within(kind, one))).copied().collect()
}
