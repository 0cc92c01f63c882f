//! The binary as a separate process: started in a folder of its own, read, stopped, killed, and always reaped.
//!
//! Servers in this process are in `harness`. Every wait is bounded; what hangs fails with its name.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::StreamExt;
use runyard_api::arp::{run_coordinator, run_gateway};
use runyard_api::client::{ByteStream, Plain};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::harness::Clients;

/// How long an operation may take before it counts as hanging. Generous, because the machine may be busy.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// Waits for a future, with a bound.
pub(crate) async fn bounded<Output>(what: &str, future: impl Future<Output = Output>) -> Output {
    match tokio::time::timeout(BOUND, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: still waiting after {BOUND:?}"),
    }
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Done {
    /// The exit code. `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Standard output as one JSON object a line.
    pub(crate) fn objects(&self) -> Vec<Value> {
        let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out.lines().map(read).collect()
    }

    /// Standard output as one JSON object.
    pub(crate) fn object(&self) -> Value {
        let objects = self.objects();
        assert_eq!(objects.len(), 1, "one object: {self:?}");
        objects.into_iter().next().unwrap()
    }

    /// Fails unless it ended with this code.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(!self.err.contains("panicked"), "{self:#?}");
        self
    }
}

/// A running binary. Dropping it kills and reaps it.
pub(crate) struct Process {
    child: Child,
    lines: UnboundedReceiver<String>,
    err: UnboundedReceiver<String>,
}

impl Process {
    /// Starts the binary in a folder, with nothing of this process's environment.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_with(folder, arguments, &[])
    }

    /// With environment variables.
    pub(crate) fn start_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(command(folder, arguments, environment))
    }

    /// Through a shell, which runs this first and then becomes the binary: limits and ignored signals stay.
    pub(crate) fn start_after(folder: &Path, first: &str, arguments: &[&str]) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("{first} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_runyard")]).args(arguments);
        shell.current_dir(folder).stdin(Stdio::null()).env_clear();
        Self::spawn(shell)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, err) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Process { child, lines, err }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its standard output. `None` when it has ended.
    pub(crate) async fn line(&mut self) -> Option<String> {
        bounded("a line of the binary", self.lines.recv()).await
    }

    /// Lines up to and including the first that matches.
    pub(crate) async fn until(&mut self, is_it: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line().await {
            let found = is_it(&line);
            lines.push(line);
            if found {
                return lines;
            }
        }
        panic!("it ended before that: {lines:?}");
    }

    /// Lines of standard error up to and including the first that matches.
    pub(crate) async fn until_err(&mut self, is_it: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = bounded("a line of standard error", self.err.recv()).await {
            let found = is_it(&line);
            lines.push(line);
            if found {
                return lines;
            }
        }
        panic!("it ended before that: {lines:?}");
    }

    /// Sends it a signal to stop (`INT`, `TERM`).
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// `kill -9`. The process is gone when this returns.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn done(mut self) -> Done {
        let (mut out, mut err) = (String::new(), String::new());
        bounded("the end of the binary", async {
            // Both end with the process, so that the wait below is short.
            while let Some(line) = self.lines.recv().await {
                out.push_str(&line);
                out.push('\n');
            }
            while let Some(line) = self.err.recv().await {
                err.push_str(&line);
                err.push('\n');
            }
        })
        .await;
        Done { code: self.child.wait().unwrap().code(), out, err }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail if it has already ended and was reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the binary to its end.
pub(crate) async fn runyard(folder: &Path, arguments: &[&str]) -> Done {
    Process::start(folder, arguments).done().await
}

/// Runs the binary to its end, with environment variables.
pub(crate) async fn runyard_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Done {
    Process::start_with(folder, arguments, environment).done().await
}

/// Runs the binary with a standard output whose reader is closed from the start.
pub(crate) async fn runyard_unread(folder: &Path, arguments: &[&str]) -> Done {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = command(folder, arguments, &[]).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let err = lines(child.stderr.take().unwrap());
    let lines = unbounded_channel().1;
    Process { child, lines, err }.done().await
}

fn command(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runyard"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env_clear();
    command.envs(environment.iter().copied());
    command
}

/// Lines as they are written, read by a thread that ends with the writer.
fn lines(from: impl Read + Send + 'static) -> UnboundedReceiver<String> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// `runyard serve` as a process, ready.
pub(crate) struct Served {
    pub(crate) process: Process,
    pub(crate) clients: ProcessClients,
    urls: BTreeMap<String, String>,
}

impl Served {
    /// On free ports.
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_with(folder, &["--port-base", "0"]).await
    }

    /// With these flags. Reads the ready line.
    pub(crate) async fn start_with(folder: &Path, flags: &[&str]) -> Self {
        Self::start_in(folder, flags, &[]).await
    }

    /// With these flags and environment variables.
    pub(crate) async fn start_in(folder: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::ready(Process::start_with(folder, &[&["serve", "--json"], flags].concat(), environment)).await
    }

    /// As [`Process::start_after`].
    pub(crate) async fn start_after(folder: &Path, first: &str, flags: &[&str]) -> Self {
        Self::ready(Process::start_after(folder, first, &[&["serve", "--json"], flags].concat())).await
    }

    async fn ready(mut process: Process) -> Self {
        let Some(line) = process.line().await else { panic!("it did not start: {:#?}", process.done().await) };
        Self::of(process, &line)
    }

    /// A process that has reported that it is ready.
    pub(crate) fn of(process: Process, line: &str) -> Self {
        let ready: Value = serde_json::from_str(line).unwrap();
        assert_eq!((ready["kind"].as_str(), ready["pid"].as_u64()), (Some("ready"), Some(process.id().into())));
        let text = |api: &Value, name: &str| api[name].as_str().unwrap().to_owned();
        let clients = ready["doors"].as_array().unwrap().iter();
        let urls: BTreeMap<_, _> = clients.map(|api| (text(api, "name"), text(api, "url"))).collect();
        Served { process, clients: ProcessClients::at(|api| urls[api].clone()), urls }
    }

    /// Clients that check every answer against its document.
    pub(crate) fn clients(&self) -> Clients {
        Clients::of(|api| self.urls[api].clone(), None)
    }

    /// `kill -9`. The process is gone when this returns.
    pub(crate) fn kill(self) {
        self.process.kill();
    }
}

/// A base whose ports were free a moment ago. Below the range from which systems take ports for connections, so that
/// only another test run competes for it.
pub(crate) fn free_port_base() -> u16 {
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicU16, Ordering};

    static NEXT: AtomicU16 = AtomicU16::new(0);
    let seed = u16::try_from(std::process::id() % 600).unwrap();
    (0..600)
        .map(|_| 20_000 + (seed + NEXT.fetch_add(1, Ordering::SeqCst)) % 600 * 16)
        .find(|base| [1, 2, 3, 4, 5, 12].iter().all(|offset| TcpListener::bind(("127.0.0.1", base + offset)).is_ok()))
        .unwrap()
}

/// Clients of a server's APIs, in this process or another.
#[derive(Clone)]
pub(crate) struct ProcessClients {
    pub(crate) gateway: run_gateway::client::Client,
    pub(crate) coordinator: run_coordinator::client::Client,
    pub(crate) native: runyard_api::runyard::client::Client,
    pub(crate) gateway_url: String,
    pub(crate) coordinator_url: String,
    pub(crate) native_url: String,
    pub(crate) runtime_url: String,
    pub(crate) toolregistry_url: String,
    pub(crate) acp_url: String,
    pub(crate) cargo_url: String,
}

impl ProcessClients {
    /// At these URLs, by the names of the APIs.
    pub(crate) fn at(url: impl Fn(&str) -> String) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (gateway_url, coordinator_url, native_url) = (url("run-gateway"), url("run-coordinator"), url("runyard"));
        ProcessClients {
            gateway: run_gateway::client::Client::new_with_client(&gateway_url, http.clone(), Plain::shared()),
            coordinator: run_coordinator::client::Client::new_with_client(
                &coordinator_url,
                http.clone(),
                Plain::shared(),
            ),
            native: runyard_api::runyard::client::Client::new_with_client(&native_url, http, Plain::shared()),
            gateway_url,
            coordinator_url,
            native_url,
            runtime_url: url("runtime"),
            toolregistry_url: url("toolregistry"),
            acp_url: url("acp"),
            cargo_url: url("cargo"),
        }
    }

    /// Of a server in this process.
    pub(crate) fn of(server: &runyard::serve::Server) -> Self {
        Self::at(|api| server.url(api).unwrap().to_owned())
    }

    /// Starts a run; its id and its root's.
    pub(crate) async fn start(&self, node_type: &str, input: Value) -> (String, String) {
        let body = start_body(node_type, input);
        let run = self.gateway.start_run(None, &body).await.unwrap().into_inner();
        (run.run_id, run.root_node_run_id)
    }

    /// Starts a run of the planner.
    pub(crate) async fn plan(&self, goal: &str) -> (String, String) {
        self.start("runyard.composite.planner.general", json!({ "goal": goal })).await
    }

    /// The events after a `seq`, to the end of the stream.
    pub(crate) async fn events(&self, run_id: &str, after: u64) -> Vec<Value> {
        let stream =
            self.gateway.stream_run_events(run_id, Some(i64::try_from(after).unwrap()), None, None).await.unwrap();
        let bytes = bounded("the end of a stream", bytes(stream.into_inner())).await;
        bytes.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A run, as JSON.
    pub(crate) async fn run(&self, run_id: &str) -> Value {
        json!(self.gateway.get_run(run_id).await.unwrap().into_inner())
    }

    /// A node run, as JSON.
    pub(crate) async fn node_run(&self, node_run_id: &str) -> Value {
        json!(self.coordinator.get_node_run(node_run_id).await.unwrap().into_inner())
    }
}

/// The body of a start.
pub(crate) fn start_body(node_type: &str, input: Value) -> runyard_api::arp::schemas::RunStartRequest {
    let reference = json!({ "node_type_id": node_type, "version": "latest" });
    serde_json::from_value(json!({ "root_node_type_ref": reference, "input": input })).unwrap()
}

/// A stream as text, to its end.
pub(crate) async fn bytes(stream: ByteStream) -> String {
    let mut stream = stream.into_inner();
    let mut text = Vec::new();
    while let Some(chunk) = stream.next().await {
        text.extend_from_slice(&chunk.unwrap());
    }
    String::from_utf8(text).unwrap()
}

/// The laws of a finished run's events, whatever happened between them: `seq` from 1 without a gap, one end as the last
/// event, and no call executed twice.
pub(crate) fn assert_whole(events: &[Value]) {
    let found: Vec<_> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(found, (1..=events.len() as u64).collect::<Vec<_>>());
    let ends: Vec<_> = events.iter().filter(|event| event["type"] == "run_completed").collect();
    assert_eq!(ends.len(), 1, "{events:#?}");
    assert_eq!(events.last(), ends.first().copied());
    let mut performed: Vec<_> = of_kind(events, "atomic_executed");
    let times = performed.len();
    performed.sort_unstable();
    performed.dedup();
    assert_eq!(performed.len(), times, "a step ran twice: {events:#?}");
}

/// The node runs of the events of one kind, in order.
pub(crate) fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a str> {
    let is_kind = |event: &&'a Value| event["type"] == kind;
    events.iter().filter(is_kind).filter_map(|event| event["node_run_id"].as_str()).collect()
}
