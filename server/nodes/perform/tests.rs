//! Tests of the builtins: real inputs, known outputs, and a named failure for every invalid input.

use runyard_engine::{EffectId, NodeRunId, NodeTypeRef, Object, Outcome, RunId};
use serde_json::{Value, json};

use std::sync::Arc;

use super::{Call, InProcess, Performer};
use crate::clock::Clock;
use crate::expressions::{Expressions, Limits};
use crate::nodes::Providers;
use crate::nodes::catalog::Catalog;
use crate::nodes::credentials::NoCredentials;

/// 2025-11-22T00:51:07.089Z.
const NOW_MS: i64 = 1_763_772_667_089;

async fn call(id: &str, inputs: Value) -> Outcome {
    call_at(id, inputs, NOW_MS).await
}

async fn call_at(id: &str, inputs: Value, now_ms: i64) -> Outcome {
    let catalog = Catalog::builtin();
    let node_type = catalog.resolve(&NodeTypeRef { id: id.to_owned(), version: "1".to_owned() }).unwrap();
    let run = RunId::from_uuid(uuid::Uuid::from_u128(1));
    let key = EffectId::of(run, NodeRunId::root(run), "call", 1);
    let inputs: Object = inputs.as_object().unwrap().clone();
    let clock = &Clock::manual(now_ms);
    let call = Call {
        tenant: "default",
        run,
        node_type: &node_type,
        inputs: &inputs,
        key,
        attempt: 1,
        clock,
        now_ms,
        entropy: [7; 16],
        around: None,
    };
    performer().perform(call).await
}

fn performer() -> InProcess {
    let expressions = Arc::new(Expressions::new(Limits::default(), Clock::manual(NOW_MS)));
    InProcess { providers: Providers::builtin(), expressions, credentials: Arc::new(NoCredentials) }
}

async fn outputs(id: &str, inputs: Value) -> Value {
    match call(id, inputs).await {
        Outcome::Succeeded { outputs } => Value::Object(outputs),
        other => panic!("{id} did not succeed: {other:?}"),
    }
}

async fn failure(id: &str, inputs: Value) -> runyard_engine::event::Failure {
    match call(id, inputs).await {
        Outcome::Failed(failure) => failure,
        other => panic!("{id} did not fail: {other:?}"),
    }
}

#[tokio::test]
async fn echo_gives_back_its_text() {
    assert_eq!(outputs("runyard.core.echo", json!({ "echo": "grüß dich\n" })).await, json!({ "echo": "grüß dich\n" }));
}

#[tokio::test]
async fn a_uuid_is_version_4_and_comes_from_the_entropy() {
    let made = outputs("jarvis.core.uuid4", json!({})).await;
    let uuid = uuid::Uuid::parse_str(made["uuid4"].as_str().unwrap()).unwrap();
    assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, uuid::Variant::RFC4122));
    assert_eq!(made, json!({ "uuid4": "07070707-0707-4707-8707-070707070707" }));
    assert_ne!(super::fresh_entropy(), super::fresh_entropy());
}

#[tokio::test]
async fn a_failure_on_purpose_is_the_one_asked_for() {
    let plain = failure("runyard.core.fail", json!({})).await;
    assert_eq!((plain.code.as_str(), plain.retryable), ("failed_on_purpose", None));
    let asked = json!({ "code": "out_of_paper", "message": "load some", "retryable": false, "tries": 1 });
    let asked = failure("runyard.core.fail", asked).await;
    assert_eq!((asked.code.as_str(), &*asked.message, asked.retryable), ("out_of_paper", "load some", Some(false)));
    assert_eq!(outputs("runyard.core.fail", json!({ "tries": 0 })).await, json!({ "attempt": 1 }));
    assert_eq!(failure("runyard.core.fail", json!({ "code": "Not a code" })).await.code.as_str(), "invalid_inputs");
}

#[tokio::test]
async fn the_time_is_the_one_given() {
    assert_eq!(outputs("runyard.core.time.now", json!({})).await, json!({ "time": "2025-11-22T00:51:07.089Z" }));
    let Outcome::Failed(failure) = call_at("runyard.core.time.now", json!({}), i64::MAX).await else {
        panic!("no failure")
    };
    assert_eq!(failure.code.as_str(), "clock_out_of_range");
}

#[tokio::test]
async fn sha256_of_text_and_of_bytes_agree_with_the_standard() {
    // FIPS 180-4: the digest of "abc".
    let abc = json!({ "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" });
    assert_eq!(outputs("runyard.core.hash.sha256", json!({ "text": "abc" })).await, abc);
    assert_eq!(outputs("runyard.core.hash.sha256", json!({ "text": "abc", "encoding": "UTF-8" })).await, abc);
    assert_eq!(outputs("jarvis.core.hash.sha256", json!({ "content_base64": "YWJj", "text": null })).await, abc);
    let empty = json!({ "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" });
    assert_eq!(outputs("runyard.core.hash.sha256", json!({ "text": "" })).await, empty);
}

#[tokio::test]
async fn bad_inputs_are_a_named_failure_with_every_violation() {
    let failed = failure("runyard.core.echo", json!({ "echo": 7, "loud": true })).await;
    assert_eq!(failed.code.as_str(), "invalid_inputs");
    assert_eq!(failed.details.unwrap()["violations"].as_array().unwrap().len(), 2);
    let failed = failure("runyard.core.hash.sha256", json!({ "text": "a", "encoding": "utf-16" })).await;
    assert_eq!(failed.code.as_str(), "invalid_inputs");
    assert!(failed.message.contains("utf-8"), "{}", failed.message);
    assert_eq!(failed.details.unwrap()["violations"][0]["field"], "/encoding");
}

#[tokio::test]
async fn what_is_not_performed_by_a_call_is_refused() {
    for id in ["runyard.core.sleep", "runyard.composite.planner.general", "runyard.composite.external"] {
        assert_eq!(failure(id, json!({})).await.code.as_str(), "node_type_unavailable");
    }
}

#[tokio::test]
async fn a_pinned_version_that_is_gone_is_refused() {
    let catalog = Catalog::builtin();
    let mut node_type = catalog.resolve(&NodeTypeRef { id: "runyard.core.echo".into(), version: "1".into() }).unwrap();
    node_type.version = "0.9.0".to_owned();
    let run = RunId::from_uuid(uuid::Uuid::from_u128(1));
    let key = EffectId::of(run, NodeRunId::root(run), "call", 1);
    let (clock, now_ms) = (&Clock::manual(NOW_MS), NOW_MS);
    let call = Call {
        tenant: "default",
        run,
        node_type: &node_type,
        inputs: &Object::new(),
        key,
        attempt: 1,
        clock,
        now_ms,
        entropy: [0; 16],
        around: None,
    };
    let Outcome::Failed(failure) = performer().perform(call).await else { panic!("no failure") };
    assert_eq!(failure.code.as_str(), "node_type_unavailable");
}
