//! Starts a run through the Runtime and waits for its result, with a token that is fetched when needed and a time
//! limit. It prints the code of a server error.
//!
//! ```sh
//! runyard serve                                                        # in another terminal
//! cargo run -p runyard-client --example wait -- "Sleep for 1 second, then generate a UUID and return it."
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use runyard_client::runtime::{Client, CreateRunRequest};
use runyard_client::token::{Fetched, Token};
use runyard_client::{BoxError, CallError, Retry, WaitError};
use serde_json::json;

/// A placeholder for a request to an identity provider.
async fn fetch() -> Result<Token, BoxError> {
    let token = std::env::var("RUNYARD_TOKEN").unwrap_or_else(|_| "not-asked-for".to_owned());
    Ok(Token::new(token).expires_in(Duration::from_secs(300)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = std::env::var("RUNTIME_URL").unwrap_or_else(|_| "http://127.0.0.1:8083".to_owned());
    let goal = std::env::args().nth(1).unwrap_or_else(|| "Generate a UUID, then return it.".to_owned());
    let client = Client::builder(url)
        .token_provider(Fetched::new(fetch))
        .timeout(Duration::from_secs(20))
        .retry(Retry { attempts_max: 5, ..Retry::default() })
        .build()?;

    let body = serde_json::from_value(json!({ "input": { "goal": goal }, "limits": { "timeout_ms": 60_000 } }))?;
    let run = match (CreateRunRequest { idempotency_key: None, body }).send(&client).await {
        Ok(run) => run.into_inner(),
        Err(CallError::Refused { status, body, .. }) => {
            return Err(format!("refused with {status}: {} ({})", body.error.message, body.error.code).into());
        }
        Err(error) => return Err(error.into()),
    };

    match client.wait(&run.run_id).at_most(Duration::from_secs(90)).await {
        Ok(result) if result.ok => println!("{}", serde_json::Value::Object(result.output.unwrap_or_default())),
        Ok(result) => println!("the run failed: {}", result.error.map(|error| error.message).unwrap_or_default()),
        Err(WaitError::TimedOut { .. }) => println!("still running: {}", run.run_id),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
