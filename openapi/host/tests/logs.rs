//! One log line per request, with its ids and without its content.

use std::io;
use std::sync::{Mutex as Lock, Once};

use super::*;

/// The log output of one test.
#[derive(Clone, Default)]
struct Lines(Arc<Lock<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// The log lines of this host, as JSON.
    fn take(&self) -> Vec<Value> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["target"].as_str().is_some_and(|target| target.contains("host"))).collect()
    }
}

/// Collects everything that this thread logs; the server of a test runs on the test's thread.
fn listen() -> (Lines, tracing::subscriber::DefaultGuard) {
    // `tracing` caches once for all threads whether a line is enabled. The thread of another test without a subscriber
    // could otherwise cache "disabled".
    static EVERYWHERE: Once = Once::new();
    EVERYWHERE.call_once(|| {
        let silent = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(io::sink);
        tracing::subscriber::set_global_default(silent.finish()).unwrap();
    });
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    (lines, tracing::subscriber::set_default(subscriber.finish()))
}

#[tokio::test]
async fn a_line_finds_its_request_and_tells_nothing_of_what_it_carried() {
    let (lines, _guard) = listen();
    let fixture = start();
    let body = GOOD.replace("\"input\": {}", "\"input\": {\"password\": \"hunter2\"}");
    let headers = [("Content-Type", "application/json"), ("X-Other", "hunter2")];
    let answer = fixture.send("POST", "/v1/runs?token=hunter2", &headers, body.as_bytes()).await;
    let lines = lines.take();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let (span, fields) = (&lines[0]["span"], &lines[0]["fields"]);
    for (name, value) in
        [("document", "runs"), ("method", "POST"), ("path", "/v1/runs"), ("operation", "start_run"), ("tenant", "acme")]
    {
        assert_eq!(span[name], value);
    }
    assert_eq!(span["request_id"].as_str(), answer.header("x-request-id"));
    assert_eq!((&fields["status"], &fields["message"]), (&json!(200), &json!("answered")));
    assert!(fields["latency_us"].is_u64());
    assert!(!lines[0].to_string().contains("hunter2"), "{lines:#?}");
}

#[tokio::test]
async fn a_refusal_is_one_line_with_its_code() {
    let (lines, _guard) = listen();
    let fixture = start();
    fixture.send("GET", "/v1/runs/r1", &[("Authorization", "Bearer hunter2")], b"").await;
    let lines = lines.take();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!((&lines[0]["fields"]["status"], &lines[0]["fields"]["fault"]), (&json!(401), &json!("unauthenticated")));
    assert!(!lines[0].to_string().contains("hunter2"), "{lines:#?}");
}

#[tokio::test]
async fn a_panic_is_an_error_line_with_its_message_and_the_request_id() {
    let (lines, _guard) = listen();
    let fixture = start();
    let answer = fixture.send("POST", "/v1/panic", &[], b"").await;
    let lines = lines.take();
    let error = lines.iter().find(|line| line["level"] == "ERROR").unwrap();
    assert_eq!(error["fields"]["reason"], "panicked: a bug with a secret");
    assert_eq!(error["span"]["request_id"].as_str(), answer.header("x-request-id"));
}
