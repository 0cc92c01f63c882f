//! A2, A3, A5: small schemas and graphs that cause much work or need much memory.

use serde_json::{Map, Value, json};

use super::start;
use super::survives::{ended_with, starts, survives};
use crate::cargo_ai;

const TOO_EXPENSIVE: &str = "validation_too_expensive";

/// A run whose result must match a schema.
fn fitted(schema: &Value) -> Value {
    let mut body = start("runyard.core.uuid4", json!({}));
    body["output_schema"] = schema.clone();
    body
}

/// A run that starts such a run: its schema is read by the driver, after the answer to the start.
fn fitted_below(schema: &Value) -> Value {
    let below = json!({ "node_type_ref": { "node_type_id": "runyard.core.uuid4" }, "output_schema": schema });
    start("runyard.core.run", below)
}

/// Forty steps, each of which refers twice to the next by an escaped key.
fn doubling() -> Value {
    let step = |n: usize| {
        let next = format!("#/definitions/%61{}", n + 1);
        json!({ "allOf": [{ "$ref": next }, { "$ref": next }] })
    };
    let mut definitions: Map<String, Value> = (0..40).map(|n| (format!("a{n}"), step(n))).collect();
    definitions.insert("a40".to_owned(), json!({}));
    // A reader that does not decode the escape would use these instead.
    definitions.extend((0..=40).map(|n| (format!("%61{n}"), json!({}))));
    json!({ "$ref": "#/definitions/%610", "definitions": definitions })
}

fn chain() -> Value {
    let mut definitions: Map<String, Value> =
        (0..5_000).map(|n| (format!("a{n}"), json!({ "$ref": format!("#/definitions/a{}", n + 1) }))).collect();
    definitions.insert("a5000".to_owned(), json!({}));
    json!({ "$ref": "#/definitions/a0", "definitions": definitions })
}

#[tokio::test]
async fn doubling_schema_references_are_refused_and_no_listener_hangs() {
    survives("A2", async |served| {
        let (made, refused) = starts(served, [fitted(&doubling()), fitted(&doubling())]).await;
        assert_eq!((made.len(), refused), (0, vec![TOO_EXPENSIVE.to_owned(); 2]));
        let (made, refused) = starts(served, [fitted_below(&doubling())]).await;
        assert_eq!(refused, Vec::<String>::new());
        assert_eq!(ended_with(served, &made[0]).await, [TOO_EXPENSIVE]);
        made
    })
    .await;
}

#[tokio::test]
async fn a_chain_of_schema_references_is_refused_and_overflows_no_stack() {
    survives("A3", async |served| {
        let (made, refused) = starts(served, [fitted(&chain())]).await;
        assert_eq!((made.len(), refused), (0, vec![TOO_EXPENSIVE.to_owned()]));
        let (made, refused) = starts(served, [fitted_below(&chain())]).await;
        assert_eq!(refused, Vec::<String>::new());
        assert_eq!(ended_with(served, &made[0]).await, [TOO_EXPENSIVE]);
        made
    })
    .await;
}

#[tokio::test]
async fn a_long_name_around_many_parts_is_not_copied_for_each_part() {
    let unknown = json!({ "k".repeat(400_000): vec![json!({}); 100_000] });
    let known = json!({ "properties": { "k".repeat(400_000): { "allOf": vec![json!({}); 100_000] } } });
    let written = json!({ "k".repeat(800_000): vec!["{{1}}"; 9_990] });
    let echo = json!({
        "key": "a", "node_type_ref": { "node_type_id": "runyard.core.echo" }, "inputs": written, "children": [null]
    });
    let graph = start("runyard.composite.graph", json!({ "graph": { "nodes": [echo] } }));
    survives("A5", async |served| {
        let (made, refused) = starts(served, [fitted(&unknown), fitted(&known), graph]).await;
        assert_eq!((made.len(), refused), (2, vec![TOO_EXPENSIVE.to_owned()]));
        // A keyword that no draft defines is ignored, however long it is.
        assert_eq!(ended_with(served, &made[0]).await, Vec::<String>::new());
        // The values do not match the node type. On a busy machine the expressions may time out before.
        let codes = ended_with(served, &made[1]).await;
        let is_named = ["invalid_inputs", "expression_timed_out"].contains(&codes[1].as_str());
        assert!(codes[0] == "child_failed" && is_named, "{codes:?}");
        made
    })
    .await;
}

#[tokio::test]
async fn a_large_tool_that_many_nodes_call_is_refused_before_it_is_expanded() {
    survives("A5 (tool)", async |served| {
        let clients = served.clients();
        let large = json!([cargo_ai::start("end"), cargo_ai::end("end", json!("x".repeat(950_000)))]);
        cargo_ai::deployed(&clients, large).await;
        let tool = cargo_ai::get(&clients, "/tools/list").await.1["tools"][0]["uuid"].clone();
        let slug = |at: usize| if at < 3_000 { format!("n{at:04}") } else { "end".to_owned() };
        let call = |at: usize| {
            json!({
                "uuid": cargo_ai::uuid(&slug(at)), "slug": slug(at), "kind": "tool", "toolUuid": tool, "config": {},
                "childrenUuids": [cargo_ai::uuid(&slug(at + 1))], "fallbackOnFailure": false,
                "position": { "x": 0, "y": 0 }
            })
        };
        let first = std::iter::once(cargo_ai::start(&slug(0)));
        let nodes: Vec<Value> = first.chain((0..3_000).map(call)).chain([cargo_ai::end("end", json!(1))]).collect();
        let (status, answer) = cargo_ai::post(&clients, "/nodes/validate", json!({ "nodes": nodes })).await;
        assert_eq!((status, &answer["outcome"]), (200, &json!("notValid")));
        let invalid = answer["invalidNodes"].to_string();
        assert!(invalid.contains("expansion_too_large"), "{invalid:.400}");
        let (status, refusal) = cargo_ai::post(&clients, "/runs", json!({ "nodes": nodes, "data": {} })).await;
        assert_eq!((status, &refusal["reason"]), (400, &json!("invalidReleaseOrCustomNodes")), "{refusal}");
        Vec::new()
    })
    .await;
}
