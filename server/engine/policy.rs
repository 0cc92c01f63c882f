//! Policies for failures and time: retries, the timeout of one attempt, and what a failed step means for its siblings.
//!
//! An attempt is one execution of a work effect, such as a call or a plan. Attempts of a call are steps, so `max_steps`
//! counts each. The wait before attempt k + 1 is `initial_ms * backoff^(k-1)`, at most `delay_ms_max`, less the jitter.
//! The engine has no randomness. The jitter comes from the id of the effect that ends the wait, which is a hash over
//! run, node run and attempt. The waits of different runs are therefore spread, and the same decision gives the same
//! wait. A failure may request more time ([`RETRY_AFTER_MS`]).
//!
//! An absent field is that of the node type, or else the default: one attempt, no timeout, and `Fail`. `attempts`
//! handles failures, and `standing` what they mean for siblings.

use std::collections::BTreeSet;

use crate::event::Failure;
pub use crate::record::policy::{ATTEMPTS_MAX, BACKOFF_MAX, OnFailure, Policy, Retry, WAIT_MS_MAX};
use crate::{EffectId, NodeKind, NodeType};

/// The member of a failure's details that requests a minimum wait before the next attempt, milliseconds. `delay_ms_max`
/// limits it.
pub const RETRY_AFTER_MS: &str = "retry_after_ms";

/// Why a policy is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The field: `retry`, `timeout_ms` or `on_failure`.
    pub field: &'static str,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl Policy {
    /// The effective retry policy: the requested one, or that of the node type.
    pub fn retry<'a>(&'a self, node_type: &'a NodeType) -> Option<&'a Retry> {
        self.retry.as_ref().or(node_type.retry.as_ref())
    }

    /// Fills the defaults from the policy for all steps. Steps without an effect get no retries and no timeout.
    pub(crate) fn or_for_all(self, all: &Policy, kind: NodeKind) -> Policy {
        let tried = is_tried(kind);
        Policy {
            retry: self.retry.or_else(|| all.retry.clone().filter(|_| tried)),
            timeout_ms: self.timeout_ms.or_else(|| all.timeout_ms.filter(|_| tried)),
            on_failure: if self.on_failure.is_fail() { all.on_failure.clone() } else { self.on_failure },
        }
    }

    /// The effective timeout of one attempt: the requested one, or that of the node type. Milliseconds.
    pub fn timeout_ms(&self, node_type: &NodeType) -> Option<u64> {
        self.timeout_ms.or(node_type.timeout_ms)
    }
}

/// Checks a policy that applies to all steps, of any kind.
pub(crate) fn check_for_all(policy: &Policy) -> Result<(), Invalid> {
    let named = |found: Invalid| Invalid { field: "steps", reason: format!("{}: {}", found.field, found.reason) };
    if let Some(retry) = &policy.retry {
        retry.check().map_err(named)?;
    }
    if let Some(timeout_ms) = policy.timeout_ms {
        check_timeout(timeout_ms).map_err(named)?;
    }
    match policy.on_failure {
        OnFailure::Fail | OnFailure::Continue => Ok(()),
        OnFailure::GoTo(_) => wrong("steps", "on_failure: one step cannot be the fallback of all; use `continue`"),
    }
}

/// Checks a policy together with the defaults of the node type. The parent checks the fallback.
pub(crate) fn check(policy: &Policy, node_type: &NodeType) -> Result<(), Invalid> {
    let tried = is_tried(node_type.kind);
    if let Some(retry) = policy.retry(node_type) {
        if !tried {
            return wrong(
                "retry",
                "only what the server performs is tried again; a sleep, a question and an external composite cannot be",
            );
        }
        retry.check()?;
    }
    if let Some(timeout_ms) = policy.timeout_ms(node_type) {
        if !tried {
            return wrong("timeout_ms", "only what the server performs has tries; use the constraint max_wall_time_ms");
        }
        check_timeout(timeout_ms)?;
    }
    Ok(())
}

fn check_timeout(timeout_ms: u64) -> Result<(), Invalid> {
    if (1..=WAIT_MS_MAX).contains(&timeout_ms) {
        return Ok(());
    }
    wrong("timeout_ms", format!("it is {timeout_ms}; a try takes 1 to {WAIT_MS_MAX} ms (366 days)"))
}

/// Whether node runs of this kind have a work effect, which can be retried: a call, a run, a plan, or loading a graph
/// or a list. The end of children is never retried.
pub(crate) const fn is_tried(kind: NodeKind) -> bool {
    kind.facts().work.is_some()
}

impl Retry {
    /// Whether another attempt follows a failure of this one (from 1).
    pub(crate) fn covers(&self, attempt: u32, failure: &Failure) -> bool {
        let retryable = match &self.codes {
            Some(codes) => codes.contains(failure.code.as_str()),
            None => failure.retryable != Some(false),
        };
        attempt < self.attempts_max && retryable
    }

    /// The wait after this attempt (from 1) and its failure, milliseconds. `ends` is the effect that ends the wait.
    pub(crate) fn delay_ms(&self, attempt: u32, failure: &Failure, ends: EffectId) -> u64 {
        let asked_ms = failure.details.as_ref().and_then(|details| details.get(RETRY_AFTER_MS)?.as_u64()).unwrap_or(0);
        let most_ms = self.delay_ms_max.unwrap_or(WAIT_MS_MAX).min(WAIT_MS_MAX);
        self.planned_ms(attempt, ends).max(asked_ms.min(most_ms))
    }

    /// The wait according to the policy.
    fn planned_ms(&self, attempt: u32, ends: EffectId) -> u64 {
        let most = self.delay_ms_max.unwrap_or(WAIT_MS_MAX).min(WAIT_MS_MAX) as f64;
        let mut delay = self.initial_ms as f64;
        for _ in 1..attempt {
            // Repeated multiplication gives the same number on every machine.
            delay = (delay * self.backoff).min(most);
        }
        let kept = 1.0 - self.jitter * fraction(ends);
        // At most 366 days, so the value is exact to the millisecond.
        (delay.min(most) * kept).round() as u64
    }

    fn check(&self) -> Result<(), Invalid> {
        let Retry { attempts_max, initial_ms, backoff, delay_ms_max, jitter, codes } = self;
        if !(1..=ATTEMPTS_MAX).contains(attempts_max) {
            return wrong("retry", format!("{attempts_max} tries were asked for; there may be 1 to {ATTEMPTS_MAX}"));
        }
        if *initial_ms > WAIT_MS_MAX || delay_ms_max.is_some_and(|most| most > WAIT_MS_MAX) {
            return wrong("retry", format!("a wait is at most {WAIT_MS_MAX} ms (366 days)"));
        }
        if !(1.0..=BACKOFF_MAX).contains(backoff) {
            return wrong("retry", format!("the backoff is {backoff}; it may be 1 to {BACKOFF_MAX}"));
        }
        if !(0.0..=1.0).contains(jitter) {
            return wrong("retry", format!("the jitter is {jitter}; it may be 0 to 1"));
        }
        if codes.as_ref().is_some_and(BTreeSet::is_empty) {
            return wrong(
                "retry",
                "the list of codes is empty, so nothing would be tried again; name some, or leave it out",
            );
        }
        Ok(())
    }
}

fn wrong<T>(field: &'static str, reason: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid { field, reason: reason.into() })
}

/// A pseudorandom number from 0 to below 1: the last 48 bits of an id, which ends in a hash.
fn fraction(id: EffectId) -> f64 {
    let bits = id.uuid().as_u128() & ((1 << 48) - 1);
    // 48 bits fit a float exactly.
    bits as f64 / (1_u64 << 48) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FailureCode, NodeRunId, RunId};

    fn retry(backoff: f64, jitter: f64) -> Retry {
        Retry { attempts_max: 9, initial_ms: 100, backoff, delay_ms_max: Some(1000), jitter, codes: None }
    }

    fn ends(attempt: u32) -> EffectId {
        let run = RunId::from_uuid(uuid::Uuid::from_u128(7));
        EffectId::of(run, NodeRunId::root(run), "retry", attempt)
    }

    #[test]
    fn each_wait_is_longer_than_the_one_before_up_to_the_longest() {
        let waits: Vec<u64> = (1..=6).map(|attempt| retry(2.0, 0.0).planned_ms(attempt, ends(attempt))).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        let level: Vec<u64> = (1..=3).map(|attempt| retry(1.0, 0.0).planned_ms(attempt, ends(attempt))).collect();
        assert_eq!(level, [100, 100, 100]);
    }

    #[test]
    fn the_steepest_backoff_ends_at_the_longest_wait() {
        let steep = Retry { delay_ms_max: None, ..retry(BACKOFF_MAX, 0.0) };
        assert_eq!(steep.planned_ms(ATTEMPTS_MAX, ends(1)), WAIT_MS_MAX);
        let at_once = Retry { initial_ms: 0, ..retry(2.0, 0.5) };
        assert_eq!(at_once.planned_ms(5, ends(5)), 0);
    }

    #[test]
    fn jitter_shortens_a_wait_within_its_part_and_is_the_same_for_the_same_effect() {
        let waits: Vec<u64> = (1..=200).map(|attempt| retry(1.0, 0.25).planned_ms(attempt, ends(attempt))).collect();
        assert!(waits.iter().all(|wait| (75..=100).contains(wait)), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait < 80) && waits.iter().any(|wait| *wait > 95), "{waits:?}");
        let again: Vec<u64> = (1..=200).map(|attempt| retry(1.0, 0.25).planned_ms(attempt, ends(attempt))).collect();
        assert_eq!(waits, again);
    }

    #[test]
    fn a_failure_that_asks_for_time_gets_it_as_far_as_the_policy_lets_it() {
        let asks = |wait: serde_json::Value| Failure {
            code: FailureCode::HttpStatus.into(),
            message: String::new(),
            details: Some(crate::Object::from_iter([(RETRY_AFTER_MS.to_owned(), wait)])),
            retryable: Some(true),
        };
        let wait = |retry: &Retry, asked: serde_json::Value| retry.delay_ms(1, &asks(asked), ends(1));
        assert_eq!(wait(&retry(2.0, 0.0), 700.into()), 700);
        assert_eq!(wait(&retry(2.0, 0.0), 7.into()), 100, "not shorter than planned");
        assert_eq!(wait(&retry(2.0, 0.0), 70_000.into()), 1000, "the policy's longest");
        let unbounded = Retry { delay_ms_max: None, ..retry(2.0, 0.0) };
        assert_eq!(wait(&unbounded, u64::MAX.into()), WAIT_MS_MAX);
        assert_eq!(wait(&unbounded, "soon".into()), 100, "what is no number asks for nothing");
    }
}
