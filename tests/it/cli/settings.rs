//! Configuration, ports, documents: refusals name the setting, and the printed configuration is the one in use.

use std::net::TcpListener;

use serde_json::Value;

use crate::process::{Served, free_port_base, runyard, runyard_with};

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_api_port_and_setting() {
    let folder = tempfile::tempdir().unwrap();
    let base = free_port_base();
    for (offset, api) in [(1, "run-gateway"), (2, "run-coordinator"), (12, "runyard")] {
        let _taken = TcpListener::bind(("127.0.0.1", base + offset)).unwrap();
        let done = runyard(folder.path(), &["serve", "--port-base", &base.to_string()]).await.exits(1);
        for part in [format!("`{api}`"), (base + offset).to_string(), "port_base".to_owned()] {
            assert!(done.err.contains(&part), "{part}: {}", done.err);
        }
    }
    // The listeners that were opened before the refusal are closed again.
    let served = Served::start_with(folder.path(), &["--port-base", &base.to_string()]).await;
    assert!(served.clients.gateway_url.ends_with(&(base + 1).to_string()));
    assert!(served.clients.native_url.ends_with(&(base + 12).to_string()));
}

#[tokio::test]
async fn an_unknown_key_is_named_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("runyard.toml"), "prot_base = 1\n[log]\nfromat = \"json\"\n").unwrap();
    let done = runyard(folder.path(), &["list"]).await.exits(2);
    for part in ["prot_base", "port_base", "log.fromat", "log.format", "runyard.toml"] {
        assert!(done.err.contains(part), "{part}: {}", done.err);
    }
    std::fs::remove_file(folder.path().join("runyard.toml")).unwrap();
    let done = runyard_with(folder.path(), &["list"], &[("RUNYARD_WROKERS", "3")]).await.exits(2);
    assert!(done.err.contains("RUNYARD_WROKERS") && done.err.contains("workers"), "{}", done.err);
    let done = runyard_with(folder.path(), &["list"], &[("RUNYARD_WORKERS", "many")]).await.exits(2);
    assert!(done.err.contains("workers") && done.err.contains("many"), "{}", done.err);
    std::fs::write(folder.path().join("runyard.toml"), "port_base = \n").unwrap();
    let done = runyard(folder.path(), &["list"]).await.exits(2);
    assert!(done.err.contains("runyard.toml") && done.err.contains("line 1"), "{}", done.err);
    let done = runyard(folder.path(), &["--config", "absent.toml", "list"]).await.exits(2);
    assert!(done.err.contains("absent.toml"), "{}", done.err);
}

#[tokio::test]
async fn a_written_file_changes_nothing_until_it_is_edited() {
    let folder = tempfile::tempdir().unwrap();
    let show = ["config", "show", "--json"];
    let before = runyard(folder.path(), &show).await.exits(0).object();
    runyard(folder.path(), &["config", "init"]).await.exits(0);
    assert_eq!(runyard(folder.path(), &show).await.exits(0).object(), before);
    let again = runyard(folder.path(), &["config", "init"]).await.exits(1);
    assert!(again.err.contains("--force"), "{}", again.err);

    let file = folder.path().join("runyard.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    for key in before.as_object().unwrap().keys() {
        let name = key.rsplit('.').next().unwrap();
        assert!(text.contains(&format!("{name} = ")), "{key} is not in the file");
    }
    std::fs::write(&file, "workers = 3\nparallel_max = 4\n").unwrap();
    let set = [&show[..], &["--set", "parallel_max=5"]].concat();
    let after = runyard_with(folder.path(), &set, &[("RUNYARD_LOG__FORMAT", "json")]).await.exits(0).object();
    let of = |key: &str| (after[key]["value"].clone(), after[key]["origin"].as_str().unwrap().to_owned());
    assert_eq!(of("workers").0, 3);
    assert!(of("workers").1.contains("runyard.toml"), "{after}");
    assert_eq!(of("parallel_max"), (5.into(), "flag --set".to_owned()));
    assert_eq!(of("log.format"), ("json".into(), "environment RUNYARD_LOG__FORMAT".to_owned()));
}

#[tokio::test]
async fn documents_are_printed_as_they_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let print = async |arguments: &[&str]| {
        runyard(folder.path(), &[&["openapi", "run-gateway"], arguments].concat()).await.exits(0).out
    };
    let fetch = async |path: &str| {
        let url = format!("{}/{path}", served.clients.gateway_url);
        reqwest::get(url).await.unwrap().text().await.unwrap()
    };
    assert_eq!(print(&[]).await.trim_end(), fetch("openapi.yaml").await.trim_end());
    assert_eq!(print(&["--overlay=false"]).await.trim_end(), fetch("openapi.yaml?overlay=false").await.trim_end());
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let (full, owner) = (print(&["--json"]).await, print(&["--json", "--overlay=false"]).await);
    assert_eq!(parsed(&full), parsed(&fetch("openapi.json").await));
    assert_eq!(parsed(&owner), parsed(&fetch("openapi.json?overlay=false").await));
    assert_ne!(parsed(&full), parsed(&owner), "the overlay adds something");

    let surface = print(&["--surface"]).await;
    for operation in ["start_run POST /v1/runs", "stream_run_events GET /v1/runs/{run_id}/events"] {
        assert!(surface.contains(operation), "{surface}");
    }
    let done = runyard(folder.path(), &["openapi", "gateway"]).await.exits(2);
    assert!(done.err.contains("run-gateway"), "{}", done.err);
}
