//! Agents over a scripted model: three wire forms, tools side by side, approvals, results by schema, goals of four APIs,
//! cancel, secrets, and `kill -9` after each event.

mod goals;
mod kill;
pub mod model;

use model::{FORMS, KEY, Says, Seen, configured, model};
use runyard::config::integrations::SecretSource;
use serde_json::{Value, json};

use crate::harness::peer::Peer;
use crate::harness::{World, eventually, typed};
use crate::mcp::now;

const TOOLS: [&str; 2] = ["runyard.core.echo", "runyard.core.hash.sha256"];

/// A server whose runs may ask this model.
async fn with_model(peer: &Peer, form: &str) -> World {
    let models = configured(peer, form);
    World::with(|config| config.models = models).await
}

/// Starts an agent, and returns its run when it has ended.
async fn ended(world: &World, input: Value) -> Value {
    let run = world.run("runyard.agent", input).await;
    json!(world.finished(&run.run_id).await)
}

/// The outputs of the root of a run.
async fn outputs(world: &World, run: &Value) -> Value {
    let shown = world.native.get_run(run["run_id"].as_str().unwrap()).await.unwrap().into_inner();
    json!(shown)["outputs"].clone()
}

/// Two calls at once, and then a text with their results.
fn two_tools(seen: &Seen) -> Says {
    match seen.turn {
        0 => Says::Calls(vec![("echo", json!({ "echo": "hi" })), ("hash_sha256", json!({ "text": "x" }))]),
        _ => Says::Text(seen.results.join(" and ")),
    }
}

#[tokio::test]
async fn an_agent_works_with_tools_in_every_wire_form() {
    for form in FORMS {
        let peer = model(two_tools).await;
        let world = with_model(&peer, form).await;
        let run = ended(&world, json!({ "prompt": "go", "instructions": "be brief", "tools": TOOLS })).await;
        assert_eq!(run["state"], "succeeded", "{form}: {run}");
        let made = outputs(&world, &run).await;
        let result = made["result"].as_str().unwrap();
        assert!(result.contains("hi") && result.contains("2d711642"), "{form}: {made}");
        assert_eq!((&made["turns"], &made["tool_calls"], &made["model"]), (&json!(2), &json!(2), &json!("scripted")));
        assert_eq!(made["usage"], json!({ "input_tokens": 200, "output_tokens": 20, "cost": 0.0004 }), "{form}");
        let asked = peer.asked();
        assert_eq!(asked.len(), 2, "{form}");
        let second = asked[1].json().to_string();
        let kept = match form {
            "openai" => second.contains("\"tool_call_id\":\"c0\""),
            _ => second.contains("\"s\""),
        };
        assert!(kept, "{form}: the message of the service goes back as it was: {second}");
    }
}

#[tokio::test]
async fn an_overloaded_model_is_asked_again_and_a_broken_answer_too() {
    let times = std::sync::atomic::AtomicUsize::new(0);
    let peer = model(move |_| match times.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => Says::Status(429, "0"),
        1 => Says::Half,
        _ => Says::Text("done".to_owned()),
    })
    .await;
    let world = with_model(&peer, "openai").await;
    let run = ended(&world, json!({ "prompt": "go" })).await;
    assert_eq!(outputs(&world, &run).await["result"], "done");
    let keys: std::collections::BTreeSet<_> =
        peer.asked().iter().map(|one| one.headers["idempotency-key"].clone()).collect();
    assert_eq!((peer.asked().len(), keys.len()), (3, 3), "each attempt has its own key");
}

#[tokio::test]
async fn a_result_that_does_not_fit_its_schema_is_asked_for_again() {
    for form in FORMS {
        let peer = model(move |seen| {
            let answer = if seen.turn == 0 { json!({ "n": "x" }) } else { json!({ "n": 7 }) };
            match form {
                "openai" => Says::Text(answer.to_string()),
                "anthropic" => Says::Calls(vec![("final_answer", json!({ "answer": answer }))]),
                _ => Says::Text(format!("```json\n{answer}\n```")),
            }
        })
        .await;
        let world = with_model(&peer, form).await;
        let schema = json!({ "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } });
        let run = ended(&world, json!({ "prompt": "go", "output_schema": schema })).await;
        assert_eq!(outputs(&world, &run).await["result"], json!({ "n": 7 }), "{form}");
        assert!(peer.asked()[1].json().to_string().contains("does not fit"), "{form}");
    }
}

#[tokio::test]
async fn wrong_calls_go_back_to_the_model_and_are_not_made() {
    let peer = model(|seen| match seen.turn {
        0 => {
            Says::Calls(vec![("nothing", json!({})), ("echo", json!({ "echo": 1 })), ("echo", json!({ "echo": "b" }))])
        }
        _ => Says::Text(seen.results.join(" | ")),
    })
    .await;
    let world = with_model(&peer, "openai").await;
    let made = outputs(&world, &ended(&world, json!({ "prompt": "go", "tools": TOOLS })).await).await;
    let result = made["result"].as_str().unwrap();
    assert!(result.contains("there is no tool `nothing`") && result.contains("do not fit"), "{result}");
    assert!(result.ends_with("{\"echo\":\"b\"}"), "{result}");
    assert_eq!(made["tool_calls"], 1);
}

#[tokio::test]
async fn an_agent_that_never_comes_to_an_end_is_ended() {
    let peer = model(|_| Says::Calls(vec![("echo", json!({ "echo": "again" }))])).await;
    let world = with_model(&peer, "openai").await;
    let run = ended(&world, json!({ "prompt": "go", "tools": TOOLS, "limits": { "max_turns": 3 } })).await;
    assert_eq!(run["extensions"]["runyard.error"]["code"], "budget_exceeded", "{run}");
    assert_eq!(peer.asked().len(), 3);
}

#[tokio::test]
async fn the_budgets_of_a_run_hold_for_turns_and_calls() {
    for (budgets, requests) in [
        (json!({ "max_steps": 3 }), 2),
        (json!({ "max_external_calls": 2 }), 2),
        (json!({ "max_external_calls": 1 }), 1),
    ] {
        let peer = model(|_| Says::Calls(vec![("echo", json!({ "echo": "again" }))])).await;
        let world = with_model(&peer, "openai").await;
        let body = json!({
            "node_type_ref": { "node_type_id": "runyard.agent", "version": "latest" },
            "inputs": { "prompt": "go", "tools": TOOLS }, "constraints": { "budgets": budgets },
        });
        let run = world.native.start_run(None, &typed(body)).await.unwrap().into_inner();
        let ended = json!(world.finished(&run.run_id).await);
        assert_eq!(ended["state"], "failed", "{ended}");
        assert!(ended.to_string().contains("budget_exceeded"), "{ended}");
        assert_eq!(peer.asked().len(), requests, "{budgets}");
    }
}

#[tokio::test]
async fn a_call_waits_for_its_approval_and_runs_with_the_inputs_of_the_approver() {
    let peer = model(|seen| match seen.turn {
        0 => Says::Calls(vec![("echo", json!({ "echo": "pay 900" })), ("echo", json!({ "echo": "pay 5" }))]),
        _ => Says::Text(seen.results.join(" | ")),
    })
    .await;
    let world = with_model(&peer, "openai").await;
    let tool = json!({ "node_type_id": "runyard.core.echo", "needs_approval": true });
    let run = world.run("runyard.agent", json!({ "prompt": "go", "tools": [tool] })).await;
    let asked = eventually("two requests", || async {
        let shown = world.native.get_run(&run.run_id).await.unwrap().into_inner();
        shown.approvals.filter(|asked| asked.len() == 2)
    })
    .await;
    assert_eq!(asked[0].inputs.as_ref().unwrap()["echo"], "pay 900", "the exact call");
    let decide = |place: usize, body: Value| {
        let (world, id) = (&world, asked[place].approval_id.clone());
        async move { world.native.decide_approval(&id, &typed(body)).await }
    };
    let unfit = decide(0, json!({ "decision": "approved", "inputs": { "echo": 9 } })).await.unwrap_err();
    assert!(format!("{unfit:?}").contains("invalid_inputs"), "{unfit:?}");
    decide(0, json!({ "decision": "approved", "inputs": { "echo": "pay 9" } })).await.unwrap();
    decide(1, json!({ "decision": "denied", "comment": "too small" })).await.unwrap();
    let made = outputs(&world, &json!(world.finished(&run.run_id).await)).await;
    let result = made["result"].as_str().unwrap();
    assert!(result.contains("pay 9\"") && result.contains("was denied: too small"), "{result}");
}

#[tokio::test]
async fn another_agent_and_a_question_to_a_person_are_tools() {
    let peer = model(|seen| match (&*seen.prompt, seen.turn) {
        ("outer", 0) => {
            Says::Calls(vec![("helper", json!({ "prompt": "inner" })), ("ask", json!({ "question": "who?" }))])
        }
        ("inner", 0) => Says::Text("from the helper".to_owned()),
        _ => Says::Text(seen.results.join(" | ")),
    })
    .await;
    let world = with_model(&peer, "anthropic").await;
    let helper = json!({ "node_type_id": "runyard.agent", "name": "helper", "inputs": { "instructions": "help" } });
    let run = world.run("runyard.agent", json!({ "prompt": "outer", "tools": [helper, "runyard.core.ask"] })).await;
    eventually("the question", || async {
        let shown = json!(world.native.get_run(&run.run_id).await.unwrap().into_inner());
        (shown["waiting_on"]["reason"] == "input").then_some(())
    })
    .await;
    world.native.deliver_input(&run.run_id, &typed(json!({ "input": "ada" }))).await.unwrap();
    let made = outputs(&world, &json!(world.finished(&run.run_id).await)).await;
    let result = made["result"].as_str().unwrap();
    assert!(result.contains("from the helper") && result.contains("ada"), "{result}");
    let tools: Vec<_> = peer.asked().iter().map(|one| one.json()["tools"].to_string()).collect();
    assert!(tools[0].contains("helper") && !tools[0].contains("instructions"), "{}", tools[0]);
}

#[tokio::test]
async fn a_canceled_run_closes_the_connection_to_the_model() {
    let peer = model(|_| Says::Nothing).await;
    let world = with_model(&peer, "openai").await;
    let run = world.run("runyard.agent", json!({ "prompt": "go" })).await;
    peer.was_asked(1).await;
    world.gateway.cancel_run(&run.run_id).await.unwrap();
    let since = now();
    eventually("the end of the connection", || async { (peer.left() == 1).then_some(()) }).await;
    println!("the connection was closed {:?} after the cancel", since.elapsed());
}

#[tokio::test]
async fn the_key_of_a_model_is_sent_and_found_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, KEY).unwrap();
    let peer = model(|seen| match seen.turn {
        0 => Says::Calls(vec![("echo", json!({ "echo": KEY }))]),
        _ => Says::Text(format!("the key is {KEY}")),
    })
    .await;
    for form in FORMS {
        let mut models = configured(&peer, form);
        models[0].key = Some(SecretSource { env: None, file: Some(file.clone()), prefix: String::new() });
        let world = World::with(|config| config.models = models).await;
        let run = ended(&world, json!({ "prompt": "go", "tools": TOOLS })).await;
        assert_eq!(outputs(&world, &run).await["result"], "the key is ***", "{form}");
        let sent = peer.asked().last().unwrap().headers.values().any(|value| value.contains(KEY));
        assert!(sent, "{form}");
        let events = json!(world.events(run["run_id"].as_str().unwrap()).await).to_string();
        assert!(!events.contains(KEY), "{form}");
        for entry in std::fs::read_dir(world.server.folder()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap_or_default();
            assert!(!bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes()), "{form}: {}", path.display());
        }
    }
}
