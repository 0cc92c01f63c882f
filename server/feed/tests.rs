//! Subscribers: no event is missed or doubled, and nothing is leaked, whichever notifications are lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt};
use runyard_engine::{Command, Event, Recorded, RunId};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{EventRange, Goes, PAGE, Projection, ProjectionError, Reach, ndjson};
use crate::runs::fixture::{Fixture, InterferingStore, TENANT, bounded, others_go_on};
use crate::store::StoreError;

const EXTERNAL: &str = "runyard.composite.external";

fn follow(fixture: &Fixture, run: RunId, after: u64) -> BoxStream<'static, Result<Arc<Recorded>, StoreError>> {
    fixture.runs.follow(TENANT, run, after, CancellationToken::new()).boxed()
}

async fn positions(stream: impl Stream<Item = Result<Arc<Recorded>, StoreError>>) -> Vec<u64> {
    bounded(stream.map(|recorded| recorded.unwrap().position).collect()).await
}

async fn cancel(fixture: &Fixture, run: RunId) -> u64 {
    fixture.runs.submit(TENANT, run, Command::Cancel { reason: None }).await.unwrap().version
}

#[tokio::test]
async fn a_subscriber_gets_past_and_future_events_and_ends_with_the_run() {
    let fixture = Fixture::new();
    let run = fixture.start(EXTERNAL, json!({})).await;
    let mut following = follow(&fixture, run, 0);
    let begun = fixture.state(run).await.version;
    for expected in 1..=begun {
        assert_eq!(bounded(following.next()).await.unwrap().unwrap().position, expected);
    }
    assert!(following.next().now_or_never().is_none(), "it waits");
    fixture.evaluate(run).await.unwrap();
    assert_eq!(bounded(following.next()).await.unwrap().unwrap().position, begun + 1);
    let last = cancel(&fixture, run).await;
    assert_eq!(positions(following).await, (begun + 2..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn following_may_begin_at_every_position() {
    let fixture = Fixture::new();
    let run = fixture.start(EXTERNAL, json!({})).await;
    fixture.evaluate(run).await.unwrap();
    let last = cancel(&fixture, run).await;
    for after in 0..=last + 2 {
        assert_eq!(
            positions(follow(&fixture, run, after)).await,
            (after + 1..=last).collect::<Vec<_>>(),
            "after {after}"
        );
    }
}

#[tokio::test]
async fn more_than_a_page_is_read_page_by_page() {
    let fixture = Fixture::new();
    let run = fixture.start(EXTERNAL, json!({})).await;
    for _ in 0..2 * PAGE {
        fixture.evaluate(run).await.unwrap();
    }
    let last = cancel(&fixture, run).await;
    assert!(last > 2 * PAGE as u64);
    assert_eq!(positions(follow(&fixture, run, 0)).await, (1..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_lost_notification_costs_a_second() {
    let fixture = Fixture::new();
    // Another server over the same store has its own notifier, which does not notify this one.
    let elsewhere = Fixture::over(fixture.store.clone(), fixture.clock.clone());
    let run = fixture.start(EXTERNAL, json!({})).await;
    let begun = fixture.state(run).await.version;
    let mut following = follow(&fixture, run, begun);
    assert!(following.next().now_or_never().is_none());
    elsewhere.evaluate(run).await.unwrap();
    let waiting = tokio::spawn(async move { following.next().await.unwrap().unwrap().position });
    others_go_on().await;
    fixture.clock.advance(Duration::from_millis(999));
    others_go_on().await;
    assert!(!waiting.is_finished(), "the store is not read meanwhile");
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(bounded(waiting).await.unwrap(), begun + 1);
}

#[tokio::test]
async fn a_server_that_stops_ends_its_subscriptions() {
    let fixture = Fixture::new();
    let run = fixture.start(EXTERNAL, json!({})).await;
    let stopping = CancellationToken::new();
    let mut following = Box::pin(fixture.runs.follow(TENANT, run, 0, stopping.clone()));
    let begun = fixture.state(run).await.version;
    for _ in 0..begun {
        bounded(following.next()).await.unwrap().unwrap();
    }
    assert!(following.next().now_or_never().is_none());
    stopping.cancel();
    assert!(bounded(following.next()).await.is_none());
}

#[tokio::test]
async fn following_an_unknown_run_ends_at_once() {
    let fixture = Fixture::new();
    let unknown = RunId::from_uuid(uuid::Uuid::from_u128(1));
    assert!(positions(follow(&fixture, unknown, 0)).await.is_empty());
    let run = fixture.start(EXTERNAL, json!({})).await;
    let others = Box::pin(fixture.runs.follow("other", run, 0, CancellationToken::new()));
    assert!(positions(others).await.is_empty(), "nor is another tenant's");
}

#[tokio::test]
async fn a_subscriber_that_leaves_leaks_nothing() {
    let fixture = Fixture::new();
    let run = fixture.start(EXTERNAL, json!({})).await;
    let (mut one, other) = (follow(&fixture, run, 0), follow(&fixture, run, 0));
    bounded(one.next()).await.unwrap().unwrap();
    assert_eq!(fixture.notifier.followed(), 1);
    drop(one);
    assert_eq!(fixture.notifier.followed(), 1, "one subscriber is left");
    drop(other);
    assert_eq!(fixture.notifier.followed(), 0);
    cancel(&fixture, run).await;
    positions(follow(&fixture, run, 0)).await;
    assert_eq!(fixture.notifier.followed(), 0);
}

#[tokio::test]
async fn lines_are_kept_alive_and_the_last_one_is_complete() {
    let fixture = Fixture::new();
    let (sender, events) = futures::channel::mpsc::unbounded();
    let mut lines = Box::pin(ndjson(events, fixture.clock.clone()));
    sender.unbounded_send(Ok(json!({ "seq": 1 }))).unwrap();
    assert_eq!(bounded(lines.next()).await.unwrap().unwrap(), "{\"seq\":1}\n");
    for _ in 0..3 {
        let (next, ()) = bounded(futures::future::join(lines.next(), async {
            others_go_on().await;
            fixture.clock.advance(Duration::from_secs(15));
        }))
        .await;
        assert_eq!(next.unwrap().unwrap(), " ", "leading white space of the next line");
    }
    sender.unbounded_send(Ok(json!({ "seq": 2 }))).unwrap();
    assert_eq!(bounded(lines.next()).await.unwrap().unwrap(), "{\"seq\":2}\n");
    sender.unbounded_send(Err(StoreError::Busy("now".into()))).unwrap();
    assert!(bounded(lines.next()).await.unwrap().is_err());
    assert!(bounded(lines.next()).await.is_none());
}

#[tokio::test]
async fn the_stream_ends_with_the_last_event_however_many_come_after_it() {
    let fixture = Fixture::new();
    let run = fixture.start(EXTERNAL, json!({})).await;
    let following = follow(&fixture, run, 0);
    cancel(&fixture, run).await;
    let events: Vec<_> = bounded(following.map(Result::unwrap).collect()).await;
    assert!(matches!(events.last().unwrap().event, Event::Finished { .. }));
    assert_eq!(events.iter().filter(|one| matches!(one.event, Event::Finished { .. })).count(), 1);
}

/// A projection that shows every event.
#[derive(Clone)]
struct Every(u64);

impl Projection for Every {
    type Shown = u64;

    fn of(_: &runyard_engine::State) -> Self {
        Every(0)
    }

    fn project(&mut self, recorded: &Recorded) -> Result<Vec<u64>, ProjectionError> {
        self.0 = recorded.position;
        Ok(vec![self.0])
    }

    fn seq(&self) -> u64 {
        self.0
    }

    fn seq_of(shown: &u64) -> u64 {
        *shown
    }

    fn bytes(&self) -> usize {
        8
    }
}

async fn shown(fixture: &Fixture, run: RunId, after_seq: u64) -> Vec<u64> {
    let (state, wanted) = (fixture.state(run).await, EventRange { after_seq, reach: Reach::Live });
    let shown = fixture.runs.shown::<Every>(TENANT, &state, wanted, CancellationToken::new(), |_| Goes::On);
    bounded(shown.map(Result::unwrap).collect()).await
}

#[tokio::test]
async fn a_connect_at_the_end_of_a_long_run_reads_only_new_events() {
    const EVENTS: u64 = 20_000;
    let store = InterferingStore::new();
    let fixture = Fixture::over(store.clone(), crate::clock::Clock::manual(crate::runs::fixture::NOW_MS));
    let run = fixture.start(EXTERNAL, json!({})).await;
    while fixture.state(run).await.version < EVENTS - 2 {
        fixture.evaluate(run).await.unwrap();
    }
    let last = cancel(&fixture, run).await;
    let read = |after| {
        let (fixture, store) = (fixture.clone(), store.clone());
        async move {
            let before = store.events_read.load(Ordering::SeqCst);
            assert_eq!(shown(&fixture, run, after).await.len() as u64, last - after);
            store.events_read.load(Ordering::SeqCst) - before
        }
    };
    assert_eq!(read(0).await, last, "the first connect folds the run once");
    assert_eq!(read(last).await, 0, "one at the end reads nothing again");
    assert!(read(last - 1).await <= 8 * 512, "one before the end reads from the checkpoint before it");
    assert!(read(last / 2).await <= last / 2 + 8 * 512, "nor does one in the middle begin at the start");
}

#[tokio::test]
async fn a_stream_from_a_checkpoint_shows_what_one_from_the_start_shows() {
    let fixture = Fixture::new();
    let run = fixture.start(EXTERNAL, json!({})).await;
    for _ in 0..3 * PAGE {
        fixture.evaluate(run).await.unwrap();
    }
    let last = cancel(&fixture, run).await;
    let whole = shown(&fixture, run, 0).await;
    assert_eq!(whole, (1..=last).collect::<Vec<_>>());
    for after in [0, 1, 255, 256, 511, 512, 513, last - 1, last, last + 5] {
        assert_eq!(shown(&fixture, run, after).await, whole[whole.len().min(after as usize)..], "after {after}");
    }
}

#[tokio::test]
async fn a_stream_of_recorded_events_ends_before_the_run() {
    let fixture = Fixture::new();
    let run = fixture.start(EXTERNAL, json!({})).await;
    for _ in 0..PAGE {
        fixture.evaluate(run).await.unwrap();
    }
    let version = fixture.state(run).await.version;
    let recorded = fixture.runs.events(TENANT, run, 3, Reach::Recorded, CancellationToken::new());
    assert_eq!(positions(recorded).await, (4..=version).collect::<Vec<_>>());
}

/// A projection that cannot show the second event.
#[derive(Clone)]
struct FirstOnly(Every);

impl Projection for FirstOnly {
    type Shown = u64;

    fn of(state: &runyard_engine::State) -> Self {
        FirstOnly(Every::of(state))
    }

    fn project(&mut self, recorded: &Recorded) -> Result<Vec<u64>, ProjectionError> {
        if recorded.position > 1 {
            let run = RunId::from_uuid(uuid::Uuid::nil());
            return Err(ProjectionError::new(run, recorded, "a test"));
        }
        self.0.project(recorded)
    }

    fn seq(&self) -> u64 {
        self.0.seq()
    }

    fn seq_of(shown: &u64) -> u64 {
        *shown
    }

    fn bytes(&self) -> usize {
        8
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_shown_ends_the_stream_with_an_error_each_time() {
    let fixture = Fixture::new();
    let run = fixture.start(EXTERNAL, json!({})).await;
    let (state, wanted) = (fixture.state(run).await, EventRange { after_seq: 0, reach: Reach::Live });
    for _ in 0..2 {
        let shown = fixture.runs.shown::<FirstOnly>(TENANT, &state, wanted, CancellationToken::new(), |_| Goes::On);
        let shown: Vec<_> = bounded(shown.collect()).await;
        assert_eq!(*shown[0].as_ref().unwrap(), 1);
        let error = shown[1].as_ref().unwrap_err().to_string();
        assert!(error.contains("event 2 cannot be shown: a test"), "{error}");
        assert_eq!(shown.len(), 2, "the stream ends there");
    }
}
