//! Lists of runs with every filter, counts, cancellation and metrics.

use serde_json::{Value, json};

use super::{begun, deployed, drawn, end, finished, get, native, post, start, walked};
use crate::harness::World;

/// A workflow that takes a while.
fn lasting() -> Value {
    json!([start("wait"), native("delay", "wait", json!({ "minutes": 600 }), &["end"]), end("end", json!(1))])
}

/// The titles of the runs that match, in order.
async fn titles(world: &World, filters: Value) -> Vec<String> {
    let (status, listed) = post(world, "/runs/list", filters.clone()).await;
    assert_eq!(status, 200, "{listed}");
    let runs = listed["runs"].as_array().unwrap();
    assert_eq!(post(world, "/runs/count", filters).await.1["count"], listed["count"]);
    runs.iter().map(|run| run["recordTitle"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn every_filter_finds_what_it_says() {
    let world = World::new().await;
    let workflow = deployed(&world, drawn()).await;
    let first = begun(&world, json!({ "workflowUuid": workflow, "data": "first" })).await;
    let first = finished(&world, &first).await["run"].clone();
    let failing = json!([
        start("bad"),
        native("script", "bad", json!({ "script": "throw new Error('no')" }), &["end"]),
        end("end", json!(1))
    ]);
    let failed = walked(&world, failing, json!("failed")).await["run"].clone();
    assert_eq!(failed["status"], "error", "{failed}");
    let within = json!([start("end"), end("end", json!(1))]);
    let group = native("group", "each", json!({ "items": [1], "_nodes": within }), &["end"]);
    walked(&world, json!([start("each"), group, end("end", json!(1))]), json!("group")).await;
    let live = begun(&world, json!({ "nodes": lasting(), "data": "live" })).await;
    let asked = |field: &str, value: Value| json!({ field: value });
    for (filters, expected) in [
        (json!({}), &["live", "group", "failed", "first"][..]),
        (asked("workflowUuid", json!(workflow)), &["first"]),
        (asked("releaseUuid", first["releaseUuid"].clone()), &["first"]),
        (asked("statuses", json!(["success"])), &["group", "first"]),
        (asked("statuses", json!(["error", "running"])), &["live", "failed"]),
        (asked("statuses", json!(["idle", "cancelling", "skipped", "cancelled"])), &[]),
        (asked("isFinished", json!(true)), &["group", "failed", "first"]),
        (asked("isFinished", json!(false)), &["live"]),
        (json!({ "isFinished": false, "statuses": ["success"] }), &[]),
        (asked("isGroupParent", json!(true)), &["group"]),
        (asked("isGroupParent", json!(false)), &["live", "failed", "first"]),
        (asked("recordTitle", json!("first")), &["first"]),
        (asked("recordTitleOrId", json!("failed")), &["failed"]),
        (asked("recordId", json!("first")), &[]),
        (asked("userUuid", json!("unknown")), &[]),
        (asked("batchUuid", json!("x")), &[]),
        (asked("parentUuid", json!("x")), &[]),
        (asked("parentNodeUuid", json!("x")), &[]),
        (asked("parentBatchUuid", json!("x")), &[]),
        (asked("createdAfter", live["createdAt"].clone()), &["live"]),
        (asked("createdBefore", failed["createdAt"].clone()), &["first"]),
        (asked("updatedBefore", failed["createdAt"].clone()), &["first"]),
        (asked("updatedAfter", live["createdAt"].clone()), &["live"]),
        (json!({ "executionsFilter": one("bad", "error", None) }), &["failed"]),
        (json!({ "executionsFilter": one("bad", "error", Some("no")) }), &["failed"]),
        (json!({ "executionsFilter": one("bad", "error", Some("something else")) }), &[]),
        (json!({ "executionsFilter": one("wait", "pending", None) }), &["live"]),
        (json!({ "executionsFilter": one("say", "absent", None) }), &["live", "group", "failed"]),
        (json!({ "limit": 2 }), &["live", "group"]),
        (json!({ "limit": 2, "offset": 3 }), &["first"]),
    ] {
        let mut counted = filters.clone();
        let (limit, offset) = (counted.get("limit").cloned(), counted.get("offset").cloned());
        if limit.is_some() || offset.is_some() {
            let (_, listed) = post(&world, "/runs/list", counted.clone()).await;
            let found: Vec<&str> =
                listed["runs"].as_array().unwrap().iter().map(|run| run["recordTitle"].as_str().unwrap()).collect();
            assert_eq!((found.as_slice(), &listed["count"]), (expected, &json!(4)), "{filters}");
            continue;
        }
        counted = filters.clone();
        assert_eq!(titles(&world, counted).await, expected, "{filters}");
    }
    for odd in [
        json!({ "limit": 0 }),
        json!({ "limit": 101 }),
        json!({ "statuses": ["done"] }),
        json!({ "createdAfter": "soon" }),
    ] {
        assert_eq!(post(&world, "/runs/list", odd).await.1["reason"], "invalidRequest");
    }
}

/// One condition on executions.
fn one(slug: &str, status: &str, value: Option<&str>) -> Value {
    let mut condition = json!({ "kind": "node", "nodeSlug": slug, "status": status });
    if let Some(value) = value {
        condition["value"] = json!(value);
    }
    json!({ "conjonction": "and", "groups": [{ "conjonction": "or", "conditions": [condition] }] })
}

#[tokio::test]
async fn runs_are_cancelled_by_name_and_by_filter_and_never_all_by_leaving_something_out() {
    let world = World::new().await;
    let workflow = deployed(&world, lasting()).await;
    let start = async |data: &str| begun(&world, json!({ "workflowUuid": workflow, "data": data })).await;
    let (a, b, c) = (start("a").await, start("b").await, start("c").await);
    let cancel = async |mut filters: Value| {
        filters["workflowUuid"] = json!(workflow);
        let (status, answer) = post(&world, "/runs/cancel", filters).await;
        (status, answer.get("reason").cloned().unwrap_or_default())
    };
    let status = async |run: &Value| {
        let answer = get(&world, &format!("/runs/{}", run["uuid"].as_str().unwrap())).await.1;
        answer["run"]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(cancel(json!({})).await, (400, json!("invalidRequest")));
    // If one run is missing, the server cancels none.
    assert_eq!(cancel(json!({ "uuids": [a["uuid"], "unknown"] })).await, (404, json!("runNotFound")));
    assert_eq!(status(&a).await, "running");
    assert_eq!(cancel(json!({ "uuids": [a["uuid"]] })).await, (204, Value::Null));
    assert_eq!([status(&a).await, status(&b).await], ["cancelled", "running"]);
    assert_eq!(cancel(json!({ "uuids": [a["uuid"]] })).await.0, 204, "one that has ended stays as it is");
    assert_eq!(cancel(json!({ "recordTitle": "b" })).await.0, 204);
    assert_eq!([status(&b).await, status(&c).await], ["cancelled", "running"]);
    let answer = get(&world, &format!("/runs/{}", b["uuid"].as_str().unwrap())).await.1;
    assert_eq!(answer["run"]["executions"][1]["status"], "error");
    // A run of another workflow does not belong to this one.
    let other = deployed(&world, drawn()).await;
    let (_, refusal) = post(&world, "/runs/cancel", json!({ "workflowUuid": other, "uuids": [c["uuid"]] })).await;
    assert_eq!(refusal["reason"], "runNotFound");
    assert_eq!(cancel(json!({ "isFinished": false })).await.0, 204);
    assert_eq!(status(&c).await, "cancelled");
}

#[tokio::test]
async fn metrics_count_executions_by_node() {
    let world = World::new().await;
    let workflow = deployed(&world, drawn()).await;
    for data in ["a", "b"] {
        let run = begun(&world, json!({ "workflowUuid": workflow, "data": data })).await;
        finished(&world, &run).await;
    }
    let (_, metrics) = post(&world, "/runs/metrics", json!({ "workflowUuid": workflow })).await;
    let metrics = metrics["runMetrics"].as_array().unwrap();
    assert_eq!(metrics.len(), 3);
    for one in metrics {
        assert_eq!((&one["totalExecutionsCount"], &one["successExecutionsCount"]), (&json!(2), &json!(2)), "{one}");
        assert_eq!(one["errorExecutionsCount"], 0);
    }
    let later = json!({ "workflowUuid": workflow, "createdAfter": "2100-01-01T00:00:00Z" });
    assert_eq!(post(&world, "/runs/metrics", later).await.1["runMetrics"], json!([]));
    let (status, refusal) = post(&world, "/runs/metrics", json!({ "workflowUuid": "unknown" })).await;
    assert_eq!((status, &refusal["reason"]), (400, &json!("workflowNotFound")));
}
