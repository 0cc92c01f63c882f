//! Path, query and header parameters: decoded, coerced, and validated like a body.

use super::*;

#[tokio::test]
async fn query_parameters_become_values_of_their_types() {
    let fixture = start();
    for (query, given) in [
        ("", json!({"limit": 20})),
        ("limit=5", json!({"limit": 5})),
        ("label=a&label=b+c&label=%26", json!({"limit": 20, "label": ["a", "b c", "&"]})),
        ("label=a", json!({"limit": 20, "label": ["a"]})),
        ("deep=true&state=queued&&", json!({"limit": 20, "deep": true, "state": "queued"})),
        ("unknown=1&other", json!({"limit": 20})),
    ] {
        let answer = fixture.get(&format!("/v1/runs?{query}")).await;
        assert_eq!(answer.json()["query"], given, "{query}");
    }
}

#[tokio::test]
async fn query_parameters_that_do_not_fit() {
    let fixture = start();
    for (query, violation) in [
        ("limit=0", "query limit: must be at least 1"),
        ("limit=101", "query limit: must be at most 100"),
        ("limit=ten", "query limit: must be integer, not string"),
        ("limit=1.5", "query limit: must be integer, not number"),
        ("limit=", "query limit: must be integer, not string"),
        ("limit=5%20", "query limit: must be integer, not string"),
        ("limit=99999999999999999999", "query limit: must be at most 100"),
        ("limit=1&limit=2", "query limit: must not be given more than once"),
        ("deep=yes", "query deep: must be boolean, not string"),
        ("state=gone", "query state: must be one of \"queued\", \"running\""),
        ("label=a&label=b&label=c&label=d", "query label: must have at most 3 items"),
        ("label=a&label=", "query label/1: must have at least 1 characters"),
        ("limit=%zz", "query limit: has a percent-escape that is not two hex digits, or is not UTF-8"),
        ("limit=%ff", "query limit: has a percent-escape that is not two hex digits, or is not UTF-8"),
        ("limit=%4", "query limit: has a percent-escape that is not two hex digits, or is not UTF-8"),
    ] {
        assert_eq!(fixture.get(&format!("/v1/runs?{query}")).await.violations(), [violation], "{query}");
    }
    assert_eq!(fixture.get("/v1/runs?limit=0&deep=1").await.violations().len(), 2, "all are listed");
    assert_eq!(fixture.calls(), 0);
}

#[tokio::test]
async fn a_query_parameter_that_the_document_does_not_name_is_ignored_and_named_in_the_answer() {
    let fixture = start();
    let named = async |query: &str| {
        let answer = fixture.get(&format!("/v1/runs?{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        answer.header("runyard-ignored-parameters").map(str::to_owned)
    };
    assert_eq!(named("limit=5&label=a").await, None);
    assert_eq!(named("stat=queued&limit=5&stat=running&x%2Cy%20z%0A").await.as_deref(), Some("stat, x%2Cy%20z%0A"));
    assert_eq!(named("other[]=1").await.as_deref(), Some("other[]"));
    let many: String = (0..50).map(|number| format!("p{number}=1&")).collect();
    assert!(named(&many).await.unwrap().ends_with(", and 34 more"));
}

#[tokio::test]
async fn a_list_in_brackets_is_the_list_of_the_name_without_them() {
    let answer = start().get("/v1/runs?label[]=a&label%5B%5D=b").await;
    assert_eq!(answer.json()["query"]["label"], json!(["a", "b"]));
    assert_eq!(answer.header("runyard-ignored-parameters"), None);
}

#[tokio::test]
async fn a_query_parameter_that_the_document_does_not_name_is_refused_where_that_is_set() {
    let settings = Settings { unknown_parameters: UnknownParameters::Refuse, ..Settings::default() };
    let fixture = start_with(Runs::default(), settings);
    assert_eq!(
        fixture.get("/v1/runs?stat=queued&label=a").await.violations(),
        ["query stat: is not known here; there are: limit, label, deep, state"]
    );
    assert_eq!(
        fixture.get("/v1/runs/r1?x=1").await.violations(),
        ["query x: is not known here; there are no query parameters"]
    );
    assert_eq!(fixture.calls(), 0);
    assert_eq!(fixture.get("/v1/runs?label[]=a").await.status, 200);
}

#[tokio::test]
async fn path_parameters_that_do_not_fit() {
    let fixture = start();
    let long = "x".repeat(10_000);
    assert_eq!(
        fixture.get(&format!("/v1/runs/{long}")).await.violations(),
        ["path run_id: must have at most 128 characters"]
    );
    let broken = "path run_id: has a percent-escape that is not two hex digits, or is not UTF-8";
    for escape in ["%zz", "a%", "%2", "%%20"] {
        assert_eq!(fixture.get(&format!("/v1/runs/{escape}")).await.violations(), [broken], "{escape}");
    }
}

#[tokio::test]
async fn header_parameters() {
    let fixture = start();
    let json = ("Content-Type", "application/json");
    let headers = [json, ("idempotency-key", "k1"), ("x-hints", "1, 2"), ("X-Hints", "3")];
    let given = fixture.send("POST", "/v1/runs", &headers, GOOD.as_bytes()).await;
    assert_eq!(given.json()["headers"], json!({"Idempotency-Key": "k1", "X-Hints": [1, 2, 3]}));
    for (header, violation) in [
        (("Idempotency-Key", "123456789"), "header Idempotency-Key: must have at most 8 characters"),
        (("Idempotency-Key", "é"), "header Idempotency-Key: must be visible ASCII"),
        (("X-Hints", "1, two"), "header X-Hints/1: must be integer, not string"),
    ] {
        assert_eq!(fixture.send("POST", "/v1/runs", &[json, header], GOOD.as_bytes()).await.violations(), [violation]);
    }
}

#[tokio::test]
async fn body_and_parameters_are_judged_together() {
    let fixture = start();
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "123456789")];
    let answer = fixture.send("POST", "/v1/runs", &headers, b"{\"input\": {}}").await;
    assert_eq!(
        answer.violations(),
        ["body /node_type: is required", "header Idempotency-Key: must have at most 8 characters"]
    );
}
