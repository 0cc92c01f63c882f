//! The changes between a document and its code, for reviewers of a new document version.

use std::fmt;

use crate::refusal::{Effect, Refusal};

/// One line per difference between the document and the code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    lines: Vec<(String, String)>,
    /// What is not supported. Empty if the generator is strict.
    pub refusals: Vec<Refusal>,
}

impl Report {
    /// Notes what was done at `place`. A repeated note is recorded once.
    pub(crate) fn note(&mut self, place: impl Into<String>, what: impl Into<String>) {
        let line = (place.into(), what.into());
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    /// The operations without any code.
    pub fn left_out(&self) -> impl Iterator<Item = &Refusal> {
        self.refusals.iter().filter(|refusal| refusal.effect == Effect::LeftOut)
    }

    /// The warnings of a build script, after `cargo::warning=`: a line per refusal.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.refusals.iter().map(|refusal| match &refusal.operation {
            Some((method, path)) => format!("{}: {method} {path}: {refusal}", refusal.effect.as_str()),
            None => format!("{}: {refusal}", refusal.effect.as_str()),
        })
    }

    /// Place and note, in the order of their creation.
    pub fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().map(|(place, what)| (place.as_str(), what.as_str()))
    }
}

impl fmt::Display for Report {
    /// Notes with the same text for several places are one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut listed: Vec<&str> = Vec::new();
        for (_, what) in &self.lines {
            if listed.contains(&what.as_str()) {
                continue;
            }
            listed.push(what);
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
