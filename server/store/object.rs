//! Small objects at rest: documents that an API keeps beside its runs, such as ACP's servers or Cargo's tools, and the trait
//! [`ObjectStore`]. What is in a document is its owner's business: here it is JSON text.
//!
//! An object is found by (tenant, kind, id), by its name where it has one, and in lists of its kind, of all or of one parent. Every
//! write says which version it saw, so that two writers never undo each other. Nothing secret belongs here: bodies rest in the clear.
//! Dialect modules use the server's `objects`, which reads and writes Rust types.

use async_trait::async_trait;

use super::{StoreError, Tenant};

/// How often an object has been written: 1 for a new one. 0 stands for one that is not there.
pub type Version = u64;

/// Where objects are kept. Implemented by every store, beside [`Store`](super::Store).
#[async_trait]
pub trait ObjectStore: Send + Sync + 'static {
    /// Does all changes in one durable transaction, or none: the first that cannot be done says why. A change sees those before
    /// it. Answers with the objects as they are now, one for each [`Change::Put`], in order. When this returns `Ok`, what it did
    /// has survived a power cut.
    ///
    /// A change that breaks several rules is told the first of: `Stale`, `NameTaken`.
    async fn change_objects(&self, tenant: &str, changes: Vec<Change>) -> Result<Vec<Object>, ObjectError>;

    /// The object with this id.
    async fn object(&self, tenant: &str, kind: &str, id: &str) -> Result<Option<Object>, StoreError>;

    /// The object with this name.
    async fn object_named(&self, tenant: &str, kind: &str, name: &str) -> Result<Option<Object>, StoreError>;

    /// Objects of a kind, of one parent or of all, newest first by creation and then by id, after the cursor.
    async fn objects(
        &self,
        tenant: &str,
        kind: &str,
        parent: Option<&str>,
        after: Option<&ObjectCursor>,
        limit: usize,
    ) -> Result<Vec<Object>, StoreError>;
}

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is, such as `acp.server`. Ids and names of different kinds have nothing to do with each other.
    pub kind: String,
    /// Which, unique in its tenant and kind.
    pub id: String,
    /// What people call it, unique in its tenant and kind.
    pub name: Option<String>,
    /// What it belongs to, for lists. No object of this id needs to be there.
    pub parent: Option<String>,
    /// How often it has been written.
    pub version: Version,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
    /// JSON.
    pub body: String,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Keeps a new object, or another one in the place of the one that stands there. What was created when stays.
    Put(Put),
    /// Removes one. One that is not there is stale, whatever was seen.
    Delete {
        /// Of which kind.
        kind: String,
        /// Which.
        id: String,
        /// The version seen. Absent: any.
        expected: Option<Version>,
    },
}

/// An object to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// As in [`Object`].
    pub kind: String,
    /// As in [`Object`].
    pub id: String,
    /// As in [`Object`].
    pub name: Option<String>,
    /// As in [`Object`].
    pub parent: Option<String>,
    /// JSON.
    pub body: String,
    /// The version seen: 0 for none.
    pub expected: Version,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// Where a list goes on: after this object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectCursor {
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Which.
    pub id: String,
}

/// Why objects were not changed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Someone else changed it first, made it, or removed it. Read it again.
    #[error("{kind} `{id}` is at version {found}, which is not the one that was seen")]
    Stale {
        /// Of which kind.
        kind: String,
        /// Which.
        id: String,
        /// What stands there: 0 for nothing.
        found: Version,
    },
    /// Another object of the kind has the name.
    #[error("the name `{name}` is taken by {kind} `{id}`")]
    NameTaken {
        /// Of which kind.
        kind: String,
        /// The name.
        name: String,
        /// Who has it.
        id: String,
    },
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes, with whose objects they are about.
#[derive(Debug, Clone)]
pub(super) struct Changes {
    pub(super) tenant: Tenant,
    pub(super) changes: Vec<Change>,
}

impl Change {
    /// Of which kind, and which.
    pub(super) fn place(&self) -> (&str, &str) {
        match self {
            Change::Put(put) => (&put.kind, &put.id),
            Change::Delete { kind, id, .. } => (kind, id),
        }
    }

    /// Whether the version that stands there is the one that was seen.
    pub(super) fn refuse_stale(&self, found: Version) -> Result<(), ObjectError> {
        let stands = match self {
            Change::Put(put) => found == put.expected,
            Change::Delete { expected, .. } => found > 0 && expected.is_none_or(|expected| found == expected),
        };
        let (kind, id) = self.place();
        if stands { Ok(()) } else { Err(ObjectError::Stale { kind: kind.to_owned(), id: id.to_owned(), found }) }
    }
}

impl Put {
    /// What is kept of it, in the place of what stood there.
    pub(super) fn over(self, before: Option<&Object>) -> Object {
        Object {
            kind: self.kind,
            id: self.id,
            name: self.name,
            parent: self.parent,
            version: before.map_or(0, |before| before.version) + 1,
            created_at_ms: before.map_or(self.at_ms, |before| before.created_at_ms),
            updated_at_ms: before.map_or(self.at_ms, |before| before.updated_at_ms.max(self.at_ms)),
            body: self.body,
        }
    }
}

impl Object {
    /// Where a list goes on after it.
    pub fn cursor(&self) -> ObjectCursor {
        ObjectCursor { created_at_ms: self.created_at_ms, id: self.id.clone() }
    }
}
