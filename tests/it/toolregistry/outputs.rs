//! Output schemas: how a plan's result is converted, and how a run ends if that is impossible.

use runyard_api::toolregistry::types::RunStatus;
use serde_json::{Value, json};

use super::services::{peer, selecting, world};
use super::{INTENT, asking, create, ended, events, get, with};
use crate::harness::World;

fn wanting(intent: &str, properties: Value, required: &[&str]) -> Value {
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    with(asking(intent), "outputSchema", schema)
}

#[tokio::test]
async fn a_result_has_the_form_that_was_asked_for() {
    let world = World::new().await;
    let text = json!({ "type": "string" });
    let run = ended(&world, wanting(INTENT, json!({ "hash": text }), &["hash"])).await;
    assert_eq!(run.result.as_ref().unwrap().len(), 1);
    assert_eq!(run.result.unwrap()["hash"].as_str().unwrap().len(), 64);

    let both = json!({ "uuid": text, "digest": text });
    let created = create(&world, wanting(INTENT, both, &["uuid", "digest"])).await;
    let events_of_run = events(&world, created.run_id).await;
    let result = &events_of_run.last().unwrap().data["result"];
    assert_eq!((result["uuid"].as_str().unwrap().len(), result["digest"].as_str().unwrap().len()), (36, 64));
    assert_eq!(json!(get(&world, created.run_id).await.result), *result);
}

#[tokio::test]
async fn what_a_service_says_is_cut_to_what_was_asked_for() {
    let peer = peer().await;
    let world = world(&peer).await;
    let intent = "Create a ticket in helpdesk with title \"No paper\", then return it.";
    let schema = json!({
        "type": "object", "required": ["number", "saw"],
        "properties": { "number": { "$ref": "#/definitions/count" }, "saw": { "type": "object", "properties": { "x-team": {} } } },
        "definitions": { "count": { "type": "integer" } }
    });
    let run = ended(&world, with(selecting(intent, &["*"]), "outputSchema", schema)).await;
    assert_eq!(json!(run.result), json!({ "number": 7, "saw": { "x-team": "blue" } }));
}

#[tokio::test]
async fn a_text_result_is_the_result_of_an_open_object() {
    let world = World::new().await;
    for schema in [
        json!({ "type": "object", "additionalProperties": true }),
        json!({ "type": "object", "properties": {}, "additionalProperties": true }),
        json!({ "type": "object", "additionalProperties": { "type": "string" } }),
    ] {
        let run = ended(&world, with(asking("Say 'hello'."), "outputSchema", schema.clone())).await;
        assert_eq!((run.status, json!(run.result)), (RunStatus::Success, json!({ "result": "hello" })), "{schema}");
    }
    let numbers = json!({ "type": "object", "additionalProperties": { "type": "integer" } });
    let run = ended(&world, with(asking("Say 'hello'."), "outputSchema", numbers)).await;
    assert_eq!(run.status, RunStatus::Failed, "what does not fit does not fit");
}

#[tokio::test]
async fn a_result_that_does_not_fit_fails_the_run_by_name() {
    let world = World::new().await;
    let run = create(&world, wanting("Say 's3cret'.", json!({ "n": { "type": "integer" } }), &["n"])).await.run_id;
    let events_of_run = events(&world, run).await;
    let last = &events_of_run.last().unwrap().data;
    assert_eq!((&last["runStatus"], &last["error"]["code"]), (&json!("FAILED"), &json!("output_schema_mismatch")));
    assert_eq!(last["error"]["message"], "the result does not fit the output schema: /n must be integer");
    assert_eq!(last.get("result"), None);
    let run = get(&world, run).await;
    assert_eq!((run.status, run.result), (RunStatus::Failed, None));
}

#[tokio::test]
async fn a_schema_that_breaks_the_rules_starts_nothing() {
    let world = World::new().await;
    for (schema, said) in [
        (json!({ "type": "array" }), "body /outputSchema: its type must be \"object\""),
        (
            json!({ "type": "object", "oneOf": [], "properties": { "a": { "type": "text" } } }),
            "body /outputSchema/oneOf: is not allowed in an output schema; body /outputSchema/properties/a/type: must be of \
             string, number, integer, boolean, null, object, array",
        ),
        (
            json!({ "type": "object", "properties": { "a": { "$ref": "file:///etc/passwd" } } }),
            "body /outputSchema/properties/a/$ref: must name one of the schema's own definitions, as #/definitions/NAME",
        ),
    ] {
        let body = with(asking("Say 'hello'."), "outputSchema", schema);
        let answer = world.post("toolregistry", "/v1/runs", body.to_string()).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
        assert_eq!(answer.json()["message"], said);
    }
    let answer =
        world.post("toolregistry", "/v1/runs", with(asking("x"), "outputSchema", json!("x")).to_string()).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
}
