//! A server process that is suspended (SIGSTOP) for longer than its leases last, and then continues.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use runyard::clock::Clock;
use serde_json::{Value, json};

use crate::harness::peer::{Answers, Asked, Peer};
use crate::process::{Served, bounded};

/// The shortest that a lease can be set to.
const LEASE: Duration = Duration::from_millis(1_000);
const CALLS: usize = 4;

fn configure(folder: &Path, peer: &str) {
    let text = format!(
        r#"
        lease_ms = {}

        [[integrations]]
        id = "ledger"
        name = "Ledger"
        url = "{peer}"
        allow_private_addresses = true
        timeout_ms = 60000

        [[integrations.node_types]]
        slug = "record_entry"
        description = "Records an entry."
        method = "POST"
        path = "/entries"
        input_schema = {{ type = "object", required = ["title"], properties = {{ title = {{ type = "string" }} }} }}
        output_schema = {{ type = "object", required = ["number"] }}
        "#,
        LEASE.as_millis()
    );
    std::fs::write(folder.join("runyard.toml"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_flight_are_not_repeated_after_the_process_was_suspended_longer_than_its_lease() {
    let folder = tempfile::tempdir().unwrap();
    let server: Arc<OnceLock<u32>> = Arc::default();
    let peer = Peer::start({
        let server = server.clone();
        move |asked: &Asked| {
            // Suspended before the answer is written, so that the call is in flight as long as the process is
            // suspended.
            let id = server.get().unwrap().to_string();
            assert!(Command::new("kill").args(["-STOP", &id]).status().unwrap().success());
            Answers::Json(201, json!({ "number": asked.body.len() }))
        }
    })
    .await;
    configure(folder.path(), &peer.url);
    let served = Served::start(folder.path()).await;
    server.set(served.process.id()).unwrap();
    let titles: Vec<String> = (0..CALLS).map(|number| format!("entry {number}")).collect();
    let list = json!({
        "items": titles, "item_as": "title", "at_once": CALLS,
        "node_type_ref": { "node_type_id": "integration.ledger.record_entry" }
    });
    // The process may be suspended before it answers this, so the start is read later.
    let clients = served.clients.clone();
    let starting = tokio::spawn(async move { clients.start("runyard.composite.each", list).await.0 });
    let ended = {
        let clients = served.clients.clone();
        tokio::spawn(async move {
            let run = starting.await.unwrap();
            clients.events(&run, 0).await;
            clients.run(&run).await
        })
    };
    let clock = Clock::system();
    for call in 1..=CALLS {
        peer.was_asked(call).await;
        // Real time has to pass here: the lease must run out while the process is suspended.
        clock.sleep(LEASE * 2).await;
        served.process.signal("CONT");
    }
    let ended = bounded("the end of the run", ended).await.unwrap();
    assert_eq!(ended["state"], "succeeded", "{ended}");
    let mut asked: Vec<Value> = peer.asked().iter().map(|asked| asked.json()["title"].clone()).collect();
    asked.sort_by_key(ToString::to_string);
    assert_eq!(json!(asked), json!(titles), "each call was made once");
}
