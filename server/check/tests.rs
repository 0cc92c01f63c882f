//! A store with every kind of run, undamaged and then damaged in one way after the other.

use std::path::Path;
use std::sync::Arc;

use runyard_engine::{ApprovalStrategy, Labels, NodeRunId, RunId};
use rusqlite::Connection;
use serde_json::json;

use super::{CheckEvent, Scope, Summary, check};
use crate::clock::Clock;
use crate::runs::NewRun;
use crate::runs::fixture::{Fixture, NOW_MS, TENANT, bounded, new_run, others_go_on};
use crate::store::location::StoreUrl;
use crate::store::sqlite::{FILE_NAME, Options, Sqlite};

const PLANNER: &str = "runyard.composite.planner.general";

/// A store with runs that have ended, that wait, and that have an open question.
async fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(folder.path(), Options::default()).unwrap());
    let fixture = Fixture::over(store.clone(), Clock::manual(NOW_MS));
    let driving = fixture.drive_plainly("one");
    let goal = "Generate a UUID, then hash the text \"abc\", then return the hash.";
    let ended = fixture.start(PLANNER, json!({ "goal": goal })).await;
    fixture.ended(ended).await;
    let labels = Labels::from_iter([("user".to_owned(), ["ann".to_owned()].into())]);
    let labelled = NewRun { labels, ..new_run("runyard.core.uuid4", json!({})) }.named("labelled").keyed("k-1");
    fixture.ended(fixture.runs.start(TENANT, labelled).await.unwrap().state.run).await;
    fixture.start("runyard.core.sleep", json!({ "seconds": 3600 })).await;
    let asking = new_run(PLANNER, json!({ "goal": goal }));
    fixture.runs.start(TENANT, NewRun { approval: ApprovalStrategy::OnStart, ..asking }).await.unwrap();
    others_go_on().await;
    fixture.clock.advance(std::time::Duration::from_millis(1));
    others_go_on().await;
    driving.stop().await;
    drop(fixture);
    bounded(async {
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(store);
    folder
}

fn checked(folder: &Path) -> (Summary, Vec<String>) {
    let inspection = StoreUrl::Sqlite.maintenance().unwrap().inspect(&folder.join(FILE_NAME)).unwrap();
    let mut found = Vec::new();
    let mut report = |event| {
        if let CheckEvent::Finding(finding) = event {
            found.push(finding.to_string());
        }
    };
    let summary = check(&*inspection, Scope { at_rest: true }, &mut report).unwrap();
    assert_eq!(summary.findings, found.len() as u64);
    (summary, found)
}

#[tokio::test]
async fn an_undamaged_store_has_no_findings() {
    let folder = filled().await;
    let (summary, found) = checked(folder.path());
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(summary.runs, 4);
    assert!(summary.events > 20, "{summary:?}");
}

#[tokio::test]
async fn every_damage_is_found_and_described() {
    const ENDED: &str = "(SELECT run FROM runs WHERE name = 'labelled')";
    const ASLEEP: &str = "(SELECT run FROM runs WHERE node_type = 'runyard.core.sleep')";
    let whole = filled().await;
    let root = {
        let database = Connection::open(whole.path().join(FILE_NAME)).unwrap();
        let run: [u8; 16] = database.query_row(&format!("SELECT {ENDED}"), [], |row| row.get(0)).unwrap();
        NodeRunId::root(RunId::from_uuid(uuid::Uuid::from_bytes(run))).uuid().simple().to_string()
    };
    let last = format!("(SELECT max(position) FROM log WHERE run = {ENDED})");
    let damages: Vec<(String, &[&str])> = vec![
        (format!("DELETE FROM log WHERE run = {ENDED} AND position = {last}"), &["log: ", "the log ends here"]),
        (format!("DELETE FROM log WHERE run = {ENDED} AND position = 1"), &["log: ", "position 1", "is missing"]),
        (format!("DELETE FROM log WHERE run = {ENDED}"), &["log: ", "position 1"]),
        (format!("DELETE FROM runs WHERE run = {ENDED}"), &["row: ", "counts: "]),
        (format!("UPDATE log SET event = 'x', packed = NULL WHERE run = {ENDED} AND position = 3"), &["position 3", "not JSON"]),
        (
            format!("INSERT INTO log SELECT tenant, run, position + count, at_ms, format, event, count, packed FROM log WHERE run = {ENDED} AND position = {last}"),
            &["log: ", "after the run finished"],
        ),
        (format!("UPDATE runs SET status = 'failed' WHERE run = {ENDED}"), &["row: ", "status differ", "counts: "]),
        (format!("UPDATE runs SET title = 'other' WHERE run = {ASLEEP}"), &["row: ", "title differ"]),
        (format!("UPDATE runs SET status = 'asleep' WHERE run = {ASLEEP}"), &["row: ", "does not hold"]),
        ("DELETE FROM effects".to_owned(), &["effects: ", "waits in vain"]),
        ("UPDATE effects SET due_at_ms = due_at_ms + 1".to_owned(), &["effects: ", "as the log wants it"]),
        (
            "INSERT INTO effects (tenant, id, run, node_run, due_at_ms, attempt, format, request) \
             SELECT tenant, x'00112233445566778899aabbccddeeff', run, node_run, 1, 1, format, request FROM effects LIMIT 1"
                .to_owned(),
            &["effects: ", "has no reason"],
        ),
        (
            format!("INSERT INTO node_runs SELECT tenant, x'{root}', x'00112233445566778899aabbccddeeff' FROM runs WHERE run = {ENDED}"),
            &["node_runs: ", "cannot be found"],
        ),
        (
            format!("INSERT INTO node_runs SELECT tenant, x'00112233445566778899aabbccddeeff', run FROM runs WHERE run = {ENDED}"),
            &["node_runs: ", "has no reason"],
        ),
        ("DELETE FROM labels".to_owned(), &["labels: ", "\"user\" \"ann\""]),
        ("UPDATE labels SET value = 'bob'".to_owned(), &["labels: ", "has no reason"]),
        ("UPDATE approvals SET status = 'denied'".to_owned(), &["approvals: ", "as its log says"]),
        ("DELETE FROM approvals".to_owned(), &["approvals: ", "is not listed"]),
        ("UPDATE idempotency_keys SET fingerprint = x'00'".to_owned(), &["keys: ", "another run"]),
        ("UPDATE idempotency_keys SET run = x'00112233445566778899aabbccddeeff'".to_owned(), &["keys: ", "no reason"]),
        ("UPDATE status_counts SET runs = runs + 1 WHERE status = 'succeeded'".to_owned(), &["counts: ", "succeeded"]),
    ];
    for (sql, words) in damages {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(whole.path().join(FILE_NAME), folder.path().join(FILE_NAME)).unwrap();
        Connection::open(folder.path().join(FILE_NAME)).unwrap().execute_batch(&sql).unwrap();
        let found = checked(folder.path()).1.join("\n");
        assert!(words.iter().all(|word| found.contains(word)), "{sql}: {found:?}");
    }
}

#[tokio::test]
async fn a_damaged_page_is_found_and_the_rest_is_checked() {
    let folder = filled().await;
    let database = folder.path().join(FILE_NAME);
    let pages: Vec<i64> = {
        let connection = Connection::open(&database).unwrap();
        let mut select = connection.prepare("SELECT pageno FROM dbstat WHERE name = 'log'").unwrap();
        match select.query_map([], |row| row.get(0)).and_then(|pages| pages.collect()) {
            Ok(pages) => pages,
            Err(_) => return, // This build of SQLite does not say which table a page belongs to.
        }
    };
    let mut bytes = std::fs::read(&database).unwrap();
    let page = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let begin = (usize::try_from(*pages.last().unwrap()).unwrap() - 1) * page;
    bytes[begin..begin + page].fill(0x5a);
    std::fs::write(&database, bytes).unwrap();
    let (summary, found) = checked(folder.path());
    let found = found.join("\n");
    assert!(found.contains("file: ") && found.contains("log: "), "{found}");
    assert_eq!(summary.runs, 4);
}
