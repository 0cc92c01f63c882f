//! A service on loopback that steps call: it records its requests and sends the answers that the test sets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::process::bounded;

/// A request that it received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// As in the request: the path with its query.
    pub target: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub enum Answers {
    /// JSON with this status.
    Json(u16, Value),
    /// These bytes, including the head; then the connection ends.
    Raw(Vec<u8>),
    /// Nothing, until the caller disconnects.
    Nothing,
}

impl Answers {
    /// A status, headers and a body.
    pub fn with(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head = format!("HTTP/1.1 {status} .\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
        Self::Raw([head.as_bytes(), body].concat())
    }
}

/// The service. Dropping it stops it.
pub struct Peer {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// How many callers disconnected from a request without an answer.
    left: Arc<AtomicUsize>,
    bell: Arc<Notify>,
    serving: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Peer {
    /// Answers each request with the result of `answer`.
    pub async fn start(answer: impl Fn(&Asked) -> Answers + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, bell, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()), Arc::new(answer));
        let left = Arc::new(AtomicUsize::new(0));
        let serving = tokio::spawn({
            let (asked, bell, left) = (asked.clone(), bell.clone(), left.clone());
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (asked, bell, answer, left) = (asked.clone(), bell.clone(), answer.clone(), left.clone());
                    tokio::spawn(async move {
                        let mut stream = BufReader::new(stream);
                        let Some(one) = read(&mut stream).await else { return };
                        let answers = answer(&one);
                        asked.lock().unwrap().push(one);
                        bell.notify_one();
                        let is_silent = matches!(answers, Answers::Nothing);
                        say(stream, answers).await;
                        left.fetch_add(usize::from(is_silent), Ordering::Relaxed);
                    });
                }
            }
        });
        Peer { url, asked, left, bell, serving }
    }

    /// Answers each request with the same answer.
    pub async fn answering(answers: Answers) -> Self {
        Self::start(move |_| answers.clone()).await
    }

    /// The port alone.
    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How many callers disconnected from a request without an answer.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// Waits until it has received this many requests.
    pub async fn was_asked(&self, times: usize) -> Vec<Asked> {
        bounded("a question at the peer", async {
            while self.asked().len() < times {
                self.bell.notified().await;
            }
        })
        .await;
        self.asked()
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<_, _> = pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Asked { method, target, headers, body })
}

/// Writes are not checked, because a caller may disconnect before it has read everything.
async fn say(mut stream: BufReader<TcpStream>, answers: Answers) {
    let bytes = match answers {
        Answers::Nothing => {
            let _ = stream.read_u8().await;
            return;
        }
        Answers::Raw(bytes) => bytes,
        Answers::Json(status, value) => {
            let kind = [("content-type", "application/json")];
            let Answers::Raw(bytes) = Answers::with(status, &kind, value.to_string().as_bytes()) else { return };
            bytes
        }
    };
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
}
