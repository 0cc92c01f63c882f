//! The laws, checked against the real content of the store after every step that wrote.
//!
//! The model trusts no server. It reads the store's log forward by itself and folds it into its own state. Answers of
//! servers, claims and executions are checked against that state.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use runyard::runs::{approvals, output_schema, row};
use runyard::store::approval::ApprovalFilter;
use runyard::store::memory::Memory;
use runyard::store::{Claimed, Epoch, Filter, KeyUse, LabelFilter, Status, Store};
use runyard_engine::event::FORMAT_VERSION;
use runyard_engine::{
    Command, Context, Effect, EffectId, Event, Node, NodeRunId, Recorded, RunId, RunResult, State, apply, check,
    closing_effects, decide_with, outstanding, replay, upcast,
};

use crate::draw::LABELS;
use crate::ledger::{self, Ledger};

/// A law that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenLaw {
    /// The name of the law.
    pub law: &'static str,
    /// What broke it.
    pub by: String,
}

/// The state of the model.
#[derive(Default)]
pub struct Model {
    /// Every run that was ever written.
    pub runs: BTreeMap<RunId, ModelRun>,
    /// The laws that were broken so far.
    pub broken: Vec<BrokenLaw>,
    /// The variants seen so far.
    pub ledger: Ledger,
    /// Whether the servers' clocks agree. Where they do not, a driver that learned of its claim late may be too late.
    pub clocks_agree: bool,
    claims: BTreeMap<EffectId, (Claimed, u64)>,
    /// Effects that are over, and the version of their run at which the end of the node run ended them.
    over: BTreeMap<EffectId, Option<u64>>,
    /// Effects whose result was accepted.
    settled: BTreeSet<EffectId>,
    /// Effects that got a result from a sender other than the driver that holds the claim.
    pub impostors: BTreeSet<EffectId>,
    /// The newest version of a run that a life knows from its own commits or answers.
    known_versions: BTreeMap<(u64, RunId), u64>,
    keys: BTreeMap<(String, String, String), BTreeSet<RunId>>,
    acknowledged: BTreeSet<(String, RunId)>,
}

/// A run as the model knows it.
pub struct ModelRun {
    /// Its tenant.
    pub tenant: String,
    /// Folded from the store's log.
    pub state: State,
    wanted: BTreeMap<EffectId, NodeRunId>,
}

fn now<T>(answer: impl Future<Output = Result<T, runyard::store::StoreError>>) -> T {
    answer.now_or_never().expect("the memory store never waits").expect("the memory store never fails")
}

/// A run's log after a position, from the store.
fn log(memory: &Memory, tenant: &str, run: RunId, after: u64) -> Vec<Recorded> {
    now(memory.log(tenant, run, after, usize::MAX))
}

impl Model {
    /// Records a broken law.
    pub fn breaks(&mut self, law: &'static str, by: impl Into<String>) {
        self.broken.push(BrokenLaw { law, by: by.into() });
    }

    fn must(&mut self, holds: bool, law: &'static str, by: impl FnOnce() -> String) {
        if !holds {
            self.breaks(law, by());
        }
    }

    /// Checks a run that may have been written to, with the cheap laws.
    pub fn look(&mut self, memory: &Memory, tenant: &str, run: RunId) {
        let new =
            |tenant: &str| ModelRun { tenant: tenant.to_owned(), state: State::new(run), wanted: BTreeMap::new() };
        let mut known = self.runs.remove(&run).unwrap_or_else(|| new(tenant));
        let written = log(memory, tenant, run, known.state.version);
        for recorded in &written {
            self.ledger.met(ledger::EVENTS, ledger::event(&recorded.event));
            let held = known.state.paused.is_some() || known.state.root().is_some_and(Node::is_asked);
            let begins = matches!(recorded.event, Event::NodeStarted { .. });
            self.must(!(held && begins), "what is held back starts no new work", || {
                format!("{run} at {}", recorded.position)
            });
            if let Err(corrupt) = apply(&mut known.state, recorded) {
                self.breaks("the log is the log of one run", format!("{run}: {corrupt}"));
                break;
            }
        }
        if known.state.start.is_none() {
            return; // Nothing was written.
        }
        if !written.is_empty() {
            self.ledger.states(&known.state);
            let violations = check(&known.state);
            self.must(violations.is_empty(), "the engine's own laws", || format!("{run}: {violations:?}"));
        }
        self.outbox(memory, &mut known);
        let (written_row, derived) = (now(memory.row(tenant, run)), row::derive(&known.state));
        self.must(written_row.as_ref() == Some(&derived), "the row is what the state says", || {
            format!("{written_row:?}, but the state says {derived:?}")
        });
        if !known.state.approvals.is_empty() {
            let filter = ApprovalFilter { run: Some(run), statuses: Vec::new() };
            let mut listed = now(memory.approvals(tenant, &filter, None, usize::MAX));
            let mut derived: Vec<_> =
                known.state.asked().filter_map(|(node, _)| approvals::derive(&known.state, node)).collect();
            listed.sort_unstable_by_key(|row| row.approval);
            derived.sort_unstable_by_key(|row| row.approval);
            self.must(listed == derived, "approvals are listed as the state says", || {
                format!("{listed:?}, but the state says {derived:?}")
            });
        }
        if !written.is_empty() && known.state.ended_at_ms.is_some() {
            self.read_back(memory, &known);
        }
        self.runs.insert(run, known);
    }

    /// The outbox of the store has exactly the effects that the state wants, and no effect that was over comes back.
    fn outbox(&mut self, memory: &Memory, known: &mut ModelRun) {
        let by_id = |effects: Vec<Effect>| -> BTreeMap<EffectId, Effect> {
            effects.into_iter().map(|effect| (effect.id, effect)).collect()
        };
        let effects = by_id(memory.asked(&known.tenant, known.state.run));
        let wanted = by_id(outstanding(&known.state));
        // The run does not wait for the results of these effects, so a state cannot say whether they are done.
        let closing_effects: BTreeSet<EffectId> = closing_effects(&known.state).into_iter().collect();
        let waited: BTreeMap<EffectId, Effect> = effects
            .iter()
            .filter(|(id, _)| !closing_effects.contains(id))
            .map(|(id, effect)| (*id, effect.clone()))
            .collect();
        self.must(waited == wanted, "the outbox has the effects that the state wants", || {
            let ids =
                |effects: &BTreeMap<EffectId, Effect>| effects.keys().map(EffectId::to_string).collect::<Vec<_>>();
            format!("{}: kept {:?}, wanted {:?}", known.state.run, ids(&effects), ids(&wanted))
        });
        let effects: BTreeMap<EffectId, NodeRunId> =
            effects.into_iter().map(|(id, effect)| (id, effect.node_run)).collect();
        for (id, node_run) in known.wanted.iter().filter(|(id, _)| !effects.contains_key(id)) {
            let ended = known.state.node(*node_run).is_none_or(|node| !node.is_live());
            self.over.insert(*id, ended.then_some(known.state.version));
        }
        let back = effects.keys().find(|id| self.over.contains_key(id)).copied();
        self.must(back.is_none(), "no finished step is performed again", || format!("{back:?} is to be done again"));
        known.wanted = effects;
    }

    /// The log in its stored form gives the same state.
    fn read_back(&mut self, memory: &Memory, known: &ModelRun) {
        let stored = log(memory, &known.tenant, known.state.run, 0);
        let read = stored.into_iter().map(|recorded| {
            let text = serde_json::to_string(&recorded.event).expect("events are JSON");
            let value = serde_json::from_str(&text).expect("JSON is JSON");
            Recorded { event: upcast(FORMAT_VERSION, value).expect("what was written can be read"), ..recorded }
        });
        let read: Vec<Recorded> = read.collect();
        let state = replay(known.state.run, &read);
        self.must(state.as_ref() == Ok(&known.state), "what is stored is what is read", || known.state.run.to_string());
    }

    /// The expensive laws: every 64th step, at every crash, at the end.
    pub fn look_closely(&mut self, memory: &Memory) {
        let mut rows: BTreeMap<(String, Status), u64> = BTreeMap::new();
        let mut wrong = Vec::new();
        for (run, known) in &self.runs {
            let replayed = replay(*run, &log(memory, &known.tenant, *run, 0));
            if replayed.as_ref() != Ok(&known.state) {
                wrong.push(run.to_string());
            }
            *rows.entry((known.tenant.clone(), known.state.status.into())).or_default() += 1;
        }
        self.must(wrong.is_empty(), "replaying the log gives the live state", || wrong.join(" "));
        for tenant in crate::draw::TENANTS {
            let counted: BTreeMap<_, _> = now(memory.counts(tenant))
                .into_iter()
                .map(|(status, runs)| ((tenant.to_owned(), status), runs))
                .collect();
            let listed: BTreeMap<_, _> =
                rows.iter().filter(|((whose, _), _)| whose == tenant).map(|(key, runs)| (key.clone(), *runs)).collect();
            self.must(counted == listed, "counts are the rows counted", || format!("{counted:?}, but {listed:?}"));
        }
        for (tenant, (name, value)) in
            crate::draw::TENANTS.into_iter().flat_map(|tenant| LABELS.map(|label| (tenant, label)))
        {
            let labels = vec![LabelFilter { name: name.to_owned(), values: vec![value.to_owned()] }];
            let rows = now(memory.list(tenant, &Filter { labels, ..Filter::default() }, None, usize::MAX));
            let listed: BTreeSet<RunId> = rows.into_iter().map(|row| row.run).collect();
            let has = |known: &ModelRun| {
                let start = known.state.start.as_ref().filter(|_| known.tenant == tenant);
                start.and_then(|start| start.labels.get(name)).is_some_and(|values| values.contains(value))
            };
            let having: BTreeSet<RunId> =
                self.runs.iter().filter(|(_, known)| has(known)).map(|(run, _)| *run).collect();
            self.must(listed == having, "runs are found by their labels", || format!("{name}={value}: {listed:?}"));
        }
        let lost = self.acknowledged.iter().find(|(tenant, run)| now(memory.row(tenant, *run)).is_none()).cloned();
        self.must(lost.is_none(), "what is acknowledged is there", || format!("{lost:?} is gone"));
    }

    /// A result was accepted.
    pub fn settled(&mut self, (effect, epoch): (EffectId, Epoch)) {
        self.settled.insert(effect);
        let last = self.last_claim(effect);
        // Checks the epoch that the server sent, before any planted bug corrected it.
        self.must(last == Some(epoch), "a result comes from who claimed last", || {
            format!("{effect} was taken under {epoch}; it was last claimed under {last:?}")
        });
    }

    /// The epoch of an effect's last claim.
    pub fn last_claim(&self, effect: EffectId) -> Option<Epoch> {
        self.claims.get(&effect).map(|(claimed, _)| claimed.epoch)
    }

    /// A key was written.
    pub fn keyed(&mut self, tenant: &str, key: Option<KeyUse>) {
        let Some(key) = key else { return };
        let place = (tenant.to_owned(), key.scope, key.key);
        let runs = self.keys.entry(place.clone()).or_default();
        runs.insert(key.run);
        let alone = runs.len() == 1;
        self.must(alone, "one request starts one run", || format!("{place:?} is the key of several runs"));
    }

    /// Effects were claimed.
    pub fn claimed(&mut self, life: u64, claimed: &[Claimed]) {
        for one in claimed {
            self.ledger.met(ledger::REQUESTS, ledger::request(&one.effect.request));
            let over = self.over.contains_key(&one.effect.id);
            self.must(!over, "no finished step is performed again", || {
                format!("{} is handed out again", one.effect.id)
            });
            let before = self.last_claim(one.effect.id).unwrap_or(0);
            self.must(one.epoch > before, "each claim raises the epoch", || format!("{one:?} after {before}"));
            self.claims.insert(one.effect.id, (one.clone(), life));
        }
    }

    /// A claim of an effect that is over, as the store returned it.
    pub fn any_over(&self) -> Option<Claimed> {
        self.over.keys().find_map(|id| self.claims.get(id)).map(|(claimed, _)| claimed.clone())
    }

    /// All claims so far.
    pub fn claims(&self) -> Vec<Claimed> {
        self.claims.values().map(|(claimed, _)| claimed.clone()).collect()
    }

    /// A driver begins to execute a call.
    pub fn performs(&mut self, life: u64, key: EffectId) {
        let finished = self.settled.contains(&key) && self.clocks_agree && !self.impostors.contains(&key);
        self.must(!finished, "no finished step is performed again", || {
            format!("{key} is performed after it was settled")
        });
        let Some((claimed, _)) = self.claims.get(&key) else {
            return self.breaks("nothing is performed before it is committed", key.to_string());
        };
        let known_version = self.known_versions.get(&(life, claimed.run)).copied().unwrap_or(0);
        let in_vain = self.over.get(&key).copied().flatten().is_some_and(|ended| ended <= known_version);
        self.must(!in_vain, "a canceled run starts no new work", || {
            format!("{key} is performed for a run that had moved on")
        });
    }

    /// A life of a server answered with a run's state: it must be the state of the log at that version.
    pub fn answered(&mut self, memory: &Memory, life: u64, tenant: &str, state: &State) {
        let known_version = self.known_versions.entry((life, state.run)).or_default();
        *known_version = state.version.max(*known_version);
        let at = format!("{} at {}", state.run, state.version);
        let Some(known) = self.runs.get(&state.run).filter(|known| known.tenant == tenant) else {
            return self.breaks("what is acknowledged is there", format!("{at} was never written"));
        };
        if state.version > known.state.version {
            return self.breaks("what is acknowledged is there", format!("{at} was not written so far"));
        }
        let same = if state.version == known.state.version {
            *state == known.state
        } else {
            let mut before = log(memory, tenant, state.run, 0);
            before.truncate(usize::try_from(state.version).unwrap_or(usize::MAX));
            replay(state.run, &before).as_ref() == Ok(state)
        };
        self.must(same, "what is answered is what the log says", || at);
    }

    /// A start was acknowledged.
    pub fn acknowledged(&mut self, tenant: &str, run: RunId) {
        self.acknowledged.insert((tenant.to_owned(), run));
    }

    /// A command was refused: since the request there must have been a moment at which that was right.
    pub fn refused(&mut self, memory: &Memory, tenant: &str, run: RunId, since: u64, command: &Command, why: &str) {
        let Some(known) = self.runs.get(&run) else { return };
        let refuses = |state: &State| {
            let at_ms = state.updated_at_ms.unwrap_or_default();
            let context = Context { at_ms, run, fitted: None, depth_max: 64 };
            let fit = |made: &RunResult| output_schema::fit(made, &runyard::limits::Limits::default());
            decide_with(state, command.clone(), context, fit).is_err()
        };
        if refuses(&known.state) {
            return;
        }
        let all = log(memory, tenant, run, 0);
        let mut state = State::new(run);
        let right = all.iter().any(|recorded| {
            let between = state.version >= since && state.version > 0 && refuses(&state);
            between || apply(&mut state, recorded).is_err()
        });
        self.must(right, "a refusal is right", || format!("{run}: {command:?} was refused: {why}"));
    }

    /// Whether any effect is still outstanding.
    pub fn wants(&self) -> bool {
        self.runs.values().any(|known| !known.wanted.is_empty())
    }

    /// Runs that have not ended.
    pub fn live(&self) -> Vec<(String, RunId)> {
        let live = self.runs.iter().filter(|(_, known)| known.state.ended_at_ms.is_none());
        live.map(|(run, known)| (known.tenant.clone(), *run)).collect()
    }
}
