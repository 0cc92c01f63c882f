//! Where everything stops until it is let go on: each question to the store, the planner or a performer waits at a gate, and one
//! step opens one gate. What was done and what was answered are two things: an answer may be held back, or lost with its server.

use std::sync::{Mutex, MutexGuard};

use tokio::sync::oneshot;
use tokio::task;

/// What to do with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As asked.
    Go,
    /// Not done: the store is busy.
    Busy,
    /// Not done: the medium failed.
    Failed,
    /// Done, but the answer says that it failed.
    AnswerLost,
    /// Done badly: the planner or the performer has a defect.
    Odd,
}

/// What is asked, as far as the world cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A commit: what a crash may or may not leave behind.
    Commit,
    /// Claiming effects.
    Claim,
    /// Any other question to the store.
    Read,
    /// A goal for the planner.
    Plan,
    /// A call to be performed.
    Call,
    /// What a composite is made of.
    Load,
    /// Which run a node run starts.
    Launch,
}

type Tell = Box<dyn FnOnce() + Send>;
type Act = Box<dyn FnOnce(Verdict) -> Tell + Send>;

/// Somebody who waits.
pub struct Waiting {
    /// Who asks: the number of a server's life.
    pub life: u64,
    /// What.
    pub what: What,
    /// In words, for the transcript.
    pub words: String,
    task: Option<task::Id>,
    act: Act,
}

/// An answer that has not been told.
struct Untold {
    life: u64,
    tell: Tell,
}

/// All the gates of a world.
#[derive(Default)]
pub struct Gates(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Vec<Waiting>,
    /// How many of them stand in order.
    in_order: usize,
    untold: Vec<Untold>,
}

impl Gates {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// Waits until a step lets this happen, and until a step tells what came of it.
    pub async fn pass<T: Send + 'static>(
        &self,
        life: u64,
        what: What,
        words: String,
        act: impl FnOnce(Verdict) -> T + Send + 'static,
    ) -> T {
        let (sender, receiver) = oneshot::channel();
        let act: Act = Box::new(move |verdict| {
            let done = act(verdict);
            // Nobody listens any more where the server is gone.
            Box::new(move || _ = sender.send(done))
        });
        self.inner().waiting.push(Waiting { life, what, words, task: task::try_id(), act });
        match receiver.await {
            Ok(answer) => answer,
            // The world has ended, or this server's life: nobody goes on from here.
            Err(_) => std::future::pending().await,
        }
    }

    /// Puts those who have come in one step in the order of their tasks. Who waits for one bell is woken in an order that tokio
    /// rolls a die for, and no die may be rolled here but ours.
    pub fn line_up(&self) {
        let mut inner = self.inner();
        let from = inner.in_order;
        inner.waiting[from..].sort_by_key(|waiting| waiting.task);
        inner.in_order = inner.waiting.len();
    }

    /// How many wait, and how many answers are held back.
    pub fn open(&self) -> (usize, usize) {
        let inner = self.inner();
        (inner.waiting.len(), inner.untold.len())
    }

    /// What the one at this place waits for.
    pub fn what(&self, place: usize) -> What {
        self.inner().waiting[place].what
    }

    /// In words, what the one at this place waits for.
    pub fn words(&self, place: usize) -> String {
        self.inner().waiting[place].words.clone()
    }

    /// Does what the one at this place asks for, and holds the answer back.
    pub fn act(&self, place: usize, verdict: Verdict) {
        let waiting = {
            let mut inner = self.inner();
            inner.in_order -= 1;
            inner.waiting.remove(place)
        };
        // Not under the lock: whatever is done here may ask again.
        let tell = (waiting.act)(verdict);
        self.inner().untold.push(Untold { life: waiting.life, tell });
    }

    /// Tells the answer at this place.
    pub fn tell(&self, place: usize) {
        let untold = self.inner().untold.remove(place);
        (untold.tell)();
    }

    /// Everything that a life that is over had asked for. What was answered and not told is lost.
    pub fn take(&self, life: u64) -> Vec<Waiting> {
        let mut inner = self.inner();
        inner.untold.retain(|untold| untold.life != life);
        let (over, going_on) = inner.waiting.drain(..).partition(|waiting| waiting.life == life);
        inner.waiting = going_on;
        inner.in_order = inner.waiting.len();
        over
    }
}

impl Waiting {
    /// Does it although nobody will hear of it.
    pub fn act_unheard(self) {
        _ = (self.act)(Verdict::Go);
    }
}
