//! What only toolregistry.ai's door answers: links that decide, and as much as a tenant may have open.

use std::collections::BTreeSet;

use serde_json::json;

use super::scenarios::pursued;
use crate::harness::{Clients, Reached, World, typed};

/// What a link says that agrees to something that a run of the doors asks. Nobody has to be at work for that.
pub(super) async fn link_token(clients: &Clients) -> String {
    let echo = json!({"node_type_id": "runyard.core.echo", "version": "1"});
    let body =
        json!({"root_node_type_ref": echo, "input": {"echo": "x"}, "extensions": {"runyard.approval": "on_tool_call"}});
    let run = clients.coordinator.start_run(None, &typed(body)).await.unwrap().into_inner().run_id;
    let run = clients.toolregistry.run_controller_get_run(&run, Some("true")).await.unwrap().into_inner();
    let asked = run.events.iter().find_map(|event| event.get("approval")?["approveUrl"].as_str());
    asked.unwrap().split_once("token=").unwrap().1.to_owned()
}

/// A door at which a tenant may have one thing open, and has.
pub(super) async fn crowded() -> BTreeSet<Reached> {
    let world = World::with(|config| config.toolregistry.open_max = 1).await;
    let run = world.run("runyard.composite.external", json!({})).await;
    let open = world.toolregistry.run_controller_sse(&run.run_id, None, None).await.unwrap();
    let refused = world.toolregistry.run_controller_sse(&run.run_id, None, None).await.err().unwrap();
    assert_eq!(refused.status().map(|status| status.as_u16()), Some(429));
    let body = typed(pursued("Generate a UUID."));
    let refused = world.toolregistry.run_controller_create_run(None, None, &body).await.unwrap_err();
    assert_eq!(refused.status().map(|status| status.as_u16()), Some(429));
    drop(open);
    world.reached()
}
