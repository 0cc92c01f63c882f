//! The base paths of servers: they come before every path. Hosts are for deployments and break no side.

use std::collections::BTreeSet;

use serde_json::Value;

/// The base paths of a list of servers, without a slash at the end. No list is one server at the root.
pub(super) fn base_paths(servers: Option<&Value>) -> BTreeSet<String> {
    let all: BTreeSet<String> = servers.and_then(Value::as_array).into_iter().flatten().filter_map(base_path).collect();
    if all.is_empty() { [String::new()].into() } else { all }
}

fn base_path(server: &Value) -> Option<String> {
    let mut url = server.get("url")?.as_str()?.to_owned();
    for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
        if let Some(default) = variable.get("default").and_then(Value::as_str) {
            url = url.replace(&format!("{{{name}}}"), default);
        }
    }
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        None => url.as_str(),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    Some(if path.is_empty() || path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
}
