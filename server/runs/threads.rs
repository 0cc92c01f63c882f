//! Threads: consecutive runs that share their messages. A thread is only its runs, which the store orders by turn. A
//! new run continues a thread, and the old ones stay unchanged.
//!
//! Every run has a thread: the one that its start names, else a new one whose id is derived from the run's. So every
//! run, started through any API, can be continued. At most one run of a thread is live: the next begins when the last
//! has ended. If two starts want the same turn, the store accepts one.

use std::sync::Arc;

use runyard_engine::{RunId, RunStatus, State, Turn};

use super::answer::{self, Answer};
use super::{Error, Runs};
use crate::store::RunRow;

/// The prefix before the 32 hexadecimal digits of a thread's id.
const PREFIX: &str = "thread_";

/// How many earlier runs of a thread a planner gets.
const EARLIER_MAX: usize = 5;

/// The turn of a run.
pub fn turn_of(state: &State) -> Turn {
    let given = state.start.as_deref().and_then(|start| start.turn.clone());
    given.unwrap_or_else(|| Turn { thread: own(state.run), number: 1 })
}

/// The thread that begins with a run, unless its start names another.
pub(crate) fn own(run: RunId) -> String {
    format!("{PREFIX}{}", run.uuid().simple())
}

/// The run with which this thread would begin.
fn owner(thread: &str) -> Option<RunId> {
    let digits = thread.strip_prefix(PREFIX)?;
    let run = RunId::parse(digits)?;
    (own(run) == thread).then_some(run)
}

impl Runs {
    /// A new id for a thread that begins without a run.
    pub fn new_thread(&self) -> String {
        own(self.clock.new_run_id())
    }

    /// The id of the thread that a request under this key creates: the same each time. It is keyed with the server
    /// key, so that no caller can choose the id.
    pub fn thread_of_key(&self, tenant: &str, key: &str) -> String {
        let mac = self.fingerprints.of(&serde_json::json!({ "thread of": [tenant, key] }));
        let bytes: [u8; 16] = std::array::from_fn(|at| mac.get(at).copied().unwrap_or_default());
        own(RunId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid()))
    }

    /// A thread's runs before a turn, the last first, each with its turn. Empty for an unknown thread.
    pub async fn thread(
        &self,
        tenant: &str,
        thread: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<RunRow>, Error> {
        let mut rows = self.store.turns(tenant, thread, before, limit).await?;
        let first = rows.last().and_then(|row| row.turn.as_ref()).map_or(before, |turn| Some(turn.number));
        if rows.len() < limit
            && first.is_none_or(|number| number > 1)
            && let Some(run) = owner(thread)
            && let Some(row) = self.store.row(tenant, run).await?.filter(|row| row.turn.is_none())
        {
            rows.push(RunRow { turn: Some(Turn { thread: thread.to_owned(), number: 1 }), ..row });
        }
        Ok(rows)
    }

    /// The run that continued this one's thread.
    pub async fn continued_by(&self, tenant: &str, state: &State) -> Result<Option<RunId>, Error> {
        if !matches!(state.status, RunStatus::Final(_)) {
            return Ok(None);
        }
        let Turn { thread, number } = turn_of(state);
        let rows = self.store.turns(tenant, &thread, number.checked_add(2), 1).await?;
        let next = rows.first().filter(|row| row.turn.as_ref().is_some_and(|turn| turn.number == number + 1));
        Ok(next.map(|row| row.run))
    }

    /// The answers of earlier runs in a run's thread, the oldest first: what this one may refer to.
    pub async fn earlier_answers(&self, tenant: &str, run: RunId) -> Result<Vec<Answer>, Error> {
        let state = self.state(tenant, run).await?;
        let Some(turn) = state.as_deref().map(turn_of).filter(|turn| turn.number > 1) else { return Ok(Vec::new()) };
        let mut answers = Vec::new();
        for row in self.thread(tenant, &turn.thread, Some(turn.number), EARLIER_MAX).await? {
            let state: Option<Arc<State>> = self.listed_from_cache(tenant, &row).await?;
            if let Some(mut answer) = state.as_deref().and_then(answer::of) {
                self.values.whole_value(tenant, row.run, &mut answer.value).await?;
                answers.push(answer);
            }
        }
        answers.reverse();
        Ok(answers)
    }

    /// The next turn of a thread, if its last run has ended.
    pub(super) async fn next_turn(&self, tenant: &str, thread: &str) -> Result<Turn, Error> {
        let last = self.thread(tenant, thread, None, 1).await?.pop();
        let number = match last {
            None => 0,
            Some(RunRow { status: RunStatus::Final(_), turn, .. }) => turn.map_or(1, |turn| turn.number),
            Some(live) => return Err(Error::ThreadBusy { thread: thread.to_owned(), run: live.run }),
        };
        Ok(Turn { thread: thread.to_owned(), number: number + 1 })
    }
}

#[cfg(test)]
mod tests;
