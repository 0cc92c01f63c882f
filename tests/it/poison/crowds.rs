//! A8: requests that cause much work.

use serde_json::{Value, json};

use super::start;
use super::survives::{starts, survives};
use crate::harness::{World, eventually};

/// A list of scripts that do not end by themselves.
fn endless_scripts() -> Value {
    let script = json!({ "script": "for (;;) {}" });
    let each = json!({ "node_type_ref": { "node_type_id": "runyard.graph.script" }, "inputs": script, "items": vec![json!({}); 64], "at_once": 64 });
    start("runyard.composite.each", each)
}

/// A run that starts a hundred others without waiting for them, nested this deep.
fn bomb(levels: usize) -> Value {
    let leaf = json!({ "node_type_ref": { "node_type_id": "runyard.core.uuid4" }, "inputs": {}, "wait": false });
    let list = |run: Value| json!({ "node_type_ref": { "node_type_id": "runyard.core.run" }, "inputs": run, "items": vec![json!({}); 100] });
    let within = (1..levels).fold(list(leaf), |inner, _| {
        list(json!({ "node_type_ref": { "node_type_id": "runyard.composite.each" }, "inputs": inner, "wait": false }))
    });
    start("runyard.composite.each", within)
}

#[tokio::test]
async fn scripts_and_sub_runs_without_end_leave_capacity_for_other_runs() {
    survives("A8", async |served| {
        let (made, refused) = starts(served, (0..12).map(|_| endless_scripts())).await;
        assert_eq!(refused, Vec::<String>::new());
        // The runs that they start continue on their own, so that they cannot be removed before.
        let (_, refused) = starts(served, [bomb(3)]).await;
        assert_eq!(refused, Vec::<String>::new());
        made
    })
    .await;
}

#[tokio::test]
async fn runs_below_a_run_are_bounded_and_the_one_too_many_fails_by_name() {
    let world = World::with(|config| config.limits.run_descendants = 120).await;
    let answer = world.post("runyard", "/v1/runs", bomb(2).to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    // The first hundred are one level below the top. Of the runs that those start, the limit allows twenty.
    let failed = eventually("a run too many", async || {
        let failed = world.get("runyard", "/v1/runs?state=failed&limit=1").await.json();
        Some(failed["runs"].as_array()?.first()?["run_id"].as_str()?.to_owned())
    })
    .await;
    let shown = world.get("runyard", &format!("/v1/runs/{failed}")).await;
    assert!(shown.text().contains("too_many_descendants"), "{}", shown.text());
    let counts = world.get("runyard", "/v1/run-counts").await.json();
    assert!(counts["total"].as_u64().unwrap() <= 121, "{counts}");
}
