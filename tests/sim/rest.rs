//! How a world comes to rest: no more faults happen, all gates open, time passes. Then every run has ended or waits for
//! an external worker. Those runs are canceled, and nothing may be left.

use runyard::store::Claims;
use runyard_engine::{Command, Outcome, RunId};

use crate::clients::Action;
use crate::draw;
use crate::gates::{RequestKind, Verdict};
use crate::watch::{Api, Reader};
use crate::world::World;

/// How far time advances at once, milliseconds: longer than a lease, and than a driver's longest sleep.
const PASSES_MS: u64 = 31_000;
/// How often time may advance before everything must have happened: half an hour, and the longest sleep is a minute.
const PASSES_MAX: usize = 60;

impl World {
    /// Comes to rest, and checks what is left against the laws.
    pub async fn come_to_rest(&mut self) {
        self.tell(|| "the world comes to rest".to_owned());
        self.clocks_agree_again();
        for reader in 0..self.watchers.readers.len() {
            self.watchers.readers[reader].disconnect();
        }
        if self.quiet(false).await {
            return;
        }
        self.watch_every_run();
        let live = self.shared.model.lock().unwrap().live();
        for (tenant, run) in live {
            self.cancel(&tenant, run);
        }
        if self.quiet(true).await {
            return;
        }
        self.get_every_run();
        if self.quiet(true).await {
            return;
        }
        self.last_look();
        _ = self.settle("all is over".to_owned()).await;
    }

    /// Requests the state of every run once more.
    fn get_every_run(&mut self) {
        self.clients.at_rest = true;
        let runs: Vec<(String, RunId)> = {
            let model = self.shared.model.lock().unwrap();
            model.runs.iter().map(|(run, known)| (known.tenant.clone(), *run)).collect()
        };
        for (tenant, run) in runs {
            if let Some(tenant) = draw::tenant(&tenant) {
                _ = self.ask(tenant, Action::Get { run });
            }
        }
    }

    /// Starts every server, and sets all clocks to the latest time of any of them. In this order: a restarted clock shows
    /// again what the machine's clock was set back to.
    fn clocks_agree_again(&mut self) {
        for place in 0..self.servers.len() {
            if self.servers[place].alive.as_ref().is_some_and(|alive| alive.stopping.is_cancelled()) {
                self.end(place);
            }
            if self.servers[place].alive.is_none() {
                self.start(place);
            }
        }
        let shown_ms = self.servers.iter().map(|server| server.clock.now_ms());
        let latest_ms = shown_ms.fold(self.latest_ms, i64::max);
        for server in &self.servers {
            // A clock that was set back has to catch up first.
            while server.clock.now_ms() < latest_ms {
                server.clock.jump((latest_ms - server.clock.now_ms()).max(1_000));
            }
        }
    }

    /// A reader watches every run from its beginning, and every other reader continues.
    fn watch_every_run(&mut self) {
        let runs: Vec<(String, RunId)> = {
            let model = self.shared.model.lock().unwrap();
            model.runs.iter().map(|(run, known)| (known.tenant.clone(), *run)).collect()
        };
        for (place, (tenant, run)) in runs.into_iter().enumerate() {
            let Some(tenant) = draw::tenant(&tenant) else { continue };
            // One API of each run from the beginning: over many worlds, all of them.
            let api = Api::ALL[place % Api::ALL.len()];
            self.watchers.readers.push(Reader::new(tenant, run, api, 0));
        }
        for reader in 0..self.watchers.readers.len() {
            if !self.watchers.readers[reader].over {
                _ = self.connect(reader);
            }
        }
    }

    fn cancel(&mut self, tenant: &str, run: RunId) {
        let Some(tenant) = draw::tenant(tenant) else { return };
        _ = self.ask(tenant, Action::Command { run, command: Command::Cancel { reason: None } });
    }

    /// Lets everything happen that can, and time pass, until no effect is left. True if a law is broken.
    async fn quiet(&mut self, last: bool) -> bool {
        let mut passes = 0;
        loop {
            if self.let_all_through().await {
                return true;
            }
            if self.is_quiet(last) {
                return false;
            }
            passes += 1;
            if passes > PASSES_MAX {
                let mut model = self.shared.model.lock().unwrap();
                let waiting: Vec<String> = model.live().into_iter().map(|(_, run)| run.to_string()).collect();
                model.breaks("every run ends or waits for something named", waiting.join(" "));
                return true;
            }
            self.pass(PASSES_MS);
            if self.settle(format!("{PASSES_MS} ms pass")).await {
                return true;
            }
        }
    }

    /// Opens every gate, one per step, in the order of arrival.
    async fn let_all_through(&mut self) -> bool {
        loop {
            let (waiting, pending) = self.shared.gates.open();
            let what = if pending > 0 {
                self.shared.gates.tell(0);
                "an answer is delivered".to_owned()
            } else if waiting > 0 {
                let words = self.shared.gates.words(0);
                self.answer_plainly(self.shared.gates.what(0));
                self.shared.gates.act(0, Verdict::Go);
                self.shared.gates.tell(0);
                words
            } else {
                return false;
            };
            if self.settle(what).await {
                return true;
            }
        }
    }

    fn answer_plainly(&mut self, what: RequestKind) {
        let mut next = self.next.lock().unwrap();
        match what {
            RequestKind::Plan => next.plan = Some(Ok(draw::plainest_plan(&crate::outside::catalog()))),
            RequestKind::Load => next.loaded = Some(Ok(draw::plainest_made(&crate::outside::catalog()))),
            RequestKind::Call => next.outcome = Some(Outcome::Succeeded { outputs: Default::default() }),
            RequestKind::Launch | RequestKind::Commit | RequestKind::Claim | RequestKind::Read => {}
        }
    }

    /// Whether nothing more will happen without a caller.
    fn is_quiet(&self, last: bool) -> bool {
        let model = self.shared.model.lock().unwrap();
        let reading = last && self.watchers.readers.iter().any(Reader::is_open);
        !model.wants() && self.clients.in_flight.is_empty() && !reading
    }

    /// The laws at the end of a world.
    fn last_look(&mut self) {
        let mut model = self.shared.model.lock().unwrap();
        for (_, run) in model.live() {
            model.breaks("every run ends or waits for something named", format!("{run} was canceled and lives"));
        }
        let due = futures::FutureExt::now_or_never(self.shared.memory.next_due());
        if !matches!(due, Some(Ok(None))) {
            model.breaks("nothing is wanted when all is over", format!("{due:?}"));
        }
        self.watchers.finish(&mut model);
        model.look_closely(&self.shared.memory);
    }
}
