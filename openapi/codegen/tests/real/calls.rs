//! A served document: its address, requests that no generated client would send, and its end.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use runyard_api::client::{Behaviour, ByteStream, Form, Multipart, Plain};
use runyard_api::crates::slog;
use runyard_api::host::{Closed, Fault, Mounted, Server};
use runyard_api::multipart::Received;
use serde_json::Value;

/// A server on a free port of the loopback address.
pub struct Served {
    server: Server,
    /// The base URL.
    pub base: String,
    http: reqwest::Client,
}

impl Served {
    /// Starts the server.
    pub fn start(api: Mounted) -> Self {
        let log = slog::Logger::root(slog::Discard, slog::o!());
        let server = api.serve(([127, 0, 0, 1], 0).into(), log).expect("the server starts");
        let base = format!("http://{}", server.local_addr());
        Self { server, base, http: reqwest::Client::new() }
    }

    /// The same server; every request from here on has this header.
    #[allow(dead_code, reason = "only for documents that are secured")]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        let header = (name.parse().expect("a name"), value.parse().expect("a value"));
        let headers = [header].into_iter().collect();
        self.http = reqwest::Client::builder().default_headers(headers).build().expect("a client");
        self
    }

    /// The arguments of a generated client's `new_with_client`.
    pub fn client(&self) -> (&str, reqwest::Client, Arc<dyn Behaviour>) {
        (&self.base, self.http.clone(), Plain::shared())
    }

    /// Sends a request by hand: `POST /path`, and a body with its content type. Status and JSON come back.
    pub async fn raw(&self, request: &str, body: Option<(&str, &str)>) -> (u16, Value) {
        let (method, path) = request.split_once(' ').expect("method and path");
        let mut sent = self.http.request(method.parse().expect("a method"), format!("{}{path}", self.base));
        if let Some((media, body)) = body {
            sent = sent.header("content-type", media).body(body.to_owned());
        }
        let answer = sent.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.expect("a whole answer");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// A request that does not fit the document gets this status, and a body that has each of these words.
    pub async fn refuses(&self, request: &str, body: Option<(&str, &str)>, status: u16, words: &[&str]) {
        let (answered, value) = self.raw(request, body).await;
        assert_eq!(answered, status, "{request} {body:?}: {value}");
        let text = value.to_string();
        words.iter().for_each(|word| assert!(text.contains(word), "{request} {body:?}: {text} lacks {word}"));
    }

    /// Closes the server, with no request left.
    pub async fn end(self) {
        assert_eq!(self.server.close(Duration::from_secs(10)).await, Closed::Clean);
    }
}

/// The fault of an operation without a handler.
#[allow(dead_code, reason = "only for documents with operations that no test calls")]
pub fn without_handler(operation: &str) -> Fault {
    Fault::Internal { reason: format!("{operation} has no handler here") }
}

/// The whole of a stream that a client reads.
#[allow(dead_code, reason = "only for documents with streams")]
pub async fn whole(stream: ByteStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut chunks = stream.into_inner();
    while let Some(chunk) = chunks.next().await {
        all.extend_from_slice(&chunk.expect("the stream goes to its end"));
    }
    all
}

/// A value of a generated type from its JSON.
#[allow(dead_code, reason = "not every document needs it")]
pub fn value<T: runyard_api::crates::serde::de::DeserializeOwned>(json: Value) -> T {
    let text = json.to_string();
    serde_json::from_value(json).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The parts of a form.
#[allow(dead_code, reason = "only for documents with files in parts")]
pub fn parts<T: Form>(body: &T) -> Multipart {
    body.to_parts().expect("every field is JSON")
}

/// A form with these parts; those without a file name are texts.
#[allow(dead_code, reason = "only for documents with files in parts")]
pub fn form<T: Form>(parts: Multipart) -> T {
    let texts = parts.parts.iter().filter(|part| part.file_name.is_none());
    let values = texts.map(|part| (part.name.clone(), String::from_utf8_lossy(&part.bytes).into())).collect();
    T::from_parts(Received { parts, values }).unwrap_or_else(|_| panic!("the parts do not fit the form"))
}

/// Whether each property of `part` is in `whole` with its value. Defaults of the document may stand beside them.
#[allow(dead_code, reason = "not every document has defaults")]
pub fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|found| contains(found, value)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        _ => whole == part,
    }
}
