//! Small objects as Rust types: what an API stores besides its runs, such as ACP's servers or Cargo's tools. Dialect
//! modules call this facade; [`crate::store::object`] stores the objects.
//!
//! A stored type implements [`ObjectType`], which names its kind. Its serde form is stored, for ever: a new field needs a
//! default. Every result has the version that a later change must name, so that callers never overwrite each other's
//! changes:
//!
//! ```
//! # async fn example(objects: runyard::objects::Objects) -> Result<(), runyard::objects::Error> {
//! use runyard::objects::{Change, ObjectType, New, Stored};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Tool { color: String }
//! impl ObjectType for Tool {
//!     const KIND: &'static str = "example.tool";
//! }
//!
//! let new = New { id: "t-1".into(), name: Some("hammer".into()), parent: None, body: Tool { color: "red".into() } };
//! let mut tool: Stored<Tool> = objects.create("acme", new).await?;
//! tool.body.color = "blue".into();
//! let tool = objects.replace("acme", tool).await?;
//! assert_eq!((tool.version, tool.body.color.as_str()), (2, "blue"));
//! let found: Option<Stored<Tool>> = objects.named("acme", "hammer").await?;
//! // Several together, or none of them:
//! objects.change("acme", vec![Change::delete(&tool)]).await?;
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::store::object::{self, Object, ObjectError, ObjectStore, ObjectWrite};
use crate::store::{StoreError, json};

pub use crate::store::object::{ObjectCursor as Cursor, Version};

/// A type of stored objects.
pub trait ObjectType: Serialize + DeserializeOwned + Send {
    /// The kind: the API, a dot, the thing, such as `acp.server`.
    const KIND: &'static str;
}

/// All objects of a server. Cheap to clone.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    clock: Clock,
}

/// An object to create.
#[derive(Debug, Clone, PartialEq)]
pub struct New<T> {
    /// The id, unique in its tenant and kind.
    pub id: String,
    /// The name, unique in its tenant and kind.
    pub name: Option<String>,
    /// The parent's id, for lists.
    pub parent: Option<String>,
    /// The value.
    pub body: T,
}

/// A stored object.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// The id.
    pub id: String,
    /// The name. It may be changed before [`Objects::replace`].
    pub name: Option<String>,
    /// The parent's id. It may be changed before [`Objects::replace`].
    pub parent: Option<String>,
    /// How many times it has been written; a replacement has to name the version that was read.
    pub version: Version,
    /// When it was created, Unix milliseconds.
    pub created_at_ms: i64,
    /// When it was last written, Unix milliseconds.
    pub updated_at_ms: i64,
    /// The value. It may be changed before [`Objects::replace`].
    pub body: T,
}

/// One of several changes of a transaction. Made by its functions.
#[derive(Debug, Clone)]
pub struct Change(Draft);

#[derive(Debug, Clone)]
enum Draft {
    Put { kind: &'static str, id: String, name: Option<String>, parent: Option<String>, body: Body, expected: Version },
    Delete { kind: &'static str, id: String, expected: Version },
}

/// JSON text, or why the value cannot be written.
type Body = Result<String, String>;

/// Why a change failed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another caller changed it first, created it (`found` over 0 for a new one), or removed it (`found` 0). Read it
    /// again.
    #[error("{kind} `{id}` has been changed meanwhile")]
    Stale {
        /// The kind.
        kind: String,
        /// The id.
        id: String,
        /// The stored version: 0 if no such object exists.
        found: Version,
    },
    /// Another object of the kind has the name.
    #[error("the name `{name}` is taken by {kind} `{id}`")]
    NameTaken {
        /// The kind.
        kind: String,
        /// The name.
        name: String,
        /// The object that has it.
        id: String,
    },
    /// The value cannot be written as JSON, or the stored JSON cannot be read as this type.
    #[error("{kind} `{id}` is not what it should be: {reason}")]
    Unreadable {
        /// The kind.
        kind: &'static str,
        /// The id.
        id: String,
        /// What is wrong, without the stored data.
        reason: String,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Objects {
    /// The objects in this store.
    pub fn new(store: Arc<dyn ObjectStore>, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The object with this id.
    ///
    /// # Errors
    /// The store did not answer, or its data cannot be read.
    pub async fn get<T: ObjectType>(&self, tenant: &str, id: &str) -> Result<Option<Stored<T>>, Error> {
        self.store.object(tenant, T::KIND, id).await?.map(read).transpose()
    }

    /// The object with this name.
    ///
    /// # Errors
    /// As for [`Objects::get`].
    pub async fn named<T: ObjectType>(&self, tenant: &str, name: &str) -> Result<Option<Stored<T>>, Error> {
        self.store.object_named(tenant, T::KIND, name).await?.map(read).transpose()
    }

    /// Objects of a type, of one parent or of all, newest first, after the cursor: [`Stored::cursor`] of the last one
    /// on the page before.
    ///
    /// # Errors
    /// As for [`Objects::get`].
    pub async fn list<T: ObjectType>(
        &self,
        tenant: &str,
        parent: Option<&str>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Stored<T>>, Error> {
        let found = self.store.objects(tenant, T::KIND, parent, after, limit).await?;
        found.into_iter().map(read).collect()
    }

    /// Stores a new object.
    ///
    /// # Errors
    /// [`Error::Stale`] if the id is taken, [`Error::NameTaken`] if the name is.
    pub async fn create<T: ObjectType>(&self, tenant: &str, new: New<T>) -> Result<Stored<T>, Error> {
        let change = Change::create(&new);
        self.one(tenant, change, new.body).await
    }

    /// Replaces the object that was read by its changed value.
    ///
    /// # Errors
    /// [`Error::Stale`] if another caller was first, [`Error::NameTaken`] if the new name is taken.
    pub async fn replace<T: ObjectType>(&self, tenant: &str, changed: Stored<T>) -> Result<Stored<T>, Error> {
        let change = Change::replace(&changed);
        self.one(tenant, change, changed.body).await
    }

    /// Removes an object, whatever its version. Returns whether there was one.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn delete<T: ObjectType>(&self, tenant: &str, id: &str) -> Result<bool, Error> {
        let delete = object::Change::Delete { kind: T::KIND.to_owned(), id: id.to_owned(), expected: None };
        match self.store.change_objects(tenant, vec![delete]).await {
            Ok(_) => Ok(true),
            Err(ObjectError::Stale { found: 0, .. }) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    /// Makes several changes, of any types, in one transaction. Returns the new versions of created and replaced
    /// objects.
    ///
    /// # Errors
    /// The error of the first change that fails; then none is made.
    pub async fn change(&self, tenant: &str, changes: Vec<Change>) -> Result<Vec<Version>, Error> {
        Ok(self.write(tenant, changes).await?.iter().map(|object| object.version).collect())
    }

    async fn one<T>(&self, tenant: &str, change: Change, body: T) -> Result<Stored<T>, Error> {
        let mut now = self.write(tenant, vec![change]).await?;
        let object = now.pop().ok_or_else(|| StoreError::Failed("the store did not answer a change".into()))?;
        Ok(stored(object, body))
    }

    async fn write(&self, tenant: &str, changes: Vec<Change>) -> Result<Vec<Object>, Error> {
        let at_ms = self.clock.now_ms();
        let changes = changes.into_iter().map(|Change(draft)| prepared(draft, at_ms)).collect::<Result<_, _>>()?;
        Ok(self.store.change_objects(tenant, changes).await?)
    }
}

impl Change {
    /// Stores a new object.
    pub fn create<T: ObjectType>(new: &New<T>) -> Self {
        let (name, parent) = (new.name.clone(), new.parent.clone());
        Change(Draft::Put { kind: T::KIND, id: new.id.clone(), name, parent, body: body(&new.body), expected: 0 })
    }

    /// Stores a changed object.
    pub fn replace<T: ObjectType>(changed: &Stored<T>) -> Self {
        let (name, parent, expected) = (changed.name.clone(), changed.parent.clone(), changed.version);
        Change(Draft::Put { kind: T::KIND, id: changed.id.clone(), name, parent, body: body(&changed.body), expected })
    }

    /// Removes an object that was read.
    pub fn delete<T: ObjectType>(read: &Stored<T>) -> Self {
        Change(Draft::Delete { kind: T::KIND, id: read.id.clone(), expected: read.version })
    }
}

impl<T> Stored<T> {
    /// The cursor after this object, for lists.
    pub fn cursor(&self) -> Cursor {
        Cursor { created_at_ms: self.created_at_ms, id: self.id.clone() }
    }
}

impl From<ObjectError> for Error {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Stale { kind, id, found } => Error::Stale { kind, id, found },
            ObjectError::NameTaken { kind, name, id } => Error::NameTaken { kind, name, id },
            ObjectError::Store(error) => Error::Store(error),
        }
    }
}

fn body<T: ObjectType>(body: &T) -> Body {
    serde_json::to_string(body).map_err(|error| error.to_string())
}

fn prepared(draft: Draft, at_ms: i64) -> Result<object::Change, Error> {
    Ok(match draft {
        Draft::Put { kind, id, name, parent, body, expected } => {
            let body = body.map_err(|reason| Error::Unreadable { kind, id: id.clone(), reason })?;
            object::Change::Put(ObjectWrite { kind: kind.to_owned(), id, name, parent, body, expected, at_ms })
        }
        Draft::Delete { kind, id, expected } => {
            object::Change::Delete { kind: kind.to_owned(), id, expected: Some(expected) }
        }
    })
}

fn read<T: ObjectType>(object: Object) -> Result<Stored<T>, Error> {
    match json::read(object.body.as_bytes()) {
        Ok(body) => Ok(stored(object, body)),
        Err(error) => {
            // Only the place, not the stored text: it may be anybody's data.
            let reason = format!("{:?} at line {}, column {}", error.classify(), error.line(), error.column());
            Err(Error::Unreadable { kind: T::KIND, id: object.id, reason })
        }
    }
}

fn stored<T>(object: Object, body: T) -> Stored<T> {
    let Object { id, name, parent, version, created_at_ms, updated_at_ms, .. } = object;
    Stored { id, name, parent, version, created_at_ms, updated_at_ms, body }
}

#[cfg(test)]
mod tests;
