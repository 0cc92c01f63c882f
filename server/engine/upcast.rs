//! Reads stored events of every format version that was ever written. Only this file knows the old versions. A new
//! version adds one step here that converts the previous version.

use serde_json::Value;

use crate::Event;
use crate::event::FORMAT_VERSION;

/// Why a stored event could not be read.
#[derive(Debug, thiserror::Error)]
pub enum UpcastError {
    /// A newer build wrote the event; this one must not change the log.
    #[error("the event is stored in format {found}, and this build reads formats up to {known}; use a newer build")]
    Newer {
        /// The version it was stored with.
        found: u32,
        /// The newest version that this build knows.
        known: u32,
    },
    /// No build ever wrote this version.
    #[error("the event is stored in format {found}; formats begin at 1")]
    NeverWritten {
        /// The version it was stored with.
        found: u32,
    },
    /// Not an event of that version.
    #[error("the event is not readable as format {version}")]
    Malformed {
        /// The version it was stored with.
        version: u32,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
}

/// Reads an event that was stored as JSON in the given format version.
///
/// # Errors
/// [`UpcastError`] when the version is unknown or the value is not an event of that version.
pub fn upcast(version: u32, stored: Value) -> Result<Event, UpcastError> {
    match version {
        0 => Err(UpcastError::NeverWritten { found: version }),
        // Fields of later formats are absent in earlier ones, and absence has the same meaning there.
        1..=FORMAT_VERSION => serde_json::from_value(stored).map_err(|cause| UpcastError::Malformed { version, cause }),
        newer => Err(UpcastError::Newer { found: newer, known: FORMAT_VERSION }),
    }
}
