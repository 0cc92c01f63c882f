//! Tests of SQLite alone: reopening, crashes, full disks, damage, and databases of other versions.

mod operations;

use std::fs;
use std::sync::Arc;

use futures::future::join_all;
use runyard_engine::event::FORMAT_VERSION;
use rusqlite::Connection;

use super::writer::Queue;
use super::{FILE_NAME, Options, Sqlite, list, schema, wal};
use crate::conformance::fixture::{TENANT, effect, effect_id, go_on, held, node_run, positions, run, start};
use crate::{Claims, Cursor, Filter, LabelFilter, RunPhase, Status, Store, StoreError};

fn open(folder: &tempfile::TempDir) -> Sqlite {
    Sqlite::open(folder.path(), Options::default()).unwrap()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Changes the database without the store.
fn meddle(folder: &tempfile::TempDir, sql: &str) {
    Connection::open(folder.path().join(FILE_NAME)).unwrap().execute_batch(sql).unwrap();
}

async fn fill(store: &dyn Store) {
    start(1).name("n").key("start_run", "k").node_run(1).asks(effect(1, 10)).lands(store).await;
    store.claim("a", 10, 100, 1).await.unwrap();
    go_on(1, 1).name("n").status(Status::Waiting).asks(effect(2, 50)).lands(store).await;
    start(2).tenant("other").lands(store).await;
}

async fn is_filled(store: &dyn Store) {
    assert_eq!(positions(store, 1).await, [1, 2]);
    assert_eq!(store.row(TENANT, run(1)).await.unwrap().unwrap().version, 2);
    assert_eq!(store.named(TENANT, "n").await.unwrap(), Some(run(1)));
    assert_eq!(store.run_of(TENANT, node_run(1)).await.unwrap(), Some(run(1)));
    assert_eq!(store.keyed(TENANT, "start_run", "k").await.unwrap().unwrap().run, run(1));
    assert_eq!(store.list(TENANT, &Filter::default(), None, 9).await.unwrap().len(), 1);
    assert_eq!(store.counts(TENANT).await.unwrap(), [(Status::Waiting, 1)]);
    assert_eq!(store.counts("other").await.unwrap(), [(Status::Running, 1)]);
    // Long after every lease: a claim of an earlier store ended with it.
    let claimed = store.claim("b", 110, 100, 9).await.unwrap();
    assert_eq!(claimed.iter().map(|one| one.effect.id).collect::<Vec<_>>(), [effect_id(1), effect_id(2)]);
}

#[tokio::test]
async fn an_owner_claims_at_once_what_a_dead_claimer_was_performing() {
    let folder = folder();
    let store = open(&folder);
    // One is in memory from the start, one waits in the table.
    start(1).asks(effect(1, 1)).asks(effect(2, 10)).lands(&store).await;
    assert_eq!(store.claim("dead", 10, 1_000_000, 9).await.unwrap().len(), 2);
    drop(store);
    let owner = open(&folder);
    assert_eq!(held(&owner.claim("b", 20, 100, 9).await.unwrap()), [(effect_id(1), 1), (effect_id(2), 1)]);
}

#[tokio::test]
async fn the_effects_of_a_run_are_there_after_a_crash_wherever_it_was_kept() {
    let (before, after) = (folder(), folder());
    let store = open(&before);
    // One in its row and one beside it; two in sequence in its row; and one that stays when its run ends.
    start(1).asks(effect(1, 1)).asks(effect(2, 1)).lands(&store).await;
    start(2).asks(effect(3, 1)).lands(&store).await;
    start(3).asks(effect(5, 1)).lands(&store).await;
    store.claim("a", 9, 100, 9).await.unwrap();
    go_on(2, 1).settles(3, 1).asks(effect(4, 1)).lands(&store).await;
    go_on(3, 1).ends(Status::Succeeded, 9).lands(&store).await;
    start(4).asks(effect(6, 1)).lands(&store).await;
    go_on(4, 1).drops(6).lands(&store).await;
    for suffix in ["", "-wal"] {
        let name = format!("{FILE_NAME}{suffix}");
        fs::copy(before.path().join(&name), after.path().join(&name)).unwrap();
    }
    let store = open(&after);
    let mut claimed = held(&store.claim("b", 9, 100, 9).await.unwrap());
    claimed.sort_unstable();
    assert_eq!(claimed, [1, 2, 4, 5].map(|n| (effect_id(n), 1)));
    for (n, run, version) in [(1, 1, 1), (2, 1, 2), (4, 2, 2)] {
        go_on(run, version).settles(n, 1).lands(&store).await;
    }
    drop(store);
    let left = held(&open(&after).claim("c", 9, 100, 9).await.unwrap());
    assert_eq!(left, [(effect_id(5), 1)]);
}

#[tokio::test]
async fn a_claim_and_its_renewal_write_nothing() {
    let folder = folder();
    let store = open(&folder);
    start(1).asks(effect(1, 1)).asks(effect(2, 10)).lands(&store).await;
    let before = wal::commits(folder.path()).unwrap();
    let claimed = held(&store.claim("a", 10, 100, 9).await.unwrap());
    assert_eq!(claimed, [(effect_id(1), 1), (effect_id(2), 1)]);
    assert_eq!(store.renew(&claimed, 300).await.unwrap().len(), 2);
    assert_eq!(wal::commits(folder.path()).unwrap(), before);
    go_on(1, 1).settles(1, 1).lands(&store).await;
    go_on(1, 2).settles(2, 1).lands(&store).await;
    assert_eq!(wal::commits(folder.path()).unwrap(), before + 2);
}

#[tokio::test]
async fn effects_beyond_the_memory_limit_are_performed_in_order() {
    const EFFECTS: u128 = 3_000;
    let folder = folder();
    let store = open(&folder);
    let many = (0..EFFECTS).fold(start(9), |draft, n| draft.asks(effect(n, 5)));
    many.lands(&store).await;
    // Another tenant's effect is in memory nevertheless, and a timer that is due later is found between them.
    start(8).tenant("other").asks(effect(EFFECTS, 4)).asks(effect(EFFECTS + 1, 9)).lands(&store).await;
    let mut claimed = Vec::new();
    while let Some(first) = store.claim("a", 9, 100_000, 64).await.unwrap().into_iter().next() {
        claimed.push(first.effect.id);
        assert!(store.next_due().await.unwrap().is_some());
    }
    assert_eq!(claimed[0], effect_id(EFFECTS));
    let store = {
        drop(store);
        open(&folder)
    };
    let all: Vec<_> = store.claim("a", 9, 100_000, 9_999).await.unwrap().iter().map(|one| one.effect.id).collect();
    let expected = [EFFECTS].into_iter().chain(0..EFFECTS).chain([EFFECTS + 1]).map(effect_id);
    assert_eq!(all, expected.collect::<Vec<_>>());
    assert_eq!(store.next_due().await.unwrap(), Some(100_009));
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let folder = folder();
    let store = open(&folder);
    fill(&store).await;
    drop(store);

    assert!(!folder.path().join(format!("{FILE_NAME}-wal")).exists(), "closing moves the WAL into the database");
    is_filled(&open(&folder)).await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let store = open(&folder);
    start(1).lands(&store).await;

    for suffix in ["", "-wal", "-shm"] {
        let file = fs::metadata(folder.path().join(format!("{FILE_NAME}{suffix}"))).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn a_crash_loses_nothing_acknowledged() {
    let (before, after) = (folder(), folder());
    let store = open(&before);
    fill(&store).await;
    // The files on disk at a crash: nothing was closed. The shared memory file is not trusted after one.
    for suffix in ["", "-wal"] {
        let name = format!("{FILE_NAME}{suffix}");
        fs::copy(before.path().join(&name), after.path().join(&name)).unwrap();
    }

    is_filled(&open(&after)).await;
    is_filled(&store).await;
}

#[tokio::test]
async fn a_torn_tail_of_the_wal_loses_only_what_was_not_acknowledged() {
    let (before, after) = (folder(), folder());
    let store = open(&before);
    start(1).lands(&store).await;
    let wal = format!("{FILE_NAME}-wal");
    let acknowledged = fs::metadata(before.path().join(&wal)).unwrap().len();
    start(2).lands(&store).await;
    fs::copy(before.path().join(FILE_NAME), after.path().join(FILE_NAME)).unwrap();
    let torn = fs::read(before.path().join(&wal)).unwrap();
    fs::write(after.path().join(&wal), &torn[..usize::try_from(acknowledged).unwrap() + 1000]).unwrap();

    let store = open(&after);
    assert_eq!(positions(&store, 1).await, [1]);
    assert!(positions(&store, 2).await.is_empty());
    start(2).lands(&store).await;
}

#[tokio::test]
async fn a_full_disk_fails_what_does_not_fit_and_nothing_else() {
    let folder = folder();
    let store = open(&folder);
    for n in 0..20 {
        start(n).asks(effect(n, 0)).lands(&store).await;
    }
    drop(store);
    let pages: u32 = {
        let database = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        database.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap()
    };

    let full = Sqlite::open(folder.path(), Options { pages_max: Some(pages), ..Options::default() }).unwrap();
    // Settling a claim needs no space; a thousand events do.
    full.claim("a", 0, 100, 1).await.unwrap();
    let entries = vec![go_on(1, 1).events(1000).0, go_on(0, 1).events(0).settles(0, 1).0, go_on(2, 1).events(1000).0];
    let answers = full.commit(entries).await;
    assert!(matches!(answers[0], Err(StoreError::Failed(_))), "{:?}", answers[0]);
    assert!(answers[1].is_ok(), "{:?}", answers[1]);
    assert!(matches!(answers[2], Err(StoreError::Failed(_))), "{:?}", answers[2]);
    assert_eq!(positions(&full, 1).await, [1]);
    assert_eq!(full.row(TENANT, run(1)).await.unwrap().unwrap().version, 1);
    drop(full);

    let roomy = open(&folder);
    go_on(1, 1).events(1000).lands(&roomy).await;
    assert_eq!(roomy.counts(TENANT).await.unwrap(), [(Status::Running, 20)]);
}

#[tokio::test]
async fn space_that_returns_is_used_without_reopening() {
    let folder = folder();
    let store = Sqlite::open(folder.path(), Options { pages_max: Some(200), ..Options::default() }).unwrap();
    start(1).lands(&store).await;
    let full = go_on(1, 1).events(50_000).commit(&store).await;
    assert!(matches!(full, Err(StoreError::Failed(_))), "{full:?}");

    // The refused append left nothing, so its space is free again.
    for version in 1..20 {
        go_on(1, version).lands(&store).await;
    }
    assert_eq!(positions(&store, 1).await.len(), 20);
}

#[tokio::test]
async fn a_newer_database_is_refused_naming_both_versions() {
    let folder = folder();
    drop(open(&folder));
    meddle(&folder, "PRAGMA user_version = 99");

    let refused = Sqlite::open(folder.path(), Options::default()).unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, StoreError::Unusable(_)), "{text}");
    let known = format!("up to {}", schema::MIGRATIONS.len());
    assert!(text.contains("schema version 99") && text.contains(&known), "{text}");
}

#[tokio::test]
async fn newer_events_are_refused_naming_both_formats() {
    let folder = folder();
    drop(open(&folder));
    meddle(&folder, "UPDATE meta SET value = 42 WHERE name = 'event_format'");

    let text = Sqlite::open(folder.path(), Options::default()).unwrap_err().to_string();
    assert!(text.contains("format 42") && text.contains(&format!("up to {FORMAT_VERSION}")), "{text}");
}

#[test]
fn what_is_not_ours_is_refused_and_left_as_it_was() {
    let strange = folder();
    meddle(&strange, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
    let text = folder();
    fs::write(text.path().join(FILE_NAME), "not a database, but long enough to be taken for one".repeat(100)).unwrap();

    for folder in [strange, text] {
        let before = fs::read(folder.path().join(FILE_NAME)).unwrap();
        let refused = Sqlite::open(folder.path(), Options::default()).unwrap_err();
        assert!(
            matches!(&refused, StoreError::Unusable(why) if why.contains("not a database of runyard")),
            "{refused}"
        );
        assert_eq!(fs::read(folder.path().join(FILE_NAME)).unwrap(), before);
    }
}

#[test]
fn an_older_database_is_migrated_whole_or_not_at_all() {
    let folder = folder();
    let path = folder.path().join(FILE_NAME);
    drop(open(&folder));
    let and = |more: &[&'static str]| [schema::MIGRATIONS, more].concat();

    let broken = and(&["CREATE TABLE more (x) STRICT"]);
    assert!(schema::open_with(&path, &Options::default(), &broken).is_err());
    let halfway = and(&["CREATE TABLE more (x INTEGER) STRICT; CREATE TABLE log (x INTEGER) STRICT"]);
    assert!(schema::open_with(&path, &Options::default(), &halfway).is_err());

    let good = and(&["CREATE TABLE more (x INTEGER) STRICT", "INSERT INTO more VALUES (3)"]);
    let migrated = schema::open_with(&path, &Options::default(), &good).unwrap();
    assert_eq!(migrated.query_row("SELECT x FROM more", [], |row| row.get(0)), Ok(3));
    let version = migrated.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0));
    assert_eq!(version, Ok(u32::try_from(good.len()).unwrap()));
    drop(migrated);
    schema::open_with(&path, &Options::default(), &good).unwrap();
    assert!(Sqlite::open(folder.path(), Options::default()).is_err(), "the build of before refuses it now");
}

#[tokio::test]
async fn a_damaged_event_is_named_and_harms_no_other() {
    let folder = folder();
    let store = open(&folder);
    for n in 1..=3 {
        start(n).lands(&store).await;
        go_on(n, 1).lands(&store).await;
        go_on(n, 2).lands(&store).await;
    }
    start(4).events(1).lands(&store).await;
    start(5).events(3).lands(&store).await;
    drop(store);
    meddle(
        &folder,
        "UPDATE log SET packed = NULL, event = '{\"secret\":' WHERE run = (SELECT run FROM runs WHERE created_at_ms = 1) AND position = 2;
         DELETE FROM log WHERE run = (SELECT run FROM runs WHERE created_at_ms = 2) AND position = 2;
         UPDATE log SET packed = NULL, event = '{\"type\":\"secret\"}' WHERE run = (SELECT run FROM runs WHERE created_at_ms = 3) AND position = 3;
         UPDATE log SET format = 7 WHERE run = (SELECT run FROM runs WHERE created_at_ms = 4);
         UPDATE log SET packed = substr(packed, 1, length(packed) - 9) WHERE run = (SELECT run FROM runs WHERE created_at_ms = 5);",
    );

    let store = open(&folder);
    for (n, position) in [(1, "position 2"), (2, "position 2"), (3, "position 3")] {
        let error = store.log(TENANT, run(n), 0, 9).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, StoreError::Corrupt { run: which, .. } if which == run(n)), "{text}");
        assert!(text.contains(position) && !text.contains("secret"), "{text}");
        assert_eq!(store.log(TENANT, run(n), 0, 1).await.unwrap().len(), 1);
    }
    let torn = store.log(TENANT, run(5), 0, 9).await.unwrap_err().to_string();
    assert!(torn.contains("position 1") && torn.contains("not JSON"), "{torn}");
    let newer = store.log(TENANT, run(4), 0, 9).await.unwrap_err().to_string();
    assert!(newer.contains("format 7") && newer.contains(&format!("up to {FORMAT_VERSION}")), "{newer}");
}

#[tokio::test]
async fn events_that_share_a_row_are_read_one_by_one() {
    let folder = folder();
    let store = open(&folder);
    start(1).events(300).lands(&store).await;
    go_on(1, 300).events(2).lands(&store).await;
    let whole = store.log(TENANT, run(1), 0, usize::MAX).await.unwrap();
    assert_eq!(whole.iter().map(|one| one.position).collect::<Vec<_>>(), (1..=302).collect::<Vec<_>>());
    for (after, limit) in
        [(0, 1), (0, 300), (1, 7), (127, 2), (128, 1), (200, 1), (299, 9), (300, 9), (302, 9), (999, 9)]
    {
        let expected: Vec<_> = whole.iter().skip(usize::try_from(after).unwrap()).take(limit).cloned().collect();
        assert_eq!(store.log(TENANT, run(1), after, limit).await.unwrap(), expected, "{limit} after {after}");
    }
    drop(store);
    let database = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    let rows: i64 = database.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 4, "as many to a row as fit");
}

#[tokio::test]
async fn a_damaged_effect_does_not_stand_in_the_way() {
    let folder = folder();
    let store = open(&folder);
    let five = [(1, 0), (2, 1), (5, 1), (3, 3), (4, 4)];
    five.into_iter().fold(start(1), |draft, (n, due_at_ms)| draft.asks(effect(n, due_at_ms))).lands(&store).await;
    drop(store);
    meddle(&folder, "UPDATE runs SET in_hand = x'0001'");
    meddle(&folder, "UPDATE in_hand SET request = 'x' WHERE ordinal = (SELECT min(ordinal) FROM in_hand)");
    meddle(&folder, "UPDATE effects SET request = 'x' WHERE due_at_ms = 3");

    let store = open(&folder);
    assert_eq!(held(&store.claim("a", 5, 100, 1).await.unwrap()), [(effect_id(5), 1)]);
    assert_eq!(held(&store.claim("a", 5, 100, 1).await.unwrap()), [(effect_id(4), 1)]);
    assert_eq!(store.next_due().await.unwrap(), Some(105));
}

#[tokio::test]
async fn a_damaged_row_is_named() {
    let folder = folder();
    let store = open(&folder);
    start(1).lands(&store).await;
    drop(store);
    meddle(&folder, "UPDATE runs SET status = 'asleep'");

    let store = open(&folder);
    let damaged = store.row(TENANT, run(1)).await;
    assert!(matches!(damaged, Err(StoreError::Corrupt { run: which, .. }) if which == run(1)), "{damaged:?}");
    assert!(store.list(TENANT, &Filter::default(), None, 9).await.is_err());
    let refused = go_on(1, 1).commit(&store).await;
    assert!(refused.is_err(), "{refused:?}");
    start(2).lands(&store).await;
}

#[tokio::test]
async fn a_full_queue_is_busy_and_recovers() {
    let folder = folder();
    let options = Options { queue_entries_max: 2, ..Options::default() };
    let store = Sqlite::open(folder.path(), options).unwrap();
    // While another process holds the lock, queued entries stay queued.
    let outside = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    let commits = join_all((0..40).map(|n| start(n).commit(&store)));
    let release = async { outside.execute_batch("COMMIT").unwrap() };

    // Polled in this order: all calls are queued before the lock is released.
    let (answers, ()) = tokio::join!(commits, release);

    let busy = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Busy(_)))).count();
    let landed = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(busy >= 30 && landed >= 2 && busy + landed == 40, "{busy} busy, {landed} landed");
    start(99).lands(&store).await;
}

#[tokio::test]
async fn a_queue_is_full_of_bytes_before_it_is_full_of_entries() {
    let folder = folder();
    let store = Sqlite::open(folder.path(), Options { queue_bytes_max: 1, ..Options::default() }).unwrap();
    let outside = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    let commits = join_all((0..10).map(|n| start(n).commit(&store)));
    let release = async { outside.execute_batch("COMMIT").unwrap() };

    let (answers, ()) = tokio::join!(commits, release);

    let busy = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Busy(_)))).count();
    assert!((1..10).contains(&busy), "{busy} of 10 are busy; one always fits");
    start(99).lands(&store).await;
}

#[tokio::test]
async fn a_dead_writer_is_an_error_not_a_hang() {
    let folder = folder();
    let mut store = open(&folder);
    start(1).asks(effect(1, 5_000)).lands(&store).await;
    let (jobs, inbox) = std::sync::mpsc::channel();
    store.queue = Some(Queue::to(jobs));
    let writer = std::thread::spawn(move || {
        let _job = inbox.recv().unwrap();
        panic!("a writer that dies with an unfinished job, as a test");
    });

    for _ in 0..3 {
        let refused = go_on(1, 1).commit(&store).await;
        assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
        assert!(matches!(store.claim("a", 5_000, 1, 1).await, Err(StoreError::Failed(_))));
        assert!(matches!(store.ping().await, Err(StoreError::Failed(_))));
    }
    assert!(writer.join().is_err());
    assert_eq!(positions(&store, 1).await, [1], "reading goes on");
    drop(store);
    go_on(1, 1).lands(&open(&folder)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_commit_claim_and_read_at_once() {
    let folder = folder();
    // Small limits, so that checkpoints and batches happen often.
    let options = Options { checkpoint_pages: 8, batch_entries_max: 5, ..Options::default() };
    let store = Arc::new(Sqlite::open(folder.path(), options).unwrap());
    let tasks: Vec<_> = (0..8_u128)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let (mut claimed, ids) = (Vec::new(), (0..25).map(|n| task * 100 + n));
                for n in ids {
                    start(n).asks(effect(n, 0)).lands(&*store).await;
                    go_on(n, 1).status(Status::Succeeded).lands(&*store).await;
                    assert_eq!(positions(&*store, n).await, [1, 2], "what was acknowledged is seen");
                    claimed.extend(held(&store.claim("any", 0, 1000, 1).await.unwrap()));
                }
                claimed
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for task in tasks {
        claimed.extend(task.await.unwrap());
    }
    claimed.sort_unstable();
    claimed.dedup();
    assert_eq!(claimed.len(), 200);
    assert_eq!(store.counts(TENANT).await.unwrap(), [(Status::Succeeded, 200)]);

    let wal = fs::metadata(folder.path().join(format!("{FILE_NAME}-wal"))).unwrap().len();
    assert!(wal < 4 * 1024 * 1024, "checkpoints keep the WAL short: {wal} bytes");
}

#[tokio::test]
async fn the_wal_is_cut_when_nothing_is_written_any_more() {
    let folder = folder();
    let options = Options { idle_after: std::time::Duration::from_millis(20), ..Options::default() };
    let store = Sqlite::open(folder.path(), options).unwrap();
    start(1).events(2_000).lands(&store).await;
    let wal = folder.path().join(format!("{FILE_NAME}-wal"));
    let cut = async {
        while fs::metadata(&wal).unwrap().len() > 0 {
            // Reads continue and do not block it.
            assert_eq!(store.row(TENANT, run(1)).await.unwrap().unwrap().version, 2_000);
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), cut).await.expect("it is cut");
    go_on(1, 2_000).lands(&store).await;
    assert_eq!(positions(&store, 1).await.len(), 2_001);
}

#[tokio::test]
async fn counts_are_one_row_each_and_stay_right() {
    let folder = folder();
    let store = open(&folder);
    for n in 0..400 {
        start(n).lands(&store).await;
    }
    assert_eq!(store.counts(TENANT).await.unwrap(), [(Status::Running, 400)]);
    drop(store);
    let database = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    let rows: i64 = database.query_row("SELECT count(*) FROM status_counts", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1, "a row for each number");
    drop(database);

    let store = open(&folder);
    start(400).lands(&store).await;
    assert_eq!(store.counts(TENANT).await.unwrap(), [(Status::Running, 401)]);
}

#[tokio::test]
async fn every_query_of_a_list_of_approvals_uses_an_index_for_its_order() {
    let folder = folder();
    drop(open(&folder));
    let database = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    let clauses = [
        ("", "approvals_by_time"),
        ("AND status = 'x'", "approvals_by_status"),
        ("AND run = x'00'", "approvals_by_run"),
        ("AND run = x'00' AND +status = 'x'", "approvals_by_run"),
    ];
    for (clause, index) in clauses {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT * FROM approvals WHERE tenant = 'x' {clause} AND (asked_at_ms, approval) < (1, x'00') \
             ORDER BY asked_at_ms DESC, approval DESC LIMIT 9"
        );
        let mut plan = database.prepare(&sql).unwrap();
        let steps: Vec<String> = plan.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        let steps = steps.join("; ");
        assert!(
            steps.contains(&format!("USING INDEX {index} ")) && !steps.contains("TEMP B-TREE"),
            "{clause}: {steps}"
        );
    }
}

#[tokio::test]
async fn every_query_of_a_list_uses_an_index_for_its_order() {
    let folder = folder();
    drop(open(&folder));
    let database = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    let text = |text: &str| Some(text.to_owned());
    let label = |name: &str| LabelFilter { name: name.to_owned(), values: vec!["x".to_owned(), "y".to_owned()] };
    let any = Filter::default;
    let filters = [
        any(),
        Filter { statuses: vec![Status::Running, Status::Waiting], ..any() },
        Filter { api: text("x"), ..any() },
        Filter { api: text("x"), phases: RunPhase::ALL.to_vec(), ..any() },
        Filter { node_type: text("x"), ..any() },
        Filter { statuses: vec![Status::Failed], api: text("x"), ..any() },
        Filter { phases: vec![RunPhase::Asking, RunPhase::Paused], ..any() },
        Filter { phases: vec![RunPhase::Asking], statuses: vec![Status::Waiting], api: text("x"), ..any() },
        Filter { phases: vec![RunPhase::Paused], node_type: text("x"), created_from_ms: Some(1), ..any() },
        Filter { labels: vec![label("user")], ..any() },
        Filter { labels: vec![label("user"), label("team")], ..any() },
        Filter { statuses: vec![Status::Failed], api: text("x"), labels: vec![label("user"), label("team")], ..any() },
    ];
    let after = Some(Cursor { created_at_ms: 1, run: run(1) });
    for (filter, after) in filters.iter().flat_map(|filter| [(filter, None), (filter, after)]) {
        for walk in list::walks("default", filter, after) {
            let sql = walk.sql.as_str();
            let mut plan = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps: Vec<String> = plan
                .query_map(rusqlite::params_from_iter(vec![1; sql.matches('?').count()]), |row| row.get(3))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let steps = steps.join("; ");
            let found = steps.matches("SEARCH").count();
            let indexed = steps.matches("INDEX").count() + steps.matches("PRIMARY KEY").count();
            assert!(found > 0 && indexed == found, "{sql}: {steps}");
            let few = !filter.phases.is_empty() && !filter.phases.contains(&RunPhase::Plain);
            assert_eq!(steps.contains("INDEX runs_by_standing "), few, "{sql}: {steps}");
            assert!(!steps.contains("TEMP B-TREE") && !steps.contains("SCAN"), "{sql}: {steps}");
        }
    }
}

#[tokio::test]
async fn every_list_of_objects_uses_an_index_for_its_order() {
    let folder = folder();
    drop(open(&folder));
    let database = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    for (of_one_parent, goes_on) in [(false, false), (false, true), (true, false), (true, true)] {
        let sql = format!("EXPLAIN QUERY PLAN {}", super::objects::list_sql(of_one_parent, goes_on));
        let mut plan = database.prepare(&sql).unwrap();
        let steps: Vec<String> = plan.raw_query().mapped(|row| row.get(3)).map(Result::unwrap).collect();
        let (steps, index) =
            (steps.join("; "), if of_one_parent { "objects_by_parent" } else { "objects_by_creation" });
        assert!(steps.contains(&format!("USING INDEX {index}")) && !steps.contains("TEMP B-TREE"), "{steps}");
    }
}
