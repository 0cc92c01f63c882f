//! `[retention]`: how long ended runs are stored.

use serde::{Deserialize, Serialize};

use crate::store::Status;

/// Which runs are stored, and how long. By default all, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// How long a run is stored after its end, seconds. Absent: for ever.
    pub max_age_seconds: Option<u64>,
    /// The same for failed runs. Absent: as all.
    pub failed_max_age_seconds: Option<u64>,
    /// How many ended runs of a tenant are stored, the newest. Absent: all.
    pub max_runs: Option<u64>,
    /// How long an idempotency key prevents the removal of its run, seconds after it was used. Default a day.
    pub keys_seconds: u64,
    /// The interval of removals, seconds. Default 60.
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

    /// How long after its end a run in this state is stored, milliseconds. Absent: for ever.
    pub fn max_age_ms(&self, status: Status) -> Option<i64> {
        let own = if status == Status::Failed { self.failed_max_age_seconds } else { None };
        own.or(self.max_age_seconds).map(milliseconds)
    }

    /// Whether a run that was created then could have ended so long ago that it has to be removed.
    pub fn could_be_old(&self, now_ms: i64, created_at_ms: i64) -> bool {
        let shortest = self.max_age_seconds.into_iter().chain(self.failed_max_age_seconds).min();
        shortest.is_some_and(|seconds| created_at_ms <= now_ms.saturating_sub(milliseconds(seconds)))
    }
}

fn milliseconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000)
}
