//! Checks a document as a whole: its version, its references, names that are equal in Rust, operations without a name.
//!
//! Repairs are made in the copy that code is generated from, and reported. `schemas.rs` checks single schemas.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::normal::{self, each_child, each_schema};
use crate::refusal::{Effect, Refusal, Refusals};
use crate::report::Report;
use crate::{Error, Result, client, document, names, server};

/// Checks that the document has a supported version.
pub(crate) fn version(path: &Path, document: &Value) -> Result<()> {
    match normal::version(document) {
        "" => Err(Error::unsupported(path, "/openapi", "there is no `openapi: 3.0.3`")),
        version if ["3.0.", "3.1.", "3.2."].iter().any(|known| version.starts_with(known)) => Ok(()),
        version => Err(Error::unsupported(
            path,
            "/openapi",
            format!("OpenAPI {version}: only 3.0, 3.1 and 3.2 can be carried"),
        )),
    }
}

/// Refuses references without a target. A schema with such a reference becomes any JSON; an operation with one is left
/// out when it is read.
pub(crate) fn references(document: &mut Value, refusals: &mut Refusals) {
    let original = document.clone();
    each_schema(document, &mut |pointer, schema| reference(&original, schema, pointer, refusals));
    // The rest: responses, parameters, bodies. The references of schemas are checked above.
    let visited = document::walk(&original, &mut String::new(), &mut |pointer, value| {
        let outside = !is_example(pointer) && !pointer.contains("/schema") && !pointer.starts_with("/webhooks");
        if let (true, Some(link)) = (outside, value.get("$ref").and_then(Value::as_str))
            && let Some(reason) = dangling(&original, value, pointer)
        {
            refuse(&original, pointer, link, reason, Effect::Ignored, refusals);
        }
        Ok(())
    });
    debug_assert!(visited.is_ok(), "the visitor never fails");
}

fn is_example(pointer: &str) -> bool {
    pointer.ends_with("/example") || pointer.contains("/example/") || pointer.contains("/examples/")
}

fn reference(document: &Value, schema: &mut Value, pointer: &str, refusals: &mut Refusals) {
    if let Some(link) = schema.get("$ref").and_then(Value::as_str) {
        if let Some(reason) = dangling(document, schema, pointer) {
            refuse(document, pointer, link, reason, Effect::Widened, refusals);
            *schema = json!({});
        }
        return;
    }
    each_child(schema, pointer, &mut |pointer, child| reference(document, child, pointer, refusals));
}

fn dangling(document: &Value, value: &Value, pointer: &str) -> Option<&'static str> {
    let reference = value.get("$ref").and_then(Value::as_str)?;
    match reference.strip_prefix('#').map(|target| document.pointer(target)) {
        Some(Some(_)) if !reference.starts_with("#/components/") => {
            Some("does not lead to a component: give it a name below `components`")
        }
        Some(Some(_)) if document::resolved(document, value, pointer).is_none() => Some("leads in a circle"),
        Some(Some(_)) => None,
        Some(None) => Some("leads nowhere"),
        None => Some("leads into another file that was not bundled"),
    }
}

fn refuse(document: &Value, pointer: &str, link: &str, reason: &str, effect: Effect, refusals: &mut Refusals) {
    let operation = document::operation_at(document, pointer);
    let place = document::place(document, pointer);
    refusals.add(Refusal { operation, place, reason: format!("`$ref: {link}` {reason}"), effect });
}

/// Renames schemas whose names are equal in Rust, in every reference to them.
pub(crate) fn schema_names(document: &mut Value, report: &mut Report) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    let listed: Vec<String> = document
        .get("components")
        .into_iter()
        .flat_map(|components| document::entries(components, "schemas"))
        .map(|(name, _)| name.clone())
        .collect();
    for name in &listed {
        // typify takes the last segment of a reference as the name; a pointer escapes `~` and `/`.
        let plain = if name.contains(['/', '~', '%', '#', ' ']) { names::pascal(name) } else { name.clone() };
        let plain = if names::hides(&names::pascal(&plain)) { format!("{plain}Schema") } else { plain };
        let new = names::apart(&plain, |name| taken.contains(&names::pascal(name)));
        taken.insert(names::pascal(&new));
        if new != *name {
            if plain != new || plain != *name {
                report.note(
                    format!("/components/schemas/{name}"),
                    format!("is named `{new}` in code: the name is another's, or none in Rust"),
                );
            }
            renamed.insert(name.clone(), new);
        }
    }
    if !renamed.is_empty() {
        rename(document, &renamed);
    }
}

fn rename(document: &mut Value, renamed: &BTreeMap<String, String>) {
    let references: BTreeMap<String, String> = renamed
        .iter()
        .map(|(old, new)| {
            let prefix = "#/components/schemas/";
            (format!("{prefix}{}", document::escape(old)), format!("{prefix}{new}"))
        })
        .collect();
    each_schema(document, &mut |_, schema| redirect(schema, &references));
    let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") else { return };
    let all = std::mem::take(schemas);
    schemas.extend(all.into_iter().map(|(name, schema)| (renamed.get(&name).cloned().unwrap_or(name), schema)));
}

fn redirect(schema: &mut Value, references: &BTreeMap<String, String>) {
    let mapped = schema.pointer_mut("/discriminator/mapping").and_then(Value::as_object_mut);
    for text in mapped.into_iter().flat_map(|mapping| mapping.values_mut()) {
        if let Some(new) = text.as_str().and_then(|old| references.get(old)) {
            *text = Value::from(new.as_str());
        }
    }
    if let Some(new) = schema.get("$ref").and_then(Value::as_str).and_then(|old| references.get(old)) {
        schema["$ref"] = Value::from(new.as_str());
    }
    each_child(schema, "", &mut |_, child| redirect(child, references));
}

/// Gives every operation an id that is unique, in Rust as in the document.
pub(crate) fn operation_ids(document: &mut Value, report: &mut Report, refusals: &mut Refusals) {
    let mut taken: BTreeSet<String> =
        client::RESERVED.iter().chain(&server::RESERVED).map(|name| (*name).to_owned()).collect();
    let reserved = taken.clone();
    let listed: Vec<(String, String, String, Option<String>)> = document::operations(document)
        .map(|(path, method, at, operation)| {
            (path.to_owned(), method.to_owned(), at, document::text(operation, "operationId").map(str::to_owned))
        })
        .collect();
    // Ids from the document have precedence over derived ones.
    let given: Vec<String> = listed.iter().filter_map(|(_, _, _, id)| id.as_deref().map(names::snake)).collect();
    for (path, method, at, id) in listed {
        let call = format!("{} {path}", method.to_uppercase());
        let wanted = id.clone().unwrap_or_else(|| derived(&method, &path));
        let unnamed = id.is_none();
        let new = names::apart(&wanted, |name| {
            let name = names::snake(name);
            taken.contains(&name) || unnamed && given.contains(&name)
        });
        taken.insert(names::snake(&new));
        let operation = Some((method.to_uppercase(), path));
        match id {
            None => {
                let reason = format!("has no operationId, which names it in code: `operationId: {new}` is taken");
                refusals.add(Refusal { operation, place: call, reason, effect: Effect::Assumed });
            }
            Some(id) if new != id && reserved.contains(&names::snake(&id)) => {
                report.note(format!("operation {id}"), format!("is `{new}` in code, which needs the name for itself"));
            }
            Some(id) if new != id => {
                let reason = format!("stands twice: {call} is `{new}` in code");
                refusals.add(Refusal { operation, place: format!("operation {id}"), reason, effect: Effect::Assumed });
            }
            Some(_) => continue,
        }
        if let Some(Value::Object(fields)) = document.pointer_mut(&at) {
            fields.insert("operationId".into(), new.into());
        }
    }
}

/// `get_pets_by_pet_id` for `GET /pets/{petId}`.
fn derived(method: &str, path: &str) -> String {
    let words: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| if part.starts_with('{') { format!("by {part}") } else { part.to_owned() })
        .collect();
    names::snake(&format!("{method} {}", words.join(" ")))
}
