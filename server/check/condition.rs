//! What has become of one run, for who wants to remove it.

use std::collections::BTreeMap;

use runyard_engine::RunStatus;

use super::{Check, Summary};
use crate::runs::retention::removal;
use crate::store::maintenance::{Inspect, Place};
use crate::store::retention::Removal;

/// What has become of a run.
#[derive(Debug)]
pub enum Condition {
    /// What is stored of it breaks a law, or cannot be read.
    Damaged,
    /// It is whole and has ended. How it is removed.
    Ended(Box<Removal>),
    /// It is whole and has not ended.
    Live,
}

/// Looks at one run.
pub fn condition(inspection: &dyn Inspect, place: &Place) -> Condition {
    let mut nothing = |_| {};
    let mut check = Check {
        inspection,
        tell: &mut nothing,
        summary: Summary::default(),
        kept: BTreeMap::new(),
        counts: BTreeMap::new(),
    };
    check.run(place);
    let replayed = check.replay(place);
    if check.summary.findings > 0 || !replayed.whole {
        return Condition::Damaged;
    }
    match (replayed.state.status, removal(&replayed.state)) {
        (_, None) => Condition::Damaged,
        (RunStatus::Final(_), Some(removal)) => Condition::Ended(Box::new(removal)),
        (_, Some(_)) => Condition::Live,
    }
}
