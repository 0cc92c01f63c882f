//! Stored data of a tool.

use serde::{Deserialize, Serialize};

use crate::objects::ObjectType;

/// Stored data of a tool. Every field has a default, so that older data can be read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ToolBody {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) icon_url: Option<String>,
    pub(super) workflow: String,
}

impl ObjectType for ToolBody {
    const KIND: &'static str = "cargo.tool";
}
