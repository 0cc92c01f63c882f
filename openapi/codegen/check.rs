//! What cannot be carried, refused before any code is made.
//!
//! A check here is a panic, a silent loss or a baffling compile error spared further down. Reasons say what to write instead.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::{Error, Result, document, names, schemas};

/// Names that generated code needs for itself.
const RESERVED: [&str; 12] = [
    "admit",
    "problem",
    "new",
    "new_with_client",
    "client",
    "baseurl",
    "inner",
    "api_version",
    "pre",
    "post",
    "exec",
    "clone",
];

/// Checks a self-contained document.
pub(crate) fn document(path: &Path, document: &Value) -> Result<()> {
    version(path, document)?;
    references(path, document)?;
    schemas::check(path, document)?;
    distinct_schema_names(path, document)?;
    operation_ids(path, document)?;
    routes(path, document)
}

/// Checks a file that holds only schemas.
pub(crate) fn shared(path: &Path, document: &Value) -> Result<()> {
    references(path, document)?;
    schemas::check(path, document)?;
    distinct_schema_names(path, document)
}

fn version(path: &Path, document: &Value) -> Result<()> {
    match document.get("openapi").and_then(Value::as_str) {
        Some(version) if version.starts_with("3.0.") => Ok(()),
        Some(version) => {
            Err(Error::unsupported(path, "/openapi", format!("OpenAPI {version}: only 3.0.x can be carried")))
        }
        None => Err(Error::unsupported(path, "/openapi", "there is no `openapi: 3.0.3`")),
    }
}

fn references(path: &Path, document: &Value) -> Result<()> {
    document::walk(document, &mut String::new(), &mut |pointer, value| {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Ok(()) };
        if pointer.ends_with("/example") || pointer.contains("/examples/") {
            return Ok(());
        }
        let wrong = |reason: &str| {
            Err(Error::Reference {
                path: path.to_owned(),
                place: document::place(document, pointer),
                reference: reference.to_owned(),
                reason: reason.to_owned(),
            })
        };
        match reference.strip_prefix('#').map(|target| document.pointer(target)) {
            Some(Some(_)) if !reference.starts_with("#/components/") => {
                wrong("does not lead to a component: give it a name below `components`")
            }
            Some(Some(_)) if document::resolved(document, value, pointer).is_none() => wrong("leads in a circle"),
            Some(Some(_)) => Ok(()),
            Some(None) => wrong("leads nowhere"),
            None => wrong("leads into another file that was not bundled"),
        }
    })
}

fn distinct_schema_names(path: &Path, document: &Value) -> Result<()> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (name, _) in
        document.get("components").into_iter().flat_map(|components| document::entries(components, "schemas"))
    {
        if let Some(other) = seen.insert(names::pascal(name), name) {
            return Err(Error::unsupported(
                path,
                format!("/components/schemas/{name}"),
                format!("is the same Rust name as `{other}`: {}", names::pascal(name)),
            ));
        }
    }
    Ok(())
}

fn operation_ids(path: &Path, document: &Value) -> Result<()> {
    for (item, entry) in document::entries(document, "paths") {
        if entry.get("$ref").is_some() {
            return Err(Error::unsupported(path, item.as_str(), "the path item is a `$ref`: write it out"));
        }
    }
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (item, method, _, operation) in document::operations(document) {
        let place = format!("{} {item}", method.to_uppercase());
        let Some(id) = document::text(operation, "operationId") else {
            let hint = names::snake(&format!("{method} {item}"));
            let reason = format!("has no operationId, which names it in code: write one, as `operationId: {hint}`");
            return Err(Error::unsupported(path, place, reason));
        };
        let name = names::snake(id);
        if RESERVED.contains(&name.as_str()) {
            return Err(Error::unsupported(
                path,
                format!("operation {id}"),
                format!("generated code needs the name `{name}` for itself"),
            ));
        }
        if let Some(other) = seen.insert(name, place.clone()) {
            return Err(Error::unsupported(
                path,
                format!("operation {id}"),
                format!("stands twice: {other} and {place}"),
            ));
        }
    }
    if seen.is_empty() { Err(Error::unsupported(path, "/paths", "has no operations")) } else { Ok(()) }
}

/// Asks the router that the host uses, so that what is accepted here can be mounted there.
fn routes(path: &Path, document: &Value) -> Result<()> {
    let mut router = matchit::Router::new();
    for (item, _) in document::entries(document, "paths") {
        let place = document::operations(document)
            .find(|operation| operation.0 == item)
            .and_then(|(_, _, _, operation)| document::text(operation, "operationId"));
        let Some(place) = place else { continue };
        let refuse = |reason: String| Error::unsupported(path, format!("operation {place}"), reason);
        if !item.starts_with('/') {
            return Err(refuse(format!("path `{item}` does not start with `/`")));
        }
        if item.contains(['*', '?', '#']) {
            return Err(refuse(format!("path `{item}` has a character that is no part of a plain path")));
        }
        router.insert(item.as_str(), ()).map_err(|error| refuse(format!("path `{item}` cannot be routed: {error}")))?;
    }
    Ok(())
}
