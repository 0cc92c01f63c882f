//! The server behind a data folder: somebody else's, or one in this process.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use super::failure::{Failure, with_causes};
use crate::auth::Secret;
use crate::clock::Clock;
use crate::config::Config;
use crate::logging;
use crate::serve::{ServeError, Server};
use crate::store::folder::{Folder, FolderError, ServerInfo};

/// How often a folder is tried that somebody owns without serving it.
const ATTEMPTS_MAX: u32 = 50;
const ATTEMPT_EVERY: Duration = Duration::from_millis(100);

/// A running server that owns a data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its process.
    pub pid: u32,
    /// Its run gateway.
    pub gateway_url: String,
    /// Its own API.
    pub own_url: String,
    /// Its token, for whoever can read the folder.
    pub token: Secret,
}

/// Who answers for a data folder.
pub(super) enum Found {
    /// A running server.
    Owner(Owner),
    /// A server that was started for this in this process.
    Here(Server),
}

/// The server that owns the folder.
pub(super) fn owner(data_dir: &Path) -> Option<Owner> {
    Folder::owner(data_dir).map(Owner::from)
}

impl From<ServerInfo> for Owner {
    fn from(info: ServerInfo) -> Self {
        Self { pid: info.pid, gateway_url: info.gateway_url, own_url: info.native_url, token: Secret::new(info.token) }
    }
}

/// The owner, or a server in this process on free loopback ports.
///
/// # Errors
/// When the folder can neither be reached nor opened.
pub(super) async fn owner_or_server(config: &Config, perform: bool) -> Result<Found, Failure> {
    let here = Config { host: IpAddr::V4(Ipv4Addr::LOCALHOST), port_base: 0, perform, ..config.clone() };
    let clock = Clock::system();
    for _ in 0..ATTEMPTS_MAX {
        if let Some(owner) = owner(&config.data_dir) {
            return Ok(Found::Owner(owner));
        }
        match Server::start(&here, logging::dropshot()).await {
            Ok(server) => return Ok(Found::Here(server)),
            // Owned, and nobody to talk to: a server is starting or stopping at this moment.
            Err(ServeError::Folder(FolderError::Owned { .. })) => clock.sleep(ATTEMPT_EVERY).await,
            Err(error) => return Err(not_opened(&config.data_dir, &with_causes(&error))),
        }
    }
    let error = "another process owns it and answers nobody";
    Err(not_opened(&config.data_dir, error)
        .advise("wait for that process to end, or use another folder with --data-dir"))
}

/// Where an API of a server in this process listens.
///
/// # Errors
/// When there is no such API.
pub(super) fn url(server: &Server, api: &str) -> Result<String, Failure> {
    let found = server.listeners().iter().find(|one| one.name == api).map(|one| one.url.clone());
    found.ok_or_else(|| Failure::new("no_such_door", format!("the server in this process has no API {api}")))
}

fn not_opened(data_dir: &Path, reason: &str) -> Failure {
    Failure::new("folder_not_opened", format!("cannot open the data folder {}: {reason}", data_dir.display()))
}
