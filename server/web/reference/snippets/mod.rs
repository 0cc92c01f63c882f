//! Calls of an operation with curl and in Rust, made from the document's examples.
//!
//! Continuous integration runs every curl command against a server and compiles every piece of Rust.

mod curl;
mod rust;

use std::collections::BTreeSet;

use serde_json::Value;

pub(super) use curl::curl;
pub(super) use rust::{Signatures, rust};

use super::view::Reference;

/// The ids in examples, and their shell variables.
pub(super) const SAMPLES: [(&str, &str); 4] = [
    ("run_019ab1c2d3e47f5a8b9c0d1e2f3a4b5c", "RUN_ID"),
    ("node_run_8f1d6c0be2a34d7f9a516b2c3d4e5f60", "NODE_RUN_ID"),
    ("5f0c2a9be4d17386", "KEY_ID"),
    (WORKFLOW, "WORKFLOW_UUID"),
];

/// The workflow in examples.
const WORKFLOW: &str = "7c9e6679-7425-4e3f-8a3b-4b7d0d1c2a10";

/// The shell variable of a credential.
pub(super) const TOKEN: &str = "TOKEN";

/// A shell variable of a page, and where its value comes from.
pub(super) struct Variable {
    pub(super) name: String,
    /// Its meaning; CommonMark.
    pub(super) meaning: String,
}

/// The variable that holds a document's base URL.
pub(super) fn url_variable(document: &str) -> String {
    format!("{}_URL", document.to_uppercase().replace('-', "_"))
}

/// The shell variable of a parameter: `runId` and `run_id` become `RUN_ID`.
fn variable_of(parameter: &str) -> String {
    let mut name = String::new();
    for letter in parameter.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// The example id of a path parameter.
fn sample(parameter: &str) -> Option<&'static str> {
    let variable = variable_of(parameter);
    SAMPLES.iter().find(|(_, name)| *name == variable).map(|(sample, _)| *sample)
}

/// The meaning of parameter variables; CommonMark.
fn meaning(document: &str, variable: &str) -> Option<String> {
    // The operation that starts a run, and the place of the run's id in its answer.
    let (start, id) = match document {
        "runtime" => ("create_run", "run_id"),
        "toolregistry" => ("RunController_createRun", "runId"),
        "acp" => ("start_server_run", "run.id"),
        _ => ("start_run", "run_id"),
    };
    let of_start = |field: &str| Some(format!("`{field}` of what [`{start}`](#{start}) answers."));
    match variable {
        "RUN_ID" => of_start(id),
        "NODE_RUN_ID" => of_start("root_node_run_id"),
        "EXECUTION_PLAN_ID" => of_start("executionPlanId"),
        "THREAD_ID" => of_start("run.threadId"),
        "SERVER_ID" | "RUNTIME_ID" => Some("`default`, or the id of one that was made.".to_owned()),
        "APPROVAL_ID" => Some("`approval_id` of something that [`list_approvals`](#list_approvals) shows.".to_owned()),
        TOKEN if document == "toolregistry" => Some("The token of a link in a `run_approval` event.".to_owned()),
        "KEY_ID" => Some("`key_id` of a key that [`list_keys`](#list_keys) shows.".to_owned()),
        _ => None,
    }
}

/// The variables that the calls of a page need.
pub(super) fn variables(reference: &Reference) -> Vec<Variable> {
    let parameters = reference.operations().flat_map(|operation| &operation.parameters);
    let needed: BTreeSet<String> = parameters
        .filter(|parameter| {
            parameter.place == "path" || parameter.place == "query" && parameter.required && parameter.example.is_none()
        })
        .map(|parameter| variable_of(&parameter.name))
        .collect();
    let known = needed.into_iter().filter_map(|name| Some((meaning(reference.name, &name)?, name)));
    let mut variables: Vec<Variable> = known.map(|(meaning, name)| Variable { name, meaning }).collect();
    let mut bodies = reference.operations().filter_map(|operation| operation.body.as_ref()?.example.as_ref());
    if bodies.any(|example| example.to_string().contains(WORKFLOW)) {
        let meaning = "`workflowUuid` of a tool, for example of what [`create_tool`](#create_tool) answers.".to_owned();
        variables.push(Variable { name: "WORKFLOW_UUID".to_owned(), meaning });
    }
    if reference.operations().any(|operation| operation.scope.is_some()) {
        let meaning = "A credential, for example the `token` in `server.json` of the data folder.".to_owned();
        variables.push(Variable { name: TOKEN.to_owned(), meaning });
    }
    variables
}

/// A scalar as text.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
