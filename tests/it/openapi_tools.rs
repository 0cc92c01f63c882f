//! Operations of OpenAPI documents as tools: what a recording service receives, and what a call returns.

use std::sync::Arc;

use runyard::clock::Clock;
use runyard::config::egress::Egress;
use runyard::config::tools::openapi::parse;
use runyard::expressions::{Expressions, Limits};
use runyard::nodes::credentials::NoCredentials;
use runyard::nodes::openapi::OpenapiServices;
use runyard::nodes::openapi::stored;
use runyard::nodes::perform::http::{Http, Outside};
use runyard::nodes::perform::{Call, InProcess, Performer};
use runyard::nodes::{Provider, Providers};
use runyard_engine::{NodeTypeRef, Outcome};
use serde_json::{Value, json};

use crate::harness::peer::{Answers, Peer};
use crate::http::caller::{key, run};
use crate::process::{bounded, runyard};

const SECRET: &str = "hunter2-of-the-desk";

fn document() -> Value {
    json!({
        "openapi": "3.1.0", "info": { "title": "Desk", "version": "1" },
        "components": { "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } } },
        "security": [{ "token": [] }],
        "paths": { "/tickets/{id}": {
            "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": ["integer", "string"] } }],
            "get": { "operationId": "getTicket", "summary": "One ticket", "parameters": [
                { "name": "filter", "in": "query", "style": "deepObject", "explode": true, "schema": { "type": "object" } },
                { "name": "x-team", "in": "header", "schema": { "type": "array", "items": { "type": "string" } } },
                { "name": "session", "in": "cookie", "schema": { "type": "string" } },
            ], "responses": { "200": { "description": "", "content": { "application/json": { "schema": { "type": "integer" } } } } } },
            "patch": { "operationId": "changeTicket", "requestBody": { "required": true, "content": {
                "application/json": { "schema": { "type": "object", "required": ["title"], "properties": { "title": { "type": "string" } } } }
            } } },
        } }
    })
}

async fn call(peer: &Peer, id: &str, inputs: Value) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    stored::write(folder.path(), "desk", &document()).unwrap();
    let egress = Egress { response_bytes_max: 10_000, ..Egress::default() };
    let outside = Arc::new(Outside::new(&egress).unwrap());
    let configured = parse(&json!([{
        "name": "desk", "url": peer.url, "allow_private_addresses": true, "idempotency_header": "x-key",
        "credentials": { "token": { "env": "TOKEN" } },
    }]))
    .unwrap();
    let services =
        OpenapiServices::open(&configured, folder.path(), None, outside, |_| Some(SECRET.to_owned())).unwrap();
    let clock = &Clock::system();
    let performer = InProcess {
        providers: Providers::builtin_and(Http(None), [Arc::new(services) as Arc<dyn Provider>]),
        expressions: Arc::new(Expressions::new(Limits::default(), clock.clone())),
        credentials: Arc::new(NoCredentials),
    };
    let asked = NodeTypeRef { id: format!("openapi.desk.{id}"), version: "latest".to_owned() };
    let node_type = performer.providers.catalog("default").resolve(&asked).unwrap();
    let call = Call {
        tenant: "default",
        run: run(),
        node_type: &node_type,
        inputs: inputs.as_object().unwrap(),
        key: key(),
        attempt: 1,
        clock,
        now_ms: clock.now_ms(),
        entropy: [0; 16],
        around: None,
    };
    bounded("a call", performer.perform(call)).await
}

#[tokio::test]
async fn a_call_sends_every_parameter_and_the_credential_and_masks_it() {
    let answer = json!({ "token": format!("Bearer {SECRET}") });
    let peer = Peer::answering(Answers::Json(200, answer)).await;
    let inputs = json!({ "id": "a/b", "filter": { "state": "open" }, "x-team": ["a", "b"], "session": "s 1" });
    let outcome = call(&peer, "getTicket", inputs).await;
    let Outcome::Succeeded { outputs } = outcome else { panic!("{outcome:?}") };
    assert_eq!(outputs["status"], 200);
    assert!(!format!("{outputs:?}").contains(SECRET), "an answer unlike its schema succeeds, without the secret");
    let asked = &peer.asked()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("GET", "/tickets/a%2Fb?filter%5Bstate%5D=open"));
    assert_eq!(asked.headers["x-team"], "a,b");
    assert_eq!(asked.headers["cookie"], "session=s%201");
    assert_eq!(asked.headers["authorization"], format!("Bearer {SECRET}"));
}

#[tokio::test]
async fn a_body_is_checked_and_sent_with_the_key() {
    let peer = Peer::answering(Answers::Json(200, json!({}))).await;
    let refused = call(&peer, "changeTicket", json!({ "id": 7, "body": { "title": 1 } })).await;
    assert!(matches!(refused, Outcome::Failed(_)), "{refused:?}");
    let outcome = call(&peer, "changeTicket", json!({ "id": 7, "body": { "title": "x" } })).await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    let asked = peer.asked();
    assert_eq!((asked.len(), asked[0].target.as_str()), (1, "/tickets/7"));
    assert_eq!(asked[0].json(), json!({ "title": "x" }));
    assert_eq!(asked[0].headers["x-key"], key().to_string());
}

#[tokio::test]
async fn a_document_is_imported_and_found_before_a_server_runs_and_replaced_only_with_yes() {
    let folder = tempfile::tempdir().unwrap();
    let mut document = document();
    document["servers"] = json!([{ "url": "https://desk.example.org" }]);
    let write = |document: &Value| std::fs::write(folder.path().join("desk.json"), document.to_string()).unwrap();
    let import = ["tools", "import", "desk.json", "--as", "desk", "--json"];
    let found = async |word: &str| {
        let found = runyard(folder.path(), &["tools", "search", word, "--json"]).await.exits(0).object();
        found["node_types"].as_array().unwrap().len()
    };
    write(&document);
    let imported = runyard(folder.path(), &import).await.exits(0).object();
    assert_eq!((&imported["imported"], &imported["node_types"]), (&json!(true), &json!(2)));
    assert_eq!(found("ticket").await, 2);

    let paths = document["paths"].as_object_mut().unwrap();
    paths.insert("/teams".to_owned(), json!({ "get": { "operationId": "listTeams", "responses": {} } }));
    write(&document);
    let refused = runyard(folder.path(), &import).await;
    assert!(refused.code != Some(0), "{refused:?}");
    let shown = refused.object();
    assert_eq!(shown["imported"], false);
    assert!(shown["changes"].to_string().contains("/teams"), "{shown}");
    assert_eq!(found("teams").await, 0);
    runyard(folder.path(), &[&import[..], &["--yes"]].concat()).await.exits(0);
    assert_eq!(found("teams").await, 1);
}
