//! The callers: their requests, the answers, and whether each answer is allowed. A caller may lose its answer when the
//! server crashes, and repeats the request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use runyard::runs::{ApprovalDecision, ChildRequest, DecidedApproval, Error, NewRun, Runs, StartedRun};
use runyard::store::{Epoch, StoreError};
use runyard_engine::{ApprovalId, Command, EffectId, NodeRunId, RunId, State, Verdict};
use serde_json::Value;

use crate::store::Shared;

/// A request to a server.
#[derive(Debug, Clone)]
pub enum Action {
    /// The request at this place in [`Clients::requests`].
    Start(usize),
    /// A command from outside.
    Command { run: RunId, command: Command },
    /// Children, as a request of an API.
    Children { run: RunId, parent: NodeRunId, children: Vec<ChildRequest> },
    /// A decision, by an authorized caller or by a holder of its token.
    Decide { run: RunId, approval: ApprovalId, verdict: Verdict, by_token: bool },
    /// The state of a run.
    Get { run: RunId },
    /// A late or repeated result, as from a driver that was cut off.
    Settle { run: RunId, command: Command, claim: (EffectId, Epoch) },
}

/// An answer.
pub enum Answer {
    Started(Result<StartedRun, Error>),
    State(Result<Arc<State>, Error>),
    Decided(Result<DecidedApproval, Error>),
}

/// A request without an answer so far.
pub struct Call {
    pub tenant: &'static str,
    pub request: Action,
    /// The life of the server that received it.
    pub life: u64,
    /// The run's version at the time of the request.
    pub since: u64,
    /// The newest version of the run that any caller had seen at the time of the request.
    pub shown: u64,
}

/// A request that starts a run, possibly sent several times.
#[derive(Debug, Clone)]
pub struct Request {
    pub tenant: &'static str,
    pub new: NewRun,
}

/// All callers.
#[derive(Default)]
pub struct Clients {
    pub requests: Vec<Request>,
    pub in_flight: BTreeMap<u64, Call>,
    answers: Arc<Mutex<Vec<(u64, Answer)>>>,
    calls: u64,
    /// The run that a name or a key returned.
    named: BTreeMap<(&'static str, String), (RunId, Value)>,
    /// The newest version of a run that any caller has seen, by the life that showed it. With one server there is one
    /// entry for all its lives.
    shown: BTreeMap<(u64, RunId), u64>,
    /// Approvals whose decision was acknowledged to a caller.
    decided: BTreeSet<ApprovalId>,
    /// Whether there is one server only.
    pub one_server: bool,
    /// Whether the world is at rest.
    pub at_rest: bool,
}

impl Clients {
    /// Sends a request. [`Clients::answered`] finds the answer.
    pub fn ask(
        &mut self,
        runs: &Runs,
        life: u64,
        tenant: &'static str,
        request: Action,
        since: u64,
    ) -> tokio::task::AbortHandle {
        self.calls += 1;
        let (id, answers, runs) = (self.calls, self.answers.clone(), runs.clone());
        let shown = request.run().and_then(|run| self.shown.get(&(self.shower(life), run)).copied()).unwrap_or(0);
        let new = match &request {
            Action::Start(place) => Some(self.requests[*place].new.clone()),
            _ => None,
        };
        self.in_flight.insert(id, Call { tenant, request: request.clone(), life, since, shown });
        let task = tokio::spawn(async move {
            let answer = put(&runs, tenant, request, new).await;
            answers.lock().unwrap().push((id, answer));
        });
        task.abort_handle()
    }

    /// A life has ended, and its pending answers are lost.
    pub fn cut_off(&mut self, life: u64) {
        self.in_flight.retain(|_, call| call.life != life);
        self.answers.lock().unwrap().retain(|(id, _)| self.in_flight.contains_key(id));
    }

    /// Takes every answer that has arrived, and checks it against the laws.
    pub fn take_answers(&mut self, shared: &Shared) -> Vec<String> {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        let mut lines = Vec::new();
        for (id, answer) in answers {
            let Some(call) = self.in_flight.remove(&id) else { continue };
            if shared.transcribing {
                lines.push(format!("{} is answered: {}", call.request.words(), words(&answer)));
            }
            match answer {
                Answer::Started(Ok(started)) => self.started(shared, &call, &started),
                Answer::Started(Err(error)) => self.not_started(shared, &call, &error),
                Answer::State(Ok(state)) => self.state(shared, &call, &state),
                Answer::Decided(Ok(decided)) => self.decided(shared, &call, &decided),
                Answer::State(Err(error)) | Answer::Decided(Err(error)) => refused(shared, &call, &error),
            }
        }
        lines
    }

    fn shower(&self, life: u64) -> u64 {
        if self.one_server { 0 } else { life }
    }

    fn state(&mut self, shared: &Shared, call: &Call, state: &State) {
        let mut model = shared.model.lock().unwrap();
        model.answered(&shared.memory, call.life, call.tenant, state);
        if state.version < call.shown {
            let (at, before) = (state.version, call.shown);
            model.breaks("no caller gets an older state than before", format!("{}: {at} after {before}", state.run));
        }
        let newest = model.runs.get(&state.run).map_or(0, |known| known.state.version);
        if self.at_rest && self.one_server && state.version != newest {
            let at = state.version;
            model.breaks("a read at rest returns the end", format!("{} at {at} of {newest}", state.run));
        }
        let shown = self.shown.entry((self.shower(call.life), state.run)).or_default();
        *shown = state.version.max(*shown);
        let canceled = matches!(call.request, Action::Command { command: Command::Cancel { .. }, .. });
        if canceled && state.ended_at_ms.is_none() {
            model.breaks("a canceled run has ended", state.run.to_string());
        }
    }

    /// Of several equal decisions, only one has decided.
    fn decided(&mut self, shared: &Shared, call: &Call, decided: &DecidedApproval) {
        self.state(shared, call, &decided.state);
        let Action::Decide { approval, verdict, .. } = call.request else { return };
        let mut model = shared.model.lock().unwrap();
        if said(&decided.state, approval) != Some(verdict) {
            model.breaks("what is answered is what the log says", format!("{approval} is not {verdict}"));
        }
        if !decided.already && !self.decided.insert(approval) {
            model.breaks("an approval is decided once", approval.to_string());
        }
    }

    fn started(&mut self, shared: &Shared, call: &Call, started: &StartedRun) {
        self.state(shared, call, &started.state);
        let Action::Start(place) = call.request else { return };
        let Request { tenant, new } = &self.requests[place];
        let (run, start) = (started.state.run, started.state.start.as_ref());
        let mut model = shared.model.lock().unwrap();
        model.acknowledged(tenant, run);
        if start.is_none_or(|start| start.inputs != new.inputs || start.node_type.asked != new.node_type) {
            model.breaks("one request starts one run", format!("{run} was started by another request"));
        }
        for handle in handles(new) {
            let (first, request) = self.named.entry((tenant, handle.clone())).or_insert((run, new.request.clone()));
            if *first != run || *request != new.request {
                model.breaks("one request starts one run", format!("{handle} is {run} and {first}"));
            }
        }
    }

    /// A refused name or key must have been used for another request.
    fn not_started(&self, shared: &Shared, call: &Call, error: &Error) {
        let Action::Start(place) = call.request else { return };
        let Request { tenant, new } = &self.requests[place];
        if !matches!(error, Error::NameTaken { .. } | Error::KeyReused { .. }) {
            return impossible(shared, call, error);
        }
        let same = |handle| self.named.get(&(*tenant, handle)).is_some_and(|(_, request)| *request == new.request);
        if handles(new).into_iter().all(same) {
            let mut model = shared.model.lock().unwrap();
            model.breaks("a refusal is right", format!("{new:?} was refused as another's: {error}"));
        }
    }
}

/// The names by which a request can be found.
fn handles(new: &NewRun) -> Vec<String> {
    let name = new.name.as_ref().map(|name| format!("name {}", name.as_str()));
    let key = new.key.as_ref().map(|key| format!("{key:?}"));
    name.into_iter().chain(key).collect()
}

/// A refused command must have been invalid for the run at some moment since the request.
fn refused(shared: &Shared, call: &Call, error: &Error) {
    let mut model = shared.model.lock().unwrap();
    match (&call.request, error) {
        (Action::Command { run, command }, Error::Rejected(rejected)) => {
            model.refused(&shared.memory, call.tenant, *run, call.since, command, &rejected.to_string());
        }
        (Action::Decide { run, approval, verdict, .. }, Error::Rejected(rejected)) => {
            let (approval, verdict) = (*approval, *verdict);
            let command = Command::Decide { approval, verdict, by: None, comment: None, inputs: None };
            model.refused(&shared.memory, call.tenant, *run, call.since, &command, &rejected.to_string());
        }
        (Action::Decide { run, approval, verdict, by_token: true }, Error::UsedToken) => {
            let decided = model.runs.get(run).and_then(|known| said(&known.state, *approval));
            if decided != Some(*verdict) {
                model.breaks("a refusal is right", format!("the token for {approval} was called used"));
            }
        }
        _ => {
            drop(model);
            impossible(shared, call, error);
        }
    }
}

/// A decision about an approval.
fn said(state: &State, approval: ApprovalId) -> Option<Verdict> {
    let node = state.approvals.get(&approval).and_then(|id| state.node(*id))?;
    node.approval.as_ref()?.decided.as_ref().map(|decided| decided.verdict)
}

/// Errors that no fault explains.
fn impossible(shared: &Shared, call: &Call, error: &Error) {
    let wrong = match error {
        Error::Unreadable { .. } => true,
        Error::UnknownRun(_) | Error::UnknownNodeRun(_) => call.since > 0,
        // Callers decide only approvals that the store has shown.
        Error::UnknownApproval(_) | Error::InvalidToken | Error::UsedToken => true,
        Error::Store(StoreError::Fenced { .. }) => !matches!(call.request, Action::Settle { .. }),
        _ => false,
    };
    if wrong {
        let by = format!("{} was answered {error}", call.request.words());
        shared.model.lock().unwrap().breaks("what was written is found and read", by);
    }
}

async fn put(runs: &Runs, tenant: &str, request: Action, new: Option<NewRun>) -> Answer {
    match request {
        Action::Start(_) => Answer::Started(runs.start(tenant, new.expect("a start has a request")).await),
        Action::Command { run, command } => Answer::State(runs.submit(tenant, run, command).await),
        Action::Children { run, parent, children } => {
            Answer::State(runs.create_children(tenant, run, parent, children).await.map(|(state, _)| state))
        }
        Action::Decide { run, approval, verdict, by_token: true } => {
            let token = runs.decision_token(tenant, run, approval, verdict);
            Answer::Decided(runs.redeem(&token, Some(tenant), None).await)
        }
        Action::Decide { approval, verdict, .. } => {
            let said = ApprovalDecision { verdict, by: Some("ada".to_owned()), comment: None, inputs: None };
            Answer::Decided(runs.decide(tenant, approval, said).await)
        }
        Action::Get { run } => Answer::State(runs.get(tenant, &run.to_string()).await),
        Action::Settle { run, command, claim } => Answer::State(runs.settle(tenant, run, command, claim).await),
    }
}

impl Action {
    /// The run of the request, if it exists already.
    pub fn run(&self) -> Option<RunId> {
        match self {
            Action::Start(_) => None,
            Action::Command { run, .. }
            | Action::Children { run, .. }
            | Action::Decide { run, .. }
            | Action::Get { run }
            | Action::Settle { run, .. } => Some(*run),
        }
    }

    /// The name of the command that the engine receives.
    pub fn command(&self) -> Option<&'static str> {
        match self {
            Action::Start(_) => Some("command start"),
            Action::Children { .. } => Some("command create children"),
            Action::Command { command, .. } | Action::Settle { command, .. } => Some(crate::ledger::command(command)),
            Action::Decide { .. } => Some("command decide"),
            Action::Get { .. } => None,
        }
    }

    /// For the transcript.
    pub fn words(&self) -> String {
        match self {
            Action::Start(place) => format!("start of request {place}"),
            Action::Command { run, command } => format!("{} of {run}", crate::ledger::command(command)),
            Action::Children { run, .. } => format!("children of {run}"),
            Action::Decide { run, approval, verdict, by_token } => {
                let how = if *by_token { " by token" } else { "" };
                format!("{approval} of {run} is {verdict}{how}")
            }
            Action::Get { run } => format!("get {run}"),
            Action::Settle { run, claim, .. } => format!("late result {} of {run}", claim.0),
        }
    }
}

fn words(answer: &Answer) -> String {
    match answer {
        Answer::Started(Ok(started)) => {
            format!("{} at {}, replayed {}", started.state.run, started.state.version, started.replayed)
        }
        Answer::State(Ok(state)) => format!("{} at {}", state.run, state.version),
        Answer::Decided(Ok(decided)) => {
            format!("{} at {}, already {}", decided.state.run, decided.state.version, decided.already)
        }
        Answer::Started(Err(error)) | Answer::State(Err(error)) | Answer::Decided(Err(error)) => format!("{error}"),
    }
}
