//! Starts a run through the gateway, prints its events as they happen, and then its outputs. The client hides lost
//! connections.
//!
//! ```sh
//! runyard serve                                                        # in another terminal
//! cargo run -p runyard-client --example start_and_watch -- "Generate a UUID, then return it."
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use futures::StreamExt;
use runyard_client::run_gateway::types::RunState;
use runyard_client::run_gateway::{Client, StartRunRequest};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("RUN_GATEWAY_URL").unwrap_or_else(|_| "http://127.0.0.1:8081".to_owned());
    let goal = std::env::args().nth(1).unwrap_or_else(|| "Generate a UUID, then return it.".to_owned());
    let client = Client::builder(url).build()?;

    let body = serde_json::from_value(json!({
        "root_node_type_ref": { "node_type_id": "runyard.composite.planner.general", "version": "1.0.0" },
        "input": { "goal": goal },
    }))?;
    // Without an idempotency key, the client creates one for each start, so that a retry after a lost response does not
    // start another run.
    let run = StartRunRequest { idempotency_key: None, body }.send(&client).await?.into_inner();

    let mut events = client.watch(&run.run_id);
    while let Some(event) = events.next().await {
        let event = event?;
        println!("{:>3} {} {}", event.seq, event.time, event.type_);
    }

    let run = client.wait(&run.run_id).await?;
    let outputs = run.extensions.and_then(|extensions| extensions.0.get("runyard.outputs").cloned());
    println!("{}: {}", run.state, outputs.unwrap_or_default());
    if run.state == RunState::Succeeded { Ok(()) } else { Err("the run did not succeed".into()) }
}
