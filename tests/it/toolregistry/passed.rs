//! Values that are passed through to integrations: each reaches its own integration, and appears nowhere else.

use std::path::Path;

use http::Method;
use runyard_api::toolregistry::types::RunStatus;
use serde_json::{Value, json};

use super::approvals::Api;
use super::services::{peer, selecting, services, world};
use super::{ended, with};
use crate::process::{Served, bounded, free_port_base};

const INTENT: &str = "Create a ticket in helpdesk with title \"No paper\", then return it.";

fn passing(intent: &str, passed: Value) -> Value {
    with(selecting(intent, &["*"]), "passThrough", passed)
}

#[tokio::test]
async fn headers_and_query_go_with_the_calls_of_their_integration() {
    let peer = peer().await;
    let world = world(&peer).await;
    let passed = json!([
        {
            "customerIntegrationId": "helpdesk_main",
            "headers": { "Authorization": "Bearer of-the-customer", "X-Number": 7 },
            "query": { "key": "a key&more", "page": 2, "deep": true, "tag": ["x", "y"] }
        },
        { "customerIntegrationId": "crm_main", "headers": { "authorization": "Bearer of-the-crm" } },
        { "customerIntegrationId": "helpdesk_main", "headers": { "x-more": "of-another-entry" } },
    ]);
    let run = ended(&world, passing(INTENT, passed.clone())).await;
    assert_eq!(run.status, RunStatus::Success);
    let asked = peer.asked().pop().unwrap();
    assert_eq!(asked.target, "/helpdesk/tickets?key=a+key%26more&page=2&deep=true&tag=x&tag=y");
    for (name, value) in [
        ("authorization", "Bearer of-the-customer"),
        ("x-number", "7"),
        ("x-more", "of-another-entry"),
        ("x-team", "blue"),
    ] {
        assert_eq!(asked.headers[name], value);
    }
    // The service returned them, but the stored outputs do not have them.
    let result = json!(run.result);
    assert_eq!(result["at"], json!("/helpdesk/tickets?key=***&page=2&deep=true&tag=x&tag=y"));
    assert_eq!((&result["saw"]["authorization"], &result["saw"]["x-more"]), (&json!("***"), &json!("***")));

    let run = ended(&world, passing("List the customers in crm, then return them.", passed)).await;
    assert_eq!(json!(run.result), json!({ "result": ["/crm/customers"] }), "no query of the other");
    assert_eq!(peer.asked().pop().unwrap().headers["authorization"], "Bearer of-the-crm");
    // It belongs to that run alone.
    ended(&world, selecting("List the customers in crm, then return them.", &["*"])).await;
    assert!(!peer.asked().pop().unwrap().headers.contains_key("authorization"));
}

#[tokio::test]
async fn what_cannot_be_passed_through_is_named_and_not_repeated() {
    let peer = peer().await;
    let world = world(&peer).await;
    let helpdesk = |more: Value| {
        let mut one = json!({ "customerIntegrationId": "helpdesk_main" });
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        one
    };
    let role = json!({ "roleArn": "s3cret", "externalId": "s3cret" });
    let keys = json!({ "accessKeyId": "s3cret", "secretAccessKey": "s3cret", "sessionToken": "s3cret" });
    let mut both = role.clone();
    both.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    for (passed, said) in [
        (
            json!([{ "customerIntegrationId": "unknown" }]),
            "/passThrough/0/customerIntegrationId: integration `unknown` is not known here",
        ),
        (json!([{ "customerIntegrationId": "archive_main" }]), "integration `archive_main` is not among"),
        (json!([{ "headers": {} }]), "customerIntegrationId"),
        (json!([helpdesk(json!({ "values": both }))]), "/passThrough/0/values"),
        (json!([helpdesk(json!({ "values": { "roleArn": "s3cret" } }))]), "/passThrough/0/values"),
        (
            json!([helpdesk(json!({ "values": role })), helpdesk(json!({ "values": keys }))]),
            "/passThrough/1/values: stands twice",
        ),
        (
            json!([helpdesk(json!({ "headers": { "a b": "s3cret" } }))]),
            "/passThrough/0/headers/a b: is no name of a header",
        ),
        (
            json!([helpdesk(json!({ "headers": { "Host": "s3cret" } }))]),
            "/passThrough/0/headers/Host: is a header that the server",
        ),
        (
            json!([helpdesk(json!({ "headers": { "x": "s3cret\n" } }))]),
            "/passThrough/0/headers/x: has a value that cannot be sent",
        ),
        (
            json!([helpdesk(json!({ "headers": { "x": ["s3cret"] } }))]),
            "/passThrough/0/headers/x: must be a text or a number",
        ),
        (json!([helpdesk(json!({ "headers": { "x": "1", "X": "2" } }))]), "/passThrough/0/headers/X: stands twice"),
        (json!([helpdesk(json!({ "query": { "x": { "y": "s3cret" } } }))]), "/passThrough/0/query/x: must be a text"),
        (
            json!([helpdesk(json!({ "query": { "x": 1 } })), helpdesk(json!({ "query": { "x": 2 } }))]),
            "/passThrough/1/query/x: stands twice",
        ),
        (json!({ "customerIntegrationId": "helpdesk_main" }), "/passThrough"),
    ] {
        let answer = world.post("toolregistry", "/v1/runs", passing(INTENT, passed.clone()).to_string()).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{passed}");
        assert!(answer.text().contains(said) && !answer.text().contains("s3cret"), "{passed}: {}", answer.text());
    }
    let unselected = with(selecting(INTENT, &["crm_main"]), "passThrough", json!([helpdesk(json!({}))]));
    let answer = world.post("toolregistry", "/v1/runs", unselected.to_string()).await;
    assert!(answer.text().contains("integration `helpdesk_main` is not among"), "{}", answer.text());
    assert!(peer.asked().is_empty());
    for values in [
        role,
        keys,
        json!({ "clientId": "c", "kid": "k", "privateKey": "p", "oauthTokenUrl": "https://o/", "scope": "s" }),
    ] {
        let run = ended(&world, passing(INTENT, json!([helpdesk(json!({ "values": values }))]))).await;
        assert_eq!(run.status, RunStatus::Success, "each of the three types is taken");
    }
}

#[tokio::test]
async fn the_same_request_with_other_credentials_is_another_request() {
    let peer = peer().await;
    let world = world(&peer).await;
    let start = async |secret: &str| {
        let passed = json!([{ "customerIntegrationId": "crm_main", "headers": { "authorization": secret } }]);
        let path = "/v1/runs";
        let request = world.request("toolregistry", Method::POST, path).header("idempotency-key", "once");
        let request = request.header("content-type", "application/json").body(passing("Say 'x'.", passed).to_string());
        world.send("toolregistry", request).await
    };
    assert_eq!(start("one").await.status, 201);
    assert_eq!(start("one").await.header("idempotent-replayed"), Some("true"));
    assert_eq!(start("two").await.refusal(), (409, "idempotency_conflict".to_owned()));
}

/// The content of all files in the data folder.
fn stored(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder.join(".runyard")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).unwrap()).collect()
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

/// A run that waits, is killed and continues: it still has the passed-through value, which is in no file, log line or
/// answer.
#[tokio::test]
async fn credentials_survive_a_kill_and_are_seen_nowhere() {
    let (peer, folder, base) = (peer().await, tempfile::tempdir().unwrap(), free_port_base());
    std::fs::write(folder.path().join("runyard.toml"), configured(&services(&peer.url))).unwrap();
    let flags = ["--port-base", &base.to_string()].map(str::to_owned);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let start = async || Served::start_with(folder.path(), &flags).await;
    let secrets = ["hdr-s3cret-11", "qry s3cret&22", "qry+s3cret%2622", "qry%20s3cret%2622", "val-s3cret-33"];
    let body = with(
        passing(
            INTENT,
            json!([{
                "customerIntegrationId": "helpdesk_main", "headers": { "authorization": format!("Bearer {}", secrets[0]) },
                "query": { "key": secrets[1] }, "values": { "roleArn": "arn", "externalId": secrets[4] }
            }]),
        ),
        "approvalStrategy",
        json!("ON_TOOL_CALL"),
    );
    let api = Api::of(base);
    let served = start().await;
    let run = api.start_with(body).await;
    let mut seen = Vec::new();
    let token = api.asked(&run, &mut seen, "approveUrl").await;
    let mut files = stored(folder.path());
    served.process.signal("KILL");
    let mut logged = served.process.done().await.err;
    let served = start().await;
    assert_eq!(api.follow(&token).await, 201);
    seen.extend(bounded("its end", api.stream(&run, seen.len()).await.rest()).await);
    assert_eq!(seen.last().unwrap().data["runStatus"], json!("SUCCESS"), "{seen:?}");
    let asked = peer.asked().pop().unwrap();
    assert_eq!(asked.headers["authorization"], format!("Bearer {}", secrets[0]));
    assert_eq!(asked.target, "/helpdesk/tickets?key=qry+s3cret%2622");

    files.extend(stored(folder.path()));
    let shown = [json!(api.get(&run).await).to_string(), format!("{seen:?}")].concat();
    served.process.signal("KILL");
    logged.push_str(&served.process.done().await.err);
    assert!(logged.contains("TRACE"), "there is something to look through");
    for secret in secrets {
        for (place, text) in
            [("the data folder", &files[..]), ("the log", logged.as_bytes()), ("what was shown", shown.as_bytes())]
        {
            assert!(!contains(text, secret), "{place} has {secret}");
        }
    }
}

/// The integrations as a configuration file has them.
fn configured(services: &Value) -> String {
    let mut table = toml::Table::new();
    table.insert("integrations".to_owned(), toml::Value::try_from(services).unwrap());
    format!("log.filter = \"trace\"\n{}", toml::to_string(&table).unwrap())
}
