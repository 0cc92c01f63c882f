//! A whole server in one value: data folder, store, driver, listeners. Starting and stopping it loses no data.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use runyard_api::host::{self, Budget, Closed, ConnectionLimits, Connections, Settings};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::auth::{self, Guard, LocalToken, Outbound, ProviderError, Secret};
use crate::clock::Clock;
use crate::compute::Compute;
use crate::config::{Config, Coordinator, GatewayMode, Goals};
use crate::dialects::run_gateway;
use crate::driver;
use crate::expressions::{self, Expressions};
use crate::feed::RunNotifier;
use crate::limits::Limits;
use crate::listeners::{self, ListenError, Listener};
use crate::nodes::integrations::{Integrations, Operations, SecretError};
use crate::nodes::mcp::{self, McpServers, TargetError, Targets};
use crate::nodes::models::{self, Models};
use crate::nodes::openapi::{OpenapiError, OpenapiServices, stored};
use crate::nodes::perform::InProcess;
use crate::nodes::perform::http::{Http, Outside, OutsideError};
use crate::nodes::{Provider, Providers};
use crate::objects::Objects;
use crate::open_files;
use crate::planner::{GoalPlanner, LexicalPlanner, PlannerOfTenant};
use crate::retention;
use crate::runs::remote::{RemoteCoordinator, RemoteError};
use crate::runs::{self, Runs};
use crate::store::folder::{Folder, FolderError, Owned, ServerInfo};
use crate::store::{Backend, StoreError};

/// A running server.
pub struct Server {
    listeners: Vec<Listener>,
    servers: Vec<host::Server>,
    driver: Option<JoinHandle<()>>,
    keeping: JoinHandle<()>,
    stopping: CancellationToken,
    stop_within: Duration,
    clock: Clock,
    folder: PathBuf,
    store: Arc<dyn Backend>,
    mcp: Arc<McpServers>,
    owned: Owned,
    local: LocalToken,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another process uses the data folder, or it cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A listener did not open.
    #[error(transparent)]
    Listener(#[from] ListenError),
    /// The identity provider's address is not valid.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The remote coordinator's address is not valid.
    #[error(transparent)]
    Coordinator(#[from] RemoteError),
    /// An integration's secret is missing.
    #[error(transparent)]
    Integration(#[from] SecretError),
    /// An MCP server's secret is missing.
    #[error(transparent)]
    Mcp(#[from] TargetError),
    /// The key of a model is missing.
    #[error(transparent)]
    Model(#[from] models::TargetError),
    /// A document or a secret of an OpenAPI service cannot be read.
    #[error(transparent)]
    Openapi(#[from] OpenapiError),
    /// The HTTP client for outbound requests cannot be created.
    #[error(transparent)]
    Outside(#[from] OutsideError),
}

impl Server {
    /// Locks the data folder, opens the store, starts the driver, and opens the listeners.
    ///
    /// # Errors
    /// [`ServeError`], each with its fix. After an error, everything that was opened is closed again.
    pub async fn start(config: &Config, log: slog::Logger) -> Result<Self, ServeError> {
        // A quarter of the workers is reserved for other tenants, however much work one tenant has.
        let workers = config.workers.saturating_sub(config.workers / 4).max(1);
        let calls = usize::try_from(config.limits.effects_in_flight).unwrap_or(usize::MAX).min(workers);
        Self::start_with(config, log, || config.store.url.open(&config.data_dir, calls)).await
    }

    /// As [`start`](Self::start), with this store. Data that the store does not write to the folder is not durable.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_over(config: &Config, log: slog::Logger, store: Arc<dyn Backend>) -> Result<Self, ServeError> {
        Self::start_with(config, log, || Ok(store)).await
    }

    /// Opens the store only after the folder is locked.
    async fn start_with(
        config: &Config,
        log: slog::Logger,
        store: impl FnOnce() -> Result<Arc<dyn Backend>, StoreError>,
    ) -> Result<Self, ServeError> {
        let operations = Operations::open(&config.integrations, |name| std::env::var(name).ok())?;
        let targets = Targets::open(&config.tools.mcp, |name| std::env::var(name).ok())?;
        let models = models::Targets::open(&config.models, |name| std::env::var(name).ok())?;
        let owned = Folder::own(&config.data_dir)?;
        let secret = owned.secret_key(std::env::var("RUNYARD_SECRET_KEY").ok().as_deref())?;
        let store = store()?;
        let stopping = CancellationToken::new();
        let work = Arc::new(Notify::new());
        let clock = Clock::system();
        // If callers with and without credentials are mixed, those without one may use no integration. Without
        // authentication all callers are the operator.
        let anonymous = config.auth.is_optional_somewhere().then_some(auth::DEFAULT_TENANT);
        let outside = Arc::new(Outside::new(&config.egress)?);
        let integrations = Integrations::listed(&config.integrations, anonymous).called_by(outside.clone(), operations);
        let mcp = Arc::new(McpServers::start(mcp::Parts {
            targets,
            anonymous,
            outside: outside.clone(),
            clock: clock.clone(),
            folder: config.data_dir.join("mcp"),
        }));
        mcp.settled().await;
        let models = Arc::new(Models::new(models, anonymous, outside.clone()));
        let openapi = OpenapiServices::open(
            &config.tools.openapi,
            &stored::folder(&config.data_dir),
            anonymous,
            outside.clone(),
            |name| std::env::var(name).ok(),
        )?;
        let others: [Arc<dyn Provider>; 4] = [Arc::new(integrations), mcp.clone(), models, Arc::new(openapi)];
        let providers = Providers::builtin_and(Http(Some(outside)), others);
        let compute = compute(&config.limits, clock.clone());
        let runs = Runs::new(runs::Parts {
            store: store.clone(),
            providers: providers.clone(),
            clock: clock.clone(),
            notifier: Arc::new(RunNotifier::default()),
            work: work.clone(),
            secret,
            limits: runs::Limits { parallel_max: config.parallel_max, table: config.limits },
            compute: compute.clone(),
        });
        if !config.host.is_loopback() && config.auth.is_open_somewhere() {
            tracing::warn!(
                host = %config.host,
                "other machines can reach this server, and some API needs no credential (insecure_allow_remote): every caller may do everything there"
            );
        }
        let settings = http_settings(config, &stopping);
        let local = LocalToken::random(config.host).map_err(FolderError::NoRandomness)?;
        let parts = auth::Parts { store: store.clone(), clock: clock.clone(), local: local.clone() };
        let inside = listeners::Inside {
            runs: runs.clone(),
            objects: Objects::new(store.clone(), clock.clone()),
            guard: Guard::new(&config.auth, parts)?,
            gateway: coordinator(config, &runs, &local)?,
        };
        let (listeners, servers) = listeners::open(config, inside, &settings, &log)?;
        let keeping = retention::Parts {
            store: store.clone(),
            runs: runs.clone(),
            clock: clock.clone(),
            settings: config.retention.clone(),
        };
        let (resting, until) = (runs.clone(), stopping.clone());
        let keeping = tokio::spawn(async move {
            tokio::join!(retention::keep(keeping, until), resting.rest_when_idle());
        });
        let (limits, planning, goals) = (config.limits, compute.clone(), config.goals);
        if config.models.iter().all(|model| !model.active) {
            tracing::info!("goals are planned by rules, because there is no model: see [[models]]");
        }
        let parts = driver::Parts {
            store: store.clone(),
            planner: Arc::new(PlannerOfTenant::new(providers.clone(), move |catalog| {
                let rules = LexicalPlanner::with_limits(catalog.clone(), &limits).on(planning.clone());
                match goals {
                    Goals::Auto => GoalPlanner::new(rules, &catalog),
                    Goals::Rules => GoalPlanner::by_rules(rules),
                }
            })),
            performer: Arc::new(InProcess {
                providers,
                expressions: Arc::new(Expressions::new(expression_limits(&config.limits), clock.clone()).on(compute)),
                credentials: Arc::new(runs.clone()),
            }),
            runs,
            clock: clock.clone(),
            work,
            settings: driver::Settings {
                claimer: uuid::Uuid::new_v4().to_string(),
                workers: config.workers,
                lease_ms: i64::try_from(config.lease_ms).unwrap_or(i64::MAX),
            },
        };
        let driver = config.perform.then(|| tokio::spawn(driver::drive(parts, stopping.clone())));
        let mut server = Server {
            listeners,
            servers,
            driver,
            keeping,
            stopping,
            stop_within: Duration::from_millis(config.stop_within_ms),
            clock: clock.clone(),
            folder: config.data_dir.clone(),
            store,
            mcp,
            owned,
            local,
        };
        if let Err(error) = server.publish(clock.now_ms()) {
            // Dropping the server instead would leave its driver running in a folder that is no longer locked.
            server.stop().await;
            return Err(error.into());
        }
        Ok(server)
    }

    /// The listeners, in the order of their ports.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// The URL of the API with this document name.
    pub fn url(&self, api: &str) -> Option<&str> {
        self.listeners.iter().find(|one| one.name == api).map(|one| one.url.as_str())
    }

    /// The token that every API accepts. Any user who can read the data folder can read it.
    pub fn local_token(&self) -> &Secret {
        self.local.secret()
    }

    /// The server's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Resolves when a listener has ended by itself, which is an error. Returns which one, and why.
    pub async fn ended(&self) -> String {
        let ended = self.servers.iter().map(|server| {
            let (name, ended) = (server.document().name, server.ended());
            Box::pin(async move {
                let why = ended.await.err().unwrap_or_else(|| "it was closed".to_owned());
                format!("API `{name}` ended by itself: {why}")
            })
        });
        futures::future::select_all(ended).await.0
    }

    /// Stops the server: it accepts no new connections, ends streams, and finishes requests in flight within the
    /// configured time. Effects that the driver did not finish are claimed again at the next start.
    pub async fn stop(self) -> Closed {
        let Server { servers, driver, keeping, stopping, stop_within, store, mcp, owned, .. } = self;
        stopping.cancel();
        let closing = futures::future::join_all(servers.into_iter().map(|server| server.close(stop_within)));
        let driving = async {
            match driver {
                Some(mut driver) => {
                    let driven = tokio::time::timeout(stop_within, &mut driver).await.is_ok();
                    if !driven {
                        // Before the folder is unlocked: its next owner claims the effects that are in hand here.
                        driver.abort();
                        let _ = driver.await;
                    }
                    driven
                }
                None => true,
            }
        };
        let (closed, driven) = tokio::join!(closing, driving);
        // After the driver, whose calls it executes.
        mcp.stop().await;
        // It was signalled to stop like all others. Aborting is safe, because a deletion step under way is atomic.
        keeping.abort();
        let _ = keeping.await;
        // Dropping the last handle finishes queued writes and joins the store's threads, which may block.
        if tokio::task::spawn_blocking(move || drop(store)).await.is_err() {
            tracing::error!("the store did not close well; it is opened as after a crash, and loses nothing");
        }
        // Last: while the folder is locked, no other process may open it.
        drop(owned);
        if driven && closed.iter().all(|one| *one == Closed::Clean) { Closed::Clean } else { Closed::Busy }
    }

    fn publish(&mut self, now_ms: i64) -> Result<(), FolderError> {
        let url = |name| self.url(name).unwrap_or_default().to_owned();
        let info = ServerInfo {
            pid: std::process::id(),
            native_url: url("runyard"),
            gateway_url: url("run-gateway"),
            token: self.local.secret().expose().to_owned(),
            started_at: jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        self.owned.publish(&info)
    }
}

/// The settings of every listener. Listeners share the limits in it.
fn http_settings(config: &Config, stopping: &CancellationToken) -> Settings {
    let limits = &config.limits;
    let connections_max = open_files::connections_max(limits.connections);
    let connections = ConnectionLimits {
        all_max: connections_max,
        // One peer must not use up all connections.
        per_peer_max: size(limits.connections_per_peer).min(connections_max - connections_max / 8),
        idle: Duration::from_millis(limits.idle_ms),
        head: Duration::from_millis(limits.header_ms),
        unread: Duration::from_millis(limits.unread_ms),
    };
    Settings {
        body_bytes_max: config.body_bytes_max,
        body_depth_max: size(limits.depth),
        requests_max: size(limits.requests),
        body_read_timeout: Duration::from_millis(limits.body_ms),
        bodies: Budget::new(size(limits.bodies_bytes)),
        answers: Budget::new(size(limits.answers_bytes)),
        answer_wait: Duration::from_millis(limits.answer_wait_ms),
        connections: Connections::new(connections),
        stopping: stopping.clone(),
        ..Settings::default()
    }
}

/// A limit as a size in memory or a number of items.
fn size(bound: u64) -> usize {
    usize::try_from(bound).unwrap_or(usize::MAX)
}

fn coordinator(config: &Config, runs: &Runs, local: &LocalToken) -> Result<run_gateway::Coordinator, ServeError> {
    let clock = runs.clock();
    Ok(match config.gateway_mode() {
        GatewayMode::Local => run_gateway::Coordinator::Local(runs.clone()),
        GatewayMode::Remote(url) => {
            let Coordinator { audience, scope, .. } = config.coordinator.clone();
            let wanted = auth::TokenRequest { audience: Some(audience), scope };
            let target = auth::Target { credentials: config.coordinator_credentials(), wanted };
            let outbound = Outbound::new(&target, &config.auth, local.clone(), clock.clone())?;
            run_gateway::Coordinator::Remote(RemoteCoordinator::new(&url, outbound, clock.clone())?)
        }
        GatewayMode::Missing => run_gateway::Coordinator::Missing(clock.clone()),
    })
}

/// Threads, a queue and a deadline from the table of limits.
fn compute(limits: &Limits, clock: Clock) -> Compute {
    let (threads, queue) = (size(limits.compute_threads), size(limits.compute_queue));
    Compute::new(threads, queue, Duration::from_millis(limits.compute_ms), clock)
}

/// The limits of an evaluation, from the table of limits.
fn expression_limits(limits: &Limits) -> expressions::Limits {
    expressions::Limits {
        time_ms: limits.expression_ms,
        memory_bytes: size(limits.expression_memory_bytes),
        value_chars: size(limits.expression_value_chars),
    }
}
