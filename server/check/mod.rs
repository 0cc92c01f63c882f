//! Verification of a store: checks the laws of a run on every run of a database.
//!
//! | file | what |
//! |------|------|
//! | this one | the loop over all runs, and what has to agree over all of them |
//! | `laws.rs` | one run: replays its log, and compares everything else that is stored of it |
//! | `strays.rs` | rows that no log accounts for |
//! | `condition.rs` | one run: whether it is damaged, has ended, or is live |
//!
//! One run is in memory at a time, however large the database is. Findings are reported at once, run by run and
//! position by position. Data that cannot be read is a finding too, and the check continues.

mod condition;
mod laws;
mod strays;

use std::collections::BTreeMap;

use runyard_engine::{Position, RunId};
use serde::Serialize;

pub use condition::{Condition, condition};

use crate::store::maintenance::{Inspect, Place, Table};
use crate::store::{Status, StoreError, Tenant};

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The law that is broken: `file`, `lost`, `log`, `state`, `row`, `effects`, `node_runs`, `labels`, `approvals`,
    /// `keys`, `counts`.
    pub law: &'static str,
    /// The tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Tenant>,
    /// The run.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub run_id: Option<RunId>,
    /// The position in its log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The description.
    pub message: String,
}

fn as_text<S: serde::Serializer>(run: &Option<RunId>, serializer: S) -> Result<S::Ok, S::Error> {
    match run {
        Some(run) => serializer.collect_str(run),
        None => serializer.serialize_none(),
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Finding { law, tenant, run_id, position, message } = self;
        write!(f, "{law}: ")?;
        if let Some(run) = run_id {
            write!(f, "run {run}")?;
        }
        if let Some(tenant) = tenant {
            write!(f, " of tenant {tenant:?}")?;
        }
        if let Some(position) = position {
            write!(f, ", position {position}")?;
        }
        if run_id.is_some() || tenant.is_some() { write!(f, ": {message}") } else { write!(f, "{message}") }
    }
}

/// What a check reports while it runs.
#[derive(Debug)]
pub enum CheckEvent {
    /// Something is wrong.
    Finding(Finding),
    /// The counts so far.
    Progress(Summary),
}

/// The counts of a check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Checked runs.
    pub runs: u64,
    /// Events of their logs.
    pub events: u64,
    /// Findings.
    pub findings: u64,
}

/// What to check besides the runs.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// Whether no other process has the database open, so that the last acknowledged event must be in it.
    pub at_rest: bool,
}

/// Checks everything.
///
/// # Errors
/// The check cannot continue. Damage is a finding, not an error.
pub fn check(
    inspection: &dyn Inspect,
    scope: Scope,
    report: &mut dyn FnMut(CheckEvent),
) -> Result<Summary, StoreError> {
    let mut check =
        Check { inspection, report, summary: Summary::default(), kept: BTreeMap::new(), counts: BTreeMap::new() };
    check.file(scope)?;
    check.runs();
    check.beside();
    check.counts();
    Ok(check.summary)
}

/// A progress report comes after this many runs.
const PROGRESS_RUNS: u64 = 1_000;

struct Check<'a> {
    inspection: &'a dyn Inspect,
    report: &'a mut dyn FnMut(CheckEvent),
    summary: Summary,
    /// How many rows of each table the logs account for.
    kept: BTreeMap<Table, u64>,
    counts: BTreeMap<(Tenant, Status), i64>,
}

impl Check<'_> {
    fn find(&mut self, finding: Finding) {
        self.summary.findings += 1;
        (self.report)(CheckEvent::Finding(finding));
    }

    fn of_file(&mut self, law: &'static str, message: String) {
        self.find(Finding { law, tenant: None, run_id: None, position: None, message });
    }

    fn of_run(&mut self, law: &'static str, place: &Place, position: Option<Position>, message: impl Into<String>) {
        let (tenant, run_id) = (Some(place.tenant.clone()), Some(place.run));
        self.find(Finding { law, tenant, run_id, position, message: message.into() });
    }

    /// The value that was read; `None` after a finding if it cannot be read.
    fn readable<T>(&mut self, law: &'static str, place: &Place, read: Result<T, StoreError>) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(error) => {
                self.of_run(law, place, None, in_words(&error));
                None
            }
        }
    }

    fn file(&mut self, scope: Scope) -> Result<(), StoreError> {
        if scope.at_rest {
            for lost in self.inspection.lost()? {
                let place = Place { tenant: lost.tenant, run: lost.run };
                self.of_run("lost", &place, Some(lost.position), "it was acknowledged and is not there");
            }
        }
        let mut damages = Vec::new();
        let looked = self.inspection.damage(&mut |line| damages.push(line));
        damages.into_iter().for_each(|line| self.of_file("file", line));
        if let Err(error) = looked {
            self.of_file("file", in_words(&error));
        }
        Ok(())
    }

    fn runs(&mut self) {
        let mut last = None;
        loop {
            match self.inspection.next(last.as_ref()) {
                Ok(Some(place)) => {
                    self.run(&place);
                    self.summary.runs += 1;
                    if self.summary.runs.is_multiple_of(PROGRESS_RUNS) {
                        (self.report)(CheckEvent::Progress(self.summary));
                    }
                    last = Some(place);
                }
                Ok(None) => return,
                Err(error) => {
                    self.of_file("file", format!("the runs after this one cannot be found: {}", in_words(&error)));
                    return;
                }
            }
        }
    }

    /// Compares each table with the number of rows that the logs account for.
    fn beside(&mut self) {
        for table in Table::ALL {
            match self.inspection.total(table) {
                Ok(total) if total == self.kept.get(&table).copied().unwrap_or_default() => {}
                // The numbers differ, so the whole table is read.
                Ok(_) => self.strays(table),
                Err(error) => self.of_file(strays::law(table), in_words(&error)),
            }
        }
    }

    fn counts(&mut self) {
        let kept = match self.inspection.counts() {
            Ok(kept) => kept,
            Err(error) => return self.of_file("counts", in_words(&error)),
        };
        let counted = std::mem::take(&mut self.counts);
        let mut places: Vec<_> = kept.keys().chain(counted.keys()).cloned().collect();
        places.sort();
        places.dedup();
        for (tenant, status) in places {
            let of = |counts: &BTreeMap<(Tenant, Status), i64>| {
                counts.get(&(tenant.clone(), status)).copied().unwrap_or_default()
            };
            let (said, found) = (of(&kept), of(&counted));
            if said != found {
                let word = status.word();
                let message = format!("{found} runs are {word}, and the counts say {said}");
                self.find(Finding { law: "counts", tenant: Some(tenant), run_id: None, position: None, message });
            }
        }
    }
}

/// An error with its causes, without the run, which the finding names.
fn in_words(error: &StoreError) -> String {
    match error {
        StoreError::Corrupt { reason, .. } => reason.clone(),
        other => {
            let mut text = other.to_string();
            let mut cause = std::error::Error::source(other);
            while let Some(next) = cause {
                text = format!("{text}: {next}");
                cause = next.source();
            }
            text
        }
    }
}

#[cfg(test)]
mod tests;
