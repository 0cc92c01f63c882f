//! Databases from earlier builds: this build opens, checks and finishes them.
//!
//! `tests/golden/stores/` has one database per released store format, each with finished, running and waiting runs.
//! They are never written again: a stored run must read the same for ever. When the schema, the events or a projection
//! change, add a new database:
//!
//! ```sh
//! RUNYARD_GOLDEN_STORE=tests/golden/stores/0006.db cargo test -p runyard --test it golden_store::write
//! ```
//!
//! The path is relative to the workspace's root; an existing file is refused. Without the variable the same test writes
//! into a temporary folder, so that the recipe itself stays tested. Then review the result with `cargo insta review`:
//! the goldens beside a database pin how the ARP API shows its runs.

mod recipe;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runyard::dialects::arp::project::Projection;
use runyard::feed::Projection as _;
use runyard::runs::row;
use runyard::store::api_key::KeyStore;
use runyard::store::object::{Object, ObjectStore};
use runyard::store::sqlite::{FILE_NAME, Options, Sqlite};
use runyard::store::{Claims, Filter, RunRow, Status, Store};
use runyard_engine::{EffectId, Recorded, RunId, RunStatus, State, check, outstanding, replay};
use serde_json::json;
use tempfile::TempDir;

use crate::docs::table;
use crate::process::{ProcessClients, assert_whole, runyard};
use crate::tidy::tree::read;

const TENANT: &str = "default";

/// Every golden database.
fn stores() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/stores");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut stores: Vec<_> = files.filter(|path| path.extension().is_some_and(|ending| ending == "db")).collect();
    stores.sort();
    assert!(!stores.is_empty());
    stores
}

/// A temporary data folder with a copy of a database.
fn folder_with(store: &Path) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join(".runyard");
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(store, data.join(FILE_NAME)).unwrap();
    (folder, data)
}

/// A run as it is stored.
struct Stored {
    state: State,
    log: Vec<Recorded>,
}

/// Every run of a database, checked for every law: the log replays, no law is broken, rows and counts match the logs,
/// and the outbox has exactly the effects that the states wait for.
async fn read_and_check(data: &Path) -> BTreeMap<RunId, Stored> {
    let store = Sqlite::open(data, Options::default()).unwrap();
    let rows = store.list(TENANT, &Filter::default(), None, 1000).await.unwrap();
    let mut runs = BTreeMap::new();
    let mut counts: BTreeMap<Status, u64> = BTreeMap::new();
    let mut waited: Vec<EffectId> = Vec::new();
    for found in &rows {
        let log = store.log(TENANT, found.run, 0, usize::MAX).await.unwrap();
        let state = replay(found.run, &log).unwrap();
        assert_eq!(check(&state), [], "{}", found.run);
        // Earlier builds did not store the phase of a run; its next event stores it.
        assert_eq!(found, &RunRow { phase: found.phase, ..row::derive(&state) });
        for node_run in state.nodes.keys() {
            assert_eq!(store.run_of(TENANT, *node_run).await.unwrap(), Some(found.run));
        }
        if let Some(name) = &found.name {
            assert_eq!(store.named(TENANT, name).await.unwrap(), Some(found.run));
        }
        *counts.entry(found.status.into()).or_default() += 1;
        waited.extend(outstanding(&state).iter().map(|effect| effect.id));
        runs.insert(found.run, Stored { state, log });
    }
    let counted: BTreeMap<_, _> = store.counts(TENANT).await.unwrap().into_iter().collect();
    assert_eq!(counted, counts);
    let claimed = store.claim("golden", i64::MAX / 2, 0, 1000).await.unwrap();
    let mut asked: Vec<_> = claimed.iter().map(|claimed| claimed.effect.id).collect();
    asked.sort();
    waited.sort();
    assert_eq!(asked, waited);
    runs
}

/// A readable name for a stored run: the id that its caller chose, or the generated id of a run that another run
/// started.
fn name(stored: &Stored) -> String {
    let chosen = stored.state.start.as_ref().unwrap().name.clone();
    chosen.unwrap_or_else(|| stored.state.run.to_string())
}

#[tokio::test]
async fn every_law_holds_of_what_earlier_builds_wrote() {
    for path in stores() {
        let (_folder, data) = folder_with(&path);
        let runs = read_and_check(&data).await;
        for status in [Status::Running, Status::Waiting, Status::Succeeded, Status::Failed, Status::Canceled] {
            let found = runs.values().any(|stored| stored.state.status == RunStatus::from(status));
            assert!(found, "{} has no {} run", path.display(), status.word());
        }
    }
}

#[tokio::test]
async fn the_api_shows_what_it_always_showed() {
    for path in stores() {
        let (_folder, data) = folder_with(&path);
        let mut shown = String::new();
        let mut runs: Vec<_> = read_and_check(&data).await.into_values().collect();
        runs.sort_by_key(name);
        for stored in &runs {
            shown.push_str(&format!("# {} ({:?})\n", name(stored), stored.state.status));
            let mut projection = Projection::of(&stored.state);
            for event in stored.log.iter().flat_map(|recorded| projection.project(recorded).unwrap()) {
                shown.push_str(&format!("{}\n", serde_json::to_string(&event.event).unwrap()));
            }
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/stores"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let name = format!("{}.arp", path.file_stem().unwrap().to_str().unwrap());
        settings.bind(|| insta::assert_snapshot!(name, shown));
    }
}

#[tokio::test]
async fn what_was_unfinished_is_finished_and_what_was_finished_stays() {
    for path in stores() {
        let (_folder, data) = folder_with(&path);
        let before = read_and_check(&data).await;
        finish(&data, &before).await;
        let after = read_and_check(&data).await;
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        for (run, stored) in &after {
            assert!(matches!(stored.state.status, RunStatus::Final(_)), "{}", name(stored));
            let known = &before[run].log;
            assert_eq!(&stored.log[..known.len()], known, "what was stored stays as it was");
            if matches!(before[run].state.status, RunStatus::Final(_)) {
                assert_eq!(stored.log.len(), known.len(), "final is final");
            }
        }
    }
}

/// Serves a database until every run has ended, and completes the node runs that wait for an external worker.
async fn finish(data: &Path, runs: &BTreeMap<RunId, Stored>) {
    let server = recipe::serve(data).await;
    let clients = ProcessClients::of(&server);
    for stored in runs.values().filter(|stored| stored.state.root().unwrap().node_type.id.ends_with(".external")) {
        if !matches!(stored.state.status, RunStatus::Final(_)) {
            let root = stored.state.root().unwrap().id.to_string();
            recipe::complete(&clients, &root, json!({ "state": "succeeded", "outputs": { "done": true } })).await;
        }
    }
    let acp = runyard_client::acp::Client::builder(&clients.acp_url).build().unwrap();
    for stored in runs.values().filter(|stored| stored.state.root().unwrap().node_type.id == "runyard.core.ask") {
        if !matches!(stored.state.status, RunStatus::Final(_)) {
            let answer = serde_json::from_value(json!({ "content": "it is me" })).unwrap();
            acp.send_server_run_input("default", &name(stored), None, &answer).await.unwrap();
        }
    }
    for stored in runs.values() {
        assert_whole(&clients.events(&name(stored), 0).await);
        if name(stored) == recipe::LARGE {
            let root = stored.state.root().unwrap().id.to_string();
            assert_eq!(clients.node_run(&root).await["outputs"], json!({ "echo": recipe::large() }));
        }
    }
    server.stop().await;
}

/// The number of a database, which is the format of its events.
fn format(store: &Path) -> u32 {
    store.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn stores_since_format_5_hold_large_values_and_list_results() {
    for path in stores().iter().filter(|path| format(path) >= 5) {
        let (_folder, data) = folder_with(path);
        let runs = read_and_check(&data).await;
        let with_values = runs.values().filter(|stored| !stored.state.written.values.is_empty()).count();
        assert!(with_values >= 4, "{}: {with_values} runs with large values", path.display());
        for (list, ended) in [("list", true), ("list-partial", true), ("list-between-tries", false)] {
            let found = runs.values().find(|stored| name(stored) == list);
            let state = &found.unwrap_or_else(|| panic!("{} has no {list}", path.display())).state;
            assert_eq!(matches!(state.status, RunStatus::Final(_)), ended, "{list}");
            let children = &state.root().unwrap().children;
            assert!(children.iter().any(|id| state.node(*id).unwrap().outputs.is_some()), "{list} has results");
        }
    }
}

#[tokio::test]
async fn check_finds_what_earlier_builds_wrote_whole() {
    for path in stores() {
        let (folder, data) = folder_with(&path);
        // Opened once first, because `check` changes nothing and so does not migrate.
        drop(Sqlite::open(&data, Options::default()).unwrap());
        runyard(folder.path(), &["check"]).await.exits(0);
    }
}

#[tokio::test]
async fn a_restore_upgrades_the_backup_of_an_earlier_build() {
    for path in stores() {
        let (_backup, backup) = folder_with(&path);
        let folder = tempfile::tempdir().unwrap();
        let file = backup.join(FILE_NAME);
        let restored = runyard(folder.path(), &["restore", file.to_str().unwrap(), "--json"]).await.exits(0).object();
        let runs = read_and_check(&folder.path().join(".runyard")).await;
        assert_eq!(restored["runs"], runs.len(), "{}", path.display());
    }
}

/// The schema version and the event format of a database.
fn versions(data: &Path) -> (u32, u32) {
    let database = rusqlite::Connection::open(data.join(FILE_NAME)).unwrap();
    let schema = database.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    let events = database.query_row("SELECT value FROM meta WHERE name = 'event_format'", [], |row| row.get(0));
    (schema, events.unwrap())
}

#[test]
fn the_page_on_upgrades_lists_every_database_and_the_versions_of_this_build() {
    let listed = |path: &PathBuf| {
        let (_folder, data) = folder_with(path);
        let (schema, events) = versions(&data);
        vec![format!("`{}`", path.file_name().unwrap().to_str().unwrap()), schema.to_string(), events.to_string()]
    };
    let expected: Vec<_> = stores().iter().map(listed).collect();
    assert_eq!(table("docs/operate/upgrades.md", "The database"), expected);
    let folder = tempfile::tempdir().unwrap();
    drop(Sqlite::open(folder.path(), Options::default()).unwrap());
    let (schema, events) = versions(folder.path());
    let sentence = format!("This version has schema version {schema} and event format {events}.");
    assert!(read("docs/operate/upgrades.md").contains(&sentence), "{sentence}");
}

#[tokio::test]
async fn api_keys_stay_what_they_were() {
    for path in stores() {
        let (_folder, data) = folder_with(&path);
        let store = Sqlite::open(&data, Options::default()).unwrap();
        // The first format had no API keys.
        let expected = if path.ends_with("0001.db") { Vec::new() } else { recipe::keys() };
        assert_eq!(store.api_keys(None, None, 9).await.unwrap(), expected, "{}", path.display());
        store.revoke_api_key(None, "0123456789abcdef", 1).await.unwrap();
    }
}

#[tokio::test]
async fn objects_stay_what_they_were() {
    for path in stores() {
        let (_folder, data) = folder_with(&path);
        let store = Sqlite::open(&data, Options::default()).unwrap();
        // The first three formats had no objects.
        let old = ["0001.db", "0002.db", "0003.db"].iter().any(|name| path.ends_with(name));
        for (tenant, put) in recipe::objects() {
            let found = store.object(tenant, &put.kind, &put.id).await.unwrap();
            let is_it = |object: &Object| {
                (&object.name, &object.parent, &object.body, object.version) == (&put.name, &put.parent, &put.body, 1)
            };
            assert_eq!(found.as_ref().is_some_and(is_it), !old, "{}: {found:?}", path.display());
        }
    }
}

#[tokio::test]
async fn a_database_newer_than_the_binary_is_refused_by_both_versions() {
    let path = stores().pop().unwrap();
    for (change, found, known) in [
        ("PRAGMA user_version = 4711", "4711", "versions up to"),
        ("UPDATE meta SET value = 4711 WHERE name = 'event_format'", "4711", "formats up to"),
    ] {
        let (folder, data) = folder_with(&path);
        rusqlite::Connection::open(data.join(FILE_NAME)).unwrap().execute_batch(change).unwrap();
        let bytes = std::fs::read(data.join(FILE_NAME)).unwrap();
        let names_both = |text: &str| {
            for part in [found, known, env!("CARGO_PKG_VERSION"), "use a newer runyard"] {
                assert!(text.contains(part), "{part}: {text}");
            }
        };
        names_both(&Sqlite::open(&data, Options::default()).unwrap_err().to_string());
        for arguments in [&["serve", "--port-base", "0"][..], &["list"], &["run", "Generate a UUID."]] {
            names_both(&runyard(folder.path(), arguments).await.exits(1).err);
        }
        if change.starts_with("PRAGMA") {
            assert_eq!(std::fs::read(data.join(FILE_NAME)).unwrap(), bytes, "it was not touched");
        }
    }
}

#[tokio::test]
async fn write() {
    let folder = tempfile::tempdir().unwrap();
    let written = recipe::write(folder.path()).await;
    let Some(wanted) = std::env::var_os("RUNYARD_GOLDEN_STORE") else {
        let (_folder, data) = folder_with(&written);
        assert!(std::fs::metadata(&written).unwrap().len() < 256 * 1024, "small enough to keep");
        let before = read_and_check(&data).await;
        return finish(&data, &before).await;
    };
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(wanted);
    assert!(!place.exists(), "{} is there already, and is never written again", place.display());
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::copy(written, place).unwrap();
}
