//! A4, A6: a small request for a large list.

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::start;
use super::survives::{ended_with, starts, survives, survives_with};
use crate::process::bounded;

/// A list of this many items, each of which is an execution of this node type with these shared inputs.
fn each(node_type: &str, shared: &Value, items: usize, on_item_failure: &str) -> Value {
    let inputs = json!({
        "node_type_ref": { "node_type_id": node_type }, "inputs": shared, "items": vec![json!({}); items],
        "on_item_failure": on_item_failure
    });
    start("runyard.composite.each", inputs)
}

#[tokio::test]
async fn inputs_that_ten_thousand_items_share_are_stored_once() {
    let shared = json!({ "echo": "x".repeat(900_000) });
    survives("A4", async |served| {
        let (made, refused) = starts(served, [each("runyard.core.echo", &shared, 10_000, "fail")]).await;
        assert_eq!(refused, Vec::<String>::new());
        made
    })
    .await;
}

#[tokio::test]
async fn lists_whose_results_are_larger_than_a_run_may_hold_fail_by_name() {
    // Results slightly below the size that is stored beside the log, so that the run itself holds them all. The limit
    // is half of the default, because a debug build is slow.
    let script = json!({ "script": "return 'x'.repeat(60000)" });
    survives_with("A4 (results)", &["--set", "limits.run_held_bytes=33554432"], async |served| {
        let list = each("runyard.graph.script", &script, 10_000, "collect");
        let (made, refused) = starts(served, [list.clone(), list]).await;
        assert_eq!(refused, Vec::<String>::new());
        for run in &made {
            assert_eq!(ended_with(served, run).await, ["run_too_large"]);
        }
        made
    })
    .await;
}

#[tokio::test]
async fn unread_answers_of_large_lists_are_bounded_in_memory() {
    let mut unread = Vec::new();
    survives("A6", async |served| {
        let clients = served.clients();
        let body = json!({ "content": "Generate a UUID.", "mode": "async", "metadata": { "a": "x".repeat(800_000) } })
            .to_string();
        let start = async |_| {
            let answer = bounded("a start", clients.post("acp", "/v1/servers/default/runs", body.clone())).await;
            assert!(answer.status < 300, "{}", answer.text());
            answer.json()["run"]["id"].as_str().unwrap().to_owned()
        };
        let made = stream::iter(0..60).map(start).buffered(6).collect().await;
        let url = format!("{}/v1/servers/default/runs?limit=100", served.clients.acp_url);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        // The test reads only the heads, so that the bodies wait in the server as long as the test holds the answers.
        let answers = bounded("heads of lists", join_all((0..60).map(|_| client.get(&url).send()))).await;
        for answer in answers.into_iter().map(Result::unwrap) {
            if answer.status() == 200 {
                unread.push(answer);
                continue;
            }
            assert_eq!(answer.status(), 503);
            let refusal = answer.text().await.unwrap();
            assert!(refusal.contains("\"UNAVAILABLE\""), "{refusal}");
        }
        assert!(!unread.is_empty());
        made
    })
    .await;
}
