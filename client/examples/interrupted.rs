//! Watches a run from a given event, and prints each interruption. Stop the server and start it again meanwhile.
//!
//! ```sh
//! runyard serve                                                        # in another terminal; and `runyard start "Sleep for ..."`
//! cargo run -p runyard-client --example interrupted -- RUN_ID [AFTER_SEQ]
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use futures::StreamExt;
use runyard_client::run_gateway::Client;
use runyard_client::{Backoff, WatchItem};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("RUN_GATEWAY_URL").unwrap_or_else(|_| "http://127.0.0.1:8081".to_owned());
    let mut arguments = std::env::args().skip(1);
    let run_id = arguments.next().ok_or("which run? `runyard list` shows them")?;
    let client = Client::builder(url).build()?;

    let mut watch = client.watch(run_id).backoff(Backoff { wait_max: Duration::from_secs(2), ..Backoff::default() });
    if let Some(seq) = arguments.next() {
        watch = watch.after(seq.parse()?);
    }
    let mut items = watch.with_interruptions();
    while let Some(seen) = items.next().await {
        match seen? {
            WatchItem::Event(event) => println!("{:>3} {}", event.seq, event.type_),
            WatchItem::Interrupted { cause, count, wait } => println!("    {cause}; attempt {count} in {wait:?}"),
        }
    }
    Ok(())
}
