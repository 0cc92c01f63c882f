//! The moves of a world, and how they are drawn. The first choice is the simplest: a gate opens, and all goes well.

use runyard_engine::{self as engine, ApprovalId, Command, NodeKind, NodeRunId, Outcome, RunId, Verdict as Ruling};

use crate::clients::{Action, Request};
use crate::draw;
use crate::gates::{RequestKind, Verdict};
use crate::ledger;
use crate::outside::catalog;
use crate::planted::Bug;
use crate::watch::{Api, Reader};
use crate::world::World;

/// The limits of one world.
const RUNS_MAX: usize = 10;
const READERS_MAX: usize = 8;
/// How far time advances in one step, milliseconds.
const PASSES_MS: [u64; 7] = [1, 20, 250, 1_000, 3_000, 15_000, 60_000];
const JUMPS_MS: [i64; 6] = [-10, 5_000, -5_000, 600_000, -600_000, -3_600_000];

/// The moves.
#[derive(Debug, Clone, Copy)]
enum Move {
    Open,
    Answer,
    Pass,
    Call,
    Watch,
    Late,
    Restart,
    Crash,
    Stop,
    Jump,
    CatchUp,
}

const MOVES: [Move; 11] = [
    Move::Open,
    Move::Answer,
    Move::Pass,
    Move::Call,
    Move::Watch,
    Move::Late,
    Move::Restart,
    Move::Crash,
    Move::Stop,
    Move::Jump,
    Move::CatchUp,
];

impl World {
    /// Draws a move and makes it. Returns its description for the transcript.
    pub fn make_a_move(&mut self) -> String {
        let weights = MOVES.map(|one| self.weight(one));
        match MOVES[self.choices.weighted(&weights)] {
            Move::Open => self.open_a_gate(),
            Move::Answer => self.tell_an_answer(),
            Move::Pass => self.let_time_pass(),
            Move::Call => self.call(),
            Move::Watch => self.watch(),
            Move::Late => self.come_late(),
            Move::Restart => self.restart(),
            Move::Crash => self.crash(),
            Move::Stop => self.stop(),
            Move::Jump => self.jump(),
            Move::CatchUp => {
                self.shared.catch_up();
                "the store catches up".to_owned()
            }
        }
    }

    /// The weight of a move; 0 where it is impossible.
    fn weight(&self, one: Move) -> usize {
        let (waiting, pending) = self.shared.gates.open();
        let (alive, down) = (self.alive().len(), self.servers.len() - self.alive().len());
        let only = |weight: usize, when: bool| if when { weight } else { 0 };
        match one {
            Move::Open => only(60, waiting > 0),
            Move::Answer => only(40, pending > 0),
            Move::Pass => 8,
            Move::Call => only(10, alive > 0),
            Move::Watch => only(4, alive > 0 && !self.shared.model.lock().unwrap().runs.is_empty()),
            Move::Late => only(1, alive > 0),
            Move::Restart => only(12, down > 0),
            Move::Crash => only(1, alive > 0 && self.faults.crashes),
            Move::Stop => only(1, alive > 0 && self.faults.crashes),
            Move::Jump => only(1, self.faults.clock_jumps),
            Move::CatchUp => only(4, self.shared.bug == Some(Bug::AcknowledgesBeforeCommit)),
        }
    }

    fn open_a_gate(&mut self) -> String {
        let (waiting, _) = self.shared.gates.open();
        let place = self.choices.below(waiting);
        let verdict = self.verdict(self.shared.gates.what(place));
        let words = self.shared.gates.words(place);
        self.shared.gates.act(place, verdict);
        let held_back = self.faults.slow_answers && self.choices.percent(20);
        if !held_back {
            let (_, pending) = self.shared.gates.open();
            self.shared.gates.tell(pending - 1);
        }
        format!("{words}: {verdict:?}{}", if held_back { ", held back" } else { "" })
    }

    fn verdict(&mut self, what: RequestKind) -> Verdict {
        let odd = match what {
            RequestKind::Plan => {
                let plan = draw::plan(&mut self.choices, &catalog());
                self.next.lock().unwrap().plan = Some(plan);
                self.faults.defects
            }
            RequestKind::Load => {
                let made = draw::made(&mut self.choices, &catalog());
                self.next.lock().unwrap().loaded = Some(made);
                self.faults.defects
            }
            RequestKind::Call => {
                let now_ms = self.now_ms();
                let outcome = draw::outcome(&mut self.choices, now_ms);
                self.shared.model.lock().unwrap().ledger.met(ledger::RESULTS, ledger::result(&outcome));
                self.next.lock().unwrap().outcome = Some(outcome);
                self.faults.defects
            }
            RequestKind::Launch => self.faults.defects,
            RequestKind::Commit | RequestKind::Claim | RequestKind::Read => {
                let faulty = self.faults.store_errors && self.choices.percent(6);
                return if faulty { *self.choices.pick(&self.store_faults(what)) } else { Verdict::Go };
            }
        };
        if odd && self.choices.percent(4) { Verdict::Odd } else { Verdict::Go }
    }

    /// The latest time of all clocks.
    fn now_ms(&self) -> i64 {
        self.servers.iter().map(|server| server.clock.now_ms()).max().unwrap_or_default()
    }

    fn store_faults(&self, what: RequestKind) -> [Verdict; 3] {
        match what {
            RequestKind::Commit | RequestKind::Claim => [Verdict::Busy, Verdict::Failed, Verdict::AnswerLost],
            _ => [Verdict::Busy, Verdict::Failed, Verdict::Failed],
        }
    }

    fn tell_an_answer(&mut self) -> String {
        let (_, pending) = self.shared.gates.open();
        let place = self.choices.below(pending);
        self.shared.gates.tell(place);
        "an answer is delivered".to_owned()
    }

    fn let_time_pass(&mut self) -> String {
        let milliseconds = *self.choices.pick(&PASSES_MS);
        self.pass(milliseconds);
        format!("{milliseconds} ms pass")
    }

    fn jump(&mut self) -> String {
        let server = self.choices.below(self.servers.len());
        let by_ms = *self.choices.pick(&JUMPS_MS);
        self.servers[server].clock.jump(by_ms);
        format!("the clock of server {server} is set by {by_ms} ms")
    }

    fn restart(&mut self) -> String {
        let down: Vec<usize> = (0..self.servers.len()).filter(|place| self.servers[*place].alive.is_none()).collect();
        let place = *self.choices.pick(&down);
        self.start(place);
        format!("server {place} starts")
    }

    fn crash(&mut self) -> String {
        let alive = self.alive();
        let place = *self.choices.pick(&alive);
        self.end(place);
        format!("server {place} crashes")
    }

    fn stop(&mut self) -> String {
        let alive = self.alive();
        let place = *self.choices.pick(&alive);
        if let Some(alive) = &self.servers[place].alive {
            alive.stopping.cancel();
        }
        format!("server {place} begins to stop")
    }

    /// Sends a request to a live server.
    pub fn ask(&mut self, tenant: &'static str, request: Action) -> String {
        let alive = self.alive();
        let place = *self.choices.pick(&alive);
        let Some(alive) = &mut self.servers[place].alive else { return String::new() };
        let since = {
            let mut model = self.shared.model.lock().unwrap();
            if let Some(word) = request.command() {
                model.ledger.met(ledger::COMMANDS, word);
            }
            request.run().and_then(|run| model.runs.get(&run)).map_or(0, |known| known.state.version)
        };
        let words = if self.shared.transcribing { request.words() } else { String::new() };
        alive.tasks.retain(|task| !task.is_finished());
        alive.tasks.push(self.clients.ask(&alive.runs, alive.life, tenant, request, since));
        format!("request to server {place}: {words}")
    }

    fn call(&mut self) -> String {
        let Some((tenant, run)) = self.some_run() else { return self.start_a_run() };
        match self.choices.weighted(&[12, 20, 30, 12, 12, 14, 4, 24, 3, 6, 10, 1]) {
            0 => self.start_a_run(),
            1 => self.ask_again(),
            2 => self.give_children(tenant, run),
            3 => {
                let (evaluation, recovery) = draw::evaluation(&mut self.choices);
                let Some(node_run) = self.some_node_run(run) else { return self.ask_again() };
                self.ask(tenant, Action::Command { run, command: Command::Evaluate { node_run, evaluation, recovery } })
            }
            4 => {
                let completion = draw::completion(&mut self.choices);
                let Some(node_run) = self.some_node_run(run) else { return self.ask_again() };
                self.ask(tenant, Action::Command { run, command: Command::Complete { node_run, completion } })
            }
            5 => self.ask(tenant, Action::Get { run }),
            6 => self.ask(tenant, Action::Command { run, command: Command::Cancel { reason: None } }),
            7 => self.decide(tenant, run),
            8 => self.ask(tenant, Action::Command { run, command: Command::Pause { reason: None, by: None } }),
            9 => self.ask(tenant, Action::Command { run, command: Command::Resume { by: None } }),
            11 => {
                let error = draw::failure(&mut self.choices);
                self.ask(tenant, Action::Command { run, command: Command::Fail { error } })
            }
            _ => {
                let input = (*self.choices.pick(&["yes", "no"])).to_owned();
                let Some(node_run) = self.some_node_run(run) else { return self.ask_again() };
                self.ask(tenant, Action::Command { run, command: Command::Deliver { node_run, input } })
            }
        }
    }

    /// A caller decides an approval request: a current one, an old one, or one that does not exist.
    fn decide(&mut self, tenant: &'static str, run: RunId) -> String {
        let verdict = *self.choices.pick(&[Ruling::Approved, Ruling::Approved, Ruling::Approved, Ruling::Denied]);
        let by_token = self.choices.percent(40);
        let approvals: Vec<ApprovalId> = {
            let model = self.shared.model.lock().unwrap();
            let Some(known) = model.runs.get(&run) else { return String::new() };
            let (open, closed): (Vec<_>, Vec<_>) = known.state.asked().partition(|(node, _)| node.is_asked());
            let from = if open.is_empty() || self.choices.percent(20) { closed } else { open };
            from.into_iter().map(|(_, request)| request.id).collect()
        };
        if !approvals.is_empty() {
            let approval = *self.choices.pick(&approvals);
            return self.ask(tenant, Action::Decide { run, approval, verdict, by_token });
        }
        let Some(node_run) = self.some_node_run(run).filter(|_| self.choices.percent(30)) else {
            return self.give_children(tenant, run);
        };
        let approval = ApprovalId::of(run, node_run);
        let command = Command::Decide { approval, verdict, by: None, comment: None, inputs: None };
        self.ask(tenant, Action::Command { run, command })
    }

    fn start_a_run(&mut self) -> String {
        if self.clients.requests.len() >= RUNS_MAX {
            return self.ask_again();
        }
        let tenant = *self.choices.pick(&draw::TENANTS);
        let new = draw::new_run(&mut self.choices);
        self.clients.requests.push(Request { tenant, new });
        self.ask(tenant, Action::Start(self.clients.requests.len() - 1))
    }

    /// Repeats a request, as a caller does that missed the answer.
    fn ask_again(&mut self) -> String {
        let requests = self.clients.requests.len();
        let again = (0..requests).filter(|place| {
            let new = &self.clients.requests[*place].new;
            new.name.is_some() || new.key.is_some()
        });
        let again: Vec<usize> = again.collect();
        if again.is_empty() {
            return self.let_time_pass();
        }
        let place = *self.choices.pick(&again);
        self.ask(self.clients.requests[place].tenant, Action::Start(place))
    }

    fn give_children(&mut self, tenant: &'static str, run: RunId) -> String {
        let Some(parent) = self.some_node_run(run) else { return self.ask_again() };
        if self.choices.percent(50) {
            let children = draw::child_requests(&mut self.choices);
            return self.ask(tenant, Action::Children { run, parent, children });
        }
        let children = draw::child_specs(&mut self.choices, &catalog());
        self.ask(tenant, Action::Command { run, command: Command::CreateChildren { parent, children } })
    }

    /// Mostly an active one.
    fn some_run(&mut self) -> Option<(&'static str, RunId)> {
        let model = self.shared.model.lock().unwrap();
        let live = model.live();
        let all = || model.runs.iter().map(|(run, known)| (known.tenant.clone(), *run)).collect::<Vec<_>>();
        let from = if live.is_empty() || self.choices.percent(10) { all() } else { live };
        drop(model);
        if from.is_empty() {
            return None;
        }
        let (tenant, run) = self.choices.pick(&from).clone();
        draw::tenant(&tenant).map(|tenant| (tenant, run))
    }

    /// Mostly an active one that is driven from outside.
    fn some_node_run(&mut self, run: RunId) -> Option<NodeRunId> {
        let model = self.shared.model.lock().unwrap();
        let state = &model.runs.get(&run)?.state;
        let nodes = || state.order.iter().filter_map(|id| state.node(*id));
        let owned = nodes().filter(|node| node.is_live() && node.node_type.kind == NodeKind::External);
        let mut from: Vec<NodeRunId> = owned.map(|node| node.id).collect();
        if from.is_empty() || self.choices.percent(15) {
            from = state.order.clone();
        }
        if from.is_empty() { None } else { Some(*self.choices.pick(&from)) }
    }

    fn watch(&mut self) -> String {
        let closed: Vec<usize> =
            (0..self.watchers.readers.len()).filter(|place| !self.watchers.readers[*place].is_open()).collect();
        let may_come = self.watchers.readers.len() < READERS_MAX;
        if may_come && (closed.is_empty() || self.choices.percent(40)) {
            let Some((tenant, run)) = self.some_run() else { return String::new() };
            let api = *self.choices.pick(&Api::ALL);
            let seq = self.choices.below(4) as u64;
            let seq = seq.min(self.watchers.seen_to(run, api));
            self.watchers.readers.push(Reader::new(tenant, run, api, seq));
            return self.connect(self.watchers.readers.len() - 1);
        }
        if closed.is_empty() || self.choices.percent(40) {
            let place = self.choices.below(self.watchers.readers.len());
            self.watchers.readers[place].disconnect();
            return format!("reader {place} is cut off");
        }
        let place = *self.choices.pick(&closed);
        self.connect(place)
    }

    /// A reader connects to a live server.
    pub fn connect(&mut self, reader: usize) -> String {
        let alive = self.alive();
        let place = *self.choices.pick(&alive);
        if let Some(alive) = &mut self.servers[place].alive {
            alive.tasks.push(self.watchers.readers[reader].connect(&alive.projections, alive.life));
        }
        format!("reader {reader} connects to server {place}")
    }

    /// A result comes late, twice, or from a driver that was thought dead.
    fn come_late(&mut self) -> String {
        let claims = self.shared.model.lock().unwrap().claims();
        if claims.is_empty() {
            return self.let_time_pass();
        }
        let claimed = self.choices.pick(&claims).clone();
        let (effect, node_run) = (claimed.effect.id, claimed.effect.node_run);
        let now_ms = self.now_ms();
        let command = match (&claimed.effect.request, self.choices.percent(15)) {
            (engine::Request::Wake, false) | (_, true) => Command::Wake { effect, node_run },
            (engine::Request::Plan { .. }, _) => match draw::plan(&mut self.choices, &catalog()) {
                Ok(plan) => Command::Planned { effect, node_run, plan },
                Err(failure) => Command::Settle { effect, node_run, outcome: Outcome::Failed(failure) },
            },
            (engine::Request::Load { .. }, _) => match draw::made(&mut self.choices, &catalog()) {
                Ok(made) => {
                    let kind = *self.choices.pick(&[NodeKind::Graph, NodeKind::Each, NodeKind::Agent]);
                    let (inputs, content) = (made.inputs.clone(), made.content(kind));
                    Command::Loaded { effect, node_run, inputs, content }
                }
                Err(failure) => Command::Settle { effect, node_run, outcome: Outcome::Failed(failure) },
            },
            (engine::Request::Run { .. }, _) => {
                Command::Launched { effect, node_run, inputs: None, waits: self.choices.percent(70) }
            }
            (engine::Request::Stop { run }, _) => {
                Command::Report { node_run, report: Box::new(draw::report(&mut self.choices, *run)) }
            }
            (engine::Request::Report { .. }, _) => Command::Wake { effect, node_run },
            (engine::Request::Call { .. }, _) => {
                Command::Settle { effect, node_run, outcome: draw::outcome(&mut self.choices, now_ms) }
            }
        };
        let Some(tenant) = draw::tenant(&claimed.tenant) else { return String::new() };
        if self.shared.bug == Some(Bug::ForgetsThatFinalIsFinal) {
            return self.record_without_asking(tenant, claimed.run, node_run);
        }
        // With its own epoch, or with one that was never given.
        let epoch = claimed.epoch - i64::from(self.choices.percent(30));
        self.shared.model.lock().unwrap().impostors.insert(effect);
        self.ask(tenant, Action::Settle { run: claimed.run, command, claim: (effect, epoch) })
    }
}
