//! The check of a run's result against its output schema. The engine has no validator, and validation may take long. A
//! decision that needs the check is rejected with [`Rejected::Unfitted`]. The caller runs the check and decides again,
//! with the answer in the context. The answer is recorded, so that a replay needs no validator.

use serde_json::Value;

use crate::draft::Draft;
use crate::ending::Ending;
use crate::event::{Failure, FinalState};
use crate::output_check::{FitResult, RunResult};
use crate::{Context, FailureCode, Node, NodeKind, NodeRunId, Object, Rejected, Shortfall, State};

/// Fits the end of a run's root to the output schema, if there is one. A result that does not fit becomes a failure.
pub(crate) fn fitted(draft: &Draft, root: NodeRunId, mut ending: Ending) -> Result<Ending, Rejected> {
    let (state, root) = (draft.state(), draft.node(root)?);
    let shown = ending.state == FinalState::Succeeded || ending.shortfall == Some(Shortfall::Partial);
    let Some(schema) = schema(state).filter(|_| shown) else { return Ok(ending) };
    let Some(outputs) = ending.outputs.take() else { return Ok(ending) };
    let fitted = match root.node_type.kind {
        NodeKind::Plan => result_of(draft, root, schema, outputs)?,
        _ => whole(draft, schema, outputs)?,
    };
    Ok(match fitted {
        Ok(outputs) => Ending { outputs: Some(outputs), ..ending },
        Err(failure) => Ending::failed(failure),
    })
}

/// Rejects outputs that an external owner reports for a run's root, if they do not fit. The owner can then report
/// others.
pub(crate) fn refuse_unfit(state: &State, context: Context<'_>, node: &Node, outputs: &Object) -> Result<(), Rejected> {
    let Some(schema) = schema(state).filter(|_| node.parent.is_none()) else { return Ok(()) };
    let made = RunResult { schema: schema.clone(), answer: Value::Object(outputs.clone()), steps: None };
    verdict(context, made)?.map(|_| ()).map_err(|failure| {
        let Failure { code, message: reason, .. } = *failure;
        Rejected::ResultUnfit { code, reason }
    })
}

/// The answer of the check, if the context has it. Otherwise the check is requested.
fn verdict(context: Context<'_>, made: RunResult) -> Result<FitResult, Rejected> {
    match context.fitted.filter(|fitted| fitted.made == made) {
        Some(fitted) => Ok(fitted.verdict.clone()),
        None => Err(Rejected::Unfitted(Box::new(made))),
    }
}

fn schema(state: &State) -> Option<&Value> {
    state.start.as_ref()?.output_schema.as_ref()
}

type Outputs = Result<Object, Box<Failure>>;

/// Fits the `result` member of a plan's outputs.
fn result_of(draft: &Draft, plan: &Node, schema: &Value, mut outputs: Object) -> Result<Outputs, Rejected> {
    let made = plan.children.iter().filter_map(|id| draft.state().node(*id)?.outputs.clone());
    let answer = outputs.get("result").cloned().unwrap_or_default();
    let made = RunResult { schema: schema.clone(), answer, steps: Some(made.collect()) };
    Ok(verdict(draft.context(), made)?.map(|result| {
        outputs.insert("result".to_owned(), result);
        outputs
    }))
}

/// Fits the whole outputs, which must be an object even if the schema allows other values.
fn whole(draft: &Draft, schema: &Value, outputs: Object) -> Result<Outputs, Rejected> {
    let made = RunResult { schema: schema.clone(), answer: Value::Object(outputs), steps: None };
    Ok(match verdict(draft.context(), made)? {
        Ok(Value::Object(outputs)) => Ok(outputs),
        Ok(_) => {
            Err(Box::new(Failure::new(FailureCode::OutputSchemaMismatch, "what fits the output schema is no object")))
        }
        Err(failure) => Err(failure),
    })
}
