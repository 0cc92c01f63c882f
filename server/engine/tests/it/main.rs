//! Tests of the engine: scenarios with transcripts, and property tests. `world` runs commands and checks the
//! invariants, `story` writes transcripts, and `make` builds the parts of commands. The scenarios are in `stories`, one
//! file per topic.
#![expect(clippy::unwrap_used, reason = "tests")]

mod formats;
mod large;
mod logs;
mod make;
mod properties;
mod stories;
mod story;
mod world;
