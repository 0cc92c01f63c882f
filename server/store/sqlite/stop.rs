//! Why an operation inside a transaction stopped.

use crate::StoreError;

/// Why an operation inside a transaction stopped.
pub(super) enum Stop {
    /// Refused before any write: the transaction continues without it.
    Refused(StoreError),
    /// SQLite failed: the transaction must be rolled back.
    Broken(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Stop::Broken(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Refused(error)
    }
}
