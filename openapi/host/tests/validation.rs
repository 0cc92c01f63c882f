//! Bodies against the document's schema: every violation, by field, without the values.

use super::*;

/// The violations of a valid body with these fields changed.
async fn with(fixture: &Fixture, fields: Value) -> Vec<String> {
    let mut body: Value = serde_json::from_str(GOOD).unwrap();
    let more = fields.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    fixture.post("/v1/runs", &body.to_string()).await.violations()
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let fixture = start();
    assert_eq!(
        fixture.post("/v1/runs", "{}").await.violations(),
        ["body /node_type: is required", "body /input: is required"]
    );
    assert_eq!(fixture.post("/v1/runs", "[]").await.violations(), ["body : must be object, not array"]);
    assert_eq!(fixture.post("/v1/runs", "null").await.violations(), ["body : must be object, not null"]);
    assert_eq!(fixture.calls(), 0);
}

#[tokio::test]
async fn one_rule_at_a_time() {
    let fixture = start();
    for (fields, violation) in [
        (json!({"oops": 1}), "body /oops: is not known here"),
        (json!({"input": "text"}), "body /input: must be object, not string"),
        (json!({"node_type": {"node_type_id": "core.echo"}}), "body /node_type/version: is required"),
        (
            json!({"node_type": {"node_type_id": "Core", "version": "1"}}),
            "body /node_type/node_type_id: must match ^[a-z][a-z.]*$",
        ),
        (json!({"max_depth": -1}), "body /max_depth: must be at least 0"),
        (json!({"max_depth": 6}), "body /max_depth: must be at most 5"),
        (json!({"max_depth": 1.5}), "body /max_depth: must be integer, not number"),
        (json!({"max_depth": "1"}), "body /max_depth: must be integer, not string"),
        (json!({"max_depth": null}), "body /max_depth: must be integer, not null"),
        (json!({"share": 0}), "body /share: must be more than 0"),
        (json!({"share": 1.01}), "body /share: must be at most 1"),
        (json!({"small": 2_147_483_648_i64}), "body /small: must be at most 2147483647"),
        (
            json!({"at": "yesterday"}),
            "body /at: must be a date and a time with an offset, such as 2026-01-31T12:00:00Z (RFC 3339), with at most nine digits of fraction, from 0000-01-01T00:00:00Z to 9999-12-30T22:00:00Z",
        ),
        (json!({"tags": []}), "body /tags: must have at least 1 items"),
        (json!({"tags": ["a", "b", "c"]}), "body /tags: must have at most 2 items"),
        (json!({"tags": ["a", "a"]}), "body /tags: must not have the same item twice"),
        (json!({"tags": ["a", "abcde"]}), "body /tags/1: must have at most 4 characters"),
        (json!({"note": 1}), "body /note: must be string or null, not number"),
        (json!({"state": "gone"}), "body /state: must be one of \"queued\", \"running\""),
        (json!({"labels": {"a/b": 1}}), "body /labels/a~1b: must be string, not number"),
        (json!({"target": 1}), "body /target: fits none of the allowed forms"),
        (json!({"target": {"url": 1}}), "body /target/url: must be string, not number"),
        (
            json!({"extensions": {"plain": 1}}),
            "body /extensions/plain: this name is not allowed: it must match ^[A-Za-z0-9][A-Za-z0-9_.-]*\\.[A-Za-z0-9_.-]+$",
        ),
    ] {
        assert_eq!(with(&fixture, fields).await, [violation]);
    }
}

#[tokio::test]
async fn what_fits_passes() {
    let fixture = start();
    for fields in [
        json!({"max_depth": 0}),
        json!({"share": 1}),
        json!({"note": null}),
        json!({"at": "2026-11-22T00:00:00.123+01:00"}),
        json!({"target": {"url": "https://example.org/x"}}),
        json!({"target": "none"}),
        json!({"extensions": {"runyard.key": {"any": ["thing"]}}}),
        json!({"input": {"deep": {"free": [1, null]}}}),
    ] {
        let mut body: Value = serde_json::from_str(GOOD).unwrap();
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let answer = fixture.post("/v1/runs", &body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn all_violations_are_listed_up_to_a_bound() {
    let fixture = start();
    let two = with(&fixture, json!({"max_depth": 9, "oops": 1, "small": "x"})).await;
    assert_eq!(two.len(), 3, "{two:?}");
    let many: serde_json::Map<String, Value> = (0..100).map(|n| (format!("unknown_{n}"), json!(n))).collect();
    let answer = fixture.post("/v1/runs", &Value::Object(many).to_string()).await;
    assert_eq!(answer.violations().len(), 32);
    assert!(answer.text().contains("and more than 31 more"), "{}", answer.text());
}

#[tokio::test]
async fn a_large_wrong_body_costs_one_violation_and_a_small_answer() {
    let fixture = start();
    let tags = vec![json!(1); 300_000];
    let answer = fixture.post("/v1/runs", &json!({"node_type": {}, "input": {}, "tags": tags}).to_string()).await;
    assert_eq!(answer.violations().len(), 1);
    assert!(answer.body.len() < 1000);
}

#[tokio::test]
async fn values_are_never_repeated() {
    let fixture = start();
    let secret = "hunter2".repeat(1000);
    for fields in [
        json!({"max_depth": secret}),
        json!({"state": secret}),
        json!({"tags": [secret]}),
        json!({"node_type": secret}),
        json!({"at": secret}),
        json!({"target": secret}),
        json!({"labels": {"a": [secret]}}),
    ] {
        let violations = with(&fixture, fields.clone()).await;
        assert!(!violations.concat().contains("hunter2"), "{violations:?}");
    }
    let named = with(&fixture, json!({ secret.clone(): 1 })).await;
    assert!(named[0].len() < 300, "a long name is cut");
}

#[tokio::test]
async fn what_rust_takes_more_narrowly_than_the_schema_is_a_400_too() {
    let fixture = start();
    let body = r#"{"node_type": {"node_type_id": "a", "version": "1"}, "input": {}, "max_depth": 1.0}"#;
    let violations = fixture.post("/v1/typed", body).await.violations();
    assert!(violations[0].starts_with("body /max_depth: invalid type: floating point"), "{violations:?}");
}
