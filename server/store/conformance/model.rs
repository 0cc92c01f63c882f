//! Random interleavings of every operation, by a few claimers on a few runs of two tenants. A backend must give the
//! same answers as [`Memory`] to each call, and to a read of all data afterwards.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use runyard_engine::{EffectId, Position};

use super::fixture::{Draft, effect, go_on, node_run, run, start};
use crate::memory::Memory;
use crate::{Append, Cursor, Epoch, Filter, LabelFilter, RunPhase, Status, Store};

const TENANTS: [&str; 2] = ["default", "other"];
const RUNS: u128 = 4;
const EFFECTS: u128 = 6;
const NAMES: [&str; 2] = ["a", "b"];

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Entry>),
    Claim { now_ms: i64, lease_ms: i64, limit: usize },
    Renew { picks: Vec<usize>, until_ms: i64 },
    List { tenant: usize, filter: Filter, after: Option<(i64, u128)>, limit: usize },
    Page { tenant: usize, filter: Filter, skipped: usize, limit: usize },
    Log { tenant: usize, run: u128, after: Position, limit: usize },
}

/// An append before the state of the store is known.
#[derive(Debug, Clone)]
struct Entry {
    tenant: usize,
    run: u128,
    off_by: u64,
    events: u32,
    status: usize,
    name: Option<usize>,
    key: Option<usize>,
    labels: Vec<(usize, usize)>,
    asks: Vec<(u128, i64)>,
    drops: Option<u128>,
    settles: Option<usize>,
}

fn entry() -> impl Strategy<Value = Entry> {
    // Mostly valid, often enough invalid.
    let off_by = prop_oneof![6 => Just(0_u64), 1 => 1_u64..3];
    let change = (off_by, 0_u32..3, 0..Status::ALL.len());
    let unique = (
        proptest::option::weighted(0.2, 0..NAMES.len()),
        proptest::option::weighted(0.2, 0_usize..2),
        vec((0..NAMES.len(), 0..NAMES.len()), 0..4),
    );
    let effects = (
        vec((0..EFFECTS, 0_i64..40), 0..3),
        proptest::option::weighted(0.2, 0..EFFECTS),
        proptest::option::weighted(0.5, any::<usize>()),
    );
    (0..TENANTS.len(), 0..RUNS, change, unique, effects).prop_map(
        |(tenant, run, (off_by, events, status), (name, key, labels), (asks, drops, settles))| Entry {
            tenant,
            run,
            off_by,
            events,
            status,
            name,
            key,
            labels,
            asks,
            drops,
            settles,
        },
    )
}

fn filter() -> impl Strategy<Value = Filter> {
    let bound = || proptest::option::weighted(0.3, 0_i64..6);
    let label = (0..NAMES.len(), vec(0..NAMES.len(), 0..3)).prop_map(|(name, values)| LabelFilter {
        name: NAMES[name].to_owned(),
        values: values.into_iter().map(|value| NAMES[value].to_owned()).collect(),
    });
    let statuses = vec(0..Status::ALL.len(), 0..3);
    (statuses, any::<bool>(), bound(), bound(), vec(label, 0..3)).prop_map(|(statuses, api, from, before, labels)| {
        Filter {
            phases: if api { vec![RunPhase::Plain] } else { Vec::new() },
            statuses: statuses.into_iter().map(|status| Status::ALL[status]).collect(),
            api: api.then(|| "run-gateway".to_owned()),
            node_type: None,
            created_from_ms: from,
            created_before_ms: before,
            labels,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let tenant = || 0..TENANTS.len();
    prop_oneof![
        6 => vec(entry(), 1..5).prop_map(Step::Commit),
        3 => (0_i64..60, 0_i64..20, 0_usize..4).prop_map(|(now_ms, lease_ms, limit)| Step::Claim { now_ms, lease_ms, limit }),
        1 => (vec(any::<usize>(), 0..3), 0_i64..80).prop_map(|(picks, until_ms)| Step::Renew { picks, until_ms }),
        1 => (tenant(), filter(), proptest::option::of((0_i64..6, 0..RUNS)), 0_usize..4)
            .prop_map(|(tenant, filter, after, limit)| Step::List { tenant, filter, after, limit }),
        1 => (tenant(), filter(), 0_usize..4, 0_usize..4)
            .prop_map(|(tenant, filter, skipped, limit)| Step::Page { tenant, filter, skipped, limit }),
        1 => (tenant(), 0..RUNS, 0_u64..4, 0_usize..4)
            .prop_map(|(tenant, run, after, limit)| Step::Log { tenant, run, after, limit }),
    ]
}

/// Turns an entry into an append to the current state. Earlier entries of the same commit may change that state; this
/// tests conflicts.
async fn append(store: &dyn Store, entry: &Entry, claimed: &[(EffectId, Epoch)]) -> Append {
    let tenant = TENANTS[entry.tenant];
    let before = store.row(tenant, run(entry.run)).await.unwrap();
    let mut draft = match &before {
        Some(row) => go_on(entry.run, row.version + entry.off_by).events(entry.events),
        None if entry.off_by == 0 => start(entry.run),
        None => go_on(entry.run, entry.off_by).events(entry.events),
    };
    draft = draft.tenant(tenant).status(Status::ALL[entry.status]).node_run(entry.run * 10 + u128::from(entry.events));
    // An existing run mostly keeps its name; a new run may take one.
    let name = entry.name.map(|name| NAMES[name].to_owned());
    draft.0.row.name = before.and_then(|row| row.name).or(name);
    // Labels come with the first append. Sometimes a later append has labels and is refused.
    if draft.0.expected == 0 || entry.labels.len() == 3 {
        draft = entry.labels.iter().fold(draft, |draft, (name, value)| draft.label(NAMES[*name], NAMES[*value]));
    }
    if let Some(key) = entry.key {
        draft = draft.key("start_run", NAMES[key]);
    }
    draft = entry.asks.iter().fold(draft, |draft, (n, due_at_ms)| draft.asks(effect(*n, *due_at_ms)));
    draft = entry.drops.into_iter().fold(draft, Draft::drops);
    if let Some(pick) = entry.settles.filter(|_| !claimed.is_empty()) {
        draft.0.settles = vec![claimed[pick % claimed.len()]];
    }
    draft.0
}

/// Executes the step, remembers what was claimed, and returns the answers as text, because errors cannot be compared.
async fn perform(store: &dyn Store, step: &Step, claimed: &mut Vec<(EffectId, Epoch)>) -> String {
    match step {
        Step::Commit(entries) => {
            let mut appends = Vec::new();
            for entry in entries {
                appends.push(append(store, entry, claimed).await);
            }
            text(store.commit(appends).await)
        }
        Step::Claim { now_ms, lease_ms, limit } => {
            let taken = store.claim("a", *now_ms, *lease_ms, *limit).await.unwrap();
            claimed.extend(super::fixture::held(&taken));
            text(taken)
        }
        Step::Renew { picks, until_ms } => {
            let picked = picks.iter().filter(|_| !claimed.is_empty()).map(|pick| claimed[pick % claimed.len()]);
            text(store.renew(&picked.collect::<Vec<_>>(), *until_ms).await)
        }
        Step::List { tenant, filter, after, limit } => {
            let after = after.map(|(created_at_ms, n)| Cursor { created_at_ms, run: run(n) });
            text(store.list(TENANTS[*tenant], filter, after, *limit).await)
        }
        Step::Page { tenant, filter, skipped, limit } => {
            text(store.page(TENANTS[*tenant], filter, *skipped, *limit).await)
        }
        Step::Log { tenant, run: n, after, limit } => text(store.log(TENANTS[*tenant], run(*n), *after, *limit).await),
    }
}

/// Everything that can be read.
async fn find_first_stored(store: &dyn Store) -> String {
    let mut seen = vec![text(store.next_due().await)];
    for tenant in TENANTS {
        seen.push(text(store.counts(tenant).await));
        seen.push(text(store.list(tenant, &Filter::default(), None, 100).await));
        for (name, value) in [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")] {
            let labels = vec![LabelFilter { name: name.into(), values: vec![value.into()] }];
            let labelled = Filter { labels, ..Filter::default() };
            seen.push(text(store.list(tenant, &labelled, None, 100).await));
        }
        for name in NAMES {
            seen.push(text(store.named(tenant, name).await));
            seen.push(text(store.keyed(tenant, "start_run", name).await));
        }
        for n in 0..RUNS * 10 {
            seen.push(text(store.run_of(tenant, node_run(n)).await));
        }
        for n in 0..RUNS {
            seen.push(text(store.log(tenant, run(n), 0, 1000).await));
        }
    }
    seen.join("\n")
}

fn text(answer: impl Debug) -> String {
    format!("{answer:?}")
}

/// Compares a backend with [`Memory`] after each step, and compares all data at the end.
///
/// # Panics
/// The answers differ.
pub fn compare<K, S: Store>(open: impl Fn() -> (K, S)) {
    run_cases(|steps| {
        let (_kept, store) = open();
        within_a_runtime(agree(&store, &steps));
    });
}

/// The same, and once more after the store was reopened, for stores whose claims end with them.
///
/// # Panics
/// The answers differ.
pub fn compare_reopened<K, S: Store>(open: impl Fn() -> (K, S), reopen: impl Fn(&K) -> S) {
    run_cases(|steps| {
        let (kept, store) = open();
        let memory = within_a_runtime(agree(&store, &steps));
        drop(store);
        memory.free_all();
        let again = reopen(&kept);
        within_a_runtime(async {
            assert_eq!(find_first_stored(&again).await, find_first_stored(&memory).await, "after reopening")
        });
    });
}

async fn agree(store: &dyn Store, steps: &[Step]) -> Memory {
    let memory = Memory::new();
    let (mut by_memory, mut by_store) = (Vec::new(), Vec::new());
    for step in steps {
        let expected = perform(&memory, step, &mut by_memory).await;
        assert_eq!(perform(store, step, &mut by_store).await, expected, "after {step:?}");
    }
    let expected = find_first_stored(&memory).await;
    assert_eq!(find_first_stored(store).await, expected);
    memory
}

fn run_cases(case: impl Fn(Vec<Step>)) {
    // A shrunk failure becomes a named rule, so no regression file is written beside the sources.
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    let run = TestRunner::new(config).run(&vec(step(), 1..40), |steps| {
        case(steps);
        Ok(())
    });
    run.unwrap();
}

fn within_a_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}
