//! Policies for failures and time, as requested. Their meaning is in `policy.rs` of the engine.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The most attempts.
pub const ATTEMPTS_MAX: u32 = 100;
/// The longest wait between two attempts, and the longest timeout of one: 366 days, as for a sleep.
pub const WAIT_MS_MAX: u64 = 366 * 24 * 60 * 60 * 1000;
/// The largest backoff factor.
pub const BACKOFF_MAX: f64 = 1000.0;

/// The policy for failures and time of one node run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// The retry policy. If absent, that of the node type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// The timeout of one attempt, milliseconds. If absent, that of the node type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What its failure means for its siblings.
    #[serde(skip_serializing_if = "OnFailure::is_fail")]
    pub on_failure: OnFailure,
}

/// A retry policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// The most attempts, the first included: 1 to [`ATTEMPTS_MAX`].
    pub attempts_max: u32,
    /// The wait before the second attempt, milliseconds, at most [`WAIT_MS_MAX`].
    pub initial_ms: u64,
    /// The factor between one wait and the next: 1 to [`BACKOFF_MAX`].
    pub backoff: f64,
    /// The longest wait, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms_max: Option<u64>,
    /// The largest fraction by which a wait may be shortened, from 0 (none) to 1 (all).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub jitter: f64,
    /// Retry only failures with these codes. If absent, every failure that is not marked as not retryable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes: Option<BTreeSet<String>>,
}

/// What a step's failure means for its siblings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Its dependants cannot begin, and a plan fails with it.
    #[default]
    Fail,
    /// The failure is ignored: its dependants begin, with null in place of its outputs.
    Continue,
    /// The sibling with this key is the fallback: it runs, and its end counts instead. It is skipped if it is not
    /// needed.
    GoTo(String),
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl OnFailure {
    pub(crate) fn is_fail(&self) -> bool {
        *self == OnFailure::Fail
    }
}

impl Policy {
    /// Whether all fields are defaults.
    pub fn is_empty(&self) -> bool {
        *self == Policy::default()
    }
}
