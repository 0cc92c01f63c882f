//! The ways in which a run is named: the id a client chose, or the run's UUID, hyphenated or as `run_` and 32 hexadecimal digits.
//!
//! A client may choose an id that has the form of a generated one, as other servers generate theirs. It is refused only where a run
//! has that id already, so a text never names two runs.

use std::sync::Arc;

use runyard_engine::{RunId, State};

use super::{Error, Runs};

impl Runs {
    /// The run that this text names for this tenant.
    pub async fn find(&self, tenant: &str, reference: &str) -> Result<RunId, Error> {
        let id = RunId::parse(reference);
        // A run whose state is at hand exists, and then no other can have its id for a name.
        if let Some(run) = id
            && self.submitter.is_at_hand(tenant, run)
        {
            return Ok(run);
        }
        let named = self.store.named(tenant, reference).await?;
        named.or(id).ok_or_else(|| Error::UnknownRun(reference.to_owned()))
    }

    /// A run as it stands, by its generated id alone.
    pub async fn by_id(&self, tenant: &str, run: RunId) -> Result<Arc<State>, Error> {
        let state = self.state(tenant, run).await?.ok_or_else(|| Error::UnknownRun(run.to_string()))?;
        self.values.shown(tenant, state).await
    }

    /// Whether a run of this tenant has a generated id that reads like this name.
    pub(super) async fn is_generated(&self, tenant: &str, name: &RunName) -> Result<bool, Error> {
        match RunId::parse(name.as_str()) {
            Some(run) => Ok(self.store.row(tenant, run).await?.is_some()),
            None => Ok(false),
        }
    }
}

/// An id that a client chose for a run. Which characters it may have is for each API to say.
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
