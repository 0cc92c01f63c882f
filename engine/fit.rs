//! A run's result and the schema that it has to fit. What fits is not known here: whoever decides hands in a pure function that knows,
//! and what that said is recorded, so that a replay asks nobody.

use serde_json::Value;

use crate::draft::Draft;
use crate::event::{Failure, FinalState};
use crate::finish::Ending;
use crate::{Node, NodeKind, NodeRunId, Object, Rejected, Shortfall, State};

/// Makes what a run has made fit its schema, as far as that can be done. The same for the same, for ever.
///
/// # Errors
/// The failure with which the run ends, because it cannot be done.
pub type Fit = for<'a> fn(&'a Made<'a>) -> Result<Value, Box<Failure>>;

/// What a run has made, and what it should have.
#[derive(Debug, Clone, PartialEq)]
pub struct Made<'a> {
    /// The schema that the run was started with.
    pub schema: &'a Value,
    /// What the run answers with: the result of a plan, the outputs of anything else.
    pub answer: &'a Value,
    /// What the steps of a plan made, in their order: the planner gave its result no form. Absent: whoever made the answer did, and it
    /// is taken as it is.
    pub steps: Option<Vec<&'a Object>>,
}

/// Takes what was made as it is. For whoever starts no run with a schema.
///
/// # Errors
/// None.
pub fn as_made(made: &Made<'_>) -> Result<Value, Box<Failure>> {
    Ok(made.answer.clone())
}

/// The end of a run's root, with a result that fits; as it was where nothing has to. A result that cannot be made to fit is none.
pub(crate) fn fitted(draft: &Draft, root: NodeRunId, mut ending: Ending) -> Result<Ending, Rejected> {
    let (state, root) = (draft.state(), draft.node(root)?);
    let shown = ending.state == FinalState::Succeeded || ending.shortfall == Some(Shortfall::Partial);
    let Some(schema) = schema(state).filter(|_| shown) else { return Ok(ending) };
    let Some(outputs) = ending.outputs.take() else { return Ok(ending) };
    let fitted = match root.node_type.kind {
        NodeKind::Plan => result_of(draft, root, schema, outputs),
        _ => whole(draft, schema, outputs),
    };
    Ok(match fitted {
        Ok(outputs) => Ending { outputs: Some(outputs), ..ending },
        Err(failure) => Ending::failed(failure),
    })
}

/// Refuses what somebody outside says that a run's root made, where it does not fit: they can say something else.
pub(crate) fn refuse_unfit(state: &State, fit: Fit, node: &Node, outputs: &Object) -> Result<(), Rejected> {
    let Some(schema) = schema(state).filter(|_| node.parent.is_none()) else { return Ok(()) };
    let answer = Value::Object(outputs.clone());
    fit(&Made { schema, answer: &answer, steps: None })
        .map(|_| ())
        .map_err(|failure| Rejected::ResultUnfit { reason: failure.message })
}

fn schema(state: &State) -> Option<&Value> {
    state.start.as_ref()?.output_schema.as_ref()
}

/// Of a plan's outputs it is the result that has to fit.
fn result_of(draft: &Draft, plan: &Node, schema: &Value, mut outputs: Object) -> Result<Object, Box<Failure>> {
    let made = plan.children.iter().filter_map(|id| draft.state().node(*id)?.outputs.as_ref());
    let answer = outputs.get("result").cloned().unwrap_or_default();
    let result = (draft.fit())(&Made { schema, answer: &answer, steps: Some(made.collect()) })?;
    outputs.insert("result".to_owned(), result);
    Ok(outputs)
}

/// Outputs are an object, whatever the schema would let them be.
fn whole(draft: &Draft, schema: &Value, outputs: Object) -> Result<Object, Box<Failure>> {
    let answer = Value::Object(outputs);
    match (draft.fit())(&Made { schema, answer: &answer, steps: None })? {
        Value::Object(outputs) => Ok(outputs),
        _ => {
            Err(Box::new(crate::finish::failure("output_schema_mismatch", "what fits the output schema is no object")))
        }
    }
}
