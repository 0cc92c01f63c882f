//! `runyard.http.request` and `runyard.web.fetch`: from inputs to a request, from a response to outputs. Their types
//! are in `nodes/web.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest::Url;
use runyard_api::host::{inexact_number, nests_deeper};
use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, Object, plan};
use serde_json::Value;

use super::exchange::{Answer, Ask, exchange};
use super::failure;
use super::outside::Outside;
use super::rules::Named;
use crate::catalog::Violation;
use crate::nodes::provider::NodeContext;
use crate::nodes::values;
use crate::nodes::web::{HttpMethod, HttpRequestInputs, HttpRequestOutputs, Pair, WebFetchInputs, WebFetchOutputs};

/// The maximum depth of JSON that is parsed: the parser stops at 128.
const READ_LEVELS_MAX: usize = 127;
/// The default time limit of a call, milliseconds.
const TIMEOUT_MS: u64 = 10_000;
/// The default number of redirects, if the inputs enable them without a number.
const REDIRECTS: u32 = 10;
/// The header that identifies a repeated call.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// `runyard.http.request`.
pub(super) async fn request(outside: &Outside, call: &NodeContext<'_>) -> Result<Object, Failure> {
    let mut inputs: HttpRequestInputs = values::read(call)?;
    let accepts = Accepts {
        all: inputs.fail_on_status == Some(false),
        besides: inputs.accept_statuses.take().unwrap_or_default(),
    };
    let ask = question(outside, call, inputs)?;
    let host = ask.host();
    let answer = exchange(outside, ask, call.clock).await?;
    if !accepts.takes(answer.status) {
        return Err(refused(&host, &answer, call.now_ms));
    }
    refuse_deep(&host, &answer)?;
    values::write(&outputs(answer))
}

/// `runyard.web.fetch`: the same, but it only reads, and accepts every status.
pub(super) async fn fetch(outside: &Outside, call: &NodeContext<'_>) -> Result<Object, Failure> {
    let inputs: WebFetchInputs = values::read(call)?;
    let pairs = |pairs: Option<Vec<Pair>>| pairs.into_iter().flatten().map(|pair| (pair.key, pair.value));
    let head = inputs.method.as_deref().is_some_and(|method| method.eq_ignore_ascii_case("HEAD"));
    let mut url = parsed(call, &inputs.url)?;
    extend(&mut url, pairs(inputs.params));
    let ask = Ask {
        method: if head { Method::HEAD } else { Method::GET },
        url,
        headers: headers(call, pairs(inputs.headers))?,
        body: None,
        named: Named::ByInputs,
        timeout_ms: inputs.timeout_seconds.map_or(TIMEOUT_MS, |seconds| (seconds * 1000.0).ceil() as u64),
        bytes_max: bytes_max(outside, inputs.max_bytes),
        redirects_max: if inputs.follow_redirects == Some(true) { REDIRECTS } else { 0 },
    };
    let answer = exchange(outside, ask, call.clock).await?;
    let (content_type, shown) = (content_type(&answer.headers), shown(&answer.headers));
    values::write(&WebFetchOutputs {
        status_code: answer.status.as_u16(),
        headers: shown.into_iter().map(|(key, value)| Pair { key, value }).collect(),
        text: text(content_type.as_deref(), &answer.body),
        content_type,
        content_base64: STANDARD.encode(&answer.body),
        final_url: answer.url.into(),
        content_bytes: answer.body.len() as u64,
    })
}

/// The statuses that are a success.
struct Accepts {
    all: bool,
    besides: Vec<u16>,
}

impl Accepts {
    fn takes(&self, status: StatusCode) -> bool {
        self.all || status.is_success() || status.is_redirection() || self.besides.contains(&status.as_u16())
    }
}

/// The failure of a status, with the start of the body.
pub(in crate::nodes) fn refused(host: &str, answer: &Answer, now_ms: i64) -> Failure {
    let said = text(content_type(&answer.headers).as_deref(), &answer.body).unwrap_or_default();
    failure::status(host, answer.status, answer.retry_after_ms(now_ms), &said)
}

fn question(outside: &Outside, call: &NodeContext<'_>, inputs: HttpRequestInputs) -> Result<Ask, Failure> {
    let mut url = parsed(call, &inputs.url)?;
    extend(&mut url, inputs.query.into_iter().flatten().flat_map(|(name, value)| values(name, value)));
    let mut headers = headers(call, inputs.headers.into_iter().flatten())?;
    let (body, kind) = match (inputs.json, inputs.body, inputs.body_base64) {
        (Some(json), ..) => (Some(json.to_string().into_bytes()), "application/json"),
        (_, Some(text), _) => (Some(text.into_bytes()), "text/plain; charset=utf-8"),
        (.., Some(base64)) => {
            let bytes = STANDARD.decode(base64).map_err(|_| invalid(call, "body_base64", "must be base64"))?;
            (Some(bytes), "application/octet-stream")
        }
        (None, None, None) => (None, ""),
    };
    if body.is_some() {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
    }
    let method = method(inputs.method.unwrap_or_default());
    if !method.is_safe() {
        headers.entry(IDEMPOTENCY_KEY).or_insert(key(call));
    }
    Ok(Ask {
        method,
        url,
        headers,
        body,
        named: Named::ByInputs,
        timeout_ms: inputs.timeout_ms.unwrap_or(TIMEOUT_MS),
        bytes_max: bytes_max(outside, inputs.max_bytes),
        redirects_max: inputs.max_redirects.unwrap_or(0),
    })
}

/// The effect's id, which is the same for every execution.
pub(in crate::nodes) fn key(call: &NodeContext<'_>) -> HeaderValue {
    HeaderValue::from_str(&call.key.to_string()).expect("an id is visible ASCII")
}

fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
    }
}

fn bytes_max(outside: &Outside, asked: Option<u64>) -> usize {
    asked.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(outside.bytes_max)
}

fn parsed(call: &NodeContext<'_>, url: &str) -> Result<Url, Failure> {
    let mut url = Url::parse(url).map_err(|error| invalid(call, "url", &format!("is no URL: {error}")))?;
    url.set_fragment(None);
    Ok(url)
}

fn invalid(call: &NodeContext<'_>, field: &str, reason: &str) -> Failure {
    crate::nodes::failures::invalid(
        FailureCode::InvalidInputs,
        "inputs",
        call.node_type,
        &[Violation::at(field, reason)],
    )
}

fn headers(call: &NodeContext<'_>, pairs: impl Iterator<Item = (String, String)>) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let pair = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(&value).ok());
        let (name, value) = pair.ok_or_else(|| invalid(call, "headers", "has one that cannot be sent"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Adds to the query. A URL without additions is not changed.
pub(super) fn extend(url: &mut Url, pairs: impl Iterator<Item = (String, String)>) {
    let mut pairs = pairs.peekable();
    if pairs.peek().is_some() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
}

/// A value of the query: a list repeats the name, null adds nothing.
pub(super) fn values(name: String, value: Value) -> Vec<(String, String)> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => {
            let items = items.into_iter().filter(|item| !item.is_null());
            items.map(|item| (name.clone(), plan::as_text(&item))).collect()
        }
        value => vec![(name, plan::as_text(&value))],
    }
}

fn outputs(answer: Answer) -> HttpRequestOutputs {
    let content_type = content_type(&answer.headers);
    let json = json(content_type.as_deref(), &answer.body);
    let text = if json.is_none() { text(content_type.as_deref(), &answer.body) } else { None };
    let base64 = (json.is_none() && text.is_none()).then(|| STANDARD.encode(&answer.body));
    HttpRequestOutputs {
        status_code: answer.status.as_u16(),
        headers: shown(&answer.headers).into_iter().collect(),
        content_type,
        json,
        text,
        content_base64: base64,
        final_url: answer.url.into(),
        bytes: answer.body.len() as u64,
    }
}

pub(super) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Headers for the output, by name.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let names = headers.keys().filter(|name| **name != SET_COOKIE);
    let joined = |name: &HeaderName| headers.get_all(name).iter().map(text).collect::<Vec<_>>().join(", ");
    let mut shown: Vec<(String, String)> = names.map(|name| (name.as_str().to_owned(), joined(name))).collect();
    shown.sort();
    shown
}

/// The type without its parameters, in lower case.
fn essence(content_type: Option<&str>) -> String {
    content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// UTF-8 without the byte order mark: RFC 8259, section 8.1, lets a reader of JSON ignore it, and it is not part of a
/// text.
fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Refuses JSON that is too deep for the parser. JSON that is parsed and is deeper than values may be is refused with
/// the step's outputs.
pub(in crate::nodes) fn refuse_deep(host: &str, answer: &Answer) -> Result<(), Failure> {
    let deep = is_json(content_type(&answer.headers).as_deref()) && nests_deeper(&answer.body, READ_LEVELS_MAX);
    if deep { Err(failure::too_deep(host, READ_LEVELS_MAX)) } else { Ok(()) }
}

fn is_json(content_type: Option<&str>) -> bool {
    let kind = essence(content_type);
    kind == "application/json" || kind == "text/json" || kind.ends_with("+json")
}

/// The body, if its type and its text are JSON. JSON with a number that parsing would change is returned as text
/// instead.
pub(super) fn json(content_type: Option<&str>, body: &[u8]) -> Option<Value> {
    let body = without_bom(body);
    serde_json::from_slice(body).ok().filter(|_| is_json(content_type) && inexact_number(body).is_none())
}

/// The body, if it is text: UTF-8, of a text type, or without a type.
pub(super) fn text(content_type: Option<&str>, body: &[u8]) -> Option<String> {
    let kind = essence(content_type);
    let (main, sub) = kind.split_once('/').unwrap_or((&kind, ""));
    let is_text = main.is_empty()
        || main == "text"
        || matches!(sub, "json" | "xml" | "javascript" | "yaml" | "x-ndjson" | "x-www-form-urlencoded" | "graphql")
        || sub.ends_with("+json")
        || sub.ends_with("+xml");
    std::str::from_utf8(without_bom(body)).ok().filter(|text| is_text || text.is_empty()).map(str::to_owned)
}
