//! Failing on purpose, for trying out what follows. Its types are in `catalog/core.rs`.

use runyard_engine::Object;
use runyard_engine::event::Failure;

use super::{Call, builtin};
use crate::catalog::core::{FailInputs, FailOutputs};

/// The node type.
pub(super) const ID: &str = "runyard.core.fail";

/// Waits as long as asked, then fails, unless it has failed often enough.
pub(super) async fn perform(call: &Call<'_>) -> Result<Object, Failure> {
    let inputs: FailInputs = builtin::read(call)?;
    if let Some(after_ms) = inputs.after_ms {
        call.clock.sleep(std::time::Duration::from_millis(after_ms)).await;
    }
    if inputs.tries.is_some_and(|tries| call.attempt > tries) {
        return builtin::write(&FailOutputs { attempt: call.attempt });
    }
    let plain = Failure {
        code: "failed_on_purpose".to_owned(),
        message: "failed on purpose, as asked".to_owned(),
        details: None,
        retryable: inputs.retryable,
    };
    Err(Failure { code: inputs.code.unwrap_or(plain.code), message: inputs.message.unwrap_or(plain.message), ..plain })
}
