//! Apps of a platform for agents: discriminated events in a stream, JSON bodies, files in parts, required parameters.

use std::sync::Arc;

use dify::client::{Client, Error};
use dify::*;
use runyard_api::client::Multipart;
use runyard_api::host::{ByteStream, Caller, Fault, Head, Operation, Reply, Settings};
use serde_json::{Value, json};

use crate::calls::{Served, contains, form, parts, value, whole};

#[macro_use]
#[path = "rest/dify.rs"]
mod rest;

const RUN: &str = "fb47b2e6-5e43-4f90-be01-d5c5a088d156";

/// Runs one workflow.
struct App;

fn events() -> [Value; 3] {
    let event = |name: &str, data: Value| json!({ "event": name, "workflow_run_id": RUN, "data": data });
    [
        event("workflow_started", json!({ "inputs": { "query": "Hi" }, "reason": "initial" })),
        event("node_started", json!({ "node_id": "n1", "title": "Ask", "index": 1 })),
        event("text_chunk", json!({ "text": "Bonjour" })),
    ]
}

impl Dify for App {
    type Refusal = Problem;

    async fn admit(&self, head: &Head, operation: &'static Operation) -> Result<Caller, Fault> {
        if operation.secured && !head.headers.contains_key("authorization") {
            let (reason, challenge) = ("a key is required".into(), "Bearer".into());
            return Err(Fault::Unauthenticated { reason, why: "no_key", challenge });
        }
        Ok(head.anonymous())
    }

    fn refusal(&self, fault: Fault) -> Problem {
        let body = json!({ "status": fault.status().as_u16(), "code": "invalid_param", "message": fault.to_string() });
        Problem::new(fault.status(), value(body))
    }

    fn problem(&self, _: &Caller, refusal: Problem) -> Problem {
        refusal
    }

    async fn execute_workflow(
        &self,
        _: &Caller,
        request: ExecuteWorkflowRequest,
    ) -> Result<Reply<ExecuteWorkflowOk>, Problem> {
        let asked = serde_json::to_value(&request.body).expect("JSON");
        let data = json!({ "id": RUN, "workflow_id": RUN, "status": "succeeded", "outputs": asked["inputs"] });
        Ok(ExecuteWorkflowOk::Ok(value(json!({ "workflow_run_id": RUN, "data": data }))).into())
    }

    async fn stream_workflow_events(
        &self,
        _: &Caller,
        request: StreamWorkflowEventsRequest,
    ) -> Result<Reply<StreamWorkflowEventsOk>, Problem> {
        if request.workflow_run_id.to_string() != RUN {
            let body = json!({ "status": 404, "code": "not_found", "message": "Workflow run not found" });
            return Err(Problem::not_found(value(body)));
        }
        let lines = events().map(|event| Ok(format!("data: {event}\n\n").into()));
        Ok(StreamWorkflowEventsOk::Ok(ByteStream::new(futures::stream::iter(lines))).into())
    }

    async fn upload_chat_file(
        &self,
        _: &Caller,
        request: UploadChatFileRequest,
    ) -> Result<Reply<UploadChatFileOk>, Problem> {
        let parts = parts(&request.body);
        let file = parts.part("file").expect("the host checks that it is there");
        let (name, size) = (file.file_name.clone(), file.bytes.len());
        Ok(UploadChatFileOk::Created(value(json!({ "id": RUN, "name": name, "size": size }))).into())
    }

    async fn get_conversation_history(
        &self,
        _: &Caller,
        request: GetConversationHistoryRequest,
    ) -> Result<Reply<GetConversationHistoryOk>, Problem> {
        assert_eq!(request.conversation_id, "c 1");
        Ok(GetConversationHistoryOk::Ok(value(json!({ "limit": 20, "has_more": false, "data": [] }))).into())
    }

    rest!();
}

/// Serves it and calls it.
pub async fn check() {
    let served = Served::start(api(Arc::new(App), Settings::default()));
    served.refuses("GET /messages?conversation_id=c", None, 401, &["a key is required"]).await;
    let served = served.with_header("authorization", "Bearer key");
    let (base, http, behaviour) = served.client();
    let client = Client::new_with_client(base, http, behaviour);

    let body = json!({ "inputs": { "query": "Hi", "count": 2, "deep": { "a": [1] } }, "user": "u", "files": null });
    let done = client.execute_workflow(&value(body)).await.expect("a result").into_inner();
    let done = serde_json::to_value(&done).expect("JSON");
    assert_eq!((&done["data"]["status"], &done["data"]["outputs"]["query"]), (&json!("succeeded"), &json!("Hi")));

    let request = |run: &str| StreamWorkflowEventsRequest {
        workflow_run_id: run.parse().expect("an id"),
        user: "u".into(),
        include_state_snapshot: Some(true),
        continue_on_pause: None,
    };
    let stream = request(RUN).send(&client).await.expect("a stream").into_inner();
    let text = String::from_utf8(whole(stream).await).expect("text");
    let read: Vec<Value> = text.lines().filter_map(|line| line.strip_prefix("data: ")).map(discriminated).collect();
    assert!(contains(&json!(read), &json!(events())), "no property of an event is lost: {read:?}");
    let other = request("00000000-0000-4000-8000-000000000000").send(&client).await.err().expect("not there");
    let Error::Refused { status, body, .. } = other else { panic!("{other}") };
    assert_eq!((status.as_u16(), &serde_json::to_value(&body).expect("JSON")["code"]), (404, &json!("not_found")));

    let file = Multipart::new().text("user", "u").file("file", "a.txt", "text/plain", "hello");
    let stored = client.upload_chat_file(&form(file)).await.expect("stored");
    assert_eq!(stored.status().as_u16(), 201);
    let stored = serde_json::to_value(stored.into_inner()).expect("JSON");
    assert_eq!((&stored["name"], &stored["size"]), (&json!("a.txt"), &json!(5)));
    let text = "--x\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nu\r\n--x--\r\n";
    let without = Some(("multipart/form-data; boundary=x", text));
    served.refuses("POST /files/upload", without, 400, &["invalid_param", "file"]).await;
    let (status, _) = served.raw("GET /messages?conversation_id=c%201", None).await;
    assert_eq!(status, 200);

    let json = "application/json";
    served.refuses("GET /messages", None, 400, &["invalid_param", "conversation_id"]).await;
    served.refuses("GET /messages?conversation_id=c&limit=101", None, 400, &["limit", "100"]).await;
    served.refuses("POST /workflows/run", Some((json, r#"{"inputs":{}}"#)), 400, &["user"]).await;
    let mode = r#"{"inputs":{},"user":"u","response_mode":"loud"}"#;
    served.refuses("POST /workflows/run", Some((json, mode)), 400, &["response_mode"]).await;
    served.refuses("GET /workflow/x/events?user=u", None, 400, &["workflow_run_id"]).await;
    served.refuses("GET /workflow/x", None, 404, &["/workflow/x"]).await;
    served.end().await;
}

/// Reads an event as the type that its discriminator names, and returns it as JSON.
fn discriminated(text: &str) -> Value {
    let event: types::ChunkWorkflowEvent = serde_json::from_str(text).expect("an event");
    let name = serde_json::to_value(&event).expect("JSON")["event"].clone();
    let again = |value: Result<Value, serde_json::Error>| value.expect("its type");
    match name.as_str().expect("a name") {
        "workflow_started" => again(
            serde_json::from_str::<types::WorkflowStreamEventWorkflowStarted>(text).and_then(serde_json::to_value),
        ),
        "node_started" => {
            again(serde_json::from_str::<types::WorkflowStreamEventNodeStarted>(text).and_then(serde_json::to_value))
        }
        "text_chunk" => again(serde_json::from_str::<types::StreamEventTextChunk>(text).and_then(serde_json::to_value)),
        other => panic!("{other} was not sent"),
    }
}
