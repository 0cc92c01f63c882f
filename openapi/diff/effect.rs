//! The effect of a change of a schema depends on the sender: a client in a request, or a server in a response.

use super::change::{Breaks, Position};

/// The sides that a change breaks, by the position of its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effect {
    request: Breaks,
    response: Breaks,
}

impl Effect {
    /// Fewer values are allowed: a server may refuse a client's request, and a server's response may be invalid.
    pub(super) const NARROWER: Self = Self { request: Breaks::CLIENTS, response: Breaks::SERVERS };
    /// More values are allowed: servers may receive unknown values in requests, and clients in responses.
    pub(super) const WIDER: Self = Self { request: Breaks::SERVERS, response: Breaks::CLIENTS };
    /// Different values are allowed.
    pub(super) const OTHER: Self = Self { request: Breaks::BOTH, response: Breaks::BOTH };
    /// The same values are allowed.
    pub(super) const SAME: Self = Self { request: Breaks::NEITHER, response: Breaks::NEITHER };

    /// A media type was removed: clients asked for it, or sent it.
    pub(super) const REMOVED: Self = Self { request: Breaks::CLIENTS, response: Breaks::CLIENTS };

    /// A media type was added: new clients ask for it, or send it. Where there was no body (`first`), a response with
    /// one comes without being asked for.
    pub(super) fn media_added(first: bool) -> Self {
        Self { request: Breaks::SERVERS, response: Breaks::of(first, true) }
    }

    /// These effects at the two positions.
    pub(super) fn new(request: Breaks, response: Breaks) -> Self {
        Self { request, response }
    }

    /// In a request, a default is a promise to clients that leave a value out. In a response it is a note.
    pub(super) fn of_default(breaks: Breaks) -> Self {
        Self { request: breaks, response: Breaks::NEITHER }
    }

    /// A property is added. A server must read it, and must send it if it is required. A client must send it if it is
    /// required, and cannot read it if the old schema excludes other properties (`strict`).
    pub(super) fn property_added(required: bool, strict: bool) -> Self {
        Self { request: Breaks::of(required, true), response: Breaks::of(strict, required) }
    }

    /// A property is removed: the mirror of an added one, except for clients that read it. Even an optional property
    /// could be read before, and never can be again.
    pub(super) fn property_removed(required: bool, strict: bool) -> Self {
        Self { request: Breaks::of(true, required), response: Breaks::of(true, strict) }
    }

    /// The same effect, at one position only.
    pub(super) fn only(self, position: Option<Position>) -> Self {
        match position {
            None => self,
            Some(Position::Request) => Self { response: Breaks::NEITHER, ..self },
            Some(Position::Response) => Self { request: Breaks::NEITHER, ..self },
        }
    }

    /// An effect of both.
    pub(super) fn or(self, other: Self) -> Self {
        Self { request: self.request.or(other.request), response: self.response.or(other.response) }
    }

    /// The sides that it breaks at this position.
    pub(super) fn at(self, position: Position) -> Breaks {
        match position {
            Position::Request => self.request,
            Position::Response => self.response,
        }
    }
}
