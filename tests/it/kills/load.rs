//! Callers of five APIs that repeat a start under its key until it is answered, as a careful client does, and a watcher
//! for each run.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use runyard::clock::Clock;
use runyard_client::{Backoff, WatchItem, run_gateway};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::disk::Disk;
use super::work::{self, Work};
use crate::process::{ProcessClients, assert_whole, bounded};

/// The number of concurrent callers.
const CALLERS: usize = 4;
/// How long a caller waits before it retries.
const AGAIN: Duration = Duration::from_millis(20);

/// A start that was answered.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) number: usize,
    pub(super) run_id: String,
    /// The events that its watcher saw.
    pub(super) seen: Vec<Value>,
}

/// The shared state of the callers.
struct Shared {
    clients: ProcessClients,
    http: reqwest::Client,
    clock: Clock,
    allowed: Semaphore,
    next: Mutex<std::ops::Range<usize>>,
    answered: watch::Sender<Vec<(usize, String)>>,
    watchers: Mutex<Vec<JoinHandle<Run>>>,
}

/// The load.
pub(super) struct Load {
    shared: Arc<Shared>,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    /// Callers that will start this many runs, as far as they are allowed to.
    pub(super) fn start(clients: &ProcessClients, starts: usize) -> Self {
        let shared = Arc::new(Shared {
            clients: clients.clone(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            clock: Clock::system(),
            allowed: Semaphore::new(0),
            next: Mutex::new(0..starts),
            answered: watch::Sender::new(Vec::new()),
            watchers: Mutex::default(),
        });
        let callers = (0..CALLERS).map(|_| tokio::spawn(call(shared.clone()))).collect();
        Load { shared, callers }
    }

    /// Allows this many more starts.
    pub(super) fn allow(&self, starts: usize) {
        self.shared.allowed.add_permits(starts);
    }

    /// Waits until this many starts were answered in all.
    pub(super) async fn answered(&self, starts: usize) {
        self.shared.answered.subscribe().wait_for(|answered| answered.len() >= starts).await.unwrap();
    }

    /// How many starts were answered so far.
    pub(super) fn count(&self) -> usize {
        self.shared.answered.borrow().len()
    }

    /// Checks that every answered start is on the disk. The server is dead, so that no answer arrives meanwhile.
    pub(super) fn must_be_there(&self, disk: &Disk) {
        for (number, run_id) in &*self.shared.answered.borrow() {
            assert!(disk.knows(run_id), "start {number} was answered with {run_id}, and is lost");
        }
    }

    /// Waits until every start was answered and every watcher has seen its run's end. Repeats each start once more
    /// under its key.
    pub(super) async fn end(self, clients: &ProcessClients) -> Vec<Run> {
        for caller in self.callers {
            bounded("a caller", caller).await.unwrap();
        }
        let watchers = std::mem::take(&mut *self.shared.watchers.lock().unwrap());
        let mut runs = Vec::with_capacity(watchers.len());
        for watcher in watchers {
            let run = bounded("a watcher", watcher).await.unwrap();
            assert_whole(&run.seen);
            let kept = clients.events(&run.run_id, 0).await;
            assert_eq!(comparable(&run.seen), comparable(&kept), "what was seen is what is kept");
            let found = clients.run(&run.run_id).await;
            assert_eq!(found["state"], "succeeded", "{found}");
            if let Some(outputs) = work::outputs(run.number) {
                assert_eq!(self.shared.outputs(&run.run_id).await, outputs, "start {}", run.number);
            }
            assert_eq!(self.shared.ask(run.number).await.as_deref(), Ok(&*run.run_id), "the same run for the same key");
            runs.push(run);
        }
        runs
    }
}

async fn call(shared: Arc<Shared>) {
    loop {
        let Some(number) = shared.next.lock().unwrap().next() else { return };
        shared.allowed.acquire().await.unwrap().forget();
        let run_id = loop {
            match shared.ask(number).await {
                Ok(run_id) => break run_id,
                // The outcome is unknown: repeat the start under the same key.
                Err(_) => shared.clock.sleep(AGAIN).await,
            }
        };
        shared.watchers.lock().unwrap().push(tokio::spawn(watch(
            shared.clients.gateway_url.clone(),
            number,
            run_id.clone(),
        )));
        shared.answered.send_modify(|answered| answered.push((number, run_id)));
    }
}

/// Watches a run from its first event to its last, over as many connections as it takes.
async fn watch(url: String, number: usize, run_id: String) -> Run {
    let wait_max = Duration::from_millis(500);
    let backoff = Backoff { attempts_max: 10_000, wait_min: Duration::from_millis(20), wait_max };
    let client = run_gateway::Client::builder(&url).no_proxy().build().unwrap();
    let mut items = client.watch(run_id.clone()).backoff(backoff).with_interruptions();
    let mut seen = Vec::new();
    while let Some(next) = items.next().await {
        match next.unwrap() {
            WatchItem::Event(event) => seen.push(json!(event)),
            WatchItem::Interrupted { .. } => {}
        }
    }
    Run { number, run_id, seen }
}

impl Shared {
    /// Sends a start once. An error that a retry cannot fix fails the test.
    async fn ask(&self, number: usize) -> Result<String, String> {
        let (url, body, place) = self.request(number);
        let request = self.http.post(url).header("idempotency-key", format!("start-{number}")).json(&body);
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        assert!(status.is_success() || status.is_server_error(), "start {number}: {status} {text}");
        let answer: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let run_id = answer.pointer(place).and_then(Value::as_str);
        run_id.filter(|_| status.is_success()).map(str::to_owned).ok_or(text)
    }

    /// What a run returned, as the Runyard API shows it.
    async fn outputs(&self, run_id: &str) -> Value {
        let shown = self.http.get(format!("{}/v1/runs/{run_id}", self.clients.native_url)).send().await.unwrap();
        shown.json::<Value>().await.unwrap()["outputs"].clone()
    }

    /// The URL, the body, and where the answer has the id of the run.
    fn request(&self, number: usize) -> (String, Value, &'static str) {
        let native = format!("{}/v1/runs", self.clients.native_url);
        let (api, goal) = match work::of(number) {
            Work::Goal(api, goal) => (api, goal),
            Work::Inputs(node_type, inputs) => {
                let body = json!({ "node_type_ref": { "node_type_id": node_type }, "inputs": inputs });
                return (native, body, "/run_id");
            }
        };
        match api {
            0 => {
                let planner = json!({ "node_type_id": "runyard.composite.planner.general", "version": "latest" });
                let body = json!({ "root_node_type_ref": planner, "input": { "goal": goal } });
                (format!("{}/v1/runs", self.clients.gateway_url), body, "/run_id")
            }
            1 => (format!("{}/v1/runs", self.clients.runtime_url), json!({ "input": { "goal": goal } }), "/run_id"),
            2 => {
                let body = json!({
                    "intent": goal, "selectedCustomerIntegrationIds": ["*"], "context": "", "userId": "ann"
                });
                (format!("{}/v1/runs", self.clients.toolregistry_url), body, "/runId")
            }
            3 => {
                let body = json!({ "content": goal, "mode": "async" });
                (format!("{}/v1/servers/default/runs", self.clients.acp_url), body, "/run/id")
            }
            _ => (native, json!({ "goal": goal }), "/run_id"),
        }
    }
}

/// The fields that distinguish events of a run. The client has parsed the others, and may write them differently.
fn comparable(events: &[Value]) -> Vec<(&Value, &Value, &Value)> {
    events.iter().map(|event| (&event["seq"], &event["type"], &event["node_run_id"])).collect()
}
