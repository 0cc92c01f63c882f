//! The default store: one SQLite database in WAL mode, one writer thread, a few reader threads.
//!
//! | file | what |
//! |------|------|
//! | `schema.rs`, `migrations/` | opening and migrating; refuses newer databases |
//! | `writer.rs` | the queue and the group commit: one sync makes all waiting entries durable |
//! | `append.rs`, `counts.rs` | the operations inside a transaction |
//! | `claims.rs`, `in_row.rs` | effects: where their rows are, and which are in memory to be claimed |
//! | `api_keys.rs`, `approvals.rs` | the tables of API keys and of approvals |
//! | `node_runs.rs` | which run a node run belongs to |
//! | `objects.rs` | the table of small objects |
//! | `readers.rs`, `read.rs`, `list.rs` | the reader pool and its queries |
//! | `checkpoint.rs` | moves the WAL into the database, off the commit path |
//! | `ack_log.rs` | the acknowledgement log, which detects lost commits |
//! | `inspect` | read-only access for `runyard check` |
//! | `backup` | backup of a database that may be in use, and restore |
//! | `values.rs` | the tables of large values |
//! | [`packed`] | how rows of the log are packed |
//! | `removals.rs` | removal of finished runs in small steps |
//! | `damaged` | runs that cannot be read, removed while no server has the database |
//! | [`wal`] | the number of transactions in the WAL, read from outside |
//! | [`plain`] | SQLite alone with the same rows, as a baseline for measurements |
//! | `convert.rs` | conversions between columns and the types of the trait |
//!
//! Every acknowledged commit has been synced (`synchronous=FULL`). Nothing here reads a clock.

mod ack_log;
mod api_keys;
mod append;
mod approvals;
mod backup;
mod checkpoint;
mod claims;
mod convert;
mod counts;
mod damaged;
mod files;
mod in_row;
mod inbox;
mod inspect;
mod job;
mod list;
mod node_runs;
mod objects;
mod options;
pub mod packed;
pub mod plain;
mod prepared;
mod read;
mod readers;
mod removals;
mod schema;
mod sealed;
mod stop;
#[cfg(test)]
mod tests;
mod values;
pub mod wal;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use async_trait::async_trait;
use runyard_engine::large::Digest;
use runyard_engine::{ApprovalId, EffectId, NodeRunId, Position, Recorded, RunId};
use rusqlite::Connection;

use self::ack_log::AckLog;
use self::claims::{EffectCache, Load};
use self::job::Job;
use self::readers::Readers;
use self::writer::Queue;
use super::api_key::{ApiKey, KeyStore};
use super::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow};
use super::object::{Change, Changes, Object, ObjectCursor, ObjectError, ObjectStore};
use super::outbox::EffectKinds;
use super::retention::{Removal, Retention};
use super::{
    Append, Claimed, Claims, Committed, Cursor, Epoch, Filter, KeyUse, LogPart, RunRow, Sealed, Status, Store,
    StoreError, Tenant, folder,
};

pub use self::files::Files;
pub use self::options::Options;

/// The database's name in its folder.
pub const FILE_NAME: &str = "runyard.db";

/// A store in a folder. It is the only claimer of the database: claims are in memory and end with it. Dropping it
/// finishes the queue, moves the WAL into the database and joins its threads.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    effect_cache: Arc<EffectCache>,
    // Both exist until the drop.
    queue: Option<Queue>,
    readers: Option<Readers>,
    threads: Vec<JoinHandle<()>>,
}

impl Sqlite {
    /// Opens the store in this folder. Creates folder and database if they are missing, and migrates an older database.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] for a database that is newer than this build, not Runyard's, or damaged; the message
    /// says what to do. [`StoreError::Failed`] if the medium fails, [`StoreError::Busy`] if another process has it
    /// locked.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let folder = folder.as_ref();
        let unusable =
            |what: &Path, error| StoreError::Unusable(format!("cannot open {} for writing: {error}", what.display()));
        std::fs::create_dir_all(folder).map_err(|error| unusable(folder, error))?;
        let path = folder.join(FILE_NAME);
        backup::refuse_unfinished(folder)?;
        // Created here so that it is always private (mode 0600); SQLite gives its other files the same mode.
        folder::open_private(&path).map_err(|error| unusable(&path, error))?;
        Self::open_file(path.clone(), &options).map_err(|error| match error {
            StoreError::Unusable(why) if !why.contains(&*path.to_string_lossy()) => {
                StoreError::Unusable(format!("{}: {why}", path.display()))
            }
            error => error,
        })
    }

    fn open_file(path: PathBuf, options: &Options) -> Result<Self, StoreError> {
        let writer = schema::open(&path, options)?;
        let checkpointer = schema::open_again(&path)?;

        let readers = Readers::open(&path, options.readers.max(1))?;
        let effect_cache = Arc::new(EffectCache::open(&writer, options.calls_of_tenant_max)?);
        let gate = Arc::new(Mutex::new(()));
        let ack_log = Arc::new(Mutex::new(AckLog::open(&path)));
        let pages = schema::pages(&writer, options.checkpoint_pages)?;
        let (nudge, checkpoints) =
            checkpoint::start(checkpointer, Arc::clone(&gate), Arc::clone(&ack_log), pages, options.idle_after)?;
        let options = Options { checkpoint_pages: pages, ..options.clone() };
        let (queue, writes) = writer::start(writer, effect_cache.clone(), gate, ack_log, nudge, &options)?;
        // In this order: the end of the writer ends the checkpointer.
        Ok(Sqlite {
            path,
            effect_cache,
            queue: Some(queue),
            readers: Some(readers),
            threads: vec![writes, checkpoints],
        })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn queue(&self) -> Result<&Queue, StoreError> {
        self.queue.as_ref().ok_or_else(convert::stopped)
    }

    fn readers(&self) -> Result<&Readers, StoreError> {
        self.readers.as_ref().ok_or_else(convert::stopped)
    }

    async fn claim_wanted(&self, load: Load, lease_ms: i64) -> Result<Vec<Claimed>, StoreError> {
        if let Some(claimed) = self.effect_cache.claim(&load, lease_ms, false) {
            return Ok(claimed);
        }
        self.queue()?.ask(|answer| Job::Load(load, answer)).await?;
        Ok(self.effect_cache.claim(&load, lease_ms, true).unwrap_or_default())
    }

    async fn next_due_of(&self, wanted: EffectKinds) -> Result<Option<i64>, StoreError> {
        loop {
            if let Some(next) = self.effect_cache.next_due(wanted) {
                return Ok(next);
            }
            self.queue()?.ask(|answer| Job::Load(Load { wanted, now_ms: 0, limit: 0 }, answer)).await?;
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        drop(self.readers.take());
        drop(self.queue.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!(path = %self.path.display(), "a thread of the store had panicked");
            }
        }
    }
}

#[async_trait]
impl Claims for Sqlite {
    async fn claim(&self, claimer: &str, now_ms: i64, lease_ms: i64, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        let _ = claimer; // Only one process claims.
        self.claim_wanted(Load { wanted: EffectKinds::All, now_ms, limit }, lease_ms).await
    }

    async fn claim_timers(
        &self,
        claimer: &str,
        now_ms: i64,
        lease_ms: i64,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let _ = claimer;
        self.claim_wanted(Load { wanted: EffectKinds::Timers, now_ms, limit }, lease_ms).await
    }

    async fn renew(&self, held: &[(EffectId, Epoch)], lease_until_ms: i64) -> Result<Vec<EffectId>, StoreError> {
        Ok(self.effect_cache.renew(held, lease_until_ms))
    }

    async fn next_due(&self) -> Result<Option<i64>, StoreError> {
        self.next_due_of(EffectKinds::All).await
    }

    async fn next_timer_due(&self) -> Result<Option<i64>, StoreError> {
        self.next_due_of(EffectKinds::Timers).await
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn commit(&self, appends: Vec<Append>) -> Vec<Result<Committed, StoreError>> {
        writer::commit(self.queue(), appends).await
    }

    async fn log(&self, tenant: &str, run: RunId, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let tenant = tenant.to_owned();
        self.readers()?.read(move |connection| read::log(connection, &tenant, run, after, limit)).await
    }

    async fn log_part(
        &self,
        tenant: &str,
        run: RunId,
        after: Position,
        bounds: (usize, usize),
    ) -> Result<LogPart, StoreError> {
        let tenant = tenant.to_owned();
        self.readers()?.read(move |connection| read::log_part(connection, &tenant, run, after, bounds)).await
    }

    async fn row(&self, tenant: &str, run: RunId) -> Result<Option<RunRow>, StoreError> {
        let tenant = tenant.to_owned();
        self.readers()?.read(move |connection| read::row(connection, &tenant, run)).await
    }

    async fn versions(&self, runs: &[(Tenant, RunId)]) -> Result<Vec<Position>, StoreError> {
        let runs = runs.to_vec();
        self.readers()?.read(move |connection| read::versions(connection, &runs)).await
    }

    async fn named(&self, tenant: &str, name: &str) -> Result<Option<RunId>, StoreError> {
        let (tenant, name) = (tenant.to_owned(), name.to_owned());
        self.readers()?.read(move |connection| read::named(connection, &tenant, &name)).await
    }

    async fn run_of(&self, tenant: &str, node_run: NodeRunId) -> Result<Option<RunId>, StoreError> {
        let tenant = tenant.to_owned();
        self.readers()?.read(move |connection| read::run_of(connection, &tenant, node_run)).await
    }

    async fn keyed(&self, tenant: &str, scope: &str, key: &str) -> Result<Option<KeyUse>, StoreError> {
        let (tenant, scope, key) = (tenant.to_owned(), scope.to_owned(), key.to_owned());
        self.readers()?.read(move |connection| read::keyed(connection, &tenant, &scope, &key)).await
    }

    async fn list(
        &self,
        tenant: &str,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let (tenant, filter) = (tenant.to_owned(), filter.clone());
        self.readers()?.read(move |connection| list::after(connection, &tenant, &filter, after, limit)).await
    }

    async fn page(
        &self,
        tenant: &str,
        filter: &Filter,
        skipped: usize,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let (tenant, filter) = (tenant.to_owned(), filter.clone());
        self.readers()?.read(move |connection| list::page(connection, &tenant, &filter, skipped, limit)).await
    }

    async fn approval(&self, tenant: &str, approval: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        let tenant = tenant.to_owned();
        self.readers()?.read(move |connection| approvals::get(connection, &tenant, approval)).await
    }

    async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        after: Option<ApprovalCursor>,
        limit: usize,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        let (tenant, filter) = (tenant.to_owned(), filter.clone());
        self.readers()?.read(move |connection| approvals::list(connection, &tenant, &filter, after, limit)).await
    }

    async fn value(&self, tenant: &str, run: RunId, digest: Digest) -> Result<Option<String>, StoreError> {
        let tenant = tenant.to_owned();
        self.readers()?.read(move |connection| values::get(connection, &tenant, run, digest)).await
    }

    async fn sealed(&self, tenant: &str, run: RunId, name: &str) -> Result<Option<Sealed>, StoreError> {
        let (tenant, name) = (tenant.to_owned(), name.to_owned());
        self.readers()?.read(move |connection| sealed::get(connection, &tenant, run, &name)).await
    }

    async fn turns(
        &self,
        tenant: &str,
        thread: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let (tenant, thread) = (tenant.to_owned(), thread.to_owned());
        self.readers()?.read(move |connection| read::turns(connection, &tenant, &thread, before, limit)).await
    }

    async fn counts(&self, tenant: &str) -> Result<Vec<(Status, u64)>, StoreError> {
        let tenant = tenant.to_owned();
        self.readers()?.read(move |connection| counts::of(connection, &tenant)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // Through the writer, because a store that cannot write is not healthy.
        self.queue()?.ask(Job::Ping).await
    }
}

#[async_trait]
impl KeyStore for Sqlite {
    async fn add_api_key(&self, key: ApiKey) -> Result<(), StoreError> {
        self.queue()?.ask(|answer| Job::AddKey(key, answer)).await
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let id = id.to_owned();
        self.readers()?.read(move |connection| api_keys::get(connection, &id)).await
    }

    async fn api_keys(
        &self,
        tenant: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let (tenant, after) = (tenant.map(str::to_owned), after.map(str::to_owned));
        let list =
            move |connection: &mut Connection| api_keys::list(connection, tenant.as_deref(), after.as_deref(), limit);
        self.readers()?.read(list).await
    }

    async fn revoke_api_key(&self, tenant: Option<&str>, id: &str, at_ms: i64) -> Result<Option<ApiKey>, StoreError> {
        let revocation = api_keys::Revocation { tenant: tenant.map(str::to_owned), id: id.to_owned(), at_ms };
        self.queue()?.ask(|answer| Job::RevokeKey(revocation, answer)).await
    }
}

#[async_trait]
impl Retention for Sqlite {
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        self.readers()?.read(|connection| removals::tenants(connection)).await
    }

    async fn oldest(
        &self,
        tenant: &str,
        status: Status,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let tenant = tenant.to_owned();
        self.readers()?.read(move |connection| removals::oldest(connection, &tenant, status, after, limit)).await
    }

    async fn remove(
        &self,
        tenant: &str,
        removals: Vec<Removal>,
        keys_before_ms: i64,
    ) -> Result<Vec<RunId>, StoreError> {
        let removals = removals::Removals { tenant: tenant.to_owned(), removals, keys_before_ms };
        self.queue()?.ask(|answer| Job::Remove(removals, answer)).await
    }

    async fn sweep(&self, limit: usize) -> Result<usize, StoreError> {
        self.queue()?.ask(|answer| Job::Sweep(limit, answer)).await
    }
}

#[async_trait]
impl ObjectStore for Sqlite {
    async fn change_objects(&self, tenant: &str, changes: Vec<Change>) -> Result<Vec<Object>, ObjectError> {
        let changes = Changes { tenant: tenant.to_owned(), changes };
        self.queue()?.ask(|answer| Job::ChangeObjects(changes, answer)).await?
    }

    async fn object(&self, tenant: &str, kind: &str, id: &str) -> Result<Option<Object>, StoreError> {
        let (tenant, kind, id) = (tenant.to_owned(), kind.to_owned(), id.to_owned());
        self.readers()?.read(move |connection| objects::get(connection, &tenant, &kind, &id)).await
    }

    async fn object_named(&self, tenant: &str, kind: &str, name: &str) -> Result<Option<Object>, StoreError> {
        let (tenant, kind, name) = (tenant.to_owned(), kind.to_owned(), name.to_owned());
        self.readers()?.read(move |connection| objects::named(connection, &tenant, &kind, &name)).await
    }

    async fn objects(
        &self,
        tenant: &str,
        kind: &str,
        parent: Option<&str>,
        after: Option<&ObjectCursor>,
        limit: usize,
    ) -> Result<Vec<Object>, StoreError> {
        let (tenant, kind, parent) = (tenant.to_owned(), kind.to_owned(), parent.map(str::to_owned));
        let after = after.cloned();
        let list = move |connection: &mut Connection| {
            objects::list(connection, &tenant, &kind, parent.as_deref(), after.as_ref(), limit)
        };
        self.readers()?.read(list).await
    }
}
