//! The work of the load's runs: plans, lists, runs that start runs, scripts and large values. Each has its own entries
//! in the ledger.

use serde_json::{Value, json};

use super::effects::HELD;

/// How many kinds of runs there are.
pub(super) const KINDS: usize = 8;
/// The name of the ledger's node type.
const ENTRY: &str = "integration.ledger.record_entry";
/// Longer than a value that an event stores in place.
const LARGE_BYTES: usize = 70_000;

/// The work of a run.
pub(super) enum Work {
    /// A goal that is planned, through the API with this number.
    Goal(usize, String),
    /// A run of this node type with these inputs.
    Inputs(&'static str, Value),
}

/// The work of the run with this number.
pub(super) fn of(number: usize) -> Work {
    match number % KINDS {
        5 => Work::Inputs("runyard.composite.each", list(number)),
        6 => {
            let planner = json!({ "node_type_id": "runyard.composite.planner.general" });
            Work::Inputs("runyard.core.run", json!({ "node_type_ref": planner, "inputs": { "goal": goal(number) } }))
        }
        7 => Work::Inputs("runyard.composite.graph", json!({ "graph": graph(number) })),
        api => Work::Goal(api, goal(number)),
    }
}

/// The number of runs that the run with this number starts, directly or indirectly.
pub(super) fn below(number: usize) -> usize {
    usize::from(number % KINDS == 6)
}

/// The expected outputs of a run, where the test checks more than its end.
pub(super) fn outputs(number: usize) -> Option<Value> {
    (number % KINDS == 7).then(|| json!({ "text": large(number), "length": large(number).len() }))
}

/// Entries of a run. In two of three runs one entry is held: the first or the last.
fn titles(number: usize) -> (String, String) {
    let (first, last) = match number % 3 {
        0 => ("quick", HELD),
        1 => (HELD, "quick"),
        _ => ("quick", "quick"),
    };
    (format!("{first}-first-{number}"), format!("{last}-last-{number}"))
}

/// Four steps, two of which have an external effect.
fn goal(number: usize) -> String {
    let (first, last) = titles(number);
    format!(
        "Record an entry in ledger with title \"{first}\", then sleep for 0.01 seconds, then generate a UUID, then record an entry \
         in ledger with title \"{last}\"."
    )
}

fn list(number: usize) -> Value {
    let (first, last) = titles(number);
    let items = [first, format!("quick-second-{number}"), format!("quick-third-{number}"), last];
    json!({ "items": items, "item_as": "title", "node_type_ref": { "node_type_id": ENTRY }, "at_once": 2 })
}

fn large(number: usize) -> String {
    format!("{}{number}", "x".repeat(LARGE_BYTES))
}

/// A script makes a large value; an entry; a list, each item of which has a script and an entry; a script reads the
/// large value.
fn graph(number: usize) -> Value {
    let (first, last) = titles(number);
    let node = |key: &str, node_type: &str, inputs: Value, next: &[&str]| json!({ "key": key, "node_type_ref": { "node_type_id": node_type }, "inputs": inputs, "children": next });
    let script =
        |key: &str, script: &str, next: &str| node(key, "runyard.graph.script", json!({ "script": script }), &[next]);
    let item = json!({ "nodes": [
        node("start", "runyard.graph.start", json!({}), &["name"]),
        script("name", "return nodes.start.title", "entry"),
        node("entry", ENTRY, json!({ "title": "{{ nodes.name.result }}" }), &[]),
    ] });
    let items = json!({ "items": [{ "title": format!("quick-item-{number}") }, { "title": last }], "graph": item });
    let variables = json!({ "variables": [
        { "name": "text", "value": "{{ nodes.make.result }}" }, { "name": "length", "value": "{{ nodes.read.result }}" },
    ] });
    json!({ "nodes": [
        script("make", &format!("return 'x'.repeat({LARGE_BYTES}) + '{number}'"), "first"),
        node("first", ENTRY, json!({ "title": first }), &["list"]),
        node("list", "runyard.composite.each", items, &["read"]),
        script("read", "return nodes.make.result.length", "end"),
        node("end", "runyard.graph.end", variables, &[]),
    ] })
}
