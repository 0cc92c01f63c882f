//! The source of all random choices: a seed, or a script of earlier draws.
//!
//! A script is a list of steps, each a list of draws. A step can be removed without changing the draws of the others,
//! which makes shrinking possible (`shrink.rs`). A missing draw is 0, and 0 always means the simplest choice.

use std::fmt;
use std::str::FromStr;

/// The draws, step by step. The first step sets up the world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script(pub Vec<Vec<u32>>);

/// Steps are separated by `.`, draws by `,`.
impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = |draws: &Vec<u32>| draws.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        f.write_str(&self.0.iter().map(step).collect::<Vec<_>>().join("."))
    }
}

impl FromStr for Script {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let step = |step: &str| step.split(',').filter(|draw| !draw.is_empty()).map(str::parse).collect();
        text.split('.').map(step).collect::<Result<_, _>>().map(Script)
    }
}

/// Makes random choices and records them.
#[derive(Debug)]
pub struct Choices {
    source: Source,
    rolled: Script,
}

#[derive(Debug)]
enum Source {
    Seed { state: u64, steps: usize },
    Script { script: Script, draw: usize },
}

impl Choices {
    /// Draws from a seed, for this many steps.
    pub fn seeded(seed: u64, steps: usize) -> Self {
        Choices { source: Source::Seed { state: seed, steps }, rolled: Script::default() }
    }

    /// Repeats recorded draws.
    pub fn again(script: Script) -> Self {
        Choices { source: Source::Script { script, draw: 0 }, rolled: Script::default() }
    }

    /// Begins the next step. False at the end of the script.
    pub fn next_step(&mut self) -> bool {
        let there_is = match &mut self.source {
            Source::Seed { steps, .. } => self.rolled.0.len() <= *steps,
            Source::Script { script, .. } => self.rolled.0.len() < script.0.len(),
        };
        if there_is {
            // Draws after the last step still belong to it.
            if let Source::Script { draw, .. } = &mut self.source {
                *draw = 0;
            }
            self.rolled.0.push(Vec::new());
        }
        there_is
    }

    /// A number below `limit`; 0 where there is only one choice.
    pub fn below(&mut self, limit: usize) -> usize {
        if limit <= 1 {
            return 0;
        }
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let place = self.rolled.0.len() - 1;
        let drawn = match &mut self.source {
            Source::Seed { state, .. } => (next(state) % u64::from(limit)) as u32,
            Source::Script { script, draw } => {
                *draw += 1;
                script.0[place].get(*draw - 1).copied().unwrap_or(0) % limit
            }
        };
        self.rolled.0[place].push(drawn);
        drawn as usize
    }

    /// True with this percentage. A draw of 0 is false.
    pub fn percent(&mut self, often: usize) -> bool {
        self.below(100) >= 100 - often
    }

    /// One of these; the first is the simplest.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A random index by weight; the first with a weight is the simplest.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut at = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if at < *weight {
                return index;
            }
            at -= weight;
        }
        0
    }

    /// All draws.
    pub fn script(&self) -> &Script {
        &self.rolled
    }
}

/// SplitMix64: one state, no tables, the same everywhere.
pub fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[test]
fn a_script_is_read_as_it_was_written() {
    let script = Script(vec![vec![1, 2], vec![], vec![3]]);
    assert_eq!(script.to_string(), "1,2..3");
    assert_eq!("1,2..3".parse(), Ok(script));
}

#[test]
fn what_was_drawn_from_a_seed_is_drawn_again_from_its_script() {
    let draw = |choices: &mut Choices| {
        let mut drawn = Vec::new();
        while choices.next_step() {
            drawn.push((choices.below(10), choices.percent(50), choices.weighted(&[1, 0, 3])));
        }
        drawn
    };
    let mut first = Choices::seeded(7, 20);
    let drawn = draw(&mut first);
    assert_eq!(drawn.len(), 21, "the world, and twenty steps");
    let mut again = Choices::again(first.script().clone());
    assert_eq!(draw(&mut again), drawn);
    assert_eq!(again.script(), first.script());
}
