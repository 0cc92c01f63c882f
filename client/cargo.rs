//! Cargo: tools and their workflows, and runs that execute them node by node.

use crate::polled::Polled;

document!(runyard_api::cargo::client, types::RunDetails, types::ApiError);

impl Polled for Client {
    type Refusal = types::ApiError;
    type Ended = types::RunDetails;

    async fn ended(&self, run: &str) -> Result<Option<types::RunDetails>, Error> {
        use types::RunStatus::{Cancelled, Cancelling, Error, Idle, Pending, Running, Skipped, Success};
        let found = self.get_run(run).await?.into_inner();
        Ok(match found.run.status {
            Success | Error | Cancelled | Skipped => Some(found),
            Idle | Pending | Running | Cancelling => None,
        })
    }
}
