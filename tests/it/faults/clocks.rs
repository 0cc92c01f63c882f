//! A system clock that is set, forward and back, while a server runs and between two servers.

use futures::StreamExt;
use runyard_client::ndjson;
use serde_json::{Value, json};

use crate::harness::World;
use crate::harness::peer::{Answers, Peer};
use crate::process::bounded;

const HOUR_MS: i64 = 3_600_000;

/// When the events of a run happened, as the Runyard API shows them.
async fn times(world: &World, run_id: &str) -> Vec<String> {
    let stream = world.native.stream_run_events(run_id, None, None, None).await.unwrap();
    let lines = ndjson::lines(stream.into_inner().into_inner()).map(Result::unwrap);
    let events = bounded("the end of a run", lines.collect::<Vec<Value>>()).await;
    events.iter().map(|event| event["time"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_clock_that_is_set_holds_no_run_up_and_repeats_no_step() {
    let peer = Peer::start(|asked| match asked.target.as_str() {
        "/wait" => Answers::Nothing,
        _ => Answers::Json(200, json!("done")),
    })
    .await;
    let world = World::with(|config| config.egress.allow_networks = vec!["127.0.0.0/8".to_owned()]).await;
    let clock = world.server.clock().clone();
    for by_ms in [-HOUR_MS, HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS, -HOUR_MS] {
        let asked = peer.asked().len();
        // When the clock is set, one run waits for a time and one has a call in flight.
        let sleeps = world.run("runyard.core.sleep", json!({ "seconds": 0.3 })).await.run_id;
        let inputs = json!({ "url": format!("{}/wait", peer.url), "timeout_ms": 600 });
        let calls = world.run("runyard.http.request", inputs).await.run_id;
        peer.was_asked(asked + 1).await;
        clock.jump(by_ms);
        for run_id in [&sleeps, &calls] {
            let times = times(&world, run_id).await;
            assert!(times.is_sorted(), "{by_ms}: {times:?}");
        }
        assert_eq!(json!(world.finished(&sleeps).await)["state"], "succeeded", "{by_ms}");
        assert_eq!(peer.asked().len(), asked + 1, "{by_ms}: a lease that seems to have run out is still held");
        let quick = world.run("runyard.core.uuid4", json!({})).await.run_id;
        assert_eq!(json!(world.finished(&quick).await)["state"], "succeeded", "{by_ms}");
    }
    world.server.stop().await;
}
