//! The program of an MCP server: a process group of its own, an environment with nothing but the allowed variables, and
//! an end that takes everything with it that the program started.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::{ChildStdin, ChildStdout, Command};

use super::lines::log_errors;
use super::target::{Place, Target};
use crate::clock::Clock;

/// How long a program has to end by itself, after its input was closed and after it was asked to.
const GRACE: Duration = Duration::from_millis(1_000);
/// How often a program is checked for its end.
const CHECK: Duration = Duration::from_millis(50);

/// A started program. Dropping it kills its process group.
pub(super) struct Child {
    // Dropped first: the group must be killed while its leader is not reaped, so that the number is still its own.
    group: Group,
    process: tokio::process::Child,
    clock: Clock,
}

/// A process group, killed when dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // An error means that no process of the group is left.
            let _ = kill_process_group(pid, signal);
        }
    }
}

/// Starts the program of a target.
///
/// # Errors
/// It cannot be started.
pub(super) fn start(target: &Arc<Target>, clock: &Clock) -> std::io::Result<(Child, ChildStdout, ChildStdin)> {
    let Place::Program { command, args, directory, environment } = &target.place else {
        return Err(std::io::Error::other("it is no program"));
    };
    let mut program = Command::new(command);
    program.args(args).env_clear().envs(environment.iter().map(|(name, value)| (name, value.expose())));
    if let Some(directory) = directory {
        program.current_dir(directory);
    }
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = program.process_group(0).kill_on_drop(true).spawn()?;
    let pid = process.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let group = Group(pid);
    let pipes = process.stdin.take().zip(process.stdout.take()).zip(process.stderr.take());
    let ((stdin, stdout), stderr) = pipes.ok_or_else(|| std::io::Error::other("it has no pipes"))?;
    tokio::spawn(log_errors(stderr, target.clone(), clock.clone()));
    Ok((Child { group, process, clock: clock.clone() }, stdout, stdin))
}

impl Child {
    /// Whether the program has ended. It is not reaped.
    pub(super) fn has_ended(&self) -> bool {
        let Some(pid) = self.group.0 else { return true };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
    }

    /// Resolves when the program has ended.
    pub(super) async fn ended(&self) {
        while !self.has_ended() {
            self.clock.sleep(CHECK * 10).await;
        }
    }

    /// Ends the program, whose input is closed, and everything that it started.
    pub(super) async fn stop(mut self) {
        for signal in [None, Some(Signal::TERM)] {
            if let Some(signal) = signal {
                self.group.signal(signal);
            }
            for _ in 0..GRACE.as_millis() / CHECK.as_millis() {
                if self.has_ended() {
                    break;
                }
                self.clock.sleep(CHECK).await;
            }
            if self.has_ended() {
                break;
            }
        }
        self.group.signal(Signal::KILL);
        // Reaped, so the number is no longer its own.
        self.group.0 = None;
        let _ = self.process.wait().await;
    }
}
