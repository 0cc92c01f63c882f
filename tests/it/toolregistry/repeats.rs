//! Keys by which runs are repeated: after a success, a run with the same key and intent repeats the earlier run, and
//! says so.

use runyard_api::toolregistry::types::{CreateRunResponse, RunStatus};
use serde_json::{Value, json};

use super::{asking, create, ended, events, get, with};
use crate::harness::World;

fn keyed(intent: &str, key: &str) -> Value {
    with(asking(intent), "repeatKey", json!(key))
}

async fn done(world: &World, body: Value) -> CreateRunResponse {
    let created = create(world, body).await;
    events(world, created.run_id).await;
    created
}

#[tokio::test]
async fn a_run_repeats_the_last_success_with_the_same_intent() {
    let world = World::new().await;
    let (one, other) = ("Generate a UUID, then hash it.", "Generate a UUID, then hash it!");
    let first = done(&world, keyed(one, "nightly")).await;
    assert_eq!((&*first.repeat_key, first.repeat_run_id), ("nightly", None));
    let second = done(&world, keyed(one, "nightly")).await;
    assert_eq!((&*second.repeat_key, second.repeat_run_id), ("nightly", Some(first.run_id)));
    let shown = get(&world, second.run_id).await;
    assert_eq!((shown.status, shown.repeat_run_id), (RunStatus::Success, Some(first.run_id)));
    assert_eq!(done(&world, keyed(one, "nightly")).await.repeat_run_id, Some(second.run_id), "the last one");

    let third = done(&world, keyed(other, "nightly")).await;
    assert_eq!(third.repeat_run_id, None, "another intent, to the letter");
    assert_eq!(done(&world, keyed(one, "nightly")).await.repeat_run_id, None, "the last success has another intent");
    assert_eq!(done(&world, keyed(one, "weekly")).await.repeat_run_id, None, "another key");
    assert_eq!(done(&world, asking(one)).await.repeat_run_id, None, "no key");
}

#[tokio::test]
async fn a_run_that_failed_is_not_repeated() {
    let world = World::new().await;
    let failed = ended(&world, keyed("Paint the fence.", "fence")).await;
    assert_eq!(failed.status, RunStatus::Failed);
    assert_eq!(done(&world, keyed("Paint the fence.", "fence")).await.repeat_run_id, None);
}

#[tokio::test]
async fn a_key_that_was_made_repeats_its_run() {
    let world = World::new().await;
    let first = done(&world, asking("Say 'hello'.")).await;
    let again = done(&world, keyed("Say 'hello'.", &first.repeat_key)).await;
    assert_eq!((again.repeat_key, again.repeat_run_id), (first.repeat_key, Some(first.run_id)));
    // Names that another API gives its runs are not keys here.
    let named = json!({ "run_id": "hello", "root_node_type_ref": { "node_type_id": "runyard.core.echo", "version": "1.0.0" }, "input": { "echo": "x" } });
    let named = world.start(named).await;
    world.finished(&named.run_id).await;
    assert_eq!(done(&world, keyed("runyard.core.echo", "hello")).await.repeat_run_id, None);
}

#[tokio::test]
async fn a_run_repeats_runs_of_its_own_user_alone() {
    let world = World::new().await;
    let of = |user: &str| with(keyed("Say 'hello'.", "greeting"), "userId", json!(user));
    let ann = done(&world, of("ann")).await;
    let bob = done(&world, of("bob")).await;
    assert_eq!(bob.repeat_run_id, None, "another user's run");
    assert_eq!(done(&world, of("ann")).await.repeat_run_id, Some(ann.run_id), "though bob's came later");
    assert_eq!(done(&world, of("bob")).await.repeat_run_id, Some(bob.run_id));
    // Another user may have the same generated key.
    let made = done(&world, asking("Say 'hello'.")).await.repeat_key;
    let foreign = with(keyed("Say 'hello'.", &made), "userId", json!("bob"));
    assert_eq!(done(&world, foreign).await.repeat_run_id, None);
}

#[tokio::test]
async fn a_repeated_run_may_use_only_what_succeeded_before() {
    let world = World::new().await;
    let first = done(&world, keyed("Say 'hello'.", "greeting")).await;
    let again = done(&world, keyed("Say 'hello'.", "greeting")).await;
    assert_eq!(again.repeat_run_id, Some(first.run_id));
    let run = world.native.get_run(&again.run_id.to_string()).await.unwrap().into_inner();
    let allowed = &serde_json::to_value(run).unwrap()["constraints"]["candidates"]["allowed_node_type_ids"];
    assert_eq!(*allowed, json!(["runyard.composite.planner.general", "runyard.core.echo"]));
}

#[tokio::test]
async fn keys_are_of_one_tenant() {
    let asked = World::with(|config| config.auth.mode = Some(runyard::config::auth::Mode::Required)).await;
    let (red, blue) = (asked.key("red", &[]).await, asked.key("blue", &[]).await);
    let body = crate::harness::typed(keyed("Say 'hello'.", "shared"));
    for (key, repeats) in [(&red, false), (&blue, false), (&red, true)] {
        let clients = asked.showing(Some(key));
        let created = clients.toolregistry.run_controller_create_run(None, None, &body).await.unwrap().into_inner();
        let stream =
            clients.toolregistry.run_controller_sse(&created.run_id.to_string(), None, None, None).await.unwrap();
        crate::harness::Frames::of(stream.into_inner_stream()).rest().await;
        assert_eq!(created.repeat_run_id.is_some(), repeats);
    }
}
