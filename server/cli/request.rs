//! The start request of `run` and `start`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use runyard_api::arp::schemas::{ConstraintEnvelope, RunStartRequest};
use runyard_api::host::{InexactNumber, inexact_number};
use serde_json::{Map, Value, json};

use super::failure::Failure;
use crate::runs::labels;

/// The node type that turns a goal into steps.
pub const PLANNER: &str = "runyard.composite.planner.general";
/// The version that stands for the newest.
const NEWEST: &str = "latest";

/// The extension for the approval strategy.
const APPROVAL: &str = "runyard.approval";

/// What to run.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArguments {
    /// What to do, in words: "Generate a UUID, then return it."
    #[arg(value_name = "GOAL", required_unless_present = "node_type")]
    pub goal: Option<String>,
    /// Run this node type instead of the planner; a GOAL then becomes its input `goal`
    #[arg(long, value_name = "ID[@VERSION]")]
    pub node_type: Option<String>,
    /// Inputs of the root as a JSON object; @FILE reads a file
    #[arg(long, value_name = "JSON")]
    pub input: Option<String>,
    /// Limits in the form of ARP's ConstraintEnvelope, for example {"budgets":{"max_steps":5}}; @FILE reads a file
    #[arg(long, value_name = "JSON")]
    pub constraints: Option<String>,
    /// What needs an approval: on_start (the plan as a whole) or on_tool_call (every call). `runyard approvals` lists the
    /// approval requests
    #[arg(long, value_name = "WHEN", value_parser = PossibleValuesParser::new(["none", "on_start", "on_tool_call"]))]
    pub approve: Option<String>,
    /// A label to find the run by, as in `runyard list --label NAME:VALUE`; may be repeated
    #[arg(long, value_name = "NAME:VALUE")]
    pub label: Vec<String>,
    /// An id of your choice for the run; starting it again with the same content starts nothing new
    #[arg(long, value_name = "NAME")]
    pub run_id: Option<String>,
}

impl RunArguments {
    /// The request, checked as far as its types say. `planner`: the node type of a goal alone, as ID or ID@VERSION.
    ///
    /// # Errors
    /// A usage failure that names the flag.
    pub fn request(&self, planner: &str) -> Result<RunStartRequest, Failure> {
        serde_json::from_value(self.body(planner)?)
            .map_err(|error| Failure::usage(format!("the run cannot be started: {error}")))
    }

    fn body(&self, planner: &str) -> Result<Value, Failure> {
        let (node_type_id, version) = match &self.node_type {
            Some(reference) => split("--node-type", reference)?,
            None => split("client.planner", planner)?,
        };
        let mut body = json!({
            "root_node_type_ref": { "node_type_id": node_type_id, "version": version },
            "input": self.inputs()?,
        });
        if let Some(constraints) = &self.constraints {
            let constraints = object("--constraints", constraints)?;
            // Read from text, because only that says where in it something is wrong.
            serde_json::from_str::<ConstraintEnvelope>(&Value::Object(constraints.clone()).to_string())
                .map_err(|error| Failure::usage(format!("--constraints is not a ConstraintEnvelope: {error}")))?;
            body["constraints"] = Value::Object(constraints);
        }
        if let Some(approve) = &self.approve {
            body["extensions"] = json!({ APPROVAL: approve });
        }
        if let Some(run_id) = &self.run_id {
            body["run_id"] = json!(run_id);
        }
        if !self.label.is_empty() {
            body["metadata"] = json!({ "labels": self.labels()? });
        }
        Ok(body)
    }

    /// The labels, in the standard's metadata.
    fn labels(&self) -> Result<Map<String, Value>, Failure> {
        let pair = |label: &String| {
            let (name, value) = label.split_once(':').filter(|(name, value)| labels::fits(name, value))?;
            Some((name.to_owned(), json!(value)))
        };
        let read = |label| {
            pair(label).ok_or_else(|| {
                Failure::usage(format!("--label {label:?} is not NAME:VALUE"))
                    .advise(format!("names and values have 1 to {} bytes", labels::BYTES_MAX))
            })
        };
        self.label.iter().map(read).collect()
    }

    fn inputs(&self) -> Result<Map<String, Value>, Failure> {
        let mut inputs = self.input.as_deref().map(|text| object("--input", text)).transpose()?.unwrap_or_default();
        if let Some(goal) = &self.goal {
            if goal.trim().is_empty() {
                return Err(Failure::usage("GOAL is empty").advise("write in words what to do"));
            }
            if inputs.insert("goal".to_owned(), json!(goal)).is_some() {
                return Err(
                    Failure::usage("there are two goals: GOAL and `goal` in --input").advise("leave one of them out")
                );
            }
        }
        Ok(inputs)
    }
}

fn split<'a>(from: &str, reference: &'a str) -> Result<(&'a str, &'a str), Failure> {
    let (id, version) = reference.split_once('@').unwrap_or((reference, NEWEST));
    if id.is_empty() || version.is_empty() {
        return Err(Failure::usage(format!("{from} {reference:?} is not ID or ID@VERSION"))
            .advise("`runyard nodes` lists the node types"));
    }
    Ok((id, version))
}

pub(super) fn object(flag: &str, text: &str) -> Result<Map<String, Value>, Failure> {
    let read = match text.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("{flag}: cannot read {path}: {error}")))?,
        None => text.to_owned(),
    };
    if let Some(InexactNumber { pointer }) = inexact_number(read.as_bytes()) {
        let place = if pointer.is_empty() { "/" } else { &pointer };
        return Err(Failure::usage(format!(
            "{flag}: the number at {place} has more digits than can be stored exactly"
        ))
        .advise("write it as text"));
    }
    match serde_json::from_str(&read) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => {
            Err(Failure::usage(format!("{flag} is JSON, and not an object"))
                .advise("write it as {\"name\": value, ...}"))
        }
        Err(error) => {
            Err(Failure::usage(format!("{flag} is not JSON: {error}")).advise("write it as {\"name\": value, ...}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(goal: &str) -> RunArguments {
        RunArguments { goal: Some(goal.to_owned()), ..RunArguments::default() }
    }

    fn node(reference: &str, input: &str) -> RunArguments {
        RunArguments { node_type: Some(reference.to_owned()), input: Some(input.to_owned()), ..RunArguments::default() }
    }

    #[test]
    fn a_goal_alone_is_for_the_newest_planner() {
        let body = goal("Do it.").body(PLANNER).unwrap();
        assert_eq!(
            body,
            json!({ "root_node_type_ref": { "node_type_id": PLANNER, "version": "latest" }, "input": { "goal": "Do it." } })
        );
    }

    #[test]
    fn a_goal_alone_is_for_the_planner_that_is_set() {
        let body = goal("Do it.").body("jarvis.composite.planner.general@0.3.8").unwrap();
        let reference = json!({ "node_type_id": "jarvis.composite.planner.general", "version": "0.3.8" });
        assert_eq!(body["root_node_type_ref"], reference);
    }

    #[test]
    fn a_node_type_may_have_a_version_inputs_limits_and_a_goal_beside() {
        let wanted = RunArguments {
            goal: Some("now".to_owned()),
            constraints: Some("{\"budgets\":{\"max_steps\":5}}".to_owned()),
            run_id: Some("mine".to_owned()),
            approve: Some("on_start".to_owned()),
            label: vec!["team:billing".to_owned(), "url:http://x".to_owned()],
            ..node("runyard.core.sleep@1.0.0", "{\"seconds\":1}")
        };
        assert_eq!(
            wanted.body(PLANNER).unwrap(),
            json!({
                "root_node_type_ref": { "node_type_id": "runyard.core.sleep", "version": "1.0.0" },
                "input": { "seconds": 1, "goal": "now" },
                "constraints": { "budgets": { "max_steps": 5 } },
                "run_id": "mine",
                "extensions": { "runyard.approval": "on_start" },
                "metadata": { "labels": { "team": "billing", "url": "http://x" } },
            })
        );
    }

    #[test]
    fn a_value_that_is_not_valid_is_a_usage_error_that_names_the_flag() {
        let refusal = |wanted: RunArguments| {
            let failure = wanted.body(PLANNER).unwrap_err();
            assert_eq!(failure.exit, super::super::failure::Exit::Usage);
            failure.message
        };
        assert_eq!(refusal(node("a@", "{}")), "--node-type \"a@\" is not ID or ID@VERSION");
        assert_eq!(refusal(node("a", "[]")), "--input is JSON, and not an object");
        assert!(refusal(node("a", "{")).starts_with("--input is not JSON: "));
        let limited = RunArguments { constraints: Some("{\"budgets\":{\"max_steps\":-1}}".to_owned()), ..goal("a") };
        let limited = refusal(limited);
        // The rest is the parser's wording, which depends on how it reads numbers.
        assert!(
            limited.starts_with("--constraints is not a ConstraintEnvelope: invalid value: integer `-1`"),
            "{limited}"
        );
        assert!(refusal(node("a", "@/nowhere/at/all.json")).starts_with("--input: cannot read /nowhere/at/all.json"));
        assert_eq!(refusal(goal("  ")), "GOAL is empty");
        let labelled = RunArguments { label: vec!["billing".to_owned()], ..goal("a") };
        assert_eq!(refusal(labelled), "--label \"billing\" is not NAME:VALUE");
        let two = RunArguments { goal: Some("a".to_owned()), ..node("b", "{\"goal\":\"c\"}") };
        assert_eq!(refusal(two), "there are two goals: GOAL and `goal` in --input");
    }
}
