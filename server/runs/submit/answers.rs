//! Results of effects of one run that wait for its lock. The task that has the lock decides all that wait.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use runyard_engine::{Command, EffectId, RunId};
use tokio::sync::oneshot;

use super::submitted::Submitted;
use crate::runs::Error;
use crate::store::{Epoch, Tenant};

/// So many are decided together. Others wait for the run's lock meanwhile, on a thread of the runtime.
const TOGETHER_MAX: usize = 64;

/// The waiting results, by run. Tenants are separate, because a run's id does not name its tenant.
#[derive(Default)]
pub(super) struct Answers {
    waiting: Mutex<HashMap<RunId, VecDeque<Answer>>>,
}

/// The result of a claimed effect.
pub(super) struct Answer {
    tenant: Tenant,
    pub(super) command: Command,
    pub(super) claim: (EffectId, Epoch),
    /// Receives what became of it.
    pub(super) tell: oneshot::Sender<Result<Submitted, Error>>,
}

/// An entry in the queue. Dropping it removes it.
pub(super) struct Place<'a> {
    answers: &'a Answers,
    run: RunId,
    answered: oneshot::Receiver<Result<Submitted, Error>>,
}

impl Answers {
    /// Adds a result to the queue.
    pub(super) fn join(&self, tenant: &str, run: RunId, command: Command, claim: (EffectId, Epoch)) -> Place<'_> {
        let (tell, answered) = oneshot::channel();
        let answer = Answer { tenant: tenant.to_owned(), command, claim, tell };
        self.lock().entry(run).or_default().push_back(answer);
        Place { answers: self, run, answered }
    }

    /// Takes the first in the queue; the caller has to answer them.
    pub(super) fn take(&self, tenant: &str, run: RunId) -> Vec<Answer> {
        let mut waiting = self.lock();
        let Some(of_run) = waiting.remove(&run) else { return Vec::new() };
        let (mut taken, mut left) = (Vec::with_capacity(of_run.len().min(TOGETHER_MAX)), VecDeque::new());
        for answer in of_run {
            if taken.len() < TOGETHER_MAX && answer.tenant == tenant {
                taken.push(answer);
            } else {
                left.push_back(answer);
            }
        }
        if !left.is_empty() {
            waiting.insert(run, left);
        }
        taken
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, VecDeque<Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// The answer, if it is there now.
    pub(super) fn is_answered(&mut self) -> Option<Result<Submitted, Error>> {
        self.answered.try_recv().ok()
    }

    /// The answer. If the task that decides is dropped meanwhile, the answer is unknown, and the result may be offered
    /// again.
    pub(super) async fn answered(&mut self) -> Result<Submitted, Error> {
        (&mut self.answered).await.unwrap_or(Err(Error::Busy))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.answered.close();
        let mut waiting = self.answers.lock();
        if let Some(of_run) = waiting.get_mut(&self.run) {
            of_run.retain(|answer| !answer.tell.is_closed());
            if of_run.is_empty() {
                waiting.remove(&self.run);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn claim(number: u128) -> (EffectId, Epoch) {
        (EffectId::from_uuid(Uuid::from_u128(number)), 1)
    }

    fn taken(answers: &Answers, tenant: &str, run: RunId) -> Vec<EffectId> {
        answers.take(tenant, run).iter().map(|answer| answer.claim.0).collect()
    }

    #[test]
    fn answers_of_one_run_and_tenant_are_taken_together_in_the_order_in_which_they_came() {
        let (answers, run, other) =
            (Answers::default(), RunId::from_uuid(Uuid::from_u128(7)), RunId::from_uuid(Uuid::from_u128(8)));
        let nothing = || Command::Resume { by: None };
        let _first = answers.join("us", run, nothing(), claim(1));
        let _theirs = answers.join("them", run, nothing(), claim(2));
        let _second = answers.join("us", run, nothing(), claim(3));
        let _other = answers.join("us", other, nothing(), claim(4));
        assert_eq!(taken(&answers, "us", run), [claim(1).0, claim(3).0]);
        assert!(taken(&answers, "us", run).is_empty());
        assert_eq!(taken(&answers, "them", run), [claim(2).0]);
        assert_eq!(taken(&answers, "us", other), [claim(4).0]);
        assert!(answers.lock().is_empty());
    }

    #[test]
    fn at_most_the_limit_of_answers_is_taken_together() {
        let (answers, run) = (Answers::default(), RunId::from_uuid(Uuid::from_u128(7)));
        let number = |place: usize| claim(place as u128);
        let places: Vec<Place<'_>> = (0..TOGETHER_MAX + 2)
            .map(|place| answers.join("us", run, Command::Resume { by: None }, number(place)))
            .collect();
        assert_eq!(taken(&answers, "us", run).len(), TOGETHER_MAX);
        assert_eq!(taken(&answers, "us", run), [number(TOGETHER_MAX).0, number(TOGETHER_MAX + 1).0]);
        drop(places);
    }

    #[tokio::test]
    async fn an_answer_whose_sender_has_left_is_not_taken_and_a_lost_one_is_busy() {
        let (answers, run) = (Answers::default(), RunId::from_uuid(Uuid::from_u128(7)));
        let nothing = || Command::Resume { by: None };
        drop(answers.join("us", run, nothing(), claim(1)));
        assert!(answers.lock().is_empty());
        let mut place = answers.join("us", run, nothing(), claim(2));
        drop(answers.take("us", run));
        assert!(matches!(place.answered().await, Err(Error::Busy)));
    }
}
