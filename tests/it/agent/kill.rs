//! `kill -9` after each event of an agent: it ends as without, and no finished turn or call is made again.

use std::collections::BTreeMap;

use futures::StreamExt;
use runyard_client::ndjson;
use runyard_engine::{EffectId, NodeRunId, RunId};
use serde_json::{Value, json};

use super::model::{Says, Seen, model};
use crate::harness::peer::{Answers, Peer};
use crate::process::{Served, assert_whole, bounded};

/// How many events are read before the kill, as far as there are so many. A number above the last one kills nothing.
const EVENTS: usize = 32;

fn says(url: &str, seen: &Seen) -> Says {
    let order = |paper: u32| ("http_request", json!({ "url": url, "method": "POST", "json": { "paper": paper } }));
    match seen.turn {
        0 => Says::Calls(vec![order(1), order(2)]),
        1 => Says::Calls(vec![order(3)]),
        _ => Says::Text("ordered".to_owned()),
    }
}

/// How often each key was used.
fn keys(peer: &Peer) -> BTreeMap<String, usize> {
    let mut keys = BTreeMap::new();
    for asked in peer.asked() {
        *keys.entry(asked.headers["idempotency-key"].clone()).or_default() += 1;
    }
    keys
}

#[tokio::test]
async fn a_kill_after_each_event_repeats_nothing_that_had_finished() {
    for killed_after in (1..=EVENTS).step_by(2) {
        let desk = Peer::answering(Answers::Json(201, json!({ "made": true }))).await;
        let url = desk.url.clone();
        let peer = model(move |seen| says(&url, seen)).await;
        let folder = tempfile::tempdir().unwrap();
        let models = json!([{
            "name": "m", "api": "openai", "model": "m", "url": format!("{}/v1", peer.url), "allow_private_addresses": true,
        }]);
        let setting = format!("models={models}");
        let settings = ["--port-base", "0", "--set", "egress.allow_networks=127.0.0.0/8", "--set", setting.as_str()];
        let served = Served::start_with(folder.path(), &settings).await;
        let inputs = json!({ "prompt": "order", "tools": ["runyard.http.request"] });
        let (run_id, root) = served.clients.start("runyard.agent", inputs).await;
        let stream = served.clients.native.stream_run_events(&run_id, None, None, None).await.unwrap();
        let lines = ndjson::lines(stream.into_inner().into_inner()).map(Result::unwrap);
        let seen = bounded("the events", lines.take(killed_after).collect::<Vec<Value>>()).await;
        let run = RunId::parse(&run_id).unwrap();
        let ended = seen.iter().filter(|event| event["type"] == "node_finished");
        let ended = ended.map(|event| NodeRunId::parse(event["node_run_id"].as_str().unwrap()).unwrap());
        let finished: Vec<NodeRunId> = ended.filter(|id| *id != NodeRunId::root(run)).collect();
        served.kill();

        let served = Served::start_with(folder.path(), &settings).await;
        let events = served.clients.events(&run_id, 0).await;
        assert_whole(&events);
        let outputs = served.clients.node_run(&root).await["outputs"].clone();
        assert_eq!((&outputs["result"], &outputs["turns"]), (&json!("ordered"), &json!(3)), "after {killed_after}");
        let (turns, orders) = (keys(&peer), keys(&desk));
        assert_eq!((turns.len(), orders.len()), (3, 3), "after {killed_after}: every turn and call has one key");
        let repeated: usize = turns.values().chain(orders.values()).map(|times| times - 1).sum();
        // What was in flight is made again, under its key: at most two calls at once.
        assert!(repeated <= 2, "after {killed_after}: {turns:?} {orders:?}");
        for node_run in &finished {
            let key = EffectId::of(run, *node_run, "call", 1).to_string();
            let times = turns.get(&key).or(orders.get(&key));
            assert_eq!(times, Some(&1), "after {killed_after}: {node_run} had finished");
        }
    }
}
