//! Invalid nodes: the errors by node, before anything runs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::batches::calling;
use super::{deployed, drawn, end, get, native, post, says, start, uuid};
use crate::harness::World;

/// The errors of nodes: slug and reason.
async fn wrong(world: &World, nodes: Value) -> Vec<(String, String)> {
    let (status, answer) = post(world, "/nodes/validate", json!({ "nodes": nodes })).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("notValid")), "{answer}");
    let invalid = answer["invalidNodes"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    invalid.map(|one| (text(&one["node"]["slug"]), text(&one["reason"]))).collect()
}

fn with(mut node: Value, field: &str, value: Value) -> Value {
    node[field] = value;
    node
}

#[tokio::test]
async fn a_large_tool_that_many_nodes_call_is_refused_by_name_before_it_is_put_in_for_each() {
    let world = World::new().await;
    deployed(&world, json!([start("end"), end("end", json!("x".repeat(900_000)))])).await;
    let tool = get(&world, "/tools/list").await.1["tools"][0]["uuid"].clone();
    let slug = |at: usize| format!("n{at:04}");
    let call = |at: usize| {
        let call = calling("tool", &slug(at), "toolUuid", &tool, json!({}));
        with(call, "childrenUuids", json!([uuid(&if at < 2_999 { slug(at + 1) } else { "end".to_owned() })]))
    };
    let nodes: Vec<Value> =
        std::iter::once(start(&slug(0))).chain((0..3_000).map(call)).chain([end("end", json!(1))]).collect();
    let (status, answer) = post(&world, "/nodes/validate", json!({ "nodes": nodes })).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("notValid")));
    assert!(answer["invalidNodes"].to_string().contains("expansion_too_large"), "{}", answer["invalidNodes"][0]);
    let (status, refusal) = post(&world, "/runs", json!({ "nodes": nodes, "data": {} })).await;
    assert_eq!((status, &refusal["reason"]), (400, &json!("invalidReleaseOrCustomNodes")), "{refusal}");
}

#[tokio::test]
async fn every_reason_is_said_of_the_node_that_it_is_about() {
    let world = World::new().await;
    let (_, valid) = post(&world, "/nodes/validate", json!({ "nodes": drawn() })).await;
    assert_eq!(valid, json!({ "outcome": "valid" }));
    let connector = json!({
        "uuid": uuid("crm"), "slug": "crm", "kind": "connector", "integrationSlug": "crm", "actionSlug": "find", "config": {},
        "childrenUuids": [uuid("end")], "fallbackOnFailure": false, "position": { "x": 0, "y": 0 }
    });
    let group = |within: Value| native("group", "each", json!({ "items": [], "_nodes": within }), &["end"]);
    let last = || end("end", json!(1));
    let cases = [
        (json!([]), "", "nodesNotFound"),
        (json!([last()]), "", "startNodeNotFound"),
        (json!([start("nowhere")]), "start", "childrenUuidsInvalid"),
        (json!([start("end"), with(last(), "childrenUuids", json!([uuid("start")]))]), "end", "childrenUuidsInvalid"),
        (json!([start("end"), last(), end("alone", json!(1))]), "alone", "childrenUuidsInvalid"),
        (json!([start("end"), with(last(), "slug", json!("not so"))]), "not so", "slugInvalid"),
        (json!([start("end"), with(last(), "slug", json!("start"))]), "start", "slugInvalid"),
        (json!([start("crm"), connector.clone(), last()]), "crm", "connectorNotFound"),
        (json!([start("crm"), with(connector.clone(), "kind", json!("tool")), last()]), "crm", "toolInvalid"),
        (json!([start("x"), native("python", "x", json!({}), &["end"]), last()]), "x", "nativeInvalid"),
        (json!([start("x"), native("delay", "x", json!({}), &["end"]), last()]), "x", "nativeInvalid"),
        (json!([start("x"), native("delay", "x", json!({ "minutes": -1 }), &["end"]), last()]), "x", "nativeInvalid"),
        (
            json!([start("x"), native("branch", "x", json!({ "condition": 1 }), &["end"]), last()]),
            "x",
            "childrenUuidsInvalid",
        ),
        (json!([start("each"), group(json!([])), last()]), "each", "subNodesInvalid"),
        (json!([start("each"), group(json!("text")), last()]), "each", "subNodesInvalid"),
    ];
    let mut reasons = BTreeSet::new();
    for (nodes, slug, reason) in cases {
        let found = wrong(&world, nodes.clone()).await;
        assert!(found.contains(&(slug.to_owned(), reason.to_owned())), "{slug} {reason}: {found:?}");
        reasons.insert(reason);
        // None of it runs.
        let (status, refusal) = post(&world, "/runs", json!({ "nodes": nodes, "data": null })).await;
        let expected = match reason {
            "nodesNotFound" => "nodesNotFound",
            "startNodeNotFound" => "rootNodeNotFound",
            _ => "invalidReleaseOrCustomNodes",
        };
        assert_eq!((status, &refusal["reason"]), (400, &json!(expected)), "{refusal}");
    }
    assert_eq!(reasons.len(), 8, "every reason of the document");
    assert_eq!(post(&world, "/runs/count", json!({})).await.1["count"], 0);
}

#[tokio::test]
async fn a_fault_within_a_group_names_the_group() {
    let world = World::new().await;
    let within = json!([start("odd"), native("python", "odd", json!({}), &[""])]);
    let group = native("group", "each", json!({ "items": [], "_nodes": within }), &["end"]);
    let nodes = json!([start("each"), group, end("end", json!(1))]);
    let (_, refusal) = post(&world, "/runs", json!({ "nodes": nodes, "data": null })).await;
    let said = refusal["errorMessage"].as_str().unwrap();
    for part in ["node `each`", "subNodesInvalid", "node `odd`", "`python` is not served"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[tokio::test]
async fn retries_that_cannot_be_kept_are_refused_by_name() {
    let world = World::new().await;
    for (retry, said) in [
        (json!({ "maximumAttempts": 0 }), "retry.maximumAttempts must be 1 to 100"),
        (json!({ "maximumAttempts": 101 }), "retry.maximumAttempts"),
        (json!({ "initialInterval": -1 }), "retry.initialInterval"),
        (json!({ "backoffCoefficient": 0.5 }), "retry.backoffCoefficient"),
    ] {
        let nodes = json!([start("end"), with(end("end", json!(1)), "retry", retry)]);
        let (_, refusal) = post(&world, "/runs", json!({ "nodes": nodes, "data": null })).await;
        assert!(refusal["errorMessage"].as_str().unwrap().contains(said), "{said}: {refusal}");
    }
}

#[tokio::test]
async fn a_fallback_must_be_a_node_and_counts_only_where_it_is_wanted() {
    let world = World::new().await;
    let odd = |wanted: bool| {
        let node = with(says("say", json!(1), "end"), "fallbackChildUuid", json!("nowhere"));
        json!([start("say"), with(node, "fallbackOnFailure", json!(wanted)), end("end", json!(1))])
    };
    assert_eq!(wrong(&world, odd(true)).await, [("say".to_owned(), "childrenUuidsInvalid".to_owned())]);
    assert_eq!(post(&world, "/nodes/validate", json!({ "nodes": odd(false) })).await.1["outcome"], "valid");
}

#[tokio::test]
async fn long_rows_are_walked_and_too_many_nodes_are_refused() {
    let world = World::new().await;
    let name = |place: usize| format!("n{place}");
    let row = |length: usize| {
        let middle = (0..length).map(|place| says(&name(place), json!(place), &name(place + 1)));
        let last = native("end", &name(length), json!({}), &[]);
        Value::Array([start(&name(0))].into_iter().chain(middle).chain([last]).collect())
    };
    let (status, answer) = post(&world, "/nodes/validate", json!({ "nodes": row(2000) })).await;
    assert_eq!((status, answer), (200, json!({ "outcome": "valid" })));
    // The body exceeds the size limit, and the answer has the vendor's error body.
    let (status, refusal) = post(&world, "/runs", json!({ "nodes": row(10_000), "data": null })).await;
    assert_eq!((status, &refusal["reason"]), (413, &json!("bodyTooLarge")), "{refusal}");
    let roomy = World::with(|config| config.body_bytes_max = 16 * 1024 * 1024).await;
    let (status, refusal) = post(&roomy, "/runs", json!({ "nodes": row(10_000), "data": null })).await;
    assert_eq!((status, &refusal["reason"]), (400, &json!("invalidReleaseOrCustomNodes")));
    assert!(refusal["errorMessage"].as_str().unwrap().contains("more than 10000 nodes"), "{refusal}");
    let (status, answer) = post(&roomy, "/nodes/validate", json!({ "nodes": row(9_998) })).await;
    assert_eq!((status, answer), (200, json!({ "outcome": "valid" })));
}
