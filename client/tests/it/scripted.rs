//! A server that answers each request as a test says, and records the requests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runyard_client::{Retry, run_gateway};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedRequest {
    /// `GET /v1/health`.
    pub(crate) line: String,
    /// Keyed by lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl ReceivedRequest {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// The server's reaction to a request.
pub(crate) enum Act {
    /// Sends these bytes, then closes the connection.
    Say(String),
    /// Sends these texts with this pause in between, then closes the connection.
    Trickle(Vec<String>, Duration),
    /// Sends these bytes, then nothing.
    Stall(String),
}

impl Act {
    /// Closes the connection without a response.
    pub(crate) fn leave() -> Self {
        Self::Say(String::new())
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::say(status, "application/json", &[], &body.to_string())
    }

    pub(crate) fn say(status: u16, media: &str, headers: &[&str], body: &str) -> Self {
        Self::Say(format!("{}content-length: {}\r\n\r\n{body}", head(status, media, headers), body.len()))
    }

    /// A stream, which ends with the connection.
    pub(crate) fn stream(media: &str, text: &str) -> Self {
        Self::Say(format!("{}\r\n{text}", head(200, media, &[])))
    }
}

pub(crate) fn head(status: u16, media: &str, headers: &[&str]) -> String {
    let more: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: {media}\r\n{more}")
}

/// The server.
pub(crate) struct Scripted {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<ReceivedRequest>>>,
}

impl Scripted {
    /// The server calls `script` with each request and the number of earlier requests.
    pub(crate) async fn new(script: impl Fn(&ReceivedRequest, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<ReceivedRequest>>> = Arc::default();
        let (noted, script) = (Arc::clone(&asked), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (noted, script) = (Arc::clone(&noted), Arc::clone(&script));
                tokio::spawn(serve(stream, noted, move |asked, before| script(asked, before)));
            }
        });
        Self { url, asked }
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<ReceivedRequest> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    /// A client with very short waits.
    pub(crate) fn gateway(&self) -> run_gateway::Client {
        run_gateway::Client::builder(&self.url).no_proxy().retry(quick()).build().unwrap()
    }
}

/// Three attempts with almost no wait.
pub(crate) fn quick() -> Retry {
    Retry { wait_min: Duration::from_millis(1), ..Retry::default() }
}

pub(crate) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    noted: Arc<Mutex<Vec<ReceivedRequest>>>,
    script: impl Fn(&ReceivedRequest, usize) -> Act,
) {
    let Some(asked) = read(&mut stream).await else { return };
    let before = {
        let mut noted = noted.lock().unwrap();
        noted.push(asked.clone());
        noted.len() - 1
    };
    match script(&asked, before) {
        Act::Say(text) => _ = stream.write_all(text.as_bytes()).await,
        Act::Trickle(parts, pause) => {
            let mut pace = tokio::time::interval(pause);
            for part in parts {
                pace.tick().await;
                if stream.write_all(part.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
        Act::Stall(text) => {
            _ = stream.write_all(text.as_bytes()).await;
            // Until the client closes the connection.
            _ = stream.read(&mut [0; 1]).await;
        }
    }
    _ = stream.shutdown().await;
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<ReceivedRequest> {
    let mut text = Vec::new();
    loop {
        if let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(text[..end].to_vec()).unwrap();
            let mut lines = head.lines();
            let line = lines.next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
            let headers: BTreeMap<_, _> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            let mut body = text.split_off(end + 4);
            while body.len() < length {
                stream.read_buf(&mut body).await.ok().filter(|read| *read > 0)?;
            }
            return Some(ReceivedRequest { line, headers, body: String::from_utf8(body).unwrap() });
        }
        stream.read_buf(&mut text).await.ok().filter(|read| *read > 0)?;
    }
}

/// A run in this state.
pub(crate) fn run(state: &str) -> Value {
    json!({ "run_id": "r", "state": state, "root_node_run_id": "n" })
}

/// An error body.
pub(crate) fn envelope(code: &str) -> Value {
    json!({ "error": { "code": code, "message": "not now", "details": { "at": 1 } } })
}
