//! The nodes that only make sense in a graph: where it begins and ends, which way it goes on, how long it waits. Types and schemas are in
//! `catalog/graph.rs`. Outside a graph they put out the same, and lead nowhere.

use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::{Object, Route, Routed};
use serde_json::Value;

use super::Call;
use super::builtin::{read, write};
use crate::catalog::composite::AnyObject;
use crate::catalog::graph::{
    BranchInputs, BranchOutputs, DelayInputs, DelayOutputs, FilterInputs, FilterOutputs, ScriptInputs, ScriptOutputs,
    SplitInputs, SplitOutputs, SwitchInputs, SwitchOutputs, VariablesInputs,
};
use crate::expressions::{Expressions, Moment};
use crate::graph::{Nodes, began_with};

/// How such a node is performed: validated inputs and the graph around it in, outputs and the way on out.
pub(super) type Step = fn(&Call<'_>, Option<&Nodes>) -> Result<Routed, Failure>;

/// Whether it returns what the graph is about.
pub(super) fn starts(id: &str) -> bool {
    id == "runyard.graph.start"
}

/// The step behind a resolved node type id.
pub(super) fn step(id: &str) -> Option<Step> {
    match id.strip_prefix("runyard.graph.")? {
        "start" => Some(start),
        "end" | "variables" => Some(variables),
        "branch" => Some(branch),
        "filter" => Some(filter),
        "switch" => Some(switch),
        "split" => Some(split),
        "delay" => Some(delay),
        _ => None,
    }
}

/// Puts out what the graph is about; under `value` where that is no object.
fn start(_: &Call<'_>, nodes: Option<&Nodes>) -> Result<Routed, Failure> {
    let outputs = nodes.map(|nodes| began_with(nodes.data()).into_owned()).unwrap_or_default();
    Ok(on(write(&AnyObject(outputs))?, None))
}

fn variables(call: &Call<'_>, _: Option<&Nodes>) -> Result<Routed, Failure> {
    let VariablesInputs { variables } = read(call)?;
    let outputs = variables.into_iter().map(|variable| (variable.name, variable.value)).collect();
    Ok(on(outputs, None))
}

fn branch(call: &Call<'_>, _: Option<&Nodes>) -> Result<Routed, Failure> {
    let BranchInputs { condition } = read(call)?;
    let condition = is_true(&condition);
    Ok(on(write(&BranchOutputs { condition })?, Some(Route::Way(u32::from(!condition)))))
}

fn filter(call: &Call<'_>, _: Option<&Nodes>) -> Result<Routed, Failure> {
    let FilterInputs { filter } = read(call)?;
    let filter = is_true(&filter);
    Ok(on(write(&FilterOutputs { filter })?, Some(if filter { Route::Way(0) } else { Route::Stop })))
}

fn switch(call: &Call<'_>, _: Option<&Nodes>) -> Result<Routed, Failure> {
    let SwitchInputs { routes } = read(call)?;
    let taken = (0_u32..).zip(routes).find(|(_, route)| is_true(&route.value));
    let index = taken.as_ref().map(|(index, _)| *index);
    let name = taken.and_then(|(_, route)| route.name);
    Ok(on(write(&SwitchOutputs { index, name })?, Some(index.map_or(Route::Stop, Route::Way))))
}

fn split(call: &Call<'_>, _: Option<&Nodes>) -> Result<Routed, Failure> {
    let SplitInputs { percentage } = read(call)?;
    // 32 bits are more than a hundred of anything can tell apart.
    let [a, b, c, d, ..] = call.entropy;
    let drawn = f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX) * 100.0;
    let index = u32::from(percentage <= 0.0 || (percentage < 100.0 && drawn >= percentage));
    Ok(on(write(&SplitOutputs { index })?, Some(Route::Way(index))))
}

fn delay(call: &Call<'_>, _: Option<&Nodes>) -> Result<Routed, Failure> {
    let DelayInputs { minutes } = read(call)?;
    // Within 366 days by the schema, so exact: far below 2^53.
    let wait_ms = (minutes * 60_000.0).ceil() as i64;
    let until_ms = Some(call.now_ms.saturating_add(wait_ms));
    Ok(Routed { until_ms, ..on(write(&DelayOutputs { minutes })?, None) })
}

/// What a script returns, wherever it stands.
pub(super) async fn script(
    call: &Call<'_>,
    nodes: Option<&Nodes>,
    expressions: &Arc<Expressions>,
    moment: Moment,
) -> Result<Routed, Failure> {
    let ScriptInputs { script, data } = read(call)?;
    let result = crate::graph::script(expressions, call.tenant, script, (nodes, &data), moment).await?;
    Ok(on(write(&ScriptOutputs { result })?, None))
}

fn on(outputs: Object, route: Option<Route>) -> Routed {
    Routed { outputs, route, ..Routed::default() }
}

/// As JavaScript counts it.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64().is_none_or(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
