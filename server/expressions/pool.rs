//! The pool that evaluates: worker processes, which are started on demand and reused, or this process.
//!
//! A worker that does not answer is killed, because some native functions of the engine cannot be interrupted
//! otherwise. The next evaluation starts another worker. Without workers such functions do not end; this mode is for
//! programs that embed the server and cannot be a worker, and for tests.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use runyard_compute::FairSemaphore;
use runyard_compute::clock::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::processor::WAITING;
use super::realm::{Broken, Job, Reason, evaluate};
use super::worker::{ARGUMENT, Answer, GAVE_UP, GRACE, length, message};

/// The program to start as a worker.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
/// How long to wait for a worker after its own time limit, because it may have to start, or the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most evaluations at once of one tenant.
const AT_ONCE_MAX: usize = 8;
/// One more place, which is reserved for other tenants.
const SPARE: usize = 1;
/// The most waiting evaluations of one tenant.
const WAITING_MAX: usize = 10_000;

/// Declares that this program, started with [`ARGUMENT`], is a worker.
pub fn this_program_is_a_worker() {
    // The running program, even if its file has been replaced.
    let running = Path::new("/proc/self/exe");
    let program = if running.exists() { Some(running.to_owned()) } else { std::env::current_exe().ok() };
    if let Some(program) = program {
        // A second call changes nothing.
        let _ = PROGRAM.set(program);
    }
}

/// The pool of evaluators.
pub(super) struct Pool {
    program: Option<PathBuf>,
    idle: Mutex<Vec<Worker>>,
    semaphore: FairSemaphore,
    clock: Clock,
}

/// A request for an evaluation.
pub(super) struct Question {
    time_ms: u64,
    form: Form,
}

enum Form {
    /// For a worker, with a length prefix.
    Message(Vec<u8>),
    /// For this process.
    Job(Box<Job>),
    TooLong,
}

/// The answer, not yet parsed, because it may be long.
pub(super) enum Answered {
    Here(Answer),
    Bytes(Vec<u8>),
}

impl Answered {
    /// The values, in the order of the expressions.
    pub(super) fn values(self) -> Answer {
        match self {
            Answered::Here(answer) => answer,
            Answered::Bytes(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|_| {
                let said = "the worker for it answered something that cannot be read".to_owned();
                Err(Broken { code: 0, reason: Reason::Failed(said) })
            }),
        }
    }
}

struct Worker {
    // Killed on drop.
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

impl Pool {
    /// Uses this program as workers if it can be one, else this process.
    pub(super) fn new(clock: Clock) -> Self {
        Self::of(PROGRAM.get().cloned(), clock)
    }

    /// Uses this program as workers, or this process.
    pub(super) fn of(program: Option<PathBuf>, clock: Clock) -> Self {
        let at_once = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, AT_ONCE_MAX);
        Self {
            program,
            idle: Mutex::new(Vec::new()),
            semaphore: FairSemaphore::new(at_once + SPARE, at_once, WAITING_MAX),
            clock,
        }
    }

    /// Serializes a job. It may be long, so do not call this on the async runtime.
    pub(super) fn question(&self, job: Job) -> Question {
        let time_ms = job.limits.time_ms;
        match self.program {
            Some(_) => Question { time_ms, form: message(&job).map_or(Form::TooLong, Form::Message) },
            None => Question { time_ms, form: Form::Job(Box::new(job)) },
        }
    }

    /// Evaluates in the tenant's turn. A waiting evaluation holds no worker.
    pub(super) async fn evaluate(&self, tenant: &str, question: Question) -> Answered {
        let failed = |said: &str| Answered::Here(Err(Broken { code: 0, reason: Reason::Failed(said.to_owned()) }));
        let Ok(_permit) = self.semaphore.acquire(tenant).await else {
            return failed("too many others of the same tenant wait to be evaluated");
        };
        let Question { time_ms, form } = question;
        let message = match form {
            Form::Job(job) => {
                let evaluated = tokio::task::spawn_blocking(move || evaluate(&job)).await;
                return evaluated.map_or_else(|_| failed("the evaluation broke off"), Answered::Here);
            }
            Form::TooLong => return failed("what it reads is too long to be handed over"),
            Form::Message(message) => message,
        };
        let most = (Duration::from_millis(time_ms) + GRACE) * WAITING + PATIENCE;
        // An idle worker may have died, so try a new one afterwards.
        for fresh in [false, true] {
            let worker = if fresh { None } else { self.idle().pop() };
            let mut worker = match worker {
                Some(worker) => worker,
                None if !fresh => continue,
                None => match self.start() {
                    Ok(worker) => worker,
                    Err(error) => {
                        tracing::error!(%error, "cannot start a worker for expressions");
                        return failed("the server cannot start a worker for it");
                    }
                },
            };
            let asked = tokio::select! {
                biased;
                asked = worker.ask(&message) => asked,
                () = self.clock.sleep(most) => WorkerReply::GaveUp,
            };
            match asked {
                WorkerReply::Answered(answer) => {
                    self.idle().push(worker);
                    return Answered::Bytes(answer);
                }
                WorkerReply::GaveUp => return Answered::Here(Err(Broken { code: 0, reason: Reason::TimedOut })),
                WorkerReply::Died => return failed("the worker for it broke off"),
                WorkerReply::NotReceived if fresh => return failed("the worker for it ended at once"),
                WorkerReply::NotReceived => {}
            }
        }
        failed("there was no worker for it")
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> std::io::Result<Worker> {
        let program = self.program.as_deref().ok_or_else(|| std::io::Error::other("no program"))?;
        let mut command = Command::new(program);
        command.arg(ARGUMENT).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // Workers do not get the terminal's signals, because the server ends them itself. They also keep no folder in
        // use.
        #[cfg(unix)]
        command.process_group(0).current_dir("/");
        let mut child = command.kill_on_drop(true).spawn()?;
        let missing = || std::io::Error::other("it has no pipes");
        let (to, from) = (child.stdin.take().ok_or_else(missing)?, child.stdout.take().ok_or_else(missing)?);
        Ok(Worker { child, to, from })
    }
}

enum WorkerReply {
    Answered(Vec<u8>),
    /// The worker ended itself because the evaluation took too long, or it has to be killed.
    GaveUp,
    /// The worker ended for another reason after it had read the question.
    Died,
    /// The worker had ended before it could read the question.
    NotReceived,
}

impl Worker {
    async fn ask(&mut self, message: &[u8]) -> WorkerReply {
        if self.to.write_all(message).await.is_err() || self.to.flush().await.is_err() {
            return WorkerReply::NotReceived;
        }
        match self.answer().await {
            Ok(answer) => WorkerReply::Answered(answer),
            Err(_) => match self.child.wait().await {
                Ok(status) if status.code() == Some(GAVE_UP) => WorkerReply::GaveUp,
                _ => WorkerReply::Died,
            },
        }
    }

    async fn answer(&mut self) -> std::io::Result<Vec<u8>> {
        let mut head = [0; 4];
        self.from.read_exact(&mut head).await?;
        let mut bytes = vec![0; length(head)?];
        self.from.read_exact(&mut bytes).await?;
        Ok(bytes)
    }
}
