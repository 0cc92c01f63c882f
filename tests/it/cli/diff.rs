//! `runyard openapi diff`: lines, objects and exit codes. Tests beside the rules check which change breaks which side.

use std::path::Path;

use serde_json::json;

use crate::process::runyard;

/// A folder with the gateway's document and its schemas, as they are and with one more state.
fn bumped() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let arp = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/arp");
    for (from, to) in [("run-gateway.yaml", "gateway.yaml"), ("schemas.yaml", "schemas.yaml")] {
        let text = std::fs::read_to_string(arp.join(from)).unwrap();
        let states = "enum: [queued, running, succeeded, failed, canceled]";
        let bumped = text.replace(states, "enum: [queued, running, paused, succeeded, failed, canceled]");
        assert_eq!(from == "schemas.yaml", bumped != text);
        std::fs::write(folder.path().join(to), bumped).unwrap();
    }
    folder
}

#[tokio::test]
async fn changes_are_reported_and_a_breaking_one_is_exit_code_one() {
    let folder = bumped();
    let done = runyard(folder.path(), &["openapi", "diff", "run-gateway", "gateway.yaml"]).await.exits(1);
    insta::assert_snapshot!(done.out, @r"
    breaks clients
      RunState: enum value added: paused (in responses of cancel_run, get_run, start_run)
    1 change: 1 breaking for clients, 0 for servers, 0 for neither
    ");
    assert_eq!(done.err, "");
    // In the other direction, servers may send a state that clients no longer know.
    let back = runyard(folder.path(), &["openapi", "diff", "gateway.yaml", "run-gateway"]).await.exits(1);
    assert!(back.out.contains("breaks servers\n  RunState: enum value removed: paused"), "{}", back.out);

    let json = runyard(folder.path(), &["openapi", "diff", "--json", "run-gateway", "gateway.yaml"]).await.exits(1);
    assert_eq!(
        json.object(),
        json!({
            "changes": [{
                "kind": "enum_value_added",
                "place": "RunState",
                "pointer": "schemas.yaml#/components/schemas/RunState/enum",
                "what": "enum value added",
                "new": "paused",
                "breaks": ["clients"],
                "responses": ["cancel_run", "get_run", "start_run"],
                "operations": 3,
            }],
            "breaks": { "clients": 1, "servers": 0, "neither": 0 },
        })
    );
}

#[tokio::test]
async fn one_side_and_accepted_changes_decide_the_exit_code() {
    let folder = bumped();
    let compare = ["openapi", "diff", "run-gateway", "gateway.yaml"];
    let with = |more: &[&'static str]| [&compare[..], more].concat();
    runyard(folder.path(), &with(&["--fail-on", "servers"])).await.exits(0);
    runyard(folder.path(), &with(&["--fail-on", "clients"])).await.exits(1);
    let entries = "- { place: RunState, new: paused, reason: known }\n- { place: RunGone, reason: was removed }\n";
    std::fs::write(folder.path().join("allow.yaml"), entries).unwrap();
    let accepted = runyard(folder.path(), &with(&["--allow", "allow.yaml"])).await.exits(0);
    insta::assert_snapshot!(accepted.out, @r"
    accepted
      RunState: enum value added: paused (in responses of cancel_run, get_run, start_run) [known]
    accepted, but not found
      place RunGone [was removed]
    0 changes: 0 breaking for clients, 0 for servers, 0 for neither; 1 accepted
    ");
    let page = runyard(folder.path(), &with(&["--format", "markdown"])).await.exits(1);
    assert!(page.out.starts_with("# From run-gateway to gateway.yaml\n\n1 change: 1 breaking"), "{}", page.out);
    let json = runyard(folder.path(), &with(&["--format", "json"])).await.exits(1);
    assert_eq!(json.object()["breaks"]["clients"], 1);
    std::fs::write(folder.path().join("allow.yaml"), "- { place: RunState }\n").unwrap();
    let wrong = runyard(folder.path(), &with(&["--allow", "allow.yaml"])).await.exits(2);
    assert!(wrong.err.contains("accepted change 1: has no `reason`"), "{}", wrong.err);
}

#[tokio::test]
async fn the_same_document_has_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let same = runyard(folder.path(), &["openapi", "diff", "run-gateway", "run-gateway"]).await.exits(0);
    assert_eq!(same.out, "no changes\n");
    runyard(folder.path(), &["openapi", "export", "--out", "out"]).await.exits(0);
    let built = ["openapi", "diff", "--overlay=true", "runtime", "out/runtime.json"];
    assert_eq!(runyard(folder.path(), &built).await.exits(0).out, "no changes\n");
    let notes = runyard(folder.path(), &["openapi", "diff", "--json", "runtime", "out/runtime.yaml"]).await.object();
    assert!(notes["changes"].as_array().unwrap().len() > 10);
}

#[tokio::test]
async fn what_cannot_be_compared_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), "swagger: '2.0'").unwrap();
    for (arguments, said) in [
        (["openapi", "diff", "nothing", "run-gateway"], "error: nothing: cannot be read: No such file"),
        (["openapi", "diff", "run-gateway", "a.yaml"], "error: a.yaml: is Swagger 2.0"),
    ] {
        let done = runyard(folder.path(), &arguments).await.exits(2);
        assert!(done.out.is_empty() && done.err.starts_with(said), "{done:?}");
    }
    let refused = runyard(folder.path(), &["--json", "openapi", "diff", "run-gateway", "a.yaml"]).await.exits(2);
    let error: serde_json::Value = serde_json::from_str(&refused.err).unwrap();
    assert_eq!(error["error"]["code"], "unreadable_document");
}
