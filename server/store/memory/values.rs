//! Large values, in maps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use runyard_engine::RunId;
use runyard_engine::large::Digest;

use crate::{LargeValue, Tenant};

/// Values, and the runs that name them.
#[derive(Debug, Default)]
pub(super) struct Values {
    texts: BTreeMap<(Tenant, Digest), Arc<str>>,
    names: BTreeMap<(Tenant, Digest), BTreeSet<RunId>>,
}

impl Values {
    pub(super) fn write(&mut self, tenant: &str, run: RunId, values: Vec<LargeValue>) {
        for LargeValue { digest, text } in values {
            let place = (tenant.to_owned(), digest);
            if let Some(text) = text {
                self.texts.entry(place.clone()).or_insert(text);
            }
            if self.texts.contains_key(&place) {
                self.names.entry(place).or_default().insert(run);
            }
        }
    }

    pub(super) fn get(&self, tenant: &str, run: RunId, digest: Digest) -> Option<String> {
        let place = (tenant.to_owned(), digest);
        self.names.get(&place).filter(|runs| runs.contains(&run))?;
        self.texts.get(&place).map(|text| text.as_ref().to_owned())
    }

    pub(super) fn forget(&mut self, tenant: &str, run: RunId) {
        let texts = &mut self.texts;
        self.names.retain(|place, runs| {
            if place.0 == tenant && runs.remove(&run) && runs.is_empty() {
                texts.remove(place);
            }
            !runs.is_empty()
        });
    }
}
