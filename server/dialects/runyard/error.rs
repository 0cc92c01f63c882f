//! Every refusal in the error envelope of the Runyard API.

use runyard_api::host::Caller;
use runyard_api::runyard::types::{Error, ErrorEnvelope};

use crate::dialects::common::refusal::{self, Refusal};

/// The envelope of a refusal.
pub(super) fn envelope(cx: &Caller, refusal: &Refusal) -> ErrorEnvelope {
    ErrorEnvelope {
        error: Error {
            code: refusal.code.to_string(),
            message: refusal.message.clone(),
            details: Some(refusal.details.clone()).filter(|details| !details.is_empty()),
            retryable: Some(refusal.retryable),
        },
        extensions: Some(refusal::extensions(cx)),
    }
}
