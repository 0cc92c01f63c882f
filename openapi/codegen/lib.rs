//! OpenAPI document in; Rust types, client, server trait and router constants out.
//!
//! Called from a build script, or by the program beside it (`bin/`). Per document: read and bundle it, apply its overlay, bring a copy
//! into one form, leave out what cannot be carried, give names to what has none, then write code. What is written stands on a host (crate
//! `runyard-api`, module `host`) that carries requests; see `README.md` for what the code looks like and for how to use it on documents of
//! your own.
//!
//! ```text
//! the document                                     the code
//! document.rs  reading YAML, walking it            generate.rs  settings, and all of it in turn
//! jsonpath.rs  what an overlay points with         types.rs     types, by typify
//! overlay.rs   applying an overlay                 schema.rs    a schema as typify reads it
//! bundle.rs    one self-contained document         nested.rs    types within types, named apart
//! holds.rs     what a reference there leads to     tagged.rs    alternatives with a discriminator
//! normal/      one form for 3.0 and 3.1            isolate.rs   which schema typify refuses
//! check.rs     versions, references, names         retype.rs    corrections of what typify made
//! schemas.rs   schema by schema                    exchange.rs  requests, successes, problems
//! hoist.rs     names for schemas in place          client.rs    client, operation by operation
//! model.rs     what a document says                arguments.rs its methods' arguments
//! reader.rs    from document to model              answers.rs   what each status is to it
//! responses.rs its answers                         server.rs    constants, trait, glue
//! paths.rs     its paths, and the router           crates.rs    where code finds other crates
//!
//! refusal.rs   what was not carried                surface.rs   a document in a few lines
//! report.rs    what was changed                    words.rs     its descriptions, a line each
//! error.rs     why it was refused                  names.rs     spelling
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
