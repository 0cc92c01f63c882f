//! Plans a goal: with an agent where the tenant has a model, else by rules.
//!
//! The plan of an agent has one step, `S1`, which is `runyard.agent` with the goal as its task and the node types of the
//! tenant as its tools. The plan's result is the agent's. Constraints that an agent cannot keep leave the goal to the
//! rules: node types that are not allowed, a depth of less than two below the plan, no external calls, or a limit of
//! costs.

use std::sync::Arc;

use async_trait::async_trait;
use runyard_engine::event::Failure;
use runyard_engine::plan::{Candidate, CandidateSet, Source, Step};
use runyard_engine::{Constraints, FailureCode, NodeType, NodeTypeRef, Object, Plan, Policy};
use serde_json::Value;

use super::lexical::LexicalPlanner;
use super::{PlanRequest, Planner};
use crate::nodes::agent::{self, AgentInputs, AgentLimits, EarlierMessage, EarlierRole, ToolSearch, WrittenTool};
use crate::nodes::catalog::Catalog;
use crate::nodes::models::chat;
use crate::nodes::planner::PlannerInputs;

/// The most node types that an agent gets all of. Of more, it gets those that the goal's words find.
const TOOLS_MAX: usize = 64;
/// The levels below the plan that an agent needs: the agent, and its turns.
const LEVELS: u64 = 2;
/// The key of the only step.
const STEP: &str = "S1";
/// What the model gets before the goal.
const INSTRUCTIONS: &str = "Carry out the task with the tools. Take facts from their results and never invent one. If a tool fails, \
     try another way, or say what is missing. When the task is done, answer with its result alone.";

/// Plans goals for one catalogue.
#[derive(Clone)]
pub struct GoalPlanner {
    rules: LexicalPlanner,
    /// The node types of the agent and of its turns, if there is a model.
    agent: Option<Arc<[NodeType; 2]>>,
}

impl GoalPlanner {
    /// Uses an agent where the catalogue has one.
    pub fn new(rules: LexicalPlanner, catalog: &Catalog) -> Self {
        let latest = |id: &str| catalog.resolve(&NodeTypeRef { id: id.to_owned(), version: "latest".to_owned() }).ok();
        let agent = latest(agent::ID).zip(latest(chat::ID)).map(|(agent, turn)| Arc::new([agent, turn]));
        GoalPlanner { rules, agent }
    }

    /// Never uses an agent.
    pub fn by_rules(rules: LexicalPlanner) -> Self {
        GoalPlanner { rules, agent: None }
    }

    /// The plan of an agent, unless the goal is left to the rules.
    fn of_agent(&self, request: &PlanRequest) -> Result<Option<Plan>, Failure> {
        let Some(node_types) = &self.agent else { return Ok(None) };
        let inputs: PlannerInputs = self.rules.read(request)?;
        let Some(goal) = goal(&inputs).filter(|_| fits(node_types, &inputs, &request.constraints)) else {
            return Ok(None);
        };
        self.rules.check_goal(goal)?;
        let count = agent::offered(self.rules.catalog()).count();
        let tool = if count <= TOOLS_MAX {
            WrittenTool::Pattern("*".to_owned())
        } else {
            let (search, limit) = (goal.to_owned(), Some(TOOLS_MAX));
            WrittenTool::Search(ToolSearch { search, limit, needs_approval: false })
        };
        let given = AgentInputs {
            prompt: prompt(goal, inputs.context.as_deref()),
            instructions: Some(INSTRUCTIONS.to_owned()),
            messages: request.earlier.iter().map(earlier).collect(),
            tools: vec![tool],
            output_schema: request.output_schema.clone(),
            limits: AgentLimits {
                max_turns: inputs
                    .max_steps
                    .and_then(|steps| u32::try_from(steps.saturating_add(1)).ok())
                    .unwrap_or(u32::MAX)
                    .min(AgentLimits::default().max_turns),
                ..AgentLimits::default()
            },
            ..AgentInputs::default()
        };
        plan(goal, &node_types[0], &given).map(Some)
    }
}

#[async_trait]
impl Planner for GoalPlanner {
    async fn plan(&self, request: PlanRequest) -> Result<Plan, Failure> {
        match self.of_agent(&request)? {
            Some(plan) => Ok(plan),
            None => self.rules.plan(request).await,
        }
    }
}

fn goal(inputs: &PlannerInputs) -> Option<&str> {
    let texts = [inputs.goal.as_deref(), inputs.prompt.as_deref()];
    texts.into_iter().flatten().map(str::trim).find(|text| !text.is_empty())
}

/// Whether an agent can keep the constraints.
fn fits(node_types: &[NodeType; 2], inputs: &PlannerInputs, constraints: &Constraints) -> bool {
    let depth = inputs.depth.unwrap_or_default().saturating_add(LEVELS);
    let deep = |limit: Option<u64>| limit.is_none_or(|limit| limit >= depth);
    node_types.iter().all(|node_type| constraints.allows(node_type))
        && deep(inputs.max_depth)
        && deep(constraints.structural.max_depth)
        && constraints.budgets.max_external_calls != Some(0)
        && constraints.budgets.max_cost.is_none()
}

fn prompt(goal: &str, context: Option<&str>) -> String {
    match context.map(str::trim).filter(|context| !matches!(*context, "" | "{}" | "null")) {
        Some(context) => format!("{goal}\n\nValues that the task may name, as JSON:\n{context}"),
        None => goal.to_owned(),
    }
}

/// An earlier answer of the thread. What was asked is not known here.
fn earlier(answer: &crate::runs::answer::Answer) -> EarlierMessage {
    let text = match &answer.value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    EarlierMessage { role: EarlierRole::User, text: format!("The result of an earlier task:\n{text}") }
}

fn plan(goal: &str, agent: &NodeType, given: &AgentInputs) -> Result<Plan, Failure> {
    let inputs: Object = match serde_json::to_value(given) {
        Ok(Value::Object(inputs)) => inputs,
        _ => return Err(Failure::new(FailureCode::InternalError, "the agent's inputs are no JSON object")),
    };
    let rationale = "a model is configured, so that it works on the goal".to_owned();
    let candidate = Candidate {
        node_type: NodeTypeRef { id: agent.id.clone(), version: agent.version.clone() },
        score: 1.0,
        rationale: Some(rationale.clone()),
    };
    let step = Step {
        id: STEP.to_owned(),
        goal: goal.to_owned(),
        candidates: CandidateSet { id: format!("candidates_{STEP}"), candidates: vec![candidate] },
        node_type: agent.clone(),
        rationale: Some(rationale),
        inputs,
        bindings: Vec::new(),
        depends_on: Vec::new(),
        policy: Policy::default(),
    };
    Ok(Plan {
        summary: "a model works on the goal with tools".to_owned(),
        steps: vec![step],
        result: Some(Source { step: STEP.to_owned(), pointer: "/result".to_owned() }.into()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::egress::Egress;
    use crate::config::models::parse;
    use crate::nodes::models::{Models, Targets};
    use crate::nodes::perform::http::{Http, Outside};
    use crate::nodes::{Provider, Providers};

    fn planner() -> GoalPlanner {
        let models = parse(&json!([{ "name": "a", "api": "openai", "model": "m" }])).unwrap();
        let outside = Arc::new(Outside::new(&Egress::default()).unwrap());
        let models = Models::new(Targets::open(&models, |_| None).unwrap(), None, outside);
        let models: Arc<dyn Provider> = Arc::new(models);
        let catalog = Providers::builtin_and(Http::default(), [models]).catalog("default");
        GoalPlanner::new(LexicalPlanner::new(catalog.clone()), &catalog)
    }

    fn request(inputs: Value, constraints: Value) -> PlanRequest {
        let asked = NodeTypeRef { id: crate::nodes::planner::ID.to_owned(), version: "1".to_owned() };
        PlanRequest {
            node_type: Catalog::builtin().resolve(&asked).unwrap(),
            inputs: inputs.as_object().unwrap().clone(),
            constraints: serde_json::from_value(constraints).unwrap(),
            earlier: Vec::new(),
            output_schema: None,
            tenant: "default".to_owned(),
        }
    }

    async fn first_step(inputs: Value, constraints: Value) -> String {
        planner().plan(request(inputs, constraints)).await.unwrap().steps[0].node_type.id.clone()
    }

    #[tokio::test]
    async fn a_goal_is_worked_on_by_an_agent_that_has_the_context() {
        let plan =
            planner().plan(request(json!({ "goal": "do it", "context": "{\"n\":1}" }), json!({}))).await.unwrap();
        let step = &plan.steps[0];
        assert_eq!(step.node_type.id, agent::ID);
        let prompt = step.inputs["prompt"].as_str().unwrap();
        assert!(prompt.starts_with("do it") && prompt.ends_with("{\"n\":1}"), "{prompt}");
        assert_eq!(step.inputs["tools"], json!(["*"]));
    }

    #[tokio::test]
    async fn constraints_that_an_agent_cannot_keep_leave_the_goal_to_the_rules() {
        let goal = json!({ "goal": "generate a UUID" });
        for constraints in [
            json!({ "candidates": { "allowed_node_type_ids": ["runyard.core.uuid4"] } }),
            json!({ "candidates": { "denied_node_type_ids": ["runyard.agent"] } }),
            json!({ "structural": { "max_depth": 1 } }),
            json!({ "budgets": { "max_external_calls": 0 } }),
            json!({ "budgets": { "max_cost": 1.0 } }),
        ] {
            assert_eq!(first_step(goal.clone(), constraints.clone()).await, "runyard.core.uuid4", "{constraints}");
        }
        let shallow = json!({ "goal": "generate a UUID", "max_depth": 3, "depth": 2 });
        assert_eq!(first_step(shallow, json!({})).await, "runyard.core.uuid4");
        assert_eq!(first_step(goal, json!({ "structural": { "max_depth": 2 } })).await, agent::ID);
    }
}
