//! The check of one run: replays its log, and compares everything else that is stored of it with the resulting state.

use runyard_engine::large::Digest;
use runyard_engine::{Effect, RunStatus, State, apply, check as laws_of, closing_effects, outstanding};

use super::{Check, in_words};
use crate::runs::{self, row};
use crate::store::maintenance::{Place, Table};
use crate::store::{RunPhase, RunRow};

/// How many events one read returns.
const PAGE: usize = 1_000;

/// The part of a log that can be read.
pub(super) struct Replayed {
    pub(super) state: State,
    /// Whether that is the whole log.
    pub(super) whole: bool,
}

impl Check<'_> {
    /// Checks one run.
    pub(super) fn run(&mut self, place: &Place) {
        let going = self.inspection.is_going(place).unwrap_or(false);
        let row = self.readable("row", place, self.inspection.row(place)).flatten();
        if going {
            if row.is_some() {
                self.of_run("row", place, None, "it has been removed and has a row");
            }
            return;
        }
        let Replayed { state, whole } = self.replay(place);
        self.summary.events += state.version;
        let Some(row) = row else {
            return self.of_run("row", place, None, "it has a log and no row that can be read");
        };
        *self.counts.entry((place.tenant.clone(), row.status.into())).or_default() += 1;
        if whole && state.version < row.version {
            let (first, last) = (state.version + 1, row.version);
            let message = format!("the log ends here, and its row says that it goes on to position {last}");
            self.of_run("log", place, Some(first), message);
        } else if state.version > row.version {
            let message = format!("the log goes on behind position {}, where its row says that it ends", row.version);
            self.of_run("log", place, Some(row.version + 1), message);
        } else if whole && state.start.is_some() {
            self.row(place, &row, &state);
            self.engine(place, &state);
            self.kept_beside(place, &row, &state);
        }
    }

    /// Replays a log up to the first position that cannot be read.
    pub(super) fn replay(&mut self, place: &Place) -> Replayed {
        let mut state = State::new(place.run);
        loop {
            let page = match self.inspection.log(place, state.version, PAGE) {
                Ok(page) => page,
                // Read event by event: those before the damaged one are good.
                Err(_) => match self.inspection.log(place, state.version, 1) {
                    Ok(page) => page,
                    Err(error) => {
                        self.of_run("log", place, Some(state.version + 1), in_words(&error));
                        return Replayed { state, whole: false };
                    }
                },
            };
            if page.is_empty() {
                return Replayed { state, whole: true };
            }
            for recorded in &page {
                if let Err(corrupt) = apply(&mut state, recorded) {
                    self.of_run("log", place, Some(recorded.position), corrupt.to_string());
                    return Replayed { state, whole: false };
                }
            }
        }
    }

    fn row(&mut self, place: &Place, found: &RunRow, state: &State) {
        let derived = row::derive(state);
        // A run of an older build gets its phase with its next event.
        let phase = found.phase == derived.phase || found.phase == RunPhase::Plain;
        let fields = [
            ("name", found.name == derived.name),
            ("face", found.api == derived.api),
            ("node_type", found.node_type == derived.node_type),
            ("title", found.title == derived.title),
            ("thread and turn", found.turn == derived.turn),
            ("status", found.status == derived.status),
            ("standing", phase),
            ("reason", found.reason == derived.reason),
            ("created_at_ms", found.created_at_ms == derived.created_at_ms),
            ("updated_at_ms", found.updated_at_ms == derived.updated_at_ms),
            ("ended_at_ms", found.ended_at_ms == derived.ended_at_ms),
        ];
        let differ: Vec<&str> = fields.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect();
        if !differ.is_empty() {
            let message = format!("its row is not what its log says: {} differ", differ.join(", "));
            self.of_run("row", place, None, message);
        }
    }

    /// Checks the laws of every state.
    fn engine(&mut self, place: &Place, state: &State) {
        for violation in laws_of(state) {
            self.of_run("state", place, Some(state.version), violation.to_string());
        }
        if matches!(state.status, RunStatus::Final(_)) && !outstanding(state).is_empty() {
            self.of_run("state", place, Some(state.version), "it has ended and still asks for something");
        }
    }

    fn kept_beside(&mut self, place: &Place, row: &RunRow, state: &State) {
        self.effects(place, state);
        self.closing_effects(place, state);
        self.node_runs(place, state);
        self.labels(place, row, state);
        self.approvals(place, state);
        self.keys(place, state);
        self.values(place, state);
    }

    fn effects(&mut self, place: &Place, state: &State) {
        for wanted in outstanding(state) {
            let found = self.inspection.effect(place, wanted.id);
            let message = match self.readable("effects", place, found) {
                None => continue,
                Some(None) => "is wanted and not asked for: the run waits in vain",
                Some(Some((run, _))) if run != place.run => "is the effect of another run",
                Some(Some((_, found))) => {
                    self.keep(Table::Effects, 1);
                    if same(&wanted, &found) {
                        continue;
                    }
                    "is not asked for as the log wants it"
                }
            };
            let node_run = wanted.node_run;
            self.of_run("effects", place, None, format!("effect {} of node run {node_run} {message}", wanted.id));
        }
    }

    /// The effects that an ended run may still have until they are settled.
    fn closing_effects(&mut self, place: &Place, state: &State) {
        for closing_effect in closing_effects(state) {
            if let Some(Some((run, _))) = self.readable("effects", place, self.inspection.effect(place, closing_effect))
                && run == place.run
            {
                self.keep(Table::Effects, 1);
            }
        }
    }

    fn node_runs(&mut self, place: &Place, state: &State) {
        for node_run in &state.order {
            let found = self.inspection.run_of(&place.tenant, *node_run);
            match self.readable("node_runs", place, found) {
                Some(Some((run, by_row))) if run == place.run => self.keep(Table::NodeRuns, by_row.into()),
                Some(_) => {
                    self.of_run("node_runs", place, None, format!("node run {node_run} cannot be found by its id"))
                }
                None => {}
            }
        }
    }

    fn labels(&mut self, place: &Place, row: &RunRow, state: &State) {
        let labels = state.start.as_deref().map(|start| &start.labels);
        for (name, values) in labels.into_iter().flatten() {
            for value in values {
                let found = self.inspection.has_label(place, row.created_at_ms, name, value);
                match self.readable("labels", place, found) {
                    Some(true) => self.keep(Table::Labels, 1),
                    Some(false) => {
                        self.of_run(
                            "labels",
                            place,
                            None,
                            format!("it cannot be found by its label {name:?} {value:?}"),
                        );
                    }
                    None => {}
                }
            }
        }
    }

    fn approvals(&mut self, place: &Place, state: &State) {
        let Some(found) = self.readable("approvals", place, self.inspection.approvals(place)) else { return };
        for asked in state.approvals.values().filter_map(|node_run| state.node(*node_run)) {
            let Some(derived) = runs::approvals::derive(state, asked) else { continue };
            match found.iter().find(|row| row.approval == derived.approval) {
                None => self.of_run("approvals", place, None, format!("approval {} is not listed", derived.approval)),
                Some(row) => {
                    self.keep(Table::Approvals, 1);
                    if *row != derived {
                        let message = format!("approval {} is not listed as its log says", derived.approval);
                        self.of_run("approvals", place, None, message);
                    }
                }
            }
        }
    }

    fn keys(&mut self, place: &Place, state: &State) {
        let Some(keys) = self.readable("keys", place, self.inspection.keys(place)) else { return };
        let noted = runs::noted_fingerprint(state);
        for key in keys {
            self.keep(Table::Keys, 1);
            let fingerprint: String = key.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
            // Keys of sub-runs have no fingerprint.
            if !fingerprint.is_empty() && noted.is_some_and(|noted| noted != fingerprint) {
                let message = format!("its key of {} was used for a request that started another run", key.scope);
                self.of_run("keys", place, None, message);
            }
        }
    }

    fn values(&mut self, place: &Place, state: &State) {
        for digest in state.written.values.keys() {
            let message = match self.readable("values", place, self.inspection.value(place, *digest)) {
                None => continue,
                Some(None) => "is named and not there",
                Some(Some(text)) => {
                    self.keep(Table::Values, 1);
                    if Digest::of(&text) == *digest {
                        continue;
                    }
                    "is not what was written"
                }
            };
            self.of_run("values", place, None, format!("large value {digest} {message}"));
        }
    }

    /// Counts rows that a log accounts for.
    pub(super) fn keep(&mut self, table: Table, rows: u64) {
        *self.kept.entry(table).or_default() += rows;
    }
}

/// Whether two effects are equal. Their content is compared by its kind, because builds differ in the details.
fn same(wanted: &Effect, found: &Effect) -> bool {
    wanted.id == found.id
        && wanted.node_run == found.node_run
        && wanted.attempt == found.attempt
        && wanted.due_at_ms == found.due_at_ms
        && std::mem::discriminant(&wanted.request) == std::mem::discriminant(&found.request)
}
