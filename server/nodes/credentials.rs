//! Credentials that came with a run, for the calls of an integration.

use async_trait::async_trait;
use runyard_engine::RunId;
use runyard_engine::event::Failure;

use crate::auth::Secret;

/// The source of a run's credentials. It is queried before each call of an integration.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// The run's credentials for the integration with this id; may be empty.
    ///
    /// # Errors
    /// The failure of the step if there are credentials that cannot be read: the call is not made without them.
    async fn for_run(&self, tenant: &str, run: RunId, integration: &str) -> Result<Additions, Failure>;
}

/// Headers and query parameters for one integration. They override those of the configuration, and are never recorded.
#[derive(Debug, Clone, Default)]
pub struct Additions {
    /// Names and values of headers.
    pub headers: Vec<(String, Secret)>,
    /// Names and values of query parameters, not escaped.
    pub query: Vec<(String, Secret)>,
}

/// No run has credentials.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCredentials;

#[async_trait]
impl Credentials for NoCredentials {
    async fn for_run(&self, _tenant: &str, _run: RunId, _integration: &str) -> Result<Additions, Failure> {
        Ok(Additions::default())
    }
}
