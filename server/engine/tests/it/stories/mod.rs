//! Scenarios, one file per topic. Each ends with a golden transcript or with assertions on the state.

mod agents;
mod approvals;
mod atomic;
mod budgets;
mod cancels;
mod children;
mod each;
mod external;
mod failures;
mod graphs;
mod limits;
mod nested;
mod pauses;
mod plans;
mod questions;
mod results;
mod retries;
mod starts;
mod sub_runs;
