//! The events of a run of a remote coordinator, in the form of this gateway's document.
//!
//! A coordinator that follows the contract answers NDJSON, which is forwarded as bytes. The reference implementation
//! answers all events so far as a JSON string with the lines, encoded once or twice, and knows neither `after_seq` nor
//! an end of the stream. Its answer is decoded, cut at `after_seq`, and requested again until the run has ended. Any
//! other answer is an error.

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use http::header::CONTENT_TYPE;
use runyard_api::arp::schemas::RunState;
use runyard_api::host::{ByteStream, Caller};
use runyard_client::run_coordinator::{ByteStream as Answer, ResponseValue};
use serde::Deserialize;

use super::{RemoteCoordinator, RemoteError};
use crate::feed::{EventRange, Reach};

/// The longest list of events from a coordinator that does not stream, and the longest line, bytes.
const BYTES_MAX: usize = 16 << 20;
/// The interval of requests to such a coordinator.
const ASK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);

impl RemoteCoordinator {
    /// The events of a run there.
    ///
    /// # Errors
    /// What the coordinator refuses, and an answer that is no list of events.
    pub async fn events(&self, caller: &Caller, run_id: &str, wanted: EventRange) -> Result<ByteStream, RemoteError> {
        let answer = self.ask_events(caller, run_id, wanted).await?;
        match media(&answer) {
            Media::Lines => {
                let bytes = answer.into_inner_stream().map(|chunk| chunk.map_err(std::io::Error::other)).boxed();
                let unseen = if wanted.after_seq == 0 { bytes } else { after(bytes, wanted.after_seq).boxed() };
                Ok(ByteStream::new(unseen))
            }
            Media::Json => {
                let lines = self.unwrapped(answer).await?;
                if lines.is_empty() {
                    // An unknown run is a 404 here.
                    self.get(caller, run_id).await?;
                }
                let (remote, caller, run_id) = (self.clone(), caller.clone(), run_id.to_owned());
                let list = List { remote, caller, run_id, wanted, next: Next::Show(lines) };
                Ok(ByteStream::new(futures::stream::unfold(list, List::step)))
            }
            Media::Other(media) => {
                Err(self.unavailable(format!("answers events as {media}, which its contract does not know")))
            }
        }
    }

    async fn ask_events(
        &self,
        caller: &Caller,
        run_id: &str,
        wanted: EventRange,
    ) -> Result<ResponseValue<Answer>, RemoteError> {
        let way = self.way(caller)?;
        // Sent only if it changes something: a coordinator that implements the vendor's contract alone does not know
        // them.
        let after = i64::try_from(wanted.after_seq).ok().filter(|seq| *seq > 0);
        let follow = (wanted.reach == Reach::Recorded).then_some(false);
        way.client.stream_run_events(run_id, after, follow, None).await.map_err(|error| way.failed(error))
    }

    /// The lines in a JSON string, which may hold another JSON string that holds them.
    async fn unwrapped(&self, answer: ResponseValue<Answer>) -> Result<String, RemoteError> {
        let mut bytes = BytesMut::new();
        let mut chunks = answer.into_inner_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.unavailable(format!("broke off its events: {error}")))?;
            if bytes.len() + chunk.len() > BYTES_MAX {
                return Err(self.unavailable(format!("answers more than {BYTES_MAX} bytes of events at once")));
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = serde_json::from_slice::<String>(&bytes)
            .map_err(|error| self.unavailable(format!("answers events as JSON that is no string: {error}")))?;
        let lines = if text.trim_start().starts_with('"') { serde_json::from_str(&text).unwrap_or(text) } else { text };
        match lines.lines().find(|line| !line.trim().is_empty() && seq(line.as_bytes()).is_none()) {
            Some(line) => {
                let shown: String = line.chars().take(80).collect();
                Err(self.unavailable(format!("answers a line that is no event: {shown}")))
            }
            None => Ok(lines),
        }
    }

    fn unavailable(&self, reason: String) -> RemoteError {
        RemoteError::Unavailable { url: self.url.clone(), reason }
    }
}

enum Media {
    Lines,
    Json,
    Other(String),
}

fn media(answer: &ResponseValue<Answer>) -> Media {
    let media = answer.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or("no media type");
    match media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Media::Lines,
        "application/json" => Media::Json,
        _ => Media::Other(media.to_owned()),
    }
}

/// The `seq` of a line that is an event.
fn seq(line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Event {
        seq: u64,
    }
    serde_json::from_slice::<Event>(line).ok().map(|event| event.seq)
}

/// A run whose coordinator returns all events at once.
struct List {
    remote: RemoteCoordinator,
    caller: Caller,
    run_id: String,
    wanted: EventRange,
    next: Next,
}

enum Next {
    /// Lines, some of which may have been shown.
    Show(String),
    /// Request the list again. `true` if the run had ended before: then this is the last request.
    Ask {
        ended: bool,
    },
    Over,
}

impl List {
    async fn step(mut self) -> Option<(Result<Bytes, std::io::Error>, Self)> {
        loop {
            match std::mem::replace(&mut self.next, Next::Over) {
                Next::Over => return None,
                Next::Show(lines) => {
                    let unseen = self.unseen(&lines);
                    let completed = unseen.contains("\"run_completed\"");
                    let over = completed || self.wanted.reach == Reach::Recorded;
                    self.next = if over { Next::Over } else { Next::Ask { ended: false } };
                    if !unseen.is_empty() {
                        return Some((Ok(Bytes::from(unseen)), self));
                    }
                }
                Next::Ask { ended } => match self.ask_again(ended).await {
                    Ok(()) => {}
                    Err(error) => {
                        tracing::warn!(%error, "an event stream ends early; its reader can resume");
                        return Some((
                            Err(std::io::Error::other("the coordinator could not be asked; resume later")),
                            self,
                        ));
                    }
                },
            }
        }
    }

    async fn ask_again(&mut self, ended: bool) -> Result<(), RemoteError> {
        if !ended {
            tokio::select! {
                () = self.caller.stopping.cancelled() => return Ok(()),
                () = self.remote.clock.sleep(ASK_EVERY) => {}
            }
        }
        let run = self.remote.get(&self.caller, &self.run_id).await?;
        let final_now = matches!(run.state, RunState::Succeeded | RunState::Failed | RunState::Canceled);
        let answer = self.remote.ask_events(&self.caller, &self.run_id, self.wanted).await?;
        let unseen = self.remote.unwrapped(answer).await?;
        // If the run had ended before the request, the list is complete.
        if final_now {
            self.wanted.reach = Reach::Recorded;
        }
        self.next = Next::Show(unseen);
        Ok(())
    }

    /// The lines that were not shown yet, each with its newline.
    fn unseen(&mut self, lines: &str) -> String {
        let mut unseen = String::new();
        for line in lines.lines() {
            if let Some(seq) = seq(line.as_bytes()).filter(|seq| *seq > self.wanted.after_seq) {
                self.wanted.after_seq = seq;
                unseen.push_str(line);
                unseen.push('\n');
            }
        }
        unseen
    }
}

/// Drops lines up to a `seq`, for a coordinator that may not know `after_seq`. After the first line that stays, bytes
/// are forwarded unchanged.
fn after(
    bytes: BoxStream<'static, Result<Bytes, std::io::Error>>,
    after_seq: u64,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
    let state = (bytes, BytesMut::new(), false);
    futures::stream::unfold(state, move |(mut bytes, mut held, mut through)| async move {
        loop {
            let chunk = match bytes.next().await {
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => return Some((Err(error), (bytes, held, through))),
                None if held.is_empty() => return None,
                None => return Some((Ok(held.split().freeze()), (bytes, held, true))),
            };
            if through {
                return Some((Ok(chunk), (bytes, held, through)));
            }
            held.extend_from_slice(&chunk);
            while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
                if seq(&held[..end]).is_some_and(|seq| seq <= after_seq) {
                    let _seen = held.split_to(end + 1);
                } else {
                    through = true;
                    break;
                }
            }
            // A keep-alive is not part of a line that may be dropped.
            if through || held.len() > BYTES_MAX || held.iter().all(u8::is_ascii_whitespace) {
                if held.is_empty() {
                    continue;
                }
                through |= held.len() > BYTES_MAX;
                return Some((Ok(held.split().freeze()), (bytes, held, through)));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(chunks: Vec<&'static str>, after_seq: u64) -> String {
        let chunks = chunks.into_iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())));
        let unseen: Vec<_> = after(futures::stream::iter(chunks).boxed(), after_seq).collect().await;
        unseen.into_iter().map(|chunk| String::from_utf8(chunk.unwrap().to_vec()).unwrap()).collect()
    }

    #[tokio::test]
    async fn lines_up_to_a_seq_are_dropped_wherever_chunks_end() {
        let chunks = || vec![" ", "{\"seq\":1}\n{\"se", "q\":2}", "\n", "  ", "{\"seq\":3}\n", "{\"seq\":1}\n"];
        assert_eq!(read(chunks(), 2).await.trim_start(), "{\"seq\":3}\n{\"seq\":1}\n");
        assert_eq!(read(chunks(), 9).await.trim(), "");
        assert_eq!(read(vec!["{\"seq\":1}\n", "rubbish"], 1).await, "rubbish", "what was cut is the reader's to find");
    }
}
