//! From the tools of an MCP server to node types.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rmcp::model::Tool;
use runyard_engine::{NodeKind, SideEffect};
use serde_json::{Map, Value, json};

use crate::config::tools::mcp::McpServer;
use crate::nodes::catalog::entry::Entry;
use crate::nodes::integrations::entries::{named_hints, words};
use crate::schemas::{Schema, Work};

/// The longest name of a tool in the id of a node type, bytes.
const SLUG_BYTES_MAX: usize = 128;
/// The longest description, characters.
const DESCRIPTION_CHARS_MAX: usize = 4_000;
/// The largest schema, bytes.
const SCHEMA_BYTES_MAX: usize = 256 * 1024;

/// The node types of one server.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) entries: Vec<Arc<Entry>>,
    /// By the id of the node type.
    pub(super) tools: HashMap<String, CalledTool>,
}

/// A tool, as far as calls need it.
#[derive(Debug, Clone)]
pub(super) struct CalledTool {
    /// Its name at the server.
    pub(super) name: String,
    /// How the outputs are made of its structured content.
    pub(super) structured: Structured,
}

/// How the outputs are made of structured content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Structured {
    /// It is the outputs, because the tool has a schema for it, of an object.
    Whole,
    /// It is the output `result`, because the tool has a schema for it, of something else.
    Result,
    /// It is the output `structured` beside the text, because the tool has no schema for it.
    Beside,
}

/// The node types of a server with these tools, sorted by name. Of two tools with one name, the first counts.
pub(super) fn listing(server: &McpServer, tools: &[Tool]) -> Listing {
    let allowed = tools.iter().filter(|tool| !tool.name.is_empty() && server.allows(&tool.name));
    let mut by_name = BTreeMap::new();
    for tool in allowed {
        by_name.entry(&*tool.name).or_insert(tool);
    }
    let mut listing = Listing::default();
    for tool in by_name.into_values() {
        let slug = slug(&tool.name);
        let free = |id: &String| !listing.tools.contains_key(id);
        let first = format!("mcp.{}.{slug}", server.name);
        let id = std::iter::once(first.clone()).chain((2..).map(|number| format!("{first}_{number}"))).find(free);
        let Some(id) = id else { continue };
        let (entry, structured) = entry(server, tool, &id, &slug);
        listing.entries.push(Arc::new(entry));
        listing.tools.insert(id, CalledTool { name: tool.name.to_string(), structured });
    }
    listing
}

/// The name with letters that the ids of node types may have.
fn slug(name: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || "_-".contains(letter) { letter } else { '_' };
    name.chars().take(SLUG_BYTES_MAX).map(letter).collect()
}

fn entry(server: &McpServer, tool: &Tool, id: &str, slug: &str) -> (Entry, Structured) {
    let annotations = tool.annotations.as_ref();
    let title = tool.title.as_deref().or(annotations.and_then(|annotations| annotations.title.as_deref()));
    let texts = [tool.description.as_deref(), title, Some(&*tool.name)];
    let text = texts.into_iter().flatten().map(str::trim).find(|text| !text.is_empty()).unwrap_or(slug);
    let text: String = text.chars().take(DESCRIPTION_CHARS_MAX).collect();
    let inputs = usable(server, tool, "input", &tool.input_schema).unwrap_or_else(|| json!({ "type": "object" }));
    let (outputs, structured) = outputs(server, tool);
    let hints = named_hints(&snake(slug), words(&server.name).into_iter(), std::iter::empty(), &inputs);
    let description = format!("{text} ({} by MCP)", server.name);
    let mut entry = Entry::described(id.to_owned(), NodeKind::Call, description, (inputs, outputs));
    entry.side_effect = server.side_effects.get(&*tool.name).copied().unwrap_or_else(|| by_annotations(tool));
    entry.external = true;
    entry.hints = hints;
    (entry, structured)
}

/// The side effect that the annotations tell. Absent ones mean a write: the protocol's default, that everything
/// destroys, would say nothing.
fn by_annotations(tool: &Tool) -> SideEffect {
    let annotations = tool.annotations.as_ref();
    let is = |hint: Option<bool>| hint == Some(true);
    if is(annotations.and_then(|annotations| annotations.read_only_hint)) {
        SideEffect::Read
    } else if is(annotations.and_then(|annotations| annotations.destructive_hint)) {
        SideEffect::Irreversible
    } else {
        SideEffect::Write
    }
}

/// `getTime` as `get_time`, so that its words are found.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut after_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        snake.push(letter);
    }
    snake
}

/// A schema of an object that values can be checked against. A tool with another one can be called, because its server
/// checks what it is given.
fn usable(server: &McpServer, tool: &Tool, which: &str, schema: &Map<String, Value>) -> Option<Value> {
    let mut schema = schema.clone();
    // It is shown within other documents.
    for keyword in ["$schema", "$id"] {
        schema.remove(keyword);
    }
    schema.entry("type").or_insert_with(|| json!("object"));
    let schema = Value::Object(schema);
    let reason = if schema.to_string().len() > SCHEMA_BYTES_MAX {
        format!("has more than {SCHEMA_BYTES_MAX} bytes")
    } else {
        match Schema::read(&schema, &Work::default()) {
            Ok(_) => return Some(schema),
            Err(error) => error.to_string(),
        }
    };
    let (server, tool) = (&server.name, &tool.name);
    tracing::warn!(server, %tool, "the {which} schema of the tool {reason}; values are not checked against it");
    None
}

/// The schema of the outputs.
fn outputs(server: &McpServer, tool: &Tool) -> (Value, Structured) {
    let Some(written) = tool.output_schema.as_deref() else {
        let text = json!({ "type": "string", "description": "The text of the result." });
        return (json!({ "type": "object", "properties": { "text": text } }), Structured::Beside);
    };
    let any = json!({ "type": "object" });
    let is_object = written.get("type").is_none_or(|kind| kind == "object");
    match usable(server, tool, "output", written) {
        schema if is_object => (schema.unwrap_or(any), Structured::Whole),
        // Its references would lead nowhere within another schema.
        Some(schema) if !schema.to_string().contains("\"$ref\"") => {
            let properties = json!({ "result": schema });
            (json!({ "type": "object", "properties": properties, "required": ["result"] }), Structured::Result)
        }
        _ => (any, Structured::Result),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(more: Value) -> McpServer {
        let mut written = json!([{ "name": "desk", "command": "desk" }]);
        written[0].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        crate::config::tools::mcp::parse(&written).unwrap().remove(0)
    }

    fn tools(written: Value) -> Vec<Tool> {
        serde_json::from_value(written).unwrap()
    }

    #[test]
    fn a_tool_is_a_node_type_with_its_schemas_and_side_effect() {
        let object = json!({ "type": "object", "properties": { "id": { "$ref": "#/$defs/Id" } }, "$defs": { "Id": { "type": "integer" } },
            "required": ["id"], "$schema": "https://json-schema.org/draft/2020-12/schema" });
        let list = listing(
            &server(json!({ "deny": ["secret*"], "side_effects": { "sync": "irreversible" } })),
            &tools(json!([
                { "name": "getTicket", "description": "One ticket.", "inputSchema": object, "outputSchema": object, "annotations": { "readOnlyHint": true } },
                { "name": "drop", "inputSchema": {}, "annotations": { "destructiveHint": true } },
                { "name": "put it/down", "title": "Puts it", "inputSchema": { "type": "object" } },
                { "name": "put_it_down", "inputSchema": { "type": "object", "$ref": "https://elsewhere.example/" } },
                { "name": "sync", "inputSchema": { "type": "object" }, "outputSchema": { "type": "array", "items": { "type": "integer" } } },
                { "name": "secret_tool", "inputSchema": { "type": "object" } },
            ])),
        );
        let seen: Vec<_> = list.entries.iter().map(|entry| (entry.id.as_str(), entry.side_effect)).collect();
        assert_eq!(
            seen,
            [
                ("mcp.desk.drop", SideEffect::Irreversible),
                ("mcp.desk.getTicket", SideEffect::Read),
                ("mcp.desk.put_it_down", SideEffect::Write),
                ("mcp.desk.put_it_down_2", SideEffect::Write),
                ("mcp.desk.sync", SideEffect::Irreversible),
            ]
        );
        let ticket = &list.entries[1];
        assert!(ticket.description.starts_with("One ticket.") && ticket.hints.verbs.contains(&"get".to_owned()));
        assert!(ticket.validate_inputs(json!({ "id": 1 }).as_object().unwrap()).is_ok());
        assert!(
            ticket.validate_inputs(json!({ "id": "x" }).as_object().unwrap()).is_err(),
            "its reference is followed"
        );
        assert_eq!(list.tools["mcp.desk.put_it_down"].name, "put it/down");
        assert_eq!(list.tools["mcp.desk.sync"].structured, Structured::Result);
        assert!(list.entries[4].validate_outputs(json!({ "result": ["x"] }).as_object().unwrap()).is_err());
        assert_eq!(list.entries[3].input_schema, json!({ "type": "object" }), "a schema elsewhere is not fetched");
    }
}
