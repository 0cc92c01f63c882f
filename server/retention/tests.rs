//! Runs that are too old or too many are removed from every store, and live runs stay.

use std::sync::Arc;
use std::time::Duration;

use runyard_engine::RunId;
use serde_json::json;

use super::{Parts, round};
use crate::clock::Clock;
use crate::config::Retention as Settings;
use crate::runs::Error;
use crate::runs::fixture::{Fixture, NOW_MS, TENANT, new_run, others_go_on};
use crate::store::memory::Memory;
use crate::store::retention::Retention;
use crate::store::sqlite::{Options, Sqlite};
use crate::store::{Filter, Store};

const UUID4: &str = "runyard.core.uuid4";

async fn over<S: Store + Retention>(store: Arc<S>) {
    let fixture = Fixture::over(store.clone(), Clock::manual(NOW_MS));
    let driving = fixture.drive_plainly("one");
    let keeping = |settings: Settings| Parts {
        store: store.clone(),
        runs: fixture.runs.clone(),
        clock: fixture.clock.clone(),
        settings,
    };
    let mut runs: Vec<RunId> = Vec::new();
    for _ in 0..300 {
        let run = fixture.start(UUID4, json!({})).await;
        fixture.ended(run).await;
        runs.push(run);
        fixture.clock.advance(Duration::from_millis(100));
    }
    let failed = fixture.start("runyard.core.fail", json!({})).await;
    fixture.ended(failed).await;
    let keyed = fixture.runs.start(TENANT, new_run(UUID4, json!({})).keyed("k")).await.unwrap().state.run;
    fixture.ended(keyed).await;
    let asleep = fixture.start("runyard.core.sleep", json!({ "seconds": 3600 })).await;
    let there = async || -> usize {
        others_go_on().await;
        store.list(TENANT, &Filter::default(), None, 1_000).await.unwrap().len()
    };
    // Under a simulated clock every pause lasts until the clock is advanced.
    let rounded = async |settings: Settings| {
        let parts = keeping(settings);
        let mut round = std::pin::pin!(round(&parts));
        loop {
            tokio::select! {
                biased;
                removed = &mut round => return removed.unwrap(),
                () = others_go_on() => fixture.clock.advance(Duration::from_millis(1)),
            }
        }
    };

    assert_eq!(rounded(Settings::default()).await, 0, "by default nothing goes");
    assert_eq!(there().await, 303);
    assert_eq!(rounded(Settings { max_runs: Some(200), ..Settings::default() }).await, 102);
    assert_eq!(there().await, 201);
    let gone = fixture.runs.get(TENANT, &runs[0].to_string()).await;
    assert!(matches!(gone, Err(Error::UnknownRun(_))), "{gone:?}");
    fixture.runs.get(TENANT, &runs[102].to_string()).await.unwrap();

    fixture.clock.advance(Duration::from_secs(60));
    let by_age = Settings { max_age_seconds: Some(50), failed_max_age_seconds: Some(500_000), ..Settings::default() };
    assert_eq!(rounded(by_age.clone()).await, 198);
    assert_eq!(there().await, 3, "the one that failed, the one with a key, and the one that sleeps");
    assert_eq!(rounded(Settings { keys_seconds: 10, ..by_age.clone() }).await, 1);
    fixture.runs.get(TENANT, &failed.to_string()).await.unwrap();
    let again = fixture.runs.start(TENANT, new_run(UUID4, json!({})).keyed("k")).await.unwrap();
    assert!(!again.replayed, "a key goes with its run");
    fixture.ended(again.state.run).await;
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(rounded(Settings { max_runs: Some(0), keys_seconds: 0, ..Settings::default() }).await, 2);
    assert_eq!(there().await, 1);
    fixture.runs.get(TENANT, &asleep.to_string()).await.unwrap();
    let counts: u64 = fixture.runs.counts(TENANT).await.unwrap().iter().map(|(_, runs)| runs).sum();
    assert_eq!(counts, 1);
    driving.stop().await;
}

#[tokio::test]
async fn the_memory_store_removes_runs_that_are_too_old_or_too_many() {
    over(Arc::new(Memory::new())).await;
}

#[tokio::test]
async fn sqlite_removes_runs_that_are_too_old_or_too_many() {
    let folder = tempfile::tempdir().unwrap();
    over(Arc::new(Sqlite::open(folder.path(), Options::default()).unwrap())).await;
}
