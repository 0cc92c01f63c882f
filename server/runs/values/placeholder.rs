//! What an answer has in the place of a large value.

use runyard_engine::RunId;
use runyard_engine::large::{Digest, Reference};
use serde_json::Value;

/// The path of a value in the Runyard API.
pub(in crate::runs) fn path(run: RunId, digest: Digest) -> String {
    format!("/v1/runs/{run}/values/{digest}")
}

/// The placeholder for a value that is too large for an answer.
pub(super) fn placeholder(run: RunId, reference: Reference) -> Value {
    serde_json::json!({
        "digest": reference.digest.to_string(),
        "bytes": reference.bytes,
        "href": path(run, reference.digest),
    })
}
