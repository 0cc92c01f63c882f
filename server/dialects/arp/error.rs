//! Every refusal in ARP's error envelope, with the id under which the log has the request.

use runyard_api::arp::schemas::{Error, ErrorEnvelope, Extensions};
use runyard_api::host::Caller;
use serde_json::{Map, json};

use crate::dialects::refusal::Refusal;

/// The envelope of a refusal.
pub fn envelope(cx: &Caller, refusal: &Refusal) -> ErrorEnvelope {
    let mut extensions = Map::new();
    extensions.insert("runyard.request_id".to_owned(), json!(&*cx.request_id));
    ErrorEnvelope {
        error: Error {
            code: refusal.code.to_string(),
            message: refusal.message.clone(),
            details: Some(refusal.details.clone()).filter(|details| !details.is_empty()),
            retryable: Some(refusal.retryable),
            cause: None,
            extensions: None,
        },
        extensions: Some(Extensions(extensions)),
    }
}
