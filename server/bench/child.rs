//! A server in a process and a folder of its own, so that its cost is separate from the cost of measuring. Both are
//! removed when this is dropped.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use http::HeaderValue;
use runyard::config::Config;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::client::Target;
use super::over::Backing;
use super::process::{self, Usage};
use super::served::{ARGUMENT, Ready};
use super::{Bench, BenchError};

/// A server under test: a child, or one that was running before.
pub(super) struct Subject {
    pub(super) gateway: Target,
    /// The address for executors; absent if unknown.
    pub(super) coordinator: Option<Target>,
    own: Option<Target>,
    child: Option<Served>,
}

struct Served {
    process: Child,
    folder: TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        // Both fail if it has ended by itself. Its folder is removed next.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Subject {
    /// Starts one.
    pub(super) async fn start(over: Backing) -> Result<Self, BenchError> {
        Self::start_in(folder()?, over).await
    }

    /// Starts one over a folder, with the data in it.
    pub(super) async fn start_in(folder: TempDir, over: Backing) -> Result<Self, BenchError> {
        let (child, ready) = spawn_blocking(move || spawn(folder, over))
            .await
            .unwrap_or_else(|_| Err(BenchError::Server("could not be started".to_owned())))?;
        let other = |url: Option<String>| url.map(|url| target(&url, None)).transpose();
        let (coordinator, own) = (other(ready.coordinator)?, other(ready.own)?);
        Ok(Self { gateway: target(&ready.gateway, None)?, coordinator, own, child: Some(child) })
    }

    /// The server that was named, or a new one.
    pub(super) async fn of(bench: &Bench) -> Result<Self, BenchError> {
        match &bench.url {
            None => Self::start(Backing::Disk).await,
            Some(url) => {
                let gateway = target(url, bench.credential.as_deref())?;
                Ok(Self { gateway, coordinator: None, own: None, child: None })
            }
        }
    }

    /// The Runyard API, if the server has it.
    pub(super) fn own(&self) -> Result<&Target, BenchError> {
        self.own.as_ref().ok_or_else(|| BenchError::Server("has no API of its own here".to_owned()))
    }

    /// What it has used so far, if the system says.
    pub(super) fn usage(&self) -> Option<Usage> {
        process::usage(self.child.as_ref()?.process.id())
    }

    /// Its process, if it is a child.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(|child| child.process.id())
    }

    /// Its resident memory, bytes, if the system says.
    pub(super) fn resident(&self) -> Option<u64> {
        process::resident(self.child.as_ref()?.process.id())
    }

    /// Its data folder, if it is a child.
    pub(super) fn data(&self) -> Option<PathBuf> {
        self.child.as_ref().map(|child| data(child.folder.path()))
    }
}

/// A folder for one server.
pub(super) fn folder() -> Result<TempDir, BenchError> {
    let folder = tempfile::Builder::new().prefix("runyard-bench-").tempdir();
    folder.map_err(BenchError::io("make a folder for measuring"))
}

/// The data folder in such a folder.
pub(super) fn data(folder: &Path) -> PathBuf {
    folder.join(Config::default().data_dir)
}

fn spawn(folder: TempDir, over: Backing) -> Result<(Served, Ready), BenchError> {
    let program = std::env::current_exe().map_err(BenchError::io("find this program"))?;
    let log = std::fs::File::create(folder.path().join("log")).map_err(BenchError::io("write a log"))?;
    // The child's standard input ends with this process, however that ends, and then the child ends.
    let process = Command::new(program)
        .args([ARGUMENT, over.word()])
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(BenchError::io("start a server"))?;
    let mut served = Served { process, folder };
    let mut line = String::new();
    if let Some(out) = served.process.stdout.take() {
        BufReader::new(out).read_line(&mut line).map_err(BenchError::io("hear from the server"))?;
    }
    let ready = serde_json::from_str(&line).map_err(|_| {
        let log = std::fs::read_to_string(served.folder.path().join("log")).unwrap_or_default();
        BenchError::Server(format!("did not start: {}", log.lines().last().unwrap_or("it says nothing")))
    })?;
    Ok((served, ready))
}

/// The gateway at this URL.
fn target(url: &str, credential: Option<&str>) -> Result<Target, BenchError> {
    let wrong = |reason: &str| BenchError::Url { url: url.to_owned(), reason: reason.to_owned() };
    let parsed = reqwest::Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
    if parsed.scheme() != "http" || parsed.path() != "/" {
        return Err(wrong("measuring speaks plain HTTP, to an API that is below no path"));
    }
    let addresses = parsed.socket_addrs(|| None).map_err(|error| wrong(&error.to_string()))?;
    let host = parsed.host_str().unwrap_or_default();
    let host = parsed.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let credential = credential.map(HeaderValue::from_str).transpose().map_err(|_| wrong("the token is not valid"))?;
    Ok(Target {
        address: *addresses.first().ok_or_else(|| wrong("it has no address"))?,
        host: HeaderValue::from_str(&host).map_err(|_| wrong("it has no host"))?,
        credential,
    })
}
