//! Checkpoints: projections of a run up to a position, so that a connect does not read the log from its start.
//!
//! A checkpoint is a copy of a projection after some position of a run's log. Streams save one every [`STRIDE`]
//! events, and one at their end. They are a cache in memory: bounded in bytes over all runs, in number within a run,
//! and rebuilt by the next stream if they are missing.

use std::any::{Any, TypeId};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use runyard_engine::{Position, RunId};

use super::projection::Projection;
use crate::store::Tenant;

/// A stream saves a checkpoint after this many events.
pub(super) const STRIDE: Position = 512;
/// The most checkpoints of one run and one API.
const PER_RUN_MAX: usize = 16;
/// The most runs with checkpoints.
const RUNS_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("more than none");
/// How many bytes all of them may have, as projections count themselves.
const BYTES_MAX: usize = 32 << 20;
/// The size of a checkpoint besides its projection.
const CHECKPOINT_BYTES: usize = 256;

/// The checkpoints of all runs and APIs.
pub struct Checkpoints {
    held: Mutex<Entries>,
    bytes_max: usize,
}

struct Entries {
    runs: LruCache<(Tenant, RunId), Vec<Checkpoint>>,
    bytes: usize,
}

struct Checkpoint {
    /// The type of the projection.
    of: TypeId,
    /// The last event that was projected.
    position: Position,
    /// The `seq` of the last event that was shown.
    seq: u64,
    bytes: usize,
    projection: Arc<dyn Any + Send + Sync>,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Checkpoints::new(BYTES_MAX)
    }
}

impl Checkpoints {
    fn new(bytes_max: usize) -> Self {
        Checkpoints { held: Mutex::new(Entries { runs: LruCache::new(RUNS_MAX), bytes: 0 }), bytes_max }
    }

    /// The last checkpoint from which every event after `seq` can be shown, at or before `position_max`.
    pub(super) fn before<P: Projection>(
        &self,
        tenant: &str,
        run: RunId,
        seq: u64,
        position_max: Position,
    ) -> Option<(Position, P)> {
        let found = {
            let mut held = self.lock();
            let all = held.runs.get(&(tenant.to_owned(), run))?;
            let fits = |one: &&Checkpoint| one.is_of::<P>() && one.seq <= seq && one.position <= position_max;
            let last = all.iter().filter(fits).max_by_key(|one| one.position)?;
            (last.position, last.projection.clone())
        };
        Some((found.0, found.1.downcast_ref::<P>()?.clone()))
    }

    /// Saves a projection of every event up to this position.
    pub(super) fn keep<P: Projection>(&self, tenant: &str, run: RunId, position: Position, projection: P) {
        let bytes = CHECKPOINT_BYTES + projection.bytes();
        if position == 0 || bytes > self.bytes_max / 4 {
            return;
        }
        let (of, seq) = (TypeId::of::<P>(), projection.seq());
        let checkpoint = Checkpoint { of, position, seq, bytes, projection: Arc::new(projection) };
        let mut held = self.lock();
        let held = &mut *held;
        let key = (tenant.to_owned(), run);
        if held.runs.get(&key).is_none() {
            let pushed_out = held.runs.push(key.clone(), Vec::new());
            held.bytes -= pushed_out.map_or(0, |(_, all)| bytes_of(&all));
        }
        let Some(all) = held.runs.get_mut(&key) else { return };
        if all.iter().any(|one| one.of == of && one.position == position) {
            return;
        }
        held.bytes += bytes;
        all.push(checkpoint);
        held.bytes -= thin(all, of);
        while held.bytes > self.bytes_max {
            let Some((_, oldest)) = held.runs.pop_lru() else { break };
            held.bytes -= bytes_of(&oldest);
        }
    }

    /// Removes the checkpoints of a deleted run.
    pub fn forget(&self, tenant: &str, run: RunId) {
        let mut held = self.lock();
        let gone = held.runs.pop(&(tenant.to_owned(), run));
        held.bytes -= gone.map_or(0, |all| bytes_of(&all));
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checkpoint {
    fn is_of<P: 'static>(&self) -> bool {
        self.of == TypeId::of::<P>()
    }
}

fn bytes_of(all: &[Checkpoint]) -> usize {
    all.iter().map(|one| one.bytes).sum()
}

/// If there are too many checkpoints of a projection, drops the one whose neighbours are closest. The last one stays.
/// Returns the bytes that are freed.
fn thin(all: &mut Vec<Checkpoint>, of: TypeId) -> usize {
    all.sort_unstable_by_key(|one| one.position);
    let places: Vec<usize> = (0..all.len()).filter(|place| all[*place].of == of).collect();
    if places.len() <= PER_RUN_MAX {
        return 0;
    }
    let before = |nth: usize| nth.checked_sub(1).map_or(0, |nth| all[places[nth]].position);
    let gap = |nth: &usize| all[places[nth + 1]].position - before(*nth);
    let least = (0..places.len() - 1).min_by_key(gap);
    least.map_or(0, |nth| all.remove(places[nth]).bytes)
}

#[cfg(test)]
mod tests {
    use runyard_engine::{Recorded, State};
    use uuid::Uuid;

    use super::super::ProjectionError;
    use super::*;

    /// Shows every event, and reports this size.
    #[derive(Clone)]
    struct Plain<const BYTES: usize>(u64);

    impl<const BYTES: usize> Projection for Plain<BYTES> {
        type Shown = u64;

        fn of(_: &State) -> Self {
            Plain(0)
        }

        fn project(&mut self, recorded: &Recorded) -> Result<Vec<u64>, ProjectionError> {
            self.0 = recorded.position;
            Ok(vec![self.0])
        }

        fn seq(&self) -> u64 {
            self.0
        }

        fn seq_of(shown: &u64) -> u64 {
            *shown
        }

        fn bytes(&self) -> usize {
            BYTES
        }
    }

    fn run(number: u128) -> RunId {
        RunId::from_uuid(Uuid::from_u128(number))
    }

    fn found(checkpoints: &Checkpoints, of: RunId, seq: u64) -> Option<Position> {
        checkpoints.before::<Plain<1_000>>("default", of, seq, Position::MAX).map(|(position, _)| position)
    }

    #[test]
    fn the_last_checkpoint_at_or_before_a_seq_is_found_for_its_tenant_and_its_projection() {
        let checkpoints = Checkpoints::default();
        for position in [10, 30, 20] {
            checkpoints.keep("default", run(1), position, Plain::<1_000>(position));
        }
        for (seq, expected) in [(9, None), (10, Some(10)), (29, Some(20)), (u64::MAX, Some(30))] {
            assert_eq!(found(&checkpoints, run(1), seq), expected, "{seq}");
        }
        assert_eq!(checkpoints.before::<Plain<1_000>>("default", run(1), 99, 25).unwrap().0, 20);
        assert!(checkpoints.before::<Plain<1_000>>("other", run(1), 99, 99).is_none());
        assert!(checkpoints.before::<Plain<7>>("default", run(1), 99, 99).is_none());
        assert_eq!(found(&checkpoints, run(2), 99), None);
        checkpoints.forget("default", run(1));
        assert_eq!((found(&checkpoints, run(1), 99), checkpoints.lock().bytes), (None, 0));
    }

    #[test]
    fn checkpoints_of_a_long_run_stay_few_and_spread_over_it() {
        let checkpoints = Checkpoints::default();
        for position in (1..=40).map(|times| times * STRIDE) {
            checkpoints.keep("default", run(1), position, Plain::<1_000>(position));
        }
        let all: Vec<_> = (0..=40).filter_map(|times| found(&checkpoints, run(1), times * STRIDE)).collect();
        let mut kept = all.clone();
        kept.dedup();
        assert_eq!((kept.len(), kept.last()), (PER_RUN_MAX, Some(&(40 * STRIDE))));
        let gaps = kept.windows(2).map(|two| two[1] - two[0]).max().unwrap();
        assert!(gaps <= 8 * STRIDE, "nowhere is much left to fold: {kept:?}");
    }

    #[test]
    fn checkpoints_of_all_runs_stay_within_their_bytes() {
        let checkpoints = Checkpoints::new(100_000);
        for number in 0..1_000 {
            checkpoints.keep("default", run(number), 5, Plain::<1_000>(5));
            assert!(checkpoints.lock().bytes <= 100_000);
        }
        assert_eq!((found(&checkpoints, run(0), 9), found(&checkpoints, run(999), 9)), (None, Some(5)));
        checkpoints.keep("default", run(7), 5, Plain::<50_000>(5));
        assert!(
            checkpoints.before::<Plain<50_000>>("default", run(7), 9, 9).is_none(),
            "one that is too large is not kept"
        );
    }
}
