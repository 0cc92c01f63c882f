//! `[tools]`: where runs get more node types from, besides integrations.

pub mod mcp;

use serde::{Deserialize, Serialize};

/// `[tools]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tools {
    /// MCP servers, whose tools are node types.
    #[serde(deserialize_with = "mcp::from_text")]
    pub mcp: Vec<mcp::McpServer>,
}
