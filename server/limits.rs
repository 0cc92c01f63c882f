//! Every bound on what callers, services and scripts send, in one table: name, setting, default, error code.
//!
//! A bound is a field of [`Limits`], a setting `limits.<name>` and a row of [`TABLE`], all three from one line of the macro below.
//! Each reader of what comes from outside is handed a [`Limits`] and names the row's code when it refuses. `docs/reference/limits.md` shows
//! the table.
//!
//! Bounds of one run that an API can set (constraints) are the engine's; what one call may take is `egress.*`.

use serde::{Deserialize, Serialize};

/// One bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The name, which is the field's.
    pub name: &'static str,
    /// The setting: `limits.<name>`.
    pub setting: &'static str,
    /// What it bounds, with the unit.
    pub about: &'static str,
    /// The default as it would stand in the file.
    pub written: &'static str,
    /// Smallest and largest value.
    pub allowed: (u64, u64),
    /// The error code past it: of the answer to a request, or of the failure of a run. Empty where nothing is refused, only split or delayed.
    pub code: &'static str,
}

macro_rules! limits {
    ($($name:ident = $default:literal, $min:literal..=$max:literal, $code:literal, $about:literal;)*) => {
        /// The bounds in force. Field names are the keys of `[limits]`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits {
            $(#[doc = $about] pub $name: u64,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Limits { $($name: $default,)* }
            }
        }

        /// Every bound, in the order in which they are shown.
        pub const TABLE: &[Limit] = &[
            $(Limit {
                name: stringify!($name),
                setting: concat!("limits.", stringify!($name)),
                about: $about,
                written: stringify!($default),
                allowed: ($min, $max),
                code: $code,
            },)*
        ];
    };
}

limits! {
    depth = 64, 8..=100, "value_too_deep",
        "Nesting levels of any JSON value that is sent, answered, computed or planned.";
    live_runs = 100_000, 1..=10_000_000, "too_many_live_runs",
        "Runs of one tenant that have not ended.";
    starts_in_flight = 512, 1..=100_000, "too_many_starts",
        "Starts of one tenant that are being answered at a time.";
    run_descendants = 10_000, 1..=10_000_000, "too_many_descendants",
        "Descendants of one run: runs that it started, directly or through others.";
    effects_in_flight = 48, 1..=100_000, "",
        "Effects (calls, plans, scripts) of one tenant that are performed at a time; at most three quarters of `workers`.";
    bodies_bytes = 67_108_864, 1_048_576..=17_179_869_184, "unavailable",
        "Bytes of all request bodies that are not complete yet, beyond 16 KiB of each.";
    body_ms = 30_000, 100..=600_000, "body_slow",
        "Milliseconds within which a request body must be complete.";
    answer_bytes = 1_048_576, 65_536..=268_435_456, "",
        "Bytes of the entries of one page of a list; the page ends early and its cursor goes on.";
    answers_bytes = 67_108_864, 1_048_576..=17_179_869_184, "unavailable",
        "Bytes of all answers that clients have not read yet; answers up to 16 KiB do not count.";
    answer_wait_ms = 5_000, 0..=60_000, "unavailable",
        "Milliseconds that a request may wait for its share of limits.answers_bytes.";
    requests = 4_096, 1..=1_000_000, "unavailable",
        "Requests of one API that are answered at the same time.";
    connections = 65_536, 16..=1_000_000, "unavailable",
        "Connections over all listeners; never more than the limit on open files of the process allows. At the bound the connection that was idle longest is closed.";
    connections_per_peer = 16_384, 1..=1_000_000, "unavailable",
        "Connections of one IPv4 address or IPv6 network of 64 bits, at most seven eighths of all. Trusted proxies have no such bound.";
    idle_ms = 75_000, 100..=86_400_000, "",
        "Milliseconds that a connection may stay open without a request.";
    header_ms = 15_000, 100..=600_000, "",
        "Milliseconds within which the head of a request must be complete.";
    unread_ms = 30_000, 100..=3_600_000, "",
        "Milliseconds that a client may leave sent data unread before its connection is closed.";
    // Planning.
    goal_bytes = 100_000, 1_000..=1_000_000, "goal_too_long", "Bytes of a goal.";
    goal_words = 10_000, 100..=100_000, "goal_too_long", "Words of a goal; a quoted text is one word.";
    plan_steps = 64, 1..=1_000, "goal_too_long", "Steps of a plan that is made from a goal.";
    // Work off the runtime: schemas, graphs, expressions, plans.
    schema_work = 20_000_000, 1_000..=1_000_000_000, "validation_too_expensive",
        "Steps of one check of a value against a JSON Schema: schemas times values, and their texts.";
    schema_count = 10_000, 1..=1_000_000, "invalid_request", "Schemas in one JSON Schema.";
    compute_ms = 10_000, 100..=600_000, "validation_too_expensive",
        "Milliseconds that reading a graph, checking a value or planning may take.";
    compute_threads = 2, 1..=256, "", "Threads for such work, plus one that serves the other tenants.";
    compute_queue = 256, 1..=100_000, "store_busy", "Pieces of such work of one tenant that may wait for a thread.";
    expansion_bytes = 16_777_216, 65_536..=1_073_741_824, "expansion_too_large",
        "Bytes of a graph or a result after its references are expanded.";
    expression_ms = 1_000, 10..=60_000, "expression_timed_out",
        "Milliseconds of processor time that all expressions of one configuration may take together; by the clock, eight times as long.";
    expression_memory_bytes = 67_108_864, 4_194_304..=1_073_741_824, "expression_out_of_memory",
        "Bytes of memory that all expressions of one configuration may take together.";
    expression_value_chars = 4_194_304, 1_024..=67_108_864, "expression_failed",
        "Characters that all values of one configuration may have together.";
    // Large values, and what a run may write.
    value_inline_bytes = 65_536, 1_024..=1_048_576, "",
        "Bytes of a value as compact JSON; a larger one is stored once, beside the log, under its hash.";
    value_shown_bytes = 4_194_304, 0..=1_073_741_824, "",
        "Bytes of large values that one answer or event shows in place; past it a placeholder has digest, size and link.";
    value_read_bytes = 67_108_864, 1_048_576..=1_073_741_824, "values_too_large",
        "Bytes of large values that one step, or one decision about a run, may read.";
    run_bytes = 268_435_456, 1_048_576..=1_099_511_627_776, "run_too_large",
        "Bytes that a run may write: its events, and each of its large values once.";
    run_held_bytes = 67_108_864, 1_048_576..=1_099_511_627_776, "run_too_large",
        "Bytes that a run's events may hold in memory, large values apart.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{Code, FailureCode};

    #[test]
    fn every_code_is_one_of_an_answer_or_of_a_failed_run() {
        for code in TABLE.iter().map(|limit| limit.code).filter(|code| !code.is_empty()) {
            assert!(Code::parse(code).is_some() || FailureCode::parse(code).is_some(), "{code}");
        }
    }

    #[test]
    fn every_default_is_allowed() {
        for limit in TABLE {
            let default: u64 = limit.written.replace("_", "").parse().unwrap();
            assert!((limit.allowed.0..=limit.allowed.1).contains(&default), "{}", limit.setting);
        }
    }
}
