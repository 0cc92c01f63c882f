//! What a server under test stands on.

/// The store of a server under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The store in a folder, as in `runyard serve`.
    Disk,
    /// The same, and callers may send API keys of tenants.
    Tenants,
    /// The memory store.
    Memory,
    /// None: the API answers by itself.
    Nothing,
    /// None, and no API of Runyard either: dropshot, and streams that are silent.
    Bare,
}

impl Over {
    /// Every one.
    pub const ALL: [Over; 5] = [Over::Disk, Over::Tenants, Over::Memory, Over::Nothing, Over::Bare];

    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Over::Disk => "disk",
            Over::Tenants => "tenants",
            Over::Memory => "memory",
            Over::Nothing => "nothing",
            Over::Bare => "bare",
        }
    }

    /// Parses a name.
    pub fn from_word(word: &str) -> Option<Self> {
        Over::ALL.into_iter().find(|over| over.word() == word)
    }
}
