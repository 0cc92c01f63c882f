//! The data folder: which process owns it, how other processes find that process, and the server's key.
//!
//! | file | what |
//! |------|------|
//! | `lock` | held by the one process that owns the folder; contains its process id |
//! | `server.lock` | held while the owner serves, so that other processes can check for a server without using the first lock |
//! | `server.json` | how to reach the owner; valid only while `server.lock` is held |
//! | `secret.key` | the server's key, unless the environment gives one |
//!
//! Locks end with their process. So after `kill -9` a folder is free at once, and the old `server.json` is recognised
//! as stale. The module `sqlite/` manages the database in the folder.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const LOCK: &str = "lock";
const SERVER_LOCK: &str = "server.lock";
const SERVER: &str = "server.json";
const KEY: &str = "secret.key";
/// A file that is created and removed to check that the folder is writable.
const PROBE: &str = "probe";

/// The environment variable for the server's key.
pub const KEY_VARIABLE: &str = "RUNYARD_SECRET_KEY";

/// How to reach the server that owns a folder.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// The server's process id.
    pub pid: u32,
    /// The URL of the Runyard API.
    pub native_url: String,
    /// The URL of the Run Gateway API.
    pub gateway_url: String,
    /// A random token. It lets every process that can read the folder call the server. A secret.
    pub token: String,
    /// When it started.
    pub started_at: Timestamp,
    /// The server's build.
    pub version: String,
}

impl fmt::Debug for ServerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is left out.
        f.debug_struct("ServerInfo")
            .field("pid", &self.pid)
            .field("native_url", &self.native_url)
            .field("gateway_url", &self.gateway_url)
            .field("started_at", &self.started_at)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process owns it. Use that server, stop it, or use another folder.
    #[error("the data folder {} is in use by {}", folder.display(), who(*pid, server.as_deref()))]
    Owned {
        /// The folder.
        folder: PathBuf,
        /// The owner's process id, if it could be read.
        pid: Option<u32>,
        /// How to reach the owner, if it serves.
        server: Option<Box<ServerInfo>>,
    },
    /// The folder or a file in it cannot be created, read or written.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// The operation that failed.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        #[source]
        cause: io::Error,
    },
    /// The server's key is not valid. The message does not repeat it.
    #[error("{given_by} must be 32 bytes, as 64 hexadecimal digits or as base64: {help}")]
    BadKey {
        /// The variable or the file.
        given_by: String,
        /// What to do.
        help: &'static str,
    },
    /// The operating system gave no randomness.
    #[error("no randomness for a new key: {0}")]
    NoRandomness(String),
}

fn who(pid: Option<u32>, server: Option<&ServerInfo>) -> String {
    match (pid, server) {
        (_, Some(server)) => format!("the server at {} (pid {})", server.native_url, server.pid),
        (Some(pid), None) => format!("another runyard command (pid {pid})"),
        (None, None) => "another process".to_owned(),
    }
}

fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    move |cause| FolderError::Io { what, path: path.to_owned(), cause }
}

/// The data folder, not yet owned.
#[derive(Debug)]
pub struct Folder;

impl Folder {
    /// Creates the folder (mode 0700) if it is missing, and owns it exclusively until the returned value is dropped.
    ///
    /// # Errors
    /// [`FolderError::Owned`] while another process owns it; [`FolderError::Io`] if the file system fails.
    pub fn own(path: impl AsRef<Path>) -> Result<Owned, FolderError> {
        let path = path.as_ref().to_owned();
        make_private_folder(&path).map_err(io("make", &path))?;
        let lock_path = path.join(LOCK);
        let mut lock = open_private(&lock_path).map_err(io("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let server = Folder::owner(&path).map(Box::new);
                return Err(FolderError::Owned { pid: read_pid(&mut lock), folder: path, server });
            }
            Err(TryLockError::Error(cause)) => return Err(io("lock", &lock_path)(cause)),
        }
        // For the error message in a second process, and for operators.
        let written = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
        written.map_err(io("write", &lock_path))?;
        // Left by an owner that was killed.
        remove(&path.join(SERVER))?;
        // Check here, because later steps report the cause less clearly.
        let probe = path.join(PROBE);
        open_private(&probe).and_then(|_| fs::remove_file(&probe)).map_err(io("write in", &path))?;
        Ok(Owned { path, serving: None, _lock: lock })
    }

    /// How to reach the server that owns the folder. `None` if no server is running, even if `server.json` exists.
    pub fn owner(path: impl AsRef<Path>) -> Option<ServerInfo> {
        let path = path.as_ref();
        let lock = File::open(path.join(SERVER_LOCK)).ok()?;
        // A shared lock, so that many processes can check at once. The server waits for them; they never wait for the
        // server.
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {}
            Ok(()) | Err(TryLockError::Error(_)) => return None,
        }
        serde_json::from_slice(&fs::read(path.join(SERVER)).ok()?).ok()
    }
}

/// A data folder that this process owns.
#[derive(Debug)]
pub struct Owned {
    path: PathBuf,
    serving: Option<File>,
    // Last, so that the lock is released after everything else.
    _lock: File,
}

impl Owned {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Publishes how to reach this process (`server.json`, mode 0600) until this is dropped. A second call replaces the
    /// whole file.
    ///
    /// # Errors
    /// [`FolderError::Io`] if the file system fails.
    pub fn publish(&mut self, server: &ServerInfo) -> Result<(), FolderError> {
        let path = self.path.join(SERVER);
        let json = serde_json::to_vec_pretty(server).map_err(|error| io("write", &path)(error.into()))?;
        write_whole(&path, &json).map_err(io("write", &path))?;
        if self.serving.is_none() {
            let lock_path = self.path.join(SERVER_LOCK);
            let lock = open_private(&lock_path).map_err(io("open", &lock_path))?;
            lock.lock().map_err(io("lock", &lock_path))?;
            self.serving = Some(lock);
        }
        Ok(())
    }

    /// The server's key: from the environment if it is set, else from `secret.key` (mode 0600). The first call creates
    /// that file with a random key. `given` is the value of [`KEY_VARIABLE`].
    ///
    /// # Errors
    /// [`FolderError::BadKey`] if the key is not valid (the message does not repeat it); [`FolderError::Io`] if the
    /// file system fails.
    pub fn secret_key(&self, given: Option<&str>) -> Result<[u8; 32], FolderError> {
        if let Some(given) = given {
            return given_key(given);
        }
        let path = self.path.join(KEY);
        match read_key(&path)? {
            Some(key) => {
                make_private(&path).map_err(io("restrict", &path))?;
                Ok(key)
            }
            None => make_key(&path),
        }
    }

    /// Stores a key as the folder's own and replaces any other.
    ///
    /// # Errors
    /// [`FolderError::Io`] if the file system fails.
    pub fn keep_key(&self, key: &[u8; 32]) -> Result<(), FolderError> {
        write_key(&self.path.join(KEY), key)
    }
}

/// The server key of a folder, or the one from the environment. `None` if there is neither; no key is created.
///
/// # Errors
/// As [`Owned::secret_key`].
pub fn key_of(folder: &Path, given: Option<&str>) -> Result<Option<[u8; 32]>, FolderError> {
    if let Some(given) = given {
        return given_key(given).map(Some);
    }
    read_key(&folder.join(KEY))
}

/// A server key in a file.
///
/// # Errors
/// [`FolderError::BadKey`] if the key is not valid (the message does not repeat it); [`FolderError::Io`] if the file
/// cannot be read.
pub fn read_key(path: &Path) -> Result<Option<[u8; 32]>, FolderError> {
    let bad = || FolderError::BadKey {
        given_by: path.display().to_string(),
        help: "restore the file from a copy; a new key cannot read what the old one sealed",
    };
    match fs::read_to_string(path) {
        Ok(text) => parse_key(&text).ok_or_else(bad).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(io("read", path)(cause)),
    }
}

/// A fingerprint that identifies a key without revealing it.
pub fn key_digest(key: &[u8; 32]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut digest = Hmac::<sha2::Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    digest.update(b"runyard: which server key this is");
    digest.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn given_key(given: &str) -> Result<[u8; 32], FolderError> {
    let bad = || FolderError::BadKey {
        given_by: format!("the environment variable {KEY_VARIABLE}"),
        help: "`openssl rand -hex 32` makes one; unset it to use the data folder's own",
    };
    parse_key(given).ok_or_else(bad)
}

impl Drop for Owned {
    fn drop(&mut self) {
        if self.serving.is_some() {
            // The file is stale from now on in any case: the locks are released next.
            let _ = fs::remove_file(self.path.join(SERVER));
        }
    }
}

fn make_key(path: &Path) -> Result<[u8; 32], FolderError> {
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key).map_err(|error| FolderError::NoRandomness(error.to_string()))?;
    write_key(path, &key)?;
    Ok(key)
}

fn write_key(path: &Path, key: &[u8; 32]) -> Result<(), FolderError> {
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).chain(["\n".to_owned()]).collect();
    write_whole(path, text.as_bytes()).map_err(io("write", path))
}

/// Reads 64 hexadecimal digits, or base64 of 32 bytes in either alphabet, padded or not.
fn parse_key(text: &str) -> Option<[u8; 32]> {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

    let text = text.trim();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let digits = |place: usize| u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..32).map(digits).collect();
        return bytes?.try_into().ok();
    }
    let bare = text.strip_suffix('=').unwrap_or(text);
    let bytes = STANDARD_NO_PAD.decode(bare).or_else(|_| URL_SAFE_NO_PAD.decode(bare)).ok()?;
    bytes.try_into().ok()
}

fn read_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn remove(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(io("remove", path)(cause)),
        _ => Ok(()),
    }
}

/// Writes atomically: a reader, or a crash at any moment, leaves the old file or the new one.
///
/// # Errors
/// The file cannot be written or renamed.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    // A temporary file left by a crash may have any mode.
    let _ = fs::remove_file(&unfinished);
    let mut file = open_private(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(()) // A folder cannot be opened as a file there; the rename is durable by itself.
}

/// Creates a folder and its parents, with mode 0700 for those that are missing.
///
/// # Errors
/// It cannot be created.
#[cfg(unix)]
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Creates a folder and its parents if they are missing.
///
/// # Errors
/// It cannot be created.
#[cfg(not(unix))]
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Opens for reading and writing; creates the file with mode 0600 if it is missing.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
