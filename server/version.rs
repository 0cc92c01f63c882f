//! Which build this is: the version, and the commit that it was made from where that is known.

/// For people: `0.1.0`, or `0.1.0 (1a2b3c4d5e 2026-12-01)`.
pub const VERSION: &str = env!("VERSION_AND_COMMIT");
