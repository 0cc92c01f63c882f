//! Many connections that each watch one run, in one thread: what they received, and when.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use runyard::clock::Stopwatch;
use tokio::task::JoinSet;

use super::BenchError;
use super::client::{Client, PreparedRequest, Target};

/// How many connections are opened at once.
const OPENING: usize = 64;
/// The text before the number of a verdict in its event, and the one after it.
const BEFORE: &[u8] = b"verdict-";
const AFTER: u8 = b';';

/// What all watchers of a round have received.
#[derive(Debug)]
pub(super) struct VerdictArrivals {
    /// When each verdict arrived: one entry for each arrival.
    pub(super) arrivals: Vec<(usize, Duration)>,
}

/// Watchers that run until this is dropped.
pub(super) struct Watchers {
    pub(super) seen: Rc<RefCell<VerdictArrivals>>,
    tasks: JoinSet<()>,
}

impl Watchers {
    /// Opens a connection for each path, and returns when each has received its first bytes.
    pub(super) async fn open(target: &Target, paths: Vec<String>, watch: Stopwatch) -> Result<Self, BenchError> {
        let seen = Rc::new(RefCell::new(VerdictArrivals { arrivals: Vec::new() }));
        let mut tasks = JoinSet::new();
        let opening = futures::stream::iter(paths).map(|path| opened(target, path)).buffer_unordered(OPENING);
        futures::pin_mut!(opening);
        while let Some(opened) = opening.next().await {
            let (client, body) = opened?;
            tasks.spawn_local(follow(client, body, seen.clone(), watch));
        }
        Ok(Self { seen, tasks })
    }

    /// How many are still connected.
    pub(super) fn count(&mut self) -> usize {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.len()
    }
}

async fn opened(target: &Target, path: String) -> Result<(Client, Incoming), BenchError> {
    let mut client = Client::open(target).await?;
    let response = client.stream(&PreparedRequest::get(&path)).await?;
    if !response.status().is_success() {
        return Err(BenchError::Server(format!("answered {} to a watcher", response.status())));
    }
    let mut body = response.into_body();
    match body.frame().await {
        Some(Ok(_)) => Ok((client, body)),
        _ => Err(BenchError::Server("ended a stream at its beginning".to_owned())),
    }
}

/// Holds the client, because the connection would end without it.
async fn follow(_client: Client, mut body: Incoming, seen: Rc<RefCell<VerdictArrivals>>, watch: Stopwatch) {
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else { continue };
        let at = watch.elapsed();
        let mut seen = seen.borrow_mut();
        numbers(data, |number| seen.arrivals.push((number, at)));
    }
}

/// The numbers of all verdicts in a chunk. The server writes a line at once, so it arrives whole.
fn numbers(chunk: &Bytes, mut found: impl FnMut(usize)) {
    let mut rest = &chunk[..];
    while let Some(at) = rest.windows(BEFORE.len()).position(|window| window == BEFORE) {
        rest = &rest[at + BEFORE.len()..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&rest[..digits]).ok().and_then(|digits| digits.parse().ok());
        if let (Some(number), Some(&AFTER)) = (number, rest.get(digits)) {
            found(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_found_in_every_chunk() {
        let mut found = Vec::new();
        let chunk = Bytes::from_static(
            b" {\"message\":\"verdict-7;\"}\n{\"message\":\"verdict-12;\"}\n{\"message\":\"verdict-3",
        );
        numbers(&chunk, |number| found.push(number));
        assert_eq!(found, [7, 12]);
        numbers(&Bytes::from_static(b" "), |_| panic!("a sign of life says nothing"));
    }
}
