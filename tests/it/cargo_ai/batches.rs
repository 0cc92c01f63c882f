//! Batches, and the runs of tools and agents: runs with parent runs.

use http::Method;
use serde_json::{Value, json};

use super::{AT, ask, begun, deployed, drawn, end, finished, get, native, post, start, uuid};
use crate::harness::{World, eventually};

/// A batch once it has ended.
async fn ended(world: &World, batch: &Value) -> Value {
    let path = format!("/batches/{}", batch["uuid"].as_str().unwrap());
    eventually("the end of a batch", async || {
        let batch = get(world, &path).await.1["batch"].clone();
        (batch.get("finishedAt").is_some()).then_some(batch)
    })
    .await
}

/// A workflow that fails for the inputs that ask for it.
fn picky() -> Value {
    let script = "if (nodes.start.bad) throw new Error('bad record'); return nodes.start.name";
    let said = json!({ "variables": [{ "name": "name", "type": "string", "value": "{{ nodes.look.result }}" }] });
    json!([
        start("look"),
        native("script", "look", json!({ "script": script }), &["end"]),
        native("end", "end", said, &[])
    ])
}

#[tokio::test]
async fn a_batch_is_a_run_for_each_record_and_one_that_fails_leaves_the_others_alone() {
    let world = World::new().await;
    let workflow = deployed(&world, picky()).await;
    let records = json!([{ "id": "a", "name": "Ada" }, { "_id": "b", "bad": true }, { "name": "Cleo" }]);
    let body = json!({ "workflowUuid": workflow, "data": { "kind": "records", "records": records } });
    let (status, answer) = post(&world, "/batches", body).await;
    assert_eq!(status, 200, "{answer}");
    let batch = ended(&world, &answer["batch"]).await;
    assert_eq!((&batch["status"], &batch["runsStatus"]), (&json!("success"), &json!("unhealthy")), "{batch}");
    let counts = ["runsCount", "executedRunsCount", "failedRunsCount"].map(|name| batch[name].as_i64().unwrap());
    assert_eq!(counts, [3, 3, 1]);
    assert_eq!(batch["workflowUuid"], json!(workflow));

    let (_, listed) = post(&world, "/runs/list", json!({ "batchUuid": batch["uuid"] })).await;
    assert_eq!(listed["count"], 3);
    for run in listed["runs"].as_array().unwrap() {
        assert_eq!((&run["batchUuid"], &run["releaseUuid"]), (&batch["uuid"], &batch["releaseUuid"]));
        assert_eq!((&run["workflowUuid"], run.get("parentUuid")), (&json!(workflow), None));
    }
    let (_, found) = post(&world, "/runs/list", json!({ "recordId": "b" })).await;
    assert_eq!((&found["count"], &found["runs"][0]["status"]), (&json!(1), &json!("error")));
    let (_, found) = post(&world, "/runs/list", json!({ "recordTitleOrId": "a" })).await;
    let one = get(&world, &format!("/runs/{}", found["runs"][0]["uuid"].as_str().unwrap())).await.1;
    assert_eq!(one["runContext"]["end"], json!({ "name": "Ada" }));
    // The run that carries the batch is not a run of this API.
    assert_eq!(post(&world, "/runs/count", json!({})).await.1["count"], 3);
    let metrics = json!({ "workflowUuid": workflow, "batchUuid": batch["uuid"] });
    let (_, metrics) = post(&world, "/runs/metrics", metrics).await;
    let look = metrics["runMetrics"].as_array().unwrap().iter().find(|one| one["nodeUuid"] == uuid("look")).unwrap();
    assert_eq!((&look["successExecutionsCount"], &look["errorExecutionsCount"]), (&json!(2), &json!(1)));

    for (query, count) in [
        (String::new(), 1),
        (format!("?workflowUuid={workflow}"), 1),
        (format!("?workflowUuids%5B%5D={workflow}&workflowUuids%5B%5D=x&statuses%5B%5D=success"), 1),
        ("?workflowUuid=x".to_owned(), 0),
        ("?statuses%5B%5D=running&statuses%5B%5D=skipped".to_owned(), 0),
        ("?statuses%5B%5D=skipped".to_owned(), 0),
    ] {
        let (_, listed) = get(&world, &format!("/batches/list{query}")).await;
        assert_eq!((&listed["count"], listed["batches"].as_array().unwrap().len()), (&json!(count), count), "{query}");
    }
    let again =
        ask(&world, Method::POST, &format!("{AT}/batches/{}/cancel", batch["uuid"].as_str().unwrap()), None).await;
    assert_eq!(again.refusal(), (400, "batch_already_finished".to_owned()));
}

#[tokio::test]
async fn a_batch_that_is_cancelled_stops_its_runs() {
    let world = World::new().await;
    let nodes =
        json!([start("wait"), native("delay", "wait", json!({ "minutes": 600 }), &["end"]), end("end", json!(1))]);
    let body = json!({ "nodes": nodes, "data": { "kind": "records", "records": [{}, {}] } });
    let batch = post(&world, "/batches", body).await.1["batch"].clone();
    let own = json!({ "batchUuid": batch["uuid"] });
    let live = json!({ "batchUuid": batch["uuid"], "statuses": ["running"] });
    eventually("two runs", async || (post(&world, "/runs/count", live.clone()).await.1["count"] == 2).then_some(()))
        .await;
    let path = format!("{AT}/batches/{}/cancel", batch["uuid"].as_str().unwrap());
    assert_eq!(ask(&world, Method::POST, &path, None).await.status, 204);
    assert_eq!(ended(&world, &batch).await["status"], "cancelled");
    let over = json!({ "batchUuid": batch["uuid"], "statuses": ["cancelled"] });
    eventually("both are stopped", async || {
        (post(&world, "/runs/count", over.clone()).await.1["count"] == 2).then_some(())
    })
    .await;
    assert_eq!(post(&world, "/runs/count", own).await.1["count"], 2);
}

#[tokio::test]
async fn records_that_do_not_do_are_refused_in_the_owners_words() {
    let world = World::new().await;
    let workflow = deployed(&world, drawn()).await;
    for (data, reason, why) in [
        (json!({ "kind": "segment", "segmentUuid": "x" }), "invalidDataKind", None),
        (json!({ "kind": "file", "s3Filename": "x" }), "invalidDataKind", None),
        (json!({ "kind": "records" }), "dataError", Some("invalidData")),
        (json!({ "kind": "records", "records": [] }), "dataError", Some("noRecords")),
    ] {
        let (status, refusal) = post(&world, "/batches", json!({ "workflowUuid": workflow, "data": data })).await;
        assert_eq!((status, &refusal["reason"]), (400, &json!(reason)), "{refusal}");
        assert_eq!(refusal["dataError"]["reason"].as_str(), why, "{refusal}");
    }
    let unknown = json!({ "workflowUuid": "x", "data": { "kind": "records", "records": [{}] } });
    assert_eq!(post(&world, "/batches", unknown).await.1["reason"], "workflowNotFound");
}

/// A node that calls a tool or an agent.
pub fn calling(kind: &str, slug: &str, field: &str, called: &Value, config: Value) -> Value {
    json!({
        "uuid": uuid(slug), "slug": slug, "kind": kind, field: called, "config": config, "childrenUuids": [uuid("end")],
        "fallbackOnFailure": false, "position": { "x": 0, "y": 0 }
    })
}

#[tokio::test]
async fn a_record_with_an_empty_id_is_a_record_without_one_and_runs() {
    let world = World::new().await;
    let workflow = deployed(&world, picky()).await;
    // Empty, null, blank, and longer in bytes than a label may be.
    let long = "é".repeat(300);
    let records =
        json!([{ "id": "" }, { "id": null }, { "id": "  " }, { "_id": "", "id": "second" }, { "id": long }, {}]);
    let body = json!({ "workflowUuid": workflow, "data": { "kind": "records", "records": records } });
    let (_, answer) = post(&world, "/batches", body).await;
    let batch = ended(&world, &answer["batch"]).await;
    assert_eq!((&batch["runsStatus"], &batch["failedRunsCount"]), (&json!("healthy"), &json!(0)), "{batch}");
    assert_eq!(batch.get("errorMessage"), None);
    assert_eq!(post(&world, "/runs/count", json!({ "batchUuid": batch["uuid"] })).await.1["count"], 6);
    for id in ["second", &long] {
        assert_eq!(post(&world, "/runs/count", json!({ "recordId": id })).await.1["count"], 1, "{id}");
    }
}

#[tokio::test]
async fn a_batch_says_which_records_failed_and_why() {
    let world = World::new().await;
    let workflow = deployed(&world, picky()).await;
    let records = json!([{ "name": "Ada" }, { "bad": true }, { "name": "Cleo" }, { "bad": 1 }]);
    let body = json!({ "workflowUuid": workflow, "data": { "kind": "records", "records": records } });
    let (_, answer) = post(&world, "/batches", body).await;
    let batch = ended(&world, &answer["batch"]).await;
    assert_eq!((&batch["status"], &batch["failedRunsCount"]), (&json!("success"), &json!(2)), "{batch}");
    let said = batch["errorMessage"].as_str().unwrap();
    let lines: Vec<&str> = said.split("; ").collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with("record 2: ") && lines[1].starts_with("record 4: "), "{said}");
    assert!(lines.iter().all(|line| line.contains("bad record")), "{said}");
}

#[tokio::test]
async fn a_tool_is_a_run_of_its_own_with_links_to_the_one_above() {
    let world = World::new().await;
    let workflow = deployed(&world, picky()).await;
    let tool = get(&world, "/tools/list").await.1["tools"][0]["uuid"].clone();
    let call = calling("tool", "call", "toolUuid", &tool, json!({ "name": "{{ nodes.start.who }}" }));
    let nodes = json!([start("call"), call, end("end", json!("{{ nodes.call.name }}"))]);
    let run = begun(&world, json!({ "nodes": nodes, "data": { "who": "Ada" } })).await;
    let answer = finished(&world, &run).await;
    assert_eq!(answer["run"]["status"], "success", "{answer}");
    assert_eq!(
        (&answer["runContext"]["call"], &answer["runContext"]["end"]),
        (&json!({ "name": "Ada" }), &json!({ "answer": "Ada" }))
    );
    assert_eq!(answer["runComputedConfigs"]["call"], json!({ "name": "Ada" }));
    let execution = &answer["run"]["executions"][1];
    assert_eq!((&execution["nodeKind"], &execution["nodeToolUuid"]), (&json!("tool"), &tool));
    let below = get(&world, &format!("/runs/{}", execution["nodeRunUuid"].as_str().unwrap())).await.1["run"].clone();
    assert_eq!((&below["parentUuid"], &below["parentNodeUuid"]), (&run["uuid"], &json!(uuid("call"))));
    assert_eq!((&below["workflowUuid"], &below["status"]), (&json!(workflow), &json!("success")));
    for filter in [json!({ "parentUuid": run["uuid"] }), json!({ "parentNodeUuid": uuid("call") })] {
        let (_, listed) = post(&world, "/runs/list", filter.clone()).await;
        assert_eq!((&listed["count"], &listed["runs"][0]["uuid"]), (&json!(1), &below["uuid"]), "{filter}");
    }
    // A tool that fails makes its node fail. A missing tool is reported before anything runs.
    let call = calling("tool", "call", "toolUuid", &tool, json!({ "bad": true }));
    let run = begun(&world, json!({ "nodes": [start("call"), call, end("end", json!(1))], "data": null })).await;
    let failed = finished(&world, &run).await;
    assert_eq!(
        (&failed["run"]["status"], &failed["run"]["executions"][1]["status"]),
        (&json!("error"), &json!("error"))
    );
    let call = calling("tool", "call", "toolUuid", &json!("unknown"), json!({}));
    let odd = json!({ "nodes": [start("call"), call, end("end", json!(1))] });
    assert_eq!(post(&world, "/nodes/validate", odd).await.1["invalidNodes"][0]["reason"], "toolInvalid");
}

#[tokio::test]
async fn a_tool_that_is_not_waited_for_has_its_link_all_the_same() {
    let world = World::new().await;
    let workflow = deployed(&world, picky()).await;
    let tool = get(&world, "/tools/list").await.1["tools"][0]["uuid"].clone();
    // A value that looks like an expression is passed down as a value.
    let mut call = calling("tool", "call", "toolUuid", &tool, json!({ "name": "{{ nodes.start.who }}" }));
    call["waitUntilFinished"] = json!(false);
    let nodes = json!([start("call"), call, end("end", json!(1))]);
    let above =
        finished(&world, &begun(&world, json!({ "nodes": nodes, "data": { "who": "{{ 1 + 1 }}" } })).await).await;
    assert_eq!(above["run"]["status"], "success", "{above}");
    let execution = &above["run"]["executions"][1];
    assert_eq!(execution["nodeWaitUntilFinished"], json!(false));
    let below = finished(&world, &json!({ "uuid": execution["nodeRunUuid"] })).await;
    assert_eq!((&below["run"]["workflowUuid"], &below["run"]["parentUuid"]), (&json!(workflow), &above["run"]["uuid"]));
    assert_eq!(below["runContext"]["end"], json!({ "name": "{{ 1 + 1 }}" }));
}

#[tokio::test]
async fn a_tool_that_calls_itself_is_refused() {
    let world = World::new().await;
    let workflow = deployed(&world, drawn()).await;
    let tool = get(&world, "/tools/list").await.1["tools"][0]["uuid"].clone();
    let call = calling("tool", "call", "toolUuid", &tool, json!({}));
    let nodes = json!([start("call"), call, end("end", json!(1))]);
    // The first deployment is accepted, because the tool still has its old release; the second would call itself.
    for (status, reason) in [(200, Value::Null), (400, json!("draftReleaseNodesAreInvalid"))] {
        post(&world, "/releases/draft/update", json!({ "workflowUuid": workflow, "nodes": nodes })).await;
        let (found, answer) = post(&world, "/releases/draft/deploy", json!({ "workflowUuid": workflow })).await;
        assert_eq!((found, answer["reason"].clone()), (status, reason), "{answer}");
    }
}

#[tokio::test]
async fn an_agent_is_a_goal_for_the_planner() {
    let world = World::new().await;
    let prompt = "Say \"{{ nodes.start.word }}\", then return it.";
    let ask = calling("agent", "ask", "agentUuid", &json!("some-agent"), json!({ "prompt": prompt }));
    let run =
        begun(&world, json!({ "nodes": [start("ask"), ask, end("end", json!(1))], "data": { "word": "hello" } })).await;
    let answer = finished(&world, &run).await;
    assert_eq!(answer["run"]["status"], "success", "{answer}");
    let execution = &answer["run"]["executions"][1];
    assert_eq!((&execution["nodeKind"], &execution["nodeAgentUuid"]), (&json!("agent"), &json!("some-agent")));
    assert_eq!(answer["runContext"]["ask"]["answer"], json!("hello"), "{answer}");
    assert_eq!(answer["runComputedConfigs"]["ask"], json!({ "prompt": "Say \"hello\", then return it." }));
    for prompt in [json!(null), json!(5), json!(" ")] {
        let ask = calling("agent", "ask", "agentUuid", &json!("some-agent"), json!({ "prompt": prompt }));
        let nodes = json!([start("ask"), ask, end("end", json!(1))]);
        let (_, validated) = post(&world, "/nodes/validate", json!({ "nodes": nodes })).await;
        assert_eq!(validated["invalidNodes"][0]["reason"], "toolInvalid", "{prompt}");
    }
}
