//! Bugs that can be switched on while the simulation runs, to show that it finds them. Each is in the store's twin or in what
//! the world does outside; the engine and the driver are always as they are.

use runyard::runs::row;
use runyard::store::Append;
use runyard_engine::event::FinalState;
use runyard_engine::{Event, Labels, NodeRunId, RunId};

use crate::world::World;

impl World {
    /// Writes the end of a node run whatever its run says, as a driver would that had forgotten to ask the engine.
    pub fn record_without_asking(&mut self, tenant: &'static str, run: RunId, node_run: NodeRunId) -> String {
        let known = self.shared.model.lock().unwrap().runs.get(&run).map(|known| known.state.clone());
        let Some(state) = known else { return String::new() };
        let mut row = row::derive(&state);
        row.version += 1;
        let (outputs, artifacts, error) = (None, Vec::new(), None);
        let (ended, shortfall) = (FinalState::Succeeded, None);
        let end = Event::NodeFinished {
            node_run,
            state: ended,
            outputs,
            artifacts,
            error,
            shortfall,
            inputs: None,
            route: None,
        };
        _ = self.shared.write(Append {
            tenant: tenant.to_owned(),
            run,
            expected: state.version,
            at_ms: state.updated_at_ms.unwrap_or_default(),
            events: vec![end],
            row,
            effects: Vec::new(),
            dropped: Vec::new(),
            settles: Vec::new(),
            approvals: Vec::new(),
            values: Vec::new(),
            sealed: Vec::new(),
            node_runs: Vec::new(),
            labels: Labels::new(),
            key: None,
        });
        format!("{node_run} is said to have ended, whatever its run says")
    }
}

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The store keeps a commit's events and loses one of its effects.
    LosesAnEffect,
    /// The store says that it is written, and writes it later.
    AcknowledgesBeforeCommit,
    /// The store takes what was decided on an old version.
    ForgetsTheVersion,
    /// What comes back too late is recorded without asking the engine whether anybody waits for it.
    ForgetsThatFinalIsFinal,
    /// The store takes a result under an old epoch.
    ForgetsTheFence,
    /// The store never hands out a timer.
    LosesTimers,
    /// The store writes a commit twice.
    WritesTwice,
    /// When a run is canceled, the end of one node run is not written.
    CancelForgetsAChild,
    /// The store hands out an effect that was settled before.
    HandsOutWhatIsSettled,
    /// Reading on after a position leaves one event out.
    ResumesOneTooLate,
    /// Two runs may have one idempotency key.
    ForgetsAKey,
    /// A crash tears a commit in two: events without effects.
    TearsCommits,
    /// The row that lists show is a version behind.
    RowsLagBehind,
    /// The list of approvals does not hear of decisions.
    ForgetsDecisions,
}

impl Bug {
    /// All of them, and the laws of which each is expected to break one first.
    pub const ALL: [(Bug, &[&str]); 14] = [
        (Bug::LosesAnEffect, &["what is asked for is what the state wants"]),
        (Bug::AcknowledgesBeforeCommit, &["what is acknowledged is there"]),
        (
            Bug::ForgetsTheVersion,
            &[
                "the log is the log of one run",
                "what is answered is what the log says",
                // A pause and whatever did not know of it go well together in a log, and not in the row.
                "the row is what the state says",
                // An approval and whatever did not know of it: nobody begins who might.
                "the engine's own laws",
            ],
        ),
        // Of a run that goes on, the log may still be one; then its effects are what gives it away, or a root that has ended before it.
        (
            Bug::ForgetsThatFinalIsFinal,
            &["the log is the log of one run", "what is asked for is what the state wants", "the engine's own laws"],
        ),
        (Bug::ForgetsTheFence, &["a result comes from who claimed last"]),
        (Bug::LosesTimers, &["every run ends or waits for something named"]),
        (Bug::WritesTwice, &["the log is the log of one run", "the engine's own laws"]),
        (Bug::CancelForgetsAChild, &["the log is the log of one run", "the engine's own laws"]),
        (Bug::HandsOutWhatIsSettled, &["no finished step is performed again"]),
        (Bug::ResumesOneTooLate, &["every watcher sees the same, nothing missing and nothing twice"]),
        (Bug::ForgetsAKey, &["one request starts one run"]),
        (Bug::TearsCommits, &["what is asked for is what the state wants"]),
        (Bug::RowsLagBehind, &["the row is what the state says"]),
        (Bug::ForgetsDecisions, &["approvals are listed as the state says"]),
    ];
}
