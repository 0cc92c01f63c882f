//! The token endpoint of an identity provider, on loopback: it issues tokens to clients, exchanges its tokens, or sends
//! the answer that a test sets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Issuer;

/// Its answer.
#[derive(Debug, Clone)]
pub enum Gives {
    /// Tokens for the requested audience, with the subject and the tenant of the exchanged token.
    Tokens,
    /// Tokens for an audience that was not requested.
    Misdirected,
    /// This status and this body.
    Exactly(u16, String),
    /// Nothing, for as long as the caller waits.
    Nothing,
}

/// A received form, and its `Authorization`.
#[derive(Debug, Clone)]
pub struct Asked {
    pub form: BTreeMap<String, String>,
    pub authorization: Option<String>,
}

/// What happened so far.
type Noted<T> = Arc<Mutex<Vec<T>>>;

/// The endpoint. Dropping it stops it.
pub struct TokenService {
    pub url: String,
    gives: Arc<Mutex<Gives>>,
    lives: Arc<Mutex<i64>>,
    asked: Noted<Asked>,
    given: Noted<String>,
    serving: JoinHandle<()>,
}

impl Drop for TokenService {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl TokenService {
    /// An endpoint that issues tokens of this issuer, signed with its key.
    pub async fn start(issuer: Issuer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let (gives, lives, asked) = (Arc::new(Mutex::new(Gives::Tokens)), Arc::new(Mutex::new(300)), Arc::default());
        let given = Arc::new(Mutex::new(Vec::new()));
        let serving = tokio::spawn({
            let (gives, lives, asked, issuer) = (gives.clone(), lives.clone(), Arc::clone(&asked), Arc::new(issuer));
            let given = given.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (gives, lives) = (gives.clone(), *lives.lock().unwrap());
                    tokio::spawn(answer(
                        stream,
                        gives,
                        lives,
                        (Arc::clone(&asked), given.clone()),
                        Arc::clone(&issuer),
                    ));
                }
            }
        });
        TokenService { url, gives, lives, asked, given, serving }
    }

    pub fn gives(&self, gives: Gives) {
        *self.gives.lock().unwrap() = gives;
    }

    /// Sets the lifetime of its tokens from now on, seconds.
    pub fn lives(&self, seconds: i64) {
        *self.lives.lock().unwrap() = seconds;
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The tokens that it has issued so far.
    pub fn given(&self) -> Vec<String> {
        self.given.lock().unwrap().clone()
    }
}

async fn answer(
    mut stream: TcpStream,
    gives: Arc<Mutex<Gives>>,
    lives: i64,
    (asked, tokens): (Noted<Asked>, Noted<String>),
    issuer: Arc<Issuer>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: ")))?;
        Some(line[name.len() + 2..].to_owned())
    };
    let mut body = vec![0; header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    assert!(head.starts_with("POST /token HTTP/1.1"), "{head}");
    let pairs = reqwest::Url::parse(&format!("http://form/?{}", String::from_utf8(body).unwrap())).unwrap();
    let form: BTreeMap<String, String> =
        pairs.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    asked.lock().unwrap().push(Asked { form: form.clone(), authorization: header("authorization") });
    let gives = gives.lock().unwrap().clone();
    let (status, body) = match gives {
        Gives::Tokens => (200, given(&issuer, &form, form.get("audience").map_or("anybody", String::as_str), lives)),
        Gives::Misdirected => (200, given(&issuer, &form, "other-audience", lives)),
        Gives::Exactly(status, body) => (status, body),
        Gives::Nothing => {
            // Until the caller disconnects.
            let _ = stream.read_u8().await;
            return;
        }
    };
    let said: Value = serde_json::from_str(&body).unwrap_or_default();
    tokens.lock().unwrap().extend(said["access_token"].as_str().map(str::to_owned));
    let head = format!("HTTP/1.1 {status} .\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

fn given(issuer: &Issuer, form: &BTreeMap<String, String>, audience: &str, lives: i64) -> String {
    let mut claims = issuer.claims(audience);
    // So that no two tokens are the same.
    claims["jti"] = json!(uuid::Uuid::new_v4());
    let subject = form.get("subject_token").map(|token| {
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice::<Value>(&claims).unwrap()
    });
    match subject {
        Some(subject) => ["sub", "tenant"].into_iter().for_each(|name| claims[name] = subject[name].clone()),
        None => {
            claims["sub"] = json!(form.get("client_id"));
            claims["tenant"] = json!("default");
        }
    }
    json!({ "access_token": issuer.token(&claims), "token_type": "Bearer", "expires_in": lives }).to_string()
}
