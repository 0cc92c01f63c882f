//! Small objects as Rust types: what an API keeps beside its runs, such as ACP's servers or Cargo's tools. The façade that rooms call;
//! where they rest is [`crate::store::object`].
//!
//! A type that is kept implements [`Kept`], which names its kind. Its serde form is what is stored, for ever: a field that is added
//! has a default. Every answer carries the version that a later change must name, so that two callers never undo each other:
//!
//! ```
//! # async fn example(objects: runyard::objects::Objects) -> Result<(), runyard::objects::Error> {
//! use runyard::objects::{Change, Kept, New, Stored};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Tool { color: String }
//! impl Kept for Tool {
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
use crate::store::object::{self, Object, ObjectError, ObjectStore, Put};
use crate::store::{StoreError, json};

pub use crate::store::object::{ObjectCursor as Cursor, Version};

/// A type whose values are kept.
pub trait Kept: Serialize + DeserializeOwned + Send {
    /// What it is: the owner, a dot, the thing, such as `acp.server`.
    const KIND: &'static str;
}

/// All objects of a server. Cheap to clone.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    clock: Clock,
}

/// An object to be.
#[derive(Debug, Clone, PartialEq)]
pub struct New<T> {
    /// Which, unique in its tenant and kind.
    pub id: String,
    /// What people call it, unique in its tenant and kind.
    pub name: Option<String>,
    /// What it belongs to, for lists.
    pub parent: Option<String>,
    /// What it is.
    pub body: T,
}

/// An object that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// Which.
    pub id: String,
    /// What people call it. To be changed at will before [`Objects::replace`].
    pub name: Option<String>,
    /// What it belongs to. To be changed at will before [`Objects::replace`].
    pub parent: Option<String>,
    /// How often it has been written: what a replacement says that it saw.
    pub version: Version,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
    /// What it is. To be changed at will before [`Objects::replace`].
    pub body: T,
}

/// One of several changes that are done together. Made by its functions.
#[derive(Debug, Clone)]
pub struct Change(Draft);

#[derive(Debug, Clone)]
enum Draft {
    Put { kind: &'static str, id: String, name: Option<String>, parent: Option<String>, body: Body, expected: Version },
    Delete { kind: &'static str, id: String, expected: Version },
}

/// JSON text, or why there is none.
type Body = Result<String, String>;

/// Why it was not done. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Someone else changed it first, made it (`found` over 0 for a new one), or removed it (`found` 0). Read it again.
    #[error("{kind} `{id}` has been changed meanwhile")]
    Stale {
        /// Of which kind.
        kind: String,
        /// Which.
        id: String,
        /// The version that stands there: 0 for nothing.
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
    /// It cannot be written as JSON, or what is stored cannot be read as this type.
    #[error("{kind} `{id}` is not what it should be: {reason}")]
    Unreadable {
        /// Of which kind.
        kind: &'static str,
        /// Which.
        id: String,
        /// What is wrong, never what is stored.
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
    /// The store did not answer, or what it has cannot be read.
    pub async fn get<T: Kept>(&self, tenant: &str, id: &str) -> Result<Option<Stored<T>>, Error> {
        self.store.object(tenant, T::KIND, id).await?.map(read).transpose()
    }

    /// The object with this name.
    ///
    /// # Errors
    /// As for [`Objects::get`].
    pub async fn named<T: Kept>(&self, tenant: &str, name: &str) -> Result<Option<Stored<T>>, Error> {
        self.store.object_named(tenant, T::KIND, name).await?.map(read).transpose()
    }

    /// Objects of a type, of one parent or of all, newest first, after the cursor: [`Stored::cursor`] of the last one seen.
    ///
    /// # Errors
    /// As for [`Objects::get`].
    pub async fn list<T: Kept>(
        &self,
        tenant: &str,
        parent: Option<&str>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Stored<T>>, Error> {
        let found = self.store.objects(tenant, T::KIND, parent, after, limit).await?;
        found.into_iter().map(read).collect()
    }

    /// Keeps a new object.
    ///
    /// # Errors
    /// [`Error::Stale`] where the id is taken, [`Error::NameTaken`] where the name is.
    pub async fn create<T: Kept>(&self, tenant: &str, new: New<T>) -> Result<Stored<T>, Error> {
        let change = Change::create(&new);
        self.one(tenant, change, new.body).await
    }

    /// Keeps an object as it was changed, in the place of the one that was read.
    ///
    /// # Errors
    /// [`Error::Stale`] where someone else was first, [`Error::NameTaken`] where the new name is taken.
    pub async fn replace<T: Kept>(&self, tenant: &str, changed: Stored<T>) -> Result<Stored<T>, Error> {
        let change = Change::replace(&changed);
        self.one(tenant, change, changed.body).await
    }

    /// Removes an object, whatever its version. Answers whether there was one.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn delete<T: Kept>(&self, tenant: &str, id: &str) -> Result<bool, Error> {
        let delete = object::Change::Delete { kind: T::KIND.to_owned(), id: id.to_owned(), expected: None };
        match self.store.change_objects(tenant, vec![delete]).await {
            Ok(_) => Ok(true),
            Err(ObjectError::Stale { found: 0, .. }) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    /// Does several changes, of any types, in one transaction, or none of them. Answers with the new versions of what was put.
    ///
    /// # Errors
    /// What the first change that cannot be done is refused for.
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
    /// Keeps a new object.
    pub fn create<T: Kept>(new: &New<T>) -> Self {
        let (name, parent) = (new.name.clone(), new.parent.clone());
        Change(Draft::Put { kind: T::KIND, id: new.id.clone(), name, parent, body: body(&new.body), expected: 0 })
    }

    /// Keeps an object as it was changed.
    pub fn replace<T: Kept>(changed: &Stored<T>) -> Self {
        let (name, parent, expected) = (changed.name.clone(), changed.parent.clone(), changed.version);
        Change(Draft::Put { kind: T::KIND, id: changed.id.clone(), name, parent, body: body(&changed.body), expected })
    }

    /// Removes an object as it was read.
    pub fn delete<T: Kept>(read: &Stored<T>) -> Self {
        Change(Draft::Delete { kind: T::KIND, id: read.id.clone(), expected: read.version })
    }
}

impl<T> Stored<T> {
    /// Where a list goes on after it.
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

fn body<T: Kept>(body: &T) -> Body {
    serde_json::to_string(body).map_err(|error| error.to_string())
}

fn prepared(draft: Draft, at_ms: i64) -> Result<object::Change, Error> {
    Ok(match draft {
        Draft::Put { kind, id, name, parent, body, expected } => {
            let body = body.map_err(|reason| Error::Unreadable { kind, id: id.clone(), reason })?;
            object::Change::Put(Put { kind: kind.to_owned(), id, name, parent, body, expected, at_ms })
        }
        Draft::Delete { kind, id, expected } => {
            object::Change::Delete { kind: kind.to_owned(), id, expected: Some(expected) }
        }
    })
}

fn read<T: Kept>(object: Object) -> Result<Stored<T>, Error> {
    match json::read(object.body.as_bytes()) {
        Ok(body) => Ok(stored(object, body)),
        Err(error) => {
            // Only where, not what stands there: it may be anybody's data.
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
