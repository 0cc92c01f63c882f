//! The ways in which a run is named: its UUID, hyphenated or as `run_` and 32 hexadecimal digits, or the id a client chose.

use runyard_engine::RunId;

use super::{Error, Runs};

impl Runs {
    /// The run that this text names for this tenant.
    pub async fn find(&self, tenant: &str, reference: &str) -> Result<RunId, Error> {
        // A client-chosen id is never shaped like a generated one, so at most one of the two can answer.
        if let Some(run) = RunId::parse(reference) {
            return Ok(run);
        }
        match self.store.named(tenant, reference).await? {
            Some(run) => Ok(run),
            None => Err(Error::UnknownRun(reference.to_owned())),
        }
    }
}

/// Whether a client may choose this id: it must not be mistaken for a generated one.
pub(super) fn may_be_chosen(name: &str) -> bool {
    RunId::parse(name).is_none()
}
