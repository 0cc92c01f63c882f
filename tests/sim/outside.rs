//! Simulated external parts: a planner and an executor that answer when a step says so, and with what it says.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use runyard::catalog::Catalog;
use runyard::config::egress::Egress;
use runyard::nodes::models::{Models, Targets};
use runyard::nodes::perform::http::{Http, Outside as HttpClients};
use runyard::nodes::perform::{Around, Call, InProcess, Launch, Loaded, Performer};
use runyard::nodes::{Provider, Providers};
use runyard::planner::{PlanRequest, Planner};
use runyard_engine::event::Failure;
use runyard_engine::{NodeKind, Outcome, Plan};

use crate::draw;
use crate::gates::{RequestKind, Verdict};
use crate::store::Shared;

/// The next external answer, put here by the step that opens the gate.
#[derive(Default)]
pub struct Next {
    pub plan: Option<Result<Plan, Failure>>,
    pub outcome: Option<Outcome>,
    pub loaded: Option<Result<draw::Made, Failure>>,
}

/// All external parts, as one life of one server uses them.
#[derive(Clone)]
pub struct Outside {
    pub shared: Shared,
    pub next: Arc<Mutex<Next>>,
    pub life: u64,
    /// The run that a node run starts is computed as in a real server.
    pub performer: InProcess,
}

/// The defect that a `Verdict::Odd` means here: the code of the planner or the executor panics.
fn defect() -> ! {
    // Without the hook, which would print every panic on the terminal.
    std::panic::resume_unwind(Box::new("as a defect would"))
}

#[async_trait]
impl Planner for Outside {
    async fn plan(&self, _: PlanRequest) -> Result<Plan, Failure> {
        let next = self.next.clone();
        let act = move |verdict| match verdict {
            Verdict::Odd => None,
            _ => next.lock().unwrap().plan.take(),
        };
        let words = "the planner answers".to_owned();
        self.shared.gates.pass(self.life, RequestKind::Plan, words, act).await.unwrap_or_else(|| defect())
    }
}

#[async_trait]
impl Performer for Outside {
    async fn perform(&self, call: Call<'_>) -> Outcome {
        self.shared.model.lock().unwrap().performs(self.life, call.key);
        let next = self.next.clone();
        let act = move |verdict| match verdict {
            Verdict::Odd => None,
            _ => next.lock().unwrap().outcome.take(),
        };
        let words = if self.shared.transcribing { format!("{} is performed", call.key) } else { String::new() };
        self.shared.gates.pass(self.life, RequestKind::Call, words, act).await.unwrap_or_else(|| defect())
    }

    async fn launch(&self, around: &Around) -> Result<Launch, Failure> {
        let act = |verdict| (verdict != Verdict::Odd).then_some(());
        let words = "it is found out which run is to be started".to_owned();
        self.shared.gates.pass(self.life, RequestKind::Launch, words, act).await.unwrap_or_else(|| defect());
        self.performer.launch(around).await
    }

    async fn load(&self, around: &Around) -> Result<Loaded, Failure> {
        let next = self.next.clone();
        let act = move |verdict| match verdict {
            Verdict::Odd => None,
            _ => next.lock().unwrap().loaded.take(),
        };
        let words = "it is found out what a composite is made of".to_owned();
        let made =
            self.shared.gates.pass(self.life, RequestKind::Load, words, act).await.unwrap_or_else(|| defect())?;
        let state = around.state().await?;
        let kind = state.node(around.node_run).map(|node| node.node_type.kind);
        Ok(Loaded { inputs: made.inputs.clone(), content: made.content(kind.unwrap_or(NodeKind::Graph)) })
    }
}

/// The catalogue, read once for all worlds.
pub fn catalog() -> Arc<Catalog> {
    static CATALOG: std::sync::OnceLock<Arc<Catalog>> = std::sync::OnceLock::new();
    CATALOG.get_or_init(|| providers().catalog(draw::TENANTS[0])).clone()
}

/// The builtins, and a model that is never asked: the simulation performs its calls. Made once, because HTTP clients are
/// expensive.
pub fn providers() -> Arc<Providers> {
    static PROVIDERS: std::sync::OnceLock<Arc<Providers>> = std::sync::OnceLock::new();
    PROVIDERS.get_or_init(made_providers).clone()
}

fn made_providers() -> Arc<Providers> {
    let models = serde_json::json!([{ "name": "simulated", "api": "openai", "model": "m" }]);
    let models = runyard::config::models::parse(&models).expect("it is a model");
    let targets = Targets::open(&models, |_| None).expect("it has no key");
    let outside = Arc::new(HttpClients::new(&Egress::default()).expect("there is TLS"));
    let models: Arc<dyn Provider> = Arc::new(Models::new(targets, None, outside));
    Providers::builtin_and(Http::default(), [models])
}
