//! Builders of appends for tests; they start from the smallest valid append.

use runyard_engine::large::Digest;
use runyard_engine::{
    ApprovalId, Effect, EffectId, Event, Labels, NodeRunId, Position, Request, RunId, RunStatus, Turn,
};
use uuid::Uuid;

use crate::approval::{ApprovalRow, ApprovalStatus, Subject};
use crate::{
    Append, Claimed, Committed, Epoch, KeyUse, LargeValue, RunPhase, RunRow, Sealed, Status, Store, StoreError,
};

/// The tenant of most tests.
pub const TENANT: &str = "default";

/// The nth run.
pub fn run(n: u128) -> RunId {
    RunId::from_uuid(Uuid::from_u128(0x0100 + n))
}

/// The nth node run.
pub fn node_run(n: u128) -> NodeRunId {
    NodeRunId::from_uuid(Uuid::from_u128(0x0200_0000 + n))
}

/// The nth effect id.
pub fn effect_id(n: u128) -> EffectId {
    EffectId::from_uuid(Uuid::from_u128(0x0300_0000 + n))
}

/// The nth effect, due at this time.
pub fn effect(n: u128, due_at_ms: i64) -> Effect {
    Effect { id: effect_id(n), node_run: node_run(n), attempt: 1, due_at_ms, request: Request::Wake }
}

/// The nth approval id.
pub fn approval_id(n: u128) -> ApprovalId {
    ApprovalId::from_uuid(Uuid::from_u128(0x0400_0000 + n))
}

/// The nth approval, created in this run at its number in milliseconds, and open.
pub fn asked(n: u128, run: RunId) -> ApprovalRow {
    ApprovalRow {
        approval: approval_id(n),
        run,
        node_run: node_run(n),
        subject: Subject::NodeRun,
        key: format!("S{n}"),
        node_type: "runyard.core.echo".into(),
        title: None,
        status: ApprovalStatus::Pending,
        asked_at_ms: i64::try_from(n).unwrap(),
        ended_at_ms: None,
        by: None,
        comment: None,
    }
}

/// An event that its number identifies.
pub fn event(attempt: u32) -> Event {
    Event::NodeStarted { node_run: node_run(0), attempt, inputs: None }
}

/// An append under construction.
pub struct Draft(pub Append);

/// A new run with one event, created at its number in milliseconds.
pub fn start(n: u128) -> Draft {
    let created_at_ms = i64::try_from(n).unwrap();
    Draft(Append {
        tenant: TENANT.into(),
        run: run(n),
        expected: 0,
        at_ms: created_at_ms,
        events: vec![event(1)],
        row: RunRow {
            run: run(n),
            name: None,
            api: "run-gateway".into(),
            node_type: "runyard.core.echo".into(),
            title: None,
            turn: None,
            status: RunStatus::Running,
            phase: RunPhase::Plain,
            reason: None,
            version: 1,
            created_at_ms,
            updated_at_ms: created_at_ms,
            ended_at_ms: None,
        },
        effects: Vec::new(),
        dropped: Vec::new(),
        settles: Vec::new(),
        node_runs: Vec::new(),
        labels: Labels::new(),
        approvals: Vec::new(),
        values: Vec::new(),
        sealed: Vec::new(),
        key: None,
    })
}

/// One more event for a run that [`start`] made, at this version.
pub fn go_on(n: u128, expected: Position) -> Draft {
    let mut draft = start(n);
    draft.0.expected = expected;
    draft.events(1)
}

impl Draft {
    /// This many events, numbered by their positions.
    pub fn events(mut self, count: u32) -> Self {
        let first = u32::try_from(self.0.expected).unwrap() + 1;
        self.0.events = (first..first + count).map(event).collect();
        self.0.row.version = self.0.expected + u64::from(count);
        self
    }

    pub fn tenant(mut self, tenant: &str) -> Self {
        self.0.tenant = tenant.into();
        self
    }

    pub fn name(mut self, name: &str) -> Self {
        self.0.row.name = Some(name.into());
        self
    }

    pub fn turn(mut self, thread: &str, number: u64) -> Self {
        self.0.row.turn = Some(Turn { thread: thread.into(), number });
        self
    }

    pub fn created(mut self, at_ms: i64) -> Self {
        self.0.row.created_at_ms = at_ms;
        self
    }

    pub fn status(mut self, status: Status) -> Self {
        self.0.row.status = status.into();
        self
    }

    /// Ends the run.
    pub fn ends(mut self, status: Status, at_ms: i64) -> Self {
        self.0.row.status = status.into();
        self.0.row.ended_at_ms = Some(at_ms);
        self
    }

    pub fn key(mut self, scope: &str, key: &str) -> Self {
        self.0.key = Some(KeyUse { scope: scope.into(), key: key.into(), fingerprint: vec![7; 32], run: self.0.run });
        self
    }

    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.0.labels.entry(name.into()).or_default().insert(value.into());
        self
    }

    pub fn seals(mut self, name: &str, bytes: &[u8]) -> Self {
        self.0.sealed.push(Sealed { name: name.into(), bytes: bytes.to_vec() });
        self
    }

    /// Names a large value and includes its text.
    pub fn value(mut self, text: &str) -> Self {
        self.0.values.push(LargeValue { digest: Digest::of(text), text: Some(text.into()) });
        self
    }

    /// Names a large value that is already stored.
    pub fn names(mut self, text: &str) -> Self {
        self.0.values.push(LargeValue { digest: Digest::of(text), text: None });
        self
    }

    pub fn asks(mut self, effect: Effect) -> Self {
        self.0.effects.push(effect);
        self
    }

    pub fn drops(mut self, n: u128) -> Self {
        self.0.dropped.push(effect_id(n));
        self
    }

    pub fn settles(mut self, n: u128, epoch: Epoch) -> Self {
        self.0.settles.push((effect_id(n), epoch));
        self
    }

    pub fn approval(mut self, row: ApprovalRow) -> Self {
        self.0.approvals.push(row);
        self
    }

    pub fn node_run(mut self, n: u128) -> Self {
        self.0.node_runs.push(node_run(n));
        self
    }

    /// Commits this append alone.
    pub async fn commit(self, store: &dyn Store) -> Result<Committed, StoreError> {
        let mut answers = store.commit(vec![self.0]).await;
        assert_eq!(answers.len(), 1, "one entry, one answer");
        answers.remove(0)
    }

    /// Commits this append alone, and panics if that fails.
    pub async fn lands(self, store: &dyn Store) {
        let version = self.0.row.version;
        assert_eq!(self.commit(store).await.unwrap(), Committed { version });
    }
}

/// The positions of a run's whole log.
pub async fn positions(store: &dyn Store, n: u128) -> Vec<Position> {
    let log = store.log(TENANT, run(n), 0, usize::MAX).await.unwrap();
    log.into_iter().map(|recorded| recorded.position).collect()
}

/// Ids and epochs of the claimed effects.
pub fn held(claimed: &[Claimed]) -> Vec<(EffectId, Epoch)> {
    claimed.iter().map(|claimed| (claimed.effect.id, claimed.epoch)).collect()
}
