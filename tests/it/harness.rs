//! A server of a test's own: its folder, its ports, its end.

use runyard::config::Config;
use runyard::serve::Server;
use runyard_api::arp::{run_coordinator, run_gateway};
use runyard_api::client::Plain;

/// A running server and clients of its doors.
pub struct World {
    pub server: Server,
    pub gateway: run_gateway::client::Client,
    pub coordinator: run_coordinator::client::Client,
    pub native: runyard_api::runyard::client::Client,
    _folder: tempfile::TempDir,
}

impl World {
    /// Starts a server on an empty folder.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data_dir: folder.path().join("data"), port_base: 0, ..Config::default() };
        let server = Server::start(&config, slog::Logger::root(slog::Discard, slog::o!())).await.unwrap();
        let http = reqwest::Client::new();
        let url = |door| server.url(door).unwrap().to_owned();
        World {
            gateway: run_gateway::client::Client::new_with_client(&url("run-gateway"), http.clone(), Plain::shared()),
            coordinator: run_coordinator::client::Client::new_with_client(
                &url("run-coordinator"),
                http.clone(),
                Plain::shared(),
            ),
            native: runyard_api::runyard::client::Client::new_with_client(&url("runyard"), http, Plain::shared()),
            server,
            _folder: folder,
        }
    }
}
