//! `docs/reference/node-types.md`: every node type that comes with the server.

use std::sync::Arc;

use serde_json::Value;

use super::table::row;
use crate::catalog::{Catalog, Entry};
use crate::nodes::agent;
use crate::nodes::models::chat;

const HEAD: &str = "\
# Node types

A node type is what a step can be. `runyard nodes` lists them, `runyard nodes --json` with their whole schemas.
Operations of [integrations](../guides/rest-api-as-tools.md) are node types as well: `integration.ID.SLUG`.
Tools of [MCP servers](../guides/mcp-servers.md) too: `mcp.SERVER.TOOL`. Operations of
[OpenAPI services](../guides/openapi-tools.md): `openapi.NAME.OPERATION`. `runyard.agent` and `runyard.model.chat` are
there for tenants that have a [model](../guides/agents.md).

A reference names an id and a version: `1.0.0`, a prefix of it (`1`, `1.0`) or `latest`. An alias of any version is the
node type itself. Atomic node types are one effect; composite ones have children.
";

pub(super) fn page() -> String {
    let catalog = Catalog::builtin();
    // Listed only for tenants that have a model.
    let of_models = [agent::entry(), chat::entry()];
    let mut entries: Vec<&Entry> = catalog.entries().iter().map(Arc::as_ref).chain(&of_models).collect();
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    let mut page = HEAD.to_owned();
    page.push_str("\n| node type | what it does |\n|---|---|\n");
    for entry in &entries {
        let id = &entry.id;
        page.push_str(&row([&format!("[`{id}`](#{})", anchor(id)), &entry.description]));
    }
    for entry in &entries {
        page.push_str(&section(entry));
    }
    page
}

/// The anchor of a heading that is an id.
fn anchor(id: &str) -> String {
    id.replace('.', "")
}

fn section(entry: &Entry) -> String {
    let kind = if entry.kind.is_composite() { "Composite" } else { "Atomic" };
    let mut text = format!("\n## {}\n\n{}\n\n", entry.id, entry.description);
    text.push_str(&format!("{kind}, version {}, side effect: {}.", entry.version, entry.side_effect));
    if !entry.aliases.is_empty() {
        let aliases: Vec<String> = entry.aliases.iter().map(|alias| format!("`{alias}`")).collect();
        text.push_str(&format!(" Alias: {}.", aliases.join(", ")));
    }
    text.push('\n');
    text.push_str(&fields("input", &entry.input_schema));
    text.push_str(&fields("output", &entry.output_schema));
    text
}

/// The properties of an object's schema as a table.
fn fields(what: &str, schema: &Value) -> String {
    let properties = schema["properties"].as_object().filter(|properties| !properties.is_empty());
    let Some(properties) = properties else {
        let any = schema["additionalProperties"] != Value::Bool(false);
        return if any { format!("\nThe {what} is any object.\n") } else { format!("\nThere is no {what}.\n") };
    };
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut text = format!("\n| {what} | type | meaning |\n|---|---|---|\n");
    for (name, property) in properties {
        let kind = type_of(property);
        let kind = if required.contains(&name.as_str()) { format!("{kind}, required") } else { kind };
        let mut meaning = property["description"].as_str().unwrap_or_default().to_owned();
        if let Some(default) = property.get("default").filter(|default| !default.is_null()) {
            meaning.push_str(&format!(" Default: `{default}`."));
        }
        text.push_str(&row([&format!("`{name}`"), &kind, &meaning]));
    }
    text
}

/// The type that a schema allows, without null, which only says that the field may be absent.
fn type_of(property: &Value) -> String {
    match &property["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect();
            names.join(" or ")
        }
        _ => match property["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
            Some(name) => name.to_owned(),
            None => "any".to_owned(),
        },
    }
}
