//! Event streams of threads: the events of a run in the vendor's format.
//!
//! | in the log | events |
//! |------------|--------|
//! | a run starts | `response.started` |
//! | a step ends, a plan is made, a wait or a retry begins | `response.item.completed` |
//! | an approval is requested | `permission.requested` |
//! | a run waits for input | `response.item.completed`; of a message also `response.completed` and `stream.completed`: the answer is the next message |
//! | a run succeeds | `response.completed`, `stream.completed` |
//! | a run fails | `stream.error`, `stream.completed` |
//! | a run is cancelled | `stream.completed` |
//!
//! Each event is one `data: ` line of JSON. Silence is broken by a comment, because clients parse every `data` line as
//! an object.

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use runyard_api::acp::types::{
    ItemType, PermissionRequest, RunStatus, StreamItem, StreamResponse, StreamRun, Thread, ThreadEvent, ThreadEventType,
};
use runyard_api::host::{ByteStream, Caller};
use runyard_engine::{Event, Recorded, RunId, RunOutcome, Wait};

use super::project::{Projection, Shown, item};
use super::{Handlers, wire};
use crate::dialects::common::time::time;
use crate::feed::{self, Line, ProjectionError, Written};

/// The status of a response that has begun.
const IN_PROGRESS: &str = "in_progress";
const COMPLETED: &str = "completed";

/// A run of a thread whose events are sent.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) thread: String,
    pub(super) run: RunId,
    /// Only events after this position of its log.
    pub(super) after: u64,
    /// Whether the stream ends when the run waits for input, because the next message is the answer.
    pub(super) ends_at_question: bool,
    /// Whether events carry the id from which a stream can be resumed.
    pub(super) with_ids: bool,
}

impl Handlers {
    /// The events of a run, after the given first events.
    pub(super) fn run_stream(&self, cx: &Caller, first: &[ThreadEvent], part: Part) -> ByteStream {
        let first: Vec<Written> = first.iter().map(|event| frame(event, false)).collect();
        let chunks = futures::stream::iter(first).chain(self.chunks(cx, part));
        ByteStream::new(feed::with_comments(chunks, self.runs.clock().clone()))
    }

    /// The events of several runs, one after the other.
    pub(super) fn runs_stream(&self, cx: &Caller, parts: Vec<Part>) -> ByteStream {
        let logs: Vec<_> = parts.into_iter().map(|part| self.chunks(cx, part)).collect();
        // A log is followed only after the logs before it have ended.
        let chunks = futures::stream::iter(logs).flatten();
        ByteStream::new(feed::with_comments(chunks, self.runs.clock().clone()))
    }

    fn chunks(&self, cx: &Caller, part: Part) -> BoxStream<'static, Written> {
        // From the start: only the creation event says what a step is.
        let log = self.runs.follow(&cx.tenant, part.run, 0, cx.stopping.clone());
        let projection = Projection::of(part.run);
        let writer = Writer { part, projection, over: false };
        chunks(log, writer).boxed()
    }
}

/// A stream of existing events that ends after the last one.
pub(super) fn whole(events: &[ThreadEvent]) -> ByteStream {
    let frame = |event| frame(event, false).map_err(std::io::Error::other);
    let chunks: Vec<std::io::Result<Bytes>> = events.iter().map(frame).collect();
    ByteStream::new(futures::stream::iter(chunks))
}

/// The event for a created thread.
pub(super) fn created(thread: Thread) -> ThreadEvent {
    let id = thread.id.clone();
    ThreadEvent { thread_id: id, thread: Some(thread), ..event(ThreadEventType::ThreadCreated) }
}

/// The end of a stream without a run.
pub(super) fn nothing_to_do(thread: &str) -> ThreadEvent {
    ThreadEvent { thread_id: Some(thread.to_owned()), ..event(ThreadEventType::StreamCompleted) }
}

fn chunks<R>(
    log: impl Stream<Item = Line<R>> + Send + 'static,
    writer: Writer,
) -> impl Stream<Item = Written> + Send + 'static
where
    R: std::ops::Deref<Target = Recorded> + Send + 'static,
{
    futures::stream::unfold((log.boxed(), writer), |(mut log, mut writer)| async move {
        while !writer.over {
            let written = match log.next().await? {
                Ok(recorded) => writer.write(&recorded),
                Err(error) => Err(error),
            };
            if written.as_ref().is_ok_and(Bytes::is_empty) {
                continue;
            }
            writer.over |= written.is_err();
            return Some((written, (log, writer)));
        }
        None
    })
}

/// Writes the events of one run.
struct Writer {
    part: Part,
    projection: Projection,
    /// No more events follow.
    over: bool,
}

impl Writer {
    /// The bytes for one stored event, all in one chunk, so that a stream is not cut within an event.
    fn write(&mut self, recorded: &Recorded) -> Written {
        let events = self.events(recorded)?;
        if recorded.position <= self.part.after {
            self.over = false;
            return Ok(Bytes::new());
        }
        let id = format!("evt_{}_{}", self.part.run.uuid().simple(), recorded.position);
        let mut text = Vec::new();
        for event in events {
            let id = self.part.with_ids.then(|| id.clone());
            text.extend_from_slice(&frame(&ThreadEvent { id, ..event }, self.part.with_ids)?);
        }
        Ok(text.into())
    }

    fn events(&mut self, recorded: &Recorded) -> Result<Vec<ThreadEvent>, ProjectionError> {
        let shown = self.projection.project(recorded)?;
        let events = match (&recorded.event, shown) {
            (Event::Started { .. }, _) => vec![self.response(ThreadEventType::ResponseStarted, IN_PROGRESS, None)],
            (Event::Finished { outcome, error, .. }, shown) => {
                self.over = true;
                let status = wire::run_status(runyard_engine::RunStatus::Final(*outcome));
                let mut events = Vec::new();
                match outcome {
                    RunOutcome::Succeeded => {
                        let answer = shown.map(Shown::into_content).unwrap_or_default();
                        events.push(self.response(ThreadEventType::ResponseCompleted, COMPLETED, Some(answer)));
                    }
                    RunOutcome::Partial | RunOutcome::NothingAchieved | RunOutcome::Failed => {
                        events.push(ThreadEvent {
                            message: Some(wire::error(error.as_ref())),
                            error: Some(
                                error.as_ref().map_or_else(|| "failed".to_owned(), |error| error.code.to_string()),
                            ),
                            ..self.event(ThreadEventType::StreamError)
                        });
                    }
                    RunOutcome::Canceled => {}
                }
                events.push(self.completed(status));
                events
            }
            (Event::NodeWaiting { wait: Wait::Input, .. }, Some(shown)) => {
                let question = shown.into_content();
                let mut events =
                    vec![self.item(StreamItem { content: Some(question.clone()), ..item(ItemType::Text) })];
                if self.part.ends_at_question {
                    self.over = true;
                    events.push(self.response(ThreadEventType::ResponseCompleted, COMPLETED, Some(question)));
                    events.push(self.completed(RunStatus::Running));
                }
                events
            }
            (Event::ApprovalAsked { node_run, approval, .. }, _) => {
                let known = self.projection.known(recorded, *node_run)?;
                let request = PermissionRequest {
                    created_at: time(recorded.at_ms),
                    current_mode: None,
                    input: known.input(),
                    reason: Some(known.title().to_owned()),
                    request_id: approval.uuid().to_string(),
                    required_mode: None,
                    thread_id: self.part.thread.clone(),
                    tool_name: known.tool().to_owned(),
                    user_id: None,
                };
                let event = self.event(ThreadEventType::PermissionRequested);
                vec![ThreadEvent { permission_request: Some(request), ..event }]
            }
            // The sender knows the user's message already.
            (_, Some(shown)) => shown.item().map(|item| self.item(item)).into_iter().collect(),
            (_, None) => Vec::new(),
        };
        Ok(events)
    }

    fn event(&self, kind: ThreadEventType) -> ThreadEvent {
        let (thread, run) = (self.part.thread.clone(), self.part.run.to_string());
        ThreadEvent { thread_id: Some(thread), run_id: Some(run), ..event(kind) }
    }

    fn response(&self, kind: ThreadEventType, status: &str, content: Option<String>) -> ThreadEvent {
        let response = StreamResponse { content, id: self.part.run.to_string(), status: status.to_owned() };
        ThreadEvent { response: Some(response), ..self.event(kind) }
    }

    fn item(&self, item: StreamItem) -> ThreadEvent {
        ThreadEvent { item: Some(item), ..self.event(ThreadEventType::ResponseItemCompleted) }
    }

    fn completed(&self, status: RunStatus) -> ThreadEvent {
        let run = StreamRun { id: self.part.run.to_string(), status, thread_id: Some(self.part.thread.clone()) };
        ThreadEvent { run: Some(run), ..self.event(ThreadEventType::StreamCompleted) }
    }
}

fn event(kind: ThreadEventType) -> ThreadEvent {
    ThreadEvent {
        error: None,
        id: None,
        item: None,
        message: None,
        permission_request: None,
        response: None,
        run: None,
        run_id: None,
        thread: None,
        thread_id: None,
        type_: kind,
    }
}

/// Encodes one event. Some clients treat Unicode line separators as line ends and lose the event. In JSON these
/// characters occur only within strings, so they can be escaped.
fn frame(event: &ThreadEvent, with_id: bool) -> Written {
    let json = feed::json_text(event)?;
    let mut data = String::with_capacity(json.len() + 8);
    for sign in json.chars() {
        match sign {
            '\u{85}' => data.push_str("\\u0085"),
            '\u{2028}' => data.push_str("\\u2028"),
            '\u{2029}' => data.push_str("\\u2029"),
            other => data.push(other),
        }
    }
    let id = event.id.as_ref().filter(|_| with_id).map(|id| format!("id: {id}\n")).unwrap_or_default();
    Ok(Bytes::from(format!("{id}data: {data}\n\n")))
}

/// The run and position behind the id of an event.
pub(super) fn position(id: &str) -> Option<(RunId, u64)> {
    let (run, position) = id.strip_prefix("evt_")?.split_once('_')?;
    Some((RunId::parse(run)?, position.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_of_unicode_are_escaped_in_a_data_line() {
        let event = ThreadEvent {
            message: Some("a\u{2028}b\u{2029}c\u{85}d\ne".to_owned()),
            ..event(ThreadEventType::StreamError)
        };
        let text = String::from_utf8(frame(&event, false).unwrap().to_vec()).unwrap();
        assert!(text.contains("\"a\\u2028b\\u2029c\\u0085d\\ne\"") && text.ends_with("\n\n"), "{text}");
        let data = text.strip_prefix("data: ").unwrap();
        assert_eq!(serde_json::from_str::<ThreadEvent>(data).unwrap(), event);
    }

    #[test]
    fn an_event_id_names_a_run_and_a_position() {
        let run = RunId::from_uuid(uuid::Uuid::from_u128(7));
        assert_eq!(position(&format!("evt_{}_12", run.uuid().simple())), Some((run, 12)));
        for other in
            ["", "evt_", "evt_x_1", "evt_00000000000000000000000000000007", "evt_00000000000000000000000000000007_x"]
        {
            assert_eq!(position(other), None, "{other}");
        }
    }
}
