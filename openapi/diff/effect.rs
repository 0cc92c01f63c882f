//! What a change of a schema breaks depends on who says it: a client in a request, or a server in a response.

use super::change::{Breaks, Position};

/// For whom a change is breaking, by where its schema stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effect {
    request: Breaks,
    response: Breaks,
}

impl Effect {
    /// Less fits than before: what clients sent may be refused, and what servers answer may be wrong.
    pub(super) const NARROWER: Self = Self { request: Breaks::CLIENTS, response: Breaks::SERVERS };
    /// More fits than before: servers may be sent what they do not know, and clients may read it.
    pub(super) const WIDER: Self = Self { request: Breaks::SERVERS, response: Breaks::CLIENTS };
    /// Something else fits.
    pub(super) const OTHER: Self = Self { request: Breaks::BOTH, response: Breaks::BOTH };
    /// The same fits.
    pub(super) const SAME: Self = Self { request: Breaks::NOBODY, response: Breaks::NOBODY };

    /// A default is a promise to whoever leaves a value out of a request. In a response it is a note.
    pub(super) fn of_default(breaks: Breaks) -> Self {
        Self { request: breaks, response: Breaks::NOBODY }
    }

    /// A property is new. A server must read it, and must send it where it is required; a client must send it where it is
    /// required, and cannot read it where it was told that there is nothing else (`strict`).
    pub(super) fn property_added(required: bool, strict: bool) -> Self {
        Self { request: Breaks::of(required, true), response: Breaks::of(strict, required) }
    }

    /// A property is gone: the mirror of a new one, but for a client that read it: even where it was optional, it was there to
    /// be read, and never will be again.
    pub(super) fn property_removed(required: bool, strict: bool) -> Self {
        Self { request: Breaks::of(true, required), response: Breaks::of(true, strict) }
    }

    /// For whom it is breaking at this position.
    pub(super) fn at(self, position: Position) -> Breaks {
        match position {
            Position::Request => self.request,
            Position::Response => self.response,
        }
    }
}
