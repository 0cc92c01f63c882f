//! Gives names to inline schemas, so that client, server and types use the same ones.
//!
//! This changes only the copy that code is generated from; the served document stays as its author wrote it.

use serde_json::{Value, json};

use crate::document::{self, escape, text};
use crate::model::Form;
use crate::report::Report;
use crate::{forms, names, types};

/// Moves every inline schema of a parameter, body or response that needs a name to `components/schemas`.
pub(crate) fn hoist(document: &Value, report: &mut Report) -> Value {
    let mut carried = document.clone();
    forms::inline(&mut carried);
    for (pointer, name, place) in written_in_place(&carried) {
        let Some(schema) = carried.pointer(&pointer).cloned() else { continue };
        let mut moved = Vec::new();
        let replaced = lifted(schema, &name, &mut moved);
        let mut renamed = Vec::new();
        for (name, schema) in moved {
            let Some(schemas) = document::schemas_mut(&mut carried) else { continue };
            let free = names::apart(&name, |name| {
                let name = names::pascal(name);
                schemas.keys().any(|other| names::pascal(other) == name)
            });
            let free = names::pascal(&free);
            report.note(place.clone(), format!("a schema written in place is named `{free}`"));
            schemas.insert(free.clone(), schema);
            renamed.push((name, free));
        }
        if let Some(slot) = carried.pointer_mut(&pointer) {
            *slot = replaced;
            renamed.iter().filter(|(name, free)| name != free).for_each(|(name, free)| redirect(slot, name, free));
        }
    }
    carried
}

/// Redirects the references of a schema to the new place of a moved one.
fn redirect(schema: &mut Value, name: &str, free: &str) {
    let (old, new) = (types::reference(name), types::reference(free));
    if *schema == old {
        *schema = new;
    } else if let Some(items) = schema.get_mut("items") {
        redirect(items, name, free);
    }
}

/// Pointer, suggested name and place of every schema of a parameter, body or response. Shared ones are listed once.
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
                let name = component.unwrap_or_else(own);
                add(format!("{pointer}/schema"), name.clone(), id);
                for (media, _) in document::entries(parameter, "content").take(1) {
                    add(format!("{pointer}/content/{}/schema", escape(media)), name.clone(), id);
                }
            }
        }
        if let Some((body, pointer)) =
            operation.get("requestBody").and_then(|body| resolve(body, format!("{at}/requestBody")))
        {
            for (media, _) in document::entries(body, "content").filter(|(media, content)| is_typed(media, content)) {
                add(format!("{pointer}/content/{}/schema", escape(media)), format!("{stem}Body"), id);
            }
            for (media, content) in document::entries(body, "content").filter(|(media, _)| forms::is_form(media)) {
                let properties = content.get("schema").and_then(forms::properties).into_iter().flatten();
                for (property, _) in properties.filter(|(_, schema)| !forms::is_file(document, schema)) {
                    let pointer = format!("{pointer}/content/{}/schema/properties/{}", escape(media), escape(property));
                    add(pointer, format!("{stem}Form{}", names::pascal(property)), id);
                }
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
            for (media, _) in document::entries(response, "content").filter(|(media, content)| is_typed(media, content))
            {
                add(format!("{pointer}/content/{}/schema", escape(media)), name.clone(), id);
            }
        }
    }
    found
}

/// Whether a body with this media type gets a Rust type from its schema.
fn is_typed(media: &str, content: &Value) -> bool {
    matches!(Form::of(media, content.get("schema")), Form::Json | Form::Fields)
}

/// The schema, or a reference to its new place.
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

/// Whether it gets a type of its own. A text does not, even with bounds, because the validator checks those.
fn needs_name(schema: &Value) -> bool {
    ["properties", "enum", "oneOf", "anyOf", "allOf", "additionalProperties"].iter().any(|keyword| {
        schema.get(keyword).is_some_and(|value| *keyword != "additionalProperties" || !value.is_boolean())
    })
}
