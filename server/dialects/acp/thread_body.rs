//! Stored data of a thread, and a thread as lists and runs show it.

use runyard_api::acp::types::{MessageRole, Thread, ThreadStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::environments;
use crate::dialects::common::time::time;
use crate::objects::ObjectType;

/// Stored data of a thread that a client created. Every field has a default, so that older data can be read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Body {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) project: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) task: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) archived: bool,
    /// The runs of a deleted thread still exist, but the thread does not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) deleted: bool,
    /// Of the request that created it under an idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Map<String, Value>>,
    /// The messages before the first run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) messages: Vec<Own>,
}

/// A message that belongs to no run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Own {
    pub(super) role: MessageRole,
    pub(super) content: String,
}

impl ObjectType for Body {
    const KIND: &'static str = "acp.thread";
}

/// A thread without its messages.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) status: ThreadStatus,
    pub(super) made: Option<Body>,
    pub(super) created_at_ms: i64,
    pub(super) updated_at_ms: i64,
}

impl Look {
    /// The thread in the document's form.
    pub(super) fn thread(self) -> Thread {
        let made = self.made.unwrap_or_default();
        Thread {
            id: Some(self.id),
            title: self.title,
            status: Some(self.status),
            message_count: None,
            messages: None,
            metadata: made.metadata,
            environment_id: Some(environments::DEFAULT.to_owned()),
            project_id: made.project,
            agent_id: made.agent,
            app_id: made.app,
            task: made.task,
            created_at: Some(time(self.created_at_ms)),
            updated_at: Some(time(self.updated_at_ms)),
        }
    }
}
