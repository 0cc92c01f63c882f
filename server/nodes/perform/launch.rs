//! Resolves the run that a node run starts: its node type, inputs and limits. Types are in `nodes/run.rs`; the driver
//! starts the run.

use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::{
    ApprovalStrategy, Constraints, FailureCode, Labels, NodeTypeRef, Object, Parent, Policy, RunId, Start,
};
use serde_json::{Value, json};

use super::around::Around;
use crate::expressions::Expressions;
use crate::graph::{self, evaluate};
use crate::nodes::catalog::{Catalog, Violation};
use crate::nodes::failures::{invalid, unavailable};
use crate::nodes::run::{Label, RunInputs};
use crate::runs::NewRun;
use crate::runs::labels::{BYTES_MAX as LABEL_BYTES_MAX, LABELS_MAX, OWN};
use crate::runs::sub_runs::SubRun;

/// The maximum number of ancestors of a run.
const DEPTH_MAX: u32 = 8;

/// A run to be started for a node run.
pub struct Launch {
    /// The run.
    pub sub_run: SubRun,
    /// The evaluated inputs of the node run, if they differ from its inputs.
    pub inputs: Option<Object>,
}

/// Resolves the run to start.
pub(super) async fn launch(
    catalog: &Arc<Catalog>,
    expressions: &Arc<Expressions>,
    around: &Around,
) -> Result<Launch, Failure> {
    let state = around.state().await?;
    let (Some(node), Some(start)) = (state.node(around.node_run), state.start.as_deref()) else {
        return Err(super::load::gone());
    };
    let node_type = &node.node_type;
    catalog.entry(&node_type.id, &node_type.version).ok_or_else(|| unavailable(node_type))?;
    let written = around.whole(&node.inputs).await?;
    let inputs = match graph::Nodes::around(&state, node.id) {
        Some(nodes) => {
            let (said, nodes) = ((node_type.id.as_str(), &*written), nodes.reading(around));
            let eval_clock = around.eval_clock(&state);
            around.bounded(evaluate(expressions, &around.tenant, said, &nodes, eval_clock).await?)?
        }
        None => None,
    };
    let given = inputs.as_ref().unwrap_or(&written).clone();
    let (catalog, reader_type) = (catalog.clone(), node_type.clone());
    let wrong = |found: &[Violation]| invalid(FailureCode::InvalidInputs, "inputs", node_type, found);
    let asked: RunInputs = around
        .off_runtime(move || {
            let wrong = |found: &[Violation]| invalid(FailureCode::InvalidInputs, "inputs", &reader_type, found);
            catalog.validate_inputs(&reader_type, &given).map_err(|found| wrong(&found))?;
            serde_json::from_value(Value::Object(given))
                .map_err(|error| wrong(&[Violation::at("node_type_ref", format!("cannot be read: {error}"))]))
        })
        .await??;
    let depth = start.parent.as_ref().map_or(0, |parent| parent.depth) + 1;
    if depth > DEPTH_MAX {
        return Err(too_deep());
    }
    let parent = Parent { run: state.run, node_run: node.id, waits: asked.wait, depth };
    let mut own = constraints(asked.constraints.as_ref()).map_err(|found| wrong(&[found]))?;
    // A budget that this run has used is not available to the new run.
    let left = state.external_calls_left(node.id);
    own.budgets.max_external_calls = own.budgets.max_external_calls.into_iter().chain(left).min();
    let new = new_run(start, node.constraints.merge(&own), asked).map_err(|found| wrong(&[found]))?;
    let run = RunId::sub_run(state.run, node.id, around.attempt);
    Ok(Launch { sub_run: SubRun { run, parent, api: start.api.clone(), new }, inputs })
}

fn new_run(above: &Start, constraints: Constraints, asked: RunInputs) -> Result<NewRun, Violation> {
    let labels = labels(&asked)?;
    let RunInputs { node_type_ref, mut inputs, title, graph, output_schema, .. } = asked;
    if let Some(graph) = graph {
        inputs.insert("graph".to_owned(), graph);
    }
    let version = node_type_ref.version.unwrap_or_else(|| "latest".to_owned());
    let approval = match above.approval {
        ApprovalStrategy::OnToolCall => ApprovalStrategy::OnToolCall,
        // The approval covers the parent run, and this run within it.
        ApprovalStrategy::OnStart | ApprovalStrategy::None => ApprovalStrategy::None,
    };
    Ok(NewRun {
        name: None,
        title,
        api: "",
        operation: "start_run",
        request: json!({ "node_type": node_type_ref.node_type_id, "inputs": inputs }),
        node_type: NodeTypeRef { id: node_type_ref.node_type_id, version },
        inputs,
        constraints,
        policy: Policy::default(),
        steps: above.steps.clone(),
        approval,
        notes: Object::new(),
        output_schema,
        pass_through: Vec::new(),
        graph: None,
        labels,
        thread: None,
        key: None,
    })
}

/// The requested limits as types of the engine.
fn constraints(asked: Option<&Object>) -> Result<Constraints, Violation> {
    let Some(asked) = asked else { return Ok(Constraints::default()) };
    serde_json::from_value(Value::Object(asked.clone()))
        .map_err(|error| Violation::at("constraints", format!("cannot be read: {error}")))
}

fn labels(asked: &RunInputs) -> Result<Labels, Violation> {
    let mut labels = Labels::new();
    for (name, value) in &asked.labels {
        let values = match value {
            Label::One(value) => std::slice::from_ref(value),
            Label::Several(values) => values.as_slice(),
        };
        let fits = |text: &String| (1..=LABEL_BYTES_MAX).contains(&text.len());
        if name.starts_with(OWN) || !fits(name) || !values.iter().all(fits) || values.len() > LABELS_MAX {
            let reason = format!(
                "has `{name}`: names and values have 1 to {LABEL_BYTES_MAX} bytes, a name has at most {LABELS_MAX} values, and \
                 names that begin with `{OWN}` are the server's own"
            );
            return Err(Violation::at("labels", reason));
        }
        labels.insert(name.clone(), values.iter().cloned().collect());
    }
    if labels.len() > LABELS_MAX {
        return Err(Violation::at("labels", format!("has {} names; there may be {LABELS_MAX}", labels.len())));
    }
    Ok(labels)
}

fn too_deep() -> Failure {
    Failure {
        code: FailureCode::SubRunsTooDeep.into(),
        message: format!("runs may start runs {DEPTH_MAX} deep, and this one is there; start it from further up"),
        details: None,
        retryable: Some(false),
    }
}
