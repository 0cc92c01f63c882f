//! How an operation is called: with curl, and in Rust. Made from the document's examples, so that they change with it.
//!
//! Continuous integration runs every curl against a server and compiles every piece of Rust.

mod curl;
mod rust;

use serde_json::Value;

pub(super) use curl::curl;
pub(super) use rust::{Signatures, rust};

use super::view::Reference;

/// The ids that stand in examples, and the shell variables that stand for them.
pub(super) const SAMPLES: [(&str, &str); 4] = [
    ("run_019ab1c2d3e47f5a8b9c0d1e2f3a4b5c", "RUN_ID"),
    ("node_run_8f1d6c0be2a34d7f9a516b2c3d4e5f60", "NODE_RUN_ID"),
    ("5f0c2a9be4d17386", "KEY_ID"),
    (WORKFLOW, "WORKFLOW_UUID"),
];

/// The workflow that stands in examples.
const WORKFLOW: &str = "7c9e6679-7425-4e3f-8a3b-4b7d0d1c2a10";

/// The shell variable that stands for a credential.
pub(super) const TOKEN: &str = "TOKEN";

/// A shell variable of a page, and where its value comes from.
pub(super) struct Variable {
    pub(super) name: &'static str,
    /// What it stands for; CommonMark.
    pub(super) meaning: String,
}

/// The variable that holds a document's base URL.
pub(super) fn url_variable(document: &str) -> String {
    format!("{}_URL", document.to_uppercase().replace('-', "_"))
}

/// The example id of a path parameter.
fn sample(parameter: &str) -> Option<&'static str> {
    let index = ["run_id", "node_run_id", "key_id"].iter().position(|known| *known == parameter)?;
    SAMPLES.get(index).map(|(sample, _)| *sample)
}

/// The variables that the calls of a page need.
pub(super) fn variables(reference: &Reference) -> Vec<Variable> {
    let needs = |name: &str| {
        let mut parameters = reference.operations().flat_map(|operation| &operation.parameters);
        parameters.any(|parameter| parameter.place == "path" && parameter.name == name)
    };
    let starts = reference.operations().any(|operation| matches!(operation.id.as_str(), "start_run" | "create_run"));
    let mut variables = Vec::new();
    if needs("run_id") {
        let meaning = if starts {
            let id = if reference.name == "runtime" { "create_run" } else { "start_run" };
            format!("`run_id` of what [`{id}`](#{id}) answers.")
        } else {
            "The id of any run, for example one that [`list_runs`](#list_runs) shows.".to_owned()
        };
        variables.push(Variable { name: "RUN_ID", meaning });
    }
    if needs("node_run_id") {
        let meaning = "`root_node_run_id` of what [`start_run`](#start_run) answers.".to_owned();
        variables.push(Variable { name: "NODE_RUN_ID", meaning });
    }
    if needs("key_id") {
        let meaning = "`key_id` of a key that [`list_keys`](#list_keys) shows.".to_owned();
        variables.push(Variable { name: "KEY_ID", meaning });
    }
    let mut bodies = reference.operations().filter_map(|operation| operation.body.as_ref()?.example.as_ref());
    if bodies.any(|example| example.to_string().contains(WORKFLOW)) {
        let meaning = "`workflowUuid` of a tool, for example of what [`create_tool`](#create_tool) answers.".to_owned();
        variables.push(Variable { name: "WORKFLOW_UUID", meaning });
    }
    if reference.operations().any(|operation| operation.scope.is_some()) {
        let meaning = "A credential, for example the `token` in `server.json` of the data folder.".to_owned();
        variables.push(Variable { name: TOKEN, meaning });
    }
    variables
}

/// A scalar as text.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
