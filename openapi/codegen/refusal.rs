//! What of a document cannot be carried, place by place, and what became of it.
//!
//! A generator that is strict makes an error of the first such list; any other leaves out what it must and hands the list on.

use std::fmt;

/// Something of a document that code does not say, or does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Method and path, when it is about an operation.
    pub operation: Option<(String, String)>,
    /// The operationId, or where in the document.
    pub place: String,
    /// What cannot be carried, and what to write instead.
    pub reason: String,
    /// What became of it.
    pub effect: Effect,
}

/// What became of something that cannot be carried as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// The operation has no code.
    LeftOut,
    /// The client has the operation; the server trait does not.
    ClientOnly,
    /// A type is any JSON, or wider than the schema.
    Widened,
    /// It has no effect on the code; the rest is carried.
    Ignored,
    /// Something else was assumed, as the reason says.
    Assumed,
}

impl Effect {
    /// In a few words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LeftOut => "operation left out",
            Self::ClientOnly => "client only",
            Self::Widened => "type is wider",
            Self::Ignored => "ignored",
            Self::Assumed => "assumed",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

/// Refusals as they are found.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Vec<Refusal>);

impl Refusals {
    pub(crate) fn add(&mut self, refusal: Refusal) {
        if !self.0.contains(&refusal) {
            self.0.push(refusal);
        }
    }

    /// About a place that is no single operation.
    pub(crate) fn place(&mut self, place: impl Into<String>, reason: impl Into<String>, effect: Effect) {
        self.add(Refusal { operation: None, place: place.into(), reason: reason.into(), effect });
    }

    pub(crate) fn into_vec(self) -> Vec<Refusal> {
        self.0
    }
}
