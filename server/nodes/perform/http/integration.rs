//! Node types of integrations: sends the requests that `nodes/integrations/` defines, with the secrets of the configuration
//! and of the run.
//!
//! | answer | outputs |
//! |--------|---------|
//! | a JSON object | its members |
//! | other JSON, or text | `result` |
//! | bytes | `content_base64` |
//! | nothing | none |
//!
//! Only 200 to 299 is a success, and no redirect is followed: secrets go only to the configured host.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::Url;
use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, Object};
use serde_json::{Value, json};

use super::exchange::{Answer, Ask, exchange};
use super::failure;
use super::mask::Masks;
use super::outside::Outside;
use super::request::{self, IDEMPOTENCY_KEY, content_type, extend, refused, values};
use super::rules::Named;
use crate::auth::Secret;
use crate::nodes::catalog::Violation;
use crate::nodes::credentials::Additions;
use crate::nodes::failures::invalid;
use crate::nodes::integrations::{Operation, Service};
use crate::nodes::provider::NodeContext;

/// Executes a node type of an integration.
pub(in crate::nodes) async fn perform(
    outside: &Outside,
    operation: &Operation,
    call: &NodeContext<'_>,
) -> Result<Object, Failure> {
    let service = &operation.service;
    let additions = call.credentials.for_run(call.tenant, call.run, &service.id).await?;
    let ask = question(outside, operation, &additions, call)?;
    let host = ask.host();
    let mut answer = exchange(outside, ask, call.clock).await?;
    let masks = masks(service, &additions);
    // Before parsing, for data that is recorded as it came. After parsing, for secrets in an encoding that only parsing
    // decodes.
    masks.bytes(&mut answer.body);
    if !answer.status.is_success() {
        return Err(refused(&host, &answer, call.now_ms));
    }
    request::refuse_deep(&host, &answer)?;
    let mut outputs = outputs(&answer);
    masks.object(&mut outputs);
    Ok(outputs)
}

fn question(
    outside: &Outside,
    operation: &Operation,
    additions: &Additions,
    call: &NodeContext<'_>,
) -> Result<Ask, Failure> {
    let unsendable = |(field, reason): (String, &str)| {
        invalid(FailureCode::InvalidInputs, "inputs", call.node_type, &[Violation::at(&field, reason)])
    };
    let service = &operation.service;
    let asked = operation.ask(call.inputs).map_err(unsendable)?;
    let mut url = Url::parse(&asked.url)
        .map_err(|_| failure::invalid(&service.id, "has an address that is not valid; check its configuration"))?;
    extend(&mut url, asked.query.into_iter().flat_map(|(name, value)| values(name, value)));
    extend(&mut url, additions.query.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())));
    let method = Method::from_bytes(operation.method.as_str().as_bytes()).expect("a method of ours is one of HTTP's");
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/plain;q=0.8, */*;q=0.5"));
    if asked.body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.extend(service.headers.iter().cloned());
    for (name, secret) in &service.secrets {
        headers.insert(name, sensitive(secret).ok_or_else(|| unsent(&service.id))?);
    }
    for (name, secret) in &additions.headers {
        let name = name.parse::<HeaderName>().ok();
        let (name, value) = name.zip(sensitive(secret)).ok_or_else(|| unsent(&service.id))?;
        headers.insert(name, value);
    }
    if !method.is_safe() {
        headers.insert(IDEMPOTENCY_KEY, request::key(call));
    }
    Ok(Ask {
        method,
        url,
        headers,
        body: asked.body.map(|body| body.to_string().into_bytes()),
        named: Named::ByConfiguration { private: service.private },
        timeout_ms: service.timeout_ms,
        bytes_max: outside.bytes_max,
        redirects_max: 0,
    })
}

fn sensitive(secret: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(secret.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn unsent(integration: &str) -> Failure {
    Failure {
        code: FailureCode::CredentialUnusable.into(),
        message: format!(
            "a credential for the integration {integration} cannot be sent in a header; it was not called"
        ),
        details: None,
        retryable: Some(false),
    }
}

/// All secrets of a call.
fn masks(service: &Service, additions: &Additions) -> Masks {
    let own = service.secrets.iter().map(|(_, secret)| secret.expose());
    let added = additions.headers.iter().chain(&additions.query).map(|(_, secret)| secret.expose());
    Masks::of(own.chain(added))
}

fn outputs(answer: &Answer) -> Object {
    let kind = content_type(&answer.headers);
    let one = |name: &str, value: Value| Object::from_iter([(name.to_owned(), value)]);
    if answer.body.is_empty() {
        return Object::new();
    }
    match request::json(kind.as_deref(), &answer.body) {
        Some(Value::Object(members)) => members,
        Some(other) => one("result", other),
        None => match request::text(kind.as_deref(), &answer.body) {
            Some(text) => one("result", json!(text)),
            None => one("content_base64", json!(STANDARD.encode(&answer.body))),
        },
    }
}
