//! The port of each API, and the APIs that listen.

/// The offset of each API from the port base, in the order of the ports.
pub(crate) const OFFSETS: [(&str, u16); 7] = [
    ("run-gateway", 1),
    ("run-coordinator", 2),
    ("runtime", 3),
    ("toolregistry", 4),
    ("acp", 5),
    ("cargo", 6),
    ("runyard", 12),
];

/// An API that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The document's name.
    pub name: &'static str,
    /// The document's title.
    pub title: String,
    /// Its URL.
    pub url: String,
}

/// A document's offset from the port base. For a document without an API it is 0, where nothing listens.
pub fn offset(document: &str) -> u16 {
    OFFSETS.iter().find(|(name, _)| *name == document).map_or(0, |(_, offset)| *offset)
}
