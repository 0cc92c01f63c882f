//! Tests the example as a user would use it: the API through the generated client, and the server's own endpoint.

use futures::TryStreamExt as _;
use runyard_api::arp::schemas::RunStartRequest;
use runyard_api::client::Plain;
use runyard_api::crates::{reqwest, serde_json};
use serde_json::{Value, json};

use super::run_gateway::{GetRunRequest, StartRunRequest, StreamRunEventsRequest, client::Client};

#[tokio::test]
async fn the_example_answers_for_both() {
    let (server, hosted) = super::serve().unwrap();
    let (root, http) = (format!("http://{}", server.local_addr()), reqwest::Client::new());
    let greeting: String = http.get(format!("{root}/greeting")).send().await.unwrap().json().await.unwrap();
    assert_eq!(greeting, "Hello.");

    let client = Client::new_with_client(&format!("{root}/arp"), http.clone(), Plain::shared());
    let echo = json!({"node_type_id": "echo", "version": "1"});
    // Larger than dropshot's default body limit of 1024 bytes, which does not apply to the host.
    let start = json!({"run_id": "first", "root_node_type_ref": echo, "input": {"text": "x".repeat(100_000)}});
    let body: RunStartRequest = serde_json::from_value(start).unwrap();
    let run = StartRunRequest { body: body.clone(), idempotency_key: None }.send(&client).await.unwrap().into_inner();
    let found = GetRunRequest { run_id: run.run_id.clone() }.send(&client).await.unwrap().into_inner();
    assert_eq!(run, found);
    let again = StartRunRequest { body, idempotency_key: None }.send(&client).await.unwrap_err();
    assert_eq!(again.status().map(|status| status.as_u16()), Some(409));

    let watch = StreamRunEventsRequest { run_id: run.run_id, after_seq: Some(1), follow: None, last_event_id: None };
    let stream = watch.send(&client).await.unwrap().into_inner().into_inner();
    let bytes: Vec<_> = stream.try_collect().await.unwrap();
    let rest: Value = serde_json::from_slice(&bytes.concat()).unwrap();
    assert_eq!((&rest["seq"], &rest["type"]), (&json!(2), &json!("run_completed")));

    let refused = http.post(format!("{root}/arp/v1/runs")).json(&json!({"input": 7})).send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 400, "the document is held to below the prefix, too");
    let document: Value = http.get(format!("{root}/arp/openapi.json")).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["info"]["title"], "ARP Run Gateway");

    hosted.stopping().cancel();
    server.close().await.unwrap();
}
