//! Every refusal in ARP's error envelope, with the id under which the log has the request.

use runyard_api::arp::schemas::{Error, ErrorEnvelope, Extensions};
use runyard_api::host::Caller;

use crate::dialects::common::refusal::{self, Refusal};

/// The envelope of a refusal.
pub fn envelope(cx: &Caller, refusal: &Refusal) -> ErrorEnvelope {
    ErrorEnvelope {
        error: Error {
            code: refusal.code.to_string(),
            message: refusal.message.clone(),
            details: Some(refusal.details.clone()).filter(|details| !details.is_empty()),
            retryable: Some(refusal.retryable),
            cause: None,
            extensions: None,
        },
        extensions: Some(Extensions(refusal::extensions(cx))),
    }
}
