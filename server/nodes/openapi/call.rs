//! One call of an operation: from inputs to a request, and from the answer to outputs.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, Object};
use serde_json::json;

use super::operation::Operation;
use super::parameters::Location;
use super::security::{Scheme, basic};
use super::target::Target;
use crate::nodes::catalog::Violation;
use crate::nodes::credentials::Additions;
use crate::nodes::failures::invalid;
use crate::nodes::perform::http::{OperationRequest, Outside, send_operation};
use crate::nodes::provider::NodeContext;

/// Calls an operation. Returns the outputs.
pub(super) async fn call(
    outside: &Outside,
    target: &Target,
    operation: &Operation,
    cx: &NodeContext<'_>,
) -> Result<Object, Failure> {
    let additions = cx.credentials.for_run(cx.tenant, cx.run, &target.configured.name).await?;
    let request = request(target, operation, &additions, cx)?;
    let answer = send_operation(outside, request, cx).await?;
    let mut outputs =
        Object::from_iter([("status".to_owned(), json!(answer.status)), ("headers".to_owned(), answer.headers)]);
    if let Some((name, body)) = answer.body {
        outputs.insert(name.to_owned(), body);
    }
    Ok(outputs)
}

fn request(
    target: &Target,
    operation: &Operation,
    additions: &Additions,
    cx: &NodeContext<'_>,
) -> Result<OperationRequest, Failure> {
    let wrong = |field: &str, reason: &str| {
        invalid(FailureCode::InvalidInputs, "inputs", cx.node_type, &[Violation::at(field, reason)])
    };
    let mut path = operation.path.clone();
    let (mut query, mut cookies, mut headers) = (Vec::new(), Vec::new(), HeaderMap::new());
    for parameter in &operation.parameters {
        let Some(value) = cx.inputs.get(&parameter.input) else { continue };
        match parameter.location {
            Location::Path => {
                let text = parameter.segment(value);
                if text.is_empty() {
                    return Err(wrong(&parameter.input, "must not be empty, because it stands in the path"));
                }
                path = path.replace(&format!("{{{}}}", parameter.name), &text);
            }
            Location::Query => query.extend(parameter.pairs(value)),
            Location::Cookie => cookies.extend(parameter.pairs(value)),
            Location::Header => {
                let name = parameter.name.parse::<HeaderName>().ok();
                let pair = name.zip(HeaderValue::from_str(&parameter.header(value)).ok());
                let (name, value) = pair.ok_or_else(|| wrong(&parameter.input, "cannot be sent in a header"))?;
                headers.insert(name, value);
            }
        }
    }
    // URL parsers treat these as relative segments.
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(wrong("", "must not make a path segment of dots alone"));
    }
    let mut body = None;
    if let Some(written) = &operation.body
        && let Some(value) = cx.inputs.get(&written.input)
    {
        // The same for every attempt, and not to be guessed by those who give a part.
        let boundary =
            format!("runyard-{}", cx.key.to_string().replace(|letter: char| !letter.is_ascii_alphanumeric(), ""));
        let (kind, bytes) = written.write(value, &boundary).map_err(|reason| wrong(&written.input, reason))?;
        let kind = HeaderValue::from_str(&kind).map_err(|_| wrong(&written.input, "has a type that cannot be sent"))?;
        headers.insert(http::header::CONTENT_TYPE, kind);
        body = Some(bytes);
    }
    for (name, value) in &target.headers {
        headers.insert(name, value.clone());
    }
    let mut request = Credentialed { headers, query, cookies };
    authenticate(target, operation, additions, &mut request)?;
    let Credentialed { mut headers, query, cookies } = request;
    let joined = |pairs: Vec<(String, String)>, between: &str| {
        pairs.iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>().join(between)
    };
    if !cookies.is_empty() {
        headers.insert(http::header::COOKIE, sensitive(&joined(cookies, "; ")).ok_or_else(|| unsent(target))?);
    }
    if let (Some(name), "POST" | "PATCH") = (&target.idempotency, operation.method.as_str())
        && let Ok(key) = HeaderValue::from_str(&cx.key.to_string())
    {
        headers.insert(name, key);
    }
    let mark = if query.is_empty() { "" } else { "?" };
    Ok(OperationRequest {
        service: target.configured.name.clone(),
        method: Method::from_bytes(operation.method.as_bytes()).unwrap_or(Method::GET),
        url: format!("{}{path}{mark}{}", target.url, joined(query, "&")),
        headers,
        body,
        private: target.configured.allow_private_addresses,
        timeout_ms: target.timeout_ms,
        secrets: target.secrets(additions),
    })
}

/// The parts of a request that may have credentials.
struct Credentialed {
    headers: HeaderMap,
    query: Vec<(String, String)>,
    cookies: Vec<(String, String)>,
}

/// Adds the credentials: those of the first alternative that the configuration has in full, and those of the run.
fn authenticate(
    target: &Target,
    operation: &Operation,
    additions: &Additions,
    request: &mut Credentialed,
) -> Result<(), Failure> {
    let usable = |all: &&Vec<(String, Scheme)>| {
        all.iter().all(|(name, scheme)| *scheme != Scheme::Other && target.credentials.contains_key(name))
    };
    let own = !target.secret_headers.is_empty() || !additions.headers.is_empty() || !additions.query.is_empty();
    let chosen = operation.security.iter().find(usable);
    if chosen.is_none() && !operation.security.is_empty() && !own {
        let named = operation.security.iter().flatten().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let service = &target.configured.name;
        let message =
            format!("the OpenAPI service {service} needs a credential for {named}; set it in its credentials");
        return Err(Failure { retryable: Some(false), ..Failure::new(FailureCode::CredentialUnusable, message) });
    }
    let header = |request: &mut Credentialed, name: &str, text: &str| -> Result<(), Failure> {
        let pair = name.parse::<HeaderName>().ok().zip(sensitive(text));
        let (name, value) = pair.ok_or_else(|| unsent(target))?;
        request.headers.insert(name, value);
        Ok(())
    };
    let pair = |name: &str, text: &str| {
        let encode =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        (encode(name), encode(text))
    };
    for (name, scheme) in chosen.into_iter().flatten() {
        let Some(secret) = target.credentials.get(name) else { continue };
        let secret = secret.expose();
        match scheme {
            Scheme::Header(name) => header(request, name, secret)?,
            Scheme::Query(name) => request.query.push(pair(name, secret)),
            Scheme::Cookie(name) => request.cookies.push((name.clone(), pair(name, secret).1)),
            Scheme::Basic => header(request, "authorization", &basic(secret))?,
            Scheme::Bearer => header(request, "authorization", &format!("Bearer {secret}"))?,
            Scheme::Other => {}
        }
    }
    for (name, secret) in target.secret_headers.iter().chain(&additions.headers) {
        header(request, name, secret.expose())?;
    }
    request.query.extend(additions.query.iter().map(|(name, secret)| pair(name, secret.expose())));
    Ok(())
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn unsent(target: &Target) -> Failure {
    let message =
        format!("a credential for the OpenAPI service {} cannot be sent; it was not called", target.configured.name);
    Failure { retryable: Some(false), ..Failure::new(FailureCode::CredentialUnusable, message) }
}
