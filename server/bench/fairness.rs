//! The effect of one tenant's flood on another: the quiet tenant's run of one step, on a quiet server and beside a
//! tenant that floods it with scripts, lists, sub-runs and waits.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use runyard::clock::Clock;
use runyard::store::folder::Folder;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::child::Subject;
use super::client::{Client, PreparedRequest, Target};
use super::figure::Fact;
use super::load::{FigureSpec, Measurable};
use super::over::Backing;
use super::{Bench, BenchError, Report, sample};

const SCENARIO: &str = "fairness";
/// Connections of the flooding tenant.
const FLOODING: usize = 16;
/// How long the flood runs before it is measured.
const RISING: Duration = Duration::from_secs(2);
/// How long a refused flood waits before its next request.
const REFUSED: Duration = Duration::from_millis(10);

pub(super) async fn measure(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    let mut subject = Subject::start(Backing::Tenants).await?;
    let noisy = key(&subject, "noisy").await?;
    let quiet = key(&subject, "quiet").await?;
    let noisy = Target { credential: Some(noisy), ..subject.gateway.clone() };
    subject.gateway.credential = Some(quiet);
    let requests: Arc<[PreparedRequest]> =
        [PreparedRequest::post("/v1/runs", sample::one_step().to_string()).followed()].into();
    for connections in bench.connections(&[1]) {
        let spec = FigureSpec { bench, scenario: SCENARIO, connections };
        let alone = spec.figure("on a quiet server", Measurable::Gateway(&subject, &requests), report).await?;
        report.progress(&format!("{SCENARIO}: the flood rises"));
        let flood = flood(&noisy);
        Clock::system().sleep(RISING).await;
        let beside = spec.figure("beside a flood", Measurable::Gateway(&subject, &requests), report).await?;
        drop(flood);
        for (what, quantile) in [("p50: flood over quiet", 0.5), ("p99: flood over quiet", 0.99)] {
            let (flooded, quiet) = (beside.at(quantile) as f64, alone.at(quantile) as f64);
            report.fact(&Fact::ratio(SCENARIO, what, connections, flooded, quiet));
        }
    }
    Ok(())
}

/// Creates a key of a tenant.
async fn key(subject: &Subject, tenant: &str) -> Result<HeaderValue, BenchError> {
    let folder = subject.data().unwrap_or_default();
    let owner = Folder::owner(folder).ok_or_else(|| BenchError::Server("does not say how to reach it".to_owned()))?;
    let shown = |token: &str| {
        HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| BenchError::Server("has an odd token".to_owned()))
    };
    let target = Target { credential: Some(shown(&owner.token)?), ..subject.own()?.clone() };
    let spec = PreparedRequest::post("/v1/keys", json!({ "tenant": tenant }).to_string());
    let (status, answer) = Client::open(&target).await?.send(&spec).await?;
    let made: Value = serde_json::from_slice(&answer).unwrap_or_default();
    match made["api_key"].as_str() {
        Some(key) => shown(key),
        None => Err(BenchError::Server(format!("made no key: {status}"))),
    }
}

/// Starts runs until it is dropped.
fn flood(target: &Target) -> JoinSet<()> {
    let requests: Arc<[PreparedRequest]> =
        flooding().into_iter().map(|body| PreparedRequest::post("/v1/runs", body.to_string())).collect();
    let mut asking = JoinSet::new();
    for number in 0..FLOODING {
        let (target, requests) = (target.clone(), requests.clone());
        asking.spawn(async move {
            let Ok(mut client) = Client::open(&target).await else { return };
            for request in requests.iter().cycle().skip(number) {
                match client.send(request).await {
                    Ok((status, _)) if status.is_success() => {}
                    Ok(_) => Clock::system().sleep(REFUSED).await,
                    Err(_) => return,
                }
            }
        });
    }
    asking
}

/// The runs of a flood: scripts that do not end, lists, runs that start runs, and waits.
fn flooding() -> [Value; 4] {
    let each = |node_type: &str, inputs: Value, items: usize| {
        json!({
            "root_node_type_ref": { "node_type_id": "runyard.composite.each", "version": "1.0.0" },
            "input": {
                "items": vec![json!({}); items], "inputs": inputs, "at_once": 100,
                "node_type_ref": { "node_type_id": node_type },
            },
        })
    };
    let step = json!({ "node_type_ref": { "node_type_id": "runyard.core.uuid4" }, "inputs": {}, "wait": false });
    [
        each("runyard.graph.script", json!({ "script": "for (;;) {}" }), 64),
        sample::fan_out(1_000),
        each("runyard.core.run", step, 100),
        each("runyard.core.sleep", json!({ "seconds": 1 }), 100),
    ]
}
