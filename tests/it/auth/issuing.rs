//! Tokens for a remote coordinator: cached, shared, fetched again after a refusal, and the answers to callers when
//! there are none.

use futures::future::join_all;
use runyard::config::Credentials;
use serde_json::json;

use super::forwarding::{NEAR, get, pair};
use super::why;
use crate::harness::{Gives, eventually};
use crate::process::bounded;

#[tokio::test]
async fn calls_at_the_same_time_share_one_fetch() {
    let pair = pair(Credentials::Exchange, |_| {}).await;
    let caller = pair.caller("acme", &[NEAR]);
    let answers = join_all((0..20).map(|_| get(&caller, "absent"))).await;
    assert!(answers.iter().all(|answer| answer.status == 404));
    assert_eq!(pair.tokens.asked().len(), 1);
}

#[tokio::test]
async fn a_token_at_its_end_is_fetched_anew() {
    let pair = pair(Credentials::ClientCredentials, |_| {}).await;
    let caller = pair.caller("default", &[NEAR]);
    pair.tokens.lives(0);
    for number in 1..=3 {
        assert_eq!(get(&caller, "absent").await.status, 404);
        assert_eq!(pair.tokens.asked().len(), number);
    }
    pair.tokens.lives(300);
    get(&caller, "absent").await;
    get(&caller, "absent").await;
    assert_eq!(pair.tokens.asked().len(), 4);
}

#[tokio::test]
async fn a_token_that_is_refused_is_dropped_and_fetched_once_again() {
    for credentials in [Credentials::Exchange, Credentials::ClientCredentials] {
        let pair = pair(credentials, |_| {}).await;
        let caller = pair.caller("default", &[NEAR]);
        pair.tokens.gives(Gives::Misdirected);
        let refused = get(&caller, "absent").await;
        assert_eq!(refused.refusal(), (502, "run_coordinator_refused".to_owned()), "{credentials:?}");
        let details = refused.json()["error"]["details"].clone();
        assert_eq!(details["run_coordinator_url"].as_str(), pair.far.server.url("run-coordinator"));
        assert_eq!(refused.header("www-authenticate"), None, "the caller cannot mend it");
        assert_eq!(pair.tokens.asked().len(), 2, "{credentials:?}: once, and once again");
        pair.tokens.gives(Gives::Tokens);
        assert_eq!(get(&caller, "absent").await.status, 404);
        assert_eq!(pair.tokens.asked().len(), 3);
        assert_eq!(get(&caller, "absent").await.status, 404);
        assert_eq!(pair.tokens.asked().len(), 3);
    }
}

#[tokio::test]
async fn a_provider_that_gives_no_token_is_a_503_and_not_for_long() {
    let pair = pair(Credentials::Exchange, |_| {}).await;
    let caller = pair.caller("acme", &[NEAR]);
    for gives in [
        Gives::Exactly(500, "out of order".into()),
        Gives::Exactly(503, json!({ "error": "temporarily_unavailable" }).to_string()),
        Gives::Exactly(404, "<html>".into()),
        Gives::Exactly(302, String::new()),
        Gives::Exactly(200, "<html>sign in</html>".into()),
        Gives::Exactly(200, json!({ "access_token": "two words" }).to_string()),
        Gives::Exactly(200, json!({ "access_token": "t", "token_type": "DPoP" }).to_string()),
        Gives::Exactly(200, "x".repeat(600_000)),
        Gives::Exactly(200, String::new()),
    ] {
        pair.tokens.gives(gives.clone());
        let before = pair.tokens.asked().len();
        // Within a short time the gateway repeats its last answer without a new request to the endpoint.
        let answer = eventually("the provider is called", async || {
            let answer = get(&caller, "r1").await;
            (pair.tokens.asked().len() > before).then_some(answer)
        })
        .await;
        assert_eq!(answer.refusal(), (503, "unavailable".to_owned()), "{gives:?}");
        assert_eq!((answer.header("retry-after"), answer.header("www-authenticate")), (Some("2"), None));
        assert_eq!(answer.json()["error"]["retryable"], true);
    }
    pair.tokens.gives(Gives::Tokens);
    let found = eventually("it gives tokens again", async || {
        let status = get(&caller, "absent").await.status;
        (status != 503).then_some(status)
    })
    .await;
    assert_eq!(found, 404);
}

#[tokio::test]
async fn a_provider_that_says_nothing_is_waited_for_once() {
    let pair = pair(Credentials::ClientCredentials, |_| {}).await;
    pair.tokens.gives(Gives::Nothing);
    let caller = pair.caller("default", &[NEAR]);
    let answers = bounded("answers", join_all((0..20).map(|_| get(&caller, "r1")))).await;
    assert!(answers.iter().all(|answer| answer.refusal() == (503, "unavailable".to_owned())));
    assert_eq!(pair.tokens.asked().len(), 1);
    // The gateway itself is healthy while its coordinator is.
    pair.near.gateway.health().await.unwrap();
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_a_503() {
    let pair = pair(Credentials::Exchange, |config| {
        config.auth.outbound.token_endpoint = Some("http://127.0.0.1:9/token".to_owned());
    })
    .await;
    let answer = get(&pair.caller("acme", &[NEAR]), "r1").await;
    assert_eq!(answer.refusal(), (503, "unavailable".to_owned()));
}

#[tokio::test]
async fn a_refusal_is_the_callers_or_the_servers() {
    let pair = pair(Credentials::Exchange, |_| {}).await;
    let caller = pair.caller("acme", &[NEAR]);
    for word in ["invalid_grant", "invalid_token", "invalid_request"] {
        pair.tokens.gives(Gives::Exactly(400, json!({ "error": word }).to_string()));
        let refused = get(&caller, "r1").await;
        assert_eq!(why(&refused), (401, "unauthorized".to_owned(), "exchange_refused".to_owned()), "{word}");
    }
    for (status, word) in
        [(401, "invalid_client"), (400, "unauthorized_client"), (403, "access_denied"), (400, "invalid_target")]
    {
        let body = json!({ "error": word, "error_description": "gateway-secret is wrong" });
        pair.tokens.gives(Gives::Exactly(status, body.to_string()));
        let refused = get(&caller, "r1").await;
        assert_eq!(refused.refusal(), (503, "token_refused".to_owned()), "{word}");
        assert_eq!(refused.json()["error"]["details"]["error"], word);
        assert!(!refused.text().contains("gateway-secret"));
        assert_eq!(refused.header("retry-after"), None, "waiting does not help");
    }
}
