//! Event streams of threads: the first requests of the vendor's clients, and the events that they read.

use futures::StreamExt;
use http::Method;
use serde_json::{Value, json};

use super::ask;
use crate::harness::{Answer, PATIENCE, World};

/// Sends a request that accepts an event stream, and reads the whole answer.
async fn streamed(world: &World, method: Method, path: &str, body: Option<Value>) -> Answer {
    let request = world.request("acp", method, path).header("accept", "text/event-stream");
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string()),
        None => request,
    };
    world.send("acp", request).await
}

/// The events of a stream, read as the clients read them: each line that begins with `data: ` is one object.
fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.header("content-type"), Some("text/event-stream"), "{}", answer.text());
    assert!(answer.text().ends_with('\n'), "some clients drop a line without an end");
    let data = answer.text().lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The answer that a client takes from a stream: the last `response.completed` wins.
fn answer(events: &[Value]) -> &str {
    let completed = events.iter().rev().find(|event| event["type"] == "response.completed");
    completed.map_or("", |event| event["response"]["content"].as_str().unwrap())
}

async fn new_thread(world: &World, body: Value) -> String {
    let made = ask(world, Method::POST, "/v1/threads", Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["thread"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_call_of_a_client_finds_the_default_environment_and_reads_the_answer_from_the_stream() {
    let world = World::new().await;
    let environments = world.get("acp", "/v1/environments").await.json();
    let default = environments["data"].as_array().unwrap().iter().find(|one| one["isDefault"] == true).unwrap().clone();
    let created =
        ask(&world, Method::POST, "/v1/threads", Some(json!({ "environmentId": default["id"] }))).await.json();
    let thread = created["thread"]["id"].as_str().unwrap();
    assert_eq!((&created["thread"]["environmentId"], created.get("run")), (&default["id"], None));
    let path = format!("/v1/threads/{thread}/messages");
    let sent = streamed(&world, Method::POST, &path, Some(json!({ "content": "Say \"hello\"." }))).await;
    assert_eq!(sent.status, 200);
    let seen = events(&sent);
    assert_eq!(answer(&seen), "hello");
    assert_eq!((types(&seen)[0], *types(&seen).last().unwrap()), ("response.started", "stream.completed"));
    let tool = seen.iter().find(|event| event["item"]["type"] == "tool_call").unwrap();
    assert_eq!(tool["item"]["name"], "runyard.core.echo");
    let given: Value = serde_json::from_str(tool["item"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(given, json!({ "echo": "hello" }));
    let run = &seen.last().unwrap()["run"];
    assert_eq!((&run["status"], &run["threadId"]), (&json!("completed"), &json!(thread)));

    // The next message starts the next run of the thread, which knows the first.
    let next = events(&streamed(&world, Method::POST, &path, Some(json!({ "content": "Hash it." }))).await);
    assert_eq!(answer(&next).len(), 64);
    let runs = world.get("acp", &format!("/v1/threads/{thread}/runs")).await.json();
    assert_eq!(runs["data"].as_array().unwrap().len(), 2);
    assert_ne!(next.last().unwrap()["run"]["id"], *run.get("id").unwrap());
}

/// The vendor's TypeScript client sends neither `/v1` nor `Accept`.
#[tokio::test]
async fn paths_are_answered_without_their_version_as_well() {
    let world = World::new().await;
    let url = |path: &str| format!("{}{path}", world.server.url("acp").unwrap());
    let client = reqwest::Client::new();
    let post = async |path: &str, body: Value| client.post(url(path)).json(&body).send().await.unwrap();
    let environments: Value =
        client.get(url("/environments?isDefault=true")).send().await.unwrap().json().await.unwrap();
    assert_eq!(environments["data"][0]["isDefault"], true);
    let created: Value = post("/threads", json!({})).await.json().await.unwrap();
    let sent = post(
        &format!("/threads/{}/messages", created["thread"]["id"].as_str().unwrap()),
        json!({ "content": "Say \"a\"." }),
    )
    .await;
    let text = sent.text().await.unwrap();
    assert!(text.contains("response.completed") && text.contains("\"content\":\"a\""), "{text}");
    let run = post("/servers/default/runs", json!({ "content": "Say \"b\"." })).await;
    assert_eq!(run.status(), 201);
    assert_eq!(post("/nothing", json!({})).await.status(), 404);
}

#[tokio::test]
async fn a_thread_that_is_created_with_a_stream_sends_its_events() {
    let world = World::new().await;
    for (accept, body) in [
        ("*/*", json!({ "content": "Say \"a\".", "stream": true })),
        ("text/event-stream", json!({ "task": "Say \"a\"." })),
        ("text/event-stream", json!({ "messages": [{ "role": "user", "content": "Say \"a\"." }] })),
    ] {
        let request = world.request("acp", Method::POST, "/v1/threads").header("accept", accept);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let created = world.send("acp", request).await;
        assert_eq!(created.status, 201, "{body}");
        let seen = events(&created);
        assert_eq!(types(&seen)[..2], ["thread.created", "response.started"], "{body}");
        assert_eq!((answer(&seen), *types(&seen).last().unwrap()), ("a", "stream.completed"), "{body}");
        assert_eq!(seen[0]["thread"]["id"], seen.last().unwrap()["threadId"]);
    }
    // `stream: false` wins over `Accept`. The stream of a thread without work is short.
    let body = json!({ "content": "Say \"a\".", "stream": false });
    assert!(streamed(&world, Method::POST, "/v1/threads", Some(body)).await.json()["run"].is_object());
    let empty = streamed(&world, Method::POST, "/v1/threads", Some(json!({ "stream": true }))).await;
    assert_eq!(types(&events(&empty)), ["thread.created", "stream.completed"]);
}

#[tokio::test]
async fn a_stream_of_a_run_that_fails_names_the_error_and_one_that_is_cancelled_ends() {
    let world = World::new().await;
    let thread = new_thread(&world, json!({})).await;
    let path = format!("/v1/threads/{thread}/messages");
    let failed = events(&streamed(&world, Method::POST, &path, Some(json!({ "content": "Paint the fence." }))).await);
    let error = failed.iter().find(|event| event["type"] == "stream.error").unwrap();
    assert_eq!(error["error"], "clause_unmapped");
    assert!(error["message"].as_str().unwrap().starts_with("clause_unmapped: "), "{error}");
    assert_eq!(failed.last().unwrap()["run"]["status"], "failed");

    let live = ask(&world, Method::POST, "/v1/threads", Some(json!({ "content": "Sleep for 600 seconds." }))).await;
    let thread = live.json()["thread"]["id"].as_str().unwrap().to_owned();
    let all = format!("/v1/threads/{thread}/events?stream=true");
    let following = streamed(&world, Method::GET, &all, None);
    let path = format!("/v1/threads/{thread}/cancel");
    let (seen, canceled) = tokio::join!(following, ask(&world, Method::POST, &path, None));
    assert_eq!(canceled.json()["thread"]["status"], "cancelled");
    let seen = events(&seen);
    assert_eq!((answer(&seen), &seen.last().unwrap()["run"]["status"]), ("", &json!("cancelled")));
    let again = ask(&world, Method::POST, &path, None).await.json();
    assert_eq!(
        (&again["thread"]["status"], again.get("run")),
        (&json!("cancelled"), None),
        "nothing is left to cancel"
    );
}

#[tokio::test]
async fn a_question_ends_the_stream_and_the_next_message_answers_it() {
    let world = World::new().await;
    let body = json!({ "content": "Ask \"Which color?\", then say it.", "stream": true });
    let asked = events(&streamed(&world, Method::POST, "/v1/threads", Some(body)).await);
    assert_eq!((answer(&asked), &asked.last().unwrap()["run"]["status"]), ("Which color?", &json!("running")));
    let thread = asked[0]["threadId"].as_str().unwrap();
    let path = format!("/v1/threads/{thread}/messages");
    let answered = events(&streamed(&world, Method::POST, &path, Some(json!({ "content": "red" }))).await);
    assert_eq!(
        (answer(&answered), &answered.last().unwrap()["run"]["id"]),
        ("red", &asked.last().unwrap()["run"]["id"])
    );
    assert!(!types(&answered).contains(&"response.started"), "only what came after the answer: {answered:?}");
}

#[tokio::test]
async fn line_breaks_of_unicode_do_not_cut_an_event() {
    let world = World::new().await;
    let content = "Say 'a\u{2028}b\u{2029}c\u{85}d'.";
    let sent = streamed(&world, Method::POST, "/v1/threads", Some(json!({ "content": content, "stream": true }))).await;
    for sign in ['\u{2028}', '\u{2029}', '\u{85}'] {
        assert!(!sent.text().contains(sign), "{:?}", sign);
    }
    assert_eq!(answer(&events(&sent)), "a\u{2028}b\u{2029}c\u{85}d");
}

#[tokio::test]
async fn events_of_a_thread_are_paged_and_its_stream_resumes_after_any_of_them() {
    let world = World::new().await;
    let thread = new_thread(&world, json!({ "content": "Generate a UUID." })).await;
    let path = format!("/v1/threads/{thread}/messages");
    let first = streamed(&world, Method::GET, &format!("/v1/threads/{thread}/events?stream=true"), None).await;
    assert_eq!(types(&events(&first)).last(), Some(&"stream.completed"));
    streamed(&world, Method::POST, &path, Some(json!({ "content": "Hash it." }))).await;

    let at = |query: &str| format!("/v1/threads/{thread}/events?{query}");
    let all = world.get("acp", &at("limit=100")).await.json();
    let ids: Vec<&str> = all["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!((all["cursor"].as_str(), &all["has_more"]), (ids.last().copied(), &json!(false)));
    let page = world.get("acp", &at(&format!("limit=2&after={}&before={}", ids[0], ids[4]))).await.json();
    let shown: Vec<&str> = page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!((shown, &page["has_more"]), (ids[1..3].to_vec(), &json!(true)));
    for query in ["after=evt_x_1", "before=nothing", "stream=true&after=nothing"] {
        assert_eq!(world.get("acp", &at(query)).await.refusal(), (400, "invalid_request".to_owned()), "{query}");
    }

    let whole = events(&streamed(&world, Method::GET, &at("stream=true"), None).await);
    let starts = types(&whole).iter().filter(|kind| **kind == "response.started").count();
    assert_eq!(starts, 2, "both runs: {whole:?}");
    for (place, event) in whole.iter().enumerate() {
        let after = event["id"].as_str().unwrap();
        let rest = streamed(&world, Method::GET, &at(&format!("stream=true&after={after}")), None).await;
        let later = whole[place..].iter().filter(|one| one["id"] != event["id"]).cloned().collect::<Vec<_>>();
        match later.is_empty() {
            true => assert_eq!((rest.status, rest.body.len()), (204, 0), "an `EventSource` stops"),
            false => assert_eq!(events(&rest), later, "after {after}"),
        }
    }
}

#[tokio::test]
async fn a_permission_request_is_streamed_listed_and_decided_once() {
    let world = World::new().await;
    let start = async || {
        let echo = json!({ "node_type_id": "runyard.core.echo", "version": "1" });
        let body = json!({ "root_node_type_ref": echo, "input": { "echo": "x" }, "extensions": { "runyard.approval": "on_tool_call" } });
        let run = world.start(body).await.run_id;
        (
            world.get("acp", &format!("/v1/servers/default/runs/{run}")).await.json()["run"]["threadId"]
                .as_str()
                .unwrap()
                .to_owned(),
            run,
        )
    };
    for (decision, status) in [("allow", "completed"), ("deny", "cancelled")] {
        let (thread, _) = start().await;
        let state = world.get("acp", &format!("/v1/threads/{thread}/status")).await.json();
        assert_eq!(state["status"], "permission_asked");
        let pending = format!("/v1/threads/{thread}/permission-requests");
        let listed = world.get("acp", &pending).await.json()["data"].take();
        let [request] = &listed.as_array().unwrap()[..] else { panic!("{listed}") };
        assert_eq!((&request["toolName"], &request["threadId"]), (&json!("runyard.core.echo"), &json!(thread)));
        assert_eq!(serde_json::from_str::<Value>(request["input"].as_str().unwrap()).unwrap(), json!({ "echo": "x" }));
        let id = request["requestId"].as_str().unwrap();

        let body = json!({ "decision": decision, "reason": "as agreed" });
        let decided = ask(&world, Method::POST, &format!("{pending}/{id}/decision"), Some(body)).await.json();
        assert_eq!(
            (&decided["ok"], &decided["requestId"], &decided["decision"]),
            (&json!(true), &json!(id), &json!(decision))
        );
        let seen =
            events(&streamed(&world, Method::GET, &format!("/v1/threads/{thread}/events?stream=true"), None).await);
        let asked = seen.iter().find(|event| event["type"] == "permission.requested").unwrap();
        assert_eq!(asked["permissionRequest"]["requestId"], json!(id));
        assert_eq!(seen.last().unwrap()["run"]["status"], status);
        assert!(world.get("acp", &pending).await.json()["data"].as_array().unwrap().is_empty());
        // The stream does not have the other thread's request.
        let other = new_thread(&world, json!({})).await;
        let path = format!("/v1/threads/{other}/permission-requests/{id}/decision");
        let foreign = ask(&world, Method::POST, &path, Some(json!({ "decision": "allow" }))).await;
        assert_eq!(foreign.refusal(), (404, "approval_not_found".to_owned()));
    }
}

#[tokio::test]
async fn a_message_to_a_thread_at_work_is_refused_and_its_stream_begins_before_the_run_ends() {
    let world = World::new().await;
    let thread = new_thread(&world, json!({})).await;
    let url = format!("{}/v1/threads/{thread}/messages", world.server.url("acp").unwrap());
    let request = reqwest::Client::new().post(url).json(&json!({ "content": "Sleep for 600 seconds." }));
    let answer = request.send().await.unwrap();
    let mut bytes = answer.bytes_stream();
    let first = tokio::time::timeout(PATIENCE, bytes.next()).await.unwrap().unwrap().unwrap();
    let first: Value = serde_json::from_slice(first.strip_prefix(b"data: ").unwrap()).unwrap();
    assert_eq!(first["type"], "response.started");
    let path = format!("/v1/threads/{thread}/messages");
    let busy = ask(&world, Method::POST, &path, Some(json!({ "content": "Say \"a\"." }))).await;
    assert_eq!(busy.refusal(), (409, "thread_busy".to_owned()));
    // The run continues when its reader disconnects.
    drop(bytes);
    assert_eq!(world.get("acp", &format!("/v1/threads/{thread}/status")).await.json()["status"], "running");
    ask(&world, Method::DELETE, &format!("/v1/threads/{thread}"), None).await;
}
