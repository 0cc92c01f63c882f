//! The process of a server under test: it serves until its standard input ends, which is when the measuring process
//! has ended.
//!
//! It does what `runyard serve` does, with its defaults: the same server, the same APIs, the same log lines.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use runyard::auth::{self, Guard, LocalToken};
use runyard::cli::output::Output;
use runyard::clock::Clock;
use runyard::config::Config;
use runyard::config::auth::Mode;
use runyard::logging;
use runyard::open_files;
use runyard::serve::Server;
use runyard::store::memory::Memory;
use runyard_api::arp::run_gateway;
use runyard_api::host::Settings;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::oneshot;

use super::bare;
use super::over::Backing;
use super::still::Still;

/// The first argument that makes this program a server under test.
pub const ARGUMENT: &str = "bench-server";

/// The line that it prints when it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ready {
    /// The run gateway.
    pub(super) gateway: String,
    /// The run coordinator, if there is one.
    pub(super) coordinator: Option<String>,
    /// The Runyard API, if there is one.
    pub(super) own: Option<String>,
}

/// The whole process. `word` names the store.
pub fn main(word: &str) -> ExitCode {
    match serve(word) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "there is nothing to measure");
            ExitCode::FAILURE
        }
    }
}

fn serve(word: &str) -> Result<(), String> {
    let mut config = Config { port_base: 0, ..Config::default() };
    logging::start(&config.log).map_err(|error| error.to_string())?;
    open_files::allow_many();
    let over = Backing::from_word(word).ok_or_else(|| format!("`{word}` is nothing to stand on"))?;
    if over == Backing::Tenants {
        config.auth.mode = Some(Mode::Optional);
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        match over {
            Backing::Nothing => nothing(&config).await,
            Backing::Bare => {
                let server = bare::serve(logging::dropshot())?;
                announce(&Ready { gateway: format!("http://{}", server.local_addr()), coordinator: None, own: None });
                until_input_ends().await;
                Ok(())
            }
            Backing::Disk | Backing::Tenants => whole(Server::start(&config, logging::dropshot()).await).await,
            Backing::Memory => {
                whole(Server::start_over(&config, logging::dropshot(), Arc::new(Memory::new())).await).await
            }
        }
    })
}

async fn whole(started: Result<Server, runyard::serve::ServeError>) -> Result<(), String> {
    let server = started.map_err(|error| error.to_string())?;
    let url = |api| server.url(api).map(str::to_owned);
    let gateway = url("run-gateway").unwrap_or_default();
    announce(&Ready { gateway, coordinator: url("run-coordinator"), own: url("runyard") });
    until_input_ends().await;
    server.stop().await;
    Ok(())
}

/// The gateway's API alone, with the authentication that it has in a server.
async fn nothing(config: &Config) -> Result<(), String> {
    let local = LocalToken::random(config.host)?;
    let parts = auth::Parts { store: Arc::new(Memory::new()), clock: Clock::system(), local };
    let guard = Guard::new(&config.auth, parts).map_err(|error| error.to_string())?;
    let settings = Settings { body_bytes_max: config.body_bytes_max, ..Settings::default() };
    let still = Arc::new(Still::new(guard.gate(&run_gateway::DOCUMENT)));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = run_gateway::api(still, settings).serve(address, logging::dropshot());
    let server = server.map_err(|error| error.to_string())?;
    announce(&Ready { gateway: format!("http://{}", server.local_addr()), coordinator: None, own: None });
    until_input_ends().await;
    Ok(())
}

fn announce(ready: &Ready) {
    Output::process(true).object(&json!(ready));
}

/// On a thread of its own, because reading standard input cannot be canceled.
async fn until_input_ends() {
    let (gone, is_gone) = oneshot::channel();
    let wait = move || {
        let mut nothing = Vec::new();
        // However it ends, the measuring process has ended.
        let _ = std::io::stdin().lock().read_to_end(&mut nothing);
        let _ = gone.send(());
    };
    drop(std::thread::Builder::new().name("bench-stdin".into()).spawn(wait));
    let _ = is_gone.await;
}
