//! Maintenance of SQLite databases: [`Files`].

use std::path::{Path, PathBuf};

use super::inspect::Inspection;
use super::{FILE_NAME, backup, damaged};
use crate::StoreError;
use crate::maintenance::{Inspect, Label, Maintenance, Place, Progress};
use crate::retention::Removal;

/// The maintenance of SQLite databases.
#[derive(Debug, Clone, Copy)]
pub struct Files;

impl Maintenance for Files {
    fn database(&self, folder: &Path) -> PathBuf {
        folder.join(FILE_NAME)
    }

    fn is_used(&self, folder: &Path) -> bool {
        backup::is_used(folder)
    }

    fn inspect(&self, database: &Path) -> Result<Box<dyn Inspect>, StoreError> {
        Ok(Box::new(Inspection::open(database)?))
    }

    fn backup(&self, database: &Path, target: &Path, label: &Label, progress: Progress<'_>) -> Result<(), StoreError> {
        backup::backup(database, target, label, progress)
    }

    fn label(&self, backup: &Path) -> Result<Option<Label>, StoreError> {
        backup::label(backup)
    }

    fn prepare(&self, backup: &Path, folder: &Path, progress: Progress<'_>) -> Result<PathBuf, StoreError> {
        backup::prepare(backup, folder, progress)
    }

    fn put_in_place(&self, folder: &Path) -> Result<(), StoreError> {
        backup::put_in_place(folder)
    }

    fn abandon(&self, folder: &Path) -> Result<(), StoreError> {
        backup::abandon(folder)
    }

    fn remove_damaged(&self, database: &Path, places: &[Place]) -> Result<(), StoreError> {
        damaged::remove(database, places)
    }

    fn remove_ended(&self, database: &Path, place: &Place, removal: Removal) -> Result<bool, StoreError> {
        damaged::remove_ended(database, place, removal)
    }
}
