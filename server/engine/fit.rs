//! A run's result and the schema that it has to fit. What fits is not known here, and finding it out may take long. So a decision that
//! depends on it is not made: it says what it has to know ([`Rejected::Unfitted`]). The caller works that out and decides again,
//! with the answer in the context. The answer is recorded, so that a replay needs no validator.

use serde_json::Value;

use crate::draft::Draft;
use crate::event::{Failure, FinalState};
use crate::finish::Ending;
use crate::{Context, Decision, Node, NodeKind, NodeRunId, Object, Rejected, Shortfall, State, decide};

/// What a run has made, and what it should have.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The schema that the run was started with.
    pub schema: Value,
    /// What the run answers with: the result of a plan, the outputs of anything else.
    pub answer: Value,
    /// What the steps of a plan made, in their order: the planner gave its result no form. Absent: whoever made the answer did, and it
    /// is taken as it is.
    pub steps: Option<Vec<Object>>,
}

/// The answer in a form that fits, or the failure with which the run ends because it cannot be had.
pub type FitResult = Result<Value, Box<Failure>>;

/// What was asked, and what was answered. It counts only for exactly what was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// What was asked.
    pub made: Made,
    /// What was answered.
    pub verdict: FitResult,
}

/// As [`decide`], but calls this function when a result has to be fitted: for callers without a bound on time, such as tests.
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

/// Takes what was made as it is. For whoever starts no run with a schema.
///
/// # Errors
/// None.
pub fn as_made(made: &Made) -> FitResult {
    Ok(made.answer.clone())
}

/// The end of a run's root, with a result that fits; as it was where nothing has to. A result that cannot be made to fit is none.
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

/// Refuses what somebody outside says that a run's root made, where it does not fit: they can say something else.
pub(crate) fn refuse_unfit(state: &State, context: Context<'_>, node: &Node, outputs: &Object) -> Result<(), Rejected> {
    let Some(schema) = schema(state).filter(|_| node.parent.is_none()) else { return Ok(()) };
    let made = Made { schema: schema.clone(), answer: Value::Object(outputs.clone()), steps: None };
    verdict(context, made)?.map(|_| ()).map_err(|failure| {
        let Failure { code, message: reason, .. } = *failure;
        Rejected::ResultUnfit { code, reason }
    })
}

/// What was found out about this; to be found out where it was not.
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

/// Of a plan's outputs it is the result that has to fit.
fn result_of(draft: &Draft, plan: &Node, schema: &Value, mut outputs: Object) -> Result<Outputs, Rejected> {
    let made = plan.children.iter().filter_map(|id| draft.state().node(*id)?.outputs.clone());
    let answer = outputs.get("result").cloned().unwrap_or_default();
    let made = Made { schema: schema.clone(), answer, steps: Some(made.collect()) };
    Ok(verdict(draft.context(), made)?.map(|result| {
        outputs.insert("result".to_owned(), result);
        outputs
    }))
}

/// Outputs are an object, whatever the schema would let them be.
fn whole(draft: &Draft, schema: &Value, outputs: Object) -> Result<Outputs, Rejected> {
    let made = Made { schema: schema.clone(), answer: Value::Object(outputs), steps: None };
    Ok(match verdict(draft.context(), made)? {
        Ok(Value::Object(outputs)) => Ok(outputs),
        Ok(_) => {
            Err(Box::new(crate::finish::failure("output_schema_mismatch", "what fits the output schema is no object")))
        }
        Err(failure) => Err(failure),
    })
}
