//! The size of goals and plans: the caller's limits, the run's constraints and the server's limits.

use runyard_engine::Constraints;
use runyard_engine::event::Failure;

use super::{failure, words};
use crate::limits::Limits;
use crate::nodes::planner::PlannerInputs;

/// The size of goals and plans on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Bytes of a goal.
    goal_bytes: u64,
    /// Words of a goal. Planning time grows faster than their number.
    goal_words: u64,
    /// Steps of a plan.
    pub(super) steps: u64,
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Bounds { goal_bytes: limits.goal_bytes, goal_words: limits.goal_words, steps: limits.plan_steps }
    }
}

impl Bounds {
    /// Refuses a goal that is too long.
    pub(super) fn check_goal(&self, goal: &str) -> Result<(), Failure> {
        if goal.len() as u64 > self.goal_bytes {
            return Err(failure::goal_too_long("bytes", goal.len() as u64, self.goal_bytes));
        }
        let words = words::read(goal).len() as u64;
        if words > self.goal_words {
            return Err(failure::goal_too_long("words", words, self.goal_words));
        }
        Ok(())
    }
}

/// Refuses to plan if no step could run.
pub(super) fn check_depth(inputs: &PlannerInputs, constraints: &Constraints) -> Result<(), Failure> {
    let depth = inputs.depth.unwrap_or(0);
    if inputs.max_depth.is_some_and(|limit| depth >= limit) {
        return Err(failure::constraint("max_depth", inputs.max_depth.unwrap_or(0), depth.saturating_add(1)));
    }
    match constraints.structural.max_depth {
        Some(0) => Err(failure::constraint("max_depth", 0, 1)),
        _ => Ok(()),
    }
}

/// Refuses a plan with more steps than any limit allows.
pub(super) fn check_steps(
    steps: u64,
    bounds: &Bounds,
    inputs: &PlannerInputs,
    constraints: &Constraints,
) -> Result<(), Failure> {
    let structural = &constraints.structural;
    if steps > bounds.steps {
        return Err(failure::goal_too_many_steps(steps, bounds.steps));
    }
    let limits = [
        ("max_steps", inputs.max_steps, steps),
        ("max_steps", constraints.budgets.max_steps, steps),
        ("max_children_per_composite", structural.max_children_per_composite, steps),
        // The composite itself counts too.
        ("max_total_nodes_per_run", structural.max_total_nodes_per_run, steps.saturating_add(1)),
    ];
    let broken = limits
        .into_iter()
        .find_map(|(name, limit, needed)| Some((name, limit?, needed)).filter(|(_, limit, needed)| needed > limit));
    match broken {
        Some((name, limit, needed)) => Err(failure::constraint(name, limit, needed)),
        None => Ok(()),
    }
}
