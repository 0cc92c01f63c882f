//! Answers of services, changed at random: each becomes an output or a failure with a Runyard code, and never a panic.

use std::sync::{Arc, Mutex, PoisonError};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use runyard_engine::Outcome;
use serde_json::json;

use super::caller::Caller;
use crate::harness::peer::{Answers, Peer};

/// The number of answers.
const CASES: usize = 200;

#[derive(Debug, Clone)]
struct Drawn {
    status: u16,
    kind: &'static str,
    coding: &'static str,
    body: Vec<u8>,
}

fn answer() -> impl Strategy<Value = Drawn> {
    let kind = prop::sample::select(vec![
        "application/json",
        "text/plain",
        "application/problem+json",
        "image/png",
        "",
        "application/json; charset=utf-16",
    ]);
    let coding = prop::sample::select(vec!["", "", "", "gzip", "deflate", "identity"]);
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "\\PC{0,80}".prop_map(String::into_bytes),
        (0_usize..300).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes()),
        (0_usize..100_000).prop_map(|depth| "[".repeat(depth).into_bytes()),
        ("[0-9]{1,400}", "[0-9]{1,4}")
            .prop_map(|(digits, exponent)| format!("{{\"n\":{digits}e{exponent}}}").into_bytes()),
        prop::collection::btree_map(".{0,8}", ".{0,20}", 0..8)
            .prop_map(|members| json!(members).to_string().into_bytes()),
    ];
    (200_u16..600, kind, coding, body, any::<prop::sample::Index>(), any::<Option<u8>>()).prop_map(
        |(status, kind, coding, mut body, place, byte)| {
            if let Some(byte) = byte
                && !body.is_empty()
            {
                let place = place.index(body.len());
                body[place] = byte;
            }
            Drawn { status, kind, coding, body }
        },
    )
}

#[tokio::test]
async fn answers_that_are_changed_at_random_are_outputs_or_named_failures() {
    let mut runner = TestRunner::deterministic();
    let strategy = answer();
    let next: Arc<Mutex<Option<Drawn>>> = Arc::default();
    let given = next.clone();
    let peer = Peer::start(move |_| {
        let Some(Drawn { status, kind, coding, body }) = given.lock().unwrap_or_else(PoisonError::into_inner).clone()
        else {
            return Answers::Nothing;
        };
        let headers = [("content-type", kind), ("content-encoding", coding)];
        let headers: Vec<_> = headers.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Answers::with(status, &headers, &body)
    })
    .await;
    let caller = Caller::new();
    for _ in 0..CASES {
        let drawn = strategy.new_tree(&mut runner).unwrap().current();
        *next.lock().unwrap() = Some(drawn.clone());
        let inputs = json!({ "url": peer.url, "timeout_ms": 30_000, "max_redirects": 0 });
        match caller.call("runyard.http.request", inputs).await {
            Outcome::Succeeded { .. } => {}
            Outcome::Failed(failure) => {
                let known =
                    ["http_status", "response_invalid", "response_too_large", "value_too_deep", "invalid_outputs"];
                assert!(known.contains(&failure.code.as_str()), "{failure:?}: {drawn:?}");
            }
            other => panic!("{other:?}: {drawn:?}"),
        }
    }
}

#[tokio::test]
async fn json_that_nests_too_deep_to_be_read_fails_its_step_by_name() {
    let body = format!("{}{}", "[".repeat(128), "]".repeat(128));
    let peer = Peer::start(move |_| Answers::with(200, &[("content-type", "application/json")], body.as_bytes())).await;
    let failure = Caller::new().failure(json!({ "url": peer.url })).await;
    assert_eq!((failure.code.as_str(), failure.retryable), ("value_too_deep", Some(false)));
}
