//! `runyard.core.fail`: fails on purpose, for trying out what follows.

use futures::FutureExt;
use futures::future::BoxFuture;
use runyard_engine::event::{CodeText, Failure};
use runyard_engine::{FailureCode, NodeKind, Routed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provider::{Builtin, NodeContext, Perform};
use super::values::{made, read, words};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.core.fail";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Later(perform), needs_data: false };

/// How to fail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailInputs {
    /// The failure's code; `failed_on_purpose` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_]{0,63}$"))]
    pub code: Option<String>,
    /// The failure's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub message: Option<String>,
    /// Marks the failure as retryable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// How many attempts fail before one succeeds; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub tries: Option<u32>,
    /// How long each attempt takes, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 60_000))]
    pub after_ms: Option<u64>,
}

/// Which attempt succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailOutputs {
    /// The number of the attempt, from 1.
    pub attempt: u32,
}

fn entry() -> Entry {
    Entry::of::<FailInputs, FailOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Call,
        description: "Misfires on purpose, for trying out retries and fallbacks.",
        // One word that no goal has by chance.
        hints: Hints { verbs: words("misfire"), ..Hints::default() },
        rule: None,
    })
}

fn perform<'a>(cx: &'a NodeContext<'a>) -> BoxFuture<'a, Result<Routed, Failure>> {
    fail(cx).boxed()
}

/// Waits as long as asked, then fails, unless it has failed often enough.
async fn fail(cx: &NodeContext<'_>) -> Result<Routed, Failure> {
    let inputs: FailInputs = read(cx)?;
    if let Some(after_ms) = inputs.after_ms {
        cx.clock.sleep(std::time::Duration::from_millis(after_ms)).await;
    }
    if inputs.tries.is_some_and(|tries| cx.attempt > tries) {
        return made(&FailOutputs { attempt: cx.attempt });
    }
    let plain = Failure {
        code: FailureCode::FailedOnPurpose.into(),
        message: "failed on purpose, as asked".to_owned(),
        details: None,
        retryable: inputs.retryable,
    };
    let code = inputs.code.map_or(plain.code, CodeText::from_outside);
    Err(Failure { code, message: inputs.message.unwrap_or(plain.message), ..plain })
}
