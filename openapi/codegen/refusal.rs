//! The parts of a document that are not supported, and the effect on the code.
//!
//! A strict generator fails with the first such list; otherwise the generator leaves out what it must, and reports the
//! list.

use std::fmt;

/// Something in a document that the code does not express.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Method and path, if it concerns an operation.
    pub operation: Option<(String, String)>,
    /// The operationId, or the place in the document.
    pub place: String,
    /// What is not supported, and what to write instead.
    pub reason: String,
    /// The effect on the code.
    pub effect: Effect,
}

/// The effect of something that is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// The operation has no code.
    LeftOut,
    /// The client has the operation; the server trait does not.
    ClientOnly,
    /// A type is any JSON, or accepts more than the schema.
    Widened,
    /// It is ignored; the rest is supported.
    Ignored,
    /// Something else is assumed, as the reason says.
    Assumed,
}

impl Effect {
    /// A short description.
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

/// Collects refusals.
#[derive(Debug, Default, Clone)]
pub(crate) struct Refusals(Vec<Refusal>);

impl Refusals {
    pub(crate) fn add(&mut self, refusal: Refusal) {
        if !self.0.contains(&refusal) {
            self.0.push(refusal);
        }
    }

    /// A refusal for a place outside of operations.
    pub(crate) fn place(&mut self, place: impl Into<String>, reason: impl Into<String>, effect: Effect) {
        self.add(Refusal { operation: None, place: place.into(), reason: reason.into(), effect });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_vec(self) -> Vec<Refusal> {
        self.0
    }
}
