//! The store setting `store.url`.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::maintenance::Maintenance;
use crate::memory::Memory;
use crate::sqlite::{Files, Options, Sqlite};
use crate::{Backend, StoreError};

/// The store of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreUrl {
    /// SQLite, in the data folder.
    #[default]
    #[serde(rename = "sqlite:")]
    Sqlite,
    /// In memory: all data is lost when the process ends. For tests and trials.
    #[serde(rename = "memory:")]
    Memory,
}

impl StoreUrl {
    /// The values that the setting allows.
    pub const ALLOWED: &'static [&'static str] = &["sqlite:", "memory:"];

    /// Opens the store. `calls_of_tenant_max` limits how many calls of one tenant are claimed at a time.
    ///
    /// # Errors
    /// The store cannot be used: another process has it, it is damaged, or a newer server wrote it.
    pub fn open(self, data_folder: &Path, calls_of_tenant_max: usize) -> Result<Arc<dyn Backend>, StoreError> {
        match self {
            StoreUrl::Sqlite => {
                let options = Options { calls_of_tenant_max: Some(calls_of_tenant_max), ..Options::default() };
                Ok(Arc::new(Sqlite::open(data_folder, options)?))
            }
            StoreUrl::Memory => Ok(Arc::new(Memory::bounded(calls_of_tenant_max))),
        }
    }

    /// The maintenance of its files; `None` for a store that has none.
    pub fn maintenance(self) -> Option<&'static dyn Maintenance> {
        match self {
            StoreUrl::Sqlite => Some(&Files),
            StoreUrl::Memory => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_reads_as_it_is_written_and_opens_its_store() {
        let folder = tempfile::tempdir().unwrap();
        for (text, kept) in StoreUrl::ALLOWED.iter().zip([true, false]) {
            let url: StoreUrl = serde_json::from_value(serde_json::json!(text)).unwrap();
            assert_eq!(serde_json::to_value(url).unwrap(), *text);
            let data = folder.path().join(text.trim_end_matches(':'));
            drop(url.open(&data, 1).unwrap());
            assert_eq!(data.exists(), kept, "{text}");
        }
    }
}
