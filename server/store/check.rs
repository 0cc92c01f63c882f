//! The rules an [`Append`] must keep whatever the store holds, and the few that concern what it held before. Every backend
//! asks here, so that all refuse the same. Rules that need a look into the store (versions, names, keys) are each backend's.

use std::collections::HashSet;

use super::{Append, RunRow, StoreError};

/// A rule was broken by whoever built the append: a defect in the caller, not in the medium.
#[derive(Debug, thiserror::Error)]
#[error("append to run {run} breaks a rule of the store: {rule}")]
pub(super) struct Broken {
    run: runyard_engine::RunId,
    rule: &'static str,
}

impl From<Broken> for StoreError {
    fn from(broken: Broken) -> Self {
        StoreError::Failed(Box::new(broken))
    }
}

/// Refused where two effects have one id.
pub(super) fn effect_exists(run: runyard_engine::RunId) -> Broken {
    Broken { run, rule: "an effect with the same id exists" }
}

/// What must hold before the store is looked at.
pub(super) fn append(append: &Append) -> Result<(), Broken> {
    let broken = |rule| Err(Broken { run: append.run, rule });
    let Some(version) = append.expected.checked_add(append.events.len() as u64).filter(|v| i64::try_from(*v).is_ok())
    else {
        return broken("positions must fit in 63 bits");
    };
    if version == 0 {
        return broken("a new run begins with an event");
    }
    if append.row.run != append.run {
        return broken("the row must be the run's own");
    }
    if append.row.version != version {
        return broken("the row's version must be the position of its last event");
    }
    if append.key.as_ref().is_some_and(|key| key.run != append.run) {
        return broken("the key must be used for the run that is appended to");
    }
    if append.approvals.iter().any(|row| row.run != append.run) {
        return broken("an approval must be the run's own");
    }
    if append.expected != 0 && !append.labels.is_empty() {
        return broken("labels come with a new run");
    }
    if append.expected != 0 && !append.sealed.is_empty() {
        return broken("what is sealed comes with a new run");
    }
    let mut names = HashSet::new();
    if !append.sealed.iter().all(|sealed| names.insert(&sealed.name)) {
        return broken("nothing is sealed twice under one name");
    }
    let mut seen = HashSet::new();
    if !append.effects.iter().all(|effect| seen.insert(effect.id)) {
        return Err(effect_exists(append.run));
    }
    Ok(())
}

/// What must not differ between a run's row before and after.
pub(super) fn same_run(before: &RunRow, after: &RunRow) -> Result<(), Broken> {
    let same = before.name == after.name
        && before.face == after.face
        && before.node_type == after.node_type
        && before.turn == after.turn
        && before.created_at_ms == after.created_at_ms;
    if same {
        Ok(())
    } else {
        Err(Broken { run: after.run, rule: "name, API, node type, turn and time of creation never change" })
    }
}
