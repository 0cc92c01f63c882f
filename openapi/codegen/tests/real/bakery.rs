//! Our own example, where the real documents are not at hand: an error body of its own, and bounds.

use std::sync::Arc;

use bakery::client::{Client, Error};
use bakery::*;
use runyard_api::host::{Caller, Fault, Head, Operation, Reply, Settings};
use serde_json::json;

use crate::calls::{Served, value};

#[macro_use]
#[path = "rest/bakery.rs"]
mod rest;

/// Bakes one loaf.
struct Oven;

impl Bakery for Oven {
    type Refusal = Problem;

    async fn admit(&self, head: &Head, _: &'static Operation) -> Result<Caller, Fault> {
        Ok(head.anonymous())
    }

    fn refusal(&self, fault: Fault) -> Problem {
        Problem::new(fault.status(), value(json!({ "reason": fault.to_string() })))
    }

    fn problem(&self, _: &Caller, refusal: Problem) -> Problem {
        refusal
    }

    async fn bake_loaf(&self, _: &Caller, request: BakeLoafRequest) -> Result<Reply<BakeLoafOk>, Problem> {
        Ok(BakeLoafOk::Created(value(json!({ "number": 1, "order": request.body }))).into())
    }

    async fn get_loaf(&self, _: &Caller, _: GetLoafRequest) -> Result<Reply<GetLoafOk>, Problem> {
        Err(Problem::not_found(value(json!({ "reason": "no such loaf" }))))
    }

    rest!();
}

/// Serves it and calls it.
pub async fn check() {
    let served = Served::start(api(Arc::new(Oven), Settings::default()));
    let (base, http, behaviour) = served.client();
    let client = Client::new_with_client(base, http, behaviour);
    let order = json!({ "grain": "rye", "weight_g": 750 });
    let loaf = client.bake_loaf(&value(order.clone())).await.expect("a loaf").into_inner();
    assert_eq!(serde_json::to_value(&loaf).expect("JSON"), json!({ "number": 1, "order": order }));
    let gone = client.get_loaf(7).await.err().expect("not there");
    let Error::Refused { status, body, .. } = gone else { panic!("{gone}") };
    assert_eq!((status.as_u16(), body.reason.as_str()), (404, "no such loaf"));

    let json = "application/json";
    served.refuses("POST /loaves", Some((json, r#"{"grain":"rye","weight_g":1}"#)), 400, &["reason", "weight_g"]).await;
    served.refuses("POST /loaves", Some((json, r#"{"weight_g":750}"#)), 400, &["reason", "grain"]).await;
    served.refuses("GET /loaves/one", None, 400, &["reason", "number"]).await;
    served.refuses("GET /rolls", None, 404, &["reason", "/rolls"]).await;
    // An operation without a handler.
    served.refuses("GET /loaves", None, 500, &["reason"]).await;
    served.end().await;
}
