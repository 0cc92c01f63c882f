//! A server per test: its folder, its ports, its end.

use std::ops::Deref;

use runyard::config::Config;
use runyard::serve::Server;
use serde_json::json;

use super::clients::Clients;
use super::typed;

/// A running server and clients of its APIs, which send the local token.
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
        // A busy machine needs time to plan. Tests that must not wait for a plan set this themselves.
        config.toolregistry.plan_wait_ms = 60_000;
        change(&mut config);
        let server = Server::start(&config, slog::Logger::root(slog::Discard, slog::o!())).await.unwrap();
        let token = server.local_token().expose().to_owned();
        let clients = Clients::of(|api| server.url(api).unwrap().to_owned(), Some(token));
        World { server, clients, _folder: folder }
    }

    /// A new key of a tenant. Without scopes it has the default ones.
    pub async fn key(&self, tenant: &str, scopes: &[&str]) -> String {
        let mut body = json!({ "tenant": tenant });
        if !scopes.is_empty() {
            body["scopes"] = json!(scopes);
        }
        self.native.create_key(&typed(body)).await.unwrap().into_inner().api_key
    }
}

/// Tests mostly use the clients.
impl Deref for World {
    type Target = Clients;

    fn deref(&self) -> &Clients {
        &self.clients
    }
}
