//! One run, every API: all APIs report the same about a run, whichever API it was started through.
//!
//! Each situation is created through every API that can express it, and every API shows each of those runs. The answers
//! must not depend on the API that started the run. The golden has them once for each situation.

use std::fmt::Write;

use http::Method;
use serde_json::{Value, json};

use crate::cargo_ai;
use crate::harness::{DOCUMENTS, World, eventually};

const PLANNER: &str = "runyard.composite.planner.general";
const GOAL: &str = "Say \"done\", then return it.";
const ASLEEP: &str = "Sleep for 600 seconds.";
const ASKING: &str = "Ask \"Which color?\".";
const SHORT: &str = "Misfire, then say \"done\" and return it.";
const BROKEN: &str = "Misfire.";

/// A situation of a run, and how to create it.
struct Situation {
    name: &'static str,
    /// `URL` in it stands for a listener that never answers.
    goal: &'static str,
    /// The options of a start that it needs beside the goal.
    with: &'static [With],
    then: Then,
    /// The state in the Runyard API, and the state of one of its steps.
    state: (&'static str, Option<&'static str>),
}

/// The options that not every API can express.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    /// The run ignores failures.
    GoingOn,
    /// The plan needs an approval before it begins.
    Approval,
}

/// The action after the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    /// Cancel it through the API that started it.
    Cancel,
    /// Pause it, which only the Runyard API can do.
    Pause,
}

const SITUATIONS: [Situation; 10] = [
    Situation { name: "finished", goal: GOAL, with: &[], then: Then::Nothing, state: ("succeeded", None) },
    Situation { name: "failed", goal: BROKEN, with: &[], then: Then::Nothing, state: ("failed", None) },
    Situation { name: "canceled", goal: ASLEEP, with: &[], then: Then::Cancel, state: ("canceled", None) },
    Situation { name: "partial", goal: SHORT, with: &[With::GoingOn], then: Then::Nothing, state: ("partial", None) },
    Situation {
        name: "nothing achieved",
        goal: BROKEN,
        with: &[With::GoingOn],
        then: Then::Nothing,
        state: ("nothing_achieved", None),
    },
    Situation {
        name: "running",
        goal: "Fetch URL.",
        with: &[],
        then: Then::Nothing,
        state: ("running", Some("running")),
    },
    Situation { name: "asleep", goal: ASLEEP, with: &[], then: Then::Nothing, state: ("waiting", Some("timer")) },
    Situation { name: "asking", goal: ASKING, with: &[], then: Then::Nothing, state: ("waiting", Some("input")) },
    Situation {
        name: "to be approved",
        goal: GOAL,
        with: &[With::Approval],
        then: Then::Nothing,
        state: ("waiting", None),
    },
    Situation { name: "paused", goal: ASLEEP, with: &[], then: Then::Pause, state: ("waiting", Some("timer")) },
];

/// Starts a run through an API. Returns its id there, or nothing where the API cannot express an option.
async fn start(world: &World, api: &str, situation: &Situation, silent: &str) -> Option<String> {
    let (going_on, approval) = (situation.with.contains(&With::GoingOn), situation.with.contains(&With::Approval));
    let goal = situation.goal.replace("URL", silent);
    let body = match api {
        "run-gateway" | "run-coordinator" => {
            let mut extensions = json!({});
            if going_on {
                extensions["runyard.steps"] = json!({ "on_failure": "continue" });
            }
            if approval {
                extensions["runyard.approval"] = json!("on_start");
            }
            let planner = json!({ "node_type_id": PLANNER, "version": "1.0.0" });
            json!({ "root_node_type_ref": planner, "input": { "goal": goal }, "extensions": extensions })
        }
        "runtime" if !going_on && !approval => json!({ "input": { "goal": goal } }),
        "toolregistry" if !going_on => {
            let strategy = if approval { "ON_START" } else { "NONE" };
            json!({ "intent": goal, "selectedCustomerIntegrationIds": ["*"], "context": "", "userId": "ann",
                    "approvalStrategy": strategy })
        }
        "acp" if !going_on && !approval => json!({ "content": goal, "mode": "async" }),
        "runyard" => {
            let mut body = json!({ "goal": goal });
            if going_on {
                body["steps"] = json!({ "on_failure": "continue" });
            }
            if approval {
                body["approval"] = json!("on_start");
            }
            body
        }
        _ => return None,
    };
    let path = if api == "acp" { "/v1/servers/default/runs" } else { "/v1/runs" };
    let answer = world.post(api, path, body.to_string()).await;
    assert!(answer.status < 300, "{api}: {}", answer.text());
    let body = answer.json();
    let id = ["/run_id", "/runId", "/run/id"].into_iter().find_map(|place| body.pointer(place)?.as_str());
    Some(id.unwrap_or_else(|| panic!("{api}: {body}")).to_owned())
}

async fn cancel(world: &World, api: &str, run: &str) {
    let (method, path) = match api {
        "toolregistry" => (Method::DELETE, format!("/v1/runs/{run}")),
        "acp" => (Method::POST, format!("/v1/servers/default/runs/{run}/cancel")),
        _ => (Method::POST, format!("/v1/runs/{run}:cancel")),
    };
    let answer = world.send(api, world.request(api, method, &path)).await;
    assert_eq!(answer.status, 200, "{api}: {}", answer.text());
}

/// The run in the Runyard API, once it has that state.
async fn at(world: &World, run: &str, (state, step): (&str, Option<&str>)) -> Value {
    eventually(&format!("the run is {state}, and a step {step:?}"), || async {
        let shown = world.get("runyard", &format!("/v1/runs/{run}")).await.json();
        // The state of a step. A run that is being planned has no step yet.
        let steps = shown["node_runs"].as_array().unwrap().iter().skip(1);
        let at = |step: &Value| step.pointer("/waiting_for/reason").unwrap_or(&step["state"]).clone();
        let fits = shown["state"] == state && step.is_none_or(|word| steps.map(at).any(|at| at == word));
        fits.then_some(shown)
    })
    .await
}

/// The answer of an API about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RunView {
    status: String,
    result: String,
    error: String,
    began: Option<String>,
    ended: Option<String>,
}

impl RunView {
    /// Where the answer of an API has each value. A missing place is empty.
    fn of(shown: &Value, [status, result, error, began, ended]: [&str; 5]) -> RunView {
        let text = |place: &str| match shown.pointer(place) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let time = |place: &str| shown.pointer(place).and_then(Value::as_str).map(str::to_owned);
        // One API joins code and message in one text.
        let error = text(error).split(':').next().unwrap_or_default().to_owned();
        RunView { status: text(status), result: text(result), error, began: time(began), ended: time(ended) }
    }
}

async fn view(world: &World, api: &str, run: &str) -> RunView {
    let read = async |path: &str| world.get(api, path).await.json();
    match api {
        "run-gateway" | "run-coordinator" => {
            let shown = read(&format!("/v1/runs/{run}")).await;
            let result = "/extensions/runyard.outputs/result";
            RunView::of(&shown, ["/state", result, "/extensions/runyard.error/code", "/started_at", "/ended_at"])
        }
        "runtime" => {
            let status = read(&format!("/v1/runs/{run}")).await;
            let answer = world.get(api, &format!("/v1/runs/{run}/result")).await;
            let ended = status.get("ended_at").is_some();
            assert_eq!(answer.status, if ended { 200 } else { 409 }, "a result when it has ended");
            let result = if ended { answer.json() } else { json!({}) };
            let both = json!({ "status": status, "result": result });
            let places = [
                "/status/state",
                "/result/output/result",
                "/result/error/code",
                "/status/started_at",
                "/status/ended_at",
            ];
            RunView::of(&both, places)
        }
        "toolregistry" => {
            let shown = read(&format!("/v1/runs/{run}?includeEvents=true")).await;
            let last = shown["events"].as_array().unwrap().last().cloned().unwrap();
            let ended = (last["event"] == "end").then(|| last["timestamp"].clone());
            let both = json!({ "run": shown, "last": last, "ended": ended });
            RunView::of(&both, ["/run/status", "/run/result/result", "/last/error/code", "/run/createdAt", "/ended"])
        }
        "acp" => {
            let shown = read(&format!("/v1/servers/default/runs/{run}")).await;
            RunView::of(&shown, ["/run/status", "/run/output", "/run/error", "/run/createdAt", "/run/completedAt"])
        }
        "cargo" => {
            let shown = read(&format!("/v1/orchestration/runs/{run}")).await;
            // It has a context by node and no result. It says only in words why a run failed.
            RunView::of(&shown, ["/run/status", "/none", "/none", "/run/createdAt", "/run/finishedAt"])
        }
        "runyard" => {
            let shown = read(&format!("/v1/runs/{run}")).await;
            RunView::of(&shown, ["/state", "/outputs/result", "/error/code", "/created_at", "/ended_at"])
        }
        other => panic!("what does {other} tell of a run?"),
    }
}

fn clients() -> impl Iterator<Item = &'static str> {
    DOCUMENTS.iter().map(|document| document.name)
}

#[tokio::test]
async fn one_run_is_shown_alike_by_every_api() {
    let world = World::with(|config| config.egress.allow_networks = vec!["127.0.0.0/8".to_owned()]).await;
    // A caller's connection is queued by the listener, and waits there.
    let silent_peer = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}/", silent_peer.local_addr().unwrap());
    let mut golden = String::new();
    for situation in &SITUATIONS {
        let (mut through, mut story) = (Vec::new(), None);
        for api in clients() {
            let Some(run) = start(&world, api, situation, &silent).await else { continue };
            if situation.then != Then::Nothing {
                at(&world, &run, ("waiting", Some("timer"))).await;
            }
            match situation.then {
                Then::Nothing => {}
                Then::Cancel => cancel(&world, api, &run).await,
                Then::Pause => {
                    let paused = world.post("runyard", &format!("/v1/runs/{run}:pause"), "{}").await;
                    assert_eq!(paused.status, 200);
                }
            }
            let own = at(&world, &run, situation.state).await;
            let mut lines = String::new();
            for shown_by in clients() {
                let view = view(&world, shown_by, &run).await;
                let (name, of) = (situation.name, format!("{} through {api}, at {shown_by}", situation.name));
                assert_eq!(view.began.as_deref(), own["created_at"].as_str(), "{of}: when it began");
                assert_eq!(view.ended.as_deref(), own["ended_at"].as_str(), "{of}: when it ended");
                assert_eq!(
                    view.ended.is_some(),
                    !["running", "asleep", "asking", "to be approved", "paused"].contains(&name)
                );
                let words = [("result", &view.result), ("error", &view.error)];
                let words = words.iter().filter(|(_, word)| !word.is_empty());
                let words: String = words.map(|(what, word)| format!(" {what}={word}")).collect();
                writeln!(lines, "  {shown_by}: {}{words}", view.status).unwrap();
            }
            through.push(api);
            let first = story.get_or_insert_with(|| lines.clone());
            assert_eq!(
                first, &lines,
                "{}: through {api} it is another story than through {}",
                situation.name, through[0]
            );
            // The test is over: none of its runs stays active.
            if own["ended_at"].is_null() {
                cancel(&world, api, &run).await;
            }
        }
        writeln!(golden, "{} (through {})\n{}", situation.name, through.join(", "), story.unwrap()).unwrap();
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/apis"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("one_story", golden));
}

#[tokio::test]
async fn each_api_lists_its_own_runs_and_the_runyard_api_lists_all() {
    let world = World::new().await;
    let mut started = Vec::new();
    for api in clients() {
        let run = match api {
            // It starts graphs, not goals.
            "cargo" => {
                let begun = cargo_ai::begun(&world, json!({ "nodes": cargo_ai::drawn(), "data": null })).await;
                begun["uuid"].as_str().unwrap().to_owned()
            }
            api => start(&world, api, &SITUATIONS[0], "").await.unwrap(),
        };
        let own = at(&world, &run, ("succeeded", None)).await;
        assert_eq!(own["face"], api);
        started.push((api, own["run_id"].as_str().unwrap().to_owned()));
    }
    let uuid = |id: &str| id.trim_start_matches("run_").replace('-', "");
    let ids = |listed: &Value, key: &str| -> Vec<String> {
        listed.as_array().unwrap().iter().map(|run| uuid(run[key].as_str().unwrap())).collect()
    };
    let all: Vec<String> = started.iter().rev().map(|(_, run)| uuid(run)).collect();
    assert_eq!(ids(&world.get("runyard", "/v1/runs").await.json()["runs"], "run_id"), all, "newest first");
    for (api, run) in &started {
        let own = world.get("runyard", &format!("/v1/runs?face={api}")).await.json();
        assert_eq!(ids(&own["runs"], "run_id"), [uuid(run)], "{api}");
    }
    let of = |api: &str| vec![uuid(&started.iter().find(|(one, _)| *one == api).unwrap().1)];
    assert_eq!(ids(&world.get("toolregistry", "/v1/runs").await.json(), "runId"), of("toolregistry"));
    let listed = world.get("acp", "/v1/servers/default/runs").await.json();
    assert_eq!((ids(&listed["data"], "id"), ids(&listed["runs"], "id")), (of("acp"), of("acp")));
    let (_, listed) = cargo_ai::post(&world, "/runs/list", json!({})).await;
    assert_eq!(ids(&listed["runs"], "uuid"), of("cargo"));
}
