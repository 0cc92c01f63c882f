//! Expressions in graphs, through the APIs: what they can read, their values, and the failures of invalid ones.

use runyard_api::arp::schemas::RunState;
use serde_json::{Value, json};

use super::{EACH, GRAPH, body, end, node, outputs, says, tree, violations, walked, with};
use crate::harness::{World, refused, typed};

fn code(text: &str) -> Value {
    json!({ "kind": "jsExpression", "expression": text, "instructTo": "none", "fromRecipe": false })
}

fn template(text: &str) -> Value {
    json!({ "kind": "templateExpression", "expression": text })
}

fn start(next: &str) -> Value {
    node("start", "runyard.graph.start", json!({}), json!([next]))
}

/// The output of an end node with this expression, for a start with these inputs.
async fn said(world: &World, value: Value, data: Value) -> Value {
    let run = walked(world, json!([start("end"), end("end", value)]), data).await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    outputs(&run)["answer"].clone()
}

/// The error of the node that failed, for a start with these inputs and this expression.
async fn broken(world: &World, value: Value) -> Value {
    let run = walked(world, json!([start("end"), end("end", value)]), json!({})).await;
    assert_eq!(run.state, RunState::Failed, "{run:?}");
    run.extensions.clone().unwrap().0["runyard.error"]["details"].clone()
}

#[tokio::test]
async fn a_value_may_be_worked_out_from_what_the_graph_was_given() {
    let world = World::new().await;
    let data = json!({ "name": "Ada", "tags": ["a", "b"], "deep": { "n": 2 } });
    for (value, expected) in [
        (json!("Hello {{ nodes.start.name }}!"), json!("Hello Ada!")),
        (json!("{{nodes.start.tags}}"), json!(["a", "b"])),
        (json!("{{ nodes.start.deep.n > 1 }}"), json!(true)),
        (json!("[{{ nodes.start.no.such.thing }}]"), json!("[]")),
        (json!("{{ nodes.start.no.such.thing }}"), json!(null)),
        (json!("{{ nodes.unknown.x }}"), json!(null)),
        (json!("{{ open"), json!("{{ open")),
        (template("{{ nodes.start.tags.map(tag => tag + '!') }}"), json!(["a!", "b!"])),
        (code("nodes.start.deep.n * 21"), json!(42)),
        (json!({ "in": ["{{ nodes.start.deep.n }}"] }), json!({ "in": [2] })),
        (code("Object.keys(nodes).join()"), json!("start")),
    ] {
        assert_eq!(said(&world, value.clone(), data.clone()).await, expected, "{value}");
    }
    assert_eq!(said(&world, json!("{{ nodes.start.value }}"), json!(7)).await, json!(7));
    let dated = json!({ "at": "2026-03-04T05:06:07Z" });
    assert_eq!(said(&world, json!("{{ nodes.start.at.getUTCFullYear() }}"), dated.clone()).await, json!(2026));
    assert_eq!(said(&world, json!("{{ nodes.start.at }}"), dated).await, json!("2026-03-04T05:06:07Z"));
}

#[tokio::test]
async fn nodes_see_what_was_put_out_before_them_and_choose_by_it() {
    let world = World::new().await;
    let routes = json!([{ "name": "few", "value": "{{ nodes.count.said < 3 }}" }, { "name": "many", "value": true }]);
    let nodes = |list: Value| {
        let nodes = json!([
            start("count"),
            says("count", json!("{{ nodes.start.list.length }}"), json!(["which"])),
            node("which", "runyard.graph.switch", json!({ "routes": routes }), json!(["few", "many"])),
            end("few", json!("few: {{ nodes.count.said }}")),
            end("many", json!("many: {{ nodes.which.name }} {{ nodes.few.answer }}")),
        ]);
        (nodes, json!({ "list": list }))
    };
    let (graph, data) = nodes(json!([1]));
    let run = walked(&world, graph, data).await;
    assert_eq!(outputs(&run), json!({ "answer": "few: 1" }));
    let (graph, data) = nodes(json!([1, 2, 3]));
    let run = walked(&world, graph, data).await;
    assert_eq!(outputs(&run), json!({ "answer": "many: many " }));
    let shown = tree(&world, &run).await;
    let count = shown.node_runs.iter().find(|node| node.key == "count").unwrap();
    let inputs = json!({ "variables": [{ "name": "said", "value": 3 }] });
    assert_eq!(count.inputs, typed(inputs), "what inputs came to is shown");
}

#[tokio::test]
async fn a_graph_within_sees_its_own_data_and_the_graph_around_it() {
    let world = World::new().await;
    let inner = json!({ "nodes": [
        start("sum"),
        node("sum", "runyard.graph.script", json!({
            "script": "const by = parentNodes.factor.said;\nreturn nodes.start.value * by + parentNodes.start.add;"
        }), json!(["end"])),
        end("end", json!("{{ nodes.sum.result }}")),
    ] });
    let group = node("group", EACH, json!({ "items": "{{ nodes.start.items }}", "graph": inner }), json!(["end"]));
    let nodes = json!([
        start("factor"),
        says("factor", code("5 + 5"), json!(["group"])),
        group,
        end("end", json!("{{ nodes.group.map(one => one.answer) }}")),
    ]);
    let run = walked(&world, nodes, json!({ "items": [1, 2, 3], "add": 4 })).await;
    assert_eq!(outputs(&run), json!({ "answer": [14, 24, 34] }));
    let list = json!({ "items": [{ "echo": "a" }], "node_type_ref": { "node_type_id": "runyard.core.echo" } });
    let said = "{{ [nodes.list, nodes.list.results[0].echo, nodes.list.errors.length, nodes.list.length] }}";
    let run =
        walked(&world, json!([node("list", EACH, list, json!(["end"])), end("end", json!(said))]), json!({})).await;
    assert_eq!(outputs(&run), json!({ "answer": [[{ "echo": "a" }], "a", 0, 1] }));
    let walked_graph = json!({ "data": { "x": "{{ nodes.start.x + 1 }}" }, "graph": { "nodes": [
        start("end"), end("end", json!("{{ nodes.start.x }} of {{ parentNodes.start.x }}"))
    ] } });
    let run = walked(&world, json!([start("in"), node("in", GRAPH, walked_graph, json!([]))]), json!({ "x": 1 })).await;
    assert_eq!(outputs(&run), json!({ "answer": "2 of 1" }));
}

#[tokio::test]
async fn braces_are_themselves_where_the_graph_says_so() {
    let world = World::new().await;
    let nodes = json!([start("end"), end("end", json!(["{{ 1 + 1 }}", template("{{ 1 + 1 }}"), "{{ no JavaScript"]))]);
    let plain = json!({ "text": "plain", "nodes": nodes });
    let run = world.start(body(GRAPH, json!({ "graph": plain }))).await;
    let run = world.finished(&run.run_id).await;
    assert_eq!(outputs(&run), json!({ "answer": ["{{ 1 + 1 }}", 2, "{{ no JavaScript"] }));
}

#[tokio::test]
async fn values_are_never_taken_for_expressions() {
    let world = World::new().await;
    let data = json!({ "text": "{{ 1 + 1 }}", "form": code("1 + 1"), "list": [code("2"), "{{ 3 }}"] });
    for field in ["text", "form", "list"] {
        assert_eq!(said(&world, json!(format!("{{{{ nodes.start.{field} }}}}")), data.clone()).await, data[field]);
    }
    let each = json!({ "items": "{{ nodes.start.list }}", "node_type_ref": { "node_type_id": "runyard.graph.script" },
        "inputs": { "script": "return nodes.start.value ?? nodes.start" }, "item_as": "data" });
    let run = walked(&world, json!([start("each"), node("each", EACH, each, json!([]))]), data.clone()).await;
    assert_eq!(outputs(&run)["results"], json!([{ "result": code("2") }, { "result": "{{ 3 }}" }]));
}

#[tokio::test]
async fn what_is_no_javascript_is_named_by_node_before_anything_runs() {
    let world = World::new().await;
    let nodes = json!([
        start("a"),
        says("a", json!("{{ 1 + }}"), json!(["b"])),
        with(says("b", code("}("), json!(["c"])), "slug", json!("second")),
        node("c", "runyard.graph.script", json!({ "script": "return (" }), json!(["d"])),
        node(
            "d",
            "runyard.graph.branch",
            json!({ "condition": { "kind": "templateExpression", "expression": "x", "instructTo": "ai" } }),
            json!(["e", null])
        ),
        node("e", "runyard.core.sleep", json!({ "seconds": "{{ 1 }}" }), json!(["f"])),
        node("f", "runyard.core.echo", json!({ "text": "no such field" }), json!([])),
    ]);
    let asked = typed(body(GRAPH, json!({ "graph": { "nodes": nodes } })));
    let refusal = refused(world.gateway.start_run(None, &asked).await);
    assert_eq!(refusal.status, 400, "{refusal:?}");
    let text = violations(&refusal);
    for said in [
        "/graph/nodes/1/inputs/variables/0/value/expression is no JavaScript expression",
        "(node `a`)",
        "/graph/nodes/2/inputs/variables/0/value/expression is no JavaScript expression",
        "/graph/nodes/3/inputs/script is no JavaScript",
        "/graph/nodes/4/inputs/condition/expression is an instruction to a model",
        "/graph/nodes/5/inputs hold an expression, and `runyard.core.sleep` takes only values; let `runyard.core.run` start it (node `e`)",
        "/graph/nodes/6/inputs/text",
        "(node `f`)",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[tokio::test]
async fn what_loops_allocates_throws_or_goes_too_deep_fails_its_node_and_nothing_else() {
    let world = World::new().await;
    for (text, expected) in [
        ("(() => { for (;;) {} })()", "expression_timed_out"),
        (
            "(() => { const all = []; for (;;) all.push(new Array(9999).fill(all.length)) })()",
            "expression_out_of_memory",
        ),
        ("(function again() { return again() })()", "expression_too_deep"),
        ("(() => { throw new Error('no luck') })()", "expression_failed"),
        ("fetch('http://127.0.0.1/')", "expression_failed"),
    ] {
        let error = broken(&world, code(text)).await;
        assert_eq!((error["code"].as_str(), error["node"].as_str()), (Some(expected), Some("end")), "{text}: {error}");
    }
    assert!(broken(&world, code("nodes.start.f()")).await["message"].as_str().unwrap().contains("/variables/0/value"));
    assert_eq!(said(&world, json!("{{ 1 + 1 }}"), json!({})).await, json!(2), "the server goes on");
}

#[tokio::test]
async fn every_try_of_a_node_has_the_same_inputs_and_they_are_shown_when_it_fails() {
    let world = World::new().await;
    let inputs = json!({ "code": "broken", "message": "{{ Date.now() }} {{ Math.random() }}" });
    let fails = with(
        node("risky", "runyard.core.fail", inputs, json!([])),
        "retry",
        json!({ "max_attempts": 3, "initial_interval_ms": 20 }),
    );
    let run = walked(&world, json!([start("risky"), fails]), json!({})).await;
    let shown = tree(&world, &run).await;
    let node = &shown.node_runs[2];
    let message = node.inputs["message"].as_str().unwrap();
    assert_eq!((node.attempt, node.error.as_ref().unwrap().message.as_str()), (3, message));
    let began_ms = message.split(' ').next().unwrap().parse().unwrap();
    let began = jiff::Timestamp::from_millisecond(began_ms).unwrap();
    let first = shown.node_runs[2].started_at.as_ref().unwrap();
    assert_eq!(began.to_string(), first.to_string(), "the last try has the time of the first");
}
