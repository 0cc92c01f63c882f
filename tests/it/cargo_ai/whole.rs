//! A workflow with every kind of node, on a server of its own, which may be killed at any moment.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use runyard_client::ndjson;
use serde_json::{Value, json};

use super::{end, native, says, start, uuid};
use crate::harness::eventually;
use crate::harness::peer::{Answers, Asked, Peer};
use crate::process::{Served, bounded};

/// A service: one action works from the third attempt on, for each order, and another never works.
async fn shop() -> Peer {
    let times: Arc<Mutex<BTreeMap<String, u32>>> = Arc::default();
    Peer::start(move |asked: &Asked| {
        if asked.target.contains("broken") {
            return Answers::Json(500, json!({ "no": "never" }));
        }
        let order = asked.json()["order"].to_string();
        let mut times = times.lock().unwrap();
        let tried = times.entry(order).or_default();
        *tried += 1;
        if *tried < 3 { Answers::Json(503, json!("not yet")) } else { Answers::Json(200, json!({ "booked": true })) }
    })
    .await
}

fn configure(folder: &Path, url: &str) {
    let text = format!(
        r#"
        port_base = 0

        [[integrations]]
        id = "shop"
        name = "Shop"
        url = "{url}"
        allow_private_addresses = true

        [[integrations.node_types]]
        slug = "book"
        description = "Books an order."
        method = "POST"
        path = "/book"
        input_schema = {{ type = "object", required = ["order"], properties = {{ order = {{ type = "string" }} }} }}

        [[integrations.node_types]]
        slug = "ship"
        description = "Ships an order."
        method = "POST"
        path = "/broken"
        input_schema = {{ type = "object", required = ["order"], properties = {{ order = {{ type = "string" }} }} }}
        "#
    );
    std::fs::write(folder.join("runyard.toml"), text).unwrap();
}

fn connector(action: &str, slug: &str, child: &str, retry: Value) -> Value {
    json!({
        "uuid": uuid(slug), "slug": slug, "kind": "connector", "integrationSlug": "shop", "actionSlug": action,
        "config": { "order": "{{ nodes.start.order }}" }, "childrenUuids": [uuid(child)], "fallbackOnFailure": false,
        "position": { "x": 0, "y": 0 }, "retry": retry
    })
}

fn with(mut node: Value, fields: Value) -> Value {
    node.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    node
}

/// Start, switch, a group, a connector that works at the third attempt, one that never does, a delay, an end.
fn nodes() -> Value {
    let routes = json!({ "routes": [
        { "name": "small", "value": "{{ nodes.start.items.length < 10 }}" },
        { "name": "large", "value": "{{ nodes.start.items.length >= 10 }}" },
    ] });
    let within = json!([
        start("twice"),
        native("script", "twice", json!({ "script": "return nodes.start.value * 2" }), &["out"]),
        native(
            "end",
            "out",
            json!({ "variables": [{ "name": "n", "type": "number", "value": "{{ nodes.twice.result }}" }] }),
            &[]
        ),
    ]);
    let group = json!({ "items": "{{ nodes.start.items }}", "_nodes": within, "failOnItemFailure": true });
    let fallback = json!({ "fallbackOnFailure": true, "fallbackChildUuid": uuid("instead") });
    json!([
        start("size"),
        native("switch", "size", routes, &["little", "each"]),
        end("little", json!("too little")),
        native("group", "each", group, &["book"]),
        connector(
            "book",
            "book",
            "ship",
            json!({ "maximumAttempts": 3, "initialInterval": 100, "backoffCoefficient": 2 })
        ),
        with(connector("ship", "ship", "wait", json!({ "maximumAttempts": 2, "initialInterval": 50 })), fallback),
        says("instead", json!("by hand"), "wait"),
        native("delay", "wait", json!({ "minutes": 0.008 }), &["done"]),
        end("done", json!("{{ nodes.instead.said }} {{ nodes.book.booked }}")),
    ])
}

/// The API of a server, called without its document: the server is another process.
struct Api {
    url: String,
    http: reqwest::Client,
}

impl Api {
    fn of(served: &Served) -> Self {
        Api {
            url: format!("{}/v1/orchestration", served.clients.cargo_url),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url)).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn run(&self, run: &str) -> Value {
        let answer = self.http.get(format!("{}/runs/{run}", self.url)).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Waits until the run matches, and returns it.
    async fn until(&self, run: &str, fits: impl Fn(&Value) -> bool) -> Value {
        eventually("a run that far", async || Some(self.run(run).await).filter(&fits)).await
    }

    async fn deploy(&self) -> String {
        let tool = self.post("/tools", json!({ "name": "Order" })).await;
        let workflow = tool["tool"]["workflowUuid"].as_str().unwrap().to_owned();
        let draft = json!({ "workflowUuid": workflow, "nodes": nodes(), "formFields": [] });
        self.post("/releases/draft/update", draft).await;
        self.post("/releases/draft/deploy", json!({ "workflowUuid": workflow })).await;
        workflow
    }

    async fn begin(&self, workflow: &str, order: &str) -> String {
        let data = json!({ "order": order, "items": (0..100).collect::<Vec<u32>>() });
        let begun = self.post("/runs", json!({ "workflowUuid": workflow, "data": data })).await;
        begun["run"]["uuid"].as_str().unwrap().to_owned()
    }
}

fn is_over(answer: &Value) -> bool {
    ["success", "error", "cancelled"].iter().any(|word| answer["run"]["status"] == *word)
}

/// Every event of a run, as the Runyard API shows them.
async fn own_events(served: &Served, run: &str) -> Vec<Value> {
    let stream = served.clients.native.stream_run_events(run, None, None, None).await.unwrap();
    let lines = ndjson::lines(stream.into_inner().into_inner()).map(Result::unwrap);
    bounded("the end", lines.collect::<Vec<Value>>()).await
}

/// The result of a run without its durations.
fn assert_whole(answer: &Value) {
    assert_eq!(answer["run"]["status"], "success", "{answer}");
    let executions = answer["run"]["executions"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let described: Vec<_> = executions
        .iter()
        .map(|one| {
            (text(&one["nodeSlug"]), text(&one["status"]), text(&one["nextNodeUuid"]), one["nodeChildIndex"].as_i64())
        })
        .collect();
    let line = |slug: &str, status: &str, next: &str, way: Option<i64>| {
        (slug.to_owned(), status.to_owned(), if next.is_empty() { String::new() } else { uuid(next) }, way)
    };
    let expected = [
        line("start", "success", "size", Some(0)),
        line("size", "success", "each", Some(1)),
        line("each", "success", "book", Some(0)),
        line("book", "success", "ship", Some(0)),
        line("ship", "error", "instead", None),
        line("instead", "success", "wait", Some(0)),
        line("wait", "success", "done", Some(0)),
        line("done", "success", "", None),
    ];
    assert_eq!(described, expected);
    let context = &answer["runContext"];
    let doubled: Vec<Value> = (0..100).map(|n| json!({ "n": n * 2 })).collect();
    assert_eq!(context["each"], json!(doubled));
    assert_eq!(
        (&context["book"], &context["done"]),
        (&json!({ "booked": true }), &json!({ "answer": "by hand true" }))
    );
    assert_eq!(answer["runComputedConfigs"]["book"]["order"], context["start"]["order"]);
    let ship = &executions[4];
    assert!(ship["errorMessage"].as_str().unwrap().contains("500"), "{ship}");
    let (kind, integration, action) = (&ship["nodeKind"], &ship["nodeIntegrationSlug"], &ship["nodeActionSlug"]);
    assert_eq!((kind, integration, action), (&json!("connector"), &json!("shop"), &json!("ship")));
}

#[tokio::test]
async fn a_workflow_with_everything_in_it_is_a_success_and_its_executions_tell_the_truth() {
    let (peer, folder) = (shop().await, tempfile::tempdir().unwrap());
    configure(folder.path(), &peer.url);
    let served = Served::start_in(folder.path(), &[], &[]).await;
    let api = Api::of(&served);
    let workflow = api.deploy().await;
    let run = api.begin(&workflow, "o1").await;
    assert_whole(&api.until(&run, is_over).await);
    // Three attempts of the one, two of the other, with the configured waits between them.
    let booked = peer.asked().iter().filter(|asked| asked.target == "/book").count();
    assert_eq!((booked, peer.asked().len()), (3, 5));
    let mut waits = Vec::new();
    for event in own_events(&served, &run).await.iter().filter(|event| event["type"] == "attempt_failed") {
        if let Some(retry_at_ms) = event["data"]["retry_at_ms"].as_i64() {
            let at: jiff::Timestamp = event["time"].as_str().unwrap().parse().unwrap();
            waits.push(retry_at_ms - at.as_millisecond());
        }
    }
    assert_eq!(waits, [100, 200, 50]);
    served.kill();
}

#[tokio::test]
async fn a_kill_at_any_point_of_it_changes_nothing_in_the_outcome() {
    let (peer, folder) = (shop().await, tempfile::tempdir().unwrap());
    configure(folder.path(), &peer.url);
    let mut served = Served::start_in(folder.path(), &[], &[]).await;
    let workflow = Api::of(&served).deploy().await;
    for reached in ["size", "each", "book", "ship", "wait"] {
        let run = Api::of(&served).begin(&workflow, reached).await;
        let is_there = |answer: &Value| {
            answer["run"]["executions"].as_array().unwrap().iter().any(|one| one["nodeSlug"] == reached)
        };
        Api::of(&served).until(&run, is_there).await;
        served.kill();
        served = Served::start_in(folder.path(), &[], &[]).await;
        assert_whole(&Api::of(&served).until(&run, is_over).await);
    }
    served.kill();
}
