//! A server of a test's own: its folder, its ports, its end.

use std::ops::Deref;

use runyard::config::Config;
use runyard::serve::Server;

use super::clients::Clients;

/// A running server and clients of its doors.
pub struct World {
    pub server: Server,
    pub clients: Clients,
    _folder: tempfile::TempDir,
}

impl World {
    /// Starts a server on an empty folder.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a server with other settings than the defaults.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().join("data"), port_base: 0, ..Config::default() };
        change(&mut config);
        let server = Server::start(&config, slog::Logger::root(slog::Discard, slog::o!())).await.unwrap();
        let clients = Clients::of(|door| server.url(door).unwrap().to_owned());
        World { server, clients, _folder: folder }
    }
}

/// The clients are what a test mostly talks to.
impl Deref for World {
    type Target = Clients;

    fn deref(&self) -> &Clients {
        &self.clients
    }
}
