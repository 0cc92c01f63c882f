//! Checks integrations at start. The first fault is reported, with its path.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::{Integration, NodeType, SecretSource};
use crate::config::urls::{is_base_url, is_endpoint};
use crate::integrations::PathTemplate;

/// The most integrations, and the most node types of one.
const LISTED_MAX: usize = 500;
/// The longest name or description, characters.
const TEXT_CHARS_MAX: usize = 1000;
/// The longest name of a tenant, bytes.
const TENANT_BYTES_MAX: usize = 256;
/// The longest timeout of one call, milliseconds.
const TIMEOUT_MS_MAX: u64 = 600_000;
/// Headers that belong to the connection, or that the server writes.
pub(crate) const OWN_HEADERS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-connection",
];
/// Headers that are credentials.
pub(crate) const CREDENTIAL_HEADERS: [&str; 6] =
    ["authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token"];

/// Checks integrations.
///
/// # Errors
/// The path of the first fault, and what is wrong.
pub fn check(integrations: &[Integration]) -> Result<(), String> {
    most(integrations.len(), "integrations")?;
    let (mut ids, mut customer_ids) = (BTreeSet::new(), BTreeSet::new());
    for one in integrations {
        let at = format!("integration `{}`", one.id);
        let wrong = |reason: String| format!("{at}: {reason}");
        integration(one).map_err(wrong)?;
        if !ids.insert(&one.id) {
            return Err(format!("{at}: the id stands twice"));
        }
        if !customer_ids.insert(one.customer_id()) {
            return Err(format!("{at}: the customer_id `{}` stands twice", one.customer_id()));
        }
        let mut slugs = BTreeSet::new();
        for node_type in &one.node_types {
            let at = format!("{at}, node type `{}`", node_type.slug);
            self::node_type(node_type).map_err(|reason| format!("{at}: {reason}"))?;
            if !slugs.insert(&node_type.slug) {
                return Err(format!("{at}: the slug stands twice"));
            }
        }
    }
    Ok(())
}

fn integration(one: &Integration) -> Result<(), String> {
    name_for_programs("id", &one.id)?;
    if one.customer_id().is_empty()
        || one.customer_id().len() > 128
        || !one.customer_id().bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err("customer_id is 1 to 128 visible ASCII characters".to_owned());
    }
    text("name", &one.name)?;
    if let Some(tenants) = &one.tenants {
        most(tenants.len(), "tenants")?;
        if tenants.iter().any(|tenant| tenant.is_empty() || tenant.len() > TENANT_BYTES_MAX) {
            return Err(format!("tenants has a name that is empty, or longer than {TENANT_BYTES_MAX} bytes"));
        }
    }
    one.description.as_deref().map_or(Ok(()), |description| text("description", description))?;
    if !is_base_url(&one.url) {
        return Err("url is no absolute http or https URL without a user, a query or a fragment".to_owned());
    }
    if one.logo_url.as_deref().is_some_and(|url| !is_endpoint(url)) {
        return Err("logo_url is no absolute http or https URL".to_owned());
    }
    if one.timeout_ms.is_some_and(|timeout_ms| !(1..=TIMEOUT_MS_MAX).contains(&timeout_ms)) {
        return Err(format!("timeout_ms is 1 to {TIMEOUT_MS_MAX}"));
    }
    headers(&one.headers)?;
    for (name, source) in &one.secret_headers {
        header_name("secret_headers", name)?;
        secret(name, source)?;
    }
    most(one.node_types.len(), "node types")
}

fn headers(headers: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in headers {
        header_name("headers", name)?;
        if CREDENTIAL_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(format!("headers: `{name}` holds a credential: put it into secret_headers"));
        }
        HeaderValue::from_str(value).map_err(|_| format!("headers: the value of `{name}` cannot be sent"))?;
    }
    Ok(())
}

fn header_name(field: &str, name: &str) -> Result<(), String> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{field}: `{name}` is no name of a header"))?;
    if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(format!("{field}: `{name}` is written by the server itself"));
    }
    Ok(())
}

fn secret(name: &str, source: &SecretSource) -> Result<(), String> {
    match (&source.env, &source.file) {
        (Some(env), None) if !env.is_empty() && !env.contains(['=', '\0']) => Ok(()),
        (None, Some(file)) if !file.as_os_str().is_empty() => Ok(()),
        _ => Err(format!("secret_headers: `{name}` takes either env, the name of a variable, or file, a path")),
    }
}

fn node_type(one: &NodeType) -> Result<(), String> {
    name_for_programs("slug", &one.slug)?;
    text("description", &one.description)?;
    one.name.as_deref().map_or(Ok(()), |name| text("name", name))?;
    let known = schema("input_schema", &one.input_schema)?;
    schema("output_schema", &one.output_schema)?;
    let path = PathTemplate::parse(&one.path)?;
    let required = required(&one.input_schema);
    let in_path: BTreeSet<&str> = path.names().collect();
    for name in &in_path {
        if !required.contains(name) {
            return Err(format!("path: `{name}` must be a required property of input_schema"));
        }
    }
    for name in one.query.iter().chain(&one.body) {
        if !known.contains_key(name) {
            return Err(format!("`{name}` is no property of input_schema"));
        }
        if in_path.contains(name.as_str()) || one.body.as_ref() == Some(name) && one.query.contains(name) {
            return Err(format!("`{name}` would be sent twice"));
        }
    }
    if one.body.is_some() && !one.method.has_body() {
        return Err(format!("body: a {} has none", one.method.as_str()));
    }
    let word = |word: &String| !word.is_empty() && word.chars().all(char::is_alphanumeric);
    if !one.verbs.iter().chain(&one.keywords).all(word) {
        return Err("verbs and keywords are single words".to_owned());
    }
    Ok(())
}

fn name_for_programs(field: &str, name: &str) -> Result<(), String> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(letter)
        && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
    if fits { Ok(()) } else { Err(format!("{field} is 1 to 64 of a-z, 0-9, _ and -, and begins with a letter")) }
}

fn text(field: &str, text: &str) -> Result<(), String> {
    let fits = !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX;
    if fits { Ok(()) } else { Err(format!("{field} is 1 to {TEXT_CHARS_MAX} characters")) }
}

fn most(count: usize, what: &str) -> Result<(), String> {
    if count <= LISTED_MAX { Ok(()) } else { Err(format!("{count} {what}, and there may be {LISTED_MAX}")) }
}

/// The properties of a schema of an object, if it can be used.
fn schema(field: &str, schema: &Value) -> Result<Map<String, Value>, String> {
    if schema["type"] != "object" {
        return Err(format!("{field}: its type must be \"object\""));
    }
    crate::schemas::Schema::read(schema, &crate::schemas::Work::default())
        .map_err(|error| format!("{field} {error}"))?;
    Ok(schema["properties"].as_object().cloned().unwrap_or_default())
}

/// The properties that a schema requires.
fn required(schema: &Value) -> BTreeSet<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::config::integrations::{masked, parse};

    fn helpdesk() -> Value {
        json!([{
            "id": "helpdesk", "name": "Helpdesk", "url": "https://helpdesk.example.org/api",
            "headers": { "x-team": "blue" },
            "secret_headers": { "authorization": { "env": "HELPDESK_TOKEN", "prefix": "Bearer " } },
            "node_types": [{
                "slug": "get_ticket", "description": "One ticket.", "path": "/tickets/{number}",
                "input_schema": { "type": "object", "properties": { "number": { "type": "integer" } }, "required": ["number"] }
            }]
        }])
    }

    #[test]
    fn absent_fields_have_defaults() {
        let read = parse(&helpdesk()).unwrap();
        assert_eq!((read[0].customer_id(), read[0].active), ("helpdesk", true));
        assert_eq!(json!(read[0].auth_type()), "api_token");
        assert_eq!(read[0].node_types[0].method.as_str(), "GET");
        assert_eq!(read[0].node_types[0].output_schema, json!({ "type": "object" }));
        let mut text = helpdesk();
        text[0]["node_types"][0]["input_schema"] = json!(text[0]["node_types"][0]["input_schema"].to_string());
        assert_eq!(parse(&text).unwrap(), read, "a schema may be written as text");
    }

    #[test]
    fn shown_integrations_have_no_header_values() {
        let shown = masked(&parse(&helpdesk()).unwrap());
        assert_eq!(shown[0]["headers"]["x-team"], "***");
        assert_eq!(shown[0]["secret_headers"]["authorization"]["env"], "HELPDESK_TOKEN");
    }

    #[test]
    fn every_fault_is_reported_with_its_path() {
        let table: [(&str, Value, &str); 20] = [
            ("/0/id", json!("Help Desk"), "id is 1 to 64"),
            ("/0/name", json!(""), "name is 1 to"),
            ("/0/url", json!("https://me:pw@host"), "url is no absolute"),
            ("/0/url", json!("ftp://host"), "url is no absolute"),
            ("/0/logo_url", json!("logo.png"), "logo_url"),
            ("/0/timeout_ms", json!(0), "timeout_ms"),
            ("/0/headers", json!({ "Authorization": "Bearer x" }), "put it into secret_headers"),
            ("/0/headers", json!({ "host": "x" }), "written by the server"),
            ("/0/headers", json!({ "a b": "x" }), "no name of a header"),
            ("/0/headers", json!({ "a": "x\ny" }), "cannot be sent"),
            ("/0/secret_headers", json!({ "x-key": {} }), "either env"),
            ("/0/secret_headers", json!({ "x-key": { "env": "A", "file": "b" } }), "either env"),
            ("/0/node_types/0/slug", json!("get ticket"), "slug is 1 to 64"),
            ("/0/node_types/0/path", json!("tickets"), "begin with a slash"),
            ("/0/node_types/0/path", json!("/tickets/{name}"), "`name` must be a required property"),
            ("/0/node_types/0/query", json!(["absent"]), "no property"),
            ("/0/node_types/0/query", json!(["number"]), "sent twice"),
            ("/0/node_types/0/body", json!("number"), "sent twice"),
            ("/0/node_types/0/output_schema", json!({ "type": "array" }), "must be \"object\""),
            ("/0/node_types/0/method", json!("FETCH"), "[0].node_types[0].method"),
        ];
        for (place, value, said) in table {
            let mut broken = helpdesk();
            let (parent, name) = place.rsplit_once('/').unwrap();
            broken.pointer_mut(parent).unwrap()[name] = value.clone();
            let reason = parse(&broken).unwrap_err();
            assert!(reason.contains(said), "{place} = {value}: {reason}");
        }
        let twice = json!([helpdesk()[0], helpdesk()[0]]);
        assert!(parse(&twice).unwrap_err().contains("stands twice"));
        let mut outside = helpdesk();
        outside[0]["node_types"][0]["output_schema"]["$ref"] = json!("https://example.org/schema.json");
        assert!(parse(&outside).unwrap_err().contains("output_schema"));
    }
}
