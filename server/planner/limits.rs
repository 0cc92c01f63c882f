//! How large a goal and a plan may be: the caller's limits, the run's constraints and our own.

use runyard_engine::Constraints;
use runyard_engine::event::Failure;

use super::failure;
use crate::catalog::composite::PlannerInputs;

/// The most steps of any plan.
pub const STEPS_MAX: u64 = 64;

/// The longest goal that is read, in bytes of UTF-8.
pub const GOAL_BYTES_MAX: usize = 100_000;

/// Refuses to plan where no step could run.
pub(super) fn check_depth(inputs: &PlannerInputs, constraints: &Constraints) -> Result<(), Failure> {
    let depth = inputs.depth.unwrap_or(0);
    if inputs.max_depth.is_some_and(|limit| depth >= limit) {
        return Err(failure::constraint("max_depth", inputs.max_depth.unwrap_or(0), depth.saturating_add(1)));
    }
    match constraints.structural.max_depth {
        Some(0) => Err(failure::constraint("constraints.structural.max_depth", 0, 1)),
        _ => Ok(()),
    }
}

/// Refuses a plan with more steps than any limit allows.
pub(super) fn check_steps(steps: u64, inputs: &PlannerInputs, constraints: &Constraints) -> Result<(), Failure> {
    let structural = &constraints.structural;
    let limits = [
        ("max_steps", inputs.max_steps),
        ("constraints.budgets.max_steps", constraints.budgets.max_steps),
        ("constraints.structural.max_children_per_composite", structural.max_children_per_composite),
        // The composite itself is one of them.
        (
            "constraints.structural.max_total_nodes_per_run",
            structural.max_total_nodes_per_run.map(|total| total.saturating_sub(1)),
        ),
        ("the planner's own limit", Some(STEPS_MAX)),
    ];
    let broken = limits.into_iter().find(|(_, limit)| limit.is_some_and(|limit| steps > limit));
    match broken {
        Some((name, limit)) => Err(failure::constraint(name, limit.unwrap_or(0), steps)),
        None => Ok(()),
    }
}
