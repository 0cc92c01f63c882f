//! The colour of a state on a terminal, by the enums of the APIs. A state that only a later server knows has none.

use std::fmt;

use runyard_api::arp::schemas as arp;
use runyard_api::runyard::types as own;
use runyard_engine::Verdict;
use runyard_engine::event::FinalState;

use super::output::{bad, good, strong};

/// Whether a state is an end that was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It ended well.
    Good,
    /// It ended badly.
    Bad,
    /// Neither, or not yet.
    Neutral,
}

impl Tone {
    /// What paints a word in this tone.
    pub fn paint(self) -> fn(&str) -> String {
        match self {
            Tone::Good => good,
            Tone::Bad => bad,
            Tone::Neutral => strong,
        }
    }
}

/// A state with a tone.
pub trait Toned: fmt::Display {
    /// Its tone.
    fn tone(&self) -> Tone;
}

/// A state in its colour.
pub fn state(state: &impl Toned) -> String {
    (state.tone().paint())(&state.to_string())
}

impl Toned for own::RunState {
    fn tone(&self) -> Tone {
        match self {
            Self::Succeeded => Tone::Good,
            Self::Failed | Self::Canceled | Self::NothingAchieved => Tone::Bad,
            Self::Queued | Self::Running | Self::Waiting | Self::Partial => Tone::Neutral,
        }
    }
}

impl Toned for own::NodeRunState {
    fn tone(&self) -> Tone {
        match self {
            Self::Succeeded => Tone::Good,
            Self::Failed | Self::Canceled => Tone::Bad,
            Self::Pending | Self::Queued | Self::Running | Self::Waiting | Self::Skipped => Tone::Neutral,
        }
    }
}

impl Toned for own::ApprovalState {
    fn tone(&self) -> Tone {
        match self {
            Self::Approved => Tone::Good,
            Self::Denied => Tone::Bad,
            Self::Pending | Self::Lapsed => Tone::Neutral,
        }
    }
}

impl Toned for own::Status {
    fn tone(&self) -> Tone {
        match self {
            Self::Ok => Tone::Good,
            Self::Down => Tone::Bad,
            Self::Degraded => Tone::Neutral,
        }
    }
}

impl Toned for arp::RunState {
    fn tone(&self) -> Tone {
        match self {
            Self::Succeeded => Tone::Good,
            Self::Failed | Self::Canceled => Tone::Bad,
            Self::Queued | Self::Running => Tone::Neutral,
        }
    }
}

impl Toned for arp::NodeRunTerminalState {
    fn tone(&self) -> Tone {
        match self {
            Self::Succeeded => Tone::Good,
            Self::Failed | Self::Canceled => Tone::Bad,
        }
    }
}

impl Toned for FinalState {
    fn tone(&self) -> Tone {
        match self {
            Self::Succeeded => Tone::Good,
            Self::Failed | Self::Canceled => Tone::Bad,
            Self::Skipped => Tone::Neutral,
        }
    }
}

/// The tone of a decision on an approval request.
pub fn of_verdict(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Approved => Tone::Good,
        Verdict::Denied => Tone::Bad,
    }
}
