//! One server of a world: the real `Runs`, the real driver and three real dialect modules over the simulated store. A
//! life begins with a start and ends with a crash or a stop; afterwards only the committed data is left.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use runyard::auth::{self, Guard, LocalToken};
use runyard::clock::Clock;
use runyard::compute::Compute;
use runyard::config::Auth;
use runyard::dialects::run_gateway::Coordinator;
use runyard::dialects::{run_gateway, runtime};
use runyard::driver;
use runyard::expressions::{self, Expressions};
use runyard::feed::RunNotifier;
use runyard::nodes::credentials::NoCredentials;
use runyard::nodes::perform::InProcess;
use runyard::runs::{Limits, Parts, Runs};
use runyard::store::memory::Memory;
use runyard_api::arp;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::outside::{Next, Outside};
use crate::store::{Shared, StoreOfLife};

/// How long a claim holds.
pub const LEASE_MS: i64 = 3_000;

/// The place of a server, with its own clock.
pub struct Server {
    pub clock: Clock,
    pub workers: usize,
    pub alive: Option<Alive>,
}

/// A running server.
pub struct Alive {
    /// Different for each life of each server.
    pub life: u64,
    pub runs: Runs,
    pub projections: Arc<Projections>,
    pub driver: JoinHandle<()>,
    pub stopping: CancellationToken,
    /// Calls in flight and streams that are open.
    pub tasks: Vec<AbortHandle>,
}

/// The APIs that number events, each by its own rule.
pub struct Projections {
    pub gateway: run_gateway::Handlers,
    pub runtime: runtime::Handlers,
    pub native: runyard::dialects::runyard::Handlers,
}

impl Alive {
    /// Starts a server.
    pub fn start(shared: &Shared, next: &Arc<Mutex<Next>>, clock: Clock, workers: usize, life: u64) -> Alive {
        let store = Arc::new(StoreOfLife { shared: shared.clone(), life });
        let (notifier, work) = (Arc::new(RunNotifier::default()), Arc::new(Notify::new()));
        let runs = Runs::new(Parts {
            store: store.clone(),
            providers: crate::outside::providers(),
            clock: clock.clone(),
            notifier,
            work: work.clone(),
            secret: [7; 32],
            limits: Limits { parallel_max: 3, table: runyard::limits::Limits::default() },
            compute: Compute::inline(),
        });
        let expressions = Arc::new(Expressions::new(expressions::Limits::default(), clock.clone()));
        let performer =
            InProcess { providers: crate::outside::providers(), expressions, credentials: Arc::new(NoCredentials) };
        let outside = Arc::new(Outside { shared: shared.clone(), next: next.clone(), life, performer });
        let stopping = CancellationToken::new();
        let parts = driver::Parts {
            store,
            runs: runs.clone(),
            performer: outside.clone(),
            planner: outside,
            clock,
            work,
            settings: driver::Settings { claimer: life.to_string(), workers, lease_ms: LEASE_MS },
        };
        let guard = guard(parts.clock.clone());
        let projections = Projections {
            gateway: run_gateway::Handlers::new(
                Coordinator::Local(runs.clone()),
                guard.gate(&arp::run_gateway::DOCUMENT),
            ),
            runtime: runtime::Handlers::new(runs.clone(), guard.gate(&arp::runtime::DOCUMENT), Duration::ZERO),
            native: runyard::dialects::runyard::Handlers::new(
                runs.clone(),
                Arc::new(OnceLock::new()),
                guard.gate(&runyard_api::runyard::DOCUMENT),
                guard.keys().clone(),
            ),
        };
        let driver = tokio::spawn(driver::drive(parts, stopping.clone()));
        Alive { life, runs, projections: Arc::new(projections), driver, stopping, tasks: Vec::new() }
    }

    /// Drops all state in memory at once.
    pub fn kill(self) {
        self.driver.abort();
        for task in self.tasks {
            task.abort();
        }
    }
}

/// The simulation calls dialect modules as their APIs do after authentication, so no caller has a key.
fn guard(clock: Clock) -> Guard {
    let local = LocalToken::random(Ipv4Addr::LOCALHOST.into()).expect("the machine has random bytes");
    let parts = auth::Parts { store: Arc::new(Memory::new()), clock, local };
    Guard::new(&Auth::default(), parts).expect("no provider is named")
}
