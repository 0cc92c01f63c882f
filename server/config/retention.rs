//! `[retention]`: how long what has ended is kept.

use serde::{Deserialize, Serialize};

use crate::store::Status;

/// What is kept, and for how long. By default everything, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// How long a run is kept after its end, seconds. Absent: for ever.
    pub max_age_seconds: Option<u64>,
    /// The same for runs that failed. Absent: as all.
    pub failed_max_age_seconds: Option<u64>,
    /// How many runs that have ended are kept of a tenant, the newest. Absent: all.
    pub max_runs: Option<u64>,
    /// How long an idempotency key keeps its run from being removed, seconds after it was used. Default a day.
    pub keys_seconds: u64,
    /// How often to look, seconds. Default 60.
    pub interval_seconds: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            max_age_seconds: None,
            failed_max_age_seconds: None,
            max_runs: None,
            keys_seconds: 86_400,
            interval_seconds: 60,
        }
    }
}

impl Retention {
    /// Whether anything is ever removed.
    pub fn removes(&self) -> bool {
        self.max_age_seconds.or(self.failed_max_age_seconds).or(self.max_runs).is_some()
    }

    /// How long after its end a run in this state is kept, milliseconds. Absent: for ever.
    pub fn max_age_ms(&self, status: Status) -> Option<i64> {
        let own = if status == Status::Failed { self.failed_max_age_seconds } else { None };
        own.or(self.max_age_seconds).map(milliseconds)
    }

    /// Whether a run that was created then could have ended so long ago that it is not kept.
    pub fn could_be_old(&self, now_ms: i64, created_at_ms: i64) -> bool {
        let shortest = self.max_age_seconds.into_iter().chain(self.failed_max_age_seconds).min();
        shortest.is_some_and(|seconds| created_at_ms <= now_ms.saturating_sub(milliseconds(seconds)))
    }
}

fn milliseconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000)
}
