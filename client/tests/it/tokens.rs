//! Tokens that are refused, replaced, shared, or not available.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use runyard_client::run_gateway::{CancelRunRequest, Client, GetRunRequest, HealthRequest};
use runyard_client::token::{Fetched, Token};
use runyard_client::{BoxError, Builder, CallError, Retry, TokenProvider};
use serde_json::json;

use crate::scripted::{Act, ReceivedRequest, Scripted, envelope, quick, run};

/// Accepts requests with this token.
fn server(token: &str) -> impl Fn(&ReceivedRequest, usize) -> Act + Send + Sync + use<> {
    let wanted = format!("Bearer {token}");
    move |asked, _| {
        if asked.line.ends_with("/health") {
            Act::json(200, &json!({ "status": "ok", "time": "2026-01-01T00:00:00Z" }))
        } else if asked.header("authorization") == Some(&wanted) {
            Act::json(200, &run("running"))
        } else {
            Act::say(401, "application/json", &["www-authenticate: Bearer"], &envelope("unauthorized").to_string())
        }
    }
}

fn builder(server: &Scripted) -> Builder<Client> {
    Client::builder(&server.url).no_proxy().retry(quick())
}

/// Returns `t1`, `t2`, and so on; the next one when the previous one is refused.
fn counting() -> (Arc<AtomicU32>, impl TokenProvider) {
    let fetched = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&fetched);
    let provider = Fetched::new(move || {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        async move { Ok::<_, BoxError>(Token::new(format!("t{number}"))) }
    });
    (fetched, provider)
}

fn get() -> GetRunRequest {
    GetRunRequest { run_id: "r".to_owned() }
}

#[tokio::test]
async fn a_fixed_token_that_is_refused_is_not_sent_again() {
    let server = Scripted::new(server("right")).await;
    let error = get().send(&builder(&server).token("wrong").build().unwrap()).await.unwrap_err();
    assert_eq!(server.asked().len(), 1);
    let CallError::Refused { status, headers, body } = error else { panic!("{error:?}") };
    assert_eq!((status.as_u16(), headers["www-authenticate"].to_str().unwrap()), (401, "Bearer"));
    assert_eq!(body.error.code, "unauthorized");
    get().send(&builder(&server).token("right").build().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_client_for_another_caller_has_its_own_token_and_shares_everything_else() {
    let server = Scripted::new(server("t1")).await;
    let client = builder(&server).token("first").header("x-note", "kept").build().unwrap();
    let other = client.with_token_provider(counting().1);
    get().send(&other).await.unwrap();
    assert_eq!(get().send(&client).await.unwrap_err().status().unwrap().as_u16(), 401);
    let sent: Vec<_> =
        server.asked().into_iter().map(|asked| asked.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(sent, ["Bearer t1", "Bearer first"]);
    assert!(server.asked().iter().all(|asked| asked.header("x-note") == Some("kept")));
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_the_call_repeated_although_nothing_else_is() {
    let server = Scripted::new(server("t2")).await;
    let (fetched, provider) = counting();
    let client = builder(&server).token_provider(provider).retry(Retry::never()).build().unwrap();
    CancelRunRequest { run_id: "r".to_owned() }.send(&client).await.unwrap();
    let sent: Vec<_> =
        server.asked().into_iter().map(|asked| asked.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(sent, ["Bearer t1", "Bearer t2"]);
    get().send(&client).await.unwrap();
    assert_eq!(fetched.load(Ordering::SeqCst), 2, "and kept");
}

#[tokio::test]
async fn calls_that_are_refused_together_share_one_new_token() {
    let server = Scripted::new(server("t2")).await;
    let (fetched, provider) = counting();
    let client = builder(&server).token_provider(provider).build().unwrap();
    let requests: Vec<_> = (0..8).map(|_| get()).collect();
    let answers = futures::future::join_all(requests.iter().map(|request| request.send(&client))).await;
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
    assert_eq!(fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_new_token_that_is_refused_too_is_the_end_of_it() {
    let server = Scripted::new(server("never")).await;
    let client = builder(&server).token_provider(counting().1).build().unwrap();
    let error = get().send(&client).await.unwrap_err();
    assert_eq!((server.asked().len(), error.status().unwrap().as_u16()), (2, 401));
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_but_what_needs_none() {
    let server = Scripted::new(server("right")).await;
    let broken = Fetched::new(|| async { Err::<Token, _>(BoxError::from("the token endpoint is down")) });
    let client = builder(&server).token_provider(broken).build().unwrap();
    let error = get().send(&client).await.unwrap_err();
    assert!(matches!(error, CallError::NoToken(_)) && error.is_transient());
    assert_eq!(error.to_string(), "there is no token to send: the token endpoint is down");
    assert!(server.asked().is_empty());
    HealthRequest {}.send(&client).await.unwrap();
}
