//! The schema that a run's result must match, through the Runyard API and as an extension of ARP.

use runyard_api::arp::schemas::RunState;
use runyard_api::runyard::types;
use serde_json::{Value, json};

use crate::harness::{World, refused, typed};

const GOAL: &str = "Generate a UUID, then return it.";

fn schema(of: &str) -> Value {
    json!({ "type": "object", "properties": { "id": { "type": of } }, "required": ["id"], "additionalProperties": false })
}

#[tokio::test]
async fn the_runyard_api_starts_runs_with_an_output_schema() {
    let world = World::new().await;
    let start = async |schema: Value| {
        let asked = typed(json!({ "goal": GOAL, "output_schema": schema }));
        let run = world.native.start_run(None, &asked).await.unwrap().into_inner();
        world.finished(&run.run_id).await;
        world.native.get_run(&run.run_id).await.unwrap().into_inner()
    };
    let fits = start(schema("string")).await;
    assert_eq!((fits.state, fits.output_schema), (types::RunState::Succeeded, Some(typed(schema("string")))));
    assert!(fits.outputs.unwrap()["result"]["id"].is_string(), "the result was brought into form");
    let unfit = start(schema("number")).await;
    assert_eq!((unfit.state, &*unfit.error.unwrap().code), (types::RunState::Failed, "output_schema_mismatch"));

    let asked = typed(json!({ "goal": GOAL, "output_schema": { "type": "no such type" } }));
    let refusal = refused(world.native.start_run(None, &asked).await);
    assert_eq!((refusal.status, &*refusal.code), (400, "invalid_request"), "{refusal:?}");
}

/// Forty steps, each of which refers twice to the next.
fn doubling() -> Value {
    let mut schema = json!({ "definitions": { "a40": {} }, "$ref": "#/definitions/%610" });
    for at in 0..40 {
        let next = json!({ "$ref": format!("#/definitions/%61{}", at + 1) });
        schema["definitions"][format!("a{at}")] = json!({ "allOf": [next, next] });
    }
    schema
}

#[tokio::test]
async fn endless_schemas_are_refused_by_name_and_delay_no_other_request() {
    let world = World::new().await;
    let mut chain = json!({ "definitions": { "d5000": {} }, "$ref": "#/definitions/d0" });
    for at in 0..5_000 {
        chain["definitions"][format!("d{at}")] = json!({ "$ref": format!("#/definitions/d{}", at + 1) });
    }
    let twice = json!({ "properties": { "result": { "$ref": "#" } } });
    for schema in [doubling(), doubling(), chain] {
        let asked = typed(json!({ "goal": GOAL, "output_schema": schema }));
        let refusal = refused(world.native.start_run(None, &asked).await);
        assert_eq!((refusal.status, &*refusal.code), (400, "validation_too_expensive"), "{refusal:?}");
    }
    // A schema as deep as the value is accepted. A value for which its validation is endless fails the run with a code.
    let deep = (0..60).fold(json!("x"), |inner, _| json!({ "result": inner }));
    let asked = typed(json!({
        "node_type_ref": { "node_type_id": "runyard.graph.variables" },
        "inputs": { "variables": [{ "name": "result", "value": deep }] },
        "output_schema": { "allOf": [twice, twice] },
    }));
    let run = world.native.start_run(None, &asked).await.unwrap().into_inner();
    world.finished(&run.run_id).await;
    let run = world.native.get_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!((run.state, &*run.error.unwrap().code), (types::RunState::Failed, "validation_too_expensive"));
}

#[tokio::test]
async fn so_does_arp_by_an_extension() {
    let world = World::new().await;
    let body = |schema: Value| {
        json!({
            "root_node_type_ref": { "node_type_id": "runyard.core.uuid4", "version": "1.0.0" }, "input": {},
            "extensions": { "runyard.output_schema": schema },
        })
    };
    let run = world.start(body(json!({ "type": "number" }))).await;
    let run = world.finished(&run.run_id).await;
    let error = run.extensions.clone().unwrap().0["runyard.error"].clone();
    assert_eq!((run.state, &error["code"]), (RunState::Failed, &json!("output_schema_mismatch")));
    let refusal = refused(world.gateway.start_run(None, &typed(body(json!(7)))).await);
    assert_eq!((refusal.status, &*refusal.code), (400, "invalid_request"), "{refusal:?}");
}
