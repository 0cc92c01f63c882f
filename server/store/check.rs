//! Rules for an [`Append`] that do not depend on stored data, and the few that compare it with the row before. All
//! backends use these checks, so that all give the same refusals. Each backend checks versions, names and keys itself.

use std::collections::HashSet;

use super::{Append, RunRow, StoreError};

/// The caller built an invalid append: a defect in the caller, not in the medium.
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

/// Refuses two effects with the same id.
pub(super) fn effect_exists(run: runyard_engine::RunId) -> Broken {
    Broken { run, rule: "an effect with the same id exists" }
}

/// Checks that do not need stored data.
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

/// Checks the columns of a run's row that must not change.
pub(super) fn same_run(before: &RunRow, after: &RunRow) -> Result<(), Broken> {
    let same = before.name == after.name
        && before.api == after.api
        && before.node_type == after.node_type
        && before.turn == after.turn
        && before.created_at_ms == after.created_at_ms;
    if same {
        Ok(())
    } else {
        Err(Broken { run: after.run, rule: "name, API, node type, turn and time of creation never change" })
    }
}
