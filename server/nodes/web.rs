//! `runyard.http.request` and `runyard.web.fetch`, which call over HTTP and share their rules. How is in `perform/http/`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use runyard_engine::{NodeKind, Object, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provider::{Builtin, Perform};
use super::values::words;
use crate::catalog::entry::{Argument, Entry, Head, Hints, Reads};
use crate::catalog::violation::Violation;
use crate::config::integrations::{CREDENTIAL_HEADERS, OWN_HEADERS};
use crate::config::settings::is_endpoint;

/// The node type that calls any URL in any way.
pub const REQUEST: &str = "runyard.http.request";
/// The node type that reads a URL.
pub const FETCH: &str = "runyard.web.fetch";

/// The one.
pub(super) const REQUEST_BUILTIN: Builtin =
    Builtin { id: REQUEST, entry: request, perform: Perform::Elsewhere, needs_data: false };
/// The other.
pub(super) const FETCH_BUILTIN: Builtin =
    Builtin { id: FETCH, entry: fetch, perform: Perform::Elsewhere, needs_data: false };

/// What to send. At most one of `json`, `body` and `body_base64`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRequestInputs {
    /// An absolute http or https URL, without a user.
    #[schemars(length(max = 8192))]
    pub url: String,
    /// `GET` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<HttpMethod>,
    /// Headers, without credentials, because inputs are recorded. Use an integration to send a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// Added to the URL's query: text, numbers, booleans, or lists of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Object>,
    /// The body, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// The body, as text. Its type is `text/plain` unless a header says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The body as bytes, in base64 (RFC 4648, with padding).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
    /// How long the call may take, redirects included, milliseconds. 10000 if absent; never longer than the server allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 600_000))]
    pub timeout_ms: Option<u64>,
    /// The largest answer, bytes. What the server allows when absent, and never more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 67_108_864))]
    pub max_bytes: Option<u64>,
    /// How many redirects are followed; none when absent, and then a redirect is an answer like any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub max_redirects: Option<u32>,
    /// Statuses that are a success besides 200 to 399.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub accept_statuses: Option<Vec<u16>>,
    /// With `false` every status is a success. `true` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_on_status: Option<bool>,
}

/// The method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// Reads.
    #[default]
    Get,
    /// Reads without a body.
    Head,
    /// OPTIONS.
    Options,
    /// Creates, or anything else.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRequestOutputs {
    /// The status.
    pub status_code: u16,
    /// Headers by their names in lower case, several of one name with commas between; without `set-cookie`, which is a credential.
    pub headers: BTreeMap<String, String>,
    /// The `content-type`, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The body, if it is JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// The body, if it is text and not JSON; empty if there is no body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The body in base64, if it is neither JSON nor text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_base64: Option<String>,
    /// The URL of the answer, after redirects.
    pub final_url: String,
    /// How many bytes the body has, decoded.
    pub bytes: u64,
}

/// What to read. Field names are those of the ARP reference node type; null counts as absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebFetchInputs {
    /// An absolute http or https URL, without a user.
    #[schemars(length(max = 8192))]
    pub url: String,
    /// `GET`, which is also the default, or `HEAD`: this node type only reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Headers, without credentials: inputs are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Vec<Pair>>,
    /// Added to the URL's query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Vec<Pair>>,
    /// Only null: use `runyard.http.request` to send a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// Only null: use `runyard.http.request` to send a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How long it may take, seconds. 10 when absent; never longer than the server allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 600.0))]
    pub timeout_seconds: Option<f64>,
    /// The largest answer, bytes. What the server allows when absent, and never more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 67_108_864))]
    pub max_bytes: Option<u64>,
    /// Whether up to 10 redirects are followed. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_redirects: Option<bool>,
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The name.
    pub key: String,
    /// The value.
    pub value: String,
}

/// The answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebFetchOutputs {
    /// The status.
    pub status_code: u16,
    /// Headers, without `set-cookie`.
    pub headers: Vec<Pair>,
    /// The `content-type`, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The body in base64.
    pub content_base64: String,
    /// The body as text, if it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The URL of the answer, after redirects.
    pub final_url: String,
    /// How many bytes the body has, decoded.
    pub content_bytes: u64,
}

fn request() -> Entry {
    let mut entry = Entry::of::<HttpRequestInputs, HttpRequestOutputs>(Head {
        id: REQUEST,
        aliases: &[],
        kind: NodeKind::Call,
        description: "Sends an HTTP request to a URL and gives back status, headers and body.",
        hints: Hints {
            keywords: words("http request url"),
            verbs: words("request"),
            arguments: vec![Argument { field: "url".to_owned(), reads: Reads::Link }],
            ..Hints::default()
        },
        rule: Some(sendable),
    });
    // It may do whatever can be done over HTTP.
    entry.side_effect = SideEffect::Irreversible;
    entry.external = true;
    entry
}

fn fetch() -> Entry {
    let mut entry = Entry::of::<WebFetchInputs, WebFetchOutputs>(Head {
        id: FETCH,
        aliases: &["jarvis.web.fetch"],
        kind: NodeKind::Call,
        description: "Reads a web page, a file or data from a URL, and changes nothing there.",
        hints: Hints {
            keywords: words("url page website webpage link"),
            verbs: words("fetch download visit"),
            produces: words("page website webpage"),
            arguments: vec![Argument { field: "url".to_owned(), reads: Reads::Link }],
            ..Hints::default()
        },
        rule: Some(readable),
    });
    entry.external = true;
    entry
}

/// The rules of `HttpRequestInputs` that its schema does not say.
fn sendable(inputs: &Object) -> Vec<Violation> {
    let given = |field: &&str| inputs.get(*field).is_some_and(|value| !value.is_null());
    let mut found = Vec::new();
    found.extend(link(inputs));
    let bodies: Vec<&str> = ["json", "body", "body_base64"].into_iter().filter(|field| given(field)).collect();
    if let [first, second, ..] = bodies[..] {
        found.push(Violation::at(first, format!("and /{second} must not both be given")));
    }
    if inputs.get("body_base64").and_then(Value::as_str).is_some_and(|content| STANDARD.decode(content).is_err()) {
        found.push(Violation::at("body_base64", "must be base64 (RFC 4648, with padding)"));
    }
    let scalar = |value: &Value| !matches!(value, Value::Object(_) | Value::Array(_));
    for (name, value) in inputs.get("query").and_then(Value::as_object).into_iter().flatten() {
        if !(scalar(value) || value.as_array().is_some_and(|items| items.iter().all(scalar))) {
            found.push(Violation::below("query", name, "must be text, a number, a boolean, or a list of them"));
        }
    }
    let headers = inputs.get("headers").and_then(Value::as_object).into_iter().flatten();
    found.extend(headers.filter_map(|(name, value)| header(name, value.as_str().unwrap_or_default())));
    found
}

/// The rules of `WebFetchInputs` that its schema does not say.
fn readable(inputs: &Object) -> Vec<Violation> {
    let mut found = Vec::new();
    found.extend(link(inputs));
    let method = inputs.get("method").and_then(Value::as_str);
    if method.is_some_and(|method| !["GET", "HEAD"].iter().any(|one| one.eq_ignore_ascii_case(method))) {
        found.push(Violation::at("method", "must be GET or HEAD here; use runyard.http.request"));
    }
    for field in ["json", "body"] {
        if inputs.get(field).is_some_and(|value| !value.is_null()) {
            found.push(Violation::at(field, "must be absent or null here; use runyard.http.request"));
        }
    }
    let headers: Vec<Pair> = inputs.get("headers").and_then(|value| Vec::deserialize(value).ok()).unwrap_or_default();
    found.extend(headers.iter().filter_map(|pair| header(&pair.key, &pair.value)));
    found
}

fn link(inputs: &Object) -> Option<Violation> {
    let url = inputs.get("url").and_then(Value::as_str).unwrap_or_default();
    // A fragment is never sent.
    let sent = url.split('#').next().unwrap_or_default();
    (!is_endpoint(sent)).then(|| Violation::at("url", "must be an absolute http or https URL without a user"))
}

fn header(name: &str, value: &str) -> Option<Violation> {
    let lower = name.to_ascii_lowercase();
    let reason = if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value).is_err() {
        "cannot be sent as a header"
    } else if lower != "idempotency-key" && OWN_HEADERS.contains(&lower.as_str()) {
        "is written by the server itself"
    } else if CREDENTIAL_HEADERS.contains(&lower.as_str()) {
        "is a credential, and inputs are recorded: configure an integration, which keeps it to itself"
    } else {
        return None;
    };
    Some(Violation::below("headers", name, reason))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(entry: &Entry, inputs: Value) -> Vec<String> {
        let found = entry.validate_inputs(inputs.as_object().unwrap()).err().unwrap_or_default();
        found.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn what_can_be_sent_is_let_through() {
        let whole = json!({
            "url": "https://example.org/a?b=c#d", "method": "PATCH", "headers": { "Accept": "text/html", "idempotency-key": "mine" },
            "query": { "a": 1, "b": ["x", true], "c": null }, "json": { "any": [1] }, "timeout_ms": 5, "max_bytes": 10,
            "max_redirects": 3, "accept_statuses": [404], "fail_on_status": false
        });
        assert_eq!(wrong(&request(), whole), Vec::<String>::new());
        let nulls = json!({
            "url": "http://example.org", "method": null, "headers": [{ "key": "accept", "value": "*/*" }], "params": null,
            "json": null, "body": null, "timeout_seconds": null, "max_bytes": null, "follow_redirects": true
        });
        assert_eq!(wrong(&fetch(), nulls), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_is_named() {
        let of = |more: Value| {
            let mut inputs = json!({ "url": "https://example.org" });
            inputs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            inputs
        };
        for (inputs, field) in [
            (json!({ "url": "/relative" }), "/url"),
            (json!({ "url": "file:///etc/passwd" }), "/url"),
            (json!({ "url": "https://me:pw@example.org" }), "/url"),
            (json!({ "url": "https://me@example.org" }), "/url"),
            (of(json!({ "json": 1, "body": "x" })), "/json"),
            (of(json!({ "body": "x", "body_base64": "eA==" })), "/body"),
            (of(json!({ "body_base64": "%" })), "/body_base64"),
            (of(json!({ "query": { "a": { "b": 1 } } })), "/query/a"),
            (of(json!({ "headers": { "Authorization": "Bearer x" } })), "/headers/Authorization"),
            (of(json!({ "headers": { "Host": "x" } })), "/headers/Host"),
            (of(json!({ "headers": { "a": "x\r\nb: c" } })), "/headers/a"),
            (of(json!({ "method": "get" })), "/method"),
            (of(json!({ "max_redirects": 11 })), "/max_redirects"),
            (of(json!({ "timeout_ms": 0 })), "/timeout_ms"),
        ] {
            assert_eq!(wrong(&request(), inputs.clone()), [field], "{inputs}");
        }
        for (inputs, field) in [
            (of(json!({ "method": "POST" })), "/method"),
            (of(json!({ "json": "{}" })), "/json"),
            (of(json!({ "headers": [{ "key": "cookie", "value": "x" }] })), "/headers/cookie"),
        ] {
            assert_eq!(wrong(&fetch(), inputs.clone()), [field], "{inputs}");
        }
    }
}
