//! Loads the content of a composite: a graph, or items. Types are in `nodes/graph.rs` and `nodes/each.rs`; the parser
//! is in `graph/read.rs`.

use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::{Constraints, Content, FailureCode, Graph, NodeKind, NodeType, Object};

use super::around::Around;
use crate::expressions::Expressions;
use crate::graph::{self, evaluate};
use crate::nodes::agent;
use crate::nodes::catalog::Catalog;
use crate::nodes::failures::{invalid, unavailable};

/// The content of a composite.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The evaluated inputs, if they differ from the inputs.
    pub inputs: Option<Object>,
    /// A graph to execute, or items.
    pub content: Content,
}

/// Loads the content. If the composite is itself a node of a graph, its inputs are evaluated first.
pub(super) async fn load(
    catalog: &Arc<Catalog>,
    expressions: &Arc<Expressions>,
    around: &Around,
) -> Result<Loaded, Failure> {
    let state = around.state().await?;
    let Some(node) = state.node(around.node_run) else { return Err(gone()) };
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
    let given = inputs.as_ref().unwrap_or(&written);
    let reading = Reading {
        catalog: catalog.clone(),
        node_type: node_type.clone(),
        given: given.clone(),
        constraints: node.constraints.clone(),
        known: node.graph.clone(),
    };
    let content = around.off_runtime(move || reading.content()).await??;
    Ok(Loaded { inputs, content })
}

/// Parsed off the runtime, because it may be large.
struct Reading {
    catalog: Arc<Catalog>,
    node_type: NodeType,
    given: Object,
    constraints: Constraints,
    known: Option<Arc<Graph>>,
}

impl Reading {
    fn content(self) -> Result<Content, Failure> {
        let Reading { catalog, node_type, given, constraints, known } = &self;
        let wrong = |found: Vec<_>| invalid(FailureCode::InvalidInputs, "inputs", node_type, &found);
        catalog.validate_inputs(node_type, given).map_err(wrong)?;
        if node_type.kind == NodeKind::Agent {
            return agent::content(catalog, constraints, given).map_err(wrong);
        }
        let graph = match known {
            Some(graph) => Some(graph.clone()),
            None => graph::within(catalog, node_type, given).map_err(wrong)?,
        };
        content(catalog, (node_type, given), graph, known.is_some())
    }
}

fn content(
    catalog: &Catalog,
    (node_type, given): (&NodeType, &Object),
    graph: Option<Arc<Graph>>,
    known: bool,
) -> Result<Content, Failure> {
    let wrong = |found: Vec<_>| invalid(FailureCode::InvalidInputs, "inputs", node_type, &found);
    Ok(match (node_type.kind, graph) {
        (NodeKind::Graph, Some(graph)) => Content::Graph(graph),
        (NodeKind::Each, graph) => {
            let mut items = graph::items(catalog, given, graph).map_err(wrong)?;
            if known {
                // The engine has it from the surrounding graph.
                items.graph = None;
            }
            Content::Items(Arc::new(items))
        }
        (NodeKind::Graph, None) => {
            return Err(invalid(FailureCode::InvalidInputs, "inputs", node_type, &[graph::missing()]));
        }
        _ => return Err(unavailable(node_type)),
    })
}

/// What was asked for is no part of the run that asked.
pub(super) fn gone() -> Failure {
    Failure {
        code: FailureCode::InternalError.into(),
        message: "the step is not part of its run".to_owned(),
        details: None,
        retryable: Some(false),
    }
}
