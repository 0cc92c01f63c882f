//! Integrations from the configuration: goals find them, calls to them carry their secrets, and the secrets appear
//! nowhere else.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::peer::{Answers, Asked, Peer};
use crate::process::{Served, assert_whole, runyard, runyard_with};

const SECRET: &str = "s3cr3t-of-the-helpdesk";

/// A configuration file as an administrator would write it.
fn configure(folder: &Path, url: &str) {
    let text = format!(
        r#"
        port_base = 0

        [[integrations]]
        id = "helpdesk"
        customer_id = "helpdesk_main"
        name = "Helpdesk"
        description = "Tickets of our customers."
        url = "{url}/api/"
        allow_private_addresses = true
        headers = {{ x-team = "blue-team" }}
        secret_headers = {{ authorization = {{ env = "HELPDESK_TOKEN", prefix = "Bearer " }}, x-second = {{ file = "second.txt" }} }}

        [[integrations.node_types]]
        slug = "create_ticket"
        description = "Creates a ticket."
        method = "POST"
        path = "/projects/{{project}}/tickets"
        input_schema = '''{{"type": "object", "required": ["project", "title"], "additionalProperties": false, "properties": {{
            "project": {{"type": "string", "enum": ["office", "a/../b", ".."]}}, "title": {{"type": "string"}}, "priority": {{"type": "integer"}}}}}}'''
        output_schema = {{ type = "object", required = ["number"] }}

        [[integrations.node_types]]
        slug = "list_tickets"
        description = "Lists the tickets."
        path = "/tickets"

        [[integrations.node_types]]
        slug = "delete_ticket"
        description = "Deletes a ticket."
        method = "DELETE"
        path = "/tickets/{{number}}"
        input_schema = {{ type = "object", required = ["number"], properties = {{ number = {{ type = "integer" }} }} }}

        [[integrations]]
        id = "crm"
        name = "Customers"
        url = "{url}"
        active = false
        secret_headers = {{ authorization = {{ env = "NEVER_SET" }} }}
        node_types = [{{ slug = "list_customers", description = "Lists customers.", path = "/customers" }}]
        "#
    );
    std::fs::write(folder.join("runyard.toml"), text).unwrap();
    std::fs::write(folder.join("second.txt"), "second-secret\n").unwrap();
}

async fn serve(folder: &Path) -> Served {
    Served::start_in(folder, &[], &[("HELPDESK_TOKEN", SECRET)]).await
}

/// A service that returns everything that it receives, and fails where the request says so.
async fn helpdesk() -> Peer {
    Peer::start(|asked: &Asked| match asked.method.as_str() {
        "DELETE" => Answers::Json(403, json!({ "denied": asked.headers })),
        "GET" => Answers::Json(200, json!([asked.target])),
        _ if asked.target.contains("a%2F") => Answers::Json(200, json!({ "no": "number" })),
        _ => Answers::Json(201, json!({ "number": 7, "saw": asked.headers, "title": asked.json()["title"] })),
    })
    .await
}

#[tokio::test]
async fn a_goal_finds_an_integration_and_its_secret_is_sent_and_seen_nowhere() {
    let (peer, folder) = (helpdesk().await, tempfile::tempdir().unwrap());
    configure(folder.path(), &peer.url);
    let served = serve(folder.path()).await;
    let goal = "Create a ticket in helpdesk with title \"No paper\" and project office and priority 2, then return it.";
    let (run_id, root) = served.clients.plan(goal).await;
    let events = served.clients.events(&run_id, 0).await;
    assert_whole(&events);
    let node_run = served.clients.node_run(&root).await;
    assert_eq!(node_run["outputs"]["result"]["title"], "No paper", "{node_run}");
    let asked = peer.asked().pop().unwrap();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/api/projects/office/tickets"));
    assert_eq!(asked.json(), json!({ "title": "No paper", "priority": 2 }));
    let header = |name: &str| asked.headers[name].clone();
    assert_eq!(header("authorization"), format!("Bearer {SECRET}"));
    assert_eq!((header("x-second"), header("x-team")), ("second-secret".to_owned(), "blue-team".to_owned()));
    assert!(asked.headers.contains_key("idempotency-key"));
    // The service returned them, but the stored outputs do not have them.
    assert_eq!(node_run["outputs"]["result"]["saw"]["authorization"], "***");

    let (refused, _) = served.clients.plan("Delete the ticket with number 7 in helpdesk.").await;
    let more = served.clients.events(&refused, 0).await;
    let error = served.clients.run(&refused).await["extensions"]["runyard.error"].clone();
    assert_eq!(
        (error["code"].clone(), error["details"]["code"].clone()),
        (json!("child_failed"), json!("http_status"))
    );
    assert!(error["message"].as_str().unwrap().contains("127.0.0.1 answered 403 Forbidden: {\"denied\":"), "{error}");
    assert_eq!(peer.asked().last().unwrap().target, "/api/tickets/7");

    let native = served.clients.native_url.clone();
    let seen = [json!(events).to_string(), json!(more).to_string(), node_run.to_string(), native].concat();
    let stored = stored(folder.path());
    served.process.signal("TERM");
    let done = served.process.done().await;
    for secret in [SECRET, "second-secret"] {
        for (place, text) in
            [("what was shown", seen.as_bytes()), ("the data folder", &stored), ("the log", done.err.as_bytes())]
        {
            assert!(!contains(text, secret), "{place} has {secret}");
        }
    }
}

/// A secret with every character that JSON, URLs and HTML escape.
const AWKWARD: &str = "k/ey+\"&<x>-0123456789";

#[tokio::test]
async fn a_secret_that_a_service_repeats_in_another_form_is_masked_in_keys_values_and_failures() {
    let peer = Peer::start(|asked: &Asked| {
        let secret = asked.headers["authorization"].strip_prefix("Bearer ").unwrap().to_owned();
        let number = |letter: char| format!("\\u{:04x}", u32::from(letter));
        let unicode: String = secret.chars().map(number).collect();
        let plain = Value::String(secret.clone()).to_string();
        let slashed = plain.trim_matches('"').replace('/', "\\/");
        let nested = Value::String(format!("{{\"t\":\"{slashed}\"}}")).to_string();
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let base64 = STANDARD.encode(format!("user:{secret}"));
        let body = format!(
            r#"{{"number":7,"{unicode}":1,"slashed":"{slashed}","unicode":["x{unicode}y"],"nested":{nested},"percent":"{percent}","base64":"{base64}"}}"#
        );
        assert!(serde_json::from_str::<Value>(&body).is_ok(), "{body}");
        let status = if asked.method == "DELETE" { 428 } else { 201 };
        Answers::with(status, &[("content-type", "application/json")], body.as_bytes())
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), &peer.url);
    let served = Served::start_in(folder.path(), &[], &[("HELPDESK_TOKEN", AWKWARD)]).await;
    let goal = "Create a ticket in helpdesk with title \"No paper\" and project office, then return it.";
    let (run, root) = served.clients.plan(goal).await;
    let seen = json!(served.clients.events(&run, 0).await).to_string();
    let result = served.clients.node_run(&root).await["outputs"]["result"].clone();
    for (field, expected) in
        [("slashed", json!("***")), ("unicode", json!(["x***y"])), ("***", json!(1)), ("percent", json!("***"))]
    {
        assert_eq!(result[field], expected, "{field}: {result}");
    }
    assert_eq!(serde_json::from_str::<Value>(result["nested"].as_str().unwrap()).unwrap(), json!({ "t": "***" }));
    assert!(result["base64"].as_str().unwrap().contains("***"), "{result}");
    let (refused, _) = served.clients.plan("Delete the ticket with number 7 in helpdesk.").await;
    let failed = json!(served.clients.events(&refused, 0).await).to_string();
    assert!(failed.contains("428") && failed.contains("***"), "{failed}");
    served.process.signal("TERM");
    served.process.done().await;
    let stored = stored(folder.path());
    let unicode: String = AWKWARD.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect();
    for form in [AWKWARD, "k\\/ey+", "k/ey+", &unicode, "%6B%2F", "0123456789"] {
        assert!(!contains(seen.as_bytes(), form) && !contains(failed.as_bytes(), form), "{form}");
        assert!(!contains(&stored, form), "the data folder has {form}");
    }
}

/// The content of all files in the data folder.
fn stored(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder.join(".runyard")).unwrap();
    let paths = files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    paths.flat_map(|path| std::fs::read(path).unwrap()).collect()
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

#[tokio::test]
async fn goals_are_served_by_the_verb_and_never_by_the_thing_alone() {
    let (peer, folder) = (helpdesk().await, tempfile::tempdir().unwrap());
    configure(folder.path(), &peer.url);
    let served = serve(folder.path()).await;
    for goal in ["List the tickets in helpdesk, then return them.", "Show tickets", "Get the helpdesk tickets"] {
        let (run_id, root) = served.clients.plan(goal).await;
        served.clients.events(&run_id, 0).await;
        let outputs = served.clients.node_run(&root).await["outputs"].clone();
        assert_eq!(outputs["child_node_runs"][0]["outputs"]["result"], json!(["/api/tickets"]), "{goal}: {outputs}");
    }
    let asked = peer.asked().len();
    for (goal, said) in [
        ("Burn the tickets in helpdesk", "clause_unmapped"),
        ("Delete the helpdesk", "arguments_missing"),
        ("Create a poem", "clause_unmapped"),
        ("Create a ticket in helpdesk", "arguments_missing"),
        ("List customers", "clause_unmapped"),
    ] {
        let (run_id, _) = served.clients.plan(goal).await;
        served.clients.events(&run_id, 0).await;
        let run = served.clients.run(&run_id).await;
        assert_eq!(run["extensions"]["runyard.error"]["code"], said, "{goal}: {run}");
    }
    assert_eq!(peer.asked().len(), asked, "none of these reached anybody");
    let (uuid, _) = served.clients.plan("Create a unique identifier, then return it.").await;
    served.clients.events(&uuid, 0).await;
    assert_eq!(served.clients.run(&uuid).await["state"], "succeeded", "what others serve they serve still");
    served.kill();
}

#[tokio::test]
async fn inputs_stay_within_the_path_and_outputs_must_fit() {
    let (peer, folder) = (helpdesk().await, tempfile::tempdir().unwrap());
    configure(folder.path(), &peer.url);
    let served = serve(folder.path()).await;
    let ended = async |inputs: Value| {
        let (run_id, _) = served.clients.start("integration.helpdesk.create_ticket", inputs).await;
        served.clients.events(&run_id, 0).await;
        served.clients.run(&run_id).await["extensions"]["runyard.error"]["code"].clone()
    };
    assert_eq!(ended(json!({ "project": "a/../b", "title": "x" })).await, "invalid_outputs");
    assert_eq!(peer.asked()[0].target, "/api/projects/a%2F..%2Fb/tickets");
    assert_eq!(ended(json!({ "project": "..", "title": "x" })).await, "invalid_inputs");
    assert_eq!(ended(json!({ "project": "office", "title": "x" })).await, Value::Null);
    assert_eq!(peer.asked().len(), 2);
    served.kill();
}

#[tokio::test]
async fn commands_show_what_is_offered_and_mask_what_is_not_to_be_shown() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "http://127.0.0.1:9");
    let environment = [("HELPDESK_TOKEN", SECRET)];
    let nodes = runyard_with(folder.path(), &["nodes", "helpdesk", "--json"], &environment).await.exits(0);
    let listed = nodes.object()["node_types"].clone();
    let class = |id: &str| {
        let found = listed.as_array().unwrap().iter().find(|one| one["node_type_id"] == id);
        found.unwrap_or_else(|| panic!("{id}: {listed}"))["side_effect_class"].clone()
    };
    assert_eq!(class("integration.helpdesk.create_ticket"), "write");
    assert_eq!(class("integration.helpdesk.list_tickets"), "read");
    assert_eq!(class("integration.helpdesk.delete_ticket"), "irreversible");
    let all = runyard_with(folder.path(), &["nodes", "--json"], &environment).await.exits(0).out;
    assert!(all.contains("runyard.http.request") && !all.contains("list_customers"), "{all}");
    let shown = runyard_with(folder.path(), &["config", "show", "--json"], &environment).await.exits(0);
    assert!(shown.out.contains("HELPDESK_TOKEN") && !shown.out.contains(SECRET) && !shown.out.contains("blue-team"));
}

#[tokio::test]
async fn what_cannot_work_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "http://127.0.0.1:9");
    let unset = runyard(folder.path(), &["serve"]).await.exits(1);
    assert!(unset.err.contains("integration `helpdesk`") && unset.err.contains("HELPDESK_TOKEN"), "{}", unset.err);
    let text = std::fs::read_to_string(folder.path().join("runyard.toml")).unwrap();
    for (from, to, said) in [
        ("x-team =", "x-api-key =", "secret_headers"),
        ("{project}", "{team}", "node type `create_ticket`"),
        ("slug = \"list_tickets\"", "slog = \"list_tickets\"", "[0].node_types[1]"),
        ("id = \"crm\"", "id = \"helpdesk\"", "twice"),
        (
            "id = \"crm\"",
            "id = \"crm\"\n        tenants = [\"acme\", \"default\"]",
            "callers without a credential have",
        ),
        ("id = \"crm\"", "id = \"crm\"\n        tenants = [\"\"]", "integration `crm`: tenants"),
        ("http://127.0.0.1:9\"\n        active", "mailto:x\"\n        active", "integration `crm`: url"),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(folder.path().join("runyard.toml"), text.replace(from, to)).unwrap();
        let done = runyard(folder.path(), &["serve"]).await.exits(2);
        assert!(done.err.contains(said) && done.err.contains("integrations"), "{to}: {}", done.err);
    }
    // The same as JSON in the environment.
    std::fs::remove_file(folder.path().join("runyard.toml")).unwrap();
    let list = json!([{
        "id": "wiki", "name": "Wiki", "url": "https://wiki.example.org",
        "node_types": [{ "slug": "find_page", "description": "Finds a page.", "path": "/pages" }]
    }]);
    let environment = [("RUNYARD_INTEGRATIONS", list.to_string())];
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    let nodes = runyard_with(folder.path(), &["nodes", "wiki"], &environment).await.exits(0);
    assert!(nodes.out.contains("integration.wiki.find_page"), "{}", nodes.out);
}
