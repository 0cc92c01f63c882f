//! One request of a goal.

use super::cuts::Link;

/// One request of a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clause {
    /// The clause without its introduction.
    pub(super) text: String,
    /// How it is joined to the clause before.
    pub(super) link: Link,
    /// Its number in a numbered list.
    pub(super) number: Option<u32>,
}
