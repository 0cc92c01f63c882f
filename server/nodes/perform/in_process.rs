//! Executes calls in this process: evaluates and validates inputs, finds the provider, and validates outputs.

use std::sync::Arc;

use async_trait::async_trait;
use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, NodeType, Object, Outcome, Routed};

use super::around::Around;
use super::launch::{self, Launch};
use super::load::{self, Loaded};
use super::script::InGraph;
use super::{Call, Performer};
use crate::expressions::{EvalClock, Expressions};
use crate::graph::{Nodes, began_with, evaluate};
use crate::nodes::agent::{self, Turn};
use crate::nodes::catalog::Catalog;
use crate::nodes::credentials::Credentials;
use crate::nodes::failures::{invalid, unavailable};
use crate::nodes::models::chat;
use crate::nodes::{NodeContext, Providers, builtin};
use crate::sizes;

/// Executes the node types of providers in this process. A node type that the tenant may not use is not executed, even if
/// a run contains it.
#[derive(Clone)]
pub struct InProcess {
    /// The providers.
    pub providers: Arc<Providers>,
    /// The evaluator of scripts and of the expressions in graphs.
    pub expressions: Arc<Expressions>,
    /// The source of the credentials of runs.
    pub credentials: Arc<dyn Credentials>,
}

#[async_trait]
impl Performer for InProcess {
    /// Failure codes: `invalid_inputs` and `invalid_outputs` (with `details.violations`), `node_type_unavailable` (this
    /// server does not have the pinned node type, or does not execute it by a call), and those of
    /// [`Expressions::evaluate`]. `http/failure.rs` has those of calls over HTTP.
    async fn perform(&self, call: Call<'_>) -> Outcome {
        let mut setting = match self.setting(&call).await {
            Ok(setting) => setting,
            Err(failure) => return Outcome::Failed(failure),
        };
        if let Some(turn) = setting.turn.take() {
            return match self.attempt(&Call { inputs: &turn.inputs, ..call }, &setting).await {
                Ok(Routed { outputs, .. }) => followed(&call, turn, outputs).await,
                Err(error) => Outcome::Failed(error),
            };
        }
        let inputs = setting.inputs.as_ref().unwrap_or(call.inputs);
        match self.attempt(&Call { inputs, ..call }, &setting).await {
            Ok(routed) => match (setting.inputs, routed) {
                (None, Routed { outputs, inputs: None, route: None, until_ms: None }) => Outcome::Succeeded { outputs },
                (inputs, routed) => Outcome::Routed(Box::new(Routed { inputs, ..routed })),
            },
            Err(error) => match setting.inputs {
                Some(inputs) => Outcome::FailedWith { error, inputs },
                None => Outcome::Failed(error),
            },
        }
    }

    async fn load(&self, around: &Around) -> Result<Loaded, Failure> {
        load::load(&self.providers.catalog(&around.tenant), &self.expressions, around).await
    }

    async fn launch(&self, around: &Around) -> Result<Launch, Failure> {
        launch::launch(&self.providers.catalog(&around.tenant), &self.expressions, around).await
    }
}

/// A call and its run.
struct Setting {
    nodes: Option<Nodes>,
    eval_clock: EvalClock,
    /// The evaluated inputs, if they differ from the inputs.
    inputs: Option<Object>,
    /// The turn of an agent, if the call is one. Its inputs are the conversation, which is not recorded again.
    turn: Option<Turn>,
}

impl InProcess {
    /// Loads the context. A node of a graph has its inputs as they were written; they are evaluated only now.
    async fn setting(&self, call: &Call<'_>) -> Result<Setting, Failure> {
        let Some(around) = call.around else {
            let eval_clock = EvalClock { now_ms: call.now_ms, seed: 0 };
            return Ok(Setting { nodes: None, eval_clock, inputs: None, turn: None });
        };
        let state = around.state().await?;
        let (nodes, eval_clock) = (Nodes::around(&state, around.node_run), around.eval_clock(&state));
        let mut nodes = nodes.map(|nodes| nodes.reading(around));
        if let Some(nodes) = nodes.as_mut().filter(|_| needs_data(&call.node_type.id)) {
            nodes.read_data().await?;
        }
        let inputs = match &nodes {
            Some(nodes) => {
                let said = (call.node_type.id.as_str(), call.inputs);
                around.bounded(evaluate(&self.expressions, call.tenant, said, nodes, eval_clock).await?)?
            }
            None => None,
        };
        let turn = if call.node_type.id == chat::ID {
            agent::turn_of(&self.providers.catalog(call.tenant), around, &state).await?
        } else {
            None
        };
        Ok(Setting { nodes, eval_clock, inputs, turn })
    }

    async fn attempt(&self, call: &Call<'_>, setting: &Setting) -> Result<Routed, Failure> {
        let catalog = self.providers.catalog(call.tenant);
        let provider = self.providers.of(&catalog, call.node_type).ok_or_else(|| unavailable(call.node_type))?;
        validated(&catalog, call, What::Inputs, call.inputs).await?;
        let nodes = setting.nodes.as_ref();
        let data = nodes.filter(|_| needs_data(&call.node_type.id)).map(|nodes| began_with(nodes.data()).into_owned());
        let scripts =
            InGraph { expressions: &self.expressions, tenant: call.tenant, nodes, eval_clock: setting.eval_clock };
        let Call { tenant, run, node_type, inputs, key, attempt, clock, now_ms, entropy, around: _ } = *call;
        let (data, credentials) = (data.as_ref(), &*self.credentials);
        let cx = NodeContext {
            tenant,
            run,
            node_type,
            inputs,
            key,
            attempt,
            clock,
            now_ms,
            entropy,
            data,
            scripts: &scripts,
            credentials,
        };
        let routed = provider.perform(&cx).await?;
        validated(&catalog, call, What::Outputs, &routed.outputs).await?;
        Ok(routed)
    }
}

/// The outcome of a turn, with what follows it. Arguments and results are checked off the runtime.
async fn followed(call: &Call<'_>, turn: Turn, outputs: Object) -> Outcome {
    let followed = match call.around {
        Some(around) => around.off_runtime(move || turn.followed(outputs)).await,
        None => Ok(turn.followed(outputs)),
    };
    match followed.and_then(|followed| followed) {
        Ok(outputs) => Outcome::Succeeded { outputs },
        Err(error) => Outcome::Failed(error),
    }
}

/// Validates values against the node type's schema: small ones here, others off the runtime.
async fn validated(catalog: &Arc<Catalog>, call: &Call<'_>, what: What, values: &Object) -> Result<(), Failure> {
    match call.around.filter(|_| !sizes::are_few_and_small(values)) {
        None => what.validated(catalog, call.node_type, values),
        Some(around) => {
            let (catalog, node_type, values) = (catalog.clone(), call.node_type.clone(), values.clone());
            around.off_runtime(move || what.validated(&catalog, &node_type, &values)).await?
        }
    }
}

/// The values to validate.
#[derive(Debug, Clone, Copy)]
enum What {
    Inputs,
    Outputs,
}

impl What {
    fn validated(self, catalog: &Catalog, node_type: &NodeType, values: &Object) -> Result<(), Failure> {
        match self {
            What::Inputs => catalog
                .validate_inputs(node_type, values)
                .map_err(|found| invalid(FailureCode::InvalidInputs, "inputs", node_type, &found)),
            What::Outputs => catalog
                .validate_outputs(node_type, values)
                .map_err(|found| invalid(FailureCode::InvalidOutputs, "outputs", node_type, &found)),
        }
    }
}

/// Whether a node type needs the inputs of its graph.
fn needs_data(id: &str) -> bool {
    builtin(id).is_some_and(|builtin| builtin.needs_data)
}
