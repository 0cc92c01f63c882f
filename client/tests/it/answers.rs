//! Responses of every kind, and the error of each.

use std::time::Duration;

use runyard_client::run_gateway::{Client, Error, GetRunRequest, HealthRequest};
use runyard_client::{CallError, Retry};
use serde_json::json;

use crate::scripted::{Act, Scripted, envelope, head, run};

async fn got(act: impl Fn() -> Act + Send + Sync + 'static) -> Error {
    let server = Scripted::new(move |_, _| act()).await;
    let client = Client::builder(&server.url).no_proxy().retry(Retry::never()).build().unwrap();
    GetRunRequest { run_id: "r".to_owned() }.send(&client).await.unwrap_err()
}

#[tokio::test]
async fn a_success_is_the_documents_type_with_status_and_headers() {
    let server =
        Scripted::new(|_, _| Act::say(200, "application/json", &["x-a: b"], &run("running").to_string())).await;
    let answer = GetRunRequest { run_id: "a b".to_owned() }.send(&server.gateway()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["x-a"].to_str().unwrap()), (200, "b"));
    assert_eq!(answer.into_inner().root_node_run_id, "n");
    assert_eq!(server.lines(), ["GET /v1/runs/a%20b"]);
}

#[tokio::test]
async fn a_refusal_has_the_documents_own_body() {
    let refused = got(|| Act::say(404, "application/json", &["x-a: b"], &envelope("run_not_found").to_string())).await;
    assert_eq!(refused.to_string(), "not now (run_not_found, 404)");
    assert!(!refused.is_transient());
    let CallError::Refused { status, headers, body } = refused else { panic!("{refused:?}") };
    assert_eq!((status.as_u16(), headers["x-a"].to_str().unwrap()), (404, "b"));
    assert_eq!(body.error.details.unwrap()["at"], 1);
}

#[tokio::test]
async fn a_status_of_nobodys_document_keeps_what_came_with_it_bounded() {
    let moved = got(|| Act::say(307, "text/html", &["location: /elsewhere"], &"x".repeat(100_000))).await;
    let CallError::Status { status, headers, body } = moved else { panic!("{moved:?}") };
    assert_eq!((status.as_u16(), headers["location"].to_str().unwrap()), (307, "/elsewhere"));
    assert_eq!(body.len(), 64 * 1024);
    assert!(matches!(got(|| Act::say(204, "text/plain", &[], "")).await, CallError::Status { .. }));
}

#[tokio::test]
async fn what_the_document_does_not_say_is_named_with_its_place() {
    for (status, body, reason) in [
        (200, "<html>".to_owned(), "expected value"),
        (200, json!({ "run_id": 7 }).to_string(), "run_id: invalid type"),
        (200, String::new(), "EOF"),
        (404, "<html>".to_owned(), "expected value"),
        (502, json!({ "detail": "Bad Gateway" }).to_string(), "unknown field `detail`"),
    ] {
        let sent = body.clone();
        let error = got(move || Act::say(status, "application/json", &[], &sent)).await;
        assert_eq!(error.is_transient(), status == 502, "{body}");
        let CallError::Unexpected { status: found, body: kept, reason: said, .. } = error else { panic!("{error:?}") };
        assert_eq!((found.as_u16(), &kept[..]), (status, body.as_bytes()));
        assert!(said.contains(reason), "{said}");
    }
}

#[tokio::test]
async fn a_broken_connection_and_a_failed_connect_are_different_errors() {
    let cut =
        got(|| Act::Say(format!("{}content-length: 100\r\n\r\n{{\"run", head(200, "application/json", &[])))).await;
    assert!(matches!(cut, CallError::Transport(_)) && cut.is_transient());
    assert!(cut.to_string().starts_with("the server broke off its answer"), "{cut}");
    let left = got(Act::leave).await;
    assert!(left.to_string().starts_with("cannot reach the server"), "{left}");
    let client = Client::builder("http://127.0.0.1:1").no_proxy().retry(Retry::never()).build().unwrap();
    let CallError::Transport(error) = HealthRequest {}.send(&client).await.unwrap_err() else {
        panic!("a server answers")
    };
    assert!(error.is_connect());
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_a_timeout() {
    for act in [String::new(), format!("{}content-length: 9\r\n\r\n{{", head(200, "application/json", &[]))] {
        let server = Scripted::new(move |_, _| Act::Stall(act.clone())).await;
        let client = Client::builder(&server.url).no_proxy().timeout(Duration::from_millis(50)).retry(Retry::never());
        let error = HealthRequest {}.send(&client.build().unwrap()).await.unwrap_err();
        assert!(matches!(&error, CallError::Transport(error) if error.is_timeout()), "{error:?}");
        assert_eq!(server.asked().len(), 1);
    }
}
