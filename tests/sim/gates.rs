//! Gates: each request to the store, the planner or an executor waits at a gate, and one step opens one gate. Execution
//! and answer are separate: an answer may be delayed, or lost with its server.

use std::sync::{Mutex, MutexGuard};

use tokio::sync::oneshot;
use tokio::task;

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As requested.
    Go,
    /// Not done: the store is busy.
    Busy,
    /// Not done: the disk failed.
    Failed,
    /// Done, but the answer says that it failed.
    AnswerLost,
    /// Done wrongly: the planner or the executor has a defect.
    Odd,
}

/// The kind of a request, as far as the world distinguishes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// A commit, which a crash may or may not leave behind.
    Commit,
    /// Claiming effects.
    Claim,
    /// Any other request to the store.
    Read,
    /// A goal for the planner.
    Plan,
    /// A call.
    Call,
    /// The expansion of a composite.
    Load,
    /// The run that a node run starts.
    Launch,
}

type Tell = Box<dyn FnOnce() + Send>;
type Act = Box<dyn FnOnce(Verdict) -> Tell + Send>;

/// A waiting request.
pub struct Waiting {
    /// The number of the server's life that sent it.
    pub life: u64,
    /// Its kind.
    pub what: RequestKind,
    /// In words, for the transcript.
    pub words: String,
    task: Option<task::Id>,
    act: Act,
}

/// An answer that has not been delivered.
struct PendingAnswer {
    life: u64,
    tell: Tell,
}

/// All the gates of a world.
#[derive(Default)]
pub struct Gates(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Vec<Waiting>,
    /// How many of them have been sorted.
    in_order: usize,
    pending: Vec<PendingAnswer>,
}

impl Gates {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// Waits until a step executes this, and until a step delivers the answer.
    pub async fn pass<T: Send + 'static>(
        &self,
        life: u64,
        what: RequestKind,
        words: String,
        act: impl FnOnce(Verdict) -> T + Send + 'static,
    ) -> T {
        let (sender, receiver) = oneshot::channel();
        let act: Act = Box::new(move |verdict| {
            let done = act(verdict);
            // The server is gone, so nothing receives the answer.
            Box::new(move || _ = sender.send(done))
        });
        self.inner().waiting.push(Waiting { life, what, words, task: task::try_id(), act });
        match receiver.await {
            Ok(answer) => answer,
            // The world or this life of the server has ended: this task never continues.
            Err(_) => std::future::pending().await,
        }
    }

    /// Sorts the requests of one step by their tasks. Tokio wakes the tasks that wait for one notification in a random
    /// order, and a world may depend only on its own random choices.
    pub fn line_up(&self) {
        let mut inner = self.inner();
        let from = inner.in_order;
        inner.waiting[from..].sort_by_key(|waiting| waiting.task);
        inner.in_order = inner.waiting.len();
    }

    /// The number of waiting requests and of delayed answers.
    pub fn open(&self) -> (usize, usize) {
        let inner = self.inner();
        (inner.waiting.len(), inner.pending.len())
    }

    /// The kind of the request at this place.
    pub fn what(&self, place: usize) -> RequestKind {
        self.inner().waiting[place].what
    }

    /// The request at this place, in words.
    pub fn words(&self, place: usize) -> String {
        self.inner().waiting[place].words.clone()
    }

    /// Executes the request at this place, and holds the answer back.
    pub fn act(&self, place: usize, verdict: Verdict) {
        let waiting = {
            let mut inner = self.inner();
            inner.in_order -= 1;
            inner.waiting.remove(place)
        };
        // Not under the lock, because the execution may send another request.
        let tell = (waiting.act)(verdict);
        self.inner().pending.push(PendingAnswer { life: waiting.life, tell });
    }

    /// Delivers the answer at this place.
    pub fn tell(&self, place: usize) {
        let pending = self.inner().pending.remove(place);
        (pending.tell)();
    }

    /// Takes all waiting requests of a life that has ended. Its undelivered answers are lost.
    pub fn take(&self, life: u64) -> Vec<Waiting> {
        let mut inner = self.inner();
        inner.pending.retain(|pending| pending.life != life);
        let (over, going_on) = inner.waiting.drain(..).partition(|waiting| waiting.life == life);
        inner.waiting = going_on;
        inner.in_order = inner.waiting.len();
        over
    }
}

impl Waiting {
    /// Executes the request although no task receives the answer.
    pub fn act_without_receiver(self) {
        _ = (self.act)(Verdict::Go);
    }
}
