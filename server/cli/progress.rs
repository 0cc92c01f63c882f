//! Long work, shown while it lasts: a spinner or a bar on a terminal, and now and then a line where standard error is a file or a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::Stopwatch;

/// How often the spinner turns.
const TURN_EVERY: Duration = Duration::from_millis(120);
/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// One piece of work.
pub(super) struct Progress {
    what: String,
    /// Absent where there is no terminal.
    bar: Option<ProgressBar>,
    said: Stopwatch,
}

impl Progress {
    /// Work that has just begun.
    pub(super) fn begin(what: &str, terminal: bool) -> Self {
        let bar = terminal.then(|| {
            let bar = ProgressBar::new_spinner().with_message(what.to_owned());
            bar.set_style(style("{spinner} {msg} {elapsed}"));
            bar.enable_steady_tick(TURN_EVERY);
            bar
        });
        Self { what: what.to_owned(), bar, said: Stopwatch::start() }
    }

    /// So much of it is done. Gives the line to write, where it is time for one.
    pub(super) fn advance(&mut self, done: u64, all: u64) -> Option<String> {
        let Some(bar) = &self.bar else {
            if self.said.elapsed() < LINE_EVERY {
                return None;
            }
            self.said = Stopwatch::start();
            return Some(format!("{}: {done} of {all}", self.what));
        };
        if bar.length().is_none() {
            bar.set_style(style("{spinner} {msg} [{bar:30}] {pos} of {len}, {eta} left"));
        }
        bar.set_length(all);
        bar.set_position(done);
        None
    }

    /// Something else goes on now.
    pub(super) fn rename(&mut self, what: &str) {
        what.clone_into(&mut self.what);
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
    }

    /// Writes beside it.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The templates are constants, so the default stands for none that is ever used.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
