//! The run in the log lines of a request.

use runyard_engine::RunId;

/// Adds the run's id to the log lines of the current request. Outside a request it does nothing.
pub(super) fn note_run(run: RunId) {
    tracing::Span::current().record("run_id", tracing::field::display(run));
}
