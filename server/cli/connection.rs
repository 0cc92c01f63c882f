//! How commands reach runs: generated clients of a run gateway and of the Runyard API, wherever these are.
//!
//! | given                  | reached through |
//! |------------------------|-----------------|
//! | `--url`, the Runyard API | that server; its other APIs are found through its list of APIs (`discovery`) |
//! | `--url`, a run gateway | that gateway, of Runyard or of another vendor; commands that need the Runyard API are refused |
//! | a folder with an owner | the server that owns the folder (`server.json`) |
//! | a folder without one   | a server in this process, on free loopback ports, stopped by [`Connection::close`] |
//!
//! Commands see clients and events only. When an owner goes away in the middle, the next attempt finds the new one or takes the
//! folder itself, so that a run which is being watched goes on.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use runyard_api::arp::schemas::Run;
use runyard_client::run_gateway::{self, ByteStream, Error, ResponseValue};
use runyard_client::{BuildError, CallError, Retry, cargo, runyard};

use super::credential::{Credential, authenticated};
use super::discovery::{self, ServedApi};
use super::failure::Failure;
use super::local::{self, Owner};
use super::login::{Login, Tokens};
use crate::auth::Secret;
use crate::config::Config;
use crate::nodes::openapi::stored;
use crate::serve::Server;

/// The name of the Cargo API's document.
const CARGO: &str = "cargo";

/// Where a command is to find runs.
#[derive(Debug, Clone)]
pub struct Target {
    /// The base URL given by `--url`.
    pub url: Option<String>,
    /// The configuration, with the data folder.
    pub config: Config,
    /// The credential to send. Absent: in a data folder the folder's own, elsewhere that of a login, if there is one.
    pub token: Option<Secret>,
    /// The file of the login.
    pub login: Option<PathBuf>,
}

/// Which API a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredApi {
    /// A run gateway, which any vendor may serve.
    Gateway,
    /// The Runyard API.
    Runyard,
}

/// What a command may do to a data folder that no server owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderUse {
    /// Read it. A folder that does not exist is an error, and is not created.
    Read,
    /// Read what does not depend on a folder. Without a folder, an empty temporary one is used.
    ReadCatalog,
    /// Record something in it; created if missing. No step is executed.
    Record,
    /// Execute the runs in it. A folder that does not exist is an error.
    Continue,
    /// Execute runs in it; created if missing.
    Execute,
}

impl FolderUse {
    /// Whether a server in this process executes steps, or only records and answers.
    pub(super) fn executes(self) -> bool {
        matches!(self, Self::Continue | Self::Execute)
    }

    /// Whether a missing folder is created.
    pub(super) fn creates(self) -> bool {
        matches!(self, Self::Record | Self::Execute)
    }
}

/// The server at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// The server given by `--url`.
    Url(String),
    /// The server that owns the folder.
    Owner(Owner),
    /// This process.
    Here,
}

/// Clients for one peer.
#[derive(Clone)]
struct Clients {
    peer: Peer,
    credential: Credential,
    gateway: run_gateway::Client,
    /// Of no use where the peer is a run gateway alone.
    runyard: runyard::Client,
    has_runyard: bool,
}

/// A connection that lasts as long as a command.
pub struct Connection {
    target: Target,
    usage: FolderUse,
    clients: Mutex<Clients>,
    /// Held while another server is looked for, so that two calls which lost the same one do not both open the folder.
    server: tokio::sync::Mutex<Option<Server>>,
    /// Stands for a data folder that does not exist; removed with this.
    _temporary: Option<tempfile::TempDir>,
}

impl Connection {
    /// Finds the peer.
    ///
    /// # Errors
    /// The server cannot be reached or has not the API that is needed, or the folder does not exist or cannot be opened.
    pub async fn open(mut target: Target, need: RequiredApi, usage: FolderUse) -> Result<Self, Failure> {
        let mut temporary = None;
        let (clients, server) = match &target.url {
            Some(url) => (at_url(url, need, credential(&target, url)?).await?, None),
            None => {
                if !usage.creates() && !local::exists(&target.config) {
                    if usage != FolderUse::ReadCatalog {
                        return Err(local::no_folder(&target.config.data_dir));
                    }
                    let failed = |error: std::io::Error| {
                        Failure::new("folder_not_opened", format!("cannot create a temporary folder: {error}"))
                    };
                    let made = tempfile::tempdir().map_err(failed)?;
                    // Documents may be imported before the first server.
                    let imported = stored::folder(&target.config.data_dir);
                    stored::copy(&imported, &stored::folder(made.path())).map_err(failed)?;
                    target.config.data_dir = made.path().to_owned();
                    temporary = Some(made);
                }
                at_folder(&target.config, usage, target.token.as_ref()).await?
            }
        };
        let server = tokio::sync::Mutex::new(server);
        Ok(Self { target, usage, clients: Mutex::new(clients), server, _temporary: temporary })
    }

    /// A client of the Cargo API: at `--url`, or found through the list of APIs. With it what has to be closed after it.
    ///
    /// # Errors
    /// Not a base URL, a folder that cannot be opened, or a server without a Cargo API.
    pub async fn cargo(target: Target) -> Result<(cargo::Client, Option<Self>), Failure> {
        if let Some(url) = &target.url {
            let credential = credential(&target, url)?;
            let base = match discovery::look(url, &credential).await? {
                ServedApi::Runyard { base, client } => discovery::address(&client, &base, CARGO).await?,
                ServedApi::Other { base, .. } => base,
            };
            return Ok((authenticated(cargo::Client::builder(&base), &credential).build()?, None));
        }
        let connection = Self::open(target, RequiredApi::Runyard, FolderUse::Record).await?;
        let apis = connection.runyard().list_doors().await?.into_inner().doors;
        let api = apis.into_iter().find(|api| api.name == CARGO);
        let api = api.ok_or_else(|| Failure::new("no_such_door", "the server does not serve the Cargo API"))?;
        let credential = connection.clients().credential.clone();
        let client = authenticated(cargo::Client::builder(&api.url), &credential);
        Ok((client.no_proxy().retry(Retry::never()).build()?, Some(connection)))
    }

    /// The server at the other end now.
    pub fn peer(&self) -> Peer {
        self.clients().peer.clone()
    }

    /// The run gateway's client.
    pub fn gateway(&self) -> run_gateway::Client {
        self.clients().gateway.clone()
    }

    /// The client of the Runyard API, for commands that [need](RequiredApi::Runyard) it.
    pub fn runyard(&self) -> runyard::Client {
        self.clients().runyard.clone()
    }

    /// The client of the Runyard API, unless the peer is a run gateway alone.
    pub fn runyard_if_served(&self) -> Option<runyard::Client> {
        let clients = self.clients();
        clients.has_runyard.then(|| clients.runyard.clone())
    }

    /// The events of a run after a `seq`, as the gateway shows them. Looks for another server when the peer is gone, so that the
    /// next attempt succeeds.
    ///
    /// # Errors
    /// The stream cannot be opened.
    pub async fn events(&self, run_id: &str, after: Option<u64>) -> Result<ResponseValue<ByteStream>, Error> {
        let after = after.and_then(|seq| i64::try_from(seq).ok());
        match self.gateway().stream_run_events(run_id, after, None, None).await {
            Err(error) if self.renew(&error).await => self.gateway().stream_run_events(run_id, after, None, None).await,
            opened => opened,
        }
    }

    /// The events of a run's own log after a `seq`, as the Runyard API shows them. Otherwise as [`Connection::events`].
    ///
    /// # Errors
    /// The stream cannot be opened.
    pub async fn log(
        &self,
        run_id: &str,
        after: Option<u64>,
    ) -> Result<ResponseValue<ByteStream>, runyard_client::runyard::Error> {
        let after = after.and_then(|seq| i64::try_from(seq).ok());
        match self.runyard().stream_run_events(run_id, after, None, None).await {
            Err(error) if self.renew(&error).await => self.runyard().stream_run_events(run_id, after, None, None).await,
            opened => opened,
        }
    }

    /// Cancels a run, through another server where the peer is gone.
    ///
    /// # Errors
    /// It cannot be canceled.
    pub async fn cancel(&self, run_id: &str) -> Result<Run, Error> {
        let canceled = match self.gateway().cancel_run(run_id).await {
            Err(error) if self.renew(&error).await => self.gateway().cancel_run(run_id).await,
            canceled => canceled,
        };
        Ok(canceled?.into_inner())
    }

    /// Looks for another server after a call that reached none, and says whether there is one; never with `--url`.
    pub async fn renew<R>(&self, error: &CallError<R>) -> bool {
        // An owner that was started again has another token.
        let restarted = self.target.token.is_none() && error.status() == Some(StatusCode::UNAUTHORIZED);
        if !(error.is_transport() || restarted) || !matches!(self.peer(), Peer::Owner(_)) {
            return false;
        }
        let mut server = self.server.lock().await;
        if server.is_some() {
            return true;
        }
        match at_folder(&self.target.config, self.usage, self.target.token.as_ref()).await {
            Ok((clients, started)) => {
                tracing::info!(peer = ?clients.peer, "the server that owned the data folder is gone; continuing with another");
                *self.clients() = clients;
                *server = started;
                true
            }
            Err(failure) => {
                tracing::debug!(reason = failure.message, "no other server yet");
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

/// The credential for a server at this address: the one that was given, or the login's.
fn credential(target: &Target, url: &str) -> Result<Credential, Failure> {
    if let Some(token) = &target.token {
        return Ok(Credential::Token(token.clone()));
    }
    let Some(file) = &target.login else { return Ok(Credential::Absent) };
    let login = Login::read(file)?.filter(|login| login.is_for(url));
    let within = Duration::from_secs(target.config.auth.outbound.timeout_seconds);
    Ok(login.map_or(Credential::Absent, |login| Credential::Login(Tokens::of(file.clone(), login, within))))
}

async fn at_url(url: &str, need: RequiredApi, credential: Credential) -> Result<Clients, Failure> {
    match discovery::look(url, &credential).await? {
        ServedApi::Runyard { base, client } => {
            let gateway = match need {
                RequiredApi::Gateway => discovery::address(&client, &base, "run-gateway").await?,
                RequiredApi::Runyard => base.clone(),
            };
            let gateway = authenticated(run_gateway::Client::builder(&gateway), &credential).build()?;
            Ok(Clients { peer: Peer::Url(base), gateway, runyard: client, has_runyard: true, credential })
        }
        ServedApi::Other { base, service: Err(failure), .. } => {
            let message = format!("{base}: {}", failure.message);
            Err(Failure { message, ..failure }.advise(discovery::ADVICE))
        }
        ServedApi::Other { base, service: Ok(service), client } => {
            if need == RequiredApi::Runyard {
                return Err(Failure::usage(format!("this command needs the Runyard API, and {base} is {service:?}"))
                    .advise(discovery::ADVICE));
            }
            let gateway = authenticated(run_gateway::Client::builder(&base), &credential).build()?;
            Ok(Clients { peer: Peer::Url(base), gateway, runyard: client, has_runyard: false, credential })
        }
    }
}

async fn at_folder(
    config: &Config,
    usage: FolderUse,
    token: Option<&Secret>,
) -> Result<(Clients, Option<Server>), Failure> {
    match local::owner_or_server(config, usage.executes()).await? {
        local::FolderServer::Owner(owner) => {
            let (gateway, runyard) = (owner.gateway_url.clone(), owner.runyard_url.clone());
            let token = token.cloned().unwrap_or_else(|| owner.token.clone());
            Ok((on_this_machine(Peer::Owner(owner), &gateway, &runyard, &token)?, None))
        }
        local::FolderServer::Here(server) => {
            let (gateway, runyard) = (local::url(&server, "run-gateway")?, local::url(&server, "runyard")?);
            let token = token.unwrap_or(server.local_token());
            Ok((on_this_machine(Peer::Here, &gateway, &runyard, token)?, Some(server)))
        }
    }
}

/// Clients of a server on this machine. No call is repeated here: when the server is gone, [`Connection::renew`] finds another.
fn on_this_machine(peer: Peer, gateway: &str, runyard: &str, token: &Secret) -> Result<Clients, Failure> {
    let (gateway, runyard) = (run_gateway::Client::builder(gateway), runyard::Client::builder(runyard));
    let credential = Credential::Token(token.clone());
    Ok(Clients {
        peer,
        gateway: authenticated(gateway, &credential).no_proxy().retry(Retry::never()).build()?,
        runyard: authenticated(runyard, &credential).no_proxy().retry(Retry::never()).build()?,
        has_runyard: true,
        credential,
    })
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::new("no_http", error.to_string())
    }
}
