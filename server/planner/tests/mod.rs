//! Tests of the planner: many goals as golden transcripts, ranking, limits, and laws over arbitrary text.

mod golden;
mod integrations;
mod laws;
mod limits;
mod ranking;
mod threads;

use std::sync::LazyLock;

use runyard_engine::event::Failure;
use runyard_engine::plan::{Form, PlanResult, Source, as_text};
use runyard_engine::{Constraints, NodeTypeRef, Object, Plan};
use serde_json::{Value, json};

use super::{LexicalPlanner, PlanRequest};
use crate::catalog::Catalog;

fn planner() -> &'static LexicalPlanner {
    static PLANNER: LazyLock<LexicalPlanner> = LazyLock::new(|| LexicalPlanner::new(Catalog::builtin()));
    &PLANNER
}

fn request(inputs: Value, constraints: Constraints) -> PlanRequest {
    let asked = NodeTypeRef { id: "runyard.composite.planner.general".to_owned(), version: "1".to_owned() };
    let node_type = planner().catalog().resolve(&asked).unwrap();
    PlanRequest {
        node_type,
        inputs: inputs.as_object().unwrap().clone(),
        constraints,
        earlier: Vec::new(),
        output_schema: None,
        tenant: "default".to_owned(),
    }
}

fn plan_of(goal: &str) -> Result<Plan, Failure> {
    planner().plan_now(&request(json!({ "goal": goal }), Constraints::default()))
}

/// A plan or a failure, for people to read.
fn transcript(planned: &Result<Plan, Failure>) -> String {
    match planned {
        Ok(plan) => plan_transcript(plan),
        Err(failure) => format!("  {}: {}\n", failure.code, failure.message),
    }
}

fn plan_transcript(plan: &Plan) -> String {
    let mut lines = vec![format!("  {}", plan.summary)];
    for step in &plan.steps {
        let name = step.node_type.id.rsplit_once("runyard.core.").map_or(step.node_type.id.as_str(), |(_, name)| name);
        let after =
            if step.depends_on.is_empty() { String::new() } else { format!(" after {}", step.depends_on.join(" ")) };
        lines.push(format!("  {} {name} {}{after}  <- {}", step.id, inputs(&step.inputs, step), step.goal));
    }
    let place = |source: &Source| format!("{} {}", source.step, source.pointer);
    match &plan.result {
        None => {}
        Some(PlanResult::One(source)) => lines.push(format!("  result {}", place(source))),
        Some(PlanResult::List(sources)) => {
            let places: Vec<String> = sources.iter().map(place).collect();
            lines.push(format!("  results [{}]", places.join(", ")));
        }
    }
    lines.join("\n") + "\n"
}

fn inputs(literal: &Object, step: &runyard_engine::plan::Step) -> String {
    let mut fields: Vec<String> = literal.iter().map(|(field, value)| format!("{field}={}", shown(value))).collect();
    for binding in &step.bindings {
        let from = format!("{}{}", binding.source.step, binding.source.pointer);
        fields.push(match &binding.form {
            Form::Value => format!("{}<{from}>", binding.field),
            Form::Text { before, after } => format!("{}<{before:?} + {from} + {after:?}>", binding.field),
        });
    }
    format!("{{{}}}", fields.join(", "))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() > 80 => format!("a text of {} bytes", text.len()),
        Value::String(text) => format!("{text:?}"),
        other => as_text(other),
    }
}
