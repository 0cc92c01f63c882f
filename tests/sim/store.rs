//! The simulated store: the real memory store behind gates, as one server's life sees it. Every answer comes from the
//! memory store. The gate decides about faults, and planted bugs (`planted.rs`) are between the two.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::FutureExt;
use runyard::store::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow, ApprovalStatus};
use runyard::store::memory::Memory;
use runyard::store::{
    Append, Claimed, Claims, Committed, Cursor, Epoch, Filter, KeyUse, RunRow, Sealed, Status, Store, StoreError,
};
use runyard_engine::large::Digest;
use runyard_engine::{ApprovalId, EffectId, Event, NodeRunId, Position, Recorded, Request, RunId};

use crate::gates::{Gates, Verdict, What};
use crate::model::Model;
use crate::planted::Bug;

/// The shared state of all servers of a world.
#[derive(Clone)]
pub struct Shared {
    pub memory: Arc<Memory>,
    pub gates: Arc<Gates>,
    pub model: Arc<Mutex<Model>>,
    pub late: Arc<Mutex<Vec<Append>>>,
    pub bug: Option<Bug>,
    /// Whether a server is crashing right now.
    pub crashing: Arc<AtomicBool>,
    /// Whether requests are described in words.
    pub telling: bool,
}

/// The store as one life of one server sees it.
#[derive(Clone)]
pub struct Seen {
    pub shared: Shared,
    pub life: u64,
}

/// The memory store answers at once.
fn now<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("the memory store never waits")
}

fn busy() -> StoreError {
    StoreError::Busy("the disk is slow".into())
}

fn failed() -> StoreError {
    StoreError::Failed("the disk is gone".into())
}

impl Shared {
    /// Commits one entry.
    fn commit(&self, append: Append) -> Result<Committed, StoreError> {
        if self.bug == Some(Bug::AcknowledgesBeforeCommit) {
            let version = append.row.version;
            self.late.lock().unwrap().push(append);
            return Ok(Committed { version });
        }
        self.write(append)
    }

    /// Writes what was acknowledged earlier.
    pub fn catch_up(&self) {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for append in late {
            _ = self.write(append);
        }
    }

    /// Writes one entry, and lets the model check the new content of the store.
    pub fn write(&self, append: Append) -> Result<Committed, StoreError> {
        let (tenant, run, settles) = (append.tenant.clone(), append.run, append.settles.clone());
        let key = append.key.clone();
        let written = match self.bug {
            None => self.put(append),
            Some(bug) => self.put_badly(bug, append),
        };
        let mut model = self.model.lock().unwrap();
        if written.is_ok() {
            settles.into_iter().for_each(|settled| model.settled(settled));
            model.keyed(&tenant, key);
        }
        model.look(&self.memory, &tenant, run);
        written
    }

    fn put(&self, append: Append) -> Result<Committed, StoreError> {
        let mut answers = now(self.memory.commit(vec![append]));
        answers.pop().expect("an answer to each entry")
    }

    fn put_badly(&self, bug: Bug, mut append: Append) -> Result<Committed, StoreError> {
        match bug {
            Bug::LosesAnEffect => _ = append.effects.pop(),
            Bug::TearsCommits if self.crashing.load(Ordering::Relaxed) => append.effects.clear(),
            Bug::ForgetsTheVersion => {
                let row = now(self.memory.row(&append.tenant, append.run)).unwrap();
                if let Some(row) = row.filter(|row| row.version > append.expected) {
                    append.row.version += row.version - append.expected;
                    append.expected = row.version;
                }
            }
            Bug::ForgetsTheFence => {
                // The commit takes the current epoch of the effect. Without a claim, it keeps its own.
                let model = self.model.lock().unwrap();
                for (effect, epoch) in &mut append.settles {
                    *epoch = model.last_claim(*effect).unwrap_or(*epoch);
                }
            }
            Bug::CancelForgetsAChild if append.events.iter().any(|event| matches!(event, Event::Finished { .. })) => {
                let ends = |event: &Event| matches!(event, Event::NodeFinished { .. });
                if append.events.iter().filter(|event| ends(event)).count() > 1
                    && let Some(place) = append.events.iter().position(ends)
                {
                    append.events.remove(place);
                    append.row.version -= 1;
                }
            }
            Bug::ForgetsAKey => append.key = None,
            Bug::ForgetsDecisions => append.approvals.retain(|row| row.status == ApprovalStatus::Pending),
            Bug::RowsLagBehind => {
                if let Some(row) = now(self.memory.row(&append.tenant, append.run)).unwrap() {
                    append.row.status = row.status;
                }
            }
            Bug::WritesTwice => {
                let again = Append {
                    expected: append.row.version,
                    row: RunRow { version: append.row.version + append.events.len() as u64, ..append.row.clone() },
                    effects: Vec::new(),
                    values: Vec::new(),
                    settles: Vec::new(),
                    key: None,
                    ..append.clone()
                };
                let written = self.put(append)?;
                _ = self.put(again);
                return Ok(written);
            }
            _ => {}
        }
        self.put(append)
    }

    fn claim(&self, life: u64, now_ms: i64, lease_ms: i64, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        let claimed = now(self.memory.claim("simulated", now_ms, lease_ms, limit))?;
        self.handed_out(life, now_ms + lease_ms, limit, claimed)
    }

    fn claim_timers(&self, life: u64, now_ms: i64, lease_ms: i64, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        let claimed = now(self.memory.claim_timers("simulated", now_ms, lease_ms, limit))?;
        self.handed_out(life, now_ms + lease_ms, limit, claimed)
    }

    /// The result of a claim, as the world sees it.
    fn handed_out(
        &self,
        life: u64,
        lease_until_ms: i64,
        limit: usize,
        mut claimed: Vec<Claimed>,
    ) -> Result<Vec<Claimed>, StoreError> {
        let mut model = self.model.lock().unwrap();
        match self.bug {
            Some(Bug::LosesTimers) => claimed.retain(|one| one.effect.request != Request::Wake),
            Some(Bug::HandsOutWhatIsSettled) if claimed.len() < limit => {
                claimed.extend(model.any_over().map(|old| Claimed { lease_until_ms, ..old }));
            }
            _ => {}
        }
        model.claimed(life, &claimed);
        Ok(claimed)
    }

    fn log(&self, tenant: &str, run: RunId, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let mut log = now(self.memory.log(tenant, run, after, limit))?;
        if self.bug == Some(Bug::ResumesOneTooLate) && after > 0 && log.len() > 1 {
            log.remove(0);
        }
        Ok(log)
    }
}

impl Seen {
    /// Waits at a gate. `Busy` and `Failed` are answered in place of the store, and nothing is done.
    async fn ask<T: Send + 'static>(
        &self,
        what: What,
        words: impl FnOnce() -> String,
        act: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        let words = if shared.telling { words() } else { String::new() };
        let act = move |verdict| match verdict {
            Verdict::Busy => Err(busy()),
            Verdict::Failed => Err(failed()),
            Verdict::AnswerLost => {
                _ = act(&shared);
                Err(failed())
            }
            Verdict::Go | Verdict::Odd => act(&shared),
        };
        self.shared.gates.pass(self.life, what, words, act).await
    }
}

fn of_commit(append: &Append) -> String {
    let events: Vec<&str> = append.events.iter().map(Event::name).collect();
    let settles: String =
        append.settles.iter().map(|(effect, epoch)| format!(", settles {effect} under {epoch}")).collect();
    format!("commit {} after {}: {}{settles}", append.run, append.expected, events.join(" "))
}

#[async_trait]
impl Claims for Seen {
    async fn claim(&self, _: &str, now_ms: i64, lease_ms: i64, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        let life = self.life;
        let words = || format!("claim {limit} at {now_ms}");
        self.ask(What::Claim, words, move |shared| shared.claim(life, now_ms, lease_ms, limit)).await
    }

    async fn claim_timers(
        &self,
        _: &str,
        now_ms: i64,
        lease_ms: i64,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let life = self.life;
        let words = || format!("claim {limit} timers at {now_ms}");
        self.ask(What::Claim, words, move |shared| shared.claim_timers(life, now_ms, lease_ms, limit)).await
    }

    async fn renew(&self, held: &[(EffectId, Epoch)], lease_until_ms: i64) -> Result<Vec<EffectId>, StoreError> {
        let held = held.to_vec();
        let words = || format!("renew until {lease_until_ms}");
        self.ask(What::Read, words, move |shared| now(shared.memory.renew(&held, lease_until_ms))).await
    }

    async fn next_due(&self) -> Result<Option<i64>, StoreError> {
        self.ask(What::Read, || "next due".to_owned(), |shared| now(shared.memory.next_due())).await
    }

    async fn next_timer_due(&self) -> Result<Option<i64>, StoreError> {
        self.ask(What::Read, || "next timer".to_owned(), |shared| now(shared.memory.next_timer_due())).await
    }
}

#[async_trait]
impl Store for Seen {
    async fn commit(&self, mut appends: Vec<Append>) -> Vec<Result<Committed, StoreError>> {
        let Some(append) = appends.pop().filter(|_| appends.is_empty()) else {
            panic!("the submitter commits one entry at a time; the conformance suite is about more")
        };
        let words = if self.shared.telling { of_commit(&append) } else { String::new() };
        vec![self.ask(What::Commit, || words, move |shared| shared.commit(append)).await]
    }

    async fn log(&self, tenant: &str, run: RunId, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let tenant = tenant.to_owned();
        let words = || format!("log {run} after {after}");
        self.ask(What::Read, words, move |shared| shared.log(&tenant, run, after, limit)).await
    }

    async fn row(&self, tenant: &str, run: RunId) -> Result<Option<RunRow>, StoreError> {
        let tenant = tenant.to_owned();
        self.ask(What::Read, || format!("row {run}"), move |shared| now(shared.memory.row(&tenant, run))).await
    }

    async fn named(&self, tenant: &str, name: &str) -> Result<Option<RunId>, StoreError> {
        let (tenant, name) = (tenant.to_owned(), name.to_owned());
        let words = format!("name {name}");
        self.ask(What::Read, || words, move |shared| now(shared.memory.named(&tenant, &name))).await
    }

    async fn run_of(&self, tenant: &str, node_run: NodeRunId) -> Result<Option<RunId>, StoreError> {
        let tenant = tenant.to_owned();
        let words = || format!("run of {node_run}");
        self.ask(What::Read, words, move |shared| now(shared.memory.run_of(&tenant, node_run))).await
    }

    async fn value(&self, tenant: &str, run: RunId, digest: Digest) -> Result<Option<String>, StoreError> {
        let tenant = tenant.to_owned();
        let words = || format!("value {digest}");
        self.ask(What::Read, words, move |shared| now(shared.memory.value(&tenant, run, digest))).await
    }

    async fn sealed(&self, tenant: &str, run: RunId, name: &str) -> Result<Option<Sealed>, StoreError> {
        let (tenant, name) = (tenant.to_owned(), name.to_owned());
        let words = format!("sealed {name}");
        self.ask(What::Read, || words, move |shared| now(shared.memory.sealed(&tenant, run, &name))).await
    }

    async fn keyed(&self, tenant: &str, scope: &str, key: &str) -> Result<Option<KeyUse>, StoreError> {
        let (tenant, scope, key) = (tenant.to_owned(), scope.to_owned(), key.to_owned());
        let words = format!("key {key}");
        self.ask(What::Read, || words, move |shared| now(shared.memory.keyed(&tenant, &scope, &key))).await
    }

    async fn list(
        &self,
        tenant: &str,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let (tenant, filter) = (tenant.to_owned(), filter.clone());
        let act = move |shared: &Shared| now(shared.memory.list(&tenant, &filter, after, limit));
        self.ask(What::Read, || "list".to_owned(), act).await
    }

    async fn approval(&self, tenant: &str, approval: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        let tenant = tenant.to_owned();
        let act = move |shared: &Shared| now(shared.memory.approval(&tenant, approval));
        self.ask(What::Read, || format!("approval {approval}"), act).await
    }

    async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        after: Option<ApprovalCursor>,
        limit: usize,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        let (tenant, filter) = (tenant.to_owned(), filter.clone());
        let act = move |shared: &Shared| now(shared.memory.approvals(&tenant, &filter, after, limit));
        self.ask(What::Read, || "approvals".to_owned(), act).await
    }

    async fn page(
        &self,
        tenant: &str,
        filter: &Filter,
        skipped: usize,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let (tenant, filter) = (tenant.to_owned(), filter.clone());
        let act = move |shared: &Shared| now(shared.memory.page(&tenant, &filter, skipped, limit));
        self.ask(What::Read, || "page".to_owned(), act).await
    }

    async fn turns(
        &self,
        tenant: &str,
        thread: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let (tenant, thread) = (tenant.to_owned(), thread.to_owned());
        let act = move |shared: &Shared| now(shared.memory.turns(&tenant, &thread, before, limit));
        self.ask(What::Read, || "turns".to_owned(), act).await
    }

    async fn counts(&self, tenant: &str) -> Result<Vec<(Status, u64)>, StoreError> {
        let tenant = tenant.to_owned();
        self.ask(What::Read, || "counts".to_owned(), move |shared| now(shared.memory.counts(&tenant))).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.ask(What::Read, || "ping".to_owned(), |_| Ok(())).await
    }
}
