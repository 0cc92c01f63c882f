//! ACP, the Agentic Compute Platform of Computer Agents: prompts to agent runtimes, in threads.

use crate::polled::Polled;

document!(runyard_api::acp::client, types::RunEnvelope, types::ApiError);

/// The id of the server that always exists.
const DEFAULT: &str = "default";

impl Polled for Client {
    type Refusal = types::ApiError;
    type Ended = types::RunEnvelope;

    /// A run on the server `default`, or on another one: `SERVER/RUN`.
    async fn ended(&self, run: &str) -> Result<Option<types::RunEnvelope>, Error> {
        use types::RunStatus::{Cancelled, Completed, Failed, Queued, Running};
        let (server, run) = run.split_once('/').unwrap_or((DEFAULT, run));
        let found = self.get_server_run(server, run).await?.into_inner();
        Ok(match found.run.as_ref().and_then(|run| run.status) {
            Some(Completed | Failed | Cancelled) => Some(found),
            Some(Queued | Running) | None => None,
        })
    }
}
