//! `kill -9` during a call: the call is made again under the same key, and never lost. Also: which settings the
//! environment cannot change.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use runyard_client::ndjson;
use serde_json::{Value, json};

use crate::harness::peer::{Answers, Peer};
use crate::process::{Served, assert_whole, bounded, start_body};

const HERE: [&str; 4] = ["--port-base", "0", "--set", "egress.allow_networks=127.0.0.0/8"];

#[tokio::test]
async fn a_call_in_the_air_is_made_again_under_its_key() {
    let times = AtomicUsize::new(0);
    let peer = Peer::start(move |_| match times.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Answers::Nothing,
        _ => Answers::Json(201, json!({ "made": true })),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start_with(folder.path(), &HERE).await;
    let inputs = json!({ "url": format!("{}/orders", peer.url), "method": "POST", "json": { "paper": 5 }, "timeout_ms": 60_000 });
    let (run_id, root) = served.clients.start("runyard.http.request", inputs).await;
    peer.was_asked(1).await;
    served.kill();

    let served = Served::start_with(folder.path(), &HERE).await;
    peer.was_asked(2).await;
    served.kill();

    let served = Served::start_with(folder.path(), &HERE).await;
    let events = served.clients.events(&run_id, 0).await;
    assert_whole(&events);
    assert_eq!(served.clients.node_run(&root).await["outputs"]["json"], json!({ "made": true }));
    let asked = peer.asked();
    assert_eq!(asked.len(), 3, "twice in the air, once to the end");
    assert!(asked.iter().all(|one| one.headers["idempotency-key"] == asked[0].headers["idempotency-key"]));
    assert!(asked.iter().all(|one| one.json() == json!({ "paper": 5 })));
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_not_used() {
    let (peer, proxy) = (Peer::answering(Answers::Json(200, json!(1))).await, Peer::answering(Answers::Nothing).await);
    let folder = tempfile::tempdir().unwrap();
    let environment = [("HTTP_PROXY", proxy.url.as_str()), ("http_proxy", &proxy.url), ("ALL_PROXY", &proxy.url)];
    let served = Served::start_in(folder.path(), &HERE, &environment).await;
    let (run_id, _) = served.clients.start("runyard.http.request", json!({ "url": peer.url })).await;
    served.clients.events(&run_id, 0).await;
    assert_eq!(served.clients.run(&run_id).await["state"], "succeeded");
    assert_eq!((peer.asked().len(), proxy.asked().len()), (1, 0));
}

#[tokio::test]
async fn a_peer_that_asks_for_time_gets_it_before_the_next_try() {
    let times = AtomicUsize::new(0);
    let peer = Peer::start(move |_| match times.fetch_add(1, Ordering::SeqCst) {
        0 => Answers::with(503, &[("retry-after", "1")], b"busy"),
        _ => Answers::Json(200, json!("done")),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start_with(folder.path(), &HERE).await;
    let mut body = start_body("runyard.http.request", json!({ "url": peer.url }));
    let retry = json!({ "runyard.retry": { "max_attempts": 2, "initial_interval_ms": 1 } });
    body.extensions = Some(serde_json::from_value(retry).unwrap());
    let run_id = served.clients.gateway.start_run(None, &body).await.unwrap().into_inner().run_id;
    let stream = served.clients.native.stream_run_events(&run_id, None, None, None).await.unwrap();
    let lines = ndjson::lines(stream.into_inner().into_inner()).map(Result::unwrap);
    let events = bounded("the end", lines.collect::<Vec<Value>>()).await;
    let failed = events.iter().find(|event| event["type"] == "attempt_failed").unwrap();
    let at: jiff::Timestamp = failed["time"].as_str().unwrap().parse().unwrap();
    assert!(failed["data"]["retry_at_ms"].as_i64().unwrap() - at.as_millisecond() >= 1000, "{failed}");
    assert_eq!((served.clients.run(&run_id).await["state"].clone(), peer.asked().len()), (json!("succeeded"), 2));
}
