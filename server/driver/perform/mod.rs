//! Performing what the engine asks for, one file per way of reaching outside. Inputs are validated before and outputs after.
//!
//! An effect may be performed again, under the same key, when the server stopped between performing it and recording what
//! came back. What is recorded counts. The key is for whoever can tell repeats apart; the builtins need not.
//!
//! | file         | how it reaches outside |
//! |--------------|------------------------|
//! | `builtin.rs` | not at all |
//! | `fail.rs`    | not at all, and fails on purpose |
//! | `http/`      | over HTTP: any URL, and integrations |
//!
//! What does not live here: claiming and settling (the driver), sleeping and planning (the engine's timers, `planner/`).

pub(crate) mod around;
mod builtin;
mod fail;
pub mod http;
mod launch;
mod load;
mod nodes;

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use runyard_engine::event::Failure;
use runyard_engine::{EffectId, NodeType, Object, Outcome, Routed, RunId};
use serde_json::{Value, json};

use crate::catalog::{Catalog, Violation};
use crate::clock::Clock;
use crate::expressions::{Expressions, Moment};
use crate::graph::{Nodes, SCRIPT, evaluate};
use crate::sizes;
use http::Outside;

pub use around::Around;
pub use launch::Launch;
pub use load::Loaded;

/// What to perform.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Whose it is.
    pub tenant: &'a str,
    /// For which run.
    pub run: RunId,
    /// The pinned node type.
    pub node_type: &'a NodeType,
    /// Its inputs, every binding resolved.
    pub inputs: &'a Object,
    /// The effect, which is also the idempotency key.
    pub key: EffectId,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// For what has to wait.
    pub clock: &'a Clock,
    /// Now, in Unix milliseconds.
    pub now_ms: i64,
    /// Random bytes, fresh for every call: see [`fresh_entropy`].
    pub entropy: [u8; 16],
    /// The run around it, where it has one.
    pub around: Option<&'a Around>,
}

/// Who performs calls.
#[async_trait]
pub trait Performer: Send + Sync {
    /// Performs a call. Whatever goes wrong is an outcome too.
    async fn perform(&self, call: Call<'_>) -> Outcome;

    /// Finds out what a composite is made of.
    async fn load(&self, around: &Around) -> Result<Loaded, Failure>;

    /// Finds out which run a node run starts.
    async fn launch(&self, around: &Around) -> Result<Launch, Failure>;
}

/// Performs the node types of a catalogue in this process.
#[derive(Clone)]
pub struct InProcess {
    /// What inputs and outputs must fit.
    pub catalog: Arc<Catalog>,
    /// The way outside; without one, what needs it cannot be performed.
    pub outside: Option<Arc<Outside>>,
    /// Who works out what nodes of graphs say.
    pub expressions: Arc<Expressions>,
}

#[async_trait]
impl Performer for InProcess {
    /// Failure codes: `invalid_inputs` and `invalid_outputs` (with `details.violations`), `node_type_unavailable` (this server does
    /// not have the pinned node type, or it is not one that is performed by a call), those of [`Expressions::evaluate`]. Those of
    /// calls over HTTP are in `http/failure.rs`.
    async fn perform(&self, call: Call<'_>) -> Outcome {
        let with = self.of_tenant(call.tenant);
        let setting = match with.setting(&call).await {
            Ok(setting) => setting,
            Err(failure) => return Outcome::Failed(failure),
        };
        let inputs = setting.inputs.as_ref().unwrap_or(call.inputs);
        match with.attempt(&Call { inputs, ..call }, &setting).await {
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
        load::load(&self.of_tenant(&around.tenant), around).await
    }

    async fn launch(&self, around: &Around) -> Result<Launch, Failure> {
        launch::launch(&self.of_tenant(&around.tenant), around).await
    }
}

/// A call in the run around it.
struct Setting {
    nodes: Option<Nodes>,
    moment: Moment,
    /// What its inputs come to, where that is not what they are.
    inputs: Option<Object>,
}

impl InProcess {
    /// The same, with the node types of a tenant: what a tenant may not use is not performed for it, however it got into a run.
    fn of_tenant(&self, tenant: &str) -> Cow<'_, Self> {
        if self.catalog.tenants().contains_key(tenant) {
            Cow::Owned(Self { catalog: self.catalog.shared_of(tenant), ..self.clone() })
        } else {
            Cow::Borrowed(self)
        }
    }

    /// Looks around. A node of a graph has its inputs as they were written; what they come to is known only now.
    async fn setting(&self, call: &Call<'_>) -> Result<Setting, Failure> {
        let Some(around) = call.around else {
            let moment = Moment { now_ms: call.now_ms, seed: 0 };
            return Ok(Setting { nodes: None, moment, inputs: None });
        };
        let state = around.state().await?;
        let (nodes, moment) = (Nodes::around(&state, around.node_run), around.moment(&state));
        let mut nodes = nodes.map(|nodes| nodes.reading(around));
        if let Some(nodes) = nodes.as_mut().filter(|_| nodes::starts(&call.node_type.id)) {
            nodes.read_data().await?;
        }
        let inputs = match &nodes {
            Some(nodes) => {
                let said = (call.node_type.id.as_str(), call.inputs);
                around.bounded(evaluate(&self.expressions, call.tenant, said, nodes, moment).await?)?
            }
            None => None,
        };
        Ok(Setting { nodes, moment, inputs })
    }

    async fn attempt(&self, call: &Call<'_>, setting: &Setting) -> Result<Routed, Failure> {
        let NodeType { id, version, .. } = call.node_type;
        self.catalog.entry(id, version).ok_or_else(|| unavailable(call.node_type))?;
        self.validated(call, What::Inputs, call.inputs).await?;
        let nodes = setting.nodes.as_ref();
        let routed = match (builtin::deed(id), nodes::step(id)) {
            (Some(deed), _) => Routed { outputs: deed(call)?, ..Routed::default() },
            (None, Some(step)) => step(call, nodes)?,
            (None, None) if id == fail::ID => Routed { outputs: fail::perform(call).await?, ..Routed::default() },
            (None, None) if id == SCRIPT => nodes::script(call, nodes, &self.expressions, setting.moment).await?,
            (None, None) => {
                let performed = match &self.outside {
                    Some(outside) => outside.perform(call).await,
                    None => None,
                };
                let outputs = performed.ok_or_else(|| unavailable(call.node_type))??;
                Routed { outputs, ..Routed::default() }
            }
        };
        self.validated(call, What::Outputs, &routed.outputs).await?;
        Ok(routed)
    }

    /// Checks values against the node type's schema: small ones here, others off the runtime.
    async fn validated(&self, call: &Call<'_>, what: What, values: &Object) -> Result<(), Failure> {
        match call.around.filter(|_| !sizes::are_few_and_small(values)) {
            None => what.validated(&self.catalog, call.node_type, values),
            Some(around) => {
                let (catalog, node_type, values) = (self.catalog.clone(), call.node_type.clone(), values.clone());
                off_runtime(around, move || what.validated(&catalog, &node_type, &values)).await?
            }
        }
    }
}

/// What is checked.
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
                .map_err(|found| invalid("invalid_inputs", "inputs", node_type, &found)),
            What::Outputs => catalog
                .validate_outputs(node_type, values)
                .map_err(|found| invalid("invalid_outputs", "outputs", node_type, &found)),
        }
    }
}

/// Does what may take long where nobody else waits for it, in its tenant's turn.
///
/// # Errors
/// `validation_too_expensive`, or a failure that is worth another try: too much was waiting.
async fn off_runtime<T: Send + 'static>(
    around: &Around,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    around
        .runs
        .compute()
        .run_step(&around.tenant, work)
        .await
        .map_err(|refused| refused.failure("what this step was given could not be read and checked"))
}

/// Random bytes for one call.
pub fn fresh_entropy() -> [u8; 16] {
    uuid::Uuid::new_v4().into_bytes()
}

fn unavailable(node_type: &NodeType) -> Failure {
    Failure {
        code: "node_type_unavailable".to_owned(),
        message: format!(
            "node type {} {} cannot be performed by this server; start the run again with a node type of its catalogue",
            node_type.id, node_type.version
        ),
        details: None,
        retryable: Some(false),
    }
}

/// A failure that lists what does not fit; also what an API answers with before a run starts.
pub fn invalid(code: &str, what: &str, node_type: &NodeType, found: &[Violation]) -> Failure {
    let reasons: Vec<String> = found.iter().map(Violation::to_string).collect();
    let violations: Vec<Value> = found.iter().map(Violation::to_value).collect();
    let mut details = Object::new();
    details.insert("violations".to_owned(), json!(violations));
    Failure {
        code: code.to_owned(),
        message: format!(
            "the {what} do not fit the schema of {} {}: {}",
            node_type.id,
            node_type.version,
            reasons.join("; ")
        ),
        details: Some(details),
        retryable: Some(false),
    }
}

#[cfg(test)]
mod tests;
