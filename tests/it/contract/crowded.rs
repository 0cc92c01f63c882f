//! An API where a tenant may have one open request, and has one.

use std::collections::BTreeSet;

use serde_json::json;

use super::scenarios::pursued;
use crate::harness::{Reached, World, typed};

pub async fn all() -> BTreeSet<Reached> {
    let world = World::with(|config| config.toolregistry.open_max = 1).await;
    let run = world.run("runyard.composite.external", json!({})).await;
    let open = world.toolregistry.run_controller_sse(&run.run_id, None, None, None).await.unwrap();
    let refused = world.toolregistry.run_controller_sse(&run.run_id, None, None, None).await.err().unwrap();
    assert_eq!(refused.status().map(|status| status.as_u16()), Some(429));
    let body = typed(pursued("Generate a UUID."));
    let refused = world.toolregistry.run_controller_create_run(None, None, &body).await.unwrap_err();
    assert_eq!(refused.status().map(|status| status.as_u16()), Some(429));
    drop(open);
    world.reached()
}
