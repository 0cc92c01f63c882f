//! Visitors for every place in events, states, commands and effects that holds a caller's value. Large values and size
//! budgets use them, so that a new place is added once.
//!
//! Output schemas are not visited as values, because decisions read them.

use std::sync::Arc;

use serde_json::Value;

use crate::command::{Command, Completion, Outcome, Routed, Start};
use crate::effect::{Effect, Request};
use crate::event::{ChildCreated, Evaluation, Failure};
use crate::graph::{Content, Graph, Items};
use crate::record::agent::Agent;
use crate::{ChildSpec, Event, Node, Object, Plan, State, large};

/// A mutable place for a value.
#[derive(Debug)]
pub enum Slot<'a> {
    /// An object.
    Object(&'a mut Object),
    /// An object whose members may be replaced, but never the whole object, because its readers look up members.
    Members(&'a mut Object),
    /// Any value.
    Value(&'a mut Value),
}

/// The visitor function.
type Visit<'a> = &'a mut dyn FnMut(Slot<'_>);

fn object(object: &mut Option<Object>, visit: Visit<'_>) {
    if let Some(object) = object {
        visit(Slot::Object(object));
    }
}

fn value(value: &mut Option<Value>, visit: Visit<'_>) {
    if let Some(value) = value {
        visit(Slot::Value(value));
    }
}

fn failure(failure: &mut Failure, visit: Visit<'_>) {
    object(&mut failure.details, visit);
}

fn graph(graph: &mut Arc<Graph>, visit: Visit<'_>) {
    for node in &mut Arc::make_mut(graph).nodes {
        visit(Slot::Object(&mut node.inputs));
        if let Some(within) = &mut node.graph {
            self::graph(within, visit);
        }
    }
}

fn items(items: &mut Arc<Items>, visit: Visit<'_>) {
    let items = Arc::make_mut(items);
    visit(Slot::Object(&mut items.inputs));
    for item in &mut items.items {
        visit(Slot::Value(item));
    }
    if let Some(within) = &mut items.graph {
        graph(within, visit);
    }
}

fn agent(agent: &mut Arc<Agent>, visit: Visit<'_>) {
    for tool in &mut Arc::make_mut(agent).tools {
        visit(Slot::Object(&mut tool.inputs));
    }
}

fn evaluation(evaluation: &mut Evaluation, visit: Visit<'_>) {
    object(&mut evaluation.details, visit);
    visit(Slot::Object(&mut evaluation.extensions));
}

impl Start {
    /// Visits every value in it.
    pub fn each_slot(&mut self, visit: Visit<'_>) {
        visit(Slot::Object(&mut self.inputs));
        visit(Slot::Members(&mut self.notes));
        if let Some(within) = &mut self.graph {
            graph(within, visit);
        }
    }
}

impl ChildCreated {
    fn each_slot(&mut self, visit: Visit<'_>) {
        visit(Slot::Object(&mut self.inputs));
        value(&mut self.binding_decision, visit);
        visit(Slot::Members(&mut self.notes));
    }
}

impl ChildSpec {
    fn each_slot(&mut self, visit: Visit<'_>) {
        visit(Slot::Object(&mut self.inputs));
        value(&mut self.binding_decision, visit);
        visit(Slot::Members(&mut self.notes));
    }
}

impl Content {
    /// Visits every value in it.
    pub fn each_slot(&mut self, visit: Visit<'_>) {
        match self {
            Content::Graph(within) => graph(within, visit),
            Content::Items(within) => items(within, visit),
            Content::Agent(within) => agent(within, visit),
        }
    }
}

impl Event {
    /// Visits every value in it, mutably.
    pub fn each_slot(&mut self, visit: Visit<'_>) {
        match self {
            Event::Started { start, .. } => Arc::make_mut(start).each_slot(visit),
            Event::Loaded { inputs, content, .. } => {
                object(inputs, visit);
                content.each_slot(visit);
            }
            Event::SubtaskMapped { decision, .. } => value(decision, visit),
            Event::ChildCreated(child) => child.each_slot(visit),
            Event::NodeStarted { inputs, .. }
            | Event::ApprovalAsked { inputs, .. }
            | Event::ApprovalDecided { inputs, .. }
            | Event::Launched { inputs, .. } => object(inputs, visit),
            Event::AttemptFailed { error, .. } => failure(error, visit),
            Event::NodeDelayed { outputs, inputs, .. } => {
                visit(Slot::Object(outputs));
                object(inputs, visit);
            }
            Event::NodeFinished { outputs, artifacts, error, inputs, .. } => {
                object(outputs, visit);
                artifacts.iter_mut().for_each(|artifact| visit(Slot::Object(&mut artifact.0)));
                if let Some(error) = error {
                    failure(error, visit);
                }
                object(inputs, visit);
            }
            Event::Evaluated { evaluation, .. } => self::evaluation(evaluation, visit),
            Event::RecoveryApplied { action, .. } => visit(Slot::Object(&mut action.0)),
            Event::Finished { outputs, error, .. } => {
                object(outputs, visit);
                if let Some(error) = error {
                    failure(error, visit);
                }
            }
            Event::Decomposed { .. }
            | Event::CandidatesGenerated { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. }
            | Event::NodeQueued { .. }
            | Event::NodeWaiting { .. } => {}
        }
    }

    /// Whether a value in it is or contains a reference to a large value.
    pub fn has_references(&self) -> bool {
        let mut any = false;
        self.each_value(&mut |object| large::in_object(object, &mut |_| any = true));
        any
    }

    /// Visits every object in it that holds a caller's values. Any other value is wrapped in an object under an empty
    /// name.
    pub(crate) fn each_value(&self, see: &mut dyn FnMut(&Object)) {
        let mut option = |object: &Option<Object>| {
            if let Some(object) = object {
                see(object);
            }
        };
        match self {
            Event::NodeStarted { inputs, .. }
            | Event::ApprovalAsked { inputs, .. }
            | Event::ApprovalDecided { inputs, .. }
            | Event::Launched { inputs, .. } => option(inputs),
            Event::AttemptFailed { error, .. } => option(&error.details),
            Event::NodeDelayed { outputs, inputs, .. } => {
                option(inputs);
                see(outputs);
            }
            Event::NodeFinished { outputs, artifacts, error, inputs, .. } => {
                option(outputs);
                option(inputs);
                if let Some(error) = error {
                    option(&error.details);
                }
                artifacts.iter().for_each(|artifact| see(&artifact.0));
            }
            Event::Evaluated { evaluation, .. } => {
                option(&evaluation.details);
                see(&evaluation.extensions);
            }
            Event::RecoveryApplied { action, .. } => see(&action.0),
            Event::Finished { outputs, error, .. } => {
                option(outputs);
                if let Some(error) = error {
                    option(&error.details);
                }
            }
            Event::ChildCreated(child) => {
                see(&child.inputs);
                see(&child.notes);
                if let Some(decision) = &child.binding_decision {
                    see_value(decision, see);
                }
            }
            Event::SubtaskMapped { decision: Some(decision), .. } => see_value(decision, see),
            Event::Started { start, .. } => {
                see(&start.inputs);
                see(&start.notes);
                if let Some(schema) = &start.output_schema {
                    see_value(schema, see);
                }
                if let Some(graph) = &start.graph {
                    see_graph(graph, see);
                }
            }
            Event::Loaded { inputs, content, .. } => {
                option(inputs);
                match content {
                    Content::Graph(graph) => see_graph(graph, see),
                    Content::Items(items) => {
                        see(&items.inputs);
                        items.items.iter().for_each(|item| see_value(item, see));
                        if let Some(graph) = &items.graph {
                            see_graph(graph, see);
                        }
                    }
                    Content::Agent(agent) => agent.tools.iter().for_each(|tool| see(&tool.inputs)),
                }
            }
            Event::SubtaskMapped { decision: None, .. }
            | Event::Decomposed { .. }
            | Event::CandidatesGenerated { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. }
            | Event::NodeQueued { .. }
            | Event::NodeWaiting { .. } => {}
        }
    }
}

fn see_value(value: &Value, see: &mut dyn FnMut(&Object)) {
    match value {
        Value::Object(object) => see(object),
        other => see(&Object::from_iter([(String::new(), other.clone())])),
    }
}

fn see_graph(graph: &Graph, see: &mut dyn FnMut(&Object)) {
    let mut open = vec![graph];
    while let Some(graph) = open.pop() {
        for node in &graph.nodes {
            see(&node.inputs);
            open.extend(node.graph.as_deref());
        }
    }
}

impl Completion {
    fn each_slot(&mut self, visit: Visit<'_>) {
        object(&mut self.outputs, visit);
        self.artifacts.iter_mut().for_each(|artifact| visit(Slot::Object(&mut artifact.0)));
        if let Some(error) = &mut self.error {
            failure(error, visit);
        }
    }
}

impl Plan {
    fn each_slot(&mut self, visit: Visit<'_>) {
        self.steps.iter_mut().for_each(|step| visit(Slot::Object(&mut step.inputs)));
    }
}

impl Outcome {
    fn each_slot(&mut self, visit: Visit<'_>) {
        match self {
            Outcome::Succeeded { outputs } => visit(Slot::Object(outputs)),
            Outcome::Routed(routed) => {
                let Routed { outputs, inputs, .. } = routed.as_mut();
                visit(Slot::Object(outputs));
                object(inputs, visit);
            }
            Outcome::Failed(error) => failure(error, visit),
            Outcome::FailedWith { error, inputs } => {
                failure(error, visit);
                visit(Slot::Object(inputs));
            }
            Outcome::TimedOut => {}
        }
    }
}

impl Command {
    /// Visits every value in it that comes from outside. Reports of other runs are not visited, because they were taken
    /// from a state. Delivered text is not visited either.
    pub fn each_slot(&mut self, visit: Visit<'_>) {
        match self {
            Command::Start(start) => Arc::make_mut(start).each_slot(visit),
            Command::Planned { plan, .. } => plan.each_slot(visit),
            Command::Loaded { inputs, content, .. } => {
                object(inputs, visit);
                content.each_slot(visit);
            }
            Command::Settle { outcome, .. } => outcome.each_slot(visit),
            Command::CreateChildren { children, .. } => children.iter_mut().for_each(|child| child.each_slot(visit)),
            Command::Complete { completion, .. } => completion.each_slot(visit),
            Command::Evaluate { evaluation, recovery, .. } => {
                self::evaluation(evaluation, visit);
                if let Some(action) = recovery {
                    visit(Slot::Object(&mut action.0));
                }
            }
            Command::Launched { inputs, .. } | Command::Decide { inputs, .. } => object(inputs, visit),
            Command::Report { .. }
            | Command::Wake { .. }
            | Command::Deliver { .. }
            | Command::Pause { .. }
            | Command::Resume { .. }
            | Command::Fail { .. }
            | Command::Cancel { .. } => {}
        }
    }
}

impl Effect {
    /// Visits every value in it.
    pub fn each_slot(&mut self, visit: Visit<'_>) {
        match &mut self.request {
            Request::Call { inputs, .. } | Request::Plan { inputs, .. } => visit(Slot::Object(inputs)),
            Request::Load { .. }
            | Request::Run { .. }
            | Request::Stop { .. }
            | Request::Report { .. }
            | Request::Wake => {}
        }
    }
}

impl Node {
    /// Visits every value in it.
    fn each_slot(&mut self, visit: Visit<'_>) {
        self.each_shown_slot(visit);
        if let Some(within) = &mut self.graph {
            graph(within, visit);
        }
        if let Some(within) = &mut self.items {
            items(within, visit);
        }
        if let Some(within) = &mut self.agent {
            agent(within, visit);
        }
    }

    /// Visits every value in it that API responses show, which excludes its graph and items.
    fn each_shown_slot(&mut self, visit: Visit<'_>) {
        object(&mut self.outputs, visit);
        object(&mut self.delayed, visit);
        visit(Slot::Object(Arc::make_mut(&mut self.inputs)));
        visit(Slot::Members(Arc::make_mut(&mut self.notes)));
        value(&mut self.binding_decision, visit);
        self.artifacts.iter_mut().for_each(|artifact| visit(Slot::Object(&mut artifact.0)));
        for error in [&mut self.error, &mut self.attempt_error].into_iter().flatten() {
            failure(error, visit);
        }
        if let Some(evaluation) = &mut self.evaluation {
            self::evaluation(evaluation, visit);
        }
        let recoveries = self.recovery.iter_mut().chain(&mut self.recoveries);
        recoveries.for_each(|action| visit(Slot::Object(&mut action.0)));
    }

    /// Whether a value that API responses show is or contains a reference.
    fn has_references(&self) -> bool {
        let mut any = false;
        let mut see = |object: &Object| large::in_object(object, &mut |_| any = true);
        see(&self.inputs);
        see(&self.notes);
        [&self.outputs, &self.delayed].into_iter().flatten().for_each(&mut see);
        if let Some(decision) = &self.binding_decision {
            see_value(decision, &mut see);
        }
        self.artifacts.iter().for_each(|artifact| see(&artifact.0));
        let errors = [&self.error, &self.attempt_error].into_iter().flatten();
        errors.filter_map(|error| error.details.as_ref()).for_each(&mut see);
        if let Some(evaluation) = &self.evaluation {
            evaluation.details.iter().chain([&evaluation.extensions]).for_each(&mut see);
        }
        self.recovery.iter().chain(&self.recoveries).for_each(|action| see(&action.0));
        any
    }
}

impl State {
    /// Visits every value in it: first those of the run, then those of its node runs in the order of creation.
    pub fn each_slot(&mut self, visit: Visit<'_>) {
        self.own(visit);
        if let Some(start) = &mut self.start {
            Arc::make_mut(start).each_slot(visit);
        }
        for id in &self.order {
            if let Some(node) = self.nodes.get_mut(id) {
                Arc::make_mut(node).each_slot(visit);
            }
        }
    }

    /// Visits every value in it that API responses show, which excludes the graphs and items of node runs. Node runs
    /// without references are skipped.
    pub fn each_shown_slot(&mut self, visit: Visit<'_>) {
        self.own(visit);
        if let Some(start) = &mut self.start {
            let start = Arc::make_mut(start);
            visit(Slot::Object(&mut start.inputs));
            visit(Slot::Members(&mut start.notes));
        }
        for id in &self.order {
            if self.nodes.get(id).is_some_and(|node| node.has_references())
                && let Some(node) = self.nodes.get_mut(id)
            {
                Arc::make_mut(node).each_shown_slot(visit);
            }
        }
    }

    fn own(&mut self, visit: Visit<'_>) {
        object(&mut self.outputs, visit);
        if let Some(error) = &mut self.error {
            failure(error, visit);
        }
    }
}
