//! A request that starts a run: what it becomes, and the wait for its plan.

use futures::StreamExt;
use runyard_api::host::{Caller, Place};
use runyard_api::toolregistry::types::{self, CreateRunRequest};
use runyard_engine::{ApprovalStrategy, Constraints, Event, Labels, NodeTypeRef, Object, Policy, RunId};
use serde_json::{Value, json};

use super::error::invalid;
use super::{FACE, Room};
use crate::dialects::refusal::{Refusal, of_runs};
use crate::runs::{IdempotencyKey, NewRun, StartedRun};

/// What every run here is a run of.
const PLANNER: &str = "runyard.composite.planner.general";
const PLANNER_VERSION: &str = "1.0.0";

/// The note in which a run's own words are kept.
pub(super) const NOTE: &str = "toolregistry";
/// Labels of runs that came through here.
pub(super) const USER: &str = "user_id";
pub(super) const INTEGRATION: &str = "customer_integration_id";
pub(super) const REPEAT_KEY: &str = "repeat_key";

/// The longest text that lists can find a run by, characters.
const LABEL_CHARACTERS_MAX: usize = 256;

impl Room {
    /// Starts a run once, however often it is asked for.
    pub(super) async fn start(
        &self,
        cx: &Caller,
        body: &CreateRunRequest,
        key: Option<&str>,
    ) -> Result<StartedRun, Refusal> {
        let mut new = new_run(body)?;
        new.key = key.map(idempotency_key).transpose()?;
        self.runs.start(&cx.tenant, new).await.map_err(of_runs)
    }

    /// Waits until a run has its plan, has ended without one, or has had the time that there is for it.
    pub(super) async fn planned(&self, cx: &Caller, run: RunId) {
        let log = self.runs.follow(&cx.tenant, run, 0, cx.stopping.clone());
        let planned = log.any(async |recorded| match recorded {
            Ok(recorded) => matches!(recorded.event, Event::Decomposed { .. } | Event::Finished { .. }),
            Err(_) => true,
        });
        tokio::select! {
            _ = planned => {}
            () = self.runs.clock().sleep(self.plan_wait) => {}
        }
    }
}

/// A request in the engine's words.
fn new_run(body: &CreateRunRequest) -> Result<NewRun, Refusal> {
    // Each by its name: a field that the API adds does not compile until it takes effect here.
    let CreateRunRequest {
        intent,
        context,
        user_id,
        selected_customer_integration_ids: _,
        approval_strategy,
        repeat_key,
        output_schema: _,
        pass_through: _,
    } = body;
    let mut labels = Labels::new();
    label(&mut labels, USER, "/userId", user_id)?;
    if let Some(key) = repeat_key {
        label(&mut labels, REPEAT_KEY, "/repeatKey", key)?;
    }
    let mut note = Object::new();
    note.insert("context".to_owned(), json!(context));
    if let Some(key) = repeat_key {
        note.insert("repeatKey".to_owned(), json!(key));
    }
    Ok(NewRun {
        name: None,
        face: FACE,
        operation: "RunController_createRun",
        node_type: NodeTypeRef { id: PLANNER.to_owned(), version: PLANNER_VERSION.to_owned() },
        inputs: inputs(intent, context),
        constraints: Constraints::default(),
        approval: approval(*approval_strategy),
        policy: Policy::default(),
        steps: Policy::default(),
        notes: Object::from_iter([(NOTE.to_owned(), Value::Object(note))]),
        labels,
        thread: None,
        output_schema: None,
        graph: None,
        request: serde_json::to_value(body).unwrap_or_default(),
        key: None,
    })
}

/// The planner's inputs. It knows values by their names, so of the context it is told where that has names.
fn inputs(intent: &str, context: &str) -> Object {
    let mut inputs = Object::from_iter([("goal".to_owned(), json!(intent))]);
    if serde_json::from_str::<Object>(context).is_ok() {
        inputs.insert("context".to_owned(), json!(context));
    }
    inputs
}

/// What somebody has to agree to first. Nothing, where nothing is said.
fn approval(asked: Option<types::ApprovalStrategy>) -> ApprovalStrategy {
    match asked {
        None | Some(types::ApprovalStrategy::None) => ApprovalStrategy::None,
        Some(types::ApprovalStrategy::OnToolCall) => ApprovalStrategy::OnToolCall,
        Some(types::ApprovalStrategy::OnStart) => ApprovalStrategy::OnStart,
    }
}

fn label(labels: &mut Labels, name: &str, field: &str, value: &str) -> Result<(), Refusal> {
    if value.chars().count() > LABEL_CHARACTERS_MAX {
        let reason = format!("must have at most {LABEL_CHARACTERS_MAX} characters");
        return Err(invalid(Place::Body, field, &reason));
    }
    labels.entry(name.to_owned()).or_default().insert(value.to_owned());
    Ok(())
}

fn idempotency_key(text: &str) -> Result<IdempotencyKey, Refusal> {
    IdempotencyKey::parse(text)
        .ok_or_else(|| invalid(Place::Header, "Idempotency-Key", "must be 1 to 255 visible ASCII characters"))
}
