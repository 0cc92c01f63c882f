//! The server behind a data folder: another process, or one in this process.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, absolute};
use std::time::Duration;

use super::failure::{Failure, with_causes};
use crate::auth::Secret;
use crate::clock::Clock;
use crate::config::Config;
use crate::logging;
use crate::serve::{ServeError, Server};
use crate::store::folder::{Folder, FolderError, ServerInfo};
use crate::store::maintenance::Maintenance;

/// How often a folder is tried that a process owns without serving it.
const ATTEMPTS_MAX: u32 = 50;
const ATTEMPT_EVERY: Duration = Duration::from_millis(100);

/// A running server that owns a data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its process.
    pub pid: u32,
    /// The address of its run gateway.
    pub gateway_url: String,
    /// The address of its Runyard API.
    pub runyard_url: String,
    /// Its token, for every process that can read the folder.
    pub token: Secret,
}

/// The server of a data folder.
pub(super) enum FolderServer {
    /// Another process.
    Owner(Owner),
    /// A server that was started for this command in this process.
    Here(Server),
}

/// The server that owns the folder.
pub(super) fn owner(data_dir: &Path) -> Option<Owner> {
    Folder::owner(data_dir).map(Owner::from)
}

impl From<ServerInfo> for Owner {
    fn from(info: ServerInfo) -> Self {
        Self {
            pid: info.pid,
            gateway_url: info.gateway_url,
            runyard_url: info.native_url,
            token: Secret::new(info.token),
        }
    }
}

/// Whether there is anything to read in the folder, or a server that owns it.
pub(super) fn exists(config: &Config) -> bool {
    let has_files = config.store.url.maintenance().is_some_and(|files| files.is_used(&config.data_dir));
    has_files || owner(&config.data_dir).is_some()
}

/// The maintenance of the configured store.
///
/// # Errors
/// The store keeps no files.
pub(super) fn files(config: &Config) -> Result<&'static dyn Maintenance, Failure> {
    let none = || Failure::new("no_database", "the configured store (`store.url`) keeps no files");
    config.store.url.maintenance().ok_or_else(none)
}

/// What a command that only reads says where there is nothing to read. It creates nothing.
pub(super) fn no_folder(data_dir: &Path) -> Failure {
    let path = absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
    let what = if data_dir.is_dir() { "has no data in it" } else { "does not exist" };
    Failure::new("no_data_folder", format!("there is no data folder here: {} {what}", path.display())).advise(
        "`runyard run` and `runyard serve` create one; --data-dir names another folder, --url a server elsewhere",
    )
}

/// The owner, or a server in this process on free loopback ports.
///
/// # Errors
/// When the folder can neither be reached nor opened.
pub(super) async fn owner_or_server(config: &Config, executes: bool) -> Result<FolderServer, Failure> {
    let here = Config { host: IpAddr::V4(Ipv4Addr::LOCALHOST), port_base: 0, perform: executes, ..config.clone() };
    let clock = Clock::system();
    for _ in 0..ATTEMPTS_MAX {
        if let Some(owner) = owner(&config.data_dir) {
            return Ok(FolderServer::Owner(owner));
        }
        match Server::start(&here, logging::dropshot()).await {
            Ok(server) => return Ok(FolderServer::Here(server)),
            // Owned, but not served: a server is starting or stopping at this moment.
            Err(ServeError::Folder(FolderError::Owned { .. })) => clock.sleep(ATTEMPT_EVERY).await,
            Err(error) => return Err(not_opened(&config.data_dir, &with_causes(&error))),
        }
    }
    Err(not_opened(&config.data_dir, "another process owns it and does not serve it")
        .advise("wait for that process to end, or use another folder with --data-dir"))
}

/// Where an API of a server in this process listens.
///
/// # Errors
/// When there is no such API.
pub(super) fn url(server: &Server, api: &str) -> Result<String, Failure> {
    let found = server.url(api).map(str::to_owned);
    found.ok_or_else(|| Failure::new("no_such_door", format!("the server in this process has no API {api}")))
}

fn not_opened(data_dir: &Path, reason: &str) -> Failure {
    Failure::new("folder_not_opened", format!("cannot open the data folder {}: {reason}", data_dir.display()))
}
