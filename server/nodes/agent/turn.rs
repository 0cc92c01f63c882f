//! What follows an answer of the model: calls with checked inputs, the result of the agent, or another turn, whose
//! conversation says what is wrong.

use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::{Agent, FailureCode, NextStep, Object, ToolCall};
use serde_json::Value;

use super::{AgentInputs, AgentOutputs, tools};
use crate::catalog::Catalog;
use crate::nodes::models::ANSWER_TOOL;
use crate::nodes::models::chat::{self, ChatOutputs, Stop, Usage};
use crate::nodes::values::{failed, write};
use crate::schemas::{Schema, Work};

/// The most calls of one turn.
const CALLS_MAX: usize = 64;

/// A turn of an agent.
pub(in crate::nodes) struct Turn {
    /// The inputs of `runyard.model.chat`.
    pub(in crate::nodes) inputs: Object,
    pub(super) catalog: Arc<Catalog>,
    pub(super) agent: Arc<Agent>,
    pub(super) given: AgentInputs,
    pub(super) so_far: SoFar,
}

/// What the agent has used before this turn.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SoFar {
    pub(super) turns: u32,
    pub(super) tool_calls: u32,
    pub(super) usage: Usage,
}

impl SoFar {
    pub(super) fn add(&mut self, turn: &ChatOutputs) {
        self.turns += 1;
        self.usage.input_tokens += turn.usage.input_tokens;
        self.usage.output_tokens += turn.usage.output_tokens;
        self.usage.cost = match (self.usage.cost, turn.usage.cost) {
            (Some(before), Some(cost)) => Some(before + cost),
            (before, cost) => before.or(cost),
        };
    }
}

impl Turn {
    /// The outputs of the turn with what follows it.
    ///
    /// # Errors
    /// `model_refused`, `answer_cut_off`.
    pub(in crate::nodes) fn followed(mut self, outputs: Object) -> Result<Object, Failure> {
        let mut outputs: ChatOutputs = serde_json::from_value(Value::Object(outputs))
            .map_err(|error| failed(FailureCode::InvalidOutputs, format!("the answer cannot be read: {error}")))?;
        self.so_far.add(&outputs);
        let next = if outputs.tool_calls.is_empty() { self.result(&mut outputs)? } else { self.calls(&mut outputs) };
        outputs.next = Some(write(&next)?);
        write(&outputs)
    }

    /// The calls, each with its inputs or with its problem.
    fn calls(&self, outputs: &mut ChatOutputs) -> NextStep {
        let mut calls = Vec::new();
        for call in &mut outputs.tool_calls {
            let checked = match &call.problem {
                Some(problem) => Err(problem.clone()),
                None if calls.len() >= CALLS_MAX => Err(format!("a turn makes at most {CALLS_MAX} calls")),
                None => self.checked(call),
            };
            match checked {
                Ok(call) => calls.push(call),
                Err(problem) => call.problem = Some(problem),
            }
        }
        NextStep::Calls(calls)
    }

    fn checked(&self, call: &chat::ToolCall) -> Result<ToolCall, String> {
        let tools = &self.agent.tools;
        let Some(place) = tools.iter().position(|tool| tool.name == call.name) else {
            if call.name == ANSWER_TOOL {
                return Err(format!("call {ANSWER_TOOL} alone, after the results of all other calls"));
            }
            let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
            return Err(format!("there is no tool `{}`; the tools are {}", call.name, names.join(", ")));
        };
        let inputs = tools::inputs(&self.catalog, &tools[place], &call.arguments)?;
        Ok(ToolCall { id: call.id.clone(), tool: u32::try_from(place).unwrap_or(u32::MAX), inputs })
    }

    /// The result of the agent, or another turn if it does not fit its schema.
    fn result(&self, outputs: &mut ChatOutputs) -> Result<NextStep, Failure> {
        match outputs.stop {
            Stop::Refused => {
                let reason = if outputs.text.is_empty() { "no reason was given" } else { &outputs.text };
                return Err(failed(FailureCode::ModelRefused, format!("the model refused to answer: {reason}")));
            }
            Stop::MaxTokens => {
                let message = format!(
                    "the model's answer was cut off after {} tokens; raise max_output_tokens of the run or of the model",
                    outputs.usage.output_tokens
                );
                return Err(failed(FailureCode::AnswerCutOff, message));
            }
            Stop::End | Stop::ToolCalls => {}
        }
        let result = match &self.given.output_schema {
            None => Value::String(outputs.text.clone()),
            Some(schema) => match fitting(schema, outputs.output.as_ref()) {
                Ok(output) => output,
                Err(problem) => {
                    outputs.problem = Some(problem);
                    return Ok(NextStep::Calls(Vec::new()));
                }
            },
        };
        Ok(NextStep::Answer(write(&AgentOutputs {
            result,
            turns: self.so_far.turns,
            tool_calls: self.so_far.tool_calls,
            usage: self.so_far.usage,
            model: outputs.model.clone(),
        })?))
    }
}

/// An answer that fits its schema.
///
/// # Errors
/// What is wrong, for the model.
fn fitting(schema: &Object, output: Option<&Value>) -> Result<Value, String> {
    let Some(output) = output else { return Err("The answer is not JSON. Answer again, with JSON alone.".to_owned()) };
    let work = Work::default();
    let read = Schema::read(&Value::Object(schema.clone()), &work).map_err(|error| error.to_string())?;
    let found = read.violations(output, &work).map_err(|error| error.to_string())?;
    if found.is_empty() {
        return Ok(output.clone());
    }
    let reasons: Vec<String> = found.iter().map(ToString::to_string).collect();
    Err(format!("The answer does not fit: {}. Answer again.", reasons.join("; ")))
}
