//! One command: load, decide, commit, notify.
//!
//! Deciding needs no lease: two decisions on one version conflict in the store, and the loser decides again on the new
//! state. Within this process a command locks its run first, so that conflicts stay rare.

mod answers;
mod append;
mod joint;
mod long;
mod submitted;
mod wish;

use std::collections::BTreeSet;
use std::sync::Arc;

use runyard_engine::large::{BytesWritten, Digest};
use runyard_engine::{
    Command, Decision, EffectId, Fitted, Node, NodeRunId, Position, Recorded, Rejected, RunId, RunResult, Slot, State,
    apply,
};
use tokio::sync::{Mutex as AsyncMutex, Notify};

use self::answers::{Answer, Answers};
use self::append::{Parts, append};
use self::joint::Joint;
use self::submitted::corrupted;
pub(super) use self::submitted::{CommitExtras, Submitted};
use self::wish::{Wish, ends, is_own, named, too_large};
use super::cache::Cache;
use super::in_flight::InFlight;
use super::values::{self, ByteLimits, Extracted, Known, Values};
use super::writing::Writing;
use super::{Error, output_schema};
use crate::clock::Clock;
use crate::compute::{self, Compute};
use crate::feed::{CommittedEvents, RunNotifier};
use crate::limits::Limits;
use crate::store::{Append, Epoch, KeyUse, LogPart, Store, StoreError};

/// How many times a command is decided again before its sender gets [`Error::Busy`].
const ATTEMPTS_MAX: usize = 16;
/// The number of locks. More locks means that fewer runs share one.
const LOCKS: usize = 1_024;
/// The most events, and the most bytes, of one read.
const PAGE: usize = 1_000;
const PAGE_BYTES: usize = 8 << 20;

/// Decides commands over a store.
pub(super) struct Submitter {
    store: Arc<dyn Store>,
    clock: Clock,
    notifier: Arc<RunNotifier>,
    work: Arc<Notify>,
    cache: Cache,
    writing: Writing,
    in_flight: Arc<InFlight>,
    answers: Answers,
    values: Values,
    bytes: ByteLimits,
    depth_max: usize,
    limits: Limits,
    locks: Vec<AsyncMutex<()>>,
    /// Locked while a run that is not cached is read.
    reads: Vec<AsyncMutex<()>>,
    compute: Compute,
}

/// The result of reading a log.
#[expect(clippy::large_enum_variant, reason = "one exists for each reading, on its way to the caller")]
enum ReplayedLog {
    /// The whole state; `None` if the log is empty.
    Complete(Option<State>),
    /// The state is larger than may be held.
    TooLarge,
}

impl Submitter {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Clock,
        (notifier, work): (Arc<RunNotifier>, Arc<Notify>),
        (values, limits): (Values, Limits),
        compute: Compute,
    ) -> Self {
        let locks = || (0..LOCKS).map(|_| AsyncMutex::new(())).collect();
        Submitter {
            store,
            clock,
            notifier,
            work,
            cache: Cache::default(),
            writing: Writing::default(),
            in_flight: Arc::default(),
            answers: Answers::default(),
            values,
            bytes: ByteLimits::from(&limits),
            depth_max: usize::try_from(limits.depth).unwrap_or(usize::MAX),
            limits,
            locks: locks(),
            reads: locks(),
            compute,
        }
    }

    /// Decides one command about a run and commits what was decided.
    pub(super) async fn submit(
        &self,
        tenant: &str,
        run: RunId,
        command: Command,
        extras: CommitExtras,
    ) -> Result<Submitted, Error> {
        self.decide_one(None, tenant, run, command, extras).await
    }

    /// The same for the first command of a run with a new id: there is no state to look for. If the store has the run
    /// all the same, it answers with a conflict, as for any run that another server changed.
    pub(super) async fn begin(
        &self,
        tenant: &str,
        run: RunId,
        command: Command,
        extras: CommitExtras,
    ) -> Result<Submitted, Error> {
        self.decide_one(Some(Arc::new(State::new(run))), tenant, run, command, extras).await
    }

    /// Decides the result of a claimed effect. Results for one run that come while another of its commits is being
    /// written are decided one after the other and committed together: a run with many parallel steps needs one flush
    /// for many of them.
    pub(super) async fn settle(
        &self,
        tenant: &str,
        run: RunId,
        command: Command,
        claim: (EffectId, Epoch),
    ) -> Result<Submitted, Error> {
        let mut place = self.answers.join(tenant, run, command, claim);
        let _lock = tokio::select! {
            biased;
            answered = place.answered() => return answered,
            lock = self.lock_of(run).lock() => lock,
        };
        loop {
            if let Some(answered) = place.is_answered() {
                return answered;
            }
            // In the order in which they came, so that this one is among them.
            let waiting = self.answers.take(tenant, run);
            if waiting.is_empty() {
                return place.answered().await;
            }
            self.decide_waiting(tenant, run, waiting).await;
        }
    }

    /// Decides these, together if that works, and sends each its result.
    async fn decide_waiting(&self, tenant: &str, run: RunId, waiting: Vec<Answer>) {
        let of_answer = |Answer { command, claim, tell, .. }| (self.asked(command, Some(claim)), tell);
        let (mut asked, tells): (Vec<_>, Vec<_>) = waiting.into_iter().map(of_answer).unzip();
        let mut tells = tells.into_iter();
        let mut done = 0;
        while done < asked.len() {
            let left = &mut asked[done..];
            let mut decided = self.decide_on(None, tenant, run, left, &CommitExtras::default()).await;
            if decided.is_err() && left.len() > 1 {
                // A failure of one must not fail the others.
                decided = self.decide_on(None, tenant, run, &mut left[..1], &CommitExtras::default()).await;
            }
            let decided = decided.unwrap_or_else(|error| vec![Err(error)]);
            done += decided.len().max(1);
            for (decided, tell) in decided.into_iter().zip(tells.by_ref()) {
                // Its sender may have stopped waiting.
                _ = tell.send(decided);
            }
        }
    }

    fn asked(&self, command: Command, claim: Option<(EffectId, Epoch)>) -> PendingCommand {
        PendingCommand { wish: Wish::new(command, Extracted::new(self.bytes.inline, self.depth_max)), claim }
    }

    async fn decide_one(
        &self,
        known: Option<Arc<State>>,
        tenant: &str,
        run: RunId,
        command: Command,
        extras: CommitExtras,
    ) -> Result<Submitted, Error> {
        let mut asked = [self.asked(command, None)];
        let _lock = self.lock_of(run).lock().await;
        let decided = self.decide_on(known, tenant, run, &mut asked, &extras).await?;
        decided.into_iter().next().unwrap_or(Err(Error::Busy))
    }

    /// Decides commands of one run one after the other and commits the result, all of it or nothing. Returns the
    /// results of the first of them, at least of one. A command that names new large values is the last of its commit,
    /// so that none is read before it is stored. The caller holds the run's lock.
    async fn decide_on(
        &self,
        mut known: Option<Arc<State>>,
        tenant: &str,
        run: RunId,
        asked: &mut [PendingCommand],
        extras: &CommitExtras,
    ) -> Result<Vec<Result<Submitted, Error>>, Error> {
        for _ in 0..ATTEMPTS_MAX {
            let before = match known.take() {
                Some(known) => known,
                None => self.load(tenant, run).await?.unwrap_or_else(|| Arc::new(State::new(run))),
            };
            let at_ms = self.clock.now_ms().max(before.updated_at_ms.unwrap_or(i64::MIN));
            let mut joint = Joint::new(before.clone());
            for PendingCommand { wish, claim } in asked.iter_mut() {
                let decided = self.decided(tenant, &joint.after.clone(), wish, at_ms).await;
                joint.add(decided, *claim)?;
                if joint.names_values() {
                    break;
                }
            }
            // A commit would detect an old state. Without one, the version has to be read.
            if joint.is_doubtful() && self.is_old(tenant, &before).await? {
                self.cache.forget(run);
                continue;
            }
            let settles = joint.settles();
            if joint.events.is_empty() && settles.is_empty() {
                return Ok(joint.submitted());
            }
            let grown = joint.grown;
            let (after, dropped) = (joint.after.clone(), joint.dropped(&settles));
            let has_effects = !joint.effects.is_empty();
            // A subscriber that comes later reads the log.
            let changed = !joint.events.is_empty();
            let events = (changed && self.notifier.wants(run, before.version)).then(|| joint.events.clone());
            let last = asked.get(joint.len() - 1).map(|asked| &asked.wish.extracted);
            let values = last.map(|extracted| named(&before, &after, extracted)).unwrap_or_default();
            let parts = Parts {
                events: std::mem::take(&mut joint.events),
                effects: std::mem::take(&mut joint.effects),
                dropped: dropped.clone(),
                settles,
                values,
            };
            match self.commit(append(tenant, &before, &after, parts, at_ms, extras)).await {
                Ok(()) if changed => {
                    self.cache.grow(tenant, before.version, after.clone(), grown);
                    self.in_flight.cancel(&dropped);
                    let committed = events.map(|events| CommittedEvents { after: before.version, at_ms, events });
                    self.notifier.notify(tenant, run, after.version, committed);
                    if has_effects {
                        self.work.notify_one();
                    }
                    return Ok(joint.submitted());
                }
                Ok(()) => return Ok(joint.submitted()),
                // Deleted already, or changed meanwhile: another claim's business.
                Err(StoreError::Fenced { .. } | StoreError::Conflict { .. }) if !changed => {
                    return Ok(joint.submitted());
                }
                // Another server changed the run: the cached state is old.
                Err(StoreError::Conflict { .. }) => self.cache.forget(run),
                Err(other) => {
                    // A failed commit may have been written all the same: the store knows, the cache does not.
                    self.cache.forget(run);
                    return Err(Error::from(other));
                }
            }
        }
        Err(Error::Busy)
    }

    /// The decision on a command, within a run's limits. A caller's command that exceeds them is refused; a run that
    /// exceeds them by itself fails.
    async fn decided(&self, tenant: &str, before: &Arc<State>, wish: &mut Wish, at_ms: i64) -> Result<Decision, Error> {
        let refused = match self.decided_on(tenant, before, wish, at_ms).await {
            Ok(decision) => match self.exceeded(&decision) {
                Some(refused) if !ends(&wish.command) => refused,
                Some(_) | None => return Ok(decision),
            },
            Err(refused @ Error::ValuesTooLarge { .. }) => refused,
            Err(other) => return Err(other),
        };
        if before.start.is_none() || !is_own(&wish.command) {
            return Err(refused);
        }
        let error = too_large(&refused);
        let mut fail = Wish::new(Command::Fail { error }, Extracted::new(self.bytes.inline, self.depth_max));
        self.decided_on(tenant, before, &mut fail, at_ms).await
    }

    async fn decided_on(
        &self,
        tenant: &str,
        before: &Arc<State>,
        wish: &mut Wish,
        at_ms: i64,
    ) -> Result<Decision, Error> {
        wish.extract(before).await;
        let (mut seen, mut command) = (before.clone(), wish.command.clone());
        let (mut digests, mut fitted): (BTreeSet<Digest>, Option<Arc<Fitted>>) = (BTreeSet::new(), None);
        let decision = loop {
            match self.decide_in_turn(tenant, &seen, command.clone(), fitted.as_ref(), at_ms).await? {
                Err(Rejected::NeedsValues { digests: more }) if !more.is_subset(&digests) => {
                    digests.extend(more);
                    seen = self.values.for_decision(tenant, before, Some(&digests)).await?;
                    command = wish.command.clone();
                    values::put_back(before.run, &mut command, &wish.extracted, &digests)?;
                }
                Err(Rejected::Unfitted(made)) if fitted.as_ref().is_none_or(|fitted| fitted.made != *made) => {
                    fitted = Some(Arc::new(self.fitted(tenant, before.run, *made, &mut wish.extracted).await?));
                }
                decided => break decided?,
            }
        };
        self.extracted(before, decision, digests.is_empty(), wish, &|_| true, at_ms)
    }

    /// Checks the result against the run's output schema, off the runtime: the schema is the caller's, and the value
    /// may be anything.
    async fn fitted(
        &self,
        tenant: &str,
        run: RunId,
        made: RunResult,
        extracted: &mut Extracted,
    ) -> Result<Fitted, Error> {
        let limits = self.limits;
        let whole = self.values.whole_made(tenant, run, &made, extracted).await?;
        let verdict = match self.compute.run_step(tenant, move || output_schema::fit(&whole, &limits)).await {
            Ok(verdict) => verdict,
            Err(compute::Refused::Busy) => return Err(Error::Busy),
            Err(compute::Refused::TookTooLong) => Err(output_schema::too_expensive(&limits)),
        };
        let verdict = verdict.map(|mut value| {
            extracted.take(Slot::Value(&mut value), &|_| false);
            value
        });
        Ok(Fitted { made, verdict })
    }

    /// A decision without the large values that it made or looked into.
    fn extracted(
        &self,
        before: &State,
        mut decision: Decision,
        seen_as_it_is: bool,
        wish: &mut Wish,
        known: &Known<'_>,
        at_ms: i64,
    ) -> Result<Decision, Error> {
        let Some(after) = &decision.after else { return Ok(decision) };
        let written = after.written.events.saturating_sub(before.written.events);
        if seen_as_it_is && written <= self.bytes.inline {
            return Ok(decision);
        }
        let changed = values::extract_events(&mut decision.events, &mut wish.extracted, known);
        for effect in &mut decision.effects {
            effect.each_slot(&mut |slot| wish.extracted.take(slot, known));
        }
        if changed || !seen_as_it_is {
            let mut after = before.clone();
            for (event, position) in decision.events.iter().zip(before.version + 1..) {
                let recorded = Recorded { position, at_ms, event: event.clone() };
                apply(&mut after, &recorded).map_err(|corrupt| corrupted(before.run, &corrupt.to_string()))?;
            }
            decision.after = Some(Box::new(after));
        }
        Ok(decision)
    }

    /// The limit that a run exceeds after a decision.
    fn exceeded(&self, decision: &Decision) -> Option<Error> {
        let written = &decision.after.as_ref()?.written;
        let past =
            |bytes: u64, limit: u64, setting| (bytes > limit).then_some(Error::RunTooLarge { bytes, limit, setting });
        past(written.bytes(), self.bytes.run, "limits.run_bytes")
            .or_else(|| past(written.events, self.bytes.held, "limits.run_held_bytes"))
    }

    /// Whether a node run may still be live, as far as the cache knows. The cached state may be too old to have the
    /// node run; but a node run that has ended in it has ended for ever.
    pub(super) fn may_be_live(&self, tenant: &str, run: RunId, node_run: NodeRunId) -> bool {
        let cached = self.cache.get(tenant, run);
        cached.is_none_or(|state| state.node(node_run).is_none_or(Node::is_live))
    }

    /// Whether this tenant's run is cached. False means nothing.
    pub(super) fn is_cached(&self, tenant: &str, run: RunId) -> bool {
        self.cache.get(tenant, run).is_some()
    }

    /// Whether another server has changed the run since: a rejection, or a command that was found repeated, must not
    /// be based on an old state.
    async fn is_old(&self, tenant: &str, state: &State) -> Result<bool, StoreError> {
        let row = self.store.row(tenant, state.run).await?;
        Ok(row.is_some_and(|row| row.version > state.version))
    }

    /// Stores a key for a run that exists already.
    pub(super) async fn remember(&self, tenant: &str, run: RunId, key: KeyUse) -> Result<(), Error> {
        let _lock = self.lock_of(run).lock().await;
        let extras = CommitExtras { key: Some(key), ..CommitExtras::default() };
        for _ in 0..ATTEMPTS_MAX {
            let Some(state) = self.load(tenant, run).await? else { return Ok(()) };
            let at_ms = state.updated_at_ms.unwrap_or_default();
            match self.commit(append(tenant, &state, &state, Parts::default(), at_ms, &extras)).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Conflict { .. }) => self.cache.forget(run),
                Err(other) => return Err(Error::from(other)),
            }
        }
        Err(Error::Busy)
    }

    /// The state of a run; `None` if it does not exist for this tenant.
    pub(super) async fn load(&self, tenant: &str, run: RunId) -> Result<Option<Arc<State>>, Error> {
        if let Some(state) = self.cache.get(tenant, run) {
            return Ok(Some(state));
        }
        // One read for all callers that wait for it: each would hold a copy of the run.
        let _reading = self.reads[slot(run)].lock().await;
        match self.cache.get(tenant, run) {
            Some(state) => Ok(Some(state)),
            None => self.read(tenant, run).await,
        }
    }

    /// The state as the store has it now.
    pub(super) async fn read(&self, tenant: &str, run: RunId) -> Result<Option<Arc<State>>, Error> {
        let Some(state) = self.replayed(tenant, run).await? else { return Ok(None) };
        let state = Arc::new(state);
        self.cache.keep(tenant, state.clone());
        Ok(Some(state))
    }

    /// Replays a run's log, page by page. An older build wrote runs that are larger than allowed. Their large values
    /// are left out, so that such a run can be shown, ended and removed.
    pub(super) async fn replayed(&self, tenant: &str, run: RunId) -> Result<Option<State>, Error> {
        match self.replay_with(tenant, run, false).await? {
            ReplayedLog::Complete(state) => Ok(state),
            ReplayedLog::TooLarge => match self.replay_with(tenant, run, true).await? {
                ReplayedLog::Complete(state) => Ok(state),
                ReplayedLog::TooLarge => {
                    Err(corrupted(run, "it holds more than a run may, even without its large values"))
                }
            },
        }
    }

    async fn replay_with(&self, tenant: &str, run: RunId, lean: bool) -> Result<ReplayedLog, Error> {
        let mut state = State::new(run);
        let mut written = BytesWritten::default();
        // A run at its limit is ended by events that exceed it.
        let held_max = self.bytes.held.saturating_mul(2);
        loop {
            let LogPart { events, more } = self.store.log_part(tenant, run, state.version, (PAGE, PAGE_BYTES)).await?;
            for mut recorded in events {
                if lean {
                    written.add(&recorded.event);
                    let mut left_out = Extracted::new(self.bytes.inline, self.depth_max);
                    recorded.event.each_slot(&mut |slot| left_out.take(slot, &|_| true));
                }
                apply(&mut state, &recorded).map_err(|corrupt| corrupted(run, &corrupt.to_string()))?;
            }
            if state.written.events > held_max {
                return Ok(ReplayedLog::TooLarge);
            }
            if !more {
                break;
            }
        }
        if lean {
            // The run stays too large to continue.
            state.written.events = written.events;
        }
        Ok(ReplayedLog::Complete((state.version > 0).then_some(state)))
    }

    /// The state of a run with this node run in it. The cached state may be older than another server's commits.
    pub(super) async fn load_with(
        &self,
        tenant: &str,
        run: RunId,
        node_run: NodeRunId,
    ) -> Result<Option<Arc<State>>, Error> {
        let knows = |state: &Arc<State>| state.node(node_run).is_some();
        if !self.cache.get(tenant, run).as_ref().is_some_and(knows) {
            // An effect may be performed a moment before the state with its node run is cached; the state is there
            // when the lock is free. Reading the log instead would cost time in proportion to the run's length, at
            // each of its steps.
            drop(self.lock_of(run).lock().await);
        }
        match self.load(tenant, run).await?.filter(knows) {
            Some(state) => Ok(Some(state)),
            None => {
                self.cache.forget(run);
                Ok(self.load(tenant, run).await?.filter(knows))
            }
        }
    }

    /// A run's whole log; empty where it does not exist for this tenant.
    pub(super) async fn log(&self, tenant: &str, run: RunId) -> Result<Vec<Recorded>, StoreError> {
        let mut log: Vec<Recorded> = Vec::new();
        loop {
            let after = log.last().map_or(0, |recorded| recorded.position);
            let page = self.store.log(tenant, run, after, PAGE).await?;
            let last = page.len() < PAGE;
            log.extend(page);
            if last {
                return Ok(log);
            }
        }
    }

    /// Removes a deleted run from the cache, and notifies its subscribers.
    pub(super) fn forget(&self, tenant: &str, run: RunId) {
        self.cache.forget(run);
        self.notifier.notify(tenant, run, Position::MAX, None);
    }

    /// Evicts most cached states if none has changed since the last call.
    pub(super) fn rest(&self, seen: u64) -> u64 {
        self.cache.rest(seen)
    }

    /// The effects that are being performed in this process.
    pub(super) fn in_flight(&self) -> &Arc<InFlight> {
        &self.in_flight
    }

    /// Whether the last commit was written.
    pub(super) fn writing_works(&self) -> Result<(), StoreError> {
        self.writing.works(self.clock.now_ms())
    }

    async fn commit(&self, append: Append) -> Result<(), StoreError> {
        let mut answers = self.store.commit(vec![append]).await;
        let answer =
            answers.pop().unwrap_or_else(|| Err(StoreError::Failed("the store did not answer an entry".into())));
        self.writing.note(&answer, self.clock.now_ms());
        answer.map(|_| ())
    }

    fn lock_of(&self, run: RunId) -> &AsyncMutex<()> {
        &self.locks[slot(run)]
    }
}

/// A command to decide, and the claim on the effect that it answers.
struct PendingCommand {
    wish: Wish,
    claim: Option<(EffectId, Epoch)>,
}

/// The lock of a run, as an index below [`LOCKS`].
fn slot(run: RunId) -> usize {
    let (_, low) = run.uuid().as_u64_pair();
    usize::try_from(low % LOCKS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests;
