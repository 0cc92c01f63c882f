//! Rewrites a discriminator as JSON Schema: each alternative gets the property values that select it.
//!
//! `oneOf: [Cat, Dog]` alone refuses a dog that is also a valid cat, since both match. A schema that others extend
//! (`Cat: allOf: [Pet, ...]`) gets what each of them adds, for the values that select it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::openapi_version;

/// The alternatives of a schema with a discriminator, each bound to its values; `None` without a discriminator.
pub(super) fn bound(schema: &Map<String, Value>, alternatives: &[Value]) -> Option<Vec<Value>> {
    let property = schema.get("discriminator")?.get("propertyName")?.as_str()?;
    let mapping = schema["discriminator"].get("mapping").and_then(Value::as_object);
    let one = |alternative: &Value| {
        let target = alternative.get("$ref")?.as_str()?;
        let name = last(target);
        let mapped = mapping.into_iter().flatten().filter(|(_, to)| to.as_str().is_some_and(|to| last(to) == name));
        let mut values: Vec<&str> = mapped.map(|(value, _)| value.as_str()).collect();
        if values.is_empty() {
            values.push(name);
        }
        let tag = json!({ "properties": { property: { "enum": values } }, "required": [property] });
        Some(json!({ "allOf": [{ "$ref": target }, tag] }))
    };
    alternatives.iter().map(one).collect()
}

/// Does the same for every schema within a value that already is JSON Schema.
pub(super) fn bind_all(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(bind_all);
            for key in ["oneOf", "anyOf"] {
                let bound = fields.get(key).and_then(Value::as_array).and_then(|all| bound(fields, all));
                if let Some(bound) = bound {
                    fields.insert(key.to_owned(), bound.into());
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(bind_all),
        _ => {}
    }
}

/// Adds to every base what its children require of a value with their discriminator.
pub(super) fn bind_children(document: &mut Value) {
    let bases = {
        let Some(schemas) = document.pointer(SCHEMAS).and_then(Value::as_object) else { return };
        let keywords = if openapi_version::is_latest(document) { CONDITION } else { CONDITION_30 };
        let family = Family { schemas, keywords };
        let one = |(name, schema): (&String, &Value)| Some((name.clone(), family.rules(name, schema)?));
        schemas.iter().filter_map(one).collect::<Vec<_>>()
    };
    for (name, rules) in bases {
        let schema = document.pointer_mut(SCHEMAS).and_then(|schemas| schemas.get_mut(&name));
        let Some(Value::Object(fields)) = schema else { continue };
        // Alternatives that contain the base would be checked without end.
        fields.remove("oneOf");
        fields.remove("anyOf");
        match fields.get_mut("allOf") {
            Some(Value::Array(all)) => all.extend(rules),
            _ => {
                fields.insert("allOf".to_owned(), rules.into());
            }
        }
    }
}

const SCHEMAS: &str = "/components/schemas";

const CONDITION: [&str; 2] = ["if", "then"];

/// The same in a document of OpenAPI 3.0, which does not have these keywords; `schema.rs` translates them.
pub(super) const CONDITION_30: [&str; 2] = ["x-runyard-if", "x-runyard-then"];

struct Family<'a> {
    schemas: &'a Map<String, Value>,
    keywords: [&'static str; 2],
}

impl Family<'_> {
    /// What a base requires for each child; `None` if the schema is no base.
    fn rules(&self, name: &str, schema: &Value) -> Option<Vec<Value>> {
        let discriminator = schema.get("discriminator")?;
        let property = discriminator.get("propertyName")?.as_str()?;
        let listed = ["oneOf", "anyOf"].iter().filter_map(|key| schema.get(*key)?.as_array()).flatten();
        let listed: Vec<&str> = listed.filter_map(component).collect();
        // Alternatives that do not contain it are bound where they are listed.
        if !listed.is_empty() && !listed.iter().any(|one| self.extends(one, name)) {
            return None;
        }
        let mapping = discriminator.get("mapping").and_then(Value::as_object);
        let mapped = mapping.into_iter().flatten().filter_map(|(value, to)| Some((value.as_str(), last(to.as_str()?))));
        let mut children: Vec<(&str, &str)> = mapped.collect();
        let named: Vec<&str> = match (listed.as_slice(), children.as_slice()) {
            ([], []) => self.schemas.keys().map(String::as_str).filter(|other| self.extends(other, name)).collect(),
            ([], _) => Vec::new(),
            (listed, _) => listed.to_vec(),
        };
        let unmapped = named.into_iter().filter(|child| !children.iter().any(|(_, known)| known == child));
        children.extend(unmapped.map(|child| (child, child)).collect::<Vec<_>>());
        let values: Vec<&str> = children.iter().map(|(value, _)| *value).collect();
        let one_of_them = json!({ "properties": { property: { "enum": values } }, "required": [property] });
        let mut rules: Vec<Value> = children
            .into_iter()
            .filter(|(_, child)| *child != name && (self.extends(child, name) || listed.contains(child)))
            .map(|(value, child)| {
                let is_child = json!({ "properties": { property: { "enum": [value] } }, "required": [property] });
                let mut parts = Vec::new();
                if self.extends(child, name) {
                    self.additions(child, name, &mut BTreeSet::new(), &mut parts);
                } else {
                    parts.push(json!({ "$ref": format!("#{SCHEMAS}/{child}") }));
                }
                self.keywords.into_iter().zip([is_child, json!({ "allOf": parts })]).collect()
            })
            .collect();
        let is_base = !rules.is_empty();
        rules.extend((!listed.is_empty()).then_some(one_of_them));
        is_base.then_some(rules)
    }

    /// Whether `child` has `base` among its parts, at any distance.
    fn extends(&self, child: &str, base: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut wanted = vec![child];
        while let Some(name) = wanted.pop() {
            for part in self.parts(name).iter().filter_map(component) {
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

    fn parts(&self, name: &str) -> &[Value] {
        let parts = self.schemas.get(name).and_then(|schema| schema.get("allOf")?.as_array());
        parts.map(Vec::as_slice).unwrap_or_default()
    }

    /// What a child adds to its base, without the base.
    fn additions<'s>(&'s self, child: &'s str, base: &str, seen: &mut BTreeSet<&'s str>, into: &mut Vec<Value>) {
        if !seen.insert(child) {
            return;
        }
        let mut own = self.schemas.get(child).cloned().unwrap_or_default();
        if let Value::Object(fields) = &mut own {
            fields.retain(|key, _| !["allOf", "discriminator"].contains(&key.as_str()));
        }
        into.push(own);
        for part in self.parts(child) {
            match component(part) {
                Some(name) if name == base => {}
                Some(name) if self.extends(name, base) => self.additions(name, base, seen, into),
                _ => into.push(part.clone()),
            }
        }
    }
}

fn component(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

fn last(target: &str) -> &str {
    target.rsplit('/').next().unwrap_or(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_alternative_has_its_values_and_nothing_else_is_touched() {
        let alternatives = json!([{ "$ref": "#/components/schemas/Cat" }, { "$ref": "#/components/schemas/Dog" }]);
        let mut schema =
            json!({ "oneOf": alternatives, "discriminator": { "propertyName": "kind", "mapping": { "d": "Dog" } } });
        bind_all(&mut schema);
        assert_eq!(schema["oneOf"][0]["allOf"][1]["properties"]["kind"]["enum"], json!(["Cat"]));
        assert_eq!(schema["oneOf"][1]["allOf"][1]["properties"]["kind"]["enum"], json!(["d"]));
        let mut plain = json!({ "oneOf": alternatives });
        bind_all(&mut plain);
        assert_eq!(plain["oneOf"], alternatives);
        let mut in_place = json!({ "oneOf": [{ "type": "object" }], "discriminator": { "propertyName": "kind" } });
        let before = in_place.clone();
        bind_all(&mut in_place);
        assert_eq!(in_place, before, "an alternative without a name has no value of its own");
    }

    #[test]
    fn what_a_child_adds_is_required_of_a_value_with_its_discriminator() {
        let part = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
        let adds = |name: &str| json!({ "properties": { name: { "type": "boolean" } }, "required": [name] });
        let mut document = json!({ "openapi": "3.1.0", "components": { "schemas": {
            "Pet": { "properties": { "kind": { "type": "string" } }, "discriminator": { "propertyName": "kind" } },
            "Cat": { "allOf": [part("Pet"), adds("purrs")] },
            "Lion": { "allOf": [part("Cat"), adds("roars")] },
        } } });
        bind_children(&mut document);
        let schema = super::super::schema_latest::standalone(&document, "/components/schemas/Pet").unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        for (value, fits) in [
            (json!({ "kind": "Cat", "purrs": true }), true),
            (json!({ "kind": "Cat" }), false),
            (json!({ "kind": "Lion", "purrs": true }), false),
            (json!({ "kind": "Lion", "purrs": false, "roars": true }), true),
            (json!({ "kind": "Bird" }), true),
            (json!({}), true),
            (json!({ "kind": 1 }), false),
        ] {
            assert_eq!(validator.is_valid(&value), fits, "{value}");
        }
    }

    #[test]
    fn alternatives_that_contain_their_base_are_checked_once() {
        let part = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
        let mut document = json!({ "openapi": "3.1.0", "components": { "schemas": {
            "Pet": { "oneOf": [part("Cat")], "discriminator": { "propertyName": "kind", "mapping": { "c": "Cat" } } },
            "Cat": { "allOf": [part("Pet")], "required": ["purrs"] },
        } } });
        bind_children(&mut document);
        let schema = super::super::schema_latest::standalone(&document, "/components/schemas/Pet").unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        assert!(
            validator.is_valid(&json!({ "kind": "c", "purrs": true })) && !validator.is_valid(&json!({ "kind": "c" }))
        );
    }
}
