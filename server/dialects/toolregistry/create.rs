//! Requests that start a run: the conversion to a command, and the wait for the plan.

use futures::StreamExt;
use runyard_api::host::{Caller, Place};
use runyard_api::toolregistry::types::{self, CreateRunRequest};
use runyard_engine::{ApprovalStrategy, Constraints, Event, Labels, NodeTypeRef, Object, OnFailure, Policy, RunId};
use serde_json::{Value, json};

use super::error::invalid_field;
use super::integrations::Selected;
use super::{API, Handlers, output_schema, pass_through};
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::runs::{IdempotencyKey, NewRun, StartedRun};

/// The node type of every run that this API starts.
pub(super) const PLANNER: &str = "runyard.composite.planner.general";
const PLANNER_VERSION: &str = "1.0.0";

/// The note that stores this API's fields of a run.
pub(super) const NOTE: &str = "toolregistry";
/// Labels of runs that were started through this API.
pub(super) const USER: &str = "user_id";
pub(super) const INTEGRATION: &str = "customer_integration_id";
pub(super) const REPEAT_KEY: &str = "repeat_key";

/// The longest label value, characters.
const LABEL_CHARACTERS_MAX: usize = 256;

impl Handlers {
    /// Starts a run once, however often the request is repeated.
    pub(super) async fn start(
        &self,
        cx: &Caller,
        body: &CreateRunRequest,
        on_step_failure: Option<types::OnStepFailure>,
        key: Option<&str>,
    ) -> Result<StartedRun, Refusal> {
        let mut new = self.new_run(cx, body).await?;
        new.steps.on_failure = match on_step_failure {
            None | Some(types::OnStepFailure::Fail) => OnFailure::Fail,
            Some(types::OnStepFailure::Continue) => OnFailure::Continue,
        };
        // If the field is absent, the fingerprint of the request is as before the field existed.
        if let (Some(said), Value::Object(request)) = (on_step_failure, &mut new.request) {
            request.insert("onStepFailure".to_owned(), json!(said));
        }
        new.key = key.map(idempotency_key).transpose()?;
        self.runs.start(&cx.tenant, new).await.map_err(of_runs)
    }

    /// Waits until a run has its plan, has ended without one, or the time is over.
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

    /// A request as an engine command.
    async fn new_run(&self, cx: &Caller, body: &CreateRunRequest) -> Result<NewRun, Refusal> {
        // Destructured completely, so that a field that the API adds does not compile until it takes effect here.
        let CreateRunRequest {
            intent,
            context,
            user_id,
            selected_customer_integration_ids,
            approval_strategy,
            repeat_key,
            output_schema,
            pass_through,
        } = body;
        let mut labels = Labels::new();
        let mut note = Object::from_iter([("context".to_owned(), json!(context))]);
        let mut constraints = Constraints::default();
        for (field, text) in
            [("/intent", Some(intent)), ("/userId", Some(user_id)), ("/repeatKey", repeat_key.as_ref())]
        {
            if text.is_some_and(|text| text.trim().is_empty()) {
                return Err(invalid_field(Place::Body, field, "must not be blank"));
            }
        }
        label(&mut labels, USER, "/userId", user_id)?;
        let catalog = self.runs.catalog_of(&cx.tenant);
        let selected = Selected::of(&catalog, selected_customer_integration_ids)?;
        labels.insert(INTEGRATION.to_owned(), selected.customer_ids().map(str::to_owned).collect());
        constraints.candidates.denied_node_type_ids = selected.denied(&catalog).collect();
        if let Some(key) = repeat_key {
            label(&mut labels, REPEAT_KEY, "/repeatKey", key)?;
            note.insert("repeatKey".to_owned(), json!(key));
            if let Some(repeated) = self.repeated(cx, user_id, key, intent).await? {
                note.insert("repeatRunId".to_owned(), json!(repeated.run.uuid()));
                constraints.candidates.allowed_node_type_ids = Some(repeated.node_type_ids);
            }
        }
        let output_schema = match output_schema {
            None => None,
            Some(asked) => {
                let (asked, limits) = (asked.clone(), *self.runs.limits());
                let reading = self.runs.compute().run(&cx.tenant, move || output_schema::read(&asked, &limits));
                Some(reading.await.map_err(|refused| of_runs(refused.into()))??)
            }
        };
        Ok(NewRun {
            name: None,
            title: None,
            api: API,
            operation: "RunController_createRun",
            node_type: NodeTypeRef { id: PLANNER.to_owned(), version: PLANNER_VERSION.to_owned() },
            inputs: inputs(intent, context),
            constraints,
            approval: approval(*approval_strategy),
            policy: Policy::default(),
            steps: Policy::default(),
            notes: Object::from_iter([(NOTE.to_owned(), Value::Object(note))]),
            labels,
            thread: None,
            output_schema,
            pass_through: pass_through::read(&catalog, &selected, pass_through.as_deref().unwrap_or_default())?,
            graph: None,
            request: serde_json::to_value(body).unwrap_or_default(),
            key: None,
        })
    }
}

/// The planner's inputs. The planner finds values by their names, so it gets only a context that has names.
fn inputs(intent: &str, context: &str) -> Object {
    let mut inputs = Object::from_iter([("goal".to_owned(), json!(intent))]);
    if serde_json::from_str::<Object>(context).is_ok() {
        inputs.insert("context".to_owned(), json!(context));
    }
    inputs
}

/// What needs an approval before it executes; nothing by default.
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
        return Err(invalid_field(Place::Body, field, &reason));
    }
    labels.entry(name.to_owned()).or_default().insert(value.to_owned());
    Ok(())
}

fn idempotency_key(text: &str) -> Result<IdempotencyKey, Refusal> {
    IdempotencyKey::parse(text)
        .ok_or_else(|| invalid_field(Place::Header, "Idempotency-Key", "must be 1 to 255 visible ASCII characters"))
}
