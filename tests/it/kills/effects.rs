//! The service that steps call. Each entry has a unique title, so that its calls are the calls of one step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::sync::watch;

use crate::harness::peer::{Answers, Asked, Peer};

/// The title of an entry begins like this if its first call is not answered in the life in which it is made.
pub(super) const HELD: &str = "held";

/// The calls of one step.
#[derive(Default)]
struct Calls {
    /// The lives of the server that made them.
    lives: Vec<usize>,
    keys: BTreeSet<String>,
}

#[derive(Default)]
struct Book {
    life: usize,
    holds_no_more: bool,
    calls: BTreeMap<String, Calls>,
}

impl Book {
    /// Records a call, and says whether to answer it.
    fn take(&mut self, title: &str, key: &str) -> bool {
        let (life, free) = (self.life, self.holds_no_more);
        let calls = self.calls.entry(title.to_owned()).or_default();
        calls.lives.push(life);
        calls.keys.insert(key.to_owned());
        free || !title.starts_with(HELD) || calls.lives[0] < life
    }

    /// Steps that called first in this life and were not answered.
    fn held(&self, life: usize) -> bool {
        self.calls.iter().any(|(title, calls)| title.starts_with(HELD) && calls.lives[0] == life)
    }

    /// Whether a step of an earlier life has called in this one.
    fn resumed(&self) -> bool {
        self.calls.values().any(|calls| calls.lives[0] < self.life && calls.lives.last() == Some(&self.life))
    }
}

/// The service and its records.
pub(super) struct Effects {
    peer: Peer,
    book: Arc<Mutex<Book>>,
    bell: watch::Sender<()>,
}

impl Effects {
    pub(super) async fn start() -> Self {
        let (book, bell) = (Arc::new(Mutex::new(Book::default())), watch::Sender::new(()));
        let peer = Peer::start({
            let (book, bell) = (book.clone(), bell.clone());
            move |asked: &Asked| {
                let title = asked.json()["title"].as_str().unwrap().to_owned();
                let answered = book.lock().unwrap().take(&title, &asked.headers["idempotency-key"]);
                bell.send_replace(());
                if answered { Answers::Json(201, json!({ "number": title.len() })) } else { Answers::Nothing }
            }
        })
        .await;
        Effects { peer, book, bell }
    }

    pub(super) fn url(&self) -> &str {
        &self.peer.url
    }

    /// The server is about to start again. Says whether a call was in flight when the last one was killed.
    pub(super) fn begin_life(&self) -> bool {
        let mut book = self.book.lock().unwrap();
        book.life += 1;
        book.held(book.life - 1)
    }

    /// From now on every call is answered.
    pub(super) fn hold_no_more(&self) {
        self.book.lock().unwrap().holds_no_more = true;
    }

    /// Waits until a call of this life is held.
    pub(super) async fn holds_something(&self) {
        self.until(|book| book.held(book.life)).await;
    }

    /// Waits until a step of an earlier life calls again.
    pub(super) async fn resumed(&self) {
        self.until(Book::resumed).await;
    }

    async fn until(&self, is_it: impl Fn(&Book) -> bool) {
        let mut bell = self.bell.subscribe();
        loop {
            bell.borrow_and_update();
            if is_it(&self.book.lock().unwrap()) {
                return;
            }
            bell.changed().await.unwrap();
        }
    }

    /// Compares the calls with the finished steps: title, and the last life that may have called. Returns the number of
    /// calls, and how many of them repeated a call that was in flight at a kill.
    pub(super) fn judge<'a>(&self, finished: impl Iterator<Item = (&'a String, usize)>) -> (usize, usize) {
        let book = self.book.lock().unwrap();
        let mut steps = 0;
        for (title, life) in finished {
            let calls = book.calls.get(title).unwrap_or_else(|| panic!("{title} is finished, and was never asked for"));
            let late = calls.lives.iter().find(|asked| **asked > life);
            assert_eq!(late, None, "{title} was finished in life {life}, and asked for again later");
            assert_eq!(calls.keys.len(), 1, "{title} was asked for under {:?}", calls.keys);
            let once_a_life = calls.lives.windows(2).all(|two| two[0] < two[1]);
            assert!(once_a_life, "{title} was asked for twice without a kill between: {:?}", calls.lives);
            steps += 1;
        }
        assert_eq!(steps, book.calls.len(), "what was asked for is finished");
        let calls: usize = book.calls.values().map(|calls| calls.lives.len()).sum();
        (calls, calls - steps)
    }
}
