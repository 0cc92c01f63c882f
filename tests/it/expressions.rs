//! Expressions in worker processes, which run this binary: evaluations that no engine can interrupt end all the same,
//! and leave nothing behind.

use std::path::PathBuf;
use std::sync::Arc;

use runyard::clock::Clock;
use runyard::expressions::{Dialect, EvalClock, Expressions, Limits, compile};
use serde_json::{Value, json};

use crate::process::bounded;

const EVAL_CLOCK: EvalClock = EvalClock { now_ms: 0, seed: 0 };

fn workers() -> Arc<Expressions> {
    workers_with(300)
}

fn workers_with(time_ms: u64) -> Arc<Expressions> {
    let limits = Limits { time_ms, memory_bytes: 32 * 1024 * 1024, ..Limits::default() };
    Arc::new(Expressions::with_workers(PathBuf::from(env!("CARGO_BIN_EXE_runyard")), limits, Clock::system()))
}

async fn evaluated(expressions: &Arc<Expressions>, code: &str) -> Result<Value, String> {
    let config = json!({ "it": { "kind": "jsExpression", "expression": code } });
    let template = compile(&config, &Dialect::default()).unwrap_or_else(|faults| panic!("{code}: {faults:?}"));
    let context = json!({ "nodes": { "a": { "x": 1, "list": vec![7; 1000] }, "b": "not read" } });
    let made = bounded("an evaluation", expressions.evaluate(&template, &context, EVAL_CLOCK)).await;
    made.map(|config| config["it"].clone()).map_err(|failure| failure.code.to_string())
}

#[tokio::test]
async fn a_worker_evaluates_one_after_another_and_several_at_once() {
    let expressions = workers();
    for code in ["nodes.a.x + 1", "nodes.a.x * 2"] {
        assert_eq!(evaluated(&expressions, code).await, Ok(json!(2)), "{code}");
    }
    let many = (0..40).map(|number| {
        let expressions = &expressions;
        async move { (evaluated(expressions, &format!("nodes.a.list.length + {number}")).await, number) }
    });
    for (made, number) in futures::future::join_all(many).await {
        assert_eq!(made, Ok(json!(1000 + number)));
    }
    assert_eq!(evaluated(&expressions, "(() => { throw new Error('no') })()").await.unwrap_err(), "expression_failed");
}

#[tokio::test]
async fn what_the_engine_cannot_interrupt_ends_with_its_worker() {
    let expressions = workers();
    for code in [
        "new Array(4294967295).join('')",
        "new Array(4294967295).indexOf(1)",
        "new Array(4294967295).forEach(() => 0)",
        "[].includes.call({ length: 2 ** 53 - 1 }, 1)",
        "[].reverse.call({ length: 2 ** 53 - 1 })",
        "new Set(new Array(4294967295))",
        "JSON.stringify({}, new Array(4294967295))",
        "(() => { for (;;) {} })()",
    ] {
        assert_eq!(evaluated(&expressions, code).await.unwrap_err(), "expression_timed_out", "{code}");
        assert_eq!(evaluated(&expressions, "nodes.a.x").await, Ok(json!(1)), "after {code}");
    }
    // Long enough that only the other limits matter.
    let expressions = workers_with(20_000);
    let deep = "(function again() { return again() })()";
    assert_eq!(evaluated(&expressions, deep).await.unwrap_err(), "expression_too_deep");
    let large = "(() => { const all = []; for (;;) all.push(new Array(1000).fill(all.length)) })()";
    assert_eq!(evaluated(&expressions, large).await.unwrap_err(), "expression_out_of_memory");
    assert_eq!(evaluated(&expressions, "nodes.a.x").await, Ok(json!(1)));
}

#[tokio::test]
async fn a_worker_that_cannot_be_started_is_a_named_failure() {
    let with =
        |program: &str| Arc::new(Expressions::with_workers(PathBuf::from(program), Limits::default(), Clock::system()));
    let nowhere = with("/nowhere/runyard");
    assert_eq!(evaluated(&nowhere, "1").await.unwrap_err(), "expression_failed");
    let other = with("/bin/true");
    assert_eq!(evaluated(&other, "1").await.unwrap_err(), "expression_failed");
    let plain = compile(&json!({ "a": [1, "text"] }), &Dialect::default()).unwrap();
    let made = nowhere.evaluate(&plain, &json!({}), EVAL_CLOCK).await.unwrap();
    assert_eq!(made, json!({ "a": [1, "text"] }), "nothing to evaluate needs no worker");
}

/// How long an evaluation in a worker takes, for the table in `server/expressions/README.md`.
#[tokio::test]
#[ignore = "a measurement, for people"]
async fn how_long_it_takes() {
    let expressions = workers();
    evaluated(&expressions, "1").await.unwrap();
    let watch = runyard::clock::Stopwatch::start();
    for _ in 0..500 {
        evaluated(&expressions, "nodes.a.x + 1").await.unwrap();
    }
    println!("compiled and evaluated, each: {:?}", watch.elapsed() / 500);
    let template = compile(&json!("{{ nodes.a.x + 1 }}"), &Dialect::default()).unwrap();
    let watch = runyard::clock::Stopwatch::start();
    for _ in 0..500 {
        expressions.evaluate(&template, &json!({ "nodes": { "a": { "x": 1 } } }), EVAL_CLOCK).await.unwrap();
    }
    println!("evaluated, each: {:?}", watch.elapsed() / 500);
    let watch = runyard::clock::Stopwatch::start();
    let fresh = workers();
    evaluated(&fresh, "1").await.unwrap();
    println!("with a worker that is started: {:?}", watch.elapsed());
}
