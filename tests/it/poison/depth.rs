//! One depth limit for every value, whatever part of a request has it.

use runyard_api::DOCUMENTS;
use runyard_api::host::BodyRule;
use serde_json::{Value, json};

use super::{nested, start};
use crate::harness::World;

const EXTERNAL: &str = "runyard.composite.external";

/// An error code in any API's spelling.
fn names_depth(text: &str) -> bool {
    text.replace('_', "").to_ascii_lowercase().contains("valuetoodeep")
}

#[tokio::test]
async fn a_value_nested_deeper_than_the_limit_is_refused_through_every_api() {
    let world = World::new().await;
    let mut asked = 0;
    for (document, _) in DOCUMENTS {
        for operation in document.operations.iter().filter(|operation| operation.body != BodyRule::None) {
            // The run or server need not exist: the server reads the body first.
            let path: String = operation
                .path
                .replace('{', "\u{0}")
                .split('\u{0}')
                .map(|part| match part.split_once('}') {
                    Some((_, rest)) => format!("x{rest}"),
                    None => part.to_owned(),
                })
                .collect();
            let deep = json!({ "a": nested(125) }).to_string();
            let method = operation.method.parse().unwrap();
            let request =
                world.request(document.name, method, &path).header("Content-Type", "application/json").body(deep);
            let answer = world.send(document.name, request).await;
            let code = answer.header("x-error-code").unwrap_or_default().to_owned();
            assert_eq!(answer.status, 400, "{} {path}: {}", document.name, answer.text());
            let said = names_depth(answer.text())
                || names_depth(&code)
                || answer.text().contains("nested more than 64 levels");
            assert!(said, "{} {path}: {} {:?}", document.name, answer.text(), answer.headers);
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
}

#[tokio::test]
async fn a_value_at_the_limit_is_accepted_and_reads_back() {
    let world = World::new().await;
    // `inputs` and the body are two levels.
    for (depth, status) in [(61, 201), (62, 201), (63, 400)] {
        let body = start(EXTERNAL, json!({ "a": nested(depth) })).to_string();
        let answer = world.post("runyard", "/v1/runs", body).await;
        assert_eq!(answer.status, status, "{depth}: {}", answer.text());
        if status == 201 {
            let run = answer.json()["run_id"].as_str().unwrap().to_owned();
            assert_eq!(world.get("runyard", &format!("/v1/runs/{run}")).await.status, 200);
        }
    }
}

#[tokio::test]
async fn a_computed_value_nested_deeper_than_the_limit_fails_its_run_by_name() {
    let world = World::new().await;
    let script = |depth: usize| {
        let code = format!("let o = []; for (let i = 1; i < {depth}; i++) o = [o]; return {{ o }}");
        json!({ "nodes": [{ "slug": "deep", "use": "runyard.graph.script", "inputs": { "script": code } }] })
    };
    for (depth, outcome) in [(60, "succeeded"), (90, "failed")] {
        let body = start("runyard.graph.script", json!({ "script": script(depth)["nodes"][0]["inputs"]["script"] }));
        let answer = world.post("runyard", "/v1/runs", body.to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let run = answer.json()["run_id"].as_str().unwrap().to_owned();
        let ended = ended(&world, &run).await;
        assert_eq!(ended["state"], outcome, "{ended:#}");
        if outcome == "failed" {
            assert_eq!(ended["reason"], "value_too_deep", "{ended:#}");
        }
    }
}

async fn ended(world: &World, run: &str) -> Value {
    crate::harness::eventually("the run's end", async || {
        let shown = world.get("runyard", &format!("/v1/runs/{run}")).await.json();
        (!["queued", "running", "waiting"].contains(&shown["state"].as_str()?)).then_some(shown)
    })
    .await
}
