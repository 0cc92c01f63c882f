//! The tools of an agent: which node types they are, what the model calls them, and the schema of their arguments.

use std::collections::BTreeSet;

use runyard_engine::{AgentTool, Constraints, NodeKind, NodeTypeRef, Object, Policy};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{AgentInputs, ToolSearch, ToolSettings, WrittenTool};
use crate::catalog::{Catalog, Entry, Violation};
use crate::config::tools::matches;
use crate::nodes::fail;
use crate::nodes::models::{ANSWER_TOOL, chat};

/// The most tools of an agent; services of models take no more.
const TOOLS_MAX: usize = 128;
/// The longest name of a tool.
const NAME_MAX: usize = 64;
/// How many tools a search finds at most, if it says nothing else.
const FOUND_MAX: usize = 10;
/// What is left out at the beginning of ids, the longest first.
const PREFIXES: [&str; 4] = ["integration.", "runyard.core.", "runyard.", "mcp."];

/// The tools of an agent: those by id in the order of its inputs, then those that were found. Patterns and searches find only what the constraints allow, and no
/// node type that another entry names by its id: its settings, such as an approval, must not be evaded. A node type that
/// is found twice is one tool, with an approval if one of the entries asks for it.
///
/// # Errors
/// Every fault, field by field.
pub(super) fn chosen(
    catalog: &Catalog,
    constraints: &Constraints,
    inputs: &AgentInputs,
) -> Result<Vec<AgentTool>, Vec<Violation>> {
    let (mut tools, mut faults): (Vec<AgentTool>, Vec<Violation>) = (Vec::new(), Vec::new());
    let mut by_name: BTreeSet<String> = BTreeSet::new();
    let mut searched: Vec<AgentTool> = Vec::new();
    for (place, written) in inputs.tools.iter().enumerate() {
        match of(catalog, constraints, written) {
            Ok(found) if is_by_id(written) => {
                by_name.extend(found.iter().map(|tool| tool.node_type.id.clone()));
                found.into_iter().for_each(|tool| add(&mut tools, tool));
            }
            Ok(found) => searched.extend(found),
            Err(reason) => faults.push(Violation { field: format!("/tools/{place}"), reason }),
        }
    }
    searched.retain(|tool| !by_name.contains(&tool.node_type.id));
    searched.into_iter().for_each(|tool| add(&mut tools, tool));
    let named: Vec<String> = tools.iter().map(|tool| tool.name.clone()).filter(|name| !name.is_empty()).collect();
    let mut names: BTreeSet<String> = [ANSWER_TOOL.to_owned()].into();
    for name in named {
        if !names.insert(name.clone()) {
            faults.push(Violation {
                field: "/tools".to_owned(),
                reason: format!("has two tools `{name}`, or uses a name of the server"),
            });
        }
    }
    for tool in tools.iter_mut().filter(|tool| tool.name.is_empty()) {
        tool.name = unused(&name_of(&tool.node_type.id), &names);
        names.insert(tool.name.clone());
    }
    if tools.len() > TOOLS_MAX {
        let reason = format!("names {} node types; an agent has at most {TOOLS_MAX}", tools.len());
        faults.push(Violation { field: "/tools".to_owned(), reason });
    }
    if faults.is_empty() { Ok(tools) } else { Err(faults) }
}

/// Whether an entry names one node type by its id.
fn is_by_id(written: &WrittenTool) -> bool {
    match written {
        WrittenTool::Pattern(id) => !id.contains('*'),
        WrittenTool::NodeType(settings) => !settings.node_type_id.contains('*'),
        WrittenTool::Search(_) => false,
    }
}

/// Adds a tool. One without a name that is already there only adds its approval.
fn add(tools: &mut Vec<AgentTool>, tool: AgentTool) {
    let same = |one: &&mut AgentTool| {
        one.name.is_empty()
            && tool.name.is_empty()
            && (&one.node_type.id, &one.node_type.version) == (&tool.node_type.id, &tool.node_type.version)
    };
    match tools.iter_mut().find(same) {
        Some(known) => known.needs_approval |= tool.needs_approval,
        None => tools.push(tool),
    }
}

/// The tools of one entry of the list. A tool without a name is named later.
fn of(catalog: &Catalog, constraints: &Constraints, written: &WrittenTool) -> Result<Vec<AgentTool>, String> {
    let plain = |node_type_id: &str| ToolSettings {
        node_type_id: node_type_id.to_owned(),
        version: None,
        name: None,
        description: None,
        inputs: Object::new(),
        needs_approval: false,
        retry: None,
        timeout_ms: None,
    };
    match written {
        WrittenTool::Pattern(pattern) => by_id(catalog, constraints, &plain(pattern)),
        WrittenTool::NodeType(settings) => by_id(catalog, constraints, settings),
        WrittenTool::Search(search) => {
            let found = found(catalog, constraints, search);
            let tool = |entry: &Entry| {
                let settings = ToolSettings { needs_approval: search.needs_approval, ..plain(&entry.id) };
                tool(entry, &settings)
            };
            Ok(found.into_iter().map(tool).collect())
        }
    }
}

fn by_id(catalog: &Catalog, constraints: &Constraints, settings: &ToolSettings) -> Result<Vec<AgentTool>, String> {
    let id = &settings.node_type_id;
    if id.contains('*') {
        let matching = offered(catalog)
            .filter(|entry| matches(id, &entry.id) && constraints.allows(&entry.pin(entry.reference())));
        let found: Vec<AgentTool> = matching.map(|entry| tool(entry, settings)).collect();
        return match (found.len(), &settings.name) {
            (0, _) => Err(format!("matches no node type: `{id}`")),
            (2.., Some(name)) => Err(format!("gives one name, `{name}`, to several node types")),
            _ => Ok(found),
        };
    }
    let version = settings.version.clone().unwrap_or_else(|| "latest".to_owned());
    let node_type =
        catalog.resolve(&NodeTypeRef { id: id.clone(), version }).map_err(|error| format!("is wrong: {error}"))?;
    let entry = catalog.entry(&node_type.id, &node_type.version);
    let entry = entry.ok_or_else(|| format!("is no node type of this server: `{id}`"))?;
    Ok(vec![AgentTool { node_type, ..tool(entry, settings) }])
}

fn tool(entry: &Entry, settings: &ToolSettings) -> AgentTool {
    AgentTool {
        name: settings.name.clone().unwrap_or_default(),
        node_type: entry.pin(entry.reference()),
        description: settings.description.clone(),
        inputs: settings.inputs.clone(),
        needs_approval: settings.needs_approval,
        policy: Policy {
            retry: settings.retry.clone().map(Into::into),
            timeout_ms: settings.timeout_ms,
            ..Policy::default()
        },
    }
}

/// The newest version of each node type.
fn newest(catalog: &Catalog) -> impl Iterator<Item = &Entry> {
    let entries = catalog.entries();
    let is_newest = move |place: usize| entries.get(place + 1).is_none_or(|next| next.id != entries[place].id);
    entries.iter().enumerate().filter(move |(place, _)| is_newest(*place)).map(|(_, entry)| &**entry)
}

/// The node types that patterns and searches find: those that are one step and make sense outside a graph.
pub(crate) fn offered(catalog: &Catalog) -> impl Iterator<Item = &Entry> {
    let is_offered = |entry: &&Entry| {
        entry.kind == NodeKind::Call
            && ![chat::ID, fail::ID].contains(&&*entry.id)
            && !entry.id.starts_with("runyard.graph.")
    };
    newest(catalog).filter(is_offered)
}

/// The node types with the most words of a search, in the order of the catalogue where these are equal.
fn found<'a>(catalog: &'a Catalog, constraints: &Constraints, search: &ToolSearch) -> Vec<&'a Entry> {
    let words: Vec<String> = search.search.split_whitespace().map(str::to_lowercase).collect();
    let count = |entry: &Entry| words.iter().filter(|word| entry.mentions(word)).count();
    let mut found: Vec<(usize, &Entry)> = offered(catalog).map(|entry| (count(entry), entry)).collect();
    found.retain(|(count, entry)| *count > 0 && constraints.allows(&entry.pin(entry.reference())));
    found.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    found.truncate(search.limit.unwrap_or(FOUND_MAX));
    found.into_iter().map(|(_, entry)| entry).collect()
}

/// A name that services of models take, from an id.
fn name_of(id: &str) -> String {
    let short = PREFIXES.iter().find_map(|prefix| id.strip_prefix(prefix)).unwrap_or(id);
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let name: String = short.chars().map(letter).collect();
    if name.len() <= NAME_MAX {
        return name;
    }
    // Long ids often differ only at their end.
    let digest: String = Sha256::digest(id.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{}_{digest}", &name[..NAME_MAX - digest.len() - 1])
}

/// The name itself, or with a number.
fn unused(name: &str, names: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number: u32| {
        let end = format!("_{number}");
        format!("{}{end}", &name[..name.len().min(NAME_MAX - end.len())])
    });
    let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
    candidates.find(|candidate| !names.contains(candidate)).unwrap_or_default()
}

/// A tool as the model sees it: without the inputs that every call has.
pub(super) fn described(catalog: &Catalog, tool: &AgentTool) -> Option<chat::Tool> {
    let entry = catalog.entry(&tool.node_type.id, &tool.node_type.version)?;
    let input_schema =
        if entry.kind == NodeKind::Agent { prompt_alone() } else { without(&entry.input_schema, &tool.inputs) };
    let description = tool.description.clone().unwrap_or_else(|| entry.description.clone());
    Some(chat::Tool { name: tool.name.clone(), description, input_schema })
}

/// The arguments of another agent. Its model, tools and limits are not for a model to choose.
fn prompt_alone() -> Object {
    let schema = json!({
        "type": "object",
        "properties": { "prompt": { "type": "string", "description": "The task." } },
        "required": ["prompt"],
        "additionalProperties": false,
    });
    schema.as_object().cloned().unwrap_or_default()
}

/// A schema of an object without some of its members.
fn without(schema: &Value, fixed: &Object) -> Object {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    if !schema.contains_key("type") {
        schema.insert("type".to_owned(), json!("object"));
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|name, _| !fixed.contains_key(name));
    } else {
        schema.insert("properties".to_owned(), json!({}));
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| name.as_str().is_none_or(|name| !fixed.contains_key(name)));
    }
    schema
}

/// The inputs of a call.
///
/// # Errors
/// What is wrong with the arguments, for the model.
pub(super) fn inputs(catalog: &Catalog, tool: &AgentTool, arguments: &Value) -> Result<Object, String> {
    let Value::Object(arguments) = arguments else { return Err("the arguments are not a JSON object".to_owned()) };
    let is_agent = tool.node_type.kind == NodeKind::Agent;
    if let Some(name) = arguments.keys().find(|name| tool.inputs.contains_key(*name) || (is_agent && *name != "prompt"))
    {
        return Err(format!("there is no argument `{name}`"));
    }
    let mut inputs = arguments.clone();
    inputs.extend(tool.inputs.clone());
    catalog.validate_inputs(&tool.node_type, &inputs).map_err(|found| {
        let reasons: Vec<String> = found.iter().map(Violation::to_string).collect();
        format!("the arguments do not fit: {}", reasons.join("; "))
    })?;
    Ok(arguments.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(written: Value) -> Result<Vec<AgentTool>, String> {
        let inputs = AgentInputs { tools: serde_json::from_value(written).unwrap(), ..AgentInputs::default() };
        chosen(&Catalog::builtin(), &Constraints::default(), &inputs)
            .map_err(|faults| faults.iter().map(Violation::to_string).collect::<Vec<_>>().join("; "))
    }

    fn names(written: Value) -> Vec<String> {
        tools(written).unwrap().into_iter().map(|tool| tool.name).collect()
    }

    #[test]
    fn tools_are_chosen_by_id_pattern_and_search_and_each_node_type_once() {
        assert_eq!(names(json!(["runyard.core.echo", "runyard.core.uu*", "runyard.core.uuid4"])), ["echo", "uuid4"]);
        let found = names(json!([{ "search": "sha-256 hash", "limit": 1 }]));
        assert_eq!(found, ["hash_sha256"]);
        let twice = json!([{ "node_type_id": "runyard.core.echo", "name": "say" }, "runyard.core.echo"]);
        assert_eq!(names(twice), ["say", "echo"]);
    }

    #[test]
    fn a_pattern_or_a_search_evades_no_setting_of_a_node_type() {
        let echo = json!({ "node_type_id": "runyard.core.echo", "name": "say", "needs_approval": true });
        let unnamed = json!({ "node_type_id": "runyard.core.echo", "needs_approval": true });
        let pattern = json!({ "node_type_id": "runyard.core.e*", "needs_approval": true });
        for written in [
            json!(["runyard.core.e*", echo]),
            json!([{ "search": "echo repeats" }, unnamed]),
            json!(["runyard.core.echo", unnamed]),
            json!([{ "search": "echo repeats" }, pattern]),
        ] {
            let tools = tools(written.clone()).unwrap();
            let echoes: Vec<bool> = tools
                .iter()
                .filter(|tool| tool.node_type.id == "runyard.core.echo")
                .map(|tool| tool.needs_approval)
                .collect();
            assert_eq!(echoes, [true], "{written}");
        }
    }

    #[test]
    fn a_tool_that_cannot_be_is_named() {
        let table = [
            (json!(["nothing.like.it"]), "/tools/0"),
            (json!(["nothing.*"]), "matches no node type"),
            (json!([{ "node_type_id": "runyard.core.*", "name": "x" }]), "gives one name"),
            (json!([{ "node_type_id": "runyard.core.echo", "name": "final_answer" }]), "a name of the server"),
        ];
        for (written, said) in table {
            let reason = tools(written.clone()).unwrap_err();
            assert!(reason.contains(said), "{written}: {reason}");
        }
    }

    #[test]
    fn names_fit_the_services_of_models_and_stay_apart() {
        assert_eq!(name_of("integration.help desk.find"), "help_desk_find");
        let long = |end: &str| name_of(&format!("mcp.server.{}{end}", "x".repeat(100)));
        assert_eq!(long("a").len(), NAME_MAX);
        assert_ne!(long("a"), long("b"));
        let names = BTreeSet::from(["a".to_owned(), "a_2".to_owned()]);
        assert_eq!(unused("a", &names), "a_3");
    }

    #[test]
    fn inputs_that_every_call_has_are_neither_shown_nor_taken() {
        let catalog = Catalog::builtin();
        let written = json!([{ "node_type_id": "runyard.core.echo", "inputs": { "echo": "fixed" } }]);
        let tool = tools(written).unwrap().remove(0);
        let shown = described(&catalog, &tool).unwrap();
        assert!(shown.input_schema["properties"].get("echo").is_none(), "{:?}", shown.input_schema);
        assert!(inputs(&catalog, &tool, &json!({ "echo": "mine" })).unwrap_err().contains("no argument `echo`"));
        assert_eq!(inputs(&catalog, &tool, &json!({})), Ok(Object::new()));
        assert!(inputs(&catalog, &tool, &json!("x")).unwrap_err().contains("not a JSON object"));
    }
}
