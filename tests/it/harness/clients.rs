//! The generated clients of the APIs, with every answer checked, and requests that many tests share.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use http::{HeaderMap, Method};
use runyard_api::acp;
use runyard_api::arp::schemas::{NodeRun, Run};
use runyard_api::arp::{run_coordinator, run_gateway, runtime};
use runyard_api::client::{CallError, ResponseValue};
use serde::Serialize;
use serde_json::{Value, json};

use super::contract::Contract;
use super::lines::Lines;
use super::raw::{self, Answer};
use super::recorder::{Coverage, Reached, Recorder, Verdict, code};
use super::{DOCUMENTS, typed};

/// Clients of one set of APIs.
pub struct Clients {
    pub gateway: run_gateway::client::Client,
    pub coordinator: run_coordinator::client::Client,
    pub runtime: runtime::client::Client,
    pub toolregistry: runyard_api::toolregistry::client::Client,
    pub acp: acp::client::Client,
    pub cargo: runyard_api::cargo::client::Client,
    pub native: runyard_api::runyard::client::Client,
    http: reqwest::Client,
    token: Option<String>,
    urls: BTreeMap<&'static str, String>,
    seen: Arc<Coverage>,
    _verdict: Verdict,
}

impl Clients {
    /// Clients of the APIs at these URLs, by API name, that send this credential.
    pub fn of(url: impl Fn(&str) -> String, token: Option<String>) -> Self {
        let (http, seen) = (reqwest::Client::new(), Arc::new(Coverage::default()));
        let recorder =
            |api| Arc::new(Recorder { contract: Contract::named(api), seen: seen.clone(), token: token.clone() });
        let (gateway, coordinator, native) = ("run-gateway", "run-coordinator", "runyard");
        Clients {
            gateway: run_gateway::client::Client::new_with_client(&url(gateway), http.clone(), recorder(gateway)),
            coordinator: run_coordinator::client::Client::new_with_client(
                &url(coordinator),
                http.clone(),
                recorder(coordinator),
            ),
            runtime: runtime::client::Client::new_with_client(&url("runtime"), http.clone(), recorder("runtime")),
            toolregistry: runyard_api::toolregistry::client::Client::new_with_client(
                &url("toolregistry"),
                http.clone(),
                recorder("toolregistry"),
            ),
            acp: acp::client::Client::new_with_client(&url("acp"), http.clone(), recorder("acp")),
            cargo: runyard_api::cargo::client::Client::new_with_client(&url("cargo"), http.clone(), recorder("cargo")),
            native: runyard_api::runyard::client::Client::new_with_client(&url(native), http.clone(), recorder(native)),
            urls: DOCUMENTS.iter().map(|document| (document.name, url(document.name))).collect(),
            http,
            token,
            _verdict: Verdict(seen.clone()),
            seen,
        }
    }

    /// The same APIs with this credential, or without one.
    pub fn showing(&self, token: Option<&str>) -> Self {
        Self::of(|api| self.urls[api].clone(), token.map(str::to_owned))
    }

    /// The operations and statuses that these clients have reached so far.
    pub fn reached(&self) -> BTreeSet<Reached> {
        self.seen.reached()
    }

    /// A hand-written request.
    pub fn request(&self, api: &str, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.urls[api]));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it, and checks the answer.
    pub async fn send(&self, api: &str, request: reqwest::RequestBuilder) -> Answer {
        raw::send(Contract::named(api), &self.seen, &self.http, request.build().unwrap()).await
    }

    pub async fn get(&self, api: &str, path: &str) -> Answer {
        self.send(api, self.request(api, Method::GET, path)).await
    }

    /// Posts a text with the content type of JSON.
    pub async fn post(&self, api: &str, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(api, Method::POST, path).header("content-type", "application/json");
        self.send(api, request.body(body)).await
    }

    /// Starts a run through the gateway.
    pub async fn start(&self, body: Value) -> Run {
        self.gateway.start_run(None, &typed(body)).await.unwrap().into_inner()
    }

    /// Starts a run of this node type with these inputs.
    pub async fn run(&self, node_type: &str, input: Value) -> Run {
        self.start(start(node_type, input)).await
    }

    /// The events of a run as the gateway shows them.
    pub async fn follow(&self, run_id: &str, after_seq: Option<i64>) -> Lines {
        let stream = self.gateway.stream_run_events(run_id, after_seq, None, None).await.unwrap();
        Lines::of(stream.into_inner_stream())
    }

    /// All events of a run, the last one included.
    pub async fn events(&self, run_id: &str) -> Vec<Value> {
        let events = self.follow(run_id, None).await.rest().await;
        assert_eq!(events.last().unwrap()["type"], "run_completed", "{events:?}");
        events
    }

    /// The run, once it has ended.
    pub async fn finished(&self, run_id: &str) -> Run {
        self.events(run_id).await;
        self.gateway.get_run(run_id).await.unwrap().into_inner()
    }

    pub async fn node(&self, node_run_id: &str) -> NodeRun {
        self.coordinator.get_node_run(node_run_id).await.unwrap().into_inner()
    }

    /// Children of an external composite, by the body's `node_runs`.
    pub async fn children(&self, run: &Run, node_runs: Value) -> Result<Vec<NodeRun>, Refused> {
        self.children_of(&run.run_id, &run.root_node_run_id, node_runs).await
    }

    pub async fn children_of(&self, run: &str, parent: &str, node_runs: Value) -> Result<Vec<NodeRun>, Refused> {
        let body = json!({ "run_id": run, "parent_node_run_id": parent, "node_runs": node_runs });
        let answer = self.coordinator.create_node_runs(&typed(body)).await;
        answer.map(|answer| answer.into_inner().node_runs).map_err(Refused::of)
    }

    pub async fn complete(&self, node_run: &str, body: Value) -> Result<(), Refused> {
        let answer = self.coordinator.complete_node_run(node_run, &typed(body)).await;
        answer.map(ResponseValue::into_inner).map_err(Refused::of)
    }

    pub async fn evaluate(&self, node_run: &str, body: Value) -> Result<(), Refused> {
        let answer = self.coordinator.report_node_run_evaluation(node_run, &typed(body)).await;
        answer.map(ResponseValue::into_inner).map_err(Refused::of)
    }
}

/// The body that starts a run.
pub fn start(node_type: &str, input: Value) -> Value {
    json!({ "root_node_type_ref": { "node_type_id": node_type, "version": "1.0.0" }, "input": input })
}

/// A refusal, independent of any document's error body.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    pub status: u16,
    pub code: String,
    pub details: Value,
    pub headers: HeaderMap,
}

impl Refused {
    pub fn of<E: Serialize + std::fmt::Debug>(error: CallError<E>) -> Self {
        let CallError::Refused { status, headers, body } = error else { panic!("not a documented refusal: {error:?}") };
        let body = serde_json::to_value(body).unwrap();
        let code = code(&headers, body.to_string().as_bytes());
        Refused { status: status.as_u16(), code, details: body["error"]["details"].clone(), headers }
    }

    /// Status and code.
    pub fn short(&self) -> (u16, &str) {
        (self.status, &self.code)
    }
}

/// The refusal. Fails the test when there was none.
pub fn refused<T, E: Serialize + std::fmt::Debug>(answer: Result<ResponseValue<T>, CallError<E>>) -> Refused {
    match answer {
        Ok(answer) => panic!("accepted with {}", answer.status()),
        Err(error) => Refused::of(error),
    }
}
