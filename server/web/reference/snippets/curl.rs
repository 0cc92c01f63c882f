//! An operation as a curl command: quiet, with an error exit code and the error body if the server refuses.

use super::{SAMPLES, TOKEN, text, url_variable, variable_of};
use crate::web::reference::code::pretty;
use crate::web::reference::view::{Operation, Parameter, Reference};

/// The command.
pub(in crate::web::reference) fn curl(reference: &Reference, operation: &Operation) -> String {
    let flags = if operation.stream.is_some() { "-sSN" } else { "-sS" };
    let method = if operation.method == "GET" { String::new() } else { format!(" -X {}", operation.method) };
    let url = format!("${}{}{}", url_variable(reference.name), path(operation), query(operation));
    // On its own line if more follows, so that it is fully visible.
    let mut parts = match operation.body {
        Some(_) => vec![format!("curl {flags} --fail-with-body{method}"), format!("\"{url}\"")],
        None => vec![format!("curl {flags} --fail-with-body{method} \"{url}\"")],
    };
    if operation.scope.is_some() {
        parts.push(format!("-H \"Authorization: Bearer ${TOKEN}\""));
    }
    for header in given(operation, "header") {
        let value = header.example.as_ref().map(text).unwrap_or_default();
        parts.push(format!("-H '{}: {value}'", header.name));
    }
    let Some(body) = operation.body.as_ref() else { return parts.join(" \\\n  ") };
    parts.push(format!("-H 'Content-Type: {}'", body.media));
    let (json, expands) = body.example.as_ref().map(|example| with_variables(&pretty(example))).unwrap_or_default();
    // A quoted delimiter keeps the shell from expanding the text. With a variable in it, it must expand.
    parts.push(if expands { "-d @- <<JSON".to_owned() } else { "-d @- <<'JSON'".to_owned() });
    format!("{}\n{json}\nJSON", parts.join(" \\\n  "))
}

/// The path with variables, in braces because some shells interpret the text that follows (`:cancel`).
fn path(operation: &Operation) -> String {
    operation.parameters.iter().filter(|parameter| parameter.place == "path").fold(
        operation.path.clone(),
        |path, parameter| {
            path.replace(&format!("{{{}}}", parameter.name), &format!("${{{}}}", variable_of(&parameter.name)))
        },
    )
}

fn query(operation: &Operation) -> String {
    let shown =
        |parameter: &&Parameter| parameter.place == "query" && (parameter.example.is_some() || parameter.required);
    let pairs: Vec<String> = operation
        .parameters
        .iter()
        .filter(shown)
        .flat_map(|parameter| {
            let values = match &parameter.example {
                Some(serde_json::Value::Array(items)) => items.iter().map(text).collect(),
                Some(one) => vec![text(one)],
                None => vec![format!("${{{}}}", variable_of(&parameter.name))],
            };
            values.into_iter().map(|value| format!("{}={}", parameter.name, with_variables(&value).0))
        })
        .collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// Parameters with an example, which the call shows.
fn given<'a>(operation: &'a Operation, place: &'static str) -> impl Iterator<Item = &'a Parameter> {
    let wanted = move |parameter: &&Parameter| parameter.place == place && parameter.example.is_some();
    operation.parameters.iter().filter(wanted)
}

/// Replaces example ids by variables; returns whether there were any.
fn with_variables(json: &str) -> (String, bool) {
    let named = SAMPLES.iter().fold(json.to_owned(), |json, (id, name)| json.replace(id, &format!("${name}")));
    let expands = named != json;
    (named, expands)
}
