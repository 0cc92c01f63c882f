//! Bugs that tests switch on while the simulation runs, to show that it finds them. Each is in the simulated store or
//! in the external actions of the world; the engine and the driver are always the real ones.

use runyard::runs::row;
use runyard::store::Append;
use runyard_engine::event::FinalState;
use runyard_engine::{Event, Labels, NodeRunId, RunId};

use crate::world::World;

impl World {
    /// Writes the end of a node run in any state of its run, like a driver that does not consult the engine.
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
    /// The store saves a commit's events and loses one of its effects.
    LosesAnEffect,
    /// The store acknowledges a commit and writes it later.
    AcknowledgesBeforeCommit,
    /// The store accepts a commit that was decided on an old version.
    ForgetsTheVersion,
    /// A late result is recorded without asking the engine whether the run still waits for it.
    ForgetsThatFinalIsFinal,
    /// The store accepts a result with an old epoch.
    ForgetsTheFence,
    /// The store never returns a timer in a claim.
    LosesTimers,
    /// The store writes a commit twice.
    WritesTwice,
    /// When a run is canceled, the end of one node run is not written.
    CancelForgetsAChild,
    /// The store returns an effect in a claim that was settled before.
    HandsOutWhatIsSettled,
    /// A read after a position omits one event.
    ResumesOneTooLate,
    /// Two runs may have one idempotency key.
    ForgetsAKey,
    /// A crash splits a commit: events without effects.
    TearsCommits,
    /// The row in lists is a version behind.
    RowsLagBehind,
    /// The list of approvals misses decisions.
    ForgetsDecisions,
}

impl Bug {
    /// All of them, and the laws of which each is expected to break one first.
    pub const ALL: [(Bug, &[&str]); 14] = [
        (Bug::LosesAnEffect, &["the outbox has the effects that the state wants"]),
        (Bug::AcknowledgesBeforeCommit, &["what is acknowledged is there"]),
        (
            Bug::ForgetsTheVersion,
            &[
                "the log is the log of one run",
                "what is answered is what the log says",
                // A pause and a commit that did not know of it are compatible in a log, but not in the row.
                "the row is what the state says",
                // An approval and a commit that did not know of it: no node run begins that was approved.
                "the engine's own laws",
            ],
        ),
        // If the run continues, its log may still be valid; then its effects give the bug away, or a root that has
        // ended before the node run.
        (
            Bug::ForgetsThatFinalIsFinal,
            &[
                "the log is the log of one run",
                "the outbox has the effects that the state wants",
                "the engine's own laws",
            ],
        ),
        (Bug::ForgetsTheFence, &["a result comes from who claimed last"]),
        (Bug::LosesTimers, &["every run ends or waits for something named"]),
        (Bug::WritesTwice, &["the log is the log of one run", "the engine's own laws"]),
        (Bug::CancelForgetsAChild, &["the log is the log of one run", "the engine's own laws"]),
        (Bug::HandsOutWhatIsSettled, &["no finished step is performed again"]),
        (Bug::ResumesOneTooLate, &["every watcher sees the same, nothing missing and nothing twice"]),
        (Bug::ForgetsAKey, &["one request starts one run"]),
        (Bug::TearsCommits, &["the outbox has the effects that the state wants"]),
        (Bug::RowsLagBehind, &["the row is what the state says"]),
        (Bug::ForgetsDecisions, &["approvals are listed as the state says"]),
    ];
}
