//! Stories, one file per topic; each ends in a golden transcript or in what a reader would look at.

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
