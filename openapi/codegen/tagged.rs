//! Alternatives with a discriminator: each alternative gets the discriminator's value in its own schema.
//!
//! Without this, a reader of `oneOf: [Cat, Dog]` takes the first match, and drops the fields that only the second has.
//! With the single value of the discriminator's property in each alternative, at most one matches.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::document;

/// The values that a property has in a component.
type Tags = BTreeMap<(String, String), Vec<String>>;

/// Narrows the discriminator's property in every component that is an alternative.
pub(crate) fn narrow(schemas: &mut Map<String, Value>) {
    let mut tags = Tags::new();
    for schema in schemas.values() {
        gather(schema, &mut tags);
    }
    for ((component, property), values) in tags {
        if let Some(schema) = schemas.get_mut(&component) {
            narrow_one(schema, &property, &values);
        }
    }
}

fn gather(schema: &Value, tags: &mut Tags) {
    let property = schema.pointer("/discriminator/propertyName").and_then(Value::as_str);
    let alternatives = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key)?.as_array());
    if let (Some(property), Some(alternatives)) = (property, alternatives) {
        let names: Vec<&str> = alternatives.iter().filter_map(component).collect();
        // A discriminator cannot refer to an inline alternative, which has no name.
        if names.len() == alternatives.len() {
            for name in names {
                let mapped = document::entries(&schema["discriminator"], "mapping");
                let mut values: Vec<String> = mapped
                    .filter(|(_, target)| target.as_str().is_some_and(|target| last(target) == name))
                    .map(|(value, _)| value.clone())
                    .collect();
                if values.is_empty() {
                    values.push(name.to_owned());
                }
                let known = tags.entry((name.to_owned(), property.to_owned())).or_default();
                known.extend(values.into_iter().filter(|value| !known.contains(value)).collect::<Vec<_>>());
            }
        }
    }
    match schema {
        Value::Object(fields) => fields.values().for_each(|field| gather(field, tags)),
        Value::Array(items) => items.iter().for_each(|item| gather(item, tags)),
        _ => {}
    }
}

fn component(alternative: &Value) -> Option<&str> {
    alternative.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

fn last(target: &str) -> &str {
    target.rsplit('/').next().unwrap_or(target)
}

fn narrow_one(schema: &mut Value, property: &str, values: &[String]) {
    let Some(fields) = schema.as_object_mut() else { return };
    let tag = json!({ "type": "string", "enum": values });
    match fields.get_mut("properties").and_then(Value::as_object_mut) {
        Some(properties) => {
            let own = properties.get(property);
            // An enum is already narrower than the discriminator.
            if own.is_some_and(|own| own.get("enum").is_some()) {
                return;
            }
            let description = own.and_then(|own| own.get("description")).cloned();
            properties.insert(property.to_owned(), tag);
            if let (Some(text), Some(slot)) = (description, properties.get_mut(property)) {
                slot["description"] = text;
            }
            require(fields, property);
        }
        None => {
            if let Some(Value::Array(all)) = fields.get_mut("allOf") {
                let tag = json!({ "type": "object", "properties": { property: tag }, "required": [property] });
                all.push(tag);
            }
        }
    }
}

fn require(fields: &mut Map<String, Value>, property: &str) {
    let required = fields.entry("required").or_insert_with(|| json!([]));
    if let Value::Array(all) = required
        && !all.iter().any(|one| one == property)
    {
        all.push(property.into());
    }
}
