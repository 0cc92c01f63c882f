//! OpenAPI document in; Rust types, client, server trait and router constants out.
//!
//! Called from a build script. Per document: read and bundle it, apply its overlay, refuse what cannot be carried, give names
//! to schemas written in place, then write code. What is written stands on a host (crate `runyard-api`, module `host`) that
//! carries requests; see `README.md` for what the code looks like and for how to use it on documents of your own.
//!
//! ```text
//! document.rs  reading YAML, walking it            model.rs    what a document says, in the shape code is made from
//! jsonpath.rs  what an overlay points with         reader.rs   from document to model
//! overlay.rs   applying an overlay                 schema.rs   OpenAPI schema to what typify reads
//! bundle.rs    one self-contained document         types.rs    types, by typify
//! check.rs     refusals                            client.rs   client, by progenitor
//! schemas.rs   refusals, schema by schema          sending.rs  calls with named parameters
//! hoist.rs     names for schemas in place          exchange.rs requests, successes, problems
//! names.rs     spelling                            server.rs   constants, trait, glue
//! report.rs    what was changed                    surface.rs  a document in a few lines
//! retype.rs    corrections of what the tools made  error.rs    why it was refused
//! runtime.rs   what the client stands on           words.rs    its descriptions, a line each
//! crates.rs    where code finds other crates       generate.rs settings, and all of it in turn
//! ```

mod answers;
mod arguments;
mod bundle;
mod check;
mod client;
mod crates;
mod document;
mod error;
mod exchange;
mod generate;
mod hoist;
mod holds;
mod isolate;
mod jsonpath;
mod model;
mod names;
mod nested;
pub mod normal;
mod overlay;
mod paths;
mod reader;
mod refusal;
mod report;
mod responses;
mod retype;
mod schema;
mod schemas;
mod server;
mod surface;
mod tagged;
mod types;
mod words;

pub use error::{Error, Result};
pub use generate::{Document, Generated, Generator, Schemas};
pub use refusal::{Effect, Refusal};
pub use report::Report;
