//! The data sets of a patent office: a body of form fields.

use std::sync::Arc;

use runyard_api::host::{Caller, Fault, Head, Operation, Reply, Settings};
use serde_json::json;
use uspto::client::Client;
use uspto::*;

use crate::calls::{Served, value};

#[macro_use]
#[path = "rest/uspto.rs"]
mod rest;

/// Answers a search with what was searched.
struct Office;

impl Uspto for Office {
    type Refusal = Problem;

    async fn admit(&self, head: &Head, _: &'static Operation) -> Result<Caller, Fault> {
        Ok(head.anonymous())
    }

    fn refusal(&self, fault: Fault) -> Problem {
        Problem::new(fault.status(), value(json!(fault.to_string())))
    }

    fn problem(&self, _: &Caller, refusal: Problem) -> Problem {
        refusal
    }

    async fn perform_search(
        &self,
        _: &Caller,
        request: PerformSearchRequest,
    ) -> Result<Reply<PerformSearchOk>, Problem> {
        let asked = serde_json::to_value(&request.body).expect("JSON");
        let asked = json!({ "dataset": request.dataset, "version": request.version, "form": asked });
        Ok(PerformSearchOk::Ok(value(json!([{ "asked": asked }]))).into())
    }

    rest!();
}

/// Serves it and calls it.
pub async fn check() {
    let served = Served::start(api(Arc::new(Office), Settings::default()));
    let (base, http, behaviour) = served.client();
    let client = Client::new_with_client(base, http, behaviour);
    let form = json!({ "criteria": "title:a&b=c d", "start": 3, "rows": 10 });
    let request =
        PerformSearchRequest { dataset: "oa citations".into(), version: "v1".into(), body: Some(value(form.clone())) };
    let found = serde_json::to_value(request.send(&client).await.expect("the records").into_inner()).expect("JSON");
    assert_eq!(found[0]["asked"], json!({ "dataset": "oa citations", "version": "v1", "form": form }));

    let fields = "application/x-www-form-urlencoded";
    served.refuses("POST /a/v1/records", Some((fields, "start=1")), 400, &["criteria"]).await;
    served.refuses("POST /a/v1/records", Some((fields, "criteria=a&start=first")), 400, &["start"]).await;
    served.refuses("POST /a/v1/records", Some(("application/json", "{}")), 415, &[fields]).await;
    served.refuses("POST /a/v1", Some((fields, "criteria=a")), 404, &["/a/v1"]).await;
    // An operation without a handler.
    served.refuses("GET /a/v1/fields", None, 500, &[]).await;
    served.end().await;
}
