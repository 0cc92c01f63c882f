//! Ids. A run's id comes from outside (UUIDv7). Node run and effect ids are derived from it (UUIDv8 over SHA-256, RFC
//! 9562 section 5.8), so that the same decision always gives the same ids. Storage and APIs use the same text form.
//!
//! Derived ids start with the prefix of their run's id, which contains its time, so that rows written together are
//! close in an index. In runs from before format 5 they are complete hashes. The root's id, recorded in the first
//! event, determines the form: ids derived from an id have the same form.

use std::borrow::Cow;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A position in a run's log, without gaps, from 1. Internal; APIs show their own `seq`.
pub type Position = u64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix of the text form, before the 32 hexadecimal digits.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a UUID that is known to be an id of this type.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID.
            pub const fn uuid(&self) -> Uuid {
                self.0
            }

            /// Parses the prefixed form or a plain UUID, hyphenated or not. Anything else gives `None`.
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
    /// An effect. Its id is also the idempotency key of its execution.
    EffectId,
    "effect_"
);
id!(
    /// An approval request.
    ApprovalId,
    "approval_"
);

impl RunId {
    /// The run that a node run starts in this attempt (from 1).
    pub fn sub_run(run: RunId, node_run: NodeRunId, attempt: u32) -> Self {
        let parts: &[&[u8]] = &[b"sub_run", run.0.as_bytes(), node_run.0.as_bytes(), &attempt.to_be_bytes()];
        // Only the time is shared, because the next bytes distinguish the node runs of this run from those of runs with
        // the same time.
        Self(if node_run.is_timed(run) { derive(parts, Some((run, TIME_BYTES))) } else { derive(parts, None) })
    }
}

impl NodeRunId {
    /// The root node run of a run.
    pub fn root(run: RunId) -> Self {
        Self(derive(&[b"root", run.0.as_bytes()], Some((run, PREFIX_BYTES))))
    }

    /// The root node run of a run from before format 5.
    pub fn hashed_root(run: RunId) -> Self {
        Self(derive(&[b"root", run.0.as_bytes()], None))
    }

    /// Whether this is the root node run of a run, in either form.
    pub(crate) fn is_root_of(self, run: RunId) -> bool {
        self == NodeRunId::root(run) || self == NodeRunId::hashed_root(run)
    }

    /// The child of `parent` with this key. Keys are unique within their parent.
    pub fn child(run: RunId, parent: NodeRunId, key: &str) -> Self {
        Self(derive_like(parent, run, &[b"child", run.0.as_bytes(), parent.0.as_bytes(), key.as_bytes()]))
    }

    /// Whether it starts with the prefix of this run's id. A hash practically never does.
    pub fn is_timed(self, run: RunId) -> bool {
        let (mine, runs) = (self.0.as_bytes(), run.0.as_bytes());
        // The upper half of the seventh byte is the UUID version.
        mine[..TIME_BYTES] == runs[..TIME_BYTES] && mine[6] & 0x0f == runs[6] & 0x0f && mine[7] == runs[7]
    }
}

impl EffectId {
    /// The effect of this purpose for a node run's attempt (from 1).
    pub fn of(run: RunId, node_run: NodeRunId, purpose: &str, attempt: u32) -> Self {
        let attempt = attempt.to_be_bytes();
        let parts: &[&[u8]] = &[b"effect", run.0.as_bytes(), node_run.0.as_bytes(), purpose.as_bytes(), &attempt];
        Self(derive_like(node_run, run, parts))
    }
}

impl ApprovalId {
    /// The approval request of a node run, which has at most one.
    pub fn of(run: RunId, node_run: NodeRunId) -> Self {
        Self(derive_like(node_run, run, &[b"approval", run.0.as_bytes(), node_run.0.as_bytes()]))
    }
}

/// The id of the candidate set for a node run, unique over all runs.
pub fn candidate_set_id(run: RunId, node_run: NodeRunId) -> String {
    let parts: &[&[u8]] = &[b"candidates", run.0.as_bytes(), node_run.0.as_bytes()];
    format!("candidates_{}", derive(parts, None).simple())
}

/// The number of bytes of the time in a UUIDv7.
const TIME_BYTES: usize = 6;
/// The number of bytes that the ids of a run's node runs share with the run's id: the time and the first random bits.
const PREFIX_BYTES: usize = 8;

/// As [`derive`], in the same form as the id `from`.
fn derive_like(from: NodeRunId, run: RunId, parts: &[&[u8]]) -> Uuid {
    derive(parts, from.is_timed(run).then_some((run, PREFIX_BYTES)))
}

/// The UUIDv8 of the parts, after this many bytes of a run's id. Each part is preceded by its length, so that different
/// lists of parts give different hashes.
fn derive(parts: &[&[u8]], behind: Option<(RunId, usize)>) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    if let Some((run, shared)) = behind {
        bytes[..shared].copy_from_slice(&run.0.as_bytes()[..shared]);
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunId {
        RunId::parse("run_0190b2c3d4e57f89a0123456789abcde").unwrap()
    }

    #[test]
    fn derived_ids_begin_with_the_time_of_their_run() {
        let root = NodeRunId::root(run());
        let child = NodeRunId::child(run(), root, "a");
        let effect = EffectId::of(run(), child, "call", 1);
        let approval = ApprovalId::of(run(), child);
        for id in [root.uuid(), child.uuid(), effect.uuid(), approval.uuid()] {
            assert!(id.simple().to_string().starts_with("0190b2c3d4e58f89"), "{id}");
            assert_eq!(id.get_version_num(), 8);
        }
        let sub_run = RunId::sub_run(run(), child, 1);
        assert_eq!(sub_run.uuid().as_bytes()[..6], run().uuid().as_bytes()[..6]);
        assert_ne!(NodeRunId::root(sub_run), root);
    }

    #[test]
    fn what_follows_from_the_root_of_an_older_run_has_the_ids_that_it_always_had() {
        // Ids as in format 1.
        let root = NodeRunId::hashed_root(run());
        let child = NodeRunId::child(run(), root, "a");
        let known = |parts: &[&[u8]]| derive(parts, None);
        let bytes = *run().uuid().as_bytes();
        assert_eq!(root.uuid(), known(&[b"root", &bytes]));
        assert_eq!(child.uuid(), known(&[b"child", &bytes, root.uuid().as_bytes(), b"a"]));
        let (effect, one) = (EffectId::of(run(), child, "call", 1), 1_u32.to_be_bytes());
        assert_eq!(effect.uuid(), known(&[b"effect", &bytes, child.uuid().as_bytes(), b"call", &one]));
        assert_eq!(RunId::sub_run(run(), child, 1).uuid(), known(&[b"sub_run", &bytes, child.uuid().as_bytes(), &one]));
        assert!(root.is_root_of(run()) && NodeRunId::root(run()).is_root_of(run()) && !child.is_root_of(run()));
    }
}
