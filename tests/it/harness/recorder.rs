//! The hooks around each call of a generated client: they check the answer against the document and record it for the
//! ledger.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{Stream, StreamExt};
use http::{HeaderMap, StatusCode};
use runyard::codes::{Code, Scope};
use runyard_api::client::{Behaviour, Operation, Unanswered};
use serde_json::Value;

use super::contract::Contract;

/// A document, one of its operations, and a status as the document writes it.
pub type Reached = (&'static str, &'static str, &'static str);

/// The answers that one set of clients received.
#[derive(Debug, Default)]
pub struct Coverage {
    reached: Mutex<BTreeSet<Reached>>,
    broken: Mutex<Vec<String>>,
}

impl Coverage {
    pub fn reached(&self) -> BTreeSet<Reached> {
        self.reached.lock().unwrap().clone()
    }

    /// Checks an answer of an operation and records it.
    pub fn judge(&self, contract: &Contract, operation: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) {
        let media = headers.get("content-type").map(|value| value.to_str().unwrap());
        match contract.check(operation, status.as_u16(), media, body) {
            Ok("default") if contract.is_complete(contract.operation(operation)) => {
                self.broke(format!("{operation} answers {status}, which its document should have by itself"));
            }
            Ok(written) => self.note(contract, operation, written),
            Err(reason) => self.broke(format!("{reason}\n{}", String::from_utf8_lossy(body))),
        }
        if !status.is_success() {
            self.judge_code(contract, operation, status, &code(headers, body));
            self.judge_envelope(headers, body);
        }
    }

    /// Every refusal has a code that the reference lists: one of the operation's own, or one of any request.
    fn judge_code(&self, contract: &Contract, operation: &str, status: StatusCode, code: &str) {
        let listed = contract.codes(operation, status.as_u16());
        let known = Code::ALL.iter().find(|one| one.as_str() == code && one.status() == status);
        let fits = known.is_some_and(|one| one.scope() != Scope::Listed || listed.contains(&code));
        if !fits {
            let name = contract.document.name;
            self.broke(format!("{name} {operation}: {status} `{code}`, and x-runyard-codes has {listed:?}"));
        }
    }

    /// Every refusal can be found in the log by the id in its header. An envelope with a field for the id has it, too.
    pub fn judge_envelope(&self, headers: &HeaderMap, body: &[u8]) {
        let envelope: Value = serde_json::from_slice(body).unwrap_or_default();
        let header = headers.get("x-request-id").and_then(|id| id.to_str().ok());
        if !envelope["error"].is_object() && header.is_some() {
            return;
        }
        let id = envelope["extensions"]["runyard.request_id"].as_str();
        if id.is_none() || id != header {
            self.broke(format!("request id {header:?} in the header, {id:?} in the envelope: {envelope}"));
        }
    }

    fn note(&self, contract: &Contract, operation: &str, written: &'static str) {
        let id = contract.operation(operation).id;
        self.reached.lock().unwrap().insert((contract.document.name, id, written));
    }

    pub fn broke(&self, reason: String) {
        self.broken.lock().unwrap().push(reason);
    }
}

/// The code of a refusal: in its envelope, or beside an envelope without a field for it.
pub fn code(headers: &HeaderMap, body: &[u8]) -> String {
    let envelope: Value = serde_json::from_slice(body).unwrap_or_default();
    let header = headers.get("x-error-code").map(|code| code.to_str().unwrap());
    let found = envelope["error"]["code"].as_str().or(envelope["code"].as_str()).or(header);
    // Cargo's codes are in camel case.
    if let Some(reason) = envelope["reason"].as_str() {
        let begins = |letter: char| if letter.is_ascii_uppercase() { "_" } else { "" };
        return reason.chars().map(|letter| format!("{}{}", begins(letter), letter.to_ascii_lowercase())).collect();
    }
    match found.unwrap_or_default() {
        // ACP has its own field name, and its codes are in capitals.
        "VALIDATION_FAILED" => "invalid_request".to_owned(),
        code => code.to_ascii_lowercase(),
    }
}

/// Fails the test that received an undocumented answer.
#[derive(Debug)]
pub struct Verdict(pub Arc<Coverage>);

impl Drop for Verdict {
    fn drop(&mut self) {
        let broken = self.0.broken.lock().unwrap();
        if !std::thread::panicking() {
            assert!(broken.is_empty(), "answers that no document promises:\n{}", broken.join("\n"));
        }
    }
}

/// The behaviour of a client whose answers are checked.
pub struct Recorder {
    pub contract: &'static Contract,
    pub seen: Arc<Coverage>,
    /// The credential that it sends.
    pub token: Option<String>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("document", &self.contract.document.name).finish_non_exhaustive()
    }
}

impl Behaviour for Recorder {
    fn send<'a>(
        &'a self,
        client: &'a reqwest::Client,
        operation: &'static Operation,
        mut request: reqwest::Request,
    ) -> BoxFuture<'a, Result<reqwest::Response, Unanswered>> {
        if let Some(token) = &self.token {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        Box::pin(async move { Ok(self.look(operation.id, client.execute(request).await?).await?) })
    }
}

impl Recorder {
    async fn look(&self, operation: &'static str, mut answer: reqwest::Response) -> reqwest::Result<reqwest::Response> {
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let body = if self.contract.operation(operation).streams && status == StatusCode::OK {
            self.seen.judge(self.contract, operation, status, &headers, b"");
            let lines = watched(answer.bytes_stream(), self.contract, self.seen.clone());
            reqwest::Body::wrap_stream(lines)
        } else {
            let bytes = answer.bytes().await?;
            self.seen.judge(self.contract, operation, status, &headers, &bytes);
            bytes.into()
        };
        let mut again = http::Response::new(body);
        (*again.status_mut(), *again.headers_mut()) = (status, headers);
        Ok(again.into())
    }
}

/// The same bytes, with each line checked as it passes.
fn watched(
    bytes: impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
    contract: &'static Contract,
    seen: Arc<Coverage>,
) -> impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static {
    let mut open = Vec::new();
    bytes.inspect(move |chunk| {
        let Ok(chunk) = chunk else { return };
        open.extend_from_slice(chunk);
        while let Some(end) = open.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = open.drain(..=end).collect();
            if let Err(reason) = contract.check_line(&String::from_utf8_lossy(&line)) {
                seen.broke(format!("a line of {}: {reason}", contract.document.name));
            }
        }
    })
}
