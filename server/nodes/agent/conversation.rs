//! The inputs of a turn: the conversation so far. It is made anew for each attempt from what the run has recorded, so that
//! it is never recorded twice.
//!
//! The bound (`limits.max_context_bytes`): while the conversation is longer, the results of the oldest calls are replaced
//! by a note, up to those of the last turn. If it is still longer, the oldest turns are left out with their calls. The
//! earlier conversation, the task and the last turn stay.

use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::{Agent, FailureCode, FinalState, Node, NodeKind, Object, State};
use serde_json::Value;

use super::turn::{SoFar, Turn};
use super::{AgentInputs, EarlierRole, tools};
use crate::catalog::Catalog;
use crate::nodes::models::chat::{ChatInputs, ChatOutputs, Message, Role};
use crate::nodes::perform::Around;
use crate::nodes::values::{failed, write};

/// What stands in place of a result that was left out.
const LEFT_OUT: &str = "[left out, because the conversation is too long]";

/// The turn that a call is, if it is one of an agent.
///
/// # Errors
/// The run could not be read, or the conversation is too long.
pub(in crate::nodes) async fn turn_of(
    catalog: &Arc<Catalog>,
    around: &Around,
    state: &State,
) -> Result<Option<Turn>, Failure> {
    let Some(node) = state.node(around.node_run).filter(|node| node.place.is_none()) else { return Ok(None) };
    let Some(parent) = node.parent.and_then(|id| state.node(id)) else { return Ok(None) };
    let Some(agent) = parent.agent.clone().filter(|_| parent.node_type.kind == NodeKind::Agent) else {
        return Ok(None);
    };
    let given = around.whole(&parent.inputs).await?.into_owned();
    let given: AgentInputs = serde_json::from_value(Value::Object(given))
        .map_err(|error| failed(FailureCode::InvalidInputs, format!("the agent's inputs cannot be read: {error}")))?;
    let mut turns = Vec::new();
    let mut so_far = SoFar::default();
    for id in &parent.children {
        let Some(child) = state.node(*id).filter(|child| child.id != node.id) else { continue };
        let outputs = match &child.outputs {
            Some(outputs) => Some(around.whole(outputs).await?.into_owned()),
            None => None,
        };
        match child.place {
            None => {
                let outputs: ChatOutputs = read(outputs.unwrap_or_default())?;
                so_far.add(&outputs);
                turns.push(Exchange { outputs, results: Vec::new() });
            }
            Some(_) => {
                so_far.tool_calls += 1;
                if let Some(turn) = turns.last_mut() {
                    turn.results.push(result(child, outputs, given.limits.max_result_bytes));
                }
            }
        }
    }
    let catalog = catalog.clone();
    around.off_runtime(move || turn(catalog, agent, given, turns, so_far)).await?.map(Some)
}

/// The turn that follows these turns.
fn turn(
    catalog: Arc<Catalog>,
    agent: Arc<Agent>,
    given: AgentInputs,
    turns: Vec<Exchange>,
    so_far: SoFar,
) -> Result<Turn, Failure> {
    let messages = messages(&given, turns)?;
    let chat = ChatInputs {
        model: given.model.clone(),
        instructions: given.instructions.clone(),
        messages,
        tools: agent.tools.iter().filter_map(|tool| tools::described(&catalog, tool)).collect(),
        output_schema: given.output_schema.clone(),
        max_output_tokens: given.limits.max_output_tokens,
        temperature: given.temperature,
    };
    Ok(Turn { inputs: write(&chat)?, catalog, agent, given, so_far })
}

fn read(outputs: Object) -> Result<ChatOutputs, Failure> {
    serde_json::from_value(Value::Object(outputs))
        .map_err(|error| failed(FailureCode::InvalidInputs, format!("an earlier turn cannot be read: {error}")))
}

/// A turn with the results of its calls, in the order of the calls that were made.
struct Exchange {
    outputs: ChatOutputs,
    results: Vec<(String, bool)>,
}

/// The result of a call as the model reads it, and whether the call failed.
fn result(call: &Node, outputs: Option<Object>, bytes_max: usize) -> (String, bool) {
    let succeeded = call.final_state() == Some(FinalState::Succeeded);
    let mut text = match (&call.error, outputs) {
        (Some(error), outputs) if !succeeded => {
            let partly = outputs.map(|outputs| format!("\nIts result so far: {}", Value::Object(outputs)));
            format!("{}: {}{}", error.code.as_str(), error.message, partly.unwrap_or_default())
        }
        (_, outputs) => Value::Object(outputs.unwrap_or_default()).to_string(),
    };
    if text.len() > bytes_max {
        let all = text.len();
        let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push_str(&format!("\n[the first {end} of {all} bytes]"));
    }
    (text, !succeeded)
}

/// The conversation under its bound.
fn messages(given: &AgentInputs, turns: Vec<Exchange>) -> Result<Vec<Message>, Failure> {
    let earlier = given.messages.iter().map(|message| Message {
        role: match message.role {
            EarlierRole::User => Role::User,
            EarlierRole::Assistant => Role::Assistant,
        },
        text: message.text.clone(),
        ..Message::default()
    });
    let task = Message { role: Role::User, text: given.prompt.clone(), ..Message::default() };
    let head: Vec<Message> = earlier.chain([task]).collect();
    let mut turns: Vec<Vec<Message>> = turns.into_iter().map(of_turn).collect();
    let max = given.limits.max_context_bytes;
    let fixed: usize = head.iter().map(bytes).sum();
    let mut used = fixed + turns.iter().flatten().map(bytes).sum::<usize>();
    let last = turns.len().saturating_sub(1);
    for message in turns.iter_mut().take(last).flatten().filter(|message| message.role == Role::Tool) {
        if used <= max {
            break;
        }
        used = used.saturating_sub(message.text.len().saturating_sub(LEFT_OUT.len()));
        if message.text.len() > LEFT_OUT.len() {
            message.text = LEFT_OUT.to_owned();
        }
    }
    let mut left_out = 0;
    while used > max && left_out < last {
        used = used.saturating_sub(turns[left_out].iter().map(bytes).sum());
        left_out += 1;
    }
    if used > max {
        let message = format!(
            "the conversation has {used} bytes without what can be left out, and may have {max} (`limits.max_context_bytes`)"
        );
        return Err(failed(FailureCode::ValuesTooLarge, message));
    }
    Ok(head.into_iter().chain(turns.into_iter().skip(left_out).flatten()).collect())
}

/// The messages of one turn: the model's, the results of its calls, and the problem if its answer was not accepted.
fn of_turn(turn: Exchange) -> Vec<Message> {
    let Exchange { outputs, results } = turn;
    let mut results = results.into_iter();
    let answered = outputs.tool_calls.iter().map(|call| {
        let (text, is_error) = match &call.problem {
            Some(problem) => (problem.clone(), true),
            None => results.next().unwrap_or_else(|| ("the call was not made".to_owned(), true)),
        };
        Message { role: Role::Tool, text, tool_call_id: Some(call.id.clone()), is_error, ..Message::default() }
    });
    let answered: Vec<Message> = answered.collect();
    let text = match &outputs.output {
        Some(output) if outputs.problem.is_some() => output.to_string(),
        _ => outputs.text,
    };
    // What was not accepted goes back as text: the raw message may be a call that has no result.
    let raw = outputs.raw.filter(|_| outputs.problem.is_none());
    let said = Message { role: Role::Assistant, text, tool_calls: outputs.tool_calls, raw, ..Message::default() };
    let problem = outputs.problem.map(|text| Message { role: Role::User, text, ..Message::default() });
    std::iter::once(said).chain(answered).chain(problem).collect()
}

/// About the bytes of a message as it is sent.
fn bytes(message: &Message) -> usize {
    let calls: usize =
        message.tool_calls.iter().map(|call| call.name.len() + call.arguments.to_string().len() + 64).sum();
    let raw = message.raw.as_ref().map_or(0, |raw| raw.message.to_string().len());
    64 + message.text.len().max(raw) + calls
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::nodes::models::chat::ToolCall;

    fn exchange(id: &str, result: &str) -> Exchange {
        let call = ToolCall { id: id.to_owned(), name: "echo".to_owned(), arguments: json!({}), problem: None };
        let outputs = ChatOutputs { tool_calls: vec![call], ..ChatOutputs::default() };
        Exchange { outputs, results: vec![(result.to_owned(), false)] }
    }

    fn texts(max: usize, turns: Vec<Exchange>) -> Vec<String> {
        let mut given = AgentInputs { prompt: "task".to_owned(), ..AgentInputs::default() };
        given.limits.max_context_bytes = max;
        let messages = messages(&given, turns).unwrap();
        messages.into_iter().filter(|message| message.role != Role::Assistant).map(|message| message.text).collect()
    }

    #[test]
    fn the_oldest_results_are_left_out_first_and_then_the_oldest_turns() {
        let turns = || vec![exchange("a", &"a".repeat(500)), exchange("b", &"b".repeat(500)), exchange("c", "c")];
        let (a, b) = ("a".repeat(500), "b".repeat(500));
        assert_eq!(texts(10_000, turns()), ["task", &a, &b, "c"]);
        assert_eq!(texts(1_500, turns()), ["task", LEFT_OUT, &b, "c"]);
        assert_eq!(texts(800, turns()), ["task", LEFT_OUT, LEFT_OUT, "c"]);
        assert_eq!(texts(600, turns()), ["task", LEFT_OUT, "c"]);
        assert_eq!(texts(300, turns()), ["task", "c"]);
    }

    #[test]
    fn a_conversation_that_cannot_be_cut_is_refused() {
        let mut given = AgentInputs { prompt: "x".repeat(200), ..AgentInputs::default() };
        given.limits.max_context_bytes = 100;
        let failure = messages(&given, Vec::new()).unwrap_err();
        assert_eq!(failure.code.as_str(), "values_too_large");
    }

    #[test]
    fn a_problem_of_a_call_is_its_result_and_the_others_keep_their_order() {
        let call = |id: &str, problem: Option<&str>| ToolCall {
            id: id.to_owned(),
            problem: problem.map(str::to_owned),
            ..ToolCall::default()
        };
        let outputs = ChatOutputs {
            tool_calls: vec![call("a", None), call("b", Some("no such tool")), call("c", None)],
            ..ChatOutputs::default()
        };
        let results = vec![("first".to_owned(), false), ("second".to_owned(), true)];
        let messages = of_turn(Exchange { outputs, results });
        let seen: Vec<_> = messages[1..].iter().map(|one| (one.text.as_str(), one.is_error)).collect();
        assert_eq!(seen, [("first", false), ("no such tool", true), ("second", true)]);
    }
}
