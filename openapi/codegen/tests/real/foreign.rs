//! Our own document of constructs that other vendors use, where the real documents are not at hand.

use std::sync::Arc;

use foreign::client::Client;
use foreign::*;
use runyard_api::client::Multipart;
use runyard_api::host::{Caller, Fault, Head, Operation, Reply, Settings, StatusCode};
use serde_json::json;

use crate::calls::{Served, form, parts, value};

#[macro_use]
#[path = "rest/foreign.rs"]
mod rest;

/// Returns its input.
struct Echo;

impl Foreign for Echo {
    type Refusal = Problem;

    async fn admit(&self, head: &Head, _: &'static Operation) -> Result<Caller, Fault> {
        Ok(head.anonymous())
    }

    fn refusal(&self, fault: Fault) -> Problem {
        Problem::new(fault.status(), value(json!({ "detail": fault.to_string() })))
    }

    fn problem(&self, _: &Caller, refusal: Problem) -> Problem {
        refusal
    }

    async fn order(&self, _: &Caller, request: OrderRequest) -> Result<Reply<OrderOk>, Problem> {
        let body = serde_json::to_value(&request.body).expect("JSON");
        Ok(OrderOk::Success(StatusCode::CREATED, body).into())
    }

    async fn upload(&self, _: &Caller, request: UploadRequest) -> Result<Reply<UploadOk>, Problem> {
        let bytes = parts(&request.body).part("file").expect("the host checks that it is there").bytes.len();
        Ok(UploadOk::Success(StatusCode::ACCEPTED, value(json!({ "file": bytes }))).into())
    }

    async fn pet(&self, _: &Caller, request: PetRequest) -> Result<Reply<PetOk>, Problem> {
        Ok(PetOk::Ok(request.body).into())
    }

    rest!();
}

/// Serves it and calls it.
pub async fn check() {
    let served = Served::start(api(Arc::new(Echo), Settings::default()));
    let (base, http, behaviour) = served.client();
    let client = Client::new_with_client(base, http, behaviour);
    let order = json!({ "item": "tea & milk", "notes": ["a", "b=c"] });
    let ordered = client.order(&value(order.clone())).await.expect("an order").into_inner();
    assert_eq!(ordered, order);
    let file = Multipart::new().text("title", "t").file("file", "a.bin", "application/octet-stream", vec![0, 13, 10]);
    let stored = client.upload("a.b", &form(file)).await.expect("stored").into_inner();
    assert_eq!(serde_json::to_value(&stored).expect("JSON"), json!({ "file": 3 }));
    let dog = json!({ "kind": "dog", "name": "Rex", "bark": true });
    let pet = client.pet(&value(dog.clone())).await.expect("a pet").into_inner();
    assert_eq!(serde_json::to_value(&pet).expect("JSON"), dog, "a cat has no bark to lose");

    let fields = "application/x-www-form-urlencoded";
    served.refuses("POST /orders", Some((fields, "count=1")), 400, &["detail", "item"]).await;
    served.refuses("PATCH /pets", Some(("application/merge-patch+json", r#"{"kind":"bird"}"#)), 400, &["detail"]).await;
    served.refuses("GET /search", None, 400, &["session"]).await;
    served.refuses("GET /nothing", None, 404, &["detail", "/nothing"]).await;
    served.end().await;
}
