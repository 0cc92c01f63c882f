//! The command line where authentication is required: it sends the folder's own token, or the credential that it was
//! given.

use serde_json::Value;

use crate::process::{Process, Served, free_port_base, runyard, runyard_with};

const ASKING: &str = "[auth]\nmode = 'required'\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("runyard.toml"), ASKING).unwrap();
    folder
}

#[tokio::test]
async fn commands_in_the_folder_go_on_working_with_and_without_a_server() {
    let folder = folder();
    let echo = ["run", "--json", "--node-type", "runyard.core.echo", "--input", "{\"echo\":\"x\"}"];
    runyard(folder.path(), &echo).await.exits(0);
    let served = Served::start(folder.path()).await;
    let run = runyard(folder.path(), &echo).await.exits(0).objects();
    let run_id = run[0]["run"]["run_id"].as_str().unwrap();
    for command in
        [&["get", run_id][..], &["get", "--tree", run_id], &["watch", run_id], &["cancel", run_id], &["nodes"]]
    {
        runyard(folder.path(), command).await.exits(0);
    }
    let listed = runyard(folder.path(), &["list", "--json"]).await.exits(0).object();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 2);
    assert!(served.clients.native.count_runs().await.is_err(), "who shows nothing is not let in");
}

#[tokio::test]
async fn a_key_is_made_listed_used_and_revoked() {
    let folder = folder();
    // First without a server: the command opens the folder itself.
    let made = runyard(folder.path(), &["keys", "create", "--name", "first"]).await.exits(0);
    let first = made.out.trim();
    assert!(first.starts_with("ry_") && made.out.lines().count() == 1, "the key and nothing else: {made:?}");
    assert!(made.err.contains("tenant default") && !made.err.contains(first), "{made:?}");

    let served = Served::start_with(folder.path(), &["--port-base", &free_port_base().to_string()]).await;
    let (own, gateway) = (served.clients.native_url.as_str(), served.clients.gateway_url.as_str());
    let create = ["keys", "create", "--json", "--tenant", "acme", "--scope", "runs:read", "--expires-in", "30d"];
    let second = runyard(folder.path(), &create).await.exits(0).object();
    let (key, key_id) = (second["api_key"].as_str().unwrap(), second["key"]["key_id"].as_str().unwrap());
    assert_eq!(second["key"]["scopes"], serde_json::json!(["runs:read"]));
    assert!(second["key"]["expires_at"].is_string());

    let listed = runyard(folder.path(), &["keys", "list", "--json"]).await.exits(0);
    assert!(!listed.out.contains(first) && !listed.out.contains(key));
    let tenants: Vec<Value> =
        listed.object()["keys"].as_array().unwrap().iter().map(|key| key["tenant"].clone()).collect();
    assert_eq!(tenants, ["acme", "default"]);
    let listed = runyard(folder.path(), &["keys", "list", "--tenant", "acme"]).await.exits(0).out;
    assert!(listed.contains(key_id) && !listed.contains("first"), "{listed}");

    // With another server, the command sends only the credential from the flag or the variable.
    let elsewhere = tempfile::tempdir().unwrap();
    let list = ["list", "--json", "--url", own];
    let done = runyard(elsewhere.path(), &list).await.exits(1);
    assert!(done.err.contains("unauthorized") && done.err.contains("RUNYARD_TOKEN"), "{}", done.err);
    runyard(elsewhere.path(), &[&list[..], &["--token", key]].concat()).await.exits(0);
    let listed = runyard_with(elsewhere.path(), &list, &[("RUNYARD_TOKEN", key)]).await.exits(0).object();
    assert_eq!(listed["runs"], serde_json::json!([]));
    let start = ["start", "Generate a UUID.", "--url", gateway];
    let done = runyard_with(elsewhere.path(), &start, &[("RUNYARD_TOKEN", key)]).await.exits(1);
    assert!(done.err.contains("runs:write"), "{}", done.err);
    runyard_with(elsewhere.path(), &start, &[("RUNYARD_TOKEN", first)]).await.exits(0);
    // A key that may only start runs may not read the list of APIs. The command finds the gateway all the same.
    let writes = runyard(folder.path(), &["keys", "create", "--scope", "runs:write"]).await.exits(0);
    let start = ["start", "Generate a UUID.", "--url", own, "--token", writes.out.trim()];
    runyard(elsewhere.path(), &start).await.exits(0);
    // In the folder, the given credential wins over the folder's own token.
    let done = runyard_with(folder.path(), &["keys", "list"], &[("RUNYARD_TOKEN", key)]).await.exits(1);
    assert!(done.err.contains("admin"), "{}", done.err);

    let revoked = runyard(folder.path(), &["keys", "revoke", key_id]).await.exits(0);
    assert!(revoked.out.contains(key_id) && revoked.out.contains("revoked"), "{}", revoked.out);
    let done = runyard_with(elsewhere.path(), &list, &[("RUNYARD_TOKEN", key)]).await.exits(1);
    assert!(done.err.contains("key_revoked"), "{}", done.err);
    let done = runyard(folder.path(), &["keys", "revoke", "no-such-key"]).await.exits(1);
    assert!(done.err.contains("no-such-key"), "{}", done.err);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_before_anything_is_made() {
    let folder = folder();
    for (arguments, said) in [
        (&["keys", "create", "--scope", "everything"][..], "possible values"),
        (&["keys", "create", "--expires-in", "soon"], "30d"),
        (&["keys", "create", "--tenant", ""], "cannot be created"),
        (&["keys", "revoke"], "<KEY_ID>"),
        (&["serve", "--auth-mode", "sometimes"], "disabled or optional or required"),
    ] {
        let done = runyard(folder.path(), arguments).await.exits(2);
        assert!(done.err.contains(said), "{arguments:?}: {}", done.err);
    }
    let done = runyard_with(folder.path(), &["list"], &[("RUNYARD_TOKEN", "no\ttoken\u{1}")]).await.exits(2);
    assert!(done.err.contains("characters") && !done.err.contains('\u{1}'), "{}", done.err);
    let listed = runyard(folder.path(), &["keys", "list", "--json"]).await.exits(0).object();
    assert_eq!(listed["keys"], serde_json::json!([]));
}

#[tokio::test]
async fn a_reachable_server_starts_only_with_authentication_or_an_explicit_setting() {
    let folder = tempfile::tempdir().unwrap();
    let serve = ["serve", "--host", "0.0.0.0", "--port-base", "0"];
    let refused = runyard(folder.path(), &serve).await.exits(2);
    for part in ["0.0.0.0", "auth.mode", "insecure_allow_remote"] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    let served = Served::start_with(folder.path(), &[&serve[1..], &["--auth-mode", "required"]].concat()).await;
    assert!(served.clients.native.count_runs().await.is_err());
    runyard(folder.path(), &["list"]).await.exits(0);
    served.process.signal("TERM");
    served.process.done().await.exits(0);
    let open = Served::start_with(folder.path(), &[&serve[1..], &["--insecure-allow-remote"]].concat()).await;
    open.clients.native.count_runs().await.unwrap();
}

#[tokio::test]
async fn a_command_goes_on_when_its_server_is_started_again_with_another_token() {
    let folder = folder();
    let port_base = free_port_base().to_string();
    let serve = ["--port-base", port_base.as_str()];
    let served = Served::start_with(folder.path(), &serve).await;
    let mut running =
        Process::start(folder.path(), &["run", "Sleep for 2 seconds, then generate a UUID, then return it."]);
    running.until_err(|line| line.contains("planned")).await;
    served.kill();
    let again = Served::start_with(folder.path(), &serve).await;
    let done = running.done().await.exits(0);
    assert!(done.err.contains("runyard.core.uuid4"), "{done:?}");
    again.process.signal("TERM");
    again.process.done().await.exits(0);
}
