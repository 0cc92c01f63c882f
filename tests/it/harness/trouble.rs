//! A store that works, or fails in the way that a test sets.

use std::sync::Mutex;

use runyard::store::layer::Layer;
use runyard::store::memory::Memory;
use runyard::store::{Backend, StoreError};
use runyard_engine::RunId;
use uuid::Uuid;

/// The behaviour of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Works.
    Works,
    /// Answers every caller that it is busy.
    Busy,
    /// Its disk has failed.
    Fails,
    /// Every log is damaged.
    Corrupt,
}

/// The store.
pub struct Trouble {
    store: Memory,
    mode: Mutex<Mode>,
}

impl Trouble {
    pub fn new() -> Self {
        Trouble { store: Memory::new(), mode: Mutex::new(Mode::Works) }
    }

    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    fn works(&self) -> Result<&Memory, StoreError> {
        match *self.mode.lock().unwrap() {
            Mode::Works => Ok(&self.store),
            Mode::Busy => Err(StoreError::Busy("a test said so".into())),
            Mode::Fails => Err(StoreError::Failed("a test said so".into())),
            Mode::Corrupt => {
                Err(StoreError::Corrupt { run: RunId::from_uuid(Uuid::nil()), reason: "a test said so".to_owned() })
            }
        }
    }
}

impl Layer for Trouble {
    fn behind(&self) -> Result<&dyn Backend, StoreError> {
        Ok(self.works()?)
    }
}
