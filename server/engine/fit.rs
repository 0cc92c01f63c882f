//! The check of a run's result against its output schema. The engine has no validator, and validation may take long. A
//! decision that needs the check is rejected with [`Rejected::Unfitted`]. The caller runs the check and decides again,
//! with the answer in the context. The answer is recorded, so that a replay needs no validator.

use serde_json::Value;

use crate::draft::Draft;
use crate::event::{Failure, FinalState};
use crate::finish::Ending;
use crate::{Context, Decision, FailureCode, Node, NodeKind, NodeRunId, Object, Rejected, Shortfall, State, decide};

/// A run's result, and the schema that it has to fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The schema that the run was started with.
    pub schema: Value,
    /// The run's result: for a plan its `result`, for other kinds the outputs.
    pub answer: Value,
    /// The outputs of a plan's steps, in order, from which the result may be built. If absent, the answer is checked as
    /// it is.
    pub steps: Option<Vec<Object>>,
}

/// The answer in a form that fits, or the failure with which the run ends.
pub type FitResult = Result<Value, Box<Failure>>;

/// A check and its answer. It is used only for exactly the same check.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The check.
    pub made: Made,
    /// The answer.
    pub verdict: FitResult,
}

/// As [`decide`], but calls `fit` when a result has to be checked. For callers without a time limit, such as tests.
///
/// # Errors
/// As [`decide`]; never [`Rejected::Unfitted`].
pub fn decide_with(
    state: &State,
    command: crate::Command,
    context: Context<'_>,
    fit: impl Fn(&Made) -> FitResult,
) -> Result<Decision, Rejected> {
    match decide(state, command.clone(), context) {
        Err(Rejected::Unfitted(made)) => {
            let verdict = fit(&made);
            decide(state, command, Context { fitted: Some(&Fitted { made: *made, verdict }), ..context })
        }
        decided => decided,
    }
}

/// Accepts every result unchanged. For callers that start no run with an output schema.
///
/// # Errors
/// None.
pub fn as_made(made: &Made) -> FitResult {
    Ok(made.answer.clone())
}

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
    let made = Made { schema: schema.clone(), answer: Value::Object(outputs.clone()), steps: None };
    verdict(context, made)?.map(|_| ()).map_err(|failure| {
        let Failure { code, message: reason, .. } = *failure;
        Rejected::ResultUnfit { code, reason }
    })
}

/// The answer of the check, if the context has it. Otherwise the check is requested.
fn verdict(context: Context<'_>, made: Made) -> Result<FitResult, Rejected> {
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
    let made = Made { schema: schema.clone(), answer, steps: Some(made.collect()) };
    Ok(verdict(draft.context(), made)?.map(|result| {
        outputs.insert("result".to_owned(), result);
        outputs
    }))
}

/// Fits the whole outputs, which must be an object even if the schema allows other values.
fn whole(draft: &Draft, schema: &Value, outputs: Object) -> Result<Outputs, Rejected> {
    let made = Made { schema: schema.clone(), answer: Value::Object(outputs), steps: None };
    Ok(match verdict(draft.context(), made)? {
        Ok(Value::Object(outputs)) => Ok(outputs),
        Ok(_) => {
            Err(Box::new(Failure::new(FailureCode::OutputSchemaMismatch, "what fits the output schema is no object")))
        }
        Err(failure) => Err(failure),
    })
}
