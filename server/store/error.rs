//! Why a store operation failed.

use runyard_engine::{EffectId, Position, RunId, Turn};

use crate::records::{Epoch, KeyUse};

/// The cause of a store error.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another command changed the run first. Reload and decide again.
    #[error("run {run} is at version {found}, expected {expected}")]
    Conflict {
        /// The run.
        run: RunId,
        /// The expected version.
        expected: Position,
        /// The stored version.
        found: Position,
    },
    /// The client-chosen name is taken.
    #[error("the name `{name}` is taken by run {run}")]
    NameTaken {
        /// The name.
        name: String,
        /// The run that has the name.
        run: RunId,
    },
    /// Another run of the thread has the turn.
    #[error("turn {} of thread {} is taken by run {run}", turn.number, turn.thread)]
    TurnTaken {
        /// The turn.
        turn: Turn,
        /// The run that has the turn.
        run: RunId,
    },
    /// The idempotency key is taken.
    #[error("the key was already used for run {}", .0.run)]
    KeyTaken(KeyUse),
    /// The effect is no longer held under this epoch: another claim exists, or the effect was deleted.
    #[error("effect {effect} is no longer held under epoch {epoch}")]
    Fenced {
        /// The effect.
        effect: EffectId,
        /// The epoch of the result.
        epoch: Epoch,
    },
    /// The store is busy and wrote nothing. Try again later.
    #[error("the store is busy")]
    Busy(#[source] Cause),
    /// The store cannot be used; the message says what to do.
    #[error("{0}")]
    Unusable(String),
    /// Stored data is damaged.
    #[error("run {run} cannot be read: {reason}")]
    Corrupt {
        /// The run.
        run: RunId,
        /// What is damaged.
        reason: String,
    },
    /// The medium failed, or the caller broke a rule of [`Append`](crate::Append). Nothing was written.
    #[error("the store failed")]
    Failed(#[source] Cause),
}
