//! Shortens a failing script: it removes steps and sets draws to 0, as long as the same law stays broken.

use crate::choices::Script;

/// The maximum number of scripts that are tried.
const TRIES_MAX: usize = 1_500;

/// The shortest script found that still fails, which `fails` decides.
pub fn shrink(script: Script, mut fails: impl FnMut(&Script) -> bool) -> Script {
    let mut best = script;
    let mut tries = 0;
    let mut try_it = |best: &mut Script, candidate: Script| {
        tries += 1;
        let better = tries <= TRIES_MAX && fails(&candidate);
        if better {
            *best = candidate;
        }
        better
    };
    loop {
        let before = best.clone();
        take_out_steps(&mut best, &mut try_it);
        take_back_draws(&mut best, &mut try_it);
        if best == before {
            return best;
        }
    }
}

type TryIt<'a> = &'a mut dyn FnMut(&mut Script, Script) -> bool;

/// Removes shorter and shorter ranges: halves first, then single steps. From the end, where most steps are not needed.
fn take_out_steps(best: &mut Script, try_it: TryIt<'_>) {
    let mut stretch = best.0.len();
    while stretch > 0 {
        let mut end = best.0.len();
        while end > 1 {
            // The first step sets up the world.
            let start = end.saturating_sub(stretch).max(1);
            let mut candidate = best.clone();
            candidate.0.drain(start..end);
            try_it(best, candidate);
            end = start;
        }
        stretch /= 2;
    }
}

/// Sets draws to 0 that make no difference, and removes zeros at the end.
fn take_back_draws(best: &mut Script, try_it: TryIt<'_>) {
    for step in 0..best.0.len() {
        for draw in (0..best.0[step].len()).rev() {
            // Zeros at the end may have been removed since.
            let Some(drawn) = best.0[step].get(draw).copied() else { continue };
            for simpler in [0, drawn / 2, drawn.saturating_sub(1)].into_iter().filter(|simpler| *simpler < drawn) {
                let mut candidate = best.clone();
                candidate.0[step][draw] = simpler;
                while candidate.0[step].last() == Some(&0) {
                    candidate.0[step].pop();
                }
                if try_it(best, candidate) {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_script_shrinks_to_what_is_needed() {
    let script = Script((0..200).map(|step| vec![step, step % 7, 9]).collect());
    // It needs a step whose first draw is 40 or more, and a later one whose second draw is 3 or more.
    let fails = |script: &Script| {
        let first = script.0.iter().position(|step| step.first().is_some_and(|draw| *draw >= 40));
        first.is_some_and(|first| script.0[first + 1..].iter().any(|step| step.get(1).is_some_and(|draw| *draw >= 3)))
    };
    let shrunk = shrink(script, fails);
    assert!(fails(&shrunk) && shrunk.0.len() <= 3, "{shrunk}");
    assert_eq!(shrunk.0.iter().map(Vec::len).sum::<usize>(), 3, "{shrunk}");
}
