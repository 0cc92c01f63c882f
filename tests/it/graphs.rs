//! Predefined graphs and lists of items, through the APIs.

mod expressions;

use runyard_api::arp::schemas::{Run, RunState};
use runyard_api::runyard::types;
use serde_json::{Value, json};

use crate::harness::{Refused, World, refused, typed};

const GRAPH: &str = "runyard.composite.graph";
const EACH: &str = "runyard.composite.each";

fn body(node_type: &str, input: Value) -> Value {
    json!({ "root_node_type_ref": { "node_type_id": node_type, "version": "1.0.0" }, "input": input })
}

/// A node with one outgoing edge, or without any.
fn node(key: &str, node_type: &str, inputs: Value, children: Value) -> Value {
    json!({ "key": key, "node_type_ref": { "node_type_id": node_type }, "inputs": inputs, "children": children })
}

fn with(mut node: Value, field: &str, value: Value) -> Value {
    node[field] = value;
    node
}

/// A node of a graph that returns one value.
fn says(key: &str, value: Value, children: Value) -> Value {
    node(key, "runyard.graph.variables", json!({ "variables": [{ "name": "said", "value": value }] }), children)
}

fn end(key: &str, value: Value) -> Value {
    node(
        key,
        "runyard.graph.end",
        json!({ "variables": [{ "name": "answer", "type": "string", "value": value }] }),
        json!([]),
    )
}

async fn walked(world: &World, nodes: Value, data: Value) -> Run {
    let run = world.start(body(GRAPH, json!({ "graph": { "nodes": nodes }, "data": data }))).await;
    world.finished(&run.run_id).await
}

fn outputs(run: &Run) -> Value {
    run.extensions.clone().unwrap().0["runyard.outputs"].clone()
}

/// Every validation error, one per line.
fn violations(refused: &Refused) -> String {
    let listed = refused.details["violations"].as_array().unwrap_or_else(|| panic!("no violations: {refused:?}"));
    let line = |one: &Value| format!("{} {}", one["field"].as_str().unwrap(), one["reason"].as_str().unwrap());
    listed.iter().map(line).collect::<Vec<_>>().join("\n")
}

async fn tree(world: &World, run: &Run) -> types::Run {
    world.native.get_run(&run.run_id).await.unwrap().into_inner()
}

/// The keys of the node runs below the root, in the order in which they were reached.
async fn way(world: &World, run: &Run) -> Vec<String> {
    let (mut keys, mut cursor) = (Vec::new(), None::<String>);
    loop {
        // The inputs of the root may fill a page.
        let page = world.native.list_node_runs(&run.run_id, cursor.as_deref(), None).await.unwrap().into_inner();
        keys.extend(page.node_runs.iter().map(|node| node.key.clone()));
        cursor = page.next_cursor.map(|next| next.to_string());
        if cursor.is_none() {
            return keys.split_off(1);
        }
    }
}

#[tokio::test]
async fn a_graph_is_walked_from_its_start_to_an_end() {
    let world = World::new().await;
    let branch = |condition: Value| {
        json!([
            node("start", "runyard.graph.start", json!({}), json!(["fork"])),
            node("fork", "runyard.graph.branch", json!({ "condition": condition }), json!(["yes", "no"])),
            end("yes", json!("yes")),
            end("no", json!("no")),
        ])
    };
    let run = walked(&world, branch(json!("something")), json!({ "name": "Ada" })).await;
    assert_eq!((run.state, outputs(&run)), (RunState::Succeeded, json!({ "answer": "yes" })));
    let shown = tree(&world, &run).await;
    assert_eq!(shown.node_runs[1].outputs, Some(typed(json!({ "name": "Ada" }))), "the start node returns the data");
    assert_eq!(way(&world, &run).await, ["start", "fork", "yes"]);
    let run = walked(&world, branch(json!(0)), json!([1])).await;
    assert_eq!(outputs(&run), json!({ "answer": "no" }));
    assert_eq!(tree(&world, &run).await.node_runs[1].outputs, Some(typed(json!({ "value": [1] }))));
    let seen = world.events(&run.run_id).await;
    let kinds: Vec<&str> = seen.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["run_started", "node_run_assigned", "composite_decomposed"]);
}

#[tokio::test]
async fn a_path_may_end_at_any_node_that_does_not_choose() {
    let world = World::new().await;
    for (node_type, inputs, last) in [
        ("runyard.graph.script", json!({ "script": "return 42" }), json!({ "result": 42 })),
        ("runyard.graph.variables", json!({ "variables": [{ "name": "n", "value": 1 }] }), json!({ "n": 1 })),
        ("runyard.core.echo", json!({ "echo": "x" }), json!({ "echo": "x" })),
    ] {
        let nodes = json!([
            node("start", "runyard.graph.start", json!({}), json!(["last"])),
            node("last", node_type, inputs, json!([]))
        ]);
        let run = walked(&world, nodes, json!({})).await;
        assert_eq!((run.state, outputs(&run)), (RunState::Succeeded, last), "{node_type}");
    }
    let fork = node("fork", "runyard.graph.branch", json!({ "condition": true }), json!([]));
    let asked = typed(body(GRAPH, json!({ "graph": { "nodes": [fork] } })));
    let refused = refused(world.gateway.start_run(None, &asked).await);
    assert!(violations(&refused).contains("children"), "{refused:?}");
}

#[tokio::test]
async fn filters_switches_and_splits_choose_where_it_goes_on() {
    let world = World::new().await;
    let filter = |value: Value| {
        json!([node("f", "runyard.graph.filter", json!({ "filter": value }), json!(["on"])), end("on", json!(1))])
    };
    let stopped = walked(&world, filter(json!(false)), json!(null)).await;
    assert_eq!((stopped.state, way(&world, &stopped).await), (RunState::Succeeded, vec!["f".to_owned()]));
    assert_eq!(way(&world, &walked(&world, filter(json!(true)), json!(null)).await).await, ["f", "on"]);

    let routes = |values: [bool; 2]| json!({ "routes": values.map(|value| json!({ "name": "r", "value": value })) });
    let switch = |values| {
        json!([
            node("s", "runyard.graph.switch", routes(values), json!(["a", "b"])),
            end("a", json!(1)),
            end("b", json!(2))
        ])
    };
    assert_eq!(way(&world, &walked(&world, switch([true, true]), json!(null)).await).await, ["s", "a"]);
    assert_eq!(way(&world, &walked(&world, switch([false, true]), json!(null)).await).await, ["s", "b"]);
    let nothing = walked(&world, switch([false, false]), json!(null)).await;
    assert_eq!((nothing.state, way(&world, &nothing).await), (RunState::Succeeded, vec!["s".to_owned()]));

    let split = |percentage: u32| {
        json!([
            node("p", "runyard.graph.split", json!({ "percentage": percentage }), json!(["a", null])),
            end("a", json!(1))
        ])
    };
    assert_eq!(way(&world, &walked(&world, split(100), json!(null)).await).await, ["p", "a"]);
    assert_eq!(way(&world, &walked(&world, split(0), json!(null)).await).await, ["p"]);
}

#[tokio::test]
async fn a_failure_is_tried_again_then_made_good_or_passed_over_or_the_end() {
    let world = World::new().await;
    let retry = json!({ "max_attempts": 3, "initial_interval_ms": 10 });
    let fails = |tries: Value| with(node("risky", "runyard.core.fail", tries, json!(["end"])), "retry", retry.clone());
    let nodes = |risky: Value| json!([risky, end("end", json!("there")), says("instead", json!(1), json!(["end"]))]);
    let go_to = |risky| with(risky, "on_failure", json!({ "go_to": "instead" }));

    let third = walked(&world, nodes(go_to(fails(json!({ "tries": 2 })))), json!(null)).await;
    assert_eq!(
        (third.state, way(&world, &third).await),
        (RunState::Succeeded, vec!["risky".to_owned(), "end".to_owned()])
    );
    let good = walked(&world, nodes(go_to(fails(json!({})))), json!(null)).await;
    assert_eq!((good.state, outputs(&good)), (RunState::Succeeded, json!({ "answer": "there" })));
    assert_eq!(way(&world, &good).await, ["risky", "instead", "end"]);
    let shown = tree(&world, &good).await;
    assert_eq!((shown.node_runs[1].attempt, shown.node_runs[1].state), (3, types::NodeRunState::Failed));

    let alone = |risky: Value| json!([risky, end("end", json!("there"))]);
    let partial = walked(&world, alone(with(fails(json!({})), "on_failure", json!("continue"))), json!(null)).await;
    assert_eq!((partial.state, tree(&world, &partial).await.state), (RunState::Failed, types::RunState::Partial));
    let failed = walked(&world, alone(fails(json!({ "code": "broken" }))), json!(null)).await;
    let error = failed.extensions.clone().unwrap().0["runyard.error"].clone();
    assert_eq!((&error["code"], &error["details"]["code"]), (&json!("child_failed"), &json!("broken")));
    assert_eq!(way(&world, &failed).await, ["risky"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_graph_is_named_by_node_before_anything_runs() {
    let world = World::new().await;
    let ask = |graph: Value| {
        let asked = typed(body(GRAPH, json!({ "graph": graph })));
        let gateway = &world.gateway;
        async move { refused(gateway.start_run(None, &asked).await) }
    };
    let nodes = json!([
        node("a", "runyard.graph.branch", json!({ "condition": true }), json!(["b"])),
        with(node("b", "runyard.core.echo", json!({}), json!(["nowhere"])), "slug", json!("a")),
        node("c", "runyard.core.nothing", json!({}), json!(["d"])),
        node("d", "runyard.core.echo", json!({}), json!(["c"])),
    ]);
    let refusal = ask(json!({ "nodes": nodes })).await;
    assert_eq!(refusal.status, 400, "{refusal:?}");
    let text = violations(&refusal);
    for said in [
        "node `a`: it has 1 children, and its type has 2",
        "node `b`: an earlier node has the same slug",
        "node `b`: child 0 is `nowhere`, which is no node of the graph",
        "node `c`: it leads back to itself, by `d`",
        "node `d`: no way leads to it",
        "node type `runyard.core.nothing` is not known",
        "(node `c`)",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(violations(&ask(json!({ "nodes": [] })).await).contains("/graph/nodes"));
    let many: Vec<Value> = (0..10_001).map(|place| json!({ "key": place.to_string() })).collect();
    let many = ask(json!({ "nodes": many })).await;
    assert_eq!(many.status, 400, "{many:?}");
    let missing = refused(world.gateway.start_run(None, &typed(body(GRAPH, json!({})))).await);
    assert!(violations(&missing).contains("/graph is required"), "{missing:?}");
    assert_eq!(walked(&world, json!([end("a", json!(1))]), json!(null)).await.state, RunState::Succeeded);
}

#[tokio::test]
async fn a_list_goes_through_a_node_type_and_keeps_its_order() {
    let world = World::new().await;
    let list = json!({ "items": ["a", "b", "c"], "node_type_ref": { "node_type_id": "runyard.core.echo" }, "item_as": "echo", "at_once": 2 });
    let run = world.start(body(EACH, list)).await;
    let run = world.finished(&run.run_id).await;
    let results = json!([{ "echo": "a" }, { "echo": "b" }, { "echo": "c" }]);
    assert_eq!((run.state, outputs(&run)), (RunState::Succeeded, json!({ "results": results, "errors": [] })));
    assert_eq!(way(&world, &run).await, ["#1", "#2", "#3"]);
}

#[tokio::test]
async fn failed_items_fail_the_list_or_are_listed() {
    let world = World::new().await;
    let list = |on_item_failure: &str| {
        let items = json!([{ "tries": 0 }, { "code": "broken" }, { "tries": 0 }]);
        json!({ "items": items, "node_type_ref": { "node_type_id": "runyard.core.fail" }, "at_once": 1, "on_item_failure": on_item_failure })
    };
    let run = world.start(body(EACH, list("collect"))).await;
    let run = world.finished(&run.run_id).await;
    assert_eq!(tree(&world, &run).await.state, types::RunState::Partial);
    let made = outputs(&run);
    assert_eq!(made["results"], json!([{ "attempt": 1 }, null, { "attempt": 1 }]));
    assert_eq!((&made["errors"][0]["index"], &made["errors"][0]["code"]), (&json!(1), &json!("broken")));
    let run = world.start(body(EACH, list("fail"))).await;
    let run = world.finished(&run.run_id).await;
    assert_eq!(run.extensions.clone().unwrap().0["runyard.error"]["code"], json!("item_failed"));
    assert_eq!(way(&world, &run).await, ["#1", "#2"], "the third was never begun");
}

#[tokio::test]
async fn each_item_may_walk_a_graph_and_a_graph_may_hold_a_list() {
    let world = World::new().await;
    let inner = json!({ "nodes": [node("start", "runyard.graph.start", json!({}), json!([null]))] });
    let group = node("group", EACH, json!({ "items": [{ "n": 1 }, 2], "graph": inner }), json!(["end"]));
    let run = walked(&world, json!([group, end("end", json!("done"))]), json!(null)).await;
    assert_eq!((run.state, outputs(&run)), (RunState::Succeeded, json!({ "answer": "done" })));
    let shown = tree(&world, &run).await;
    let group = shown.node_runs.iter().find(|node| node.key == "group").unwrap();
    let results = json!({ "results": [{ "n": 1 }, { "value": 2 }], "errors": [] });
    assert_eq!(group.outputs, Some(typed(results)));
    // Errors within a nested graph are found before anything runs.
    let circle = json!({ "nodes": [node("x", "runyard.core.uuid4", json!({}), json!(["x"]))] });
    let group = node("group", EACH, json!({ "items": [], "graph": circle }), json!([]));
    let asked = typed(body(GRAPH, json!({ "graph": { "nodes": [group] } })));
    let refusal = refused(world.gateway.start_run(None, &asked).await);
    assert!(violations(&refusal).contains("/graph/nodes/0/inputs/graph/nodes/0"), "{refusal:?}");
}

#[tokio::test]
async fn a_list_that_makes_no_sense_is_refused_field_by_field() {
    let world = World::new().await;
    let echo = json!({ "node_type_id": "runyard.core.echo" });
    for (list, said) in [
        (json!({ "items": ["a"] }), "/node_type_ref or /graph is required"),
        (json!({ "items": ["a"], "node_type_ref": echo }), "/item_as is required, because item 0 is no object"),
        (
            json!({ "items": vec![0; 10_001], "node_type_ref": echo, "item_as": "echo" }),
            "/items has 10001 items; there may be 10000",
        ),
        (json!({ "items": [], "node_type_ref": { "node_type_id": "nothing" } }), "/node_type_ref is wrong"),
        (json!({ "items": [], "node_type_ref": echo, "at_once": 0 }), "/at_once must be at least 1"),
    ] {
        let refusal = refused(world.gateway.start_run(None, &typed(body(EACH, list))).await);
        assert_eq!(refusal.status, 400);
        assert!(violations(&refusal).contains(said), "{said}: {refusal:?}");
    }
}

#[tokio::test]
async fn ten_thousand_nodes_are_read_in_time_and_delay_no_other_request() {
    let world = World::with(|config| config.body_bytes_max = 8 * 1024 * 1024).await;
    let stop = node("stop", "runyard.graph.filter", json!({ "filter": false }), json!(["n0"]));
    let say = |place: usize, text: &str| {
        let next = if place == 9_998 { Value::Null } else { json!(format!("n{}", place + 1)) };
        says(&format!("n{place}"), json!(text), json!([next]))
    };
    let graph = |text: &str| {
        let nodes: Vec<Value> = std::iter::once(stop.clone()).chain((0..9_999).map(|place| say(place, text))).collect();
        json!(nodes)
    };
    let run = walked(&world, graph("{{ nodes.n1.said + 1 }}"), json!(null)).await;
    assert_eq!((run.state, way(&world, &run).await), (RunState::Succeeded, vec!["stop".to_owned()]));

    let asked = typed(body(GRAPH, json!({ "graph": { "nodes": graph("{{ 1 + }}") } })));
    let refusal = refused(world.gateway.start_run(None, &asked).await);
    let text = violations(&refusal);
    assert!(text.contains("(node `n0`)") && text.ends_with("/graph has 9967 more faults"), "{text}");
    assert_eq!(walked(&world, json!([end("a", json!(1))]), json!(null)).await.state, RunState::Succeeded);
}
