//! Approvals: which approval requests there are and when, the links that decide them, and the restarts that they
//! survive.

use http::Method;
use runyard_api::client::Plain;
use runyard_api::toolregistry::client::Client;
use runyard_api::toolregistry::types::{ApprovalStrategy, RunDto, RunStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{INTENT, asking, create, ended, events, frames, get, names, with};
use crate::harness::{Answer, Frame, Frames, World, eventually, refused, typed};
use crate::process::{Served, bounded, free_port_base};

pub(super) fn when(strategy: &str, intent: &str) -> Value {
    with(asking(intent), "approvalStrategy", json!(strategy))
}

/// The run, once it waits for an approval.
pub(super) async fn paused(world: &World, run: Uuid) -> RunDto {
    eventually("an approval is pending", async || {
        let run = get(world, run).await;
        (run.status == RunStatus::Paused).then_some(run)
    })
    .await
}

/// The last approval request of a run.
fn question(run: &RunDto) -> &Value {
    run.events.iter().rev().find_map(|event| event.get("approval")).expect("an approval is pending")
}

/// A link of the last approval request.
pub(super) fn link<'a>(run: &'a RunDto, which: &str) -> &'a str {
    question(run)[which].as_str().unwrap()
}

/// The part after the host in a link.
pub(super) fn path(link: &str) -> &str {
    &link[link.find("/v1/").unwrap()..]
}

/// Follows a link as a browser does: without any credential.
async fn follow(world: &World, link: &str) -> Answer {
    let anonymous = world.showing(None);
    let answer = anonymous.send("toolregistry", anonymous.request("toolregistry", Method::GET, path(link))).await;
    drop(anonymous);
    answer
}

#[tokio::test]
async fn a_whole_plan_is_approved_once_before_anything_is_called() {
    let world = World::new().await;
    let created = create(&world, when("ON_START", INTENT)).await;
    assert_eq!(created.status, RunStatus::Paused);
    let run = paused(&world, created.run_id).await;
    let kinds: Vec<&str> = run.events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["status", "start", "run_approval"]);
    assert!(run.events[2].get("step").is_none(), "the whole plan is meant");
    assert_eq!((&run.events[2]["runStatus"], &question(&run)["decision"]), (&json!("PAUSED"), &json!("PENDING")));

    let answer = follow(&world, link(&run, "approveUrl")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(answer.text().contains("<h1>Approved</h1>"), "never a blank page: {}", answer.text());
    let events = events(&world, run.run_id).await;
    assert_eq!(names(&events)[2..], ["run_approval", "run_action", "step", "step", "end"]);
    assert_eq!(events[3].data["approval"]["decision"], json!("APPROVED"));
    assert_eq!(events[2].data["approval"]["id"], events[3].data["approval"]["id"]);
    assert_eq!(get(&world, run.run_id).await.status, RunStatus::Success);
}

#[tokio::test]
async fn every_tool_call_is_approved_by_itself() {
    let world = World::new().await;
    let run = create(&world, when("ON_TOOL_CALL", INTENT)).await.run_id;
    for step in ["S1", "S2"] {
        let waiting = eventually("the next step asks", async || {
            let run = paused(&world, run).await;
            (run.events.last().unwrap()["step"]["id"] == json!(step)).then_some(run)
        })
        .await;
        let asked = waiting.events.last().unwrap();
        assert_eq!(asked["step"]["approval"], json!("PENDING"));
        assert!(asked["step"].get("toolCall").is_none(), "only its text");
        assert_eq!(follow(&world, link(&waiting, "approveUrl")).await.status, 201);
    }
    let seen = frames(&world, run, Some("true"), None).await.rest().await;
    assert_eq!(
        names(&seen),
        ["status", "start", "run_approval", "run_action", "step", "run_approval", "run_action", "step", "end"]
    );
    let asked = &seen[5].data["step"]["toolCall"];
    assert_eq!(asked["request"]["text"].as_str().map(str::len), Some(36), "what is agreed to is known: {asked}");
    assert_eq!(seen[7].data["step"]["approval"], json!("APPROVED"));
    assert_eq!(seen[8].data["runStatus"], json!("SUCCESS"));
}

#[tokio::test]
async fn who_is_denied_is_canceled() {
    let world = World::new().await;
    for strategy in ["ON_START", "ON_TOOL_CALL"] {
        let run = create(&world, when(strategy, INTENT)).await.run_id;
        let waiting = paused(&world, run).await;
        assert_eq!(follow(&world, link(&waiting, "denyUrl")).await.status, 201);
        let seen = events(&world, run).await;
        let action = seen.iter().find(|event| event.event.as_deref() == Some("run_action")).unwrap();
        assert_eq!(action.data["approval"]["decision"], json!("DENIED"));
        let last = seen.last().unwrap();
        assert_eq!((&last.data["runStatus"], &last.data["error"]["code"]), (&json!("CANCELED"), &json!("denied")));
        assert_eq!(get(&world, run).await.status, RunStatus::Canceled);
    }
}

#[tokio::test]
async fn a_link_decides_once_and_only_what_it_is_for() {
    let world = World::new().await;
    let run = create(&world, when("ON_START", INTENT)).await.run_id;
    let waiting = paused(&world, run).await;
    let (approve, deny) = (link(&waiting, "approveUrl").to_owned(), link(&waiting, "denyUrl").to_owned());
    assert_ne!(approve, deny);
    assert_eq!(follow(&world, &approve).await.status, 201);
    for used in [&approve, &deny] {
        assert_eq!(follow(&world, used).await.refusal(), (400, "decision_token_used".to_owned()));
    }
    let (cut, other) = (&approve[..approve.len() - 2], approve.replace("token=", "token=A"));
    for nonsense in [cut, &other, "/v1/runs/approval?token=", "/v1/runs/approval?token=x"] {
        assert_eq!(follow(&world, nonsense).await.refusal(), (400, "decision_token_invalid".to_owned()));
    }
    assert_eq!(follow(&world, "/v1/runs/approval").await.refusal(), (400, "invalid_request".to_owned()));

    let aborted = create(&world, when("ON_START", INTENT)).await.run_id;
    let waiting = paused(&world, aborted).await;
    world.toolregistry.run_controller_abort_run(&aborted.to_string()).await.unwrap();
    let late = follow(&world, link(&waiting, "approveUrl")).await;
    assert_eq!(late.refusal(), (400, "decision_token_used".to_owned()), "what it is for has ended");
}

#[tokio::test]
async fn no_event_says_running_between_paused_and_canceled() {
    let world = World::new().await;
    let statuses = async |run: Uuid| -> Vec<String> {
        let seen = events(&world, run).await;
        seen.iter().map(|event| event.data["runStatus"].as_str().unwrap().to_owned()).collect()
    };
    for strategy in ["ON_START", "ON_TOOL_CALL"] {
        let denied = create(&world, when(strategy, INTENT)).await.run_id;
        let waiting = paused(&world, denied).await;
        follow(&world, link(&waiting, "denyUrl")).await;
        let aborted = create(&world, when(strategy, INTENT)).await.run_id;
        paused(&world, aborted).await;
        world.toolregistry.run_controller_abort_run(&aborted.to_string()).await.unwrap();
        for run in [denied, aborted] {
            let seen = statuses(run).await;
            let from = seen.iter().position(|status| status == "PAUSED").unwrap();
            let (last, rest) = seen[from..].split_last().unwrap();
            assert!(last == "CANCELED" && rest.iter().all(|status| status == "PAUSED"), "{strategy}: {seen:?}");
        }
    }
    // A run that is paused, and then aborted.
    let held = create(&world, asking("Sleep for 600 seconds.")).await.run_id;
    world.native.pause_run(&held.to_string(), Some(&typed(json!({})))).await.unwrap();
    world.toolregistry.run_controller_abort_run(&held.to_string()).await.unwrap();
    let seen = statuses(held).await;
    let from = seen.iter().position(|status| status == "PAUSED").unwrap();
    assert!(!seen[from..].contains(&"RUNNING".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn who_only_looks_ahead_decides_nothing() {
    let world = World::new().await;
    let run = create(&world, when("ON_START", INTENT)).await.run_id;
    let waiting = paused(&world, run).await;
    let link = link(&waiting, "approveUrl").to_owned();
    let anonymous = world.showing(None);
    let client = reqwest::Client::new();
    let head = async |link: &str| client.head(link).send().await.unwrap().status().as_u16();
    assert_eq!(head(&link).await, 201, "it would decide");
    for (name, value) in [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch")] {
        let request = anonymous.request("toolregistry", Method::GET, path(&link)).header(name, value);
        let answer = anonymous.send("toolregistry", request).await;
        assert_eq!(answer.refusal(), (400, "prefetch_refused".to_owned()), "{name}");
    }
    assert_eq!(get(&world, run).await.status, RunStatus::Paused, "it is undecided");
    let answer = follow(&world, &link).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store, no-transform")));
    assert_eq!(head(&link).await, 400, "it would not any more");
    assert_eq!(head(&format!("{link}x")).await, 400);
    ended_well(&world, run).await;
}

async fn ended_well(world: &World, run: Uuid) {
    events(world, run).await;
    assert_eq!(get(world, run).await.status, RunStatus::Success);
}

#[tokio::test]
async fn a_link_needs_no_key_and_a_key_that_is_shown_has_to_hold() {
    let world = World::with(|config| config.auth.mode = Some(runyard::config::auth::Mode::Required)).await;
    let red = world.showing(Some(&world.key("red", &[]).await));
    let reader = world.showing(Some(&world.key("red", &["runs:read"]).await));
    let blue = world.showing(Some(&world.key("blue", &[]).await));
    let body = typed(when("ON_START", INTENT));
    let run =
        red.toolregistry.run_controller_create_run(None, None, &body).await.unwrap().into_inner().run_id.to_string();
    let look = async |clients: &crate::harness::Clients| {
        let run = clients.toolregistry.run_controller_get_run(&run, Some("true")).await.unwrap().into_inner();
        question(&run).clone()
    };
    let asked = look(&red).await;
    assert!(look(&reader).await.get("approveUrl").is_none(), "who may only read is not handed what decides");
    let link = asked["approveUrl"].as_str().unwrap();

    let shown = async |key: &str| {
        let request = world.showing(None).request("toolregistry", Method::GET, path(link)).header("x-api-key", key);
        world.send("toolregistry", request).await.refusal()
    };
    assert_eq!(shown("nothing").await, (401, "unauthorized".to_owned()));
    let token = link.split_once("token=").unwrap().1;
    let foreign = blue.toolregistry.run_controller_run_approval(token).await;
    assert_eq!(refused(foreign).short(), (400, "decision_token_invalid"), "another tenant's");
    assert_eq!(follow(&world, link).await.status, 201, "without a name");
    let again = red.toolregistry.run_controller_run_approval(token).await;
    assert_eq!(refused(again).short(), (400, "decision_token_used"));
}

#[tokio::test]
async fn links_begin_with_the_address_of_the_api() {
    let world = World::new().await;
    let run = create(&world, when("ON_START", INTENT)).await.run_id;
    let waiting = paused(&world, run).await;
    assert!(link(&waiting, "approveUrl").starts_with(world.server.url("toolregistry").unwrap()));

    // The server trusts the headers of configured proxies, and of no other client.
    for trusted in [true, false] {
        let proxies = if trusted { vec!["127.0.0.0/8".to_owned()] } else { Vec::new() };
        let world = World::with(|config| config.trusted_proxies = proxies).await;
        let run = create(&world, when("ON_START", INTENT)).await.run_id;
        paused(&world, run).await;
        let path = format!("/v1/runs/{run}?includeEvents=true");
        let request = world.request("toolregistry", http::Method::GET, &path);
        let request = request.header("x-forwarded-host", "runs.example.org").header("x-forwarded-proto", "https");
        let text = world.send("toolregistry", request).await.text().to_owned();
        let begins = if trusted { "https://runs.example.org/v1/" } else { world.server.url("toolregistry").unwrap() };
        assert!(text.contains(&format!("\"approveUrl\":\"{begins}")), "{text}");
        assert_eq!(text.contains("runs.example.org"), trusted);
    }
    let everywhere = |config: &mut runyard::config::Config| {
        config.public_url = Some("https://runs.example.org/".to_owned());
    };
    let world = World::with(everywhere).await;
    let run = create(&world, when("ON_START", INTENT)).await.run_id;
    let waiting = paused(&world, run).await;
    assert!(link(&waiting, "approveUrl").starts_with("https://runs.example.org/v1/runs/approval?token="));

    let known = |config: &mut runyard::config::Config| {
        config.toolregistry.public_url = Some("https://runs.example.org/base/".to_owned());
    };
    let world = World::with(known).await;
    let run = create(&world, when("ON_START", INTENT)).await.run_id;
    let waiting = paused(&world, run).await;
    let link = link(&waiting, "denyUrl");
    assert!(link.starts_with("https://runs.example.org/base/v1/runs/approval?token="), "{link}");
}

#[tokio::test]
async fn no_approval_is_needed_by_default() {
    let world = World::new().await;
    for body in [asking(INTENT), when("NONE", INTENT)] {
        let run = ended(&world, body).await;
        assert_eq!(run.status, RunStatus::Success);
        assert!(run.events.iter().all(|event| event.get("approval").is_none()));
    }
    let answer = world.post("toolregistry", "/v1/runs", when("ALWAYS", INTENT).to_string()).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
    assert_eq!(ApprovalStrategy::OnStart.to_string(), "ON_START");
}

#[tokio::test]
async fn runs_that_wait_for_an_approval_are_listed_as_paused() {
    let world = World::new().await;
    let run = create(&world, when("ON_TOOL_CALL", INTENT)).await.run_id;
    let waiting = paused(&world, run).await;
    let listed = async |status| {
        let runs = world.toolregistry.run_controller_list_runs(None, None, None, None, Some(&status), None).await;
        runs.unwrap().into_inner().into_iter().map(|run| run.run_id).collect::<Vec<_>>()
    };
    assert_eq!(listed(RunStatus::Paused).await, [run]);
    assert!(listed(RunStatus::Running).await.is_empty());
    follow(&world, link(&waiting, "denyUrl")).await;
    assert!(listed(RunStatus::Paused).await.is_empty());
    assert_eq!(listed(RunStatus::Canceled).await, [run]);
}

/// The API of a process, and requests to it.
pub(super) struct Api(Client);

impl Api {
    pub(super) fn of(base: u16) -> Self {
        Api(Client::new_with_client(
            &format!("http://127.0.0.1:{}", base + 4),
            reqwest::Client::new(),
            std::sync::Arc::new(Plain),
        ))
    }

    async fn start(&self) -> String {
        self.start_with(when("ON_TOOL_CALL", INTENT)).await
    }

    pub(super) async fn get(&self, run: &str) -> RunDto {
        self.0.run_controller_get_run(run, Some("true")).await.unwrap().into_inner()
    }

    pub(super) async fn start_with(&self, body: Value) -> String {
        let body = typed(body);
        self.0.run_controller_create_run(None, None, &body).await.unwrap().into_inner().run_id.to_string()
    }

    pub(super) async fn stream(&self, run: &str, after: usize) -> Frames {
        let last = Some(i64::try_from(after).unwrap());
        Frames::of(self.0.run_controller_sse(run, None, None, last).await.unwrap().into_inner_stream())
    }

    /// Reads the stream until there is an approval request, and returns the token of its link.
    pub(super) async fn asked(&self, run: &str, seen: &mut Vec<Frame>, which: &str) -> String {
        let mut stream = self.stream(run, seen.len()).await;
        loop {
            let next = bounded("the next question", stream.next()).await.expect("the run has not ended");
            let link = next.data["approval"][which].as_str().map(str::to_owned);
            seen.push(next);
            if let Some(link) = link {
                return link.split_once("token=").unwrap().1.to_owned();
            }
        }
    }

    pub(super) async fn follow(&self, token: &str) -> u16 {
        match self.0.run_controller_run_approval(token).await {
            Ok(answer) => answer.status().as_u16(),
            Err(error) => error.status().unwrap().as_u16(),
        }
    }
}

#[tokio::test]
async fn what_was_asked_before_a_kill_is_decided_after_it_by_the_same_link() {
    let folder = tempfile::tempdir().unwrap();
    let base = free_port_base();
    let flags = [base.to_string()];
    let start = async || Served::start_with(folder.path(), &["--port-base", &flags[0]]).await;
    let api = Api::of(base);
    let mut served = start().await;
    let (run, twin) = (api.start().await, api.start().await);
    let (mut seen, mut of_twin) = (Vec::new(), Vec::new());
    let no = api.asked(&twin, &mut of_twin, "denyUrl").await;
    for step in 0..2 {
        let token = api.asked(&run, &mut seen, "approveUrl").await;
        served.kill();
        served = start().await;
        assert_eq!(api.follow(&token).await, 201, "step {step}");
        assert_eq!(api.follow(&token).await, 400, "a used token");
    }
    seen.extend(bounded("its end", api.stream(&run, seen.len()).await.rest()).await);
    assert_eq!(
        seen.iter().map(|frame| frame.id).collect::<Vec<_>>(),
        (1..=9).collect::<Vec<_>>(),
        "no gap, no duplicate"
    );
    let whole = bounded("the whole of it", api.stream(&run, 0).await.rest()).await;
    assert_eq!(seen, whole);
    assert_eq!(seen.last().unwrap().data["runStatus"], json!("SUCCESS"));

    assert_eq!(api.follow(&no).await, 201);
    of_twin.extend(bounded("the twin's end", api.stream(&twin, of_twin.len()).await.rest()).await);
    assert_eq!(of_twin.last().unwrap().data["runStatus"], json!("CANCELED"));
    assert_eq!(api.follow(&no).await, 400);
    served.kill();
}
