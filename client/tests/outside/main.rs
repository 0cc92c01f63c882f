//! A program of another project. It starts a run, watches it through two broken connections, and cancels another run.
//! It uses the gateway (lines of JSON) and the Runtime (server-sent events), and exits with an error on unexpected
//! behaviour.
//!
//! `outside RUN_GATEWAY_URL RUNTIME_URL`

mod cutting;

use std::fmt::Debug;

use futures::StreamExt;
use runyard_client::serde_json::{from_value, json};
use runyard_client::watch::{Event, Watch, WatchItem};
use runyard_client::{run_gateway, runtime};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const GOAL: &str = "Sleep for 0.3 seconds, then sleep for 0.3 seconds, then generate a UUID and return it.";
const LONG: &str = "Sleep for 3600 seconds.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut urls = std::env::args().skip(1);
    gateway(&urls.next().ok_or("which gateway?")?).await?;
    runtime(&urls.next().ok_or("which Runtime?")?).await?;
    https()
}

async fn gateway(url: &str) -> Outcome {
    use run_gateway::{CancelRunRequest, Client, RunEventType, StartRunRequest, types::RunState};
    let proxy = cutting::before(url).await?;
    let client = Client::builder(&proxy.url).no_proxy().build()?;
    let start = |goal: &str| {
        let node_type = json!({ "node_type_id": "runyard.composite.planner.general", "version": "1.0.0" });
        let body = from_value(json!({ "root_node_type_ref": node_type, "input": { "goal": goal } }));
        body.map(|body| StartRunRequest { idempotency_key: None, body })
    };
    let run = start(GOAL)?.send(&client).await?.into_inner();
    let last = watched(client.watch(&run.run_id)).await?;
    expect("the last event", &last.type_, &RunEventType::RunCompleted)?;
    expect("the end of the run", &client.wait(&run.run_id).await?.state, &RunState::Succeeded)?;
    expect("cuts", &proxy.cuts(), &2)?;

    let run = start(LONG)?.send(&client).await?.into_inner();
    let canceled = CancelRunRequest { run_id: run.run_id.clone() }.send(&client).await?;
    expect("the canceled run", &canceled.state, &RunState::Canceled)?;
    expect("its end", &client.wait(&run.run_id).await?.state, &RunState::Canceled)
}

async fn runtime(url: &str) -> Outcome {
    use runtime::{CancelRunRequest, Client, CreateRunRequest, RunEventType};
    let proxy = cutting::before(url).await?;
    let client = Client::builder(&proxy.url).no_proxy().build()?;
    let create = |goal: &str| {
        let body = from_value(json!({ "input": { "goal": goal } }));
        body.map(|body| CreateRunRequest { idempotency_key: None, body })
    };
    let run = create(GOAL)?.send(&client).await?.into_inner();
    let last = watched(client.watch(&run.run_id)).await?;
    expect("the last event", &last.type_, &RunEventType::Final)?;
    expect("the result", &client.wait(&run.run_id).await?.ok, &true)?;
    expect("cuts", &proxy.cuts(), &2)?;

    let run = create(LONG)?.send(&client).await?.into_inner();
    CancelRunRequest { run_id: run.run_id.clone() }.send(&client).await?;
    expect("the canceled result", &client.wait(&run.run_id).await?.ok, &false)
}

/// The last event. It checks that the events are numbered from 1 without gap or duplicate, over more than one
/// connection.
async fn watched<E: Event + Debug, R>(watch: Watch<'static, E, R>) -> Result<E, Box<dyn std::error::Error>>
where
    R: runyard_client::ErrorBody,
{
    let (mut items, mut last, mut interruptions) = (watch.with_interruptions(), None, 0);
    while let Some(seen) = items.next().await {
        match seen? {
            WatchItem::Event(event) => {
                let before = last.as_ref().map_or(0, E::seq);
                expect("the next seq", &event.seq(), &(before + 1))?;
                last = Some(event);
            }
            WatchItem::Interrupted { .. } => interruptions += 1,
        }
    }
    if interruptions < 2 {
        return Err(format!("{interruptions} interruptions were reported, and there were 2 cuts").into());
    }
    last.ok_or_else(|| "there was no event".into())
}

/// With the feature, https addresses work; without it, the error names the feature.
fn https() -> Outcome {
    let built = run_gateway::Client::builder("https://localhost").no_proxy().build().map(drop);
    match built {
        Err(error) if error.to_string().contains("`tls`") => expect("https", &cfg!(feature = "tls"), &false),
        Err(error) if cfg!(feature = "tls") => Err(format!("no https: {error}").into()),
        other => expect("https", &other.is_ok(), &cfg!(feature = "tls")),
    }
}

fn expect<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Outcome {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}").into()) }
}
