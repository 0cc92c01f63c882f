//! The condition of one run, for code that wants to remove it.

use std::collections::BTreeMap;

use runyard_engine::RunStatus;

use super::{Check, Summary};
use crate::runs::retention::removal;
use crate::store::maintenance::{Inspect, Place};
use crate::store::retention::Removal;

/// The condition of a run.
#[derive(Debug)]
pub enum Condition {
    /// Its stored data breaks a law, or cannot be read.
    Damaged,
    /// It is undamaged and has ended. The value says how to remove it.
    Ended(Box<Removal>),
    /// It is undamaged and live.
    Live,
}

/// Checks one run.
pub fn condition(inspection: &dyn Inspect, place: &Place) -> Condition {
    let mut nothing = |_| {};
    let mut check = Check {
        inspection,
        report: &mut nothing,
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
