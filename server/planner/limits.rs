//! How large a goal and a plan may be: the caller's limits, the run's constraints and our own.

use runyard_engine::Constraints;
use runyard_engine::event::Failure;

use super::{failure, words};
use crate::limits::Limits;
use crate::nodes::planner::PlannerInputs;

/// How large goals and plans may be on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Bytes of a goal.
    goal_bytes: u64,
    /// Words of a goal. Planning takes longer than in proportion to them.
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
    /// Refuses a goal that is too long to be read.
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

/// Refuses to plan where no step could run.
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
        // The composite itself is one of them.
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
