//! A minimal HTTP/1.1 client, so that the tests control every byte that they send and see every byte of the response.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

/// A response as it arrived.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    /// As sent; chunked bodies with their chunk lines.
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of the document's error body, whose other fields it checks.
    pub(super) fn code(&self) -> String {
        let body = self.json();
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(
            body["request_id"].as_str(),
            self.header("x-request-id"),
            "the body and the header name the same request"
        );
        body["error"]["code"].as_str().unwrap().to_owned()
    }

    /// `place field: reason` of each violation.
    pub(super) fn violations(&self) -> Vec<String> {
        assert_eq!((self.status, self.code().as_str()), (400, "invalid_request"), "{}", self.text());
        let fields = self.json()["error"]["fields"].clone();
        let line = |one: &Value| {
            format!("{} {}: {}", one[0].as_str().unwrap(), one[1].as_str().unwrap(), one[2].as_str().unwrap())
        };
        fields.as_array().unwrap().iter().map(line).collect()
    }
}

/// Sends bytes on a new connection and reads the whole response.
pub(super) async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request).await.unwrap();
    finish(connection).await
}

/// Reads a response until the server closes the connection.
pub(super) async fn finish(mut connection: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    timeout(PATIENCE, connection.read_to_end(&mut bytes)).await.expect("an answer in time").unwrap();
    parse(&bytes)
}

/// Reads until `wanted` has arrived.
pub(super) async fn read_until(connection: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(wanted) {
        let count = timeout(PATIENCE, connection.read(&mut buffer)).await.expect("bytes in time").unwrap();
        assert!(count > 0, "the connection ended before {wanted:?}: {text:?}");
        text += &String::from_utf8_lossy(&buffer[..count]);
    }
    text
}

pub(super) fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| panic!("no head: {bytes:?}"));
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Answer { status, headers, body: bytes[end + 4..].to_vec() }
}
