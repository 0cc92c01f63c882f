//! The tools that nodes call, each in the requested release. They are looked up before nodes are lowered, because
//! lowering does not wait for the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::StatusCode;
use runyard_api::cargo::types::{Node, NodeKind};
use runyard_api::host::Caller;

use super::Handlers;
use super::error::invalid_nodes;
use super::native::GROUP;
use super::tool_body::ToolBody;
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::sizes;

/// The most tools that the nodes of one workflow may reach, directly or indirectly.
const TOOLS_MAX: usize = 100;

/// A tool that a node calls.
#[derive(Debug, Clone)]
pub(super) struct Called {
    pub(super) name: String,
    pub(super) workflow: String,
    pub(super) release: String,
    pub(super) nodes: Arc<Vec<Node>>,
}

/// The tools that nodes name, and their size.
struct Named {
    names: Vec<(String, Option<String>)>,
    bytes: u64,
}

impl Named {
    /// Examines one node, and adds its inner nodes to `open`.
    fn look(&mut self, node: &Node, open: &mut Vec<Node>) {
        open.extend(within(node));
        self.names.extend(key(node).filter(|_| node.kind == NodeKind::Tool));
    }
}

/// Every tool that can be called, by its identifier and the release that a node names.
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

impl Handlers {
    /// The tools that these nodes call, directly or through other tools. A missing tool, or one without a deployed
    /// release, is left out: lowering reports it with its node.
    pub(super) async fn called(&self, cx: &Caller, nodes: &[Node]) -> Result<Tools, Refusal> {
        let (mut tools, mut looked_for) = (Tools::default(), BTreeSet::new());
        let mut open = self.tools_in(cx, Arc::new(nodes.to_vec())).await?.names;
        let (mut bytes, bytes_max) = (0, self.runs.limits().expansion_bytes);
        while let Some(wanted) = open.pop() {
            if looked_for.len() >= TOOLS_MAX || !looked_for.insert(wanted.clone()) {
                continue;
            }
            match self.call(cx, &wanted.0, wanted.1.as_deref()).await {
                Ok(called) => {
                    let named = self.tools_in(cx, called.nodes.clone()).await?;
                    bytes += named.bytes;
                    if bytes > bytes_max {
                        return Err(invalid_nodes(format!(
                            "expansion_too_large: the tools that they call are more than {bytes_max} bytes together \
                             (limits.expansion_bytes)"
                        )));
                    }
                    open.extend(named.names);
                    tools.0.insert(wanted, called);
                }
                Err(refusal) if [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST].contains(&refusal.status) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(tools)
    }

    /// The tools that these nodes name.
    async fn tools_in(&self, cx: &Caller, nodes: Arc<Vec<Node>>) -> Result<Named, Refusal> {
        let work = move || {
            let mut named = Named { names: Vec::new(), bytes: nodes.iter().map(bytes_of).sum() };
            let mut open = Vec::new();
            for node in nodes.iter() {
                named.look(node, &mut open);
                while let Some(node) = open.pop() {
                    named.look(&node, &mut open);
                }
            }
            named
        };
        self.runs.compute().run(&cx.tenant, work).await.map_err(|refused| of_runs(refused.into()))
    }

    async fn call(&self, cx: &Caller, tool: &str, release: Option<&str>) -> Result<Called, Refusal> {
        let ToolBody { name, workflow, .. } = self.tool(cx, tool).await?.body;
        let release = self.released(cx, &workflow, release).await?;
        Ok(Called { name, workflow, release: release.id, nodes: Arc::new(release.body.nodes) })
    }
}

/// The inner nodes of a group.
fn within(node: &Node) -> Vec<Node> {
    let is_group = node.action_slug.as_deref() == Some(GROUP);
    let nodes = node.config.get("_nodes").filter(|_| is_group).cloned();
    nodes.and_then(|nodes| serde_json::from_value(nodes).ok()).unwrap_or_default()
}

/// The approximate size of a node, bytes.
pub(super) fn bytes_of(node: &Node) -> u64 {
    let config = node.config.iter().map(|(name, value)| name.len() + sizes::bytes(value)).sum::<usize>();
    (size_of::<Node>() + config) as u64
}
