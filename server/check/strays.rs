//! Rows that no log accounts for. A table is searched only if its number of rows differs from what the logs account
//! for.

use runyard_engine::{closing_effects, outstanding};

use super::Check;
use super::laws::Replayed;
use crate::store::maintenance::{Inspect, Place, SideRow, Table};

/// The law of a table.
pub(super) fn law(table: Table) -> &'static str {
    match table {
        Table::Effects => "effects",
        Table::NodeRuns => "node_runs",
        Table::Labels => "labels",
        Table::Approvals => "approvals",
        Table::Keys => "keys",
        Table::Values => "values",
    }
}

impl Check<'_> {
    /// Reads all of a table and checks each row against its run.
    pub(super) fn strays(&mut self, table: Table) {
        let inspection: &dyn Inspect = self.inspection;
        let mut last: Option<(Place, Replayed)> = None;
        let read = inspection.each(table, &mut |place, beside| {
            if last.as_ref().is_none_or(|(known, _)| *known != place) {
                // The findings about the log have been reported.
                let replayed = self.quietly(|check| check.replay(&place));
                last = Some((place.clone(), replayed));
            }
            let Some((_, Replayed { state, whole })) = &last else { return Ok(()) };
            if inspection.is_going(&place)? {
                return Ok(()); // Deleted together with its log.
            }
            if !has_reason(state, &beside) && (*whole || state.start.is_none()) {
                self.of_run(law(table), &place, None, format!("{} has no reason in its log", name(&beside)));
            }
            Ok(())
        });
        if let Err(error) = read {
            self.of_file(law(table), super::in_words(&error));
        }
    }

    fn quietly<T>(&mut self, look: impl FnOnce(&mut Check<'_>) -> T) -> T {
        let mut nothing = |_| {};
        let mut quiet = Check {
            inspection: self.inspection,
            report: &mut nothing,
            summary: self.summary,
            kept: std::collections::BTreeMap::new(),
            counts: std::collections::BTreeMap::new(),
        };
        look(&mut quiet)
    }
}

fn has_reason(state: &runyard_engine::State, beside: &SideRow) -> bool {
    match beside {
        SideRow::Effect(id) => {
            outstanding(state).iter().any(|wanted| wanted.id == *id) || closing_effects(state).contains(id)
        }
        SideRow::NodeRun(id) => state.node(*id).is_some(),
        SideRow::Label(name, value) => {
            let labels = state.start.as_deref().and_then(|start| start.labels.get(name));
            labels.is_some_and(|values| values.contains(value))
        }
        SideRow::Approval(id) => state.approvals.contains_key(id),
        SideRow::Key(..) => state.start.is_some(),
        SideRow::Value(digest) => state.written.values.contains_key(digest),
    }
}

fn name(beside: &SideRow) -> String {
    match beside {
        SideRow::Effect(id) => format!("effect {id}"),
        SideRow::NodeRun(id) => format!("node run {id}"),
        SideRow::Label(name, value) => format!("label {name:?} {value:?}"),
        SideRow::Approval(id) => format!("approval {id}"),
        // The key itself is the caller's data.
        SideRow::Key(scope, _) => format!("a key of {scope}"),
        SideRow::Value(digest) => format!("large value {digest}"),
    }
}
