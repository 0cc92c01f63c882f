//! Rewrites a discriminator as JSON Schema: each alternative gets the property values that select it.
//!
//! `oneOf: [Cat, Dog]` alone refuses a dog that is also a valid cat, since both match.

use serde_json::{Map, Value, json};

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
}
