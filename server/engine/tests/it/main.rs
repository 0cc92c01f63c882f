//! The engine, told as stories and shaken at random. `world` holds a run and the laws, `story` writes transcripts, `make`
//! builds what commands are made of; the stories are in `stories`, one file per topic.
#![expect(clippy::unwrap_used, reason = "tests")]

mod formats;
mod large;
mod logs;
mod make;
mod properties;
mod stories;
mod story;
mod world;
