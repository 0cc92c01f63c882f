//! Requests that a generated client cannot make. Their answers are checked like all others.

use http::{HeaderMap, Method, StatusCode};
use runyard_api::host::Document;
use serde_json::Value;

use super::contract::Contract;
use super::recorder::{Coverage, code};

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, String) {
        (self.status, code(&self.headers, &self.body))
    }
}

/// Sends a request and checks the answer against the operation of its path.
pub async fn send(
    contract: &'static Contract,
    seen: &Coverage,
    client: &reqwest::Client,
    request: reqwest::Request,
) -> Answer {
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let answer = client.execute(request).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.unwrap().to_vec();
    // The document and the pages beside it are not operations. Their refusals use the document's error body all the
    // same.
    let beside = path.starts_with("/openapi.") || path.starts_with("/docs") && !status.is_client_error();
    if !beside {
        judge(contract, seen, &method, &path, (status, &headers, &body));
    }
    Answer { status: status.as_u16(), headers, body }
}

fn judge(
    contract: &'static Contract,
    seen: &Coverage,
    method: &Method,
    path: &str,
    (status, headers, body): (StatusCode, &HeaderMap, &[u8]),
) {
    match operation(contract.document, method, path) {
        Some(id) if !matches!(status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::MISDIRECTED_REQUEST) => {
            seen.judge(contract, id, status, headers, body)
        }
        // An answer outside of all operations has the document's error body, which every operation documents under
        // `default`.
        _ => {
            let media = headers.get("content-type").map(|value| value.to_str().unwrap());
            if let Err(reason) = contract.check(contract.document.operations[0].id, status.as_u16(), media, body) {
                seen.broke(format!("{method} {path}: {reason}"));
            }
            seen.judge_envelope(headers, body);
        }
    }
}

/// The operation that a path matches: of several, the one with the most specific template.
fn operation(document: &'static Document, method: &Method, path: &str) -> Option<&'static str> {
    let fitting = document.operations.iter().filter(|one| one.method == method.as_str() && fits(one.path, path));
    fitting.max_by_key(|one| said(one.path)).map(|one| one.id)
}

/// How much of a template is fixed text.
fn said(template: &str) -> usize {
    template.split('/').map(|part| part.split_once('}').map_or(part, |(_, end)| end).len() + 1).sum()
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) => match wanted.split_once('}') {
                Some((_, end)) if given.len() > end.len() && given.ends_with(end) => {}
                None if wanted == given => {}
                _ => return false,
            },
            _ => return false,
        }
    }
}

#[test]
fn a_path_means_the_operation_that_says_most() {
    let coordinator = &runyard_api::arp::run_coordinator::DOCUMENT;
    for (method, path, id) in [
        (Method::GET, "/v1/runs/r1", Some("get_run")),
        (Method::POST, "/v1/runs/r1:cancel", Some("cancel_run")),
        (Method::POST, "/v1/node-runs/n1:complete", Some("complete_node_run")),
        (Method::GET, "/v1/node-runs/n1/events", Some("stream_node_run_events")),
        (Method::POST, "/v1/runs", Some("start_run")),
        (Method::GET, "/v1/runs", None),
        (Method::GET, "/v2/runs/r1", None),
    ] {
        assert_eq!(operation(coordinator, &method, path), id, "{method} {path}");
    }
}
