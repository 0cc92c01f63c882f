//! What a server under test stands on.

/// The store of a server under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing {
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

impl Backing {
    /// Every one.
    pub const ALL: [Backing; 5] = [Backing::Disk, Backing::Tenants, Backing::Memory, Backing::Nothing, Backing::Bare];

    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Backing::Disk => "disk",
            Backing::Tenants => "tenants",
            Backing::Memory => "memory",
            Backing::Nothing => "nothing",
            Backing::Bare => "bare",
        }
    }

    /// Parses a name.
    pub fn from_word(word: &str) -> Option<Self> {
        Backing::ALL.into_iter().find(|over| over.word() == word)
    }
}
