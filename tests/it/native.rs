//! The Runyard API: every run in one list, with its tree, its log and its counts.

mod page;

use std::collections::BTreeSet;

use runyard_api::runyard::types::{NodeKind, NodeRunState, RunState, RunSummary, RunWaitReason, WaitReason};
use serde_json::json;

use page::{RunQuery, page};

use crate::harness::{Apart, DOCUMENTS, Lines, Mode, World, eventually, refused, typed};

/// Every page up to the last.
async fn all(world: &World, wanted: &RunQuery<'_>, limit: u32) -> Vec<RunSummary> {
    let (mut runs, mut next) = page(world, wanted, limit, None).await;
    while let Some(cursor) = next {
        let more;
        (more, next) = page(world, wanted, limit, Some(&cursor)).await;
        assert!(!more.is_empty(), "a cursor leads to something");
        runs.extend(more);
    }
    runs
}

fn ids(runs: &[RunSummary]) -> Vec<&str> {
    runs.iter().map(|run| &*run.run_id).collect()
}

#[tokio::test]
async fn filters_narrow_the_list_together() {
    let world = World::new().await;
    let echo = world.run("jarvis.core.echo", json!({"echo": "x"})).await.run_id;
    world.finished(&echo).await;
    let failed = world.run("runyard.composite.planner.general", json!({"goal": "Paint the fence."})).await.run_id;
    world.finished(&failed).await;
    let waiting = world.run("runyard.composite.external", json!({})).await.run_id;
    let body = json!({
        "run_id": "mine",
        "root_node_type_ref": {"node_type_id": "runyard.core.sleep", "version": "1"},
        "input": {"seconds": 600},
    });
    world.coordinator.start_run(None, &typed(body)).await.unwrap();
    let slept = world.native.get_run("mine").await.unwrap().into_inner().run_id;
    world.gateway.cancel_run("mine").await.unwrap();

    let everything = all(&world, &RunQuery::default(), 50).await;
    assert_eq!(ids(&everything), [&*slept, &waiting, &failed, &echo], "newest first");
    let of = |wanted: RunQuery<'static>| {
        let world = &world;
        async move { all(world, &wanted, 50).await.into_iter().map(|run| run.run_id).collect::<Vec<_>>() }
    };
    let states = |states: &[RunState]| RunQuery { states: states.to_vec(), ..RunQuery::default() };
    assert_eq!(of(states(&[RunState::Succeeded])).await, [&*echo]);
    assert_eq!(of(states(&[RunState::Failed, RunState::Canceled])).await, [&*slept, &*failed]);
    assert_eq!(of(states(&[RunState::Waiting])).await, [&*waiting]);
    assert!(of(states(&[RunState::Queued])).await.is_empty());
    assert_eq!(of(RunQuery { face: Some("run-coordinator"), ..RunQuery::default() }).await, [&*slept]);
    for node_type in ["runyard.core.echo", "jarvis.core.echo"] {
        assert_eq!(of(RunQuery { node_type: Some(node_type), ..RunQuery::default() }).await, [&*echo]);
    }
    let echo_and_waiting =
        RunQuery { states: vec![RunState::Waiting], node_type: Some("runyard.core.echo"), ..RunQuery::default() };
    assert!(of(echo_and_waiting).await.is_empty());
    let at = |id: &str| everything.iter().find(|run| run.run_id == id).unwrap().created_at;
    let since: Vec<_> = of(RunQuery { after: Some(at(&failed)), ..RunQuery::default() }).await;
    assert!(since.contains(&failed) && since.contains(&slept), "created then or later");
    let until: Vec<_> = of(RunQuery { before: Some(at(&failed)), ..RunQuery::default() }).await;
    assert!(!until.contains(&failed) && !until.contains(&slept), "created earlier");

    let [slept, _, failed, _] = &everything[..] else { panic!("{everything:?}") };
    assert_eq!(
        (slept.name.as_deref(), slept.state, slept.reason.as_deref()),
        (Some("mine"), RunState::Canceled, Some("canceled"))
    );
    assert_eq!(
        (failed.title.as_deref(), failed.reason.as_deref()),
        (Some("Paint the fence."), Some("clause_unmapped"))
    );
    assert!(failed.ended_at.is_some() && failed.updated_at >= failed.created_at);
}

#[tokio::test]
async fn pages_reach_the_end_while_others_start_runs() {
    let world = World::new().await;
    let mut old = BTreeSet::new();
    for n in 0..23 {
        old.insert(world.run("runyard.core.echo", json!({"echo": n.to_string()})).await.run_id);
    }
    for limit in [1, 5, 23, 200] {
        let starting = async {
            for _ in 0..10 {
                world.run("runyard.core.uuid4", json!({})).await;
            }
        };
        let wanted = RunQuery::default();
        let (seen, ()) = tokio::join!(all(&world, &wanted, limit), starting);
        let ids = ids(&seen);
        let unique: BTreeSet<_> = ids.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(ids.len(), unique.len(), "limit {limit}: no run comes twice");
        assert!(unique.is_superset(&old), "limit {limit}: no run is left out");
        assert!(seen.is_sorted_by(|one, next| one.created_at >= next.created_at), "limit {limit}: newest first");
    }
    let (first, next) = page(&world, &RunQuery::default(), 50, None).await;
    assert_eq!((first.len(), next.is_some()), (50, true));
}

#[tokio::test]
async fn counts_follow_the_runs() {
    let world = World::new().await;
    let done = world.run("runyard.core.echo", json!({"echo": "x"})).await.run_id;
    world.finished(&done).await;
    let failed = world.run("runyard.composite.planner.general", json!({"goal": "Paint the fence."})).await.run_id;
    world.finished(&failed).await;
    let waiting = world.run("runyard.composite.external", json!({})).await.run_id;
    let counts = world.native.count_runs().await.unwrap().into_inner();
    assert_eq!((counts.total, counts.succeeded, counts.failed, counts.waiting), (3, 1, 1, 1));
    world.gateway.cancel_run(&waiting).await.unwrap();
    let counts = world.native.count_runs().await.unwrap().into_inner();
    assert_eq!((counts.total, counts.canceled, counts.waiting, counts.running, counts.queued), (3, 1, 0, 0, 0));
}

#[tokio::test]
async fn a_run_is_shown_with_its_whole_tree() {
    let world = World::new().await;
    let goal = "Sleep for 600 seconds, then generate a UUID.";
    let run = world.run("jarvis.composite.planner.general", json!({"goal": goal})).await;
    let seen = eventually("the sleep waits", || async {
        let seen = world.native.get_run(&run.run_id).await.unwrap().into_inner();
        let asleep = |node: &runyard_api::runyard::types::NodeRun| {
            node.waiting_for.as_ref().is_some_and(|wait| wait.reason == WaitReason::Timer)
        };
        seen.node_runs.iter().any(asleep).then_some(seen)
    })
    .await;
    let [root, sleep, uuid] = &seen.node_runs[..] else { panic!("{seen:?}") };
    assert_eq!((seen.state, seen.face.as_str(), seen.title.as_deref()), (RunState::Waiting, "run-gateway", Some(goal)));
    assert_eq!(seen.root_node_run_id, root.node_run_id);
    assert_eq!((root.depth, root.kind, root.state, &*root.key), (0, NodeKind::Composite, NodeRunState::Waiting, ""));
    assert_eq!(root.waiting_for.as_ref().unwrap().reason, WaitReason::Children);
    assert_eq!(root.node_type_ref.node_type_id, "jarvis.composite.planner.general");
    assert_eq!(root.resolved_node_type.node_type_id, "runyard.composite.planner.general");
    assert_eq!((sleep.depth, sleep.state, sleep.attempt), (1, NodeRunState::Waiting, 1));
    assert!(sleep.waiting_for.as_ref().unwrap().until.unwrap() > sleep.created_at);
    assert_eq!((uuid.state, &uuid.depends_on), (NodeRunState::Pending, &vec![sleep.node_run_id.clone()]));
    world.gateway.cancel_run(&run.run_id).await.unwrap();
    let seen = world.native.get_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!((seen.state, seen.error.unwrap().code), (RunState::Canceled, "canceled".to_owned()));
    let stream = world.native.stream_run_events(&run.run_id, None, None, None).await.unwrap();
    let log = Lines::of(stream.into_inner_stream()).rest().await;
    assert_eq!(log.len() as i64, seen.event_count);
    assert!(log[0]["data"]["start"].get("notes").is_none(), "{}", log[0]);
}

#[tokio::test]
async fn a_run_answers_to_all_of_its_names() {
    let world = World::new().await;
    let run = world.run("runyard.core.echo", json!({"echo": "x"})).await.run_id;
    let digits = run.strip_prefix("run_").unwrap();
    let hyphenated = uuid::Uuid::parse_str(digits).unwrap().hyphenated().to_string();
    let mut named = json!({"run_id": "my-run.v1_2"});
    named["root_node_type_ref"] = json!({"node_type_id": "runyard.core.echo", "version": "1"});
    named["input"] = json!({"echo": "y"});
    world.start(named).await;
    let generated = world.native.get_run("my-run.v1_2").await.unwrap().into_inner().run_id;
    assert!(generated.starts_with("run_"), "our API shows what was generated: {generated}");
    for (reference, shown, own) in [
        (&*run, &*run, &*run),
        (&hyphenated, &run, &run),
        (&hyphenated.to_uppercase(), &run, &run),
        (digits, &run, &run),
        ("my-run.v1_2", "my-run.v1_2", &generated),
        (&generated, "my-run.v1_2", &generated),
    ] {
        assert_eq!(world.gateway.get_run(reference).await.unwrap().into_inner().run_id, shown);
        assert_eq!(world.coordinator.get_run(reference).await.unwrap().into_inner().run_id, shown);
        assert_eq!(world.native.get_run(reference).await.unwrap().into_inner().run_id, own);
        let events = world.events(reference).await;
        assert!(events.iter().all(|event| event["run_id"] == shown), "{events:?}");
    }
    let other_case = refused(world.gateway.get_run("MY-RUN.v1_2").await);
    assert_eq!(other_case.short(), (404, "run_not_found"));
}

#[tokio::test]
async fn queries_that_do_not_fit_are_400() {
    let world = World::new().await;
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=",
        "cursor=",
        "cursor=rubbish",
        "cursor=AAAA",
        "state=asleep",
        "state=",
        "created_after=yesterday",
        "created_before=2026-13-01T00:00:00Z",
        "limit=1&limit=2",
    ] {
        let answer = world.get("runyard", &format!("/v1/runs?{query}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{query}");
        let error = answer.json()["error"]["details"]["errors"][0].clone();
        // For an item of a list, the path has the index, too: `state/0`.
        let field = error["field"].as_str().and_then(|field| field.split('/').next());
        assert_eq!((&error["place"], field), (&json!("query"), query.split('=').next()), "{query}");
    }
    for query in ["kind=group", "q="] {
        let answer = world.get("runyard", &format!("/v1/node-types?{query}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{query}");
    }
}

#[tokio::test]
async fn node_types_can_be_found() {
    let world = World::new().await;
    let find = |query: Option<&'static str>, kind: Option<&'static NodeKind>| {
        let native = &world.native;
        async move {
            let found = native.list_node_types(kind, query).await.unwrap().into_inner().node_types;
            found.into_iter().map(|one| one.node_type_id).collect::<Vec<_>>()
        }
    };
    let composites = ["each", "external", "graph", "planner.general"].map(|name| format!("runyard.composite.{name}"));
    assert_eq!(find(None, Some(&NodeKind::Composite)).await, composites);
    let all = find(None, None).await;
    assert!(all.is_sorted() && all.len() == 23, "{all:?}");
    assert_eq!(find(Some("JARVIS.core.UUID"), None).await, ["runyard.core.uuid4"]);
    assert!(find(Some("no such thing"), None).await.is_empty());
    assert!(find(Some("uuid4"), Some(&NodeKind::Composite)).await.is_empty());
}

#[tokio::test]
async fn the_listeners_are_listed_with_their_addresses() {
    let world = World::new().await;
    let clients = world.native.list_doors().await.unwrap().into_inner().doors;
    assert_eq!(clients.len(), DOCUMENTS.len());
    for (api, document) in clients.iter().zip(DOCUMENTS.iter()) {
        assert_eq!((&*api.name, Some(&*api.url)), (document.name, world.server.url(document.name)));
        let info = world.get(&api.name, "/openapi.json").await.json()["info"].clone();
        assert_eq!(info["title"], *api.title);
    }
    let health = world.native.health().await.unwrap().into_inner();
    assert_eq!((health.status.to_string(), &*health.checks[0].name), ("ok".to_owned(), "store"));
    let broken = Apart::new();
    broken.store_is(Mode::Fails);
    let health = broken.native.health().await.unwrap().into_inner();
    assert_eq!(
        (health.status.to_string(), health.checks[0].status.to_string()),
        ("degraded".to_owned(), "down".to_owned())
    );
    let health = broken.coordinator.health().await.unwrap().into_inner();
    assert_eq!(health.status.to_string(), "degraded");
    let version = world.native.version().await.unwrap().into_inner();
    assert_eq!((&*version.service_name, &*version.service_version), ("runyard", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn a_run_that_asks_says_so_in_lists_and_is_answered_through_the_runyard_api() {
    let world = World::new().await;
    let run = world.run("runyard.core.ask", json!({"question": "Which colour?"})).await;
    let (listed, _) = page(&world, &RunQuery::default(), 50, None).await;
    assert_eq!(listed[0].waiting_on.as_ref().unwrap().reason, RunWaitReason::Input);
    assert_eq!((listed[0].reason.as_deref(), listed[0].title.as_deref()), (Some("input"), Some("Which colour?")));
    let waits = world.native.get_run(&run.run_id).await.unwrap().into_inner().waiting_on.unwrap();
    assert_eq!((waits.reason, waits.question.as_deref()), (RunWaitReason::Input, Some("Which colour?")));
    assert_eq!(waits.node_run_id.as_deref(), Some(&*run.root_node_run_id));

    let answer = |text: &str| typed(json!({"input": text}));
    for _ in 0..2 {
        let answered = world.native.deliver_input(&run.run_id, &answer("Blue")).await.unwrap().into_inner();
        assert_eq!(json!(answered.outputs), json!({"answer": "Blue"}), "the same again changes nothing");
        assert!(answered.waiting_on.is_none());
    }
    let other = refused(world.native.deliver_input(&run.run_id, &answer("Red")).await);
    assert_eq!((other.status, other.code.as_str()), (409, "run_finished"));
    assert_eq!(refused(world.native.deliver_input("unknown", &answer("x")).await).short(), (404, "run_not_found"));

    // With two open questions, the answer has to name one.
    let run = world.run("runyard.composite.external", json!({})).await;
    assert_eq!(refused(world.native.deliver_input(&run.run_id, &answer("x")).await).short(), (409, "not_asking"));
    let ask = |question: &str| json!({"node_type_ref": {"node_type_id": "runyard.core.ask", "version": "1"}, "inputs": {"question": question}});
    let asking = world.children(&run, json!([ask("One?"), ask("Two?")])).await.unwrap();
    let several = refused(world.native.deliver_input(&run.run_id, &answer("x")).await);
    let ids = [&asking[0].node_run_id, &asking[1].node_run_id];
    assert_eq!((several.short(), &several.details["node_run_ids"]), ((409, "several_questions"), &json!(ids)));
    let named = |node_run: &str| typed(json!({"input": "1", "node_run_id": node_run}));
    world.native.deliver_input(&run.run_id, &named(ids[1])).await.unwrap();
    world.native.deliver_input(&run.run_id, &answer("2")).await.unwrap();
    assert_eq!(world.node(ids[0]).await.outputs.unwrap()["answer"], "2");
    let stranger = refused(world.native.deliver_input(&run.run_id, &named("node_run_x")).await);
    assert_eq!(stranger.short(), (404, "node_run_not_found"));
    let elsewhere = refused(world.native.deliver_input(&run.run_id, &named(&run.root_node_run_id)).await);
    assert_eq!(elsewhere.short(), (409, "not_asking"));
}

#[tokio::test]
async fn a_waiting_run_says_what_it_waits_for() {
    let world = World::new().await;
    let waits = async |run: &str| world.native.get_run(run).await.unwrap().into_inner().waiting_on;
    let external = world.run("runyard.composite.external", json!({})).await.run_id;
    assert_eq!(waits(&external).await.unwrap().reason, RunWaitReason::External);
    world.native.pause_run(&external, Some(&typed(json!({})))).await.unwrap();
    assert_eq!(waits(&external).await.unwrap().reason, RunWaitReason::Paused);
    let asleep = world.run("runyard.core.sleep", json!({"seconds": 600})).await.run_id;
    let timer = waits(&asleep).await.unwrap();
    assert!(timer.reason == RunWaitReason::Timer && timer.until.is_some());
    let (listed, _) = page(&world, &RunQuery::default(), 50, None).await;
    let reasons: Vec<_> = listed.iter().map(|run| run.waiting_on.as_ref().map(|waits| waits.reason)).collect();
    assert_eq!(reasons, [None, Some(RunWaitReason::Paused)], "a list says where a person has to act");
    world.gateway.cancel_run(&asleep).await.unwrap();
    assert!(waits(&asleep).await.is_none());
}

#[tokio::test]
async fn labels_given_at_the_start_find_the_run() {
    let world = World::new().await;
    let body = |labels| json!({"goal": "Generate a UUID.", "title": "Nightly", "labels": labels});
    let own = world.native.start_run(None, &typed(body(json!({"team": "billing", "tier": "1"})))).await.unwrap();
    let own = own.into_inner();
    let own_labels = own.labels.unwrap();
    assert_eq!((own.title.as_deref(), &own_labels["team"]), (Some("Nightly"), &vec!["billing".to_owned()]));
    let mut body_of_arp =
        json!({"root_node_type_ref": {"node_type_id": "runyard.core.uuid4", "version": "1"}, "input": {}});
    body_of_arp["metadata"] =
        json!({"labels": {"team": "billing", "runyard.own": "x", "with:colon": "x", "empty": ""}});
    let arp = world.start(body_of_arp).await.run_id;
    let labelled = async |labels: &[&str]| {
        let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        let list = world.native.list_runs(None, None, None, None, Some(&labels), None, None, None, None, None).await;
        list.unwrap().into_inner().runs.into_iter().map(|run| run.run_id).collect::<Vec<_>>()
    };
    assert_eq!(labelled(&["team:billing"]).await, [&*arp, &*own.run_id]);
    assert_eq!(labelled(&["team:billing", "tier:1"]).await, [&*own.run_id], "each narrows the list further");
    assert!(labelled(&["team:sales"]).await.is_empty());
    assert!(labelled(&["runyard.own:x"]).await.is_empty(), "the server's own names are not a caller's to give");
    let shown = world.native.get_run(&arp).await.unwrap().into_inner().labels;
    assert_eq!(shown.unwrap().into_keys().collect::<Vec<_>>(), ["team"]);
    for (labels, field) in [
        (json!({"runyard.own": "x"}), "/labels"),
        (json!({"with:colon": "x"}), "/labels"),
        (json!({"empty": ""}), "/labels/empty"),
        (json!({"list": ["x"]}), "/labels/list"),
    ] {
        let refusal = world.post("runyard", "/v1/runs", body(labels).to_string()).await;
        assert_eq!((refusal.status, &refusal.json()["error"]["details"]["errors"][0]["field"]), (400, &json!(field)));
    }
}

#[tokio::test]
async fn filters_that_cannot_match_anything_are_400_by_name() {
    let world = World::new().await;
    for (query, field) in [("face=nope", "face"), ("label=nocolon", "label"), ("state=odd", "state")] {
        let refusal = world.get("runyard", &format!("/v1/runs?{query}")).await;
        let error = &refusal.json()["error"];
        assert_eq!((refusal.status, error["code"].as_str()), (400, Some("invalid_request")), "{query}");
        assert!(error["details"]["errors"][0]["field"].as_str().unwrap().starts_with(field), "{error}");
    }
    for api in DOCUMENTS.iter().map(|document| document.name) {
        assert_eq!(world.get("runyard", &format!("/v1/runs?face={api}")).await.status, 200);
    }
}

#[tokio::test]
async fn every_run_has_a_title() {
    let world = World::new().await;
    let titled = async |node_type: &str, input| {
        let run = world.run(node_type, input).await.run_id;
        world.native.get_run(&run).await.unwrap().into_inner().title
    };
    for (node_type, input, title) in [
        ("runyard.composite.planner.general", json!({"goal": "Generate a UUID."}), "Generate a UUID."),
        ("runyard.core.ask", json!({"question": "Which?"}), "Which?"),
        ("runyard.composite.external", json!({"name": "Invoice 4711"}), "Invoice 4711"),
        ("runyard.composite.external", json!({}), "runyard.composite.external"),
        ("jarvis.core.uuid4", json!({}), "jarvis.core.uuid4"),
    ] {
        assert_eq!(titled(node_type, input).await.as_deref(), Some(title), "{node_type}");
    }
    let (listed, _) = page(&world, &RunQuery::default(), 50, None).await;
    assert!(listed.iter().all(|run| run.title.is_some()));
}
