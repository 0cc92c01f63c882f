//! The forms of a run's id: the id that a client chose, or the run's UUID, hyphenated or as `run_` and 32 hexadecimal
//! digits.
//!
//! A client may choose an id in the form of a generated one, because other servers generate such ids. It is refused
//! only if a run has that id already, so that an id never names two runs.

use std::sync::Arc;

use runyard_engine::{RunId, State};

use super::{Error, Runs};

impl Runs {
    /// The run of this tenant with this id.
    pub async fn find(&self, tenant: &str, reference: &str) -> Result<RunId, Error> {
        let id = RunId::parse(reference);
        // A run in the cache exists, and then no other run can have its id as a name.
        if let Some(run) = id
            && self.submitter.is_cached(tenant, run)
        {
            return Ok(run);
        }
        let named = self.store.named(tenant, reference).await?;
        named.or(id).ok_or_else(|| Error::UnknownRun(reference.to_owned()))
    }

    /// The state of a run, by its generated id alone.
    pub async fn by_id(&self, tenant: &str, run: RunId) -> Result<Arc<State>, Error> {
        let state = self.state(tenant, run).await?.ok_or_else(|| Error::UnknownRun(run.to_string()))?;
        self.values.shown(tenant, state).await
    }

    /// Whether a run of this tenant has this name as its generated id.
    pub(super) async fn is_generated(&self, tenant: &str, name: &RunName) -> Result<bool, Error> {
        match RunId::parse(name.as_str()) {
            Some(run) => Ok(self.store.row(tenant, run).await?.is_some()),
            None => Ok(false),
        }
    }
}

/// An id that a client chose for a run. Each API defines which characters it may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunName(String);

impl RunName {
    /// A name.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
