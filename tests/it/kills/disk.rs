//! The data on the disk when the server was killed. The test reads a copy, so that the next server finds it unchanged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use runyard::store::sqlite::{Options, Sqlite};
use runyard::store::{Filter, Store};
use runyard_engine::{Node, NodeState, Recorded, RunId, State, replay};

use super::load::Run;

const TENANT: &str = "default";

/// Every run as it was when it was last read.
#[derive(Default)]
pub(super) struct Disk {
    looks: usize,
    open: BTreeMap<RunId, Vec<Recorded>>,
    ended: BTreeMap<RunId, usize>,
    /// Runs that another one has started.
    below: BTreeSet<RunId>,
    /// Titles of entries whose step has ended, and the number of the reading that first found it.
    finished_calls: BTreeMap<String, usize>,
    steps: usize,
}

impl Disk {
    /// Reads the disk and compares it with the readings before. Returns the number of runs.
    pub(super) async fn look(&mut self, folder: &Path) -> usize {
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(folder.join(".runyard")).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        // This file is shared memory of other processes; a new owner does not need it.
        let _ = std::fs::remove_file(copy.path().join("runyard.db-shm"));
        let store = Sqlite::open(copy.path(), Options::default()).unwrap();
        let runs = list(&store).await;
        let live = runs.iter().copied().filter(|run| !self.ended.contains_key(run));
        for run in live.collect::<Vec<_>>() {
            let log = store.log(TENANT, run, 0, usize::MAX).await.unwrap();
            let before = self.open.remove(&run).unwrap_or_default();
            assert_eq!(log.get(..before.len()), Some(&*before), "{run}: what was found before is still there");
            let state = replay(run, &log).unwrap();
            self.note(&state);
            if state.start.as_ref().is_some_and(|start| start.parent.is_some()) {
                self.below.insert(run);
            }
            match state.ended_at_ms {
                Some(_) => _ = self.ended.insert(run, log.len()),
                None => _ = self.open.insert(run, log),
            }
        }
        assert_eq!(runs.len(), self.open.len() + self.ended.len(), "no run that was found before is gone");
        self.looks += 1;
        runs.len()
    }

    fn note(&mut self, state: &State) {
        let titles = state.order.iter().filter_map(|id| state.node(*id)).filter(|node| is_over(node));
        let titles = titles.filter_map(|node| node.inputs.get("title")?.as_str());
        for title in titles {
            self.finished_calls.entry(title.to_owned()).or_insert(self.looks);
        }
        if state.ended_at_ms.is_some() {
            self.steps += state.order.iter().filter_map(|id| state.node(*id)).filter(|node| is_over(node)).count();
        }
    }

    /// Titles of finished entries, and the life in which they were finished.
    pub(super) fn finished_calls(&self) -> impl Iterator<Item = (&String, usize)> {
        self.finished_calls.iter().map(|(title, life)| (title, *life))
    }

    /// Steps of runs that have ended.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    pub(super) fn runs(&self) -> usize {
        self.open.len() + self.ended.len()
    }

    /// How many of them were started by another run.
    pub(super) fn below(&self) -> usize {
        self.below.len()
    }

    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether the run exists.
    pub(super) fn knows(&self, run_id: &str) -> bool {
        let run = RunId::parse(run_id).unwrap_or_else(|| panic!("{run_id} is no id of a run"));
        self.open.contains_key(&run) || self.ended.contains_key(&run)
    }

    /// The run exists and has ended.
    pub(super) fn has(&self, run: &Run) {
        let found = self.ended.get(&RunId::parse(&run.run_id).unwrap());
        assert!(found.is_some_and(|events| *events >= run.seen.len()), "{run:?}: {found:?} events on the disk");
    }
}

fn is_over(node: &Node) -> bool {
    matches!(node.state, NodeState::Final(_)) && node.children.is_empty()
}

async fn list(store: &Sqlite) -> Vec<RunId> {
    let rows = store.list(TENANT, &Filter::default(), None, 100_000).await.unwrap();
    rows.into_iter().map(|row| row.run).collect()
}
