//! A worker: this program started again to evaluate jobs from standard input. It has no files, addresses or secrets. It
//! ends itself when an evaluation takes too long, so that no abandoned evaluation continues.
//!
//! A message is its length in four bytes, little-endian, followed by JSON of that length.

use std::io::{Read, Write};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::processor::{Subject, Used};
use super::realm::{Broken, Job, evaluate};

/// The argument that starts this program as a worker.
pub const ARGUMENT: &str = "evaluate-expressions";
/// How much more processor time than its limit an evaluation may use before the worker ends.
pub(super) const GRACE: Duration = Duration::from_millis(250);
/// How long the watchdog waits at least before it looks at the processor time again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// The exit code of a worker that ended because an evaluation took too long.
pub(super) const GAVE_UP: i32 = 3;
/// The longest message.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// The answer of a worker.
pub(super) type Answer = Result<Vec<Option<String>>, Broken>;

/// Lowers the priority of the worker below that of the server, because scripts of one tenant can use every processor.
pub fn lower_priority() {
    /// The lowest priority. A script's time limit counts processor time, so that waiting for a processor fails none.
    #[cfg(unix)]
    const NICE: i32 = 19;
    // Without permission, the priority does not change.
    #[cfg(unix)]
    let _ = rustix::process::nice(NICE);
}

/// Evaluates jobs until the end of the input.
///
/// # Errors
/// The input is not a valid message, or the answers cannot be written.
pub fn work(mut from: impl Read, mut to: impl Write) -> std::io::Result<()> {
    let watchdog = watchdog();
    while let Some(job) = read::<Job>(&mut from)? {
        watch(&watchdog, Some(Duration::from_millis(job.limits.time_ms) + GRACE));
        let answer: Answer = evaluate(&job);
        watch(&watchdog, None);
        to.write_all(&message(&answer)?)?;
        to.flush()?;
    }
    Ok(())
}

/// A thread that ends the process when an evaluation exceeds its time limit.
fn watchdog() -> SyncSender<Option<Duration>> {
    let (sender, receiver) = sync_channel::<Option<Duration>>(1);
    std::thread::spawn(move || {
        let mut watched: Option<(Used, Duration)> = None;
        loop {
            let outcome = match &watched {
                Some((used, most)) => receiver.recv_timeout(most.saturating_sub(used.elapsed()).max(LOOK_AGAIN)),
                None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match (outcome, &watched) {
                (Ok(next), _) => watched = next.map(|most| (Used::start(Subject::Process), most)),
                (Err(RecvTimeoutError::Timeout), Some((used, most))) if used.exceeds(*most) => {
                    std::process::exit(GAVE_UP)
                }
                (Err(RecvTimeoutError::Timeout), _) => {}
                (Err(RecvTimeoutError::Disconnected), _) => return,
            }
        }
    });
    sender
}

/// Sets the watchdog's time limit for the next work. The watchdog lives as long as the process.
fn watch(watchdog: &SyncSender<Option<Duration>>, most: Option<Duration>) {
    let _ = watchdog.send(most);
}

/// Encodes a message with its length prefix.
pub(super) fn message(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, value)?;
    let length = u32::try_from(bytes.len() - 4).ok().filter(|length| *length as usize <= BYTES_MAX);
    let length = length.ok_or_else(|| std::io::Error::other("the message is too long"))?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// Decodes the length prefix of a message.
pub(super) fn length(bytes: [u8; 4]) -> std::io::Result<usize> {
    let length = u32::from_le_bytes(bytes) as usize;
    if length <= BYTES_MAX { Ok(length) } else { Err(std::io::Error::other("the message is too long")) }
}

fn read<T: DeserializeOwned>(from: &mut impl Read) -> std::io::Result<Option<T>> {
    let mut head = [0; 4];
    match from.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = vec![0; length(head)?];
    from.read_exact(&mut bytes)?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}
