//! A4: a small request for a large list.

use serde_json::{Value, json};

use super::start;
use super::survives::{ended_with, starts, survives, survives_with};

/// A list of so many items, each of which is an execution of this node type with these shared inputs.
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
    // Results a little smaller than what is stored beside the log: the run holds them all. The limit is a quarter of the default, for
    // the time that a debug build takes.
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
