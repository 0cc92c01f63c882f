//! Runyard's documents on the host: they mount, their responses can be checked, and the gateway's largest schema is
//! enforced.

use super::*;

/// An implementation without behaviour, for requests that need not get further than the call.
struct Silent(&'static Document);

impl Api for Silent {
    fn document(&self) -> &'static Document {
        self.0
    }

    fn admit<'a>(&'a self, head: &'a Head, _: &'static Operation) -> BoxFuture<'a, Result<Caller, Fault>> {
        Box::pin(async { Ok(head.anonymous()) })
    }

    fn refuse(&self, _: &Caller, fault: Fault) -> Response<Body> {
        let lines: Vec<_> = fault.violations().iter().map(ToString::to_string).collect();
        json(fault.status(), HeaderMap::new(), &lines).unwrap()
    }

    fn call(
        self: Arc<Self>,
        _: &'static Operation,
        _: Caller,
        _: Input,
    ) -> BoxFuture<'static, Result<Response<Body>, Fault>> {
        Box::pin(async { Ok(empty(StatusCode::NO_CONTENT, HeaderMap::new())) })
    }
}

#[test]
fn every_document_mounts_and_its_answers_can_be_checked() {
    for (document, _) in crate::DOCUMENTS {
        Checker::new(document).unwrap();
        Mounted::new(Arc::new(Silent(document)), Settings::default())
            .mount(&mut dropshot::ApiDescription::<()>::new(), "")
            .unwrap();
    }
}

/// Starts a run on the gateway's document; returns the status and the violations.
async fn start_run(server: &Server, body: &Value) -> (u16, Vec<String>) {
    let client = reqwest::Client::new();
    let url = format!("http://{}/v1/runs", server.local_addr());
    let answer = client.post(url).json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn the_gateway_takes_what_the_standard_shows_and_refuses_what_it_forbids() {
    let mounted = Mounted::new(Arc::new(Silent(&crate::arp::run_gateway::DOCUMENT)), Settings::default());
    let server = mounted.serve(listen_anywhere(), quiet()).unwrap();
    let good = json!({
        "root_node_type_ref": {"node_type_id": "jarvis.composite.planner.general", "version": "0.3.3"},
        "input": {"goal": "Generate a UUID, then return it."},
    });
    assert_eq!(start_run(&server, &good).await, (204, vec![]));
    for (field, value, refused) in [
        ("extensions", json!({"plain": 1}), "body /extensions/plain: this name is not allowed: it must match "),
        ("run_id", json!("a/b c"), "body /run_id: must match "),
        ("run_id", json!("x".repeat(10_000)), "body /run_id: must "),
        (
            "constraints",
            json!({"structural": {"max_depth": -1}}),
            "body /constraints/structural/max_depth: must be at least 0",
        ),
        ("input", json!([]), "body /input: must be object, not array"),
        ("tenant", json!("acme"), "body /tenant: is not known here"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let (status, violations) = start_run(&server, &body).await;
        assert!(
            status == 400 && violations.len() == 1 && violations[0].starts_with(refused),
            "{field}: {status} {violations:?}"
        );
    }
}
