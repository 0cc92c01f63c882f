//! Identities. A run's id comes from outside (UUIDv7); node run and effect ids are derived from it, so that deciding the
//! same thing twice names the same things (UUIDv8 over SHA-256, RFC 9562 section 5.8). Stored and shown in one text form.

use std::borrow::Cow;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A place in a run's log: gap-free from 1. Internal; what a face shows is its own `seq`.
pub type Position = u64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What stands before the 32 hexadecimal digits in the text form.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a UUID that is known to name one of these.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself.
            pub const fn uuid(&self) -> Uuid {
                self.0
            }

            /// Reads the prefixed form or a plain UUID, hyphenated or not. Anything else is `None`.
            pub fn parse(text: &str) -> Option<Self> {
                let digits = text.strip_prefix($prefix).unwrap_or(text);
                Uuid::try_parse(digits).ok().map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom(concat!("not an id of the form `", $prefix, "...`")))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0.simple())
            }
        }
    };
}

id!(
    /// A run. Text form: `run_` and 32 hexadecimal digits.
    RunId,
    "run_"
);
id!(
    /// A node run. Text form: `node_run_` and 32 hexadecimal digits.
    NodeRunId,
    "node_run_"
);
id!(
    /// An effect: something asked of the world. It is also the idempotency key under which it is performed.
    EffectId,
    "effect_"
);
id!(
    /// Something that somebody is asked to agree to.
    ApprovalId,
    "approval_"
);

impl RunId {
    /// The run that a node run starts in its attempt (from 1).
    pub fn sub_run(run: RunId, node_run: NodeRunId, attempt: u32) -> Self {
        Self(derive(&[b"sub_run", run.0.as_bytes(), node_run.0.as_bytes(), &attempt.to_be_bytes()]))
    }
}

impl NodeRunId {
    /// The root node run of a run.
    pub fn root(run: RunId) -> Self {
        Self(derive(&[b"root", run.0.as_bytes()]))
    }

    /// The child of `parent` with this key. Keys are unique within their parent.
    pub fn child(run: RunId, parent: NodeRunId, key: &str) -> Self {
        Self(derive(&[b"child", run.0.as_bytes(), parent.0.as_bytes(), key.as_bytes()]))
    }
}

impl EffectId {
    /// The effect of this purpose for a node run's attempt (from 1).
    pub fn of(run: RunId, node_run: NodeRunId, purpose: &str, attempt: u32) -> Self {
        Self(derive(&[b"effect", run.0.as_bytes(), node_run.0.as_bytes(), purpose.as_bytes(), &attempt.to_be_bytes()]))
    }
}

impl ApprovalId {
    /// The approval of a node run. There is never a second one.
    pub fn of(run: RunId, node_run: NodeRunId) -> Self {
        Self(derive(&[b"approval", run.0.as_bytes(), node_run.0.as_bytes()]))
    }
}

/// The id of the candidates that a planner considered for a node run: no other run has it.
pub fn candidate_set_id(run: RunId, node_run: NodeRunId) -> String {
    format!("candidates_{}", derive(&[b"candidates", run.0.as_bytes(), node_run.0.as_bytes()]).simple())
}

/// UUIDv8 of the parts, each preceded by its length so that no two lists of parts read the same.
fn derive(parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
