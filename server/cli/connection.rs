//! How commands reach runs: generated clients of a run gateway and of our own door, wherever these are.
//!
//! | asked with             | reached through |
//! |------------------------|-----------------|
//! | `--url`                | that door, whoever serves it |
//! | a folder with an owner | the server that owns the folder |
//! | a folder without one   | a server of our own in this process, on free loopback ports, stopped by [`Connection::close`] |
//!
//! Commands see clients and events only. When an owner goes away in the middle, the next attempt finds the new one or takes the
//! folder itself, so that a run which is being watched goes on.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use runyard_api::arp::schemas::Run;
use runyard_client::{CallError, RunGateway, Runyard, watch};

use super::credential;
use super::failure::Failure;
use super::local::{self, Owner};
use crate::auth::Secret;
use crate::config::Config;
use crate::config::settings::is_base_url;
use crate::serve::Server;

/// How long connecting may take. A call itself has no bound: a stream lasts as long as its run.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Silence after which a connection counts as dead: servers say something at least every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// What our own door calls itself.
const OWN_SERVICE: &str = "runyard";

/// Where a command is to find runs.
#[derive(Debug, Clone)]
pub struct Target {
    /// The door given by `--url`.
    pub url: Option<String>,
    /// The configuration, with the data folder.
    pub config: Config,
    /// The credential to show. Absent: in a data folder the folder's own, elsewhere none.
    pub token: Option<Secret>,
}

/// What a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A run gateway.
    Gateway,
    /// Runyard's own door.
    Own,
}

impl Need {
    fn door(self) -> &'static str {
        match self {
            Self::Gateway => "a run gateway",
            Self::Own => "Runyard's own door",
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
    /// The door given by `--url`.
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
    gateway: RunGateway,
    own: Runyard,
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
    /// No such door, a door of another kind, or a folder that cannot be opened.
    pub async fn open(target: Target, need: Need, perform: bool) -> Result<Self, Failure> {
        let (clients, server) = match &target.url {
            Some(url) => (at_url(url, need, target.token.as_ref()).await?, None),
            None => at_folder(&target.config, perform, target.token.as_ref()).await?,
        };
        Ok(Self { target, perform, clients: Mutex::new(clients), server: tokio::sync::Mutex::new(server) })
    }

    /// Who is at the other end now.
    pub fn peer(&self) -> Peer {
        self.clients().peer.clone()
    }

    /// The run gateway's client.
    pub fn gateway(&self) -> RunGateway {
        self.clients().gateway.clone()
    }

    /// The client of our own door, if the peer has one.
    pub fn own(&self) -> Runyard {
        self.clients().own.clone()
    }

    /// The events of a run after a `seq`, for [`watch::Watch`]. Looks for another way when the peer is gone, so that the next
    /// attempt succeeds.
    ///
    /// # Errors
    /// Whatever kept the stream from opening.
    pub async fn events(&self, run_id: &str, after: u64) -> Result<watch::Connection, CallError> {
        match self.stream(run_id, after).await {
            Err(error) if self.renew(&error).await => self.stream(run_id, after).await,
            opened => opened,
        }
    }

    async fn stream(&self, run_id: &str, after: u64) -> Result<watch::Connection, CallError> {
        match self.gateway().stream_run_events(run_id, i64::try_from(after).ok(), None).await {
            Ok(stream) => Ok(stream.into_inner().into_inner().boxed()),
            Err(error) => Err(CallError::of(error).await),
        }
    }

    /// Cancels a run, over another way where the peer is gone.
    ///
    /// # Errors
    /// Whatever kept it from being canceled.
    pub async fn cancel(&self, run_id: &str) -> Result<Run, CallError> {
        match self.cancel_here(run_id).await {
            Err(error) if self.renew(&error).await => self.cancel_here(run_id).await,
            canceled => canceled,
        }
    }

    async fn cancel_here(&self, run_id: &str) -> Result<Run, CallError> {
        match self.gateway().cancel_run(run_id).await {
            Ok(run) => Ok(run.into_inner()),
            Err(error) => Err(CallError::of(error).await),
        }
    }

    /// Looks for another way after a call that found nobody, and says whether there is one. With `--url` there is none.
    pub async fn renew(&self, error: &CallError) -> bool {
        if !matches!(error, CallError::Unreachable { .. }) || !matches!(self.peer(), Peer::Owner(_)) {
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

async fn at_url(url: &str, need: Need, token: Option<&Secret>) -> Result<Clients, Failure> {
    if !is_base_url(url) {
        return Err(Failure::usage("--url is no base URL of a door")
            .advise("write it as http://HOST:PORT, without a user, a query or a fragment"));
    }
    let base = url.trim_end_matches('/').to_owned();
    let http = http(reqwest::Client::builder())?;
    let clients = clients(Peer::Url(base.clone()), &base, &base, &http, token);
    check_kind(&clients, &base, need).await?;
    Ok(clients)
}

/// Asks the door who it is: answers of another API would read as nonsense.
async fn check_kind(clients: &Clients, base: &str, need: Need) -> Result<(), Failure> {
    let found = match clients.gateway.version().await {
        Ok(version) => version.into_inner().service_name,
        Err(error) => {
            let failure = Failure::from(CallError::of(error).await);
            let message = format!("{base}: {}", failure.message);
            return Err(Failure { message, ..failure }.advise(format!(
                "is {} running there? {}",
                need.door(),
                ports(need)
            )));
        }
    };
    if (found == OWN_SERVICE) == (need == Need::Own) {
        return Ok(());
    }
    Err(Failure::usage(format!("this command needs {}, and {base} is {found:?}", need.door())).advise(ports(need)))
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
            let http = http(reqwest::Client::builder().no_proxy())?;
            let (gateway, own) = (owner.gateway_url.clone(), owner.own_url.clone());
            let token = token.cloned().unwrap_or_else(|| owner.token.clone());
            Ok((clients(Peer::Owner(owner), &gateway, &own, &http, Some(&token)), None))
        }
        local::Found::Here(server) => {
            let http = http(reqwest::Client::builder().no_proxy())?;
            let (gateway, own) = (local::url(&server, "run-gateway")?, local::url(&server, "runyard")?);
            let token = token.unwrap_or(server.local_token());
            Ok((clients(Peer::Here, &gateway, &own, &http, Some(token)), Some(server)))
        }
    }
}

fn clients(peer: Peer, gateway: &str, own: &str, http: &reqwest::Client, token: Option<&Secret>) -> Clients {
    let behaviour = credential::behaviour(token);
    Clients {
        peer,
        gateway: RunGateway::new_with_client(gateway, http.clone(), behaviour.clone()),
        own: Runyard::new_with_client(own, http.clone(), behaviour),
    }
}

fn http(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Failure> {
    let built = builder.connect_timeout(CONNECT_WITHIN).read_timeout(SILENCE_MAX).build();
    built.map_err(|error| Failure::new("no_http", format!("cannot make an HTTP client: {error}")))
}
