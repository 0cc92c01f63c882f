//! Attacks and surprising inputs. Each test names a fault that was found once.

use std::time::Duration;

use futures::future::join_all;
use reqwest::StatusCode;
use runyard::config::Config;
use runyard::serve::{ServeError, Server};
use serde_json::{Value, json};

use crate::harness::{World, refused};

/// Sends a raw body to the gateway, which a generated client would not send.
async fn start(world: &World, key: Option<&str>, body: &Value) -> (StatusCode, Value) {
    let url = format!("{}/v1/runs", world.server.url("run-gateway").unwrap());
    let mut request = reqwest::Client::new().post(url).json(body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

fn echo(text: &str) -> Value {
    json!({ "root_node_type_ref": { "node_type_id": "runyard.core.echo", "version": "1.0.0" }, "input": { "echo": text } })
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

#[tokio::test]
async fn a_run_id_in_the_form_of_a_generated_one_is_a_name_unless_a_run_has_it() {
    let world = World::new().await;
    let hex = format!("run_{}", "0199f0a000007000800000000000abcd");
    for (number, chosen) in
        [&*hex, "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3f2504e0-4f89-41d3-9a0c-0305e82c3302"].into_iter().enumerate()
    {
        let text = number.to_string();
        let (status, run) = start(&world, None, &with(echo(&text), "run_id", json!(chosen))).await;
        assert_eq!((status, run["run_id"].as_str()), (StatusCode::OK, Some(chosen)), "{run}");
        // By its name, and by the id that this server generated.
        let own = world.native.get_run(chosen).await.unwrap().into_inner();
        assert_eq!((own.name.as_deref(), own.inputs["echo"].as_str()), (Some(chosen), Some(&*text)));
        assert_ne!(own.run_id, chosen);
        assert_eq!(world.gateway.get_run(&own.run_id).await.unwrap().into_inner().run_id, chosen);
        assert_eq!(world.runtime.get_run_status(chosen).await.unwrap().into_inner().run_id, chosen);
        // The same body again returns the same run; another body is refused.
        let (_, again) = start(&world, None, &with(echo(&text), "run_id", json!(chosen))).await;
        assert_eq!(again["root_node_run_id"], run["root_node_run_id"]);
        let (status, other) = start(&world, None, &with(echo("other"), "run_id", json!(chosen))).await;
        assert_eq!((status, other["error"]["code"].as_str()), (StatusCode::CONFLICT, Some("run_already_exists")));
        // An id that this server generated is accepted in each of its forms.
        let hyphenated = uuid::Uuid::parse_str(own.run_id.trim_start_matches("run_")).unwrap().to_string();
        for taken in [&own.run_id, &hyphenated] {
            let (status, body) = start(&world, None, &with(echo("x"), "run_id", json!(taken))).await;
            assert_eq!((status, body["error"]["code"].as_str()), (StatusCode::CONFLICT, Some("run_already_exists")));
        }
    }
    // An API that knows only generated ids does not find a name that another API uses.
    let missing = world.toolregistry.run_controller_get_run(&hex, None).await;
    assert_eq!(refused(missing).status, 404);
    world.server.stop().await;
}

#[tokio::test]
async fn a_caller_cannot_make_a_run_look_as_if_it_had_outputs_or_an_error() {
    let world = World::new().await;
    let forged =
        json!({ "runyard.outputs": { "forged": true }, "runyard.error": { "code": "forged" }, "their.own": 1 });
    let sleep = json!({
        "root_node_type_ref": { "node_type_id": "runyard.core.sleep", "version": "1.0.0" },
        "input": { "seconds": 3600 },
        "extensions": forged,
    });
    let (status, run) = start(&world, None, &sleep).await;
    assert_eq!(status, StatusCode::OK, "{run}");
    assert_eq!(run["extensions"], json!({ "their.own": 1 }));
    let root = world.coordinator.get_node_run(run["root_node_run_id"].as_str().unwrap()).await.unwrap();
    let extensions = serde_json::to_value(&root.into_inner().extensions).unwrap();
    assert_eq!(extensions, json!({ "their.own": 1 }));
    world.server.stop().await;
}

#[tokio::test]
async fn a_key_that_came_with_a_repeated_request_is_not_free_for_another() {
    let world = World::new().await;
    let first = with(echo("x"), "run_id", json!("once"));
    assert_eq!(start(&world, None, &first).await.0, StatusCode::OK);
    assert_eq!(start(&world, Some("key"), &first).await.0, StatusCode::OK);
    let (status, body) = start(&world, Some("key"), &with(echo("y"), "run_id", json!("twice"))).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::CONFLICT, &json!("idempotency_conflict")), "{body}");
    assert_eq!(start(&world, Some("key"), &first).await.0, StatusCode::OK);
    world.server.stop().await;
}

#[tokio::test]
async fn of_many_equal_starts_at_once_one_is_made_and_all_are_answered_with_it() {
    let world = World::new().await;
    let named = with(echo("x"), "run_id", json!("crowd"));
    let equal = join_all((0..32).map(|_| start(&world, Some("crowd-key"), &named))).await;
    for (status, run) in &equal {
        assert_eq!((*status, &run["run_id"]), (StatusCode::OK, &json!("crowd")), "{run}");
    }
    let bodies: Vec<Value> = (0..32).map(|n| with(echo(&n.to_string()), "run_id", json!("rivals"))).collect();
    let rivals = join_all(bodies.iter().map(|body| start(&world, None, body))).await;
    let made = rivals.iter().filter(|(status, _)| *status == StatusCode::OK).count();
    let refused = rivals.iter().filter(|(_, body)| body["error"]["code"] == "run_already_exists").count();
    assert_eq!((made, refused), (1, 31));
    assert_eq!(world.native.count_runs().await.unwrap().into_inner().total, 2);
    world.server.stop().await;
}

#[tokio::test]
async fn a_server_whose_ready_line_fails_leaves_no_worker() {
    let folder = tempfile::tempdir().unwrap();
    // A folder with the name of the lock file.
    std::fs::create_dir_all(folder.path().join("server.lock")).unwrap();
    let config = Config { data_dir: folder.path().to_owned(), port_base: 0, ..Config::default() };
    let start = || Server::start(&config, slog::Logger::root(slog::Discard, slog::o!()));
    assert!(matches!(start().await, Err(ServeError::Folder(_))));
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let all_gone = async {
        while alive() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all_gone).await.expect("a task is still at work");
    std::fs::remove_dir(folder.path().join("server.lock")).unwrap();
    start().await.unwrap().stop().await;
}
