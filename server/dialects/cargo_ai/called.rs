//! What nodes call: the tools that they name, each in the release that is meant. Looked up before nodes are lowered, because that is
//! done in one go.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use runyard_api::cargo::types::{Node, NodeKind};
use runyard_api::host::Caller;

use super::Room;
use super::native::GROUP;
use crate::dialects::refusal::Refusal;

/// The most tools that the nodes of one workflow may reach, by whatever way.
const TOOLS_MAX: usize = 100;

/// A tool as it is called.
#[derive(Debug, Clone)]
pub(super) struct Called {
    pub(super) workflow: String,
    pub(super) release: String,
    pub(super) nodes: Vec<Node>,
}

/// Every tool that can be called, by its identifier and the release that a node asks for.
#[derive(Debug, Default)]
pub(super) struct Tools(BTreeMap<(String, Option<String>), Called>);

impl Tools {
    /// The tool that a node calls.
    pub(super) fn of(&self, node: &Node) -> Option<&Called> {
        self.0.get(&key(node)?)
    }
}

fn key(node: &Node) -> Option<(String, Option<String>)> {
    Some((node.tool_uuid.clone()?, node.release_uuid.clone()))
}

impl Room {
    /// The tools that these nodes call, and those that these call. One that is not there, or of which nothing is deployed, is left out:
    /// whoever lowers the nodes names it with its node.
    pub(super) async fn called(&self, cx: &Caller, nodes: &[Node]) -> Result<Tools, Refusal> {
        let (mut tools, mut looked_for) = (Tools::default(), BTreeSet::new());
        let mut open = nodes.to_vec();
        while let Some(node) = open.pop() {
            open.extend(within(&node));
            let wanted = key(&node).filter(|_| node.kind == NodeKind::Tool);
            let Some(wanted) =
                wanted.filter(|wanted| looked_for.len() < TOOLS_MAX && looked_for.insert(wanted.clone()))
            else {
                continue;
            };
            match self.call(cx, &wanted.0, wanted.1.as_deref()).await {
                Ok(called) => {
                    open.extend(called.nodes.iter().cloned());
                    tools.0.insert(wanted, called);
                }
                Err(refusal) if [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST].contains(&refusal.status) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(tools)
    }

    async fn call(&self, cx: &Caller, tool: &str, release: Option<&str>) -> Result<Called, Refusal> {
        let workflow = self.tool(cx, tool).await?.body.workflow;
        let release = self.released(cx, &workflow, release).await?;
        Ok(Called { workflow, release: release.id, nodes: release.body.nodes })
    }
}

/// The nodes that a group has of its own.
fn within(node: &Node) -> Vec<Node> {
    let is_group = node.action_slug.as_deref() == Some(GROUP);
    let nodes = node.config.get("_nodes").filter(|_| is_group).cloned();
    nodes.and_then(|nodes| serde_json::from_value(nodes).ok()).unwrap_or_default()
}
