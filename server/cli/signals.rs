//! Requests to stop: Ctrl-C and, on Unix, SIGTERM.

use super::failure::Failure;

/// Listens from the moment it is made, so that nothing is missed between two waits.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Starts to listen. From here on these signals no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system does not let us.
    #[cfg(unix)]
    pub fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let both =
            signal(SignalKind::interrupt()).and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
        let refused = |error| Failure::new("no_signals", format!("cannot listen for signals: {error}"));
        both.map(|(interrupt, terminate)| Self { interrupt, terminate }).map_err(refused)
    }

    /// What the future gives, unless one comes first.
    pub async fn unless<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = future => Some(done),
            () = self.next() => None,
        }
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Starts to listen. From here on Ctrl-C no longer ends the process by itself.
    ///
    /// # Errors
    /// When the system does not let us.
    #[cfg(not(unix))]
    pub fn listen() -> Result<Self, Failure> {
        Ok(Self {})
    }

    /// Waits for the next one.
    #[cfg(not(unix))]
    pub async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
