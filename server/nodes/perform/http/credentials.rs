//! Reads the credentials that came with a run, which are stored apart from its log.

use async_trait::async_trait;
use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, RunId};

use crate::nodes::credentials::{Additions, Credentials};
use crate::runs::{Error, Runs};

/// The credentials that came with the run.
#[async_trait]
impl Credentials for Runs {
    async fn for_run(&self, tenant: &str, run: RunId, integration: &str) -> Result<Additions, Failure> {
        match self.passed_through(tenant, run, integration).await {
            Ok(Some(passed)) => Ok(Additions { headers: passed.headers, query: passed.query }),
            Ok(None) => Ok(Additions::default()),
            Err(error) => Err(unavailable(integration, &error)),
        }
    }
}

fn unavailable(integration: &str, error: &Error) -> Failure {
    Failure {
        code: FailureCode::CredentialUnusable.into(),
        message: format!("the integration {integration} was not called: {error}"),
        details: None,
        retryable: Some(!matches!(error, Error::Unsealed)),
    }
}
