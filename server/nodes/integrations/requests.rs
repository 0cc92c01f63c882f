//! The requests that the node types of integrations make, with loaded secrets. Nothing is sent here:
//! `nodes/perform/http/` does.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use runyard_engine::Object;
use serde_json::Value;

use super::entries::node_type_id;
use super::path::PathTemplate;
use crate::auth::Secret;
use crate::config::integrations::{Integration, Method, NodeType, SecretSource};

/// The default time limit of one call, milliseconds.
const TIMEOUT_MS: u64 = 10_000;
/// The maximum size of a secret file, bytes.
const SECRET_BYTES_MAX: usize = 64 * 1024;

/// The requests of all integrations.
#[derive(Debug, Default)]
pub struct Operations {
    operations: HashMap<String, Operation>,
}

/// One service, with loaded secrets.
#[derive(Debug)]
pub struct Service {
    /// Its id, which also selects the credentials of a run.
    pub id: String,
    /// The base URL for paths, without a slash at its end.
    pub url: String,
    /// Whether its host may have a private address.
    pub private: bool,
    /// The time limit of one call, milliseconds.
    pub timeout_ms: u64,
    /// Headers of every call.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Secret headers of every call.
    pub secrets: Vec<(HeaderName, Secret)>,
}

/// One operation of a service.
#[derive(Debug)]
pub struct Operation {
    /// The service.
    pub service: Arc<Service>,
    /// The operation's definition.
    pub method: Method,
    path: PathTemplate,
    query: Vec<String>,
    body: Option<String>,
}

/// The request for some inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The whole URL, without a query.
    pub url: String,
    /// Names and values of the query, not escaped.
    pub query: Vec<(String, Value)>,
    /// The body, as JSON.
    pub body: Option<Value>,
}

/// Why an integration prevents the start of a server.
#[derive(Debug, thiserror::Error)]
#[error("integration `{integration}`: the header `{header}` {reason}")]
pub struct SecretError {
    integration: String,
    header: String,
    reason: String,
}

impl Operations {
    /// Reads the secrets of enabled integrations. `environment` looks up a variable.
    ///
    /// # Errors
    /// A secret is missing, or cannot be sent.
    pub fn open(
        integrations: &[Integration],
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SecretError> {
        let mut operations = HashMap::new();
        for one in integrations.iter().filter(|one| one.active) {
            let service = Arc::new(service(one, &environment)?);
            for node_type in &one.node_types {
                operations.insert(node_type_id(&one.id, &node_type.slug), operation(&service, node_type));
            }
        }
        Ok(Self { operations })
    }

    /// The operation of a node type, if the node type belongs to an integration.
    pub fn operation(&self, node_type_id: &str) -> Option<&Operation> {
        self.operations.get(node_type_id)
    }
}

impl Operation {
    /// The request for these inputs, which match the schema.
    ///
    /// # Errors
    /// The input that cannot be sent, and why.
    pub fn ask(&self, inputs: &Object) -> Result<Asked, (String, &'static str)> {
        let url = format!("{}{}", self.service.url, self.path.fill(inputs)?);
        let in_path = |name: &str| self.path.names().any(|one| one == name);
        let rest = inputs.iter().filter(|(name, _)| !in_path(name));
        let queried = |name: &str| !self.method.has_body() || self.query.iter().any(|one| one == name);
        let (query, sent): (Vec<_>, Vec<_>) = rest.partition(|(name, _)| queried(name));
        let query = query.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let body = match &self.body {
            _ if !self.method.has_body() => None,
            Some(name) => inputs.get(name).cloned(),
            None => Some(Value::Object(sent.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect())),
        };
        Ok(Asked { url, query, body })
    }
}

fn service(one: &Integration, environment: &impl Fn(&str) -> Option<String>) -> Result<Service, SecretError> {
    let error =
        |header: &str, reason: String| SecretError { integration: one.id.clone(), header: header.to_owned(), reason };
    let mut headers = Vec::new();
    for (name, value) in &one.headers {
        let pair = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
        headers.push(pair.ok_or_else(|| error(name, "cannot be sent".to_owned()))?);
    }
    let mut secrets = Vec::new();
    for (name, source) in &one.secret_headers {
        let value = secret(source, environment).map_err(|reason| error(name, reason))?;
        let sendable = HeaderValue::from_str(value.expose()).is_ok();
        let header = name.parse::<HeaderName>().ok().filter(|_| sendable);
        secrets.push((
            header.ok_or_else(|| error(name, "has a value that cannot be sent in a header".to_owned()))?,
            value,
        ));
    }
    Ok(Service {
        id: one.id.clone(),
        url: one.url.trim_end_matches('/').to_owned(),
        private: one.allow_private_addresses,
        timeout_ms: one.timeout_ms.unwrap_or(TIMEOUT_MS),
        headers,
        secrets,
    })
}

/// The value of a secret header. Errors contain its expected place, and nothing of the value.
pub(in crate::nodes) fn secret(
    source: &SecretSource,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Secret, String> {
    let found = match (&source.env, &source.file) {
        (Some(name), _) => {
            let value = environment(name).filter(|value| !value.is_empty());
            value.ok_or_else(|| format!("is to come from the environment variable {name}, which is not set"))?
        }
        (None, Some(path)) => {
            let failed = |reason: String| format!("is to come from the file {}: {reason}", path.display());
            let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
            if size == 0 || size > SECRET_BYTES_MAX as u64 {
                return Err(failed(format!("it has {size} bytes")));
            }
            std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?
        }
        (None, None) => return Err("has neither env nor file".to_owned()),
    };
    Ok(Secret::new(format!("{}{}", source.prefix, found.trim_end_matches(['\r', '\n']))))
}

fn operation(service: &Arc<Service>, node_type: &NodeType) -> Operation {
    Operation {
        service: service.clone(),
        method: node_type.method,
        path: PathTemplate::parse(&node_type.path).expect("loading the configuration has read it"),
        query: node_type.query.clone(),
        body: node_type.body.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::integrations::parse;

    fn helpdesk(change: impl FnOnce(&mut Value)) -> Vec<Integration> {
        let schema = json!({
            "type": "object",
            "properties": { "project": { "type": "string" }, "title": { "type": "string" }, "notify": { "type": "boolean" } },
            "required": ["project"]
        });
        let mut found = json!([{
            "id": "helpdesk", "name": "Helpdesk", "url": "https://helpdesk.example.org/api/",
            "secret_headers": { "authorization": { "env": "TOKEN", "prefix": "Bearer " } },
            "node_types": [
                { "slug": "create_ticket", "description": "x", "method": "POST", "path": "/{project}/tickets", "query": ["notify"], "input_schema": schema },
                { "slug": "find_ticket", "description": "x", "path": "/{project}/tickets", "input_schema": schema },
                { "slug": "put_title", "description": "x", "method": "PUT", "path": "/{project}/title", "body": "title", "input_schema": schema },
            ]
        }]);
        change(&mut found[0]);
        parse(&found).unwrap()
    }

    fn environment(name: &str) -> Option<String> {
        (name == "TOKEN").then(|| "hunter2\n".to_owned())
    }

    fn asked(slug: &str) -> Asked {
        let operations = Operations::open(&helpdesk(|_| ()), environment).unwrap();
        let inputs = json!({ "project": "a b", "title": "Broken", "notify": true });
        operations.operation(&format!("integration.helpdesk.{slug}")).unwrap().ask(inputs.as_object().unwrap()).unwrap()
    }

    #[test]
    fn inputs_go_where_the_node_type_says() {
        let url = |path: &str| format!("https://helpdesk.example.org/api/a%20b/{path}");
        let pair = |name: &str, value: Value| (name.to_owned(), value);
        assert_eq!(
            asked("create_ticket"),
            Asked {
                url: url("tickets"),
                query: vec![pair("notify", json!(true))],
                body: Some(json!({ "title": "Broken" }))
            }
        );
        let both = vec![pair("title", json!("Broken")), pair("notify", json!(true))];
        assert_eq!(asked("find_ticket"), Asked { url: url("tickets"), query: both, body: None });
        assert_eq!(asked("put_title"), Asked { url: url("title"), query: Vec::new(), body: Some(json!("Broken")) });
    }

    #[test]
    fn secrets_are_read_and_never_shown() {
        let operations = Operations::open(&helpdesk(|_| ()), environment).unwrap();
        let service = &operations.operation("integration.helpdesk.find_ticket").unwrap().service;
        assert_eq!(service.secrets[0].1.expose(), "Bearer hunter2");
        assert!(!format!("{operations:?}").contains("hunter2"));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "from a file\n").unwrap();
        let of_file =
            |path: &std::path::Path| helpdesk(|one| one["secret_headers"] = json!({ "x-key": { "file": path } }));
        let operations = Operations::open(&of_file(&path), environment).unwrap();
        let service = &operations.operation("integration.helpdesk.find_ticket").unwrap().service;
        assert_eq!(service.secrets[0].1.expose(), "from a file");
        let missing = Operations::open(&of_file(&folder.path().join("absent")), environment).unwrap_err().to_string();
        assert!(missing.contains("integration `helpdesk`") && missing.contains("absent"), "{missing}");
        std::fs::write(&path, "two\nlines").unwrap();
        let unsendable = Operations::open(&of_file(&path), environment).unwrap_err().to_string();
        assert!(unsendable.contains("cannot be sent") && !unsendable.contains("lines"), "{unsendable}");
        let unset = Operations::open(&helpdesk(|_| ()), |_| None).unwrap_err().to_string();
        assert!(unset.contains("environment variable TOKEN"), "{unset}");
    }

    #[test]
    fn what_is_not_offered_asks_for_no_secret_and_cannot_be_called() {
        let operations = Operations::open(&helpdesk(|one| one["active"] = json!(false)), |_| None).unwrap();
        assert!(operations.operation("integration.helpdesk.find_ticket").is_none());
    }
}
