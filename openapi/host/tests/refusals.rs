//! Authentication, the order of the checks, and the response to a bug.

use super::*;

#[tokio::test]
async fn a_secured_operation_asks_who_is_calling_and_an_open_one_does_not() {
    let fixture = start();
    let secured = fixture.get("/v1/runs/r1").await.json();
    assert_eq!((&secured["tenant"], &secured["subject"]), (&json!("acme"), &json!("ada")));
    let open = fixture.send("GET", "/v1/health", &[("Authorization", "Bearer bad")], b"").await.json();
    assert_eq!((&open["tenant"], &open["subject"]), (&json!("default"), &Value::Null));
}

#[tokio::test]
async fn bad_credentials_are_401_with_a_challenge() {
    let fixture = start();
    let answer = fixture.send("GET", "/v1/runs/r1", &[("Authorization", "Bearer bad")], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "unauthenticated"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    let answer = fixture.send("GET", "/v1/runs/r1", &[("Authorization", "Bearer other")], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"));
}

#[tokio::test]
async fn route_then_caller_then_content_type_then_size_then_json_then_schema() {
    let fixture = start();
    let large = "x".repeat(2 * 1024 * 1024);
    let (bad, text, json) =
        (("Authorization", "Bearer bad"), ("Content-Type", "text/plain"), ("Content-Type", "application/json"));
    for (path, headers, body, status) in [
        ("/v1/nowhere", vec![bad, text], large.as_str(), 404),
        ("/v1/runs", vec![bad, text], &large, 401),
        ("/v1/runs", vec![text], &large, 415),
        ("/v1/runs", vec![json], &large, 413),
        ("/v1/runs", vec![json], "not json", 400),
    ] {
        assert_eq!(fixture.send("POST", path, &headers, body.as_bytes()).await.status, status);
    }
    assert_eq!(fixture.calls(), 0);
}

#[tokio::test]
async fn a_panic_is_a_500_in_the_documents_words_and_says_nothing() {
    let fixture = start();
    for (path, header) in [("/v1/panic", ("X-None", "1")), ("/v1/slow", ("Authorization", "Bearer panic"))] {
        let answer = fixture.send("POST", path, &[header], b"").await;
        assert_eq!((answer.status, answer.code().as_str()), (500, "internal"));
        assert!(!answer.text().contains("secret") && !answer.text().contains("fire"), "{}", answer.text());
    }
    assert_eq!(fixture.get("/v1/runs/r1").await.status, 200, "the server is unharmed");
}

#[tokio::test]
async fn a_panic_while_refusing_still_answers() {
    let fixture = start_with(Runs { speechless: true, ..Runs::default() }, Settings::default());
    assert_eq!(fixture.get("/v1/nowhere").await.status, 404);
    let answer = fixture.send("PATCH", "/v1/runs", &[], b"").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST, GET, HEAD")));
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let fixture = start();
    let (first, second) = (fixture.get("/v1/runs/r1").await, fixture.get("/v1/runs/r1").await);
    assert!(first.header("x-request-id").is_some());
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[test]
fn what_does_not_fit_together_does_not_mount() {
    static LOST: [Operation; 1] = [Operation {
        id: "lost",
        path: "/v1/lost",
        body: BodyRule::Json { required: true, schema: "/components/schemas/Lost" },
        ..PLAIN
    }];
    struct Lost;
    impl Api for Lost {
        fn document(&self) -> &'static Document {
            Box::leak(Box::new(Document { operations: &LOST, ..copy() }))
        }
        fn admit<'a>(&'a self, head: &'a Head, _: &'static Operation) -> BoxFuture<'a, Result<Caller, Fault>> {
            Box::pin(async { Ok(head.anonymous()) })
        }
        fn refuse(&self, _: &Caller, _: Fault) -> Response<Body> {
            Response::default()
        }
        fn call(
            self: Arc<Self>,
            _: &'static Operation,
            _: Caller,
            _: Input,
        ) -> BoxFuture<'static, Result<Response<Body>, Fault>> {
            Box::pin(async { Ok(Response::default()) })
        }
    }
    let error = Mounted::new(Arc::new(Lost), Settings::default())
        .mount(&mut dropshot::ApiDescription::<()>::new(), "")
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "document runs, operation lost: nothing is at /components/schemas/Lost");
}
