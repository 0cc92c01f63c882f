//! Watching over connections that end, break, repeat events and send invalid data; without sockets and clocks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode};
use runyard_api::client::{ByteStream, CallError, ResponseValue};
use serde_json::{Value, json};

use super::*;
use crate::pause::pause;

/// One connection attempt: content type and text, or an error.
type Attempt = Result<(&'static str, String), CallError<Value>>;

const LINES: &str = "application/x-ndjson";
const EVENTS: &str = "text/event-stream; charset=utf-8";

/// The result of each attempt, its `after`, and whether the run has ended.
#[derive(Clone)]
struct Server {
    attempts: Arc<Mutex<VecDeque<Attempt>>>,
    asked: Arc<Mutex<Vec<Option<u64>>>>,
    ended: bool,
}

impl Server {
    fn new(attempts: Vec<Attempt>) -> Self {
        Self { attempts: Arc::new(Mutex::new(attempts.into())), asked: Arc::default(), ended: false }
    }

    fn asked(&self) -> Vec<Option<u64>> {
        self.asked.lock().unwrap().clone()
    }

    fn watch(&self) -> Watch<'static, AnyEvent, Value> {
        Watch::over(self.clone())
    }

    /// Every item of the watch, and the error that ended it, if any.
    async fn items(&self, attempts_max: u32) -> (Vec<String>, Option<WatchError<Value>>) {
        let mut items = self.watch().backoff(Backoff { attempts_max, ..Backoff::default() }).with_interruptions();
        let mut lines = Vec::new();
        while let Some(seen) = items.next().await {
            match seen {
                Ok(WatchItem::Event(event)) => lines.push(format!("{} {}", event.seq, event.kind())),
                Ok(WatchItem::Interrupted { cause, count, wait }) => lines.push(format!("{cause}, {count}, {wait:?}")),
                Err(error) => return (lines, Some(error)),
            }
        }
        (lines, None)
    }
}

impl Source for Server {
    type Refusal = Value;

    async fn open(&self, after: Option<u64>) -> Result<ResponseValue<ByteStream>, CallError<Value>> {
        self.asked.lock().unwrap().push(after);
        let (media, text) = self.attempts.lock().unwrap().pop_front().unwrap_or_else(|| Err(gone()))?;
        let bytes = ByteStream::new(Box::pin(stream::iter([Ok(Bytes::from(text))])));
        let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static(media))]);
        Ok(ResponseValue::new(bytes, StatusCode::OK, headers))
    }

    async fn has_ended(&self) -> Result<bool, CallError<Value>> {
        Ok(self.ended)
    }
}

fn gone() -> CallError<Value> {
    CallError::NoToken("the token endpoint is down".into())
}

fn events(seqs: std::ops::RangeInclusive<u64>, last: u64) -> impl Iterator<Item = Value> {
    let kind = move |seq| if seq == last { "run_completed" } else { "step" };
    seqs.map(move |seq| json!({ "seq": seq, "type": kind(seq) }))
}

fn lines(seqs: std::ops::RangeInclusive<u64>, last: u64) -> (&'static str, String) {
    (LINES, events(seqs, last).map(|event| format!("{event}\n")).collect())
}

fn frames(seqs: std::ops::RangeInclusive<u64>, last: u64) -> (&'static str, String) {
    (EVENTS, events(seqs, last).map(|event| format!("id: {}\ndata: {event}\n\n", event["seq"])).collect())
}

#[tokio::test(start_paused = true)]
async fn a_cut_stream_goes_on_after_the_last_event_without_gap_or_duplicate() {
    for (form, rest) in [(lines as fn(_, _) -> _, " {\"seq\":"), (frames, "id: 9\ndata: {\"se")] {
        for cut in 1..5 {
            let (media, text) = form(1..=cut, 5);
            // The last connection repeats every event.
            let server = Server::new(vec![Ok((media, text + rest)), Err(gone()), Ok(form(1..=5, 5))]);
            let watched: Vec<u64> = server.watch().map(|event| event.unwrap().seq).collect().await;
            assert_eq!(watched, [1, 2, 3, 4, 5], "{media}, cut after {cut}");
            assert_eq!(server.asked(), [None, Some(cut), Some(cut)]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn waits_grow_and_attempts_are_counted_from_the_last_event() {
    let server = Server::new(vec![Err(gone()), Ok(lines(1..=1, 9)), Err(gone())]);
    let (items, error) = server.items(4).await;
    let down = "there is no token to send: the token endpoint is down";
    assert_eq!(
        items,
        [
            format!("{down}, 1, 250ms"),
            "1 step".to_owned(),
            "the server ended the stream, 1, 250ms".to_owned(),
            format!("{down}, 2, 500ms"),
            format!("{down}, 3, 1s"),
        ]
    );
    assert_eq!(error.unwrap().to_string(), format!("gave up after 4 attempts: {down}"));
}

#[tokio::test(start_paused = true)]
async fn what_will_not_change_is_not_tried_again() {
    let unknown = CallError::Status { status: StatusCode::NOT_FOUND, headers: HeaderMap::new(), body: Bytes::new() };
    let server = Server::new(vec![Err(unknown), Ok(lines(1..=1, 1))]);
    assert!(matches!(server.items(10).await.1, Some(WatchError::Refused(_))));
    for page in [("text/html", "<html>\n"), (LINES, "{\"type\":\"step\"}\n"), (EVENTS, "data: nothing\n\n")] {
        let server = Server::new(vec![Ok((page.0, page.1.to_owned())), Ok(lines(1..=1, 1))]);
        assert!(matches!(server.items(10).await.1, Some(WatchError::NotEvents(_))), "{page:?}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_run_that_has_ended_ends_the_stream_whatever_its_last_event_is_called() {
    let ended = Server { ended: true, ..Server::new(vec![Ok(lines(1..=2, 9)), Ok(lines(3..=3, 9))]) };
    // The second connection has the events between the end of the first one and the check.
    let (items, error) = ended.items(1).await;
    assert_eq!(items, ["1 step", "2 step", "3 step"]);
    assert!(error.is_none());
    assert_eq!(ended.asked(), [None, Some(2)]);
    let seen_before =
        Server { ended: true, ..Server::new(vec![Ok((LINES, String::new())), Ok((LINES, String::new()))]) };
    assert_eq!(seen_before.watch().after(7).count().await, 0);
    assert_eq!(seen_before.asked(), [Some(7), Some(7)]);
}

#[tokio::test]
async fn an_event_may_have_the_number_0() {
    let server = Server::new(vec![Ok(lines(0..=1, 1))]);
    assert_eq!(server.watch().map(|event| event.unwrap().seq).collect::<Vec<_>>().await, [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_wait_for_the_next_event_loses_nothing() {
    let server = Server::new(vec![Ok(lines(1..=1, 9)), Err(gone()), Ok(lines(2..=2, 2))]);
    let mut watch = server.watch();
    let mut seen = Vec::new();
    loop {
        tokio::select! {
            biased;
            event = watch.next() => match event {
                Some(event) => seen.push(event.unwrap().seq),
                None => break,
            },
            () = pause(Duration::from_millis(10)) => {}
        }
    }
    assert_eq!(seen, [1, 2]);
}

#[test]
fn waits_have_a_longest_one() {
    let backoff = Backoff::default();
    assert_eq!(backoff.wait(1), Duration::from_millis(250));
    assert_eq!(backoff.wait(60), Duration::from_secs(5));
}
