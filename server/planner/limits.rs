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
        Some(0) => Err(failure::constraint("max_depth", 0, 1)),
        _ => Ok(()),
    }
}

/// Refuses a plan with more steps than any limit allows.
pub(super) fn check_steps(steps: u64, inputs: &PlannerInputs, constraints: &Constraints) -> Result<(), Failure> {
    let structural = &constraints.structural;
    if steps > STEPS_MAX {
        return Err(failure::goal_too_many_steps(steps, STEPS_MAX));
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
