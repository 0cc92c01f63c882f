//! No credential in any log at any level, and none in the data folder outside of its own place.

use std::path::Path;

use jsonwebtoken::Algorithm;
use runyard::store::folder::Folder;
use serde_json::{Value, json};

use crate::harness::{Provider, TokenService, eventually};
use crate::process::{Served, runyard, runyard_with};

/// Every file below a folder that has this text, by name.
fn files_with(folder: &Path, secret: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, secret));
        } else if std::fs::read(&path).unwrap().windows(secret.len()).any(|part| part == secret.as_bytes()) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

async fn json_of(request: reqwest::RequestBuilder) -> Value {
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn credentials_are_in_no_line_of_any_log_and_in_no_file() {
    let provider = Provider::start().await;
    let issuer = provider.issuer("one", Algorithm::RS256);
    provider.publishes(&[&issuer]);
    let folder = tempfile::tempdir().unwrap();
    let trusted = format!("auth.issuer={}", provider.url);
    let flags = ["--port-base", "0", "--auth-mode", "required", "--log", "trace", "--set", &trusted];
    let served = Served::start_with(folder.path(), &flags).await;
    let local = Folder::owner(folder.path().join(".runyard")).unwrap().token;
    let own = served.clients.native_url.clone();

    let made = runyard(folder.path(), &["keys", "create", "--log", "trace"]).await.exits(0);
    let key = made.out.trim().to_owned();
    assert!(!made.err.contains(&key), "{}", made.err);
    let token = issuer.token(&issuer.claims("anybody"));
    let expired = issuer.token(&json!({"iss": provider.url, "exp": 1, "sub": "ada"}));
    let forged = format!("{}{}", &key[..key.len() - 64], "5ec4e7".repeat(11).split_at(64).0);
    let opaque = "an-opaque-secret-of-another-service";

    let http = reqwest::Client::new();
    let goal = json!({
        "root_node_type_ref": {"node_type_id": "runyard.core.echo", "version": "1"}, "input": {"echo": "x"},
    });
    for (credential, status) in
        [(&*key, 200), (&token, 200), (&local, 200), (&expired, 401), (&forged, 401), (opaque, 401)]
    {
        let answer = http.get(format!("{own}/v1/run-counts")).header("x-api-key", credential).send().await.unwrap();
        assert_eq!(answer.status(), status);
        let start = http.post(format!("{}/v1/runs", served.clients.gateway_url)).bearer_auth(credential).json(&goal);
        let answer = start.send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert!(!answer.text().await.unwrap().contains(credential));
        let both = http.get(format!("{own}/v1/runs")).bearer_auth(credential).header("x-api-key", "other");
        assert_eq!(both.send().await.unwrap().status(), 401);
    }
    // Send it to every API, in either header and in a query. An approval link is a credential in a query, too.
    let clients: Value = json_of(http.get(format!("{own}/v1/doors")).bearer_auth(&key)).await;
    let url = |api: &Value| api["url"].as_str().unwrap().to_owned();
    for api in clients["doors"].as_array().unwrap() {
        for credential in [&*key, &token, &local, &expired, &forged, opaque] {
            let asked = http.get(format!("{}/v1/runs/unknown?token={opaque}", url(api)));
            let answer = asked.bearer_auth(credential).header("x-api-key", credential).send().await.unwrap();
            assert!(!answer.text().await.unwrap().contains(credential));
        }
    }
    let toolregistry = clients["doors"].as_array().unwrap().iter().find(|api| api["name"] == "toolregistry");
    let runs = format!("{}/v1/runs", url(toolregistry.unwrap()));
    let asking = json!({
        "intent": "Generate a UUID.", "selectedCustomerIntegrationIds": ["*"], "context": "", "userId": "ann",
        "approvalStrategy": "ON_START",
    });
    let started = json_of(http.post(&runs).bearer_auth(&key).json(&asking)).await;
    let run = format!("{runs}/{}?includeEvents=true", started["runId"].as_str().unwrap());
    let link = eventually("a link to decide", async || {
        let shown = json_of(http.get(&run).bearer_auth(&key)).await;
        let mut events = shown["events"].as_array().unwrap().iter();
        events.find_map(|event| event.pointer("/approval/approveUrl")?.as_str()).map(str::to_owned)
    })
    .await;
    let decides = link.split_once("token=").unwrap().1.to_owned();
    assert_eq!(http.get(&link).send().await.unwrap().status(), 201);

    // The command line sends the credential that it was given, and does not print it.
    let mut logs = Vec::new();
    for (name, credential) in [("--token", &key), ("", &token)] {
        let flags: &[&str] =
            if name.is_empty() { &["list", "--log", "trace"] } else { &["list", "--log", "trace", name, credential] };
        let done = runyard_with(folder.path(), flags, &[("RUNYARD_TOKEN", credential)]).await.exits(0);
        logs.push(done.err + &done.out);
    }
    let refused =
        runyard_with(folder.path(), &["list", "--log", "trace"], &[("RUNYARD_TOKEN", &expired)]).await.exits(1);
    logs.push(refused.err + &refused.out);

    for (secret, may_stand_in) in
        [(key.rsplit('_').next().unwrap(), &[][..]), (&*decides, &[]), (&local, &["server.json"])]
    {
        assert_eq!(files_with(folder.path(), secret), may_stand_in);
    }
    served.process.signal("TERM");
    let done = served.process.done().await.exits(0);
    assert!(done.err.contains("TRACE") && done.err.contains("answered"), "the log is there to be looked at");
    logs.push(done.err + &done.out);
    for log in &logs {
        let (shown, made_up) = (key.rsplit('_').next().unwrap(), forged.rsplit('_').next().unwrap());
        for secret in [shown, made_up, &*local, opaque, &*decides] {
            assert!(!log.contains(secret));
        }
        for token in [&token, &expired] {
            for part in token.split('.').skip(1) {
                assert!(!log.contains(part), "a part of a token is in the log");
            }
        }
    }
}

#[tokio::test]
async fn nothing_that_is_shown_to_others_is_in_a_log_or_a_file() {
    let provider = Provider::start().await;
    let issuer = provider.issuer("one", Algorithm::RS256);
    provider.publishes(&[&issuer]);
    let tokens = TokenService::start(provider.issuer("one", Algorithm::RS256)).await;
    let (far_folder, near_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let trusting = [("ARP_AUTH_MODE", "required"), ("ARP_AUTH_ISSUER", &*provider.url)];
    let flags = ["--port-base", "0", "--log", "trace"];
    let far = [&trusting[..], &[("ARP_AUTH_AUDIENCE", "far")]].concat();
    let far = Served::start_in(far_folder.path(), &flags, &far).await;
    let secret = "s3cret-of-the-gateway";
    let client = [
        ("JARVIS_RUN_COORDINATOR_URL", &*far.clients.coordinator_url),
        ("JARVIS_RUN_COORDINATOR_AUDIENCE", "far"),
        ("ARP_AUTH_AUDIENCE", "near"),
        ("ARP_AUTH_TOKEN_ENDPOINT", &*tokens.url),
        ("ARP_AUTH_CLIENT_ID", "gateway"),
        ("ARP_AUTH_CLIENT_SECRET", secret),
    ];
    let near = Served::start_in(near_folder.path(), &flags, &[&trusting[..], &client].concat()).await;

    let token = issuer.token(&issuer.claims("near"));
    let body = json!({
        "root_node_type_ref": {"node_type_id": "runyard.core.echo", "version": "1"}, "input": {"echo": "x"},
    });
    let start = reqwest::Client::new().post(format!("{}/v1/runs", near.clients.gateway_url)).json(&body);
    assert_eq!(start.bearer_auth(&token).send().await.unwrap().status(), 200, "it comes through, by the binary too");
    assert_eq!(tokens.asked().len(), 1);

    let signature = tokens.given()[0].rsplit('.').next().unwrap().to_owned();
    let shown = runyard_with(near_folder.path(), &["config", "show"], &[("ARP_AUTH_CLIENT_SECRET", secret)]).await;
    let mut logs = vec![shown.exits(0).out];
    for served in [near, far] {
        served.process.signal("TERM");
        let done = served.process.done().await.exits(0);
        assert!(done.err.contains("TRACE"));
        logs.push(done.err + &done.out);
    }
    for secret in [secret, &signature, token.rsplit('.').next().unwrap()] {
        assert!(logs.iter().all(|log| !log.contains(secret)));
        assert!(files_with(near_folder.path(), secret).is_empty() && files_with(far_folder.path(), secret).is_empty());
    }
}
