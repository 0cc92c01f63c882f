//! Stored small objects: documents that an API stores beside its runs, such as ACP's servers or Cargo's tools. The
//! trait is [`ObjectStore`]. The store treats a document as JSON text; only its API interprets it.
//!
//! An object is found by (tenant, kind, id), by its name if it has one, and in lists of its kind, of all or of one
//! parent. Every write names the version it saw, so that two writers never undo each other. Bodies are not encrypted,
//! so secrets do not belong here. Dialect modules use the server's `objects`, which reads and writes Rust types.

use async_trait::async_trait;

use super::error::StoreError;
use super::records::Tenant;

/// How often an object has been written: 1 for a new one, 0 for an object that does not exist.
pub type Version = u64;

/// Storage of objects. Every store implements it, beside [`Store`](super::Store).
#[async_trait]
pub trait ObjectStore: Send + Sync + 'static {
    /// Applies all changes in one durable transaction, or none and returns the first error. A change sees those before
    /// it. Returns the new objects, one for each [`Change::Put`], in order. After `Ok`, the changes survive a power
    /// cut.
    ///
    /// A change that breaks several rules gets the first error of: `Stale`, `NameTaken`.
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

/// A stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The kind, such as `acp.server`. Ids and names of different kinds are independent.
    pub kind: String,
    /// The id, unique in its tenant and kind.
    pub id: String,
    /// The display name, unique in its tenant and kind.
    pub name: Option<String>,
    /// The parent's id, for lists. The parent does not have to exist.
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
    /// Creates an object, or replaces the stored one. The time of creation stays.
    Put(ObjectWrite),
    /// Deletes an object. An object that does not exist is stale, whatever version is expected.
    Delete {
        /// The kind.
        kind: String,
        /// The object's id.
        id: String,
        /// The expected version. Absent: any.
        expected: Option<Version>,
    },
}

/// An object to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectWrite {
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
    /// The expected version: 0 for a new object.
    pub expected: Version,
    /// The time, Unix milliseconds.
    pub at_ms: i64,
}

/// The cursor of a list: it continues after this object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectCursor {
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// The object's id.
    pub id: String,
}

/// Why a change failed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Another client changed, created or removed the object first. Read it again.
    #[error("{kind} `{id}` is at version {found}, which is not the one that was seen")]
    Stale {
        /// The kind.
        kind: String,
        /// The object's id.
        id: String,
        /// The stored version: 0 if the object does not exist.
        found: Version,
    },
    /// Another object of the kind has the name.
    #[error("the name `{name}` is taken by {kind} `{id}`")]
    NameTaken {
        /// The kind.
        kind: String,
        /// The name.
        name: String,
        /// The object that has the name.
        id: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes of one tenant.
#[derive(Debug, Clone)]
pub(super) struct Changes {
    pub(super) tenant: Tenant,
    pub(super) changes: Vec<Change>,
}

impl Change {
    /// The kind and the id.
    pub(super) fn place(&self) -> (&str, &str) {
        match self {
            Change::Put(put) => (&put.kind, &put.id),
            Change::Delete { kind, id, .. } => (kind, id),
        }
    }

    /// Whether the stored version is the expected one.
    pub(super) fn refuse_stale(&self, found: Version) -> Result<(), ObjectError> {
        let stands = match self {
            Change::Put(put) => found == put.expected,
            Change::Delete { expected, .. } => found > 0 && expected.is_none_or(|expected| found == expected),
        };
        let (kind, id) = self.place();
        if stands { Ok(()) } else { Err(ObjectError::Stale { kind: kind.to_owned(), id: id.to_owned(), found }) }
    }
}

impl ObjectWrite {
    /// The object to store in place of the old one.
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
    /// The cursor after this object.
    pub fn cursor(&self) -> ObjectCursor {
        ObjectCursor { created_at_ms: self.created_at_ms, id: self.id.clone() }
    }
}
