//! Detects that nothing moves any more. A world runs on one thread of one runtime, which reports when it is about to
//! sleep because every task waits; then a step is over. Nothing here waits for real time.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use tokio::runtime::{Builder, Runtime};

/// Reports when every task waits.
#[derive(Clone, Default)]
pub struct Idle(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waits: Mutex<Option<Waker>>,
    idle: AtomicBool,
}

impl Idle {
    /// A runtime without threads, sockets and timers that reports here when it is idle.
    pub fn runtime(&self) -> Runtime {
        let idle = self.clone();
        let mut builder = Builder::new_current_thread();
        builder.on_thread_park(move || idle.parks()).build().expect("a runtime")
    }

    fn parks(&self) {
        if let Some(waker) = self.0.waits.lock().unwrap().take() {
            self.0.idle.store(true, Ordering::Relaxed);
            waker.wake();
        }
    }

    /// Lets all other tasks run until all of them wait.
    pub async fn all_wait(&self) {
        self.0.idle.store(false, Ordering::Relaxed);
        poll_fn(|context| {
            if self.0.idle.swap(false, Ordering::Relaxed) {
                return Poll::Ready(());
            }
            *self.0.waits.lock().unwrap() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
