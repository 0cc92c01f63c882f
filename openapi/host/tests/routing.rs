//! The operation of a method and a path, and the errors for unknown ones.

use super::*;

async fn reached(fixture: &Fixture, method: &str, path: &str) -> (String, Value) {
    let answer = fixture.send(method, path, &[], b"").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let given = answer.json();
    (given["operation"].as_str().unwrap().to_owned(), given["path"].clone())
}

#[tokio::test]
async fn verbs_siblings_and_ids_are_different_routes() {
    let fixture = start();
    for (method, path, operation, id) in [
        ("GET", "/v1/runs/r1", "get_run", Some("r1")),
        ("GET", "/v1/runs/approval", "approval", None),
        ("POST", "/v1/runs/r1:cancel", "cancel_run", Some("r1")),
        ("POST", "/v1/runs/a:b:cancel", "cancel_run", Some("a:b")),
        ("POST", "/v1/runs/approval:cancel", "cancel_run", Some("approval")),
        ("GET", "/v1/runs/a%2Fb", "get_run", Some("a/b")),
        ("GET", "/v1/runs/a%20b+c", "get_run", Some("a b+c")),
        ("GET", "/v1/runs/%C3%A9", "get_run", Some("é")),
        ("GET", "/v1/runs/%2E%2E", "get_run", Some("..")),
    ] {
        let (reached, path) = reached(&fixture, method, path).await;
        assert_eq!((reached.as_str(), path["run_id"].as_str()), (operation, id));
    }
}

#[tokio::test]
async fn two_operations_may_name_the_same_place_differently() {
    let fixture = start();
    assert_eq!(reached(&fixture, "PUT", "/v1/runs/r1/note").await, ("note_run".to_owned(), json!({"id": "r1"})));
}

#[tokio::test]
async fn unknown_paths_are_404_in_the_documents_words() {
    let fixture = start();
    for path in
        ["/", "/v1", "/v1/runs/", "//v1/runs", "/v1/Runs", "/v1/runs/r1/", "/v1/runs/r1/other", "/v1/runs/r1/events/2"]
    {
        let answer = fixture.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "unknown_path"), "{path}");
    }
    let long = format!("/{}", "x".repeat(10_000));
    assert!(fixture.get(&long).await.body.len() < 1000, "a long path is not repeated");
    assert_eq!(fixture.calls(), 0);
}

#[tokio::test]
async fn other_methods_are_405_with_the_allowed_ones() {
    let fixture = start();
    for (method, path, allow) in [
        ("DELETE", "/v1/runs", "POST, GET, HEAD"),
        ("PATCH", "/v1/runs/r1", "GET, HEAD"),
        ("GET", "/v1/runs/r1:cancel", "POST"),
        ("HEAD", "/v1/slow", "POST"),
        ("OPTIONS", "/v1/runs", "POST, GET, HEAD"),
        ("TRACE", "/v1/runs", "POST, GET, HEAD"),
        ("PUT", "/openapi.json", "GET, HEAD"),
    ] {
        let answer = fixture.send(method, path, &[], b"").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
        assert!(method == "HEAD" || answer.code() == "method_not_allowed");
    }
}

#[tokio::test]
async fn targets_without_a_path_are_unknown() {
    let fixture = start();
    for (method, target) in [("CONNECT", "example.org:443"), ("OPTIONS", "*")] {
        let answer = fixture.send(method, target, &[], b"").await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "unknown_path"), "{method}");
    }
}

#[tokio::test]
async fn an_absolute_target_is_a_path() {
    let fixture = start();
    assert_eq!(reached(&fixture, "GET", "http://here/v1/runs/r1").await.0, "get_run");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let fixture = start();
    let (get, head) = (fixture.get("/v1/runs/r1").await, fixture.send("HEAD", "/v1/runs/r1", &[], b"").await);
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["content-type", "content-length"] {
        assert!(head.header(name).is_some());
        assert_eq!(head.header(name), get.header(name));
    }
    let refused = fixture.send("HEAD", "/v1/nowhere", &[], b"").await;
    assert_eq!((refused.status, refused.body.len()), (404, 0));
}

#[tokio::test]
async fn head_of_a_stream_does_not_claim_that_it_is_empty() {
    let fixture = start();
    let head = fixture.send("HEAD", "/v1/runs/r1/events", &[], b"").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, None, 0));
    assert_eq!(head.header("content-type"), Some("application/x-ndjson"));
}

#[test]
fn ambiguous_routes_do_not_mount() {
    static TWICE: [Operation; 2] = [
        Operation { id: "one", path: "/v1/things/{a}", ..PLAIN },
        Operation { id: "two", path: "/v1/things/{b}", ..PLAIN },
    ];
    static OURS: [Operation; 1] = [Operation { id: "one", path: "/openapi.json", ..PLAIN }];
    static TWO_IN_ONE: [Operation; 1] = [Operation { id: "one", path: "/v1/{a}{b}", ..PLAIN }];
    for (operations, reason) in [
        (&TWICE[..], "GET /v1/things/{b} is there twice"),
        (&OURS[..], "GET /openapi.json is there twice"),
        (&TWO_IN_ONE[..], "/v1/{a}{b} has two parameters with nothing between them"),
    ] {
        let document: &'static Document = Box::leak(Box::new(Document { operations, ..copy() }));
        let error = crate::host::router::Router::new(document, &[]).unwrap_err();
        assert!(error.starts_with(reason), "{error}");
    }
}
