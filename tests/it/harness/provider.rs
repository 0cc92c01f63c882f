//! An identity provider on loopback: it serves its metadata and its keys, or the answer that a test sets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Issuer;

/// Its answer to a request for its keys.
#[derive(Debug, Clone)]
pub enum Answers {
    /// These keys.
    Keys(Vec<Value>),
    /// This status and this body.
    Exactly(u16, String),
    /// A redirect to this URL.
    Redirect(String),
    /// Nothing, for as long as the caller waits.
    Nothing,
}

/// The provider. Dropping it stops it.
pub struct Provider {
    /// Its address, and the name of its issuer.
    pub url: String,
    answers: Arc<Mutex<Answers>>,
    metadata: Arc<Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Provider {
    /// A provider without keys.
    pub async fn start() -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// A provider at an address that was reserved for it before.
    pub fn at(listener: TcpListener) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(Answers::Keys(Vec::new())));
        let (metadata, asked) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
        let serving = tokio::spawn({
            let (url, answers, metadata, asked) = (url.clone(), answers.clone(), metadata.clone(), asked.clone());
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (answers, metadata) = (answers.lock().unwrap().clone(), metadata.lock().unwrap().clone());
                    let metadata =
                        metadata.unwrap_or_else(|| json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }));
                    tokio::spawn(answer(stream, answers, metadata, asked.clone()));
                }
            }
        });
        Provider { url, answers, metadata, asked, serving }
    }

    /// An issuer whose name is this provider's.
    pub fn issuer(&self, key_id: &str, algorithm: jsonwebtoken::Algorithm) -> Issuer {
        Issuer::new(&self.url, key_id, algorithm)
    }

    /// From now on it publishes these keys.
    pub fn publishes(&self, issuers: &[&Issuer]) {
        self.answers(Answers::Keys(issuers.iter().map(|issuer| issuer.public()).collect()));
    }

    pub fn answers(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }

    /// From now on these are its metadata.
    pub fn says(&self, metadata: Value) {
        *self.metadata.lock().unwrap() = Some(metadata);
    }

    /// The number of requests for its keys.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// One request, one answer, and the connection ends.
async fn answer(mut stream: TcpStream, answers: Answers, metadata: Value, asked: Arc<AtomicUsize>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let (status, more, body) = if head.starts_with(b"GET /.well-known/openid-configuration ") {
        (200, String::new(), metadata.to_string())
    } else {
        asked.fetch_add(1, Ordering::SeqCst);
        match answers {
            Answers::Keys(keys) => (200, String::new(), json!({ "keys": keys }).to_string()),
            Answers::Exactly(status, body) => (status, String::new(), body),
            Answers::Redirect(to) => (302, format!("location: {to}\r\n"), String::new()),
            Answers::Nothing => {
                // Until the caller disconnects.
                let _ = stream.read_u8().await;
                return;
            }
        }
    };
    let head = format!("HTTP/1.1 {status} .\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    // The caller may disconnect before it has read everything.
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}
