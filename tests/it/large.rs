//! A run with very many node runs and events: every API shows it in pages, and no item is missing or repeated.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use serde_json::json;

use crate::harness::{World, refused};
use crate::process::bytes;

/// More node runs than the default page and the largest page have.
const CHILDREN: usize = 1_200;

#[tokio::test]
async fn a_run_with_many_node_runs_is_read_page_by_page() {
    let world = World::new().await;
    let reference = |id: &str| json!({ "node_type_id": id, "version": "1" });
    let run = world.start(json!({ "root_node_type_ref": reference("runyard.composite.external"), "input": {} })).await;
    for first in (0..CHILDREN).step_by(400) {
        let child = |number: usize| json!({ "node_type_ref": reference("runyard.core.echo"), "inputs": { "echo": number.to_string() }, "idempotency_key": number.to_string() });
        world.children(&run, json!((first..first + 400).map(child).collect::<Vec<_>>())).await.unwrap();
    }
    world.complete(&run.root_node_run_id, json!({ "state": "canceled" })).await.unwrap();

    let shown = world.native.get_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!((shown.node_runs.len(), shown.node_run_count), (500, Some(1 + CHILDREN as i64)));
    let mut ids: Vec<String> = shown.node_runs.iter().map(|node| node.node_run_id.clone()).collect();
    let mut cursor = shown.next_cursor;
    let mut sizes = Vec::new();
    while let Some(at) = cursor {
        let limit = NonZeroU32::new(300);
        let page = world.native.list_node_runs(&run.run_id, Some(&at), limit).await.unwrap().into_inner();
        sizes.push(page.node_runs.len());
        ids.extend(page.node_runs.into_iter().map(|node| node.node_run_id));
        cursor = page.next_cursor;
    }
    assert_eq!(sizes, [300, 300, 101]);
    assert_eq!(ids[0], run.root_node_run_id);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 1 + CHILDREN);
    let all = world.native.list_node_runs(&run.run_id, None, NonZeroU32::new(1_000)).await.unwrap().into_inner();
    assert_eq!(
        all.node_runs.iter().map(|node| &node.node_run_id).collect::<Vec<_>>(),
        ids[..1_000].iter().collect::<Vec<_>>()
    );
    let strange = refused(world.native.list_node_runs(&run.run_id, Some("x"), None).await);
    assert_eq!(strange.short(), (400, "invalid_request"));

    // The pages of the log add up to the stream.
    let stream = world.native.stream_run_events(&run.run_id, None, None, None).await.unwrap().into_inner();
    let streamed: Vec<serde_json::Value> =
        bytes(stream).await.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let limit = NonZeroU32::new(1_000);
        let page = world.native.list_run_events(&run.run_id, after, limit).await.unwrap().into_inner();
        paged.extend(page.events.iter().map(|event| json!(event)));
        after = page.next_after_seq;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged.len(), streamed.len());
    assert!(paged.len() > 2 * CHILDREN);
    let seq = |events: &[serde_json::Value]| events.iter().map(|event| event["seq"].clone()).collect::<Vec<_>>();
    assert_eq!(seq(&paged), seq(&streamed));
    assert_eq!(paged[0]["data"], streamed[0]["data"]);
    let first = world.native.list_run_events(&run.run_id, None, None).await.unwrap().into_inner();
    assert_eq!((first.events.len(), first.next_after_seq), (500, Some(500)));
    world.server.stop().await;
}
