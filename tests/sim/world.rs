//! A world: servers over one store, clients, watchers, clocks, and one event at a time. The moves are in `moves.rs`.
//! How a world comes to rest, and the laws at its end, are in `rest.rs`.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runyard::clock::Clock;
use runyard::store::memory::Memory;

use crate::choices::{Choices, Script};
use crate::clients::Clients;
use crate::gates::Gates;
use crate::idle::Idle;
use crate::ledger::Ledger;
use crate::model::{BrokenLaw, Model};
use crate::outside::Next;
use crate::planted::Bug;
use crate::server::{Alive, Server};
use crate::store::Shared;
use crate::watch::Watchers;

/// The start time of every world, Unix milliseconds.
const BEGINNING_MS: i64 = 1_700_000_000_000;
/// How often the expensive laws are checked, in steps.
const CLOSELY_EVERY: usize = 64;
/// The maximum number of lines in a transcript.
const LINES_MAX: usize = 100_000;

/// The faults of a world: some worlds have few, so that the states after a fault are reached too.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    pub crashes: bool,
    pub store_errors: bool,
    pub slow_answers: bool,
    pub clock_jumps: bool,
    pub defects: bool,
}

/// How a world ended.
pub struct Report {
    /// The number of steps, including the ones to come to rest.
    pub steps: usize,
    /// The first broken law.
    pub broken: Option<BrokenLaw>,
    /// The draws.
    pub script: Script,
    /// The variants that were seen.
    pub ledger: Ledger,
    /// The last lines of the transcript; empty unless it was recorded.
    pub transcript: Vec<String>,
}

/// A world.
pub struct World {
    pub choices: Choices,
    pub faults: Faults,
    pub shared: Shared,
    pub next: Arc<Mutex<Next>>,
    pub servers: Vec<Server>,
    pub clients: Clients,
    pub watchers: Watchers,
    pub steps: usize,
    pub lives: u64,
    /// The latest time that any clock has shown.
    pub latest_ms: i64,
    idle: Idle,
    lines: Arc<Mutex<VecDeque<String>>>,
}

/// Runs one world to its end, or to the first broken law.
pub fn run(choices: Choices, bug: Option<Bug>, transcribing: bool) -> Report {
    let idle = Idle::default();
    let runtime = idle.runtime();
    let lines = Arc::new(Mutex::new(VecDeque::new()));
    let mut world = None;
    // A panic is a finding too.
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let world = world.insert(World::new(choices, bug, transcribing, idle, lines.clone()));
            world.live().await;
        });
    }));
    let world = world.expect("a world is made before anything can go wrong");
    let model = world.shared.model.clone();
    let mut model = model.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Err(panic) = ended {
        model.breaks("nothing panics", said(&*panic));
    }
    Report {
        steps: world.steps,
        broken: model.broken.first().cloned(),
        script: world.choices.script().clone(),
        ledger: model.ledger.clone(),
        transcript: Vec::from(std::mem::take(&mut *lines.lock().unwrap())),
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

impl World {
    fn new(
        mut choices: Choices,
        bug: Option<Bug>,
        transcribing: bool,
        idle: Idle,
        lines: Arc<Mutex<VecDeque<String>>>,
    ) -> World {
        choices.next_step();
        let two = choices.percent(50);
        let faults = Faults {
            crashes: choices.percent(70),
            store_errors: choices.percent(50),
            slow_answers: choices.percent(60),
            clock_jumps: choices.percent(40),
            defects: choices.percent(60),
        };
        let workers = 1 + choices.below(4);
        let mut model = Model::default();
        model.clocks_agree = !faults.clock_jumps;
        let shared = Shared {
            memory: Arc::new(Memory::new()),
            gates: Arc::new(Gates::default()),
            model: Arc::new(Mutex::new(model)),
            late: Arc::default(),
            crashing: Arc::default(),
            bug,
            transcribing,
        };
        let clock = |number: u64| Clock::scripted(BEGINNING_MS, number);
        let servers = (0..=u64::from(two)).map(|number| Server { clock: clock(number), workers, alive: None });
        let servers: Vec<Server> = servers.collect();
        let mut clients = Clients::default();
        clients.one_server = !two;
        World {
            choices,
            faults,
            shared,
            next: Arc::default(),
            servers,
            clients,
            watchers: Watchers::default(),
            steps: 0,
            lives: 0,
            latest_ms: BEGINNING_MS,
            idle,
            lines,
        }
    }

    async fn live(&mut self) {
        for place in 0..self.servers.len() {
            self.start(place);
        }
        while self.choices.next_step() {
            let made = self.make_a_move();
            if self.settle(made).await {
                return;
            }
        }
        self.come_to_rest().await;
    }

    /// Lets all tasks run until all of them wait, then checks the result. True if a law is broken.
    pub async fn settle(&mut self, what: String) -> bool {
        self.tell(|| what);
        self.idle.all_wait().await;
        self.shared.gates.line_up();
        self.steps += 1;
        for line in self.clients.take_answers(&self.shared) {
            self.tell(|| line);
        }
        self.watchers.take(&self.shared.model);
        self.look_after_servers();
        let mut model = self.shared.model.lock().unwrap();
        if self.steps.is_multiple_of(CLOSELY_EVERY) {
            model.look_closely(&self.shared.memory);
        }
        match model.broken.first() {
            Some(broken) => {
                let line = format!("BROKEN: {}: {}", broken.law, broken.by);
                drop(model);
                self.tell(|| line);
                true
            }
            None => false,
        }
    }

    /// A driver runs until it is stopped; then the rest of the server stops too.
    fn look_after_servers(&mut self) {
        for place in 0..self.servers.len() {
            let Some(alive) = &self.servers[place].alive else { continue };
            if !alive.driver.is_finished() {
                continue;
            }
            if !alive.stopping.is_cancelled() {
                let mut model = self.shared.model.lock().unwrap();
                model.breaks("a driver runs until it is stopped", format!("server {place}"));
            }
            self.end(place);
        }
    }

    /// A line for the transcript.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        if !self.shared.transcribing {
            return;
        }
        let mut lines = self.lines.lock().unwrap();
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(format!("{:>5}  {}", self.steps, line()));
    }

    /// Begins a life.
    pub fn start(&mut self, place: usize) {
        self.lives += 1;
        if self.servers.len() == 1 {
            // The only owner of the store knows that no other server executes effects.
            self.shared.memory.free_all();
        }
        let server = &mut self.servers[place];
        self.latest_ms = self.latest_ms.max(server.clock.now_ms());
        server.clock = server.clock.restarted();
        server.alive = Some(Alive::start(&self.shared, &self.next, server.clock.clone(), server.workers, self.lives));
    }

    /// Ends a life. Its pending commits are written or lost.
    pub fn end(&mut self, place: usize) {
        let Some(alive) = self.servers[place].alive.take() else { return };
        let life = alive.life;
        alive.kill();
        self.clients.cut_off(life);
        self.watchers.cut_off(life);
        self.shared.crashing.store(true, std::sync::atomic::Ordering::Relaxed);
        for waiting in self.shared.gates.take(life) {
            if waiting.what == crate::gates::RequestKind::Commit && self.choices.percent(50) {
                waiting.act_without_receiver();
            }
        }
        self.shared.crashing.store(false, std::sync::atomic::Ordering::Relaxed);
        self.shared.late.lock().unwrap().clear();
        self.shared.model.lock().unwrap().look_closely(&self.shared.memory);
    }

    /// Live servers.
    pub fn alive(&self) -> Vec<usize> {
        (0..self.servers.len()).filter(|place| self.servers[*place].alive.is_some()).collect()
    }

    /// Advances the time of all clocks.
    pub fn pass(&self, milliseconds: u64) {
        for server in &self.servers {
            server.clock.advance(Duration::from_millis(milliseconds));
        }
    }
}
