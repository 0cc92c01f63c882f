//! Classes of side effects.

use serde::{Deserialize, Serialize};

/// The class of side effects of a node type, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SideEffect {
    /// Changes nothing.
    Read,
    /// Changes something that can be undone.
    Write,
    /// Cannot be undone.
    Irreversible,
}

impl std::fmt::Display for SideEffect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SideEffect::Read => "read",
            SideEffect::Write => "write",
            SideEffect::Irreversible => "irreversible",
        })
    }
}
