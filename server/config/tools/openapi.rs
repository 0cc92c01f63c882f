//! `[[tools.openapi]]`: services with an OpenAPI document, whose operations runs may use. `server/nodes/openapi/` makes
//! node types of them.
//!
//! Secrets are not in here: a credential or secret header names the environment variable or file with its value.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};
use runyard_engine::SideEffect;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{matches, most, secret_source};
use crate::config::integrations::{CREDENTIAL_HEADERS, OWN_HEADERS, SecretSource};
use crate::config::urls::is_endpoint;

/// The most services.
const SERVICES_MAX: usize = 100;
/// The most headers, credentials, tenants or patterns of one service.
const LISTED_MAX: usize = 500;
/// The longest timeout of one call, milliseconds.
const TIMEOUT_MS_MAX: u64 = 3_600_000;

/// `[[tools.openapi]]`: one service.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpenapiService {
    /// Its name; node types are called `openapi.NAME.OPERATION`.
    pub name: String,
    /// Whether it is enabled. Default true.
    #[serde(default = "yes")]
    pub active: bool,
    /// The tenants that may use it. Absent: every tenant. Never callers without a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Vec<String>>,
    /// The file of the document. A relative path starts at the configuration file's folder. Absent: the document that
    /// `runyard tools import` stored under this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<PathBuf>,
    /// The base URL of the service. Absent: that of the document; required with secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Allows the URL's host to be private or this machine. Default false.
    #[serde(default)]
    pub allow_private_addresses: bool,
    /// Headers of every call. Not for secrets.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers of every call with secret values.
    #[serde(default)]
    pub secret_headers: BTreeMap<String, SecretSource>,
    /// The credentials by the names of the document's security schemes: a key, a token, or `user:password`.
    #[serde(default)]
    pub credentials: BTreeMap<String, SecretSource>,
    /// The operations that become node types, by id; `*` stands for any text. Absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
    /// Operations that do not, in the same form. It takes precedence over `allow`.
    #[serde(default)]
    pub deny: Vec<String>,
    /// The side effects of operations, by id. Absent: from the method.
    #[serde(default)]
    pub side_effects: BTreeMap<String, SideEffect>,
    /// The header in which POST and PATCH send the key of the call. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_header: Option<String>,
    /// The timeout of one call, milliseconds. Default 30000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

impl OpenapiService {
    /// A service without settings, whose document was imported under this name.
    pub fn imported(name: &str) -> Self {
        OpenapiService {
            name: name.to_owned(),
            active: true,
            tenants: None,
            document: None,
            url: None,
            allow_private_addresses: false,
            headers: BTreeMap::new(),
            secret_headers: BTreeMap::new(),
            credentials: BTreeMap::new(),
            allow: None,
            deny: Vec::new(),
            side_effects: BTreeMap::new(),
            idempotency_header: None,
            timeout_ms: None,
        }
    }

    /// Whether an operation becomes a node type.
    pub fn allows(&self, operation: &str) -> bool {
        let is_in = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, operation));
        self.allow.as_deref().is_none_or(is_in) && !is_in(&self.deny)
    }
}

/// Reads and checks a list of services.
///
/// # Errors
/// The path of the first fault, and what is wrong.
pub fn parse(found: &Value) -> Result<Vec<OpenapiService>, String> {
    let read: Vec<OpenapiService> = serde_path_to_error::deserialize(found).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner().to_string());
        if path == "." { inner } else { format!("{path}: {inner}") }
    })?;
    most(read.len(), SERVICES_MAX, "OpenAPI services")?;
    let mut names = BTreeSet::new();
    for one in &read {
        check(one).map_err(|reason| format!("OpenAPI service `{}`: {reason}", one.name))?;
        if !names.insert(&one.name) {
            return Err(format!("OpenAPI service `{}`: the name stands twice", one.name));
        }
    }
    Ok(read)
}

/// Whether a text can be the name of a service.
pub fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(letter)
}

fn check(one: &OpenapiService) -> Result<(), String> {
    if !is_name(&one.name) {
        return Err("name is 1 to 64 of a-z, 0-9, _ and -".to_owned());
    }
    if one.document.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
        return Err("document is empty".to_owned());
    }
    if one.url.as_deref().is_some_and(|url| !is_endpoint(url) || url.contains('?')) {
        return Err("url is no absolute http or https URL without a user, a query or a fragment".to_owned());
    }
    if one.url.is_none() && !(one.credentials.is_empty() && one.secret_headers.is_empty()) {
        // Otherwise, a changed document could choose where they are sent.
        return Err("credentials and secret_headers need url: they are not sent to where the document says".to_owned());
    }
    if one.timeout_ms.is_some_and(|timeout_ms| !(1..=TIMEOUT_MS_MAX).contains(&timeout_ms)) {
        return Err(format!("timeout_ms is 1 to {TIMEOUT_MS_MAX}"));
    }
    let tenants = one.tenants.as_deref().unwrap_or_default();
    if tenants.iter().any(String::is_empty) {
        return Err("tenants has an empty name".to_owned());
    }
    for (name, value) in &one.headers {
        header("headers", name)?;
        if CREDENTIAL_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(format!("headers: `{name}` holds a credential: put it into secret_headers"));
        }
        HeaderValue::from_str(value).map_err(|_| format!("headers: the value of `{name}` cannot be sent"))?;
    }
    for (name, source) in &one.secret_headers {
        header("secret_headers", name)?;
        secret_source("secret_headers", name, source)?;
    }
    one.credentials.iter().try_for_each(|(name, source)| secret_source("credentials", name, source))?;
    if let Some(name) = &one.idempotency_header {
        let is_header = HeaderName::from_bytes(name.as_bytes()).is_ok();
        let is_credential = CREDENTIAL_HEADERS.contains(&name.to_ascii_lowercase().as_str());
        if !is_header || is_credential {
            return Err(format!("idempotency_header: `{name}` is no name of a header for keys"));
        }
    }
    let lists = [tenants.len(), one.headers.len(), one.secret_headers.len(), one.credentials.len(), one.deny.len()];
    let lists = lists.into_iter().chain([one.allow.as_deref().unwrap_or_default().len(), one.side_effects.len()]);
    lists.into_iter().try_for_each(|count| most(count, LISTED_MAX, "entries in one of its lists"))
}

fn header(field: &str, name: &str) -> Result<(), String> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{field}: `{name}` is no name of a header"))?;
    if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(format!("{field}: `{name}` is written by the server itself"));
    }
    Ok(())
}

/// Makes relative paths start at the configuration file's folder.
pub(in crate::config) fn beside(folder: &Path, mut services: Vec<OpenapiService>) -> Vec<OpenapiService> {
    for one in &mut services {
        let secrets = one.secret_headers.values_mut().chain(one.credentials.values_mut());
        let files = secrets.filter_map(|source| source.file.as_mut()).chain(one.document.as_mut());
        files.for_each(|file| *file = folder.join(&*file));
    }
    services
}

/// The form that is shown: values of headers are hidden, because they may be secrets after all.
pub(in crate::config) fn masked(services: &[OpenapiService]) -> Value {
    let mut shown = json!(services);
    for one in shown.as_array_mut().into_iter().flatten() {
        let values = one["headers"].as_object_mut().into_iter().flat_map(|members| members.values_mut());
        values.for_each(|value| *value = json!("***"));
    }
    shown
}

/// From the JSON text in which the layers of the configuration carry them.
pub(super) fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<OpenapiService>, D::Error> {
    serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk() -> Value {
        json!([{
            "name": "desk", "document": "desk.yaml", "url": "https://desk.example.org/api", "headers": { "x-team": "blue" },
            "credentials": { "token": { "env": "DESK_TOKEN" } }, "deny": ["delete_*"],
        }])
    }

    #[test]
    fn absent_fields_have_defaults_and_paths_start_at_the_folder() {
        let read = parse(&desk()).unwrap();
        assert!(read[0].active && read[0].tenants.is_none() && !read[0].allow_private_addresses);
        assert!(read[0].allows("get_ticket") && !read[0].allows("delete_ticket"));
        assert_eq!(masked(&read)[0]["headers"]["x-team"], "***");
        let moved = beside(Path::new("/etc/runyard"), read);
        assert_eq!(moved[0].document.as_deref(), Some(Path::new("/etc/runyard/desk.yaml")));
    }

    #[test]
    fn every_fault_is_reported() {
        let table = [
            ("name", json!("My Desk"), "name is 1 to 64"),
            ("url", json!("https://desk.example.org/?a=b"), "url is no absolute"),
            ("url", json!(null), "need url"),
            ("document", json!(""), "document is empty"),
            ("timeout_ms", json!(0), "timeout_ms"),
            ("tenants", json!([""]), "empty name"),
            ("headers", json!({ "Authorization": "x" }), "put it into secret_headers"),
            ("secret_headers", json!({ "a b": { "env": "X" } }), "no name of a header"),
            ("credentials", json!({ "token": {} }), "either env"),
            ("idempotency_header", json!("authorization"), "no name of a header for keys"),
            ("side_effects", json!({ "x": "none" }), "side_effects"),
        ];
        for (field, value, said) in table {
            let mut broken = desk();
            broken[0][field] = value.clone();
            let reason = parse(&broken).unwrap_err();
            assert!(reason.contains(said), "{field} = {value}: {reason}");
        }
        assert!(parse(&json!([desk()[0], desk()[0]])).unwrap_err().contains("stands twice"));
    }
}
