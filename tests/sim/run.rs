//! Runs many worlds, and reports a broken one.

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::choices::{Choices, Script, next};
use crate::ledger::Ledger;
use crate::planted::Bug;
use crate::shrink::shrink;
use crate::world::{self, Report};

/// How many moves a world has before it comes to rest.
const MOVES: usize = 800;
/// The default number of steps.
const STEPS: usize = 200_000;
/// The default seed. It is fixed, so that a failing build does not depend on chance.
const SEED: u64 = 0x5eed;
/// How many lines of a transcript are shown.
const LINES: usize = 60;
/// A planted bug must be found within this many steps.
const BUG_STEPS: usize = 200_000;

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, which is not what is wanted there")))
}

/// The worlds of a seed, one after the other.
struct Seeds(u64);

impl Seeds {
    fn next(&mut self) -> u64 {
        // Short, so that it is easily copied.
        next(&mut self.0) >> 24
    }
}

fn of_seed(seed: u64, bug: Option<Bug>, transcribing: bool) -> Report {
    world::run(Choices::seeded(seed, MOVES), bug, transcribing)
}

fn of_script(script: &Script, bug: Option<Bug>, transcribing: bool) -> Report {
    world::run(Choices::again(script.clone()), bug, transcribing)
}

/// Shrinks a failure and reports all that is known of it.
fn explain(seed: u64, failed: &Report, bug: Option<Bug>) -> String {
    let law = failed.broken.as_ref().map(|broken| broken.law);
    let still = |script: &Script| of_script(script, bug, false).broken.map(|broken| broken.law) == law;
    let script = shrink(failed.script.clone(), still);
    let shrunk = of_script(&script, bug, true);
    let broken = shrunk.broken.as_ref().or(failed.broken.as_ref());
    let broken = broken.map(|broken| format!("{}\n  {}", broken.law, broken.by)).unwrap_or_default();
    let lines = &shrunk.transcript[shrunk.transcript.len().saturating_sub(LINES)..];
    format!(
        "a law is broken: {broken}\n\n\
         {} steps of {} after shrinking; the last of them:\n{}\n\n\
         the whole world:  RUNYARD_SIM_SEED={seed} cargo test -p runyard --test sim replay -- --nocapture\n\
         the shrunk one:   RUNYARD_SIM_SCRIPT={script} cargo test -p runyard --test sim replay -- --nocapture\n",
        script.0.len(),
        failed.script.0.len(),
        lines.join("\n"),
    )
}

/// Runs worlds on every core until there were enough steps, or one is broken.
fn many(seed: u64, steps_max: usize) -> (usize, usize, Ledger, Option<(u64, Report)>) {
    let (steps, worlds) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (seeds, ledger, broken) = (Mutex::new(Seeds(seed)), Mutex::new(Ledger::default()), Mutex::new(None));
    let work = || {
        while steps.load(Ordering::Relaxed) < steps_max && broken.lock().unwrap().is_none() {
            let seed = seeds.lock().unwrap().next();
            let report = of_seed(seed, None, false);
            steps.fetch_add(report.steps, Ordering::Relaxed);
            worlds.fetch_add(1, Ordering::Relaxed);
            ledger.lock().unwrap().add(&report.ledger);
            if report.broken.is_some() {
                broken.lock().unwrap().get_or_insert((seed, report));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let (ledger, broken) = (ledger.into_inner().unwrap(), broken.into_inner().unwrap());
    (steps.into_inner(), worlds.into_inner(), ledger, broken)
}

#[test]
fn the_laws_hold_whatever_happens() {
    let steps_max = variable("RUNYARD_SIM_STEPS").unwrap_or(STEPS);
    let seed = variable("RUNYARD_SIM_SEED").unwrap_or(SEED);
    println!("simulating {steps_max} steps from seed {seed}");
    let (steps, worlds, ledger, broken) = many(seed, steps_max);
    if let Some((seed, report)) = broken {
        panic!("{}", explain(seed, &report, None));
    }
    println!("{steps} steps in {worlds} worlds, no law broken\n{ledger}");
    assert_eq!(ledger.missing(), [""; 0], "never met; a new kind is to be drawn before it is relied on");
}

#[test]
fn replay() {
    let report = match variable::<Script>("RUNYARD_SIM_SCRIPT") {
        Some(script) => of_script(&script, None, true),
        None => of_seed(variable("RUNYARD_SIM_SEED").unwrap_or(SEED), None, true),
    };
    for line in &report.transcript {
        println!("{line}");
    }
    println!("{} steps", report.steps);
    assert_eq!(report.broken, None, "RUNYARD_SIM_SCRIPT={}", report.script);
}

#[test]
fn a_seed_repeats_a_world_exactly() {
    for seed in 0..20 {
        let (first, second) = (of_seed(seed, None, true), of_seed(seed, None, true));
        same(&first.transcript, &second.transcript, &format!("seed {seed}"));
        assert_eq!((first.steps, &first.script), (second.steps, &second.script));
        let again = of_script(&first.script, None, true);
        same(&first.transcript, &again.transcript, &format!("the script of seed {seed}"));
    }
}

/// Reports where two transcripts differ.
fn same(one: &[String], other: &[String], of: &str) {
    let parts = one.iter().zip(other).position(|(one, other)| one != other);
    assert_eq!(parts.map(|line| (&one[line], &other[line])), None, "{of} is another world the second time");
    assert_eq!(one.len(), other.len(), "{of} goes on longer one time");
}

#[test]
fn every_planted_bug_is_found() {
    for (bug, laws) in Bug::ALL {
        let (mut seeds, mut steps) = (Seeds(SEED), 0);
        let (seed, found) = loop {
            assert!(steps < BUG_STEPS, "{bug:?} was not found in {steps} steps");
            let seed = seeds.next();
            let report = of_seed(seed, Some(bug), false);
            steps += report.steps;
            if report.broken.is_some() {
                break (seed, report);
            }
        };
        let broken = found.broken.clone().unwrap();
        println!("{bug:?}: found after {steps} steps: {}", broken.law);
        assert!(laws.contains(&broken.law), "{bug:?}: not {laws:?}, but {}", explain(seed, &found, Some(bug)));
    }
}

#[test]
fn what_is_found_is_shrunk_to_little() {
    let bug = Some(Bug::LosesTimers);
    let mut seeds = Seeds(SEED);
    let (seed, found) = std::iter::from_fn(|| Some(seeds.next()))
        .map(|seed| (seed, of_seed(seed, bug, false)))
        .find(|(_, report)| report.broken.is_some())
        .unwrap();
    let explained = explain(seed, &found, bug);
    println!("{explained}");
    let script: Script =
        explained.split("RUNYARD_SIM_SCRIPT=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(script.0.len() <= 12, "{} steps", script.0.len());
    let again = of_script(&script, bug, false);
    assert_eq!(again.broken.map(|broken| broken.law), found.broken.map(|broken| broken.law));
}
