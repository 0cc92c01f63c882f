//! Tests of the semantics of expressions, of rejected ones, and of scripts that attack the evaluator.
//! `tests/it/expressions.rs` tests native functions that never end, because they need workers.

use std::sync::Arc;

use proptest::prelude::*;
use runyard_compute::clock::Clock;
use runyard_engine::FailureCode;
use serde_json::{Value, json};

use super::{Dialect, EvalClock, Expressions, Limits, compile, compile_script};

/// 2026-01-02T03:04:05.678Z.
const NOW_MS: i64 = 1_767_323_045_678;

fn expressions(limits: Limits) -> Arc<Expressions> {
    Arc::new(Expressions::over(super::Pool::of(None, Clock::system()), limits))
}

fn context() -> Value {
    json!({
        "nodes": {
            "start": { "name": "Ada", "at": "2025-06-01T10:00:00+02:00", "day": "2025-06-01", "tags": ["a", "b"], "none": null, "n": 2.5 },
            "crm": { "list": [{ "id": 1, "ok": true }, { "id": 2, "ok": false }], "count": 2, "deep": { "er": { "value": 7 } } },
            "a b": { "x": 1 },
            "__proto__x": 1
        },
        "parentNodes": { "start": { "value": 5 } }
    })
}

async fn evaluated(config: Value) -> Result<Value, (String, String)> {
    let template =
        compile(&config, &Dialect::default()).map_err(|faults| ("fault".to_owned(), faults[0].to_string()))?;
    let eval_clock = EvalClock { now_ms: NOW_MS, seed: 7 };
    let made = expressions(Limits::default()).evaluate(&template, &context(), eval_clock).await;
    made.map_err(|failure| (failure.code.to_string(), failure.message))
}

async fn value(code: &str) -> Value {
    evaluated(json!({ "kind": "jsExpression", "expression": code }))
        .await
        .unwrap_or_else(|error| panic!("{code}: {error:?}"))
}

#[tokio::test]
async fn a_lone_expression_keeps_its_type_and_one_in_a_text_becomes_text() {
    let table = [
        (json!("{{nodes.start.name}}"), json!("Ada")),
        (json!("{{ nodes.crm.list }}"), context()["nodes"]["crm"]["list"].clone()),
        (json!("{{nodes.crm.count > 1}}"), json!(true)),
        (json!("{{nodes.start.none}}"), json!(null)),
        (json!("Hi {{nodes.start.name}}!"), json!("Hi Ada!")),
        (json!("{{nodes.crm.count}}{{nodes.start.n}}"), json!("22.5")),
        (json!(" {{nodes.crm.count}}"), json!(" 2")),
        (json!("{{nodes.start.tags}} {{nodes.start.none}}."), json!("[\"a\",\"b\"] .")),
        (json!("no braces"), json!("no braces")),
        (json!("{{ never closed"), json!("{{ never closed")),
        (json!("a }} b { c"), json!("a }} b { c")),
        (json!("{{}}"), json!(null)),
        (json!("a{{ }}b"), json!("ab")),
        (json!(7), json!(7)),
        (
            json!({ "kind": "templateExpression", "expression": "{{nodes.crm.count}}", "instructTo": "none", "fromRecipe": false }),
            json!(2),
        ),
        (json!({ "kind": "templateExpression", "expression": "n={{nodes.crm.count}}" }), json!("n=2")),
        (json!({ "kind": "jsExpression", "expression": "nodes.crm.count + 1" }), json!(3)),
        (json!({ "kind": "jsExpression", "expression": "" }), json!(null)),
        (json!({ "kind": "other", "expression": "{{nodes.crm.count}}" }), json!({ "kind": "other", "expression": 2 })),
        (
            json!({ "a": ["{{nodes.crm.count}}", { "b": "{{parentNodes.start.value}}" }] }),
            json!({ "a": [2, { "b": 5 }] }),
        ),
    ];
    for (config, expected) in table {
        assert_eq!(evaluated(config.clone()).await, Ok(expected), "{config}");
    }
}

#[tokio::test]
async fn what_is_missing_is_nothing_silently() {
    for (code, expected) in [
        ("nodes.absent.a.b.c", json!(null)),
        ("nodes.start.none.x", json!(null)),
        ("nodes.absent.list[0].id", json!(null)),
        ("nodes.absent.a || 'else'", json!("else")),
        ("nodes.absent.a.b ?? 'else'", json!("else")),
        ("[nodes.absent.a.b, 1]", json!([null, 1])),
        ("`${nodes.absent.a.b}`", json!("undefined")),
        ("parentNodes.other.value", json!(null)),
    ] {
        assert_eq!(value(code).await, expected, "{code}");
    }
    let text = evaluated(json!("<{{nodes.absent.a.b}}>")).await;
    assert_eq!(text, Ok(json!("<>")));
}

/// The failure message of an expression.
async fn said(code: &str) -> String {
    let failed = evaluated(json!({ "kind": "jsExpression", "expression": code })).await;
    let (code, message) = failed.expect_err(code);
    assert_eq!(code, "expression_failed", "{message}");
    message
}

#[tokio::test]
async fn only_paths_are_silent_and_everything_else_fails_with_its_own_words_and_line() {
    for (code, words) in [
        ("nodes.absent.list.map(x => x.id)", "cannot read property 'map' of undefined (line 1)"),
        ("(() => { const lost = nodes.absent;\n return lost.x })()", "cannot read property 'x' of undefined (line 2)"),
        ("nodes.crm.list.map(one => one.price.amount)", "cannot read property 'amount' of undefined (line 1)"),
        ("nodes.crm.count + nodes.absent.n", "the value is NaN"),
        (
            "(() => { throw new TypeError('cannot read property x of undefined') })()",
            "TypeError: cannot read property x of",
        ),
        ("1 / 0", "the value is Infinity"),
    ] {
        let message = said(code).await;
        assert!(message.contains(words), "{code}: {message}");
    }
    let script = "let t = 0;\nfor (const one of nodes.crm.list) {\n  t += one.price.amount;\n}\nreturn t";
    let template = compile_script(script, &Dialect::default()).unwrap();
    let eval_clock = EvalClock { now_ms: 0, seed: 0 };
    let failure = expressions(Limits::default()).evaluate(&template, &context(), eval_clock).await.unwrap_err();
    assert_eq!(failure.code.as_str(), "expression_failed");
    assert!(failure.message.contains("cannot read property 'amount' of undefined (line 3)"), "{}", failure.message);
}

#[tokio::test]
async fn a_path_copies_its_value_exactly_as_it_was_sent() {
    let sent: Value = serde_json::from_str(
        r#"{ "id": 9007199254740993, "most": 18446744073709551615, "least": -9223372036854775808, "one": 1.0, "text": "a",
             "rows": [{ "id": 9007199254740993 }], "when": "2025-06-01T10:00:00+02:00", "toString": 1 }"#,
    )
    .unwrap();
    let context = json!({ "nodes": { "start": sent, "group": super::list_of_results(&json!([1]), &json!([])) } });
    let made = async |config: Value| {
        let template = compile(&config, &Dialect::default()).unwrap();
        expressions(Limits::default()).evaluate(&template, &context, EvalClock { now_ms: 0, seed: 0 }).await
    };
    for (config, expected) in [
        (json!("{{ nodes.start }}"), sent.clone()),
        (json!("{{ nodes.start.id }}"), sent["id"].clone()),
        (json!("{{ nodes.start.most }}"), sent["most"].clone()),
        (json!("{{ nodes.start['least'] }}"), sent["least"].clone()),
        (json!("{{ nodes.start.one }}"), sent["one"].clone()),
        (json!("{{ nodes.start.rows[0].id }}"), sent["id"].clone()),
        (json!("{{ nodes.start.rows[7].id }}"), json!(null)),
        (json!("{{ nodes.start.text.length }}"), json!(1)),
        (json!("{{ nodes.start.toString }}"), json!(1)),
        (json!("{{ nodes.start.valueOf }}"), json!(null)),
        (json!("{{ nodes.group }}"), json!([1])),
        (json!("{{ nodes.group.results }}"), json!([1])),
        (json!("{{ nodes.group[0] }}"), json!(1)),
        (json!("{{ nodes.group.errors }}"), json!([])),
        (json!("{{ nodes.group.length }}"), json!(1)),
        (json!("id {{ nodes.start.id }}, {{ nodes.start.most }}"), json!("id 9007199254740993, 18446744073709551615")),
        // Not only for paths, but also for values that are only passed on.
        (json!("{{ nodes.start.rows.map(row => ({ id: row.id })) }}"), json!([{ "id": 9_007_199_254_740_993_u64 }])),
        (json!("{{ [nodes.start.most, nodes.start.least] }}"), json!([u64::MAX, i64::MIN])),
        (json!("{{ 'n' + nodes.start.id }}"), json!("n9007199254740993")),
    ] {
        let made = made(config.clone()).await.unwrap();
        assert_eq!((made.to_string(), &made), (expected.to_string(), &expected), "{config}");
    }
    for (config, words) in [("{{ nodes.start.id + 1 }}", "TypeError"), ("{{ nodes.start.most + 1n }}", "64 bits")] {
        let failure = made(json!(config)).await.unwrap_err();
        assert_eq!(failure.code.as_str(), "expression_failed");
        assert!(failure.message.contains(words), "{}", failure.message);
    }
}

#[tokio::test]
async fn half_of_a_character_becomes_the_replacement_character_and_no_other_error() {
    for (code, expected) in [
        ("'😀'.slice(0, 1)", json!("\u{fffd}")),
        ("({ ['😀'.slice(1)]: ['a' + '😀'.slice(0, 1)] })", json!({ "\u{fffd}": ["a\u{fffd}"] })),
        ("'\\\\ud83d' + '😀'", json!("\\ud83d😀")),
    ] {
        assert_eq!(value(code).await, expected, "{code}");
    }
    assert_eq!(evaluated(json!("<{{ '😀'.slice(0, 1) }}>")).await, Ok(json!("<\u{fffd}>")));
    assert!(said("(() => { throw new Error('😀'.slice(0, 1)) })()").await.contains("Error: \u{fffd}"));
}

#[tokio::test]
async fn many_expressions_below_one_long_key_take_the_memory_of_the_key_once() {
    let key = "k".repeat(800_000);
    let config = json!({ &key: vec!["{{1}}"; 9_990] });
    let template = compile(&config, &Dialect::default()).unwrap();
    assert!(template.bytes() < 8 << 20, "{}", template.bytes());
    let bad = json!({ &key: vec!["{{ ) }}"; 200] });
    let faults = compile(&bad, &Dialect::default()).unwrap_err();
    assert!(faults.len() == 100 && faults.iter().all(|fault| fault.path.len() < 200));
    // Copied values count like evaluated ones.
    let copies = compile(&json!(vec!["{{ nodes.start.x }}"; 1_000]), &Dialect::default()).unwrap();
    let context = json!({ "nodes": { "start": { "x": "x".repeat(900_000) } } });
    let eval_clock = EvalClock { now_ms: 0, seed: 0 };
    let failure = expressions(Limits::default()).evaluate(&copies, &context, eval_clock).await.unwrap_err();
    assert!(failure.message.contains("longer than 4194304 characters"), "{failure:?}");
}

#[tokio::test]
async fn the_language_is_there() {
    for (code, expected) in [
        ("nodes.crm.list.filter(one => one.ok).map(({ id }) => id * 2)", json!([2])),
        ("nodes.crm.deep.er.value ** 2", json!(49)),
        ("(function () { let sum = 0; for (const one of nodes.crm.list) sum += one.id; return sum })()", json!(3)),
        ("({ ...nodes.crm.deep, more: [1, , 3] })", json!({ "er": { "value": 7 }, "more": [1, null, 3] })),
        ("/^a(b+)$/i.exec('ABB')?.[1]", json!("BB")),
        ("Object.keys(nodes).length", json!(4)),
        ("nodes.crm.count // and why", json!(2)),
        ("JSON.parse('{\"a\": [1]}').a", json!([1])),
        ("[3, 1, 2].toSorted()", json!([1, 2, 3])),
        ("new Map([[1, 2]]).get(1)", json!(2)),
        ("[NaN]", json!([null])),
        ("(x => x)", json!(null)),
        ("1, 2", json!(2)),
    ] {
        assert_eq!(value(code).await, expected, "{code}");
    }
}

#[tokio::test]
async fn dates_are_dates_and_the_text_they_came_as() {
    for (code, expected) in [
        ("nodes.start.at instanceof Date", json!(true)),
        ("nodes.start.at", json!("2025-06-01T10:00:00+02:00")),
        ("`${nodes.start.at}`", json!("2025-06-01T10:00:00+02:00")),
        ("nodes.start.at.toISOString()", json!("2025-06-01T08:00:00.000Z")),
        ("nodes.start.at.getHours()", json!(8)),
        ("nodes.start.at < new Date()", json!(true)),
        ("(d => { d.setDate(2); return d })(nodes.start.at)", json!("2025-06-02T08:00:00.000Z")),
        ("typeof nodes.start.day", json!("string")),
        ("new Date(2026, 0, 2).toISOString()", json!("2026-01-02T00:00:00.000Z")),
        ("new Date('2026-01-02T03:00').getTime() === new Date('2026-01-02T03:00Z').getTime()", json!(true)),
        ("new Date('2026-01-02').toJSON()", json!("2026-01-02T00:00:00.000Z")),
        ("new Date(NaN)", json!(null)),
        ("Date() === new Date().toString()", json!(true)),
        ("new Date().getTimezoneOffset()", json!(0)),
    ] {
        assert_eq!(value(code).await, expected, "{code}");
    }
    assert_eq!(evaluated(json!("at {{nodes.start.at}}")).await, Ok(json!("at 2025-06-01T10:00:00+02:00")));
}

#[tokio::test]
async fn the_same_evaluation_has_the_same_value() {
    let code = "[Date.now(), new Date().toISOString(), Math.random(), Math.random()]";
    let first = value(code).await;
    assert_eq!((first[0].as_i64(), first[1].as_str()), (Some(NOW_MS), Some("2026-01-02T03:04:05.678Z")));
    assert!(first[2] != first[3] && first[2].as_f64().is_some_and(|chance| (0.0..1.0).contains(&chance)), "{first}");
    assert_eq!(value(code).await, first);
    let left = value("['Atomics','SharedArrayBuffer','WeakRef','performance','queueMicrotask','setTimeout','fetch','require','process','std','os','print','console'].filter(name => name in globalThis)").await;
    assert_eq!(left, json!([]), "nothing of the outside");
}

#[tokio::test]
async fn a_realm_knows_nothing_of_the_one_before() {
    assert_eq!(value("(globalThis.left = 1, Array.prototype.map = null, left)").await, json!(1));
    assert_eq!(value("[typeof left, [1].map(x => x)]").await, json!(["undefined", [1]]));
}

#[test]
fn what_is_no_expression_is_a_fault_with_its_place() {
    let config = json!({
        "ok": "{{ 1 }}", "bad": ["{{ 1 + }}", { "a/b": "x {{ ) }}" }], "js": { "kind": "jsExpression", "expression": "return 1" },
        "ai": { "kind": "templateExpression", "expression": "x", "instructTo": "ai" },
        "number": { "kind": "jsExpression", "expression": 7 }
    });
    let faults = compile(&config, &Dialect::default()).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["/bad/0", "/bad/1/a~1b", "/js/expression", "/ai/expression", "/number/expression"]);
    assert!(faults[0].to_string().starts_with("/bad/0 is no JavaScript expression: "), "{}", faults[0]);
    // Sources that would be expressions only within brackets.
    for code in [
        "1); (2",
        "1]; [2",
        "1)}); while(1){}; (function(){return (2",
        "...nodes",
        "await 1",
        "yield",
        "import('x')x",
        "a b",
        "}",
        "/*",
        "`",
    ] {
        let one = json!({ "kind": "jsExpression", "expression": code });
        assert!(compile(&one, &Dialect::default()).is_err(), "{code}");
    }
    let long = json!({ "kind": "jsExpression", "expression": "1+".repeat(40_000) });
    assert!(compile(&long, &Dialect::default()).unwrap_err()[0].reason.contains("longer than"));
    let many = json!(vec!["{{1}}"; 10_001]);
    assert!(compile(&json!(vec!["{{("; 3]), &Dialect::default()).is_ok(), "never closed is text");
    assert!(compile(&many, &Dialect::default()).unwrap_err()[0].reason.contains("more than 10000"));
    let mut deep = json!("{{1}}");
    for _ in 0..120 {
        deep = json!([deep]);
    }
    assert!(compile(&deep, &Dialect::default()).unwrap_err()[0].reason.contains("nested"));
}

#[tokio::test]
async fn what_is_verbatim_stays_and_other_roots_have_other_names() {
    let dialect = Dialect { roots: &["steps"], verbatim: &["_nodes"], braces: true };
    let template = compile(&json!({ "_nodes": ["{{ ( }}"], "x": "{{ steps.a }}" }), &dialect).unwrap();
    let eval_clock = EvalClock { now_ms: 0, seed: 0 };
    let made = expressions(Limits::default()).evaluate(&template, &json!({ "steps": { "a": [1] } }), eval_clock).await;
    assert_eq!(made.unwrap(), json!({ "_nodes": ["{{ ( }}"], "x": [1] }));
}

#[tokio::test]
async fn a_script_is_a_function_that_returns() {
    let script = "const all = nodes.crm.list; for (const one of all) { if (one.ok) return one.id }";
    let template = compile_script(script, &Dialect::default()).unwrap();
    let eval_clock = EvalClock { now_ms: 0, seed: 0 };
    assert_eq!(expressions(Limits::default()).evaluate(&template, &context(), eval_clock).await.unwrap(), json!(1));
    for broken in ["}); (function(){", "return", "if ("] {
        let compiled = compile_script(broken, &Dialect::default());
        assert_eq!(compiled.is_ok(), broken == "return", "{broken}");
    }
}

/// Attacks, and the failure codes that each may end with.
const ATTACKS: [(&str, &[&str]); 27] = [
    ("(() => { while (true) {} })()", &["expression_timed_out"]),
    ("(() => { for (;;) try { for (;;) {} } catch {} })()", &["expression_timed_out"]),
    ("/^(a+)+$/.test('a'.repeat(40) + 'b')", &["expression_timed_out"]),
    ("(() => { let s = 'x'; for (;;) s += s })()", &["expression_failed", "expression_out_of_memory"]),
    ("'x'.repeat(1e9).length", &["expression_failed", "expression_out_of_memory"]),
    (
        "(() => { const all = []; for (;;) all.push('x'.repeat(1000) + all.length) })()",
        &["expression_out_of_memory", "expression_timed_out"],
    ),
    ("new Array(4294967295).fill(0)", &["expression_out_of_memory", "expression_timed_out"]),
    ("Array.from({ length: 1e9 })", &["expression_out_of_memory", "expression_timed_out"]),
    ("new Uint8Array(2 ** 31)", &["expression_failed", "expression_out_of_memory"]),
    ("(function again() { return again() })()", &["expression_too_deep"]),
    ("(f => f(f))(f => f(f))", &["expression_too_deep"]),
    ("(() => { const p = new Proxy({}, { get(t, k, r) { return r[k] } }); return p.x })()", &["expression_too_deep"]),
    (
        "(() => { let p = new Proxy({}, { getPrototypeOf() { return p } }); return p instanceof Object })()",
        &["expression_timed_out", "expression_too_deep"],
    ),
    ("({ get x() { throw new Error('boom') } }).x", &["expression_failed"]),
    ("({ toJSON() { throw 'boom' } })", &["expression_failed"]),
    ("({ toJSON() { throw null } })", &["expression_failed"]),
    ("(() => { throw { get message() { for (;;) {} } } })()", &["expression_failed", "expression_timed_out"]),
    (
        "(() => { throw Object.assign(new Error(), { get name() { return this.name } }) })()",
        &["expression_too_deep", "expression_failed"],
    ),
    ("(() => { let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; return o })()", &["expression_too_deep"]),
    ("(() => { let o = []; for (let i = 0; i < 500; i++) o = [o]; return o })()", &["expression_too_deep"]),
    ("(() => { const o = {}; o.o = o; return o })()", &["expression_failed"]),
    ("2n ** (2n ** 40n)", &["expression_failed", "expression_out_of_memory"]),
    ("1n", &["expression_failed"]),
    ("Promise.resolve(1)", &["expression_failed"]),
    ("Symbol('x') + ''", &["expression_failed"]),
    ("'a'.repeat(5e6)", &["expression_failed", "expression_out_of_memory"]),
    ("eval('('.repeat(1e5) + ')'.repeat(1e5))", &["expression_too_deep"]),
];

#[tokio::test]
async fn no_script_does_harm_and_each_has_its_name() {
    let limits = Limits { time_ms: 400, memory_bytes: 16 * 1024 * 1024, ..Limits::default() };
    let expressions = expressions(limits);
    let eval_clock = EvalClock { now_ms: NOW_MS, seed: 0 };
    for (code, codes) in ATTACKS {
        let config = json!({ "first": "{{ 1 }}", "it": { "kind": "jsExpression", "expression": code } });
        let template = compile(&config, &Dialect::default()).unwrap_or_else(|faults| panic!("{code}: {faults:?}"));
        let failure = expressions.evaluate(&template, &context(), eval_clock).await.expect_err(code);
        assert!(codes.contains(&failure.code.as_str()), "{code}: {failure:?}");
        assert!(failure.message.chars().count() < 400, "{code}: {failure:?}");
        if failure.code.is(FailureCode::ExpressionFailed) {
            assert_eq!(failure.details.as_ref().unwrap()["path"], "/it/expression", "{code}: {failure:?}");
        }
    }
    let after = compile(&json!("{{ 1 + 1 }}"), &Dialect::default()).unwrap();
    assert_eq!(expressions.evaluate(&after, &json!({}), eval_clock).await.unwrap(), json!(2));
}

#[test]
fn templates_are_kept_by_their_key_within_their_bound() {
    let expressions = expressions(Limits::default());
    let (one, other) = (json!("{{ 1 }}"), json!("{{ 2 }}"));
    let first = expressions.template("a", &one, &Dialect::default()).unwrap();
    assert!(
        std::sync::Arc::ptr_eq(&first, &expressions.template("a", &other, &Dialect::default()).unwrap()),
        "the key says"
    );
    assert!(expressions.template("bad", &json!("{{ ( }}"), &Dialect::default()).is_err());
    let large = json!({ "x": "x".repeat(super::KEPT_BYTES_MAX / 2), "y": "{{ 1 }}" });
    for key in ["b", "c", "d"] {
        expressions.template(key, &large, &Dialect::default()).unwrap();
        assert!(expressions.kept.lock().unwrap().bytes <= super::KEPT_BYTES_MAX);
    }
    let kept = expressions.kept.lock().unwrap();
    let sum: usize = kept.templates.iter().map(|(key, template)| key.len() + template.bytes()).sum();
    assert_eq!((kept.bytes, kept.templates.contains("a")), (sum, false));
}

/// Pieces for generated templates, so that many of them are valid.
const PIECES: [&str; 40] = [
    "{{",
    "}}",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "nodes",
    ".",
    "?.",
    "crm",
    "list",
    "start",
    "a",
    "1",
    "0.5",
    "'",
    "\"",
    "`",
    "${",
    "/",
    "*/",
    "/*",
    "//",
    "\n",
    "=>",
    "=",
    "+",
    "...",
    ",",
    ";",
    "function",
    "return",
    "new",
    "typeof",
    " ",
    "\\",
    "ü",
    "map(x => x)",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn templates_of_anything_never_panic(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..24), rubbish in ".{0,12}") {
        let text = pieces.concat() + &rubbish;
        let limits = Limits { time_ms: 100, ..Limits::default() };
        for config in [json!(text), json!(format!("{{{{{text}}}}}")), json!({ "kind": "jsExpression", "expression": text })] {
            let Ok(template) = compile(&config, &Dialect::default()) else { continue };
            let eval_clock = EvalClock { now_ms: 0, seed: 0 };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let made = runtime.block_on(expressions(limits).evaluate(&template, &context(), eval_clock));
            if let Err(failure) = made {
                prop_assert!(failure.code.as_str().starts_with("expression_"), "{failure:?}");
            }
        }
        let _ = compile_script(&text, &Dialect::default());
    }

    #[test]
    fn text_without_braces_is_itself(text in "[^{]{0,60}") {
        let template = compile(&json!(text), &Dialect::default()).unwrap();
        prop_assert!(template.is_plain());
        prop_assert_eq!(template.filled(&[], ""), Ok(json!(text)));
    }
}
