//! The only function in this crate that sleeps.

use std::time::Duration;

#[expect(clippy::disallowed_methods, reason = "the wait between two attempts of a client; no decision rests on it")]
pub(crate) async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}
