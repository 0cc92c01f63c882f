//! Tests of maintenance: the acknowledgement log, removal in steps, and the queries of both.

use std::fs;
use std::path::Path;

use runyard_engine::Labels;
use rusqlite::Connection;

use super::{fill, folder, is_filled, meddle, open};
use crate::conformance::fixture::{Draft, TENANT, go_on, positions, run, start};
use crate::outbox::EffectKinds;
use crate::retention::{Removal, Retention};
use crate::sqlite::claims;
use crate::sqlite::{FILE_NAME, Options, Sqlite, ack_log, in_row, node_runs, removals};
use crate::{Status, StoreError};

/// The files on disk at the moment of a crash, with the WAL cut to a length.
fn crashed(before: &Path, after: &Path, wal_bytes: Option<u64>) {
    let wal = format!("{FILE_NAME}-wal");
    for name in [FILE_NAME, &wal, ack_log::FILE_NAME] {
        fs::copy(before.join(name), after.join(name)).unwrap();
    }
    if let Some(bytes) = wal_bytes {
        fs::OpenOptions::new().write(true).open(after.join(&wal)).unwrap().set_len(bytes).unwrap();
    }
}

fn wal_bytes(folder: &Path) -> u64 {
    fs::metadata(folder.join(format!("{FILE_NAME}-wal"))).unwrap().len()
}

fn refused(folder: &Path) -> String {
    match Sqlite::open(folder, Options::default()) {
        Err(StoreError::Unusable(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn plan(database: &Connection, sql: &str) -> String {
    let mut plan = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let marks = plan.parameter_count();
    let steps = plan.query_map(rusqlite::params_from_iter(vec![1; marks]), |row| row.get::<_, String>(3)).unwrap();
    steps.map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn a_wal_that_ends_before_what_was_acknowledged_is_refused_and_the_first_loss_named() {
    let (before, after) = (folder(), folder());
    let store = open(&before);
    start(1).lands(&store).await;
    let kept = wal_bytes(before.path());
    go_on(1, 1).events(2).lands(&store).await;
    start(2).tenant("other").lands(&store).await;
    crashed(before.path(), after.path(), Some(kept));

    let why = refused(after.path());
    assert!(why.contains(&format!("position 2 of run {} of tenant \"default\"", run(1))), "{why}");
    assert!(why.contains("1 more runs") && why.contains("runyard check"), "{why}");
    assert_eq!(refused(after.path()), why, "asking again changes nothing");
    // An operator who accepts the loss continues from the last durable version.
    fs::remove_file(after.path().join(ack_log::FILE_NAME)).unwrap();
    let store = open(&after);
    assert_eq!(positions(&store, 1).await, [1]);
    go_on(1, 1).lands(&store).await;
}

#[tokio::test]
async fn a_frame_that_is_damaged_in_the_middle_is_a_loss_too() {
    let (before, after) = (folder(), folder());
    let store = open(&before);
    start(1).lands(&store).await;
    let kept = usize::try_from(wal_bytes(before.path())).unwrap();
    start(2).lands(&store).await;
    start(3).lands(&store).await;
    crashed(before.path(), after.path(), None);
    let wal = after.path().join(format!("{FILE_NAME}-wal"));
    let mut bytes = fs::read(&wal).unwrap();
    bytes[kept + 100] ^= 0xff;
    fs::write(&wal, bytes).unwrap();
    let why = refused(after.path());
    assert!(why.contains(&format!("position 1 of run {}", run(2))), "{why}");
}

#[tokio::test]
async fn a_wal_cut_in_what_was_never_acknowledged_loses_nothing() {
    let (before, after) = (folder(), folder());
    let store = open(&before);
    fill(&store).await;
    crashed(before.path(), after.path(), None);
    let wal = after.path().join(format!("{FILE_NAME}-wal"));
    let mut torn = fs::read(&wal).unwrap();
    torn.extend([7; 5_000]);
    fs::write(&wal, torn).unwrap();
    // A line that was cut in the middle does not count either.
    let mut lines = fs::read(after.path().join(ack_log::FILE_NAME)).unwrap();
    lines.extend(b"0000000000000000000000000000");
    fs::write(after.path().join(ack_log::FILE_NAME), lines).unwrap();
    is_filled(&open(&after)).await;
}

#[tokio::test]
async fn a_database_does_not_need_its_acknowledgement_log() {
    let folder = folder();
    let store = Sqlite::open(folder.path(), Options { checkpoint_pages: 1, ..Options::default() }).unwrap();
    for n in 1..200 {
        start(n).lands(&store).await;
    }
    let acknowledged_log = || fs::metadata(folder.path().join(ack_log::FILE_NAME)).unwrap().len();
    assert!(acknowledged_log() < 199 * 40, "it was cut short together with the WAL: {} bytes", acknowledged_log());
    drop(store);
    assert_eq!(acknowledged_log(), 0);
    drop(open(&folder));
}

fn removal(draft: &Draft) -> Removal {
    let append = &draft.0;
    Removal {
        run: append.run,
        version: append.row.version,
        labels: Labels::new(),
        thread: String::new(),
        parent: None,
        closing_effects: Vec::new(),
    }
}

#[tokio::test]
async fn what_was_removed_is_no_loss() {
    let (before, after) = (folder(), folder());
    let store = open(&before);
    let ended = start(1).ends(Status::Succeeded, 1);
    let gone = removal(&ended);
    ended.lands(&store).await;
    start(2).lands(&store).await;
    assert_eq!(store.remove(TENANT, vec![gone], 9).await.unwrap(), [run(1)]);
    crashed(before.path(), after.path(), None);
    let store = open(&after);
    assert!(positions(&store, 1).await.is_empty());
    assert_eq!(positions(&store, 2).await, [1]);
}

#[tokio::test]
async fn a_long_log_goes_bite_by_bite_and_is_not_seen_meanwhile() {
    let folder = folder();
    let store = open(&folder);
    let ended = start(1).events(1_000).ends(Status::Succeeded, 1);
    let gone = removal(&ended);
    ended.lands(&store).await;
    start(2).events(3).lands(&store).await;
    store.remove(TENANT, vec![gone], 9).await.unwrap();
    assert_eq!(store.sweep(400).await.unwrap(), 400);
    assert!(positions(&store, 1).await.is_empty());
    drop(store);

    // Half of it is left, and the next store continues.
    let store = open(&folder);
    assert_eq!(store.sweep(400).await.unwrap(), 400);
    while store.sweep(400).await.unwrap() > 0 {}
    assert_eq!(positions(&store, 2).await, [1, 2, 3]);
    drop(store);
    let database = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    let left: i64 = database.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1, "the other run's");
}

#[tokio::test]
async fn a_restore_that_was_not_finished_is_not_opened() {
    let folder = folder();
    drop(open(&folder));
    fs::create_dir(folder.path().join("restore.unfinished")).unwrap();
    assert!(refused(folder.path()).contains("run it again with --replace"));
    meddle(&folder, "SELECT 1");
}

#[tokio::test]
async fn claims_and_removals_read_no_more_than_they_need() {
    let folder = folder();
    drop(open(&folder));
    let database = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    for (wanted, index) in [(EffectKinds::All, "effects_free"), (EffectKinds::Timers, "effects_timers")] {
        for sql in [claims::due_sql(wanted), claims::first_sql(wanted)] {
            let steps = plan(&database, &sql);
            assert!(steps.contains(index), "{sql}: {steps}");
            assert!(!steps.contains("SCAN effects;") && !steps.contains("B-TREE"), "{sql}: {steps}");
        }
    }
    let steps = plan(&database, in_row::IN_ROWS);
    assert!(steps.contains("SEARCH runs USING INDEX runs_by_status ") && !steps.contains("SCAN runs"), "{steps}");
    for goes_on in [false, true] {
        let steps = plan(&database, &removals::oldest_sql(goes_on));
        assert!(steps.contains("USING INDEX runs_by_status ") && !steps.contains("B-TREE"), "{steps}");
    }
    for sql in node_runs::QUERIES {
        let steps = plan(&database, sql);
        assert!(steps.contains("SEARCH") && !steps.contains("SCAN runs"), "{sql}: {steps}");
    }
    for sql in removals::QUERIES.into_iter().chain(super::super::values::QUERIES) {
        let steps = plan(&database, sql);
        assert!(steps.contains("SEARCH") && !steps.contains("SCAN") && !steps.contains("B-TREE"), "{sql}: {steps}");
    }
}
