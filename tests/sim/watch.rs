//! Watchers: readers of every API that numbers its events. They lose their connection and resume after the last number
//! they saw.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use runyard_api::host::{ByteStream, Caller, Head};
use runyard_api::{arp, runyard as own};
use runyard_engine::RunId;
use tokio_util::sync::CancellationToken;

use crate::model::Model;
use crate::server::Projections;

/// An API that numbers its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Api {
    /// NDJSON, a fold over the log.
    Gateway,
    /// Server-sent events, another fold.
    Runtime,
    /// NDJSON, the log itself.
    Native,
}

impl Api {
    pub const ALL: [Api; 3] = [Api::Gateway, Api::Runtime, Api::Native];
}

/// One reader of one run.
pub struct Reader {
    pub tenant: &'static str,
    pub run: RunId,
    pub api: Api,
    /// The last number seen.
    seq: u64,
    /// Whether the server has ended the stream.
    pub over: bool,
    open: Option<Open>,
}

struct Open {
    life: u64,
    incoming: Arc<Mutex<Incoming>>,
}

#[derive(Default)]
struct Incoming {
    chunks: Vec<Bytes>,
    /// Whether the stream ended cleanly.
    ended: Option<bool>,
}

/// All watchers, and every event that any of them saw.
#[derive(Default)]
pub struct Watchers {
    pub readers: Vec<Reader>,
    seen: BTreeMap<(RunId, Api), BTreeMap<u64, String>>,
}

impl Reader {
    /// A reader that has seen, or claims to have seen, everything up to a number.
    pub fn new(tenant: &'static str, run: RunId, api: Api, seq: u64) -> Self {
        Reader { tenant, run, api, seq, over: false, open: None }
    }

    /// Whether it has a connection.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Connects, and requests the events after the last number seen.
    pub fn connect(&mut self, projections: &Arc<Projections>, life: u64) -> tokio::task::AbortHandle {
        let incoming = Arc::new(Mutex::new(Incoming::default()));
        let (projections, api, run, after) = (projections.clone(), self.api, self.run.to_string(), self.seq);
        let caller = caller(self.tenant);
        let into = incoming.clone();
        let task = tokio::spawn(async move {
            let Some(mut stream) = open(&projections, api, &caller, run, i64::try_from(after).unwrap_or(0)).await
            else {
                into.lock().unwrap().ended = Some(false);
                return;
            };
            let mut good = true;
            while let Some(chunk) = stream.next().await {
                match chunk {
                    Ok(chunk) => into.lock().unwrap().chunks.push(chunk),
                    Err(_) => good = false,
                }
            }
            into.lock().unwrap().ended = Some(good);
        });
        self.open = Some(Open { life, incoming });
        task.abort_handle()
    }

    /// Loses the connection.
    pub fn disconnect(&mut self) {
        self.open = None;
    }
}

impl Watchers {
    /// A life has ended, and with it every connection to it.
    pub fn cut_off(&mut self, life: u64) {
        for reader in &mut self.readers {
            if reader.open.as_ref().is_some_and(|open| open.life == life) {
                reader.disconnect();
            }
        }
    }

    /// The last number that any reader saw.
    pub fn seen_to(&self, run: RunId, api: Api) -> u64 {
        self.seen.get(&(run, api)).and_then(|seen| seen.keys().last()).copied().unwrap_or(0)
    }

    /// Takes the events that have arrived, and checks them against the laws.
    pub fn take(&mut self, model: &Mutex<Model>) {
        const LAW: &str = "every watcher sees the same, nothing missing and nothing twice";
        for reader in &mut self.readers {
            let Some(open) = &reader.open else { continue };
            let (chunks, ended) = {
                let mut incoming = open.incoming.lock().unwrap();
                (std::mem::take(&mut incoming.chunks), incoming.ended)
            };
            let seen = self.seen.entry((reader.run, reader.api)).or_default();
            for chunk in chunks {
                let text = String::from_utf8_lossy(&chunk).trim().to_owned();
                let Some(seq) = number(&text) else { continue };
                let who = || format!("{:?} of {}", reader.api, reader.run);
                if seq != reader.seq + 1 {
                    let by = format!("{}: {seq} after {}", who(), reader.seq);
                    model.lock().unwrap().breaks(LAW, by);
                }
                if *seen.entry(seq).or_insert_with(|| text.clone()) != text {
                    let by = format!("{}: {seq} was shown in another form before", who());
                    model.lock().unwrap().breaks(LAW, by);
                }
                reader.seq = seq;
            }
            if let Some(good) = ended {
                reader.over |= good;
                reader.open = None;
            }
        }
    }

    /// Once every reader has seen the end of its run: all of them saw all events.
    pub fn finish(&self, model: &mut Model) {
        for reader in &self.readers {
            let who = format!("{:?} of {}", reader.api, reader.run);
            if !reader.over {
                model.breaks("a stream ends with its run", who);
                continue;
            }
            let whole = self.seen.get(&(reader.run, reader.api)).and_then(|seen| seen.keys().last()).copied();
            if whole.unwrap_or(0) != reader.seq {
                let by = format!("{who} ended after {}, and there are {whole:?}", reader.seq);
                model.breaks("every watcher sees the same, nothing missing and nothing twice", by);
            }
        }
    }
}

/// The number of an event: NDJSON has it in the line, server-sent events before the data. Keep-alives have none.
fn number(text: &str) -> Option<u64> {
    let digits = match text.strip_prefix("id: ") {
        Some(rest) => rest,
        None => text.split_once("\"seq\":")?.1,
    };
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

fn caller(tenant: &'static str) -> Caller {
    let head = Head {
        method: http::Method::GET,
        uri: http::Uri::from_static("/"),
        headers: Arc::default(),
        base_url: "http://127.0.0.1".into(),
        remote: ([127, 0, 0, 1], 1).into(),
        request_id: "simulated".into(),
        stopping: CancellationToken::new(),
    };
    head.caller(tenant, None)
}

/// The stream of an API. `None` where the answer is not a stream.
async fn open(projections: &Projections, api: Api, cx: &Caller, run_id: String, after: i64) -> Option<ByteStream> {
    let (after_seq, follow, last_event_id) = (Some(after), None, None);
    match api {
        Api::Gateway => {
            use arp::run_gateway::{RunGateway, StreamRunEventsOk, StreamRunEventsRequest};
            let request = StreamRunEventsRequest { run_id, after_seq, follow, last_event_id };
            let StreamRunEventsOk::Ok(stream) = projections.gateway.stream_run_events(cx, request).await.ok()?.value;
            Some(stream)
        }
        Api::Runtime => {
            use arp::runtime::{Runtime, StreamRunEventsOk, StreamRunEventsRequest};
            let request = StreamRunEventsRequest { run_id, after_seq, follow, last_event_id };
            match projections.runtime.stream_run_events(cx, request).await.ok()?.value {
                StreamRunEventsOk::Ok(stream) => Some(stream),
                // The reader has seen everything, so this counts as a stream without events.
                StreamRunEventsOk::NoContent => Some(ByteStream::new(futures::stream::empty())),
            }
        }
        Api::Native => {
            use own::{Runyard, StreamRunEventsOk, StreamRunEventsRequest};
            let request = StreamRunEventsRequest { run_id, after_seq, follow, last_event_id };
            let StreamRunEventsOk::Ok(stream) = projections.native.stream_run_events(cx, request).await.ok()?.value;
            Some(stream)
        }
    }
}
