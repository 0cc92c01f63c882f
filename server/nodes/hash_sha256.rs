//! `runyard.core.hash.sha256`: the digest of a text or of bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, NodeKind, Object, Routed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::provider::{Builtin, NodeContext, Perform};
use super::values::{failed, made, read, words};
use crate::catalog::entry::{Argument, Entry, Head, Hints, Reads};
use crate::catalog::violation::Violation;

/// Its id.
pub const ID: &str = "runyard.core.hash.sha256";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Now(perform), needs_data: false };

/// What to hash: exactly one of `text` and `content_base64`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HashSha256Inputs {
    /// The bytes to hash, in base64 (RFC 4648, with padding).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_base64: Option<String>,
    /// The text to hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How `text` becomes bytes. Only `utf-8`, which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

/// A digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HashSha256Outputs {
    /// The SHA-256 digest (FIPS 180-4): 64 lower case hexadecimal digits.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
}

fn entry() -> Entry {
    Entry::of::<HashSha256Inputs, HashSha256Outputs>(Head {
        id: ID,
        aliases: &["jarvis.core.hash.sha256"],
        kind: NodeKind::Call,
        description: "Computes the SHA-256 hash of a text or of bytes: a cryptographic digest, checksum or fingerprint.",
        hints: Hints {
            keywords: words("sha256 sha digest checksum fingerprint"),
            verbs: words("hash"),
            produces: words("hash sha256 sha digest checksum fingerprint"),
            arguments: vec![Argument {
                field: "text".to_owned(),
                reads: Reads::Text {
                    after: words("hash"),
                    of: words("hash sha256 sha 256 digest checksum fingerprint"),
                },
            }],
            ..Hints::default()
        },
        rule: Some(one_content),
    })
}

/// The rules of `HashSha256Inputs` that its schema does not say.
fn one_content(inputs: &Object) -> Vec<Violation> {
    let given = |field: &str| inputs.get(field).filter(|value| !value.is_null()).and_then(Value::as_str);
    let mut found = Vec::new();
    match (given("text"), given("content_base64")) {
        (None, None) => found.push(Violation::at("text", "or /content_base64 is required")),
        (Some(_), Some(_)) => found.push(Violation::at("text", "and /content_base64 must not both be given")),
        (None, Some(content)) if STANDARD.decode(content).is_err() => {
            found.push(Violation::at("content_base64", "must be base64 (RFC 4648, with padding)"));
        }
        _ => {}
    }
    if given("encoding").is_some_and(|name| !is_utf8(name)) {
        found.push(Violation::at("encoding", "must be utf-8, the only encoding supported"));
    }
    found
}

fn is_utf8(name: &str) -> bool {
    name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("utf8")
}

fn perform(cx: &NodeContext<'_>) -> Result<Routed, Failure> {
    let inputs: HashSha256Inputs = read(cx)?;
    let content = match (inputs.text, inputs.content_base64) {
        (Some(text), _) => text.into_bytes(),
        (None, base64) => STANDARD
            .decode(base64.unwrap_or_default())
            .map_err(|error| failed(FailureCode::InvalidInputs, format!("/content_base64 is not base64: {error}")))?,
    };
    let sha256 = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    made(&HashSha256Outputs { sha256 })
}
