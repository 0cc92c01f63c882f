//! One command: load, decide, commit, tell who waits.
//!
//! Deciding needs no lease: two deciders over one version conflict in the store, and the loser decides again on what the winner
//! left. Within this process a command takes its run's turn first, so that conflicts stay rare.

mod wish;

use std::collections::BTreeSet;
use std::sync::Arc;

use runyard_engine::large::{Digest, Written};
use runyard_engine::{
    Command, Context, Decision, EffectId, Event, Fitted, Labels, Made, Node, NodeRunId, Position, Recorded, Rejected,
    Reply, RunId, Slot, State, apply, decide, outstanding,
};
use tokio::sync::{Mutex as Turn, Notify};

use self::wish::{Wish, ends, is_own, named, too_large};
use super::cache::{self, Cache};
use super::in_flight::InFlight;
use super::values::{self, ByteLimits, Extracted, Known, Values};
use super::writing::Writing;
use super::{Error, approvals, output_schema, row};
use crate::clock::Clock;
use crate::compute::{self, Compute};
use crate::feed::{CommittedEvents, RunNotifier};
use crate::limits::Limits;
use crate::store::{Append, Epoch, KeyUse, LogPart, Sealed, Store, StoreError};

/// How often a command is decided again before its sender is told to try later.
const ATTEMPTS_MAX: usize = 16;
/// Runs that share a turn. More means fewer strangers waiting for each other.
const TURNS: usize = 1_024;
/// How many events one read brings at the most, and how many bytes of them.
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
    values: Values,
    bytes: ByteLimits,
    depth_max: usize,
    limits: Limits,
    turns: Vec<Turn<()>>,
    compute: Compute,
}

/// What became of a command.
pub(super) struct Submitted {
    /// The run as it stands after it.
    pub state: Arc<State>,
    /// The answer for who asked.
    pub reply: Reply,
    /// Whether anything was recorded; a command that was obeyed before changes nothing.
    pub changed: bool,
}

/// What came of a log.
#[expect(clippy::large_enum_variant, reason = "one exists for each reading, on its way to the caller")]
enum Replayed {
    /// All of it; nothing where there is none.
    Backend(Option<State>),
    /// More than is to be held.
    TooLarge,
}

/// What goes with a command besides the command.
#[derive(Debug, Clone, Default)]
pub(super) struct CommitExtras {
    /// The claimed effect that it answers.
    pub settles: Option<(EffectId, Epoch)>,
    /// What a start keeps sealed.
    pub sealed: Vec<Sealed>,
    /// A key under which a start can be repeated.
    pub key: Option<KeyUse>,
}

impl Submitter {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Clock,
        (notifier, work): (Arc<RunNotifier>, Arc<Notify>),
        (values, limits): (Values, Limits),
        compute: Compute,
    ) -> Self {
        let turns = (0..TURNS).map(|_| Turn::new(())).collect();
        Submitter {
            store,
            clock,
            notifier,
            work,
            cache: Cache::default(),
            writing: Writing::default(),
            in_flight: Arc::default(),
            values,
            bytes: ByteLimits::from(&limits),
            depth_max: usize::try_from(limits.depth).unwrap_or(usize::MAX),
            limits,
            turns,
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
        self.decide_on(None, tenant, run, command, extras).await
    }

    /// The same for the first command of a run whose id was made for it a moment ago: there is nothing to look for. A store in which it
    /// is there all the same says so, as of any run that somebody else has moved.
    pub(super) async fn begin(
        &self,
        tenant: &str,
        run: RunId,
        command: Command,
        extras: CommitExtras,
    ) -> Result<Submitted, Error> {
        self.decide_on(Some(Arc::new(State::new(run))), tenant, run, command, extras).await
    }

    async fn decide_on(
        &self,
        mut known: Option<Arc<State>>,
        tenant: &str,
        run: RunId,
        command: Command,
        extras: CommitExtras,
    ) -> Result<Submitted, Error> {
        let mut wish = Wish::new(command, Extracted::new(self.bytes.inline, self.depth_max));
        let _turn = self.turn(run).lock().await;
        for _ in 0..ATTEMPTS_MAX {
            let before = match known.take() {
                Some(known) => known,
                None => self.load(tenant, run).await?.unwrap_or_else(|| Arc::new(State::new(run))),
            };
            let at_ms = self.clock.now_ms().max(before.updated_at_ms.unwrap_or(i64::MIN));
            let decided = self.decided(tenant, &before, &mut wish, at_ms).await;
            // A commit would show that what is at hand is old. Where there is none, somebody has to look.
            if decided.as_ref().map_or(true, |decision| decision.events.is_empty())
                && self.is_old(tenant, &before).await?
            {
                self.cache.forget(run);
                continue;
            }
            let mut decision = decided?;
            if decision.events.is_empty() {
                self.clear(tenant, &before, &extras).await?;
                return Ok(Submitted { state: before, reply: decision.reply, changed: false });
            }
            // What is settled is off the list by that.
            decision.dropped.retain(|dropped| extras.settles.is_none_or(|(effect, _)| effect != *dropped));
            let grown = cache::grown(&before, &decision);
            let after = Arc::new(after(&before, &mut decision)?);
            let reply = decision.reply.clone();
            let has_effects = !decision.effects.is_empty();
            let dropped = decision.dropped.clone();
            // Nobody who comes later misses it: they read.
            let events = self.notifier.is_followed(run).then(|| decision.events.clone());
            let values = named(&before, &after, &wish.extracted);
            let append = Append { values, ..append(tenant, &before, &after, decision, at_ms, &extras) };
            match self.commit(append).await {
                Ok(()) => {
                    self.cache.grow(tenant, before.version, after.clone(), grown);
                    self.in_flight.cancel(&dropped);
                    let told = events.map(|events| CommittedEvents { after: before.version, at_ms, events });
                    self.notifier.notify(tenant, run, after.version, told);
                    if has_effects {
                        self.work.notify_one();
                    }
                    return Ok(Submitted { state: after, reply, changed: true });
                }
                // Someone else moved the run: what is at hand is old.
                Err(StoreError::Conflict { .. }) => self.cache.forget(run),
                Err(other) => {
                    // What failed may have been written all the same: the store knows, what is at hand does not.
                    self.cache.forget(run);
                    return Err(Error::from(other));
                }
            }
        }
        Err(Error::Busy)
    }

    /// What follows from a command, within what a run may write. What a caller asks for that is more is refused; a run that comes to more by
    /// itself fails.
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
        let (mut digests, mut fitted): (BTreeSet<Digest>, Option<Fitted>) = (BTreeSet::new(), None);
        let decision = loop {
            let context = Context { at_ms, run: before.run, fitted: fitted.as_ref(), depth_max: self.depth_max };
            match decide(&seen, command.clone(), context) {
                Err(Rejected::NeedsValues { digests: more }) if !more.is_subset(&digests) => {
                    digests.extend(more);
                    seen = self.values.for_decision(tenant, before, Some(&digests)).await?;
                    command = wish.command.clone();
                    values::put_back(before.run, &mut command, &wish.extracted, &digests)?;
                }
                Err(Rejected::Unfitted(made)) if fitted.as_ref().is_none_or(|fitted| fitted.made != *made) => {
                    fitted = Some(self.fitted(tenant, before.run, *made, &mut wish.extracted).await?);
                }
                decided => break decided?,
            }
        };
        self.extracted(before, decision, digests.is_empty(), wish, &|_| true, at_ms)
    }

    /// Finds out what fits the run's output schema, off the runtime: the schema is the caller's, and the value may be anything.
    async fn fitted(&self, tenant: &str, run: RunId, made: Made, extracted: &mut Extracted) -> Result<Fitted, Error> {
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

    /// A decision without the large values that it has made, or has looked into.
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

    /// The bound that a run is past after a decision.
    fn exceeded(&self, decision: &Decision) -> Option<Error> {
        let written = &decision.after.as_ref()?.written;
        let past =
            |bytes: u64, limit: u64, setting| (bytes > limit).then_some(Error::RunTooLarge { bytes, limit, setting });
        past(written.bytes(), self.bytes.run, "limits.run_bytes")
            .or_else(|| past(written.events, self.bytes.held, "limits.run_held_bytes"))
    }

    /// Whether a node run may still be live, as far as is known without asking the store. What is at hand may be too old to know
    /// the node run at all; but what has ended in it has ended for ever.
    pub(super) fn may_be_live(&self, tenant: &str, run: RunId, node_run: NodeRunId) -> bool {
        let at_hand = self.cache.get(tenant, run);
        at_hand.is_none_or(|state| state.node(node_run).is_none_or(Node::is_live))
    }

    /// Whether a run of this tenant exists, as far as is known without asking the store. False says nothing.
    pub(super) fn is_at_hand(&self, tenant: &str, run: RunId) -> bool {
        self.cache.get(tenant, run).is_some()
    }

    /// Whether another server has moved the run since: a refusal, or a command found to have been obeyed before, must not rest
    /// on that.
    async fn is_old(&self, tenant: &str, state: &State) -> Result<bool, StoreError> {
        let row = self.store.row(tenant, state.run).await?;
        Ok(row.is_some_and(|row| row.version > state.version))
    }

    /// An effect whose answer changed nothing and which the run no longer waits for is taken off the list, so that nobody
    /// performs it again. One that the run still waits for (a timer that was told too early) stays.
    async fn clear(&self, tenant: &str, state: &State, extras: &CommitExtras) -> Result<(), Error> {
        let Some((effect, _)) = extras.settles else { return Ok(()) };
        if state.start.is_none() || outstanding(state).iter().any(|waited| waited.id == effect) {
            return Ok(());
        }
        let at_ms = state.updated_at_ms.unwrap_or_default();
        match self.commit(append(tenant, state, state, Decision::default(), at_ms, extras)).await {
            // Taken off already, or moved on meanwhile: either way not ours to clear.
            Ok(()) | Err(StoreError::Fenced { .. } | StoreError::Conflict { .. }) => Ok(()),
            Err(other) => Err(Error::from(other)),
        }
    }

    /// Remembers a key for a run that stands already.
    pub(super) async fn remember(&self, tenant: &str, run: RunId, key: KeyUse) -> Result<(), Error> {
        let _turn = self.turn(run).lock().await;
        let extras = CommitExtras { key: Some(key), ..CommitExtras::default() };
        for _ in 0..ATTEMPTS_MAX {
            let Some(state) = self.load(tenant, run).await? else { return Ok(()) };
            let at_ms = state.updated_at_ms.unwrap_or_default();
            match self.commit(append(tenant, &state, &state, Decision::default(), at_ms, &extras)).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Conflict { .. }) => self.cache.forget(run),
                Err(other) => return Err(Error::from(other)),
            }
        }
        Err(Error::Busy)
    }

    /// A run as it stands, or nothing where it does not exist for this tenant.
    pub(super) async fn load(&self, tenant: &str, run: RunId) -> Result<Option<Arc<State>>, Error> {
        if let Some(state) = self.cache.get(tenant, run) {
            return Ok(Some(state));
        }
        self.read(tenant, run).await
    }

    /// The same, as the store has it by now.
    pub(super) async fn read(&self, tenant: &str, run: RunId) -> Result<Option<Arc<State>>, Error> {
        let Some(state) = self.replayed(tenant, run).await? else { return Ok(None) };
        let state = Arc::new(state);
        self.cache.keep(tenant, state.clone());
        Ok(Some(state))
    }

    /// What comes of a run's log, read bit by bit. An older build wrote runs that are larger than a run may be: of such a one the large
    /// values are left out, so that it can be looked at, ended and removed.
    pub(super) async fn replayed(&self, tenant: &str, run: RunId) -> Result<Option<State>, Error> {
        match self.replay_with(tenant, run, false).await? {
            Replayed::Backend(state) => Ok(state),
            Replayed::TooLarge => match self.replay_with(tenant, run, true).await? {
                Replayed::Backend(state) => Ok(state),
                Replayed::TooLarge => {
                    Err(corrupted(run, "it holds more than a run may, even without its large values"))
                }
            },
        }
    }

    async fn replay_with(&self, tenant: &str, run: RunId, lean: bool) -> Result<Replayed, Error> {
        let mut state = State::new(run);
        let mut written = Written::default();
        // A run that has come to its bound is ended by events that are past it.
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
                return Ok(Replayed::TooLarge);
            }
            if !more {
                break;
            }
        }
        if lean {
            // It stays too large to be gone on with.
            state.written.events = written.events;
        }
        Ok(Replayed::Backend((state.version > 0).then_some(state)))
    }

    /// The same, where this node run is known in it. What is at hand may be older than what another server has written.
    pub(super) async fn load_with(
        &self,
        tenant: &str,
        run: RunId,
        node_run: NodeRunId,
    ) -> Result<Option<Arc<State>>, Error> {
        let knows = |state: &Arc<State>| state.node(node_run).is_some();
        if self.cache.get(tenant, run).is_none() {
            // An effect may be in hand a moment before the state that asked for it is: it is there when the turn is over.
            drop(self.turn(run).lock().await);
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

    /// Forgets what is at hand of a run that has been removed, and tells who follows it.
    pub(super) fn forget(&self, tenant: &str, run: RunId) {
        self.cache.forget(run);
        self.notifier.notify(tenant, run, Position::MAX, None);
    }

    /// Lets go of most states at hand, where none has moved since the last look.
    pub(super) fn rest(&self, seen: u64) -> u64 {
        self.cache.rest(seen)
    }

    /// What is being performed in this process.
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

    fn turn(&self, run: RunId) -> &Turn<()> {
        let (_, low) = run.uuid().as_u64_pair();
        let place = usize::try_from(low % TURNS as u64).unwrap_or(0);
        &self.turns[place]
    }
}

/// The state that a decision made, which is the one that its events make: the engine produced them on it.
fn after(before: &State, decision: &mut Decision) -> Result<State, Error> {
    let after = decision.after.take().filter(|after| after.version == before.version + decision.events.len() as u64);
    after.map(|after| *after).ok_or_else(|| corrupted(before.run, "a decision does not hand out what follows from it"))
}

fn append(
    tenant: &str,
    before: &State,
    after: &State,
    decision: Decision,
    at_ms: i64,
    extras: &CommitExtras,
) -> Append {
    let expected: Position = before.version;
    Append {
        tenant: tenant.to_owned(),
        run: after.run,
        expected,
        at_ms,
        node_runs: created(&decision.events),
        approvals: approvals::changed(after, &decision.events),
        events: decision.events,
        row: row::derive(after),
        effects: decision.effects,
        dropped: decision.dropped,
        settles: extras.settles,
        labels: if expected == 0 { labels(after) } else { Labels::new() },
        sealed: if expected == 0 { extras.sealed.clone() } else { Vec::new() },
        key: extras.key.clone(),
        values: Vec::new(),
    }
}

fn labels(state: &State) -> Labels {
    state.start.as_ref().map(|start| start.labels.clone()).unwrap_or_default()
}

fn created(events: &[Event]) -> Vec<NodeRunId> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Started { root, .. } => Some(*root),
            Event::ChildCreated(child) => Some(child.node_run),
            _ => None,
        })
        .collect()
}

fn corrupted(run: RunId, reason: &str) -> Error {
    Error::Unreadable { run, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
