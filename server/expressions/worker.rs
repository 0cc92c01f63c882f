//! A worker: this program once more, evaluating what it is asked on standard input. It knows no file, no address and no secret, and it ends
//! by itself when an evaluation does not, so that nothing runs on that nobody waits for.
//!
//! A message is its length in four bytes, the lowest first, and as much JSON.

use std::io::{Read, Write};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::realm::{Broken, Job, evaluate};

/// The argument that makes this program a worker.
pub const ARGUMENT: &str = "evaluate-expressions";
/// How much longer than its limit an evaluation may run before the worker ends.
pub(super) const GRACE: Duration = Duration::from_millis(250);
/// The exit code of a worker that ended because an evaluation did not.
pub(super) const GAVE_UP: i32 = 3;
/// The longest message.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// What a worker answers.
pub(super) type Answer = Result<Vec<Option<String>>, Broken>;

/// Lets the server go first where both have something to do: scripts of one tenant can use every processor.
pub fn give_way() {
    /// Between a server's share and next to none: a script's time is counted while it waits, too.
    #[cfg(unix)]
    const NICE: i32 = 5;
    // Where it may not, it shares.
    #[cfg(unix)]
    let _ = rustix::process::nice(NICE);
}

/// Evaluates until there is nothing more to read.
///
/// # Errors
/// What is read is no message, or nobody reads the answers.
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

/// A thread that ends the process when an evaluation takes longer than it was told.
fn watchdog() -> SyncSender<Option<Duration>> {
    let (sender, receiver) = sync_channel::<Option<Duration>>(1);
    std::thread::spawn(move || {
        let mut most = None;
        loop {
            let told = match most {
                Some(most) => receiver.recv_timeout(most),
                None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            most = match told {
                Ok(next) => next,
                Err(RecvTimeoutError::Timeout) => std::process::exit(GAVE_UP),
                Err(RecvTimeoutError::Disconnected) => return,
            };
        }
    });
    sender
}

/// Tells the watchdog how long what follows may take. It is there as long as the process.
fn watch(watchdog: &SyncSender<Option<Duration>>, most: Option<Duration>) {
    let _ = watchdog.send(most);
}

/// A message with its length before it.
pub(super) fn message(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, value)?;
    let length = u32::try_from(bytes.len() - 4).ok().filter(|length| *length as usize <= BYTES_MAX);
    let length = length.ok_or_else(|| std::io::Error::other("the message is too long"))?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// How long the message is that these four bytes stand before.
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
