//! Results that match a schema, results that are converted, and schemas that are not valid.

use serde_json::json;

use super::*;

fn fitted(schema: &Value, answer: Value, steps: &[Value]) -> Result<Value, String> {
    let steps = steps.iter().map(|step| step.as_object().unwrap().clone()).collect();
    super::fit(&RunResult { schema: schema.clone(), answer, steps: Some(steps) }, &Limits::default())
        .map_err(|failure| failure.message)
}

fn fit(schema: &Value, answer: &Value) -> FitResult {
    super::fit(&RunResult { schema: schema.clone(), answer: answer.clone(), steps: None }, &Limits::default())
}

fn check(schema: &Value) -> Result<(), String> {
    super::check(schema, &Limits::default()).map_err(|bad| bad.reason)
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

#[test]
fn a_result_that_matches_is_unchanged() {
    let schema = object(json!({ "hash": { "type": "string" } }), &[]);
    for answer in [json!({}), json!({ "hash": "x" })] {
        assert_eq!(fitted(&schema, answer.clone(), &[json!({ "hash": "of a step" })]), Ok(answer));
    }
    assert_eq!(fitted(&json!({ "type": "string" }), json!("x"), &[]), Ok(json!("x")));
    assert_eq!(fitted(&json!(true), json!(null), &[]), Ok(json!(null)));
}

#[test]
fn a_plain_result_becomes_the_only_open_property() {
    let text = json!({ "type": "string" });
    for schema in [
        object(json!({ "hash": text }), &["hash"]),
        object(json!({ "hash": text }), &[]),
        object(json!({ "more": text, "hash": text }), &["hash"]),
    ] {
        assert_eq!(fitted(&schema, json!("x"), &[]), Ok(json!({ "hash": "x" })), "{schema}");
    }
    let two = object(json!({ "one": text, "two": text }), &["one", "two"]);
    let said = fitted(&two, json!("x"), &[]).unwrap_err();
    assert_eq!(said, "the result does not fit the output schema: /one is required; /two is required");
}

#[test]
fn properties_come_from_step_outputs_of_the_same_name() {
    let text = json!({ "type": "string" });
    let schema = object(json!({ "uuid": text, "orderNumber": { "type": "integer" }, "hash": text }), &["uuid", "hash"]);
    let steps = [json!({ "uuid": "old" }), json!({ "uuid": "new", "order_number": 7 }), json!({ "text": "x" })];
    assert_eq!(fitted(&schema, json!("x"), &steps), Ok(json!({ "uuid": "new", "orderNumber": 7, "hash": "x" })));
    let words = [json!({ "uuid4": "u" }), json!({ "sha256_hash": "h" })];
    assert_eq!(fitted(&schema, json!("h"), &words), Ok(json!({ "uuid": "u", "hash": "h" })));
    // A result that is in the object already is not placed a second time.
    assert!(fitted(&schema, json!("new"), &steps).unwrap_err().ends_with("/hash is required"));
    // The result's own members win.
    let answer = json!({ "hash": "own", "UUID": "own" });
    assert_eq!(fitted(&schema, answer, &steps), Ok(json!({ "uuid": "own", "orderNumber": 7, "hash": "own" })));
}

#[test]
fn members_that_are_neither_named_nor_allowed_are_dropped() {
    let item = object(json!({ "name": { "type": "string" } }), &["name"]);
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["items"],
        "properties": { "items": { "type": "array", "items": { "$ref": "#/definitions/item" } } },
        "definitions": { "item": item }
    });
    let answer = json!({ "items": [{ "name": "a", "secret": 1 }, { "name": "b" }], "total": 2 });
    assert_eq!(fitted(&schema, answer, &[]), Ok(json!({ "items": [{ "name": "a" }, { "name": "b" }] })));
    let open = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    assert_eq!(fitted(&open, json!({ "more": true }), &[json!({ "n": 1 })]), Ok(json!({ "n": 1, "more": true })));
}

#[test]
fn no_value_is_changed_or_invented() {
    let schema = object(json!({ "n": { "type": "integer" } }), &["n"]);
    let said = fitted(&schema, json!("s3cret"), &[]).unwrap_err();
    assert_eq!(said, "the result does not fit the output schema: /n must be integer");
}

#[test]
fn a_result_that_its_caller_formed_is_not_converted() {
    let schema = object(json!({ "n": {} }), &["n"]);
    let answer = json!({ "n": 1, "more": 2 });
    let failure = fit(&schema, &answer).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("output_schema_mismatch", Some(false)));
    assert_eq!(failure.details.unwrap()["violations"], json!([{ "field": "/more", "reason": "is not known here" }]));
    let answer = json!({ "n": 1 });
    assert_eq!(fit(&schema, &answer), Ok(answer.clone()));
}

#[test]
fn an_invalid_or_endless_schema_is_refused() {
    for good in [
        json!({}),
        json!(false),
        json!({ "$schema": "http://json-schema.org/draft-07/schema#", "$id": "x", "type": ["number", "null"] }),
        json!({ "properties": { "child": { "$ref": "#" }, "not": {}, "$ref": { "type": "string" } } }),
        json!({ "items": { "$ref": "#/definitions/a~1b" }, "definitions": { "a/b": { "format": "date-time" } } }),
    ] {
        assert_eq!(check(&good), Ok(()), "{good}");
    }
    for (bad, why) in [
        (json!("string"), "must be a JSON Schema"),
        (json!({ "type": "text" }), "is no JSON Schema"),
        (json!({ "properties": { "a": 1 } }), "is no JSON Schema"),
        (json!({ "pattern": "(" }), "is no JSON Schema"),
        (json!({ "$ref": "https://example.org/schema" }), "which is not in it"),
        (json!({ "$ref": "file:///etc/passwd" }), "which is not in it"),
        (json!({ "items": { "$ref": "#/definitions/none" } }), "which is not in it"),
        (json!({ "items": { "$id": "https://example.org/", "$ref": "#/x" } }), "an `$id` of its own"),
        (json!({ "$ref": "#" }), "in a circle"),
        (json!({ "properties": { "a": { "anyOf": [{ "not": { "$ref": "#/properties/a" } }] } } }), "in a circle"),
        (json!({ "dependencies": { "a": { "$ref": "#" } } }), "in a circle"),
    ] {
        let said = check(&bad).unwrap_err();
        assert!(said.contains(why), "{bad}: {said}");
    }
    let mut doubling = json!({ "definitions": { "d20": {} }, "$ref": "#/definitions/d0" });
    for at in 0..20 {
        let next = json!({ "$ref": format!("#/definitions/d{}", at + 1) });
        doubling["definitions"][format!("d{at}")] = json!({ "allOf": [next, next] });
    }
    assert!(check(&doubling).unwrap_err().contains("looks at one value"));
}
