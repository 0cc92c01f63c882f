//! Damaged runs, and runs that only an older build's reader could not read: they block nothing else, and can be
//! removed.

use std::path::Path;

use runyard::store::sqlite::packed::unpack;
use serde_json::{Value, json};

use super::nested;
use crate::process::{Served, runyard};

const EXTERNAL: &str = "runyard.composite.external";

/// A folder with two runs that wait and one that has ended: their ids.
async fn used(folder: &Path) -> [String; 3] {
    let served = Served::start(folder).await;
    let (first, _) = served.clients.start(EXTERNAL, json!({ "a": "deep" })).await;
    let (second, _) = served.clients.start(EXTERNAL, json!({})).await;
    let (ended, _) = served.clients.start("runyard.core.uuid4", json!({})).await;
    served.clients.events(&ended, 0).await;
    stopped(served).await;
    [first, second, ended]
}

async fn stopped(served: Served) {
    served.process.signal("TERM");
    served.process.done().await.exits(0);
}

/// Changes the stored events of a run. The database stores ids as bytes.
fn rewrite(folder: &Path, run: &str, change: impl Fn(String) -> String) {
    let database = rusqlite::Connection::open(folder.join(".runyard/runyard.db")).unwrap();
    let id = uuid::Uuid::parse_str(run.trim_start_matches("run_")).unwrap();
    let events: Vec<(i64, String, Option<Vec<u8>>)> = database
        .prepare("SELECT rowid, event, packed FROM log WHERE run = ?1 AND position = 1")
        .unwrap()
        .query_map([id.as_bytes().as_slice()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(events.len(), 1);
    for (rowid, event, packed) in events {
        let event = packed.map_or(event, |packed| String::from_utf8(unpack(&packed).unwrap()).unwrap());
        database
            .execute(
                "UPDATE log SET event = ?2, packed = NULL WHERE rowid = ?1",
                rusqlite::params![rowid, change(event)],
            )
            .unwrap();
    }
}

/// Every operation that lists, pages or counts runs, of every API.
async fn listed_everywhere(served: &Served) {
    let clients = served.clients();
    for (api, path) in [
        ("runyard", "/v1/runs"),
        ("runyard", "/v1/run-counts"),
        ("runyard", "/v1/approvals"),
        ("toolregistry", "/v1/runs?userId=ann"),
        ("acp", "/v1/servers/default/runs"),
    ] {
        let answer = clients.get(api, path).await;
        assert_eq!(answer.status, 200, "{api} {path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_run_that_an_older_build_stored_too_deep_is_read_canceled_and_backed_up() {
    let folder = tempfile::tempdir().unwrap();
    let [deep, other, _] = used(folder.path()).await;
    // Written as the previous build did: accepted at 127 levels, and stored within other values.
    let value = nested(138).to_string();
    rewrite(folder.path(), &deep, |event| event.replace("\"deep\"", &value));

    let whole = runyard(folder.path(), &["check"]).await.exits(0);
    assert!(whole.out.contains("whole"), "{whole:?}");
    let served = Served::start(folder.path()).await;
    listed_everywhere(&served).await;
    let canceled = served.clients.gateway.cancel_run(&deep).await.unwrap().into_inner();
    assert_eq!(json!(canceled)["state"], "canceled");
    let backup = runyard(folder.path(), &["backup", "--json", "copy.db"]).await.exits(0).object();
    assert_eq!(backup["damaged_runs"], json!([]), "{backup}");
    stopped(served).await;
    let removed = runyard(folder.path(), &["remove", "--json", &deep]).await.exits(0).object();
    assert_eq!((&removed["kind"], &removed["damaged"]), (&json!("removed"), &json!(false)));
    let live = runyard(folder.path(), &["remove", "--json", &other]).await.exits(1);
    assert!(live.err.contains("run_not_finished"), "{live:?}");
    runyard(folder.path(), &["check"]).await.exits(0);
}

#[tokio::test]
async fn a_run_that_cannot_be_read_fails_no_list_and_can_be_removed() {
    let folder = tempfile::tempdir().unwrap();
    let [damaged, other, ended] = used(folder.path()).await;
    rewrite(folder.path(), &damaged, |_| "{\"type\":\"star".to_owned());

    let served = Served::start(folder.path()).await;
    listed_everywhere(&served).await;
    let listed = served.clients().get("runyard", "/v1/runs").await.json();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 3, "rows are read without the log: {listed}");
    assert_eq!(served.clients().get("run-gateway", &format!("/v1/runs/{damaged}")).await.status, 500);
    assert_eq!(served.clients.run(&other).await["state"], "running");
    // A backup reports the damaged runs, and is usable all the same.
    let backup = runyard(folder.path(), &["backup", "--json", "copy.db"]).await.exits(0);
    assert_eq!(backup.object()["damaged_runs"], json!([damaged]), "{backup:?}");
    let owned = runyard(folder.path(), &["remove", "--damaged", "--json", &damaged]).await.exits(1);
    assert!(owned.err.contains("folder_owned"), "{owned:?}");
    stopped(served).await;

    let checked = runyard(folder.path(), &["check", "--json"]).await.exits(1);
    let named = |finding: &Value| finding["run_id"] == json!(damaged) && finding["position"] == json!(1);
    assert!(checked.objects().iter().any(named), "{checked:?}");

    // A restore refuses the backup as it is, and works without the damaged runs.
    let refused = runyard(folder.path(), &["restore", "--data-dir", "new", "--new-key", "copy.db"]).await.exits(1);
    assert!(refused.err.contains("--without-damaged"), "{refused:?}");
    let restore = ["restore", "--json", "--data-dir", "new", "--new-key", "--without-damaged", "copy.db"];
    let restored = runyard(folder.path(), &restore).await.exits(0);
    let said = restored.objects().pop().unwrap();
    assert_eq!((&said["left_out"], &said["runs"]), (&json!([damaged]), &json!(2)), "{restored:?}");
    runyard(folder.path(), &["check", "--data-dir", "new"]).await.exits(0);

    // Remove the damaged runs in place.
    let not = runyard(folder.path(), &["remove", "--damaged", "--json", &ended]).await.exits(1);
    assert!(not.err.contains("run_not_damaged"), "{not:?}");
    let plain = runyard(folder.path(), &["remove", "--json", &damaged]).await.exits(1);
    assert!(plain.err.contains("run_damaged"), "{plain:?}");
    runyard(folder.path(), &["remove", "--damaged", &damaged]).await.exits(0);
    runyard(folder.path(), &["check"]).await.exits(0);
    let served = Served::start(folder.path()).await;
    assert_eq!(served.clients().get("runyard", "/v1/runs").await.json()["runs"].as_array().unwrap().len(), 2);
    assert_eq!(served.clients().get("run-gateway", &format!("/v1/runs/{damaged}")).await.status, 404);
}
