//! Large values that are read back for a caller.

use std::borrow::Cow;

use runyard_engine::large::Digest;
use runyard_engine::{Object, RunId};
use serde_json::Value;

use super::log_span::note_run;
use super::{Error, Runs};

impl Runs {
    /// The text of a large value that a run names.
    pub async fn value(&self, tenant: &str, reference: &str, digest: Digest) -> Result<Option<String>, Error> {
        let run = self.find(tenant, reference).await?;
        note_run(run);
        if self.store.row(tenant, run).await?.is_none() {
            return Err(Error::UnknownRun(reference.to_owned()));
        }
        Ok(self.store.value(tenant, run, digest).await?)
    }

    /// An object of a run's state with every large value in place.
    ///
    /// # Errors
    /// [`Error::ValuesTooLarge`] if they are larger than may be read at once.
    pub async fn whole<'a>(&self, tenant: &str, run: RunId, object: &'a Object) -> Result<Cow<'a, Object>, Error> {
        Ok(self.values.whole(tenant, run, object).await?)
    }

    /// The same for any value.
    ///
    /// # Errors
    /// As [`Runs::whole`].
    pub async fn whole_value(&self, tenant: &str, run: RunId, value: &mut Value) -> Result<(), Error> {
        Ok(self.values.whole_value(tenant, run, value).await?)
    }
}
