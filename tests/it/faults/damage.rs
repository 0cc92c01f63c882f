//! A damaged database: the server refuses it by name, or answers with a documented error, and never panics.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::start_everywhere;
use crate::process::{Process, Served, assert_whole};

fn database(folder: &Path) -> PathBuf {
    folder.join(".runyard/runyard.db")
}

/// A used folder after an orderly stop: one run that has ended, one that waits.
async fn used(folder: &Path) -> (String, String) {
    let served = Served::start(folder).await;
    let (ended, _) = served.clients.plan("Generate a UUID, then return it.").await;
    assert_whole(&served.clients.events(&ended, 0).await);
    let (live, _) = served.clients.start("runyard.core.sleep", json!({ "seconds": 3600 })).await;
    served.process.signal("TERM");
    served.process.done().await.exits(0);
    (ended, live)
}

/// Where the first page of each of these tables is: byte and length.
fn pages(folder: &Path, tables: &[&str]) -> Vec<(String, usize, usize)> {
    let database = rusqlite::Connection::open(database(folder)).unwrap();
    let number = |sql: &str, name: &[&str]| {
        let found: i64 = database.query_row(sql, rusqlite::params_from_iter(name), |row| row.get(0)).unwrap();
        usize::try_from(found).unwrap()
    };
    let length = number("PRAGMA page_size", &[]);
    let root = |table: &&str| {
        let page = number("SELECT rootpage FROM sqlite_schema WHERE name = ?1", &[*table]);
        ((*table).to_owned(), (page - 1) * length, length)
    };
    tables.iter().map(root).collect()
}

/// Overwrites a part of the database.
fn damage(folder: &Path, at: usize, length: usize) {
    let mut bytes = fs::read(database(folder)).unwrap();
    bytes[at..at + length].fill(0xa5);
    fs::write(database(folder), bytes).unwrap();
}

/// Starts a server over a damaged database: it refuses and says why, or serves what is readable.
async fn serves_or_refuses(folder: &Path, what: &str, runs: &(String, String)) {
    let mut process = Process::start(folder, &["serve", "--json", "--port-base", "0"]);
    let Some(line) = process.line().await else {
        let done = process.done().await.exits(1);
        let said = done.err.contains("damaged") || done.err.contains("not a database of runyard");
        assert!(said && done.err.contains("runyard.db"), "{what}: {}", done.err);
        return;
    };
    let served = Served::of(process, &line);
    let clients = served.clients();
    for run_id in [&runs.0, &runs.1] {
        let answer = clients.get("run-gateway", &format!("/v1/runs/{run_id}")).await;
        assert!([200, 404, 500, 503].contains(&answer.status), "{what}: {}", answer.text());
    }
    for (api, answer) in start_everywhere(&clients).await {
        assert!(answer.status < 300 || answer.status >= 500, "{what}: {api}: {}", answer.text());
    }
    served.process.signal("TERM");
    served.process.done().await.exits(0);
}

#[tokio::test]
async fn a_damaged_page_is_refused_or_reported_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let runs = used(folder.path()).await;
    let whole = fs::read(database(folder.path())).unwrap();
    let mut places = pages(folder.path(), &["log", "runs", "effects", "status_counts", "meta", "log_by_position"]);
    let (_, _, page) = places[0];
    places.push(("the schema".to_owned(), 100, page - 100));
    places.push(("the header".to_owned(), 0, 100));
    for (what, at, length) in places {
        damage(folder.path(), at, length);
        serves_or_refuses(folder.path(), &what, &runs).await;
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(folder.path().join(format!(".runyard/runyard.db{suffix}")));
        }
        let _ = fs::remove_file(folder.path().join(".runyard/acknowledged"));
        fs::write(database(folder.path()), &whole).unwrap();
    }
    // Restored from a copy, the database is as before.
    let served = Served::start(folder.path()).await;
    assert_eq!(served.clients.run(&runs.0).await["state"], "succeeded");
    assert_eq!(served.clients.run(&runs.1).await["state"], "running");
}

#[tokio::test]
async fn a_log_that_is_damaged_harms_no_other_table_and_says_so_in_the_log_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, _) = used(folder.path()).await;
    let (_, at, length) = pages(folder.path(), &["log"]).remove(0);
    damage(folder.path(), at, length);
    let served = Served::start(folder.path()).await;
    let clients = served.clients();
    // The gateway folds a run from its log.
    let answer = clients.get("run-gateway", &format!("/v1/runs/{ended}")).await;
    assert_eq!(answer.refusal(), (503, "store_unavailable".to_owned()), "{}", answer.text());
    // A list does not read the log.
    let listed = clients.get("runyard", "/v1/runs").await;
    assert_eq!((listed.status, listed.json()["runs"].as_array().unwrap().len()), (200, 2));
    served.process.signal("TERM");
    let done = served.process.done().await.exits(0);
    assert!(done.err.contains("damaged") && done.err.contains("restore"), "{}", done.err);
}

#[tokio::test]
async fn a_wal_that_ends_in_the_middle_of_a_write_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start_with(folder.path(), &["--port-base", "0", "--set", "perform=false"]).await;
    let (run_id, _) = served.clients.plan("Generate a UUID, then return it.").await;
    served.kill();
    // A frame of the next transaction, of which only the header and a part of its page reached the disk.
    let wal = folder.path().join(".runyard/runyard.db-wal");
    let mut bytes = fs::read(&wal).unwrap();
    // The header of a WAL has the size of a page.
    let page = u32::from_be_bytes(bytes[8..12].try_into().unwrap());
    let last = bytes.len() - usize::try_from(page).unwrap() - 24;
    let torn = bytes[last..last + 500].to_vec();
    bytes.extend(torn);
    fs::write(&wal, bytes).unwrap();

    let served = Served::start(folder.path()).await;
    assert_whole(&served.clients.events(&run_id, 0).await);
    assert_eq!(served.clients.run(&run_id).await["state"], "succeeded");
}
