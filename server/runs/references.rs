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

/// An id that a client chose for a run: any text that cannot be mistaken for a generated id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunName(String);

impl RunName {
    /// A name, where the text is one. Which characters it may have is for each face to say.
    pub fn parse(text: &str) -> Option<Self> {
        RunId::parse(text).is_none().then(|| Self(text.to_owned()))
    }

    /// As given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_be_mistaken_for_a_generated_id() {
        let generated = RunId::from_uuid(uuid::Uuid::nil());
        for reserved in [generated.to_string(), uuid::Uuid::nil().to_string()] {
            assert_eq!(RunName::parse(&reserved), None, "{reserved}");
        }
        assert_eq!(RunName::parse("order-17").as_ref().map(RunName::as_str), Some("order-17"));
    }
}
