//! Whether a store is whole: the laws of a run, held against every run that a database has.
//!
//! | file | what |
//! |------|------|
//! | this one | the walk over all runs, and what has to agree over all of them |
//! | `laws.rs` | one run: its log replayed, and everything beside the log held against the state that comes of it |
//! | `strays.rs` | what lies beside the logs without a reason |
//! | `condition.rs` | one run: whether it is damaged, has ended, or is live |
//!
//! One run is in memory at a time, whatever a database has. What is wrong is told as it is found, run by run and position by position;
//! what cannot be read is one more thing that is wrong, and the walk goes on.

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
    /// What it is about, in a word: `file`, `lost`, `log`, `state`, `row`, `effects`, `node_runs`, `labels`, `approvals`, `keys`, `counts`.
    pub law: &'static str,
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Tenant>,
    /// In which run.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub run_id: Option<RunId>,
    /// At which position of its log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// In words.
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

/// What a check tells while it goes on.
#[derive(Debug)]
pub enum Told {
    /// Something is wrong.
    Finding(Finding),
    /// So many runs have been looked at.
    Progress(Summary),
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Runs.
    pub runs: u64,
    /// Events of their logs.
    pub events: u64,
    /// Things that are wrong.
    pub findings: u64,
}

/// What to look at besides the runs.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// Whether nobody else has the database open, so that what was acknowledged last must be there.
    pub at_rest: bool,
}

/// Looks at everything.
///
/// # Errors
/// Where nothing can be looked at any more. What is merely wrong is told.
pub fn check(inspection: &dyn Inspect, scope: Scope, tell: &mut dyn FnMut(Told)) -> Result<Summary, StoreError> {
    let mut check =
        Check { inspection, tell, summary: Summary::default(), kept: BTreeMap::new(), counts: BTreeMap::new() };
    check.file(scope)?;
    check.runs();
    check.beside();
    check.counts();
    Ok(check.summary)
}

/// How many runs lie between two words about progress.
const PROGRESS_RUNS: u64 = 1_000;

struct Check<'a> {
    inspection: &'a dyn Inspect,
    tell: &'a mut dyn FnMut(Told),
    summary: Summary,
    /// How much of each table the logs account for.
    kept: BTreeMap<Table, u64>,
    counts: BTreeMap<(Tenant, Status), i64>,
}

impl Check<'_> {
    fn find(&mut self, finding: Finding) {
        self.summary.findings += 1;
        (self.tell)(Told::Finding(finding));
    }

    fn of_file(&mut self, law: &'static str, message: String) {
        self.find(Finding { law, tenant: None, run_id: None, position: None, message });
    }

    fn of_run(&mut self, law: &'static str, place: &Place, position: Option<Position>, message: impl Into<String>) {
        let (tenant, run_id) = (Some(place.tenant.clone()), Some(place.run));
        self.find(Finding { law, tenant, run_id, position, message: message.into() });
    }

    /// What can be read, or nothing, and then that is told.
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
                        (self.tell)(Told::Progress(self.summary));
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

    /// Whether each table has what the logs account for and nothing else.
    fn beside(&mut self) {
        for table in Table::ALL {
            match self.inspection.total(table) {
                Ok(total) if total == self.kept.get(&table).copied().unwrap_or_default() => {}
                // Only then is it worth reading all of it.
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

/// An error with its causes. The run stands beside it already.
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
