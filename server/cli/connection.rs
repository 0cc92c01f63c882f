//! How commands reach runs: generated clients of a run gateway and of the Runyard API, wherever these are.
//!
//! | asked with             | reached through |
//! |------------------------|-----------------|
//! | `--url`                | that API, whoever serves it |
//! | a folder with an owner | the server that owns the folder |
//! | a folder without one   | a server of our own in this process, on free loopback ports, stopped by [`Connection::close`] |
//!
//! Commands see clients and events only. When an owner goes away in the middle, the next attempt finds the new one or takes the
//! folder itself, so that a run which is being watched goes on.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use runyard_api::arp::schemas::Run;
use runyard_client::run_gateway::{self, ByteStream, Error, ResponseValue};
use runyard_client::{BuildError, Builder, Document, Retry, cargo, runyard};

use super::failure::Failure;
use super::local::{self, Owner};
use super::login::{Login, Tokens};
use crate::auth::Secret;
use crate::config::Config;
use crate::config::settings::is_base_url;
use crate::serve::Server;

/// What the API of Cargo is called.
const CARGO: &str = "cargo";
/// What the Runyard API calls itself.
const OWN_SERVICE: &str = "runyard";

/// Where a command is to find runs.
#[derive(Debug, Clone)]
pub struct Target {
    /// The API given by `--url`.
    pub url: Option<String>,
    /// The configuration, with the data folder.
    pub config: Config,
    /// The credential to show. Absent: in a data folder the folder's own, elsewhere that of a login, if there is one.
    pub token: Option<Secret>,
    /// Where a login is kept.
    pub login: Option<PathBuf>,
}

/// What is shown to an API.
#[derive(Clone)]
enum Shown {
    Token(Secret),
    Login(Tokens),
    Nothing,
}

/// What a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A run gateway.
    Gateway,
    /// the Runyard API.
    Own,
}

impl Need {
    fn api(self) -> &'static str {
        match self {
            Self::Gateway => "a run gateway",
            Self::Own => "the Runyard API",
        }
    }

    fn offset(self) -> u16 {
        match self {
            Self::Gateway => 1,
            Self::Own => 12,
        }
    }
}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// The API given by `--url`.
    Url(String),
    /// The server that owns the folder.
    Owner(Owner),
    /// This process.
    Here,
}

/// Clients for one peer. With `--url` only the one that was needed is of use.
#[derive(Clone)]
struct Clients {
    peer: Peer,
    shown: Shown,
    gateway: run_gateway::Client,
    own: runyard::Client,
}

/// A way to runs that lasts as long as a command.
pub struct Connection {
    target: Target,
    perform: bool,
    clients: Mutex<Clients>,
    /// Held while another way is looked for, so that two who lost the same one do not both open the folder.
    server: tokio::sync::Mutex<Option<Server>>,
}

impl Connection {
    /// Finds the peer. `perform`: whether a server in this process is to perform steps, or only to record and answer.
    ///
    /// # Errors
    /// No such API, an API of another kind, or a folder that cannot be opened.
    pub async fn open(target: Target, need: Need, perform: bool) -> Result<Self, Failure> {
        let (clients, server) = match &target.url {
            Some(url) => (at_url(url, need, shown(&target, url)?).await?, None),
            None => at_folder(&target.config, perform, target.token.as_ref()).await?,
        };
        Ok(Self { target, perform, clients: Mutex::new(clients), server: tokio::sync::Mutex::new(server) })
    }

    /// A client of Cargo's API: that at `--url`, or the one beside our own. With it what has to be closed after it.
    ///
    /// # Errors
    /// No base URL, a folder that cannot be opened, or a server without such an API.
    pub async fn cargo(target: Target) -> Result<(cargo::Client, Option<Self>), Failure> {
        if let Some(url) = &target.url {
            let base = base_url(url)?;
            return Ok((showing(cargo::Client::builder(&base), &shown(&target, url)?).build()?, None));
        }
        let connection = Self::open(target, Need::Own, false).await?;
        let listeners = connection.own().list_doors().await?.into_inner().doors;
        let api = listeners.into_iter().find(|api| api.name == CARGO);
        let api = api.ok_or_else(|| Failure::new("no_such_door", "the server has no API for Cargo"))?;
        let shown = connection.clients().shown.clone();
        let client = showing(cargo::Client::builder(&api.url), &shown).no_proxy().retry(Retry::never()).build()?;
        Ok((client, Some(connection)))
    }

    /// Who is at the other end now.
    pub fn peer(&self) -> Peer {
        self.clients().peer.clone()
    }

    /// The run gateway's client.
    pub fn gateway(&self) -> run_gateway::Client {
        self.clients().gateway.clone()
    }

    /// The client of the Runyard API, if the peer has one.
    pub fn own(&self) -> runyard::Client {
        self.clients().own.clone()
    }

    /// The events of a run after a `seq`, for a watcher. Looks for another way when the peer is gone, so that the next
    /// attempt succeeds.
    ///
    /// # Errors
    /// Whatever kept the stream from opening.
    pub async fn events(&self, run_id: &str, after: Option<u64>) -> Result<ResponseValue<ByteStream>, Error> {
        let after = after.and_then(|seq| i64::try_from(seq).ok());
        match self.gateway().stream_run_events(run_id, after, None, None).await {
            Err(error) if self.renew(&error).await => self.gateway().stream_run_events(run_id, after, None, None).await,
            opened => opened,
        }
    }

    /// Cancels a run, over another way where the peer is gone.
    ///
    /// # Errors
    /// Whatever kept it from being canceled.
    pub async fn cancel(&self, run_id: &str) -> Result<Run, Error> {
        let canceled = match self.gateway().cancel_run(run_id).await {
            Err(error) if self.renew(&error).await => self.gateway().cancel_run(run_id).await,
            canceled => canceled,
        };
        Ok(canceled?.into_inner())
    }

    /// Looks for another way after a call that found nobody, and says whether there is one. With `--url` there is none.
    pub async fn renew(&self, error: &Error) -> bool {
        // An owner that was started again has another token.
        let restarted = self.target.token.is_none() && error.status() == Some(StatusCode::UNAUTHORIZED);
        if !(error.is_transport() || restarted) || !matches!(self.peer(), Peer::Owner(_)) {
            return false;
        }
        let mut server = self.server.lock().await;
        if server.is_some() {
            return true;
        }
        match at_folder(&self.target.config, self.perform, self.target.token.as_ref()).await {
            Ok((clients, started)) => {
                tracing::info!(peer = ?clients.peer, "the server that owned the data folder is gone; going on with another");
                *self.clients() = clients;
                *server = started;
                true
            }
            Err(failure) => {
                tracing::debug!(reason = failure.message, "no other way yet");
                false
            }
        }
    }

    /// Ends what this command started. Bounded; what a server in this process did not finish is in its log.
    pub async fn close(self) {
        if let Some(server) = self.server.into_inner() {
            server.stop().await;
        }
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an API with this address is shown: what was given, or the login's.
fn shown(target: &Target, url: &str) -> Result<Shown, Failure> {
    if let Some(token) = &target.token {
        return Ok(Shown::Token(token.clone()));
    }
    let Some(file) = &target.login else { return Ok(Shown::Nothing) };
    let login = Login::read(file)?.filter(|login| login.is_for(url));
    let within = Duration::from_secs(target.config.auth.outbound.timeout_seconds);
    Ok(login.map_or(Shown::Nothing, |login| Shown::Login(Tokens::of(file.clone(), login, within))))
}

async fn at_url(url: &str, need: Need, shown: Shown) -> Result<Clients, Failure> {
    let base = base_url(url)?;
    let clients = Clients {
        peer: Peer::Url(base.clone()),
        gateway: showing(run_gateway::Client::builder(&base), &shown).build()?,
        own: showing(runyard::Client::builder(&base), &shown).build()?,
        shown,
    };
    check_kind(&clients, &base, need).await?;
    Ok(clients)
}

fn base_url(url: &str) -> Result<String, Failure> {
    if is_base_url(url) {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    Err(Failure::usage("--url is no base URL of an API")
        .advise("write it as http://HOST:PORT, without a user, a query or a fragment"))
}

/// Asks the API who it is: answers of another API would read as nonsense.
async fn check_kind(clients: &Clients, base: &str, need: Need) -> Result<(), Failure> {
    let found = match clients.gateway.version().await {
        Ok(version) => version.into_inner().service_name,
        Err(error) => {
            let failure = Failure::from(error);
            let message = format!("{base}: {}", failure.message);
            return Err(Failure { message, ..failure }.advise(format!(
                "is {} running there? {}",
                need.api(),
                ports(need)
            )));
        }
    };
    if (found == OWN_SERVICE) == (need == Need::Own) {
        return Ok(());
    }
    Err(Failure::usage(format!("this command needs {}, and {base} is {found:?}", need.api())).advise(ports(need)))
}

fn ports(need: Need) -> String {
    format!("with `runyard serve` it listens {} above port_base", need.offset())
}

async fn at_folder(
    config: &Config,
    perform: bool,
    token: Option<&Secret>,
) -> Result<(Clients, Option<Server>), Failure> {
    match local::owner_or_server(config, perform).await? {
        local::Found::Owner(owner) => {
            let (gateway, own) = (owner.gateway_url.clone(), owner.own_url.clone());
            let token = token.cloned().unwrap_or_else(|| owner.token.clone());
            Ok((at_hand(Peer::Owner(owner), &gateway, &own, &token)?, None))
        }
        local::Found::Here(server) => {
            let (gateway, own) = (local::url(&server, "run-gateway")?, local::url(&server, "runyard")?);
            let token = token.unwrap_or(server.local_token());
            Ok((at_hand(Peer::Here, &gateway, &own, token)?, Some(server)))
        }
    }
}

/// Clients of APIs on this machine. Nothing is tried again here: when one is gone, [`Connection::renew`] finds another.
fn at_hand(peer: Peer, gateway: &str, own: &str, token: &Secret) -> Result<Clients, Failure> {
    let (gateway, own) = (run_gateway::Client::builder(gateway), runyard::Client::builder(own));
    let shown = Shown::Token(token.clone());
    Ok(Clients {
        peer,
        gateway: showing(gateway, &shown).no_proxy().retry(Retry::never()).build()?,
        own: showing(own, &shown).no_proxy().retry(Retry::never()).build()?,
        shown,
    })
}

/// A client that shows who calls, where that is known.
fn showing<C: Document>(builder: Builder<C>, shown: &Shown) -> Builder<C> {
    match shown {
        Shown::Token(token) => builder.token(token.expose()),
        Shown::Login(tokens) => builder.token_provider(tokens.clone()),
        Shown::Nothing => builder,
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::new("no_http", error.to_string())
    }
}
