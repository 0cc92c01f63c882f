//! Giving names to schemas that are written in place, so that client, server and types agree on what they are called.
//!
//! Only what code is made from is changed; the document that is served keeps its author's form.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::document::{self, escape, text};
use crate::model::is_json;
use crate::report::Report;
use crate::{Result, names};

/// Moves every schema of a parameter, body or answer that would need a name of its own below `components/schemas`.
pub(crate) fn hoist(path: &Path, document: &Value, report: &mut Report) -> Result<Value> {
    let mut carried = document.clone();
    for (pointer, name, place) in written_in_place(document) {
        let Some(schema) = carried.pointer(&pointer).cloned() else { continue };
        let mut moved = Vec::new();
        let replaced = lifted(schema, &name, &mut moved);
        for (name, schema) in moved {
            let schemas = document::object_mut(&mut carried, "components")
                .map(|all| all.entry("schemas").or_insert_with(|| Value::Object(Map::new())));
            let Some(schemas) = schemas.and_then(Value::as_object_mut) else { continue };
            if schemas.keys().any(|other| names::pascal(other) == name) {
                let reason = format!(
                    "would be named `{name}`, which another schema is: give it a name below `components/schemas`"
                );
                return Err(crate::Error::unsupported(path, place, format!("the schema at {pointer} {reason}")));
            }
            report.note(place.clone(), format!("a schema written in place is named `{name}`"));
            schemas.insert(name, schema);
        }
        if let Some(slot) = carried.pointer_mut(&pointer) {
            *slot = replaced;
        }
    }
    Ok(carried)
}

/// Pointer, suggested name and place of every schema of a parameter, body or answer. Shared ones come once.
fn written_in_place(document: &Value) -> Vec<(String, String, String)> {
    let mut found: Vec<(String, String, String)> = Vec::new();
    let mut add = |pointer: String, name: String, place: &str| {
        if !found.iter().any(|(known, _, _)| *known == pointer) {
            found.push((pointer, name, place.to_owned()));
        }
    };
    for (path, _, at, operation) in document::operations(document) {
        let id = text(operation, "operationId").unwrap_or_default();
        let stem = names::pascal(id);
        let resolve = |value, pointer: String| document::resolved(document, value, &pointer);
        let item = format!("/paths/{}", escape(path));
        for owner in [&item, &at] {
            let list = document.pointer(&format!("{owner}/parameters")).and_then(Value::as_array);
            for (index, parameter) in list.into_iter().flatten().enumerate() {
                let Some((parameter, pointer)) = resolve(parameter, format!("{owner}/parameters/{index}")) else {
                    continue;
                };
                let component = pointer.strip_prefix("/components/parameters/").map(names::pascal);
                let own = || format!("{stem}{}", names::pascal(text(parameter, "name").unwrap_or_default()));
                add(format!("{pointer}/schema"), component.unwrap_or_else(own), id);
            }
        }
        if let Some((body, pointer)) =
            operation.get("requestBody").and_then(|body| resolve(body, format!("{at}/requestBody")))
        {
            for (media, _) in document::entries(body, "content").filter(|(media, _)| is_json(media)) {
                add(format!("{pointer}/content/{}/schema", escape(media)), format!("{stem}Body"), id);
            }
        }
        let mut first = true;
        for (status, response) in document::entries(operation, "responses") {
            let Some((response, pointer)) = resolve(response, format!("{at}/responses/{}", escape(status))) else {
                continue;
            };
            let name = match (status.parse::<u16>(), first) {
                (Ok(code), true) if code < 400 => format!("{stem}Response"),
                _ => format!("{stem}Response{}", names::pascal(&format!("a-{status}")).trim_start_matches('A')),
            };
            first = false;
            for (media, _) in document::entries(response, "content").filter(|(media, _)| is_json(media)) {
                add(format!("{pointer}/content/{}/schema", escape(media)), name.clone(), id);
            }
        }
    }
    found
}

/// The schema, or a reference to where it was moved.
fn lifted(mut schema: Value, name: &str, moved: &mut Vec<(String, Value)>) -> Value {
    if schema.get("$ref").is_some() {
        return schema;
    }
    if schema.get("type").and_then(Value::as_str) == Some("array") {
        if let Some(items) = schema.get_mut("items") {
            *items = lifted(items.take(), &format!("{name}Item"), moved);
        }
        return schema;
    }
    if !needs_name(&schema) {
        return schema;
    }
    moved.push((name.to_owned(), schema));
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Whether it is made a type of its own. Text is not, whatever its bounds: the validator knows them.
fn needs_name(schema: &Value) -> bool {
    ["properties", "enum", "oneOf", "anyOf", "allOf", "additionalProperties"].iter().any(|keyword| {
        schema.get(keyword).is_some_and(|value| *keyword != "additionalProperties" || !value.is_boolean())
    })
}
