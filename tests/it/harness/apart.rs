//! The APIs alone: no driver, a fixed clock, a store that can fail on command, and a stop that leaves the APIs open.

use std::ops::Deref;
use std::sync::Arc;

use runyard::auth::{Guard, LocalToken, Parts as Known};
use runyard::clock::Clock;
use runyard::compute::Compute;
use runyard::config::{Auth, Config};
use runyard::dialects::run_gateway::Coordinator;
use runyard::feed::RunNotifier;
use runyard::listeners;
use runyard::nodes::Providers;
use runyard::objects::Objects;
use runyard::runs::{Limits, Parts, Runs};
use runyard_api::host::{self, CancellationToken, Settings};
use tokio::sync::Notify;

use super::clients::Clients;
use super::trouble::{Mode, Trouble};

/// The APIs, and the parts behind them that a test controls.
pub struct Apart {
    pub clients: Clients,
    pub clock: Clock,
    pub stopping: CancellationToken,
    store: Arc<Trouble>,
    _servers: Vec<host::Server>,
}

impl Apart {
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    /// APIs with other settings. The test controls the stop all the same.
    pub fn with(settings: Settings) -> Self {
        Self::asking(settings, &Auth::default())
    }

    /// APIs with required authentication. The clients send the local token.
    pub fn asking(settings: Settings, auth: &Auth) -> Self {
        let (store, clock) = (Arc::new(Trouble::new()), Clock::manual(1_800_000_000_000));
        let runs = Runs::new(Parts {
            store: store.clone(),
            providers: Providers::builtin(),
            clock: clock.clone(),
            notifier: Arc::new(RunNotifier::default()),
            work: Arc::new(Notify::new()),
            secret: [7; 32],
            limits: Limits { parallel_max: 16, table: runyard::limits::Limits::default() },
            compute: Compute::inline(),
        });
        let stopping = CancellationToken::new();
        let settings = Settings { stopping: stopping.clone(), ..settings };
        // The clock is fixed, so nothing that waits for a time would end.
        let runtime = runyard::config::Runtime { sync_wait_ms: 0 };
        let config = Config { port_base: 0, auth: auth.clone(), runtime, ..Config::default() };
        let local = LocalToken::random(config.host).unwrap();
        let token = local.secret().expose().to_owned();
        let parts = Known { store: store.clone(), clock: clock.clone(), local };
        let guard = Guard::new(&config.auth, parts).unwrap();
        let log = slog::Logger::root(slog::Discard, slog::o!());
        let objects = Objects::new(store.clone(), clock.clone());
        let inside = listeners::Inside { gateway: Coordinator::Local(runs.clone()), runs, objects, guard };
        let (clients, servers) = listeners::open(&config, inside, &settings, &log).unwrap();
        let url = |name: &str| clients.iter().find(|api| api.name == name).map(|api| api.url.clone()).unwrap();
        let clients = Clients::of(url, Some(token));
        Apart { clients, clock, stopping, store, _servers: servers }
    }

    /// Sets the behaviour of the store from now on.
    pub fn store_is(&self, mode: Mode) {
        self.store.set(mode);
    }
}

impl Deref for Apart {
    type Target = Clients;

    fn deref(&self) -> &Clients {
        &self.clients
    }
}
