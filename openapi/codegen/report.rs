//! What was changed on the way from a document to code, for whoever reviews a bump.

use std::fmt;

use crate::refusal::{Effect, Refusal};

/// One line per thing that the code does not say as the document says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    lines: Vec<(String, String)>,
    /// What could not be carried. Empty when the generator is strict.
    pub refusals: Vec<Refusal>,
}

impl Report {
    /// Notes that at `place`, something was done. The same note twice is one.
    pub(crate) fn note(&mut self, place: impl Into<String>, what: impl Into<String>) {
        let line = (place.into(), what.into());
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    /// The operations that have no code at all.
    pub fn left_out(&self) -> impl Iterator<Item = &Refusal> {
        self.refusals.iter().filter(|refusal| refusal.effect == Effect::LeftOut)
    }

    /// What a build script tells cargo after `cargo::warning=`: a line per refusal.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.refusals.iter().map(|refusal| match &refusal.operation {
            Some((method, path)) => format!("{}: {method} {path}: {refusal}", refusal.effect.as_str()),
            None => format!("{}: {refusal}", refusal.effect.as_str()),
        })
    }

    /// Place and note, in the order they were made.
    pub fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().map(|(place, what)| (place.as_str(), what.as_str()))
    }
}

impl fmt::Display for Report {
    /// Notes that are equal for several places are one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said: Vec<&str> = Vec::new();
        for (_, what) in &self.lines {
            if said.contains(&what.as_str()) {
                continue;
            }
            said.push(what);
            let places: Vec<&str> =
                self.lines.iter().filter(|line| line.1 == *what).map(|line| line.0.as_str()).collect();
            writeln!(f, "{what}: {}", places.join(", "))?;
        }
        for line in self.warnings() {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}
