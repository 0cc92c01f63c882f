//! Threads: runs that share their messages, and runs that wait for input.

use http::Method;
use runyard_client::acp::Client;
use serde_json::json;

use super::{RUNS, ask, look, said, say, start};
use crate::harness::World;
use crate::process::Served;

#[tokio::test]
async fn a_thread_of_three_turns() {
    let world = World::new().await;
    let (_, first) =
        start(&world, json!({ "content": "Generate a UUID.", "title": "Ids", "metadata": { "k": 1 } })).await;
    let (status, second) = say(&world, &first, json!({ "content": "Hash the UUID with SHA-256." })).await;
    assert_eq!((status, &second["run"]["status"]), (200, &json!("completed")));
    let (_, third) = say(&world, &second, json!({ "content": "Return the hash." })).await;
    let (uuid, hash) = (first["run"]["output"].as_str().unwrap(), second["run"]["output"].as_str().unwrap());
    assert_eq!((hash.len(), &third["run"]["output"]), (64, &second["run"]["output"]));

    let thread = first["run"]["threadId"].as_str().unwrap();
    for run in [&second, &third] {
        assert_eq!((&run["run"]["threadId"], &run["run"]["threadTitle"]), (&json!(thread), &json!("Ids")));
    }
    let old = look(&world, &first).await;
    assert_eq!(old["run"]["metadata"], json!({ "k": 1, "continuedBy": second["run"]["id"] }));
    let unchanged = |field: &str| assert_eq!(old["run"][field], first["run"][field], "{field}");
    ["id", "input", "output", "status", "title", "createdAt", "completedAt"].iter().for_each(|field| unchanged(field));
    assert_eq!(old["events"], first["events"], "nothing was added to what had ended");
    assert_eq!(look(&world, &third).await["run"].get("metadata"), None);

    let whole = world.get("acp", &format!("/v1/threads/{thread}")).await.json()["thread"].take();
    assert_eq!((&whole["status"], &whole["messageCount"]), (&json!("completed"), &json!(6)));
    let contents: Vec<&str> =
        whole["messages"].as_array().unwrap().iter().map(|one| one["content"].as_str().unwrap()).collect();
    let expected = ["Generate a UUID.", uuid, "Hash the UUID with SHA-256.", hash, "Return the hash.", hash];
    assert_eq!(contents, expected);
    let page = world.get("acp", &format!("/v1/threads/{thread}/messages?limit=2&offset=1&order=desc")).await.json();
    assert_eq!((&page["total_count"], &page["has_more"]), (&json!(6), &json!(true)));
    assert_eq!(page["data"][0]["content"], "Return the hash.");
    let runs = world.get("acp", &format!("/v1/threads/{thread}/runs?limit=2")).await.json();
    assert_eq!((&runs["data"][0]["id"], &runs["runs"][1]["id"]), (&third["run"]["id"], &second["run"]["id"]));
    assert_eq!(runs["has_more"], true);

    // A message to an old run continues the thread at its end.
    let (_, fourth) = say(&world, &first, json!({ "content": "Return the UUID." })).await;
    assert_eq!(fourth["run"]["output"], uuid);
    assert_eq!(look(&world, &third).await["run"]["metadata"]["continuedBy"], fourth["run"]["id"]);
}

#[tokio::test]
async fn a_run_asks_and_goes_on_with_the_answer() {
    let world = World::new().await;
    let (status, asking) = start(&world, json!({ "content": "Ask \"Which color?\", then say it." })).await;
    assert_eq!((status, &asking["run"]["status"]), (202, &json!("running")), "no caller waits for the approver");
    assert_eq!(said(&asking).last(), Some(&("assistant", "Which color?")));
    let (status, answered) = say(&world, &asking, json!({ "prompt": "red" })).await;
    assert_eq!((status, &answered["run"]["output"]), (200, &json!("red")));
    assert_eq!(answered["run"]["id"], asking["run"]["id"], "the same run");
    let words = ["Ask \"Which color?\", then say it.", "Which color?", "red", "red"];
    assert_eq!(said(&answered).into_iter().map(|one| one.1).collect::<Vec<_>>(), words);
    let (_, busy) = start(&world, json!({ "content": "Sleep for 600 seconds.", "mode": "async" })).await;
    let (status, refused) = say(&world, &busy, json!({ "content": "x" })).await;
    assert_eq!((status, &refused["code"]), (409, &json!("NOT_ASKING")));
}

#[tokio::test]
async fn a_question_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let client = Client::builder(&served.clients.acp_url).build().unwrap();
    let body = serde_json::from_value(json!({ "content": "Ask \"Who?\", then hash the answer." })).unwrap();
    let asking = client.start_server_run("default", None, &body).await.unwrap().into_inner().run.unwrap().id.unwrap();
    served.kill();

    let served = Served::start(folder.path()).await;
    let client = Client::builder(&served.clients.acp_url).build().unwrap();
    let answer = serde_json::from_value(json!({ "content": "abc" })).unwrap();
    let ended = client.send_server_run_input("default", &asking, None, &answer).await.unwrap().into_inner();
    let output = ended.run.unwrap().output.unwrap();
    assert_eq!(output, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let waited = client.wait(&asking).await.unwrap();
    assert_eq!(waited.run.unwrap().output.unwrap(), output);
    served.kill();
}

#[tokio::test]
async fn a_thread_is_made_before_its_runs() {
    let world = World::new().await;
    let messages = json!([{ "role": "system", "content": "Be brief." }, { "role": "assistant", "content": "Yes?" }]);
    let body = json!({ "title": "Mine", "messages": messages, "metadata": { "k": 2 } });
    let made = ask(&world, Method::POST, "/v1/threads", Some(body)).await;
    let thread = made.json()["thread"].take();
    assert_eq!((made.status, &thread["status"], &thread["title"]), (201, &json!("active"), &json!("Mine")));
    let id = thread["id"].as_str().unwrap();
    let next = |content: &str| json!({ "content": content, "threadId": id });
    let (status, first) = start(&world, next("Say \"a\".")).await;
    assert_eq!((status, &first["run"]["threadTitle"]), (201, &json!("Mine")));
    let (_, second) = start(&world, next("Return the answer.")).await;
    assert_eq!(second["run"]["output"], "a");
    let listed = world.get("acp", &format!("/v1/threads/{id}/messages")).await.json();
    let roles: Vec<&str> = listed["data"].as_array().unwrap().iter().map(|one| one["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "assistant", "user", "assistant", "user", "assistant"]);

    let unknown = ask(&world, Method::POST, RUNS, Some(json!({ "content": "x", "threadId": "thread_none" }))).await;
    assert_eq!(unknown.json()["message"], "Thread thread_none not found");
    let asked = json!({ "messages": [{ "role": "user", "content": "Generate a UUID." }] });
    let begun = ask(&world, Method::POST, "/v1/threads", Some(asked)).await.json();
    assert_eq!(begun["run"]["input"], "Generate a UUID.", "what the user said last is to be done");
}

#[tokio::test]
async fn of_two_that_go_on_at_once_one_does() {
    let world = World::new().await;
    let (_, first) = start(&world, json!({ "content": "Generate a UUID." })).await;
    let body = || json!({ "content": "Sleep for 600 seconds.", "mode": "async" });
    let (one, other) = tokio::join!(say(&world, &first, body()), say(&world, &first, body()));
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409]);
    let refused = if one.0 == 409 { one.1 } else { other.1 };
    assert_eq!(refused["code"], "THREAD_BUSY");
}
