//! OpenAPI document in; Rust types, client, server trait and router constants out.
//!
//! It is called from a build script, or by the program in `bin/`. For each document it reads and bundles it, applies
//! its overlay, normalizes a copy, leaves out what is not supported, and names what has no name. Then it generates the
//! code, which needs a host (crate `runyard-api`, module `host`) to handle requests. `README.md` shows the code, and
//! how to use the generator on other documents.
//!
//! ```text
//! the document                                     the code
//! document.rs  reading and traversing YAML         generate.rs  settings, and the order of the steps
//! jsonpath.rs  the targets of an overlay           types.rs     types, by typify
//! overlay.rs   applying an overlay                 schema.rs    a schema in the form for typify
//! bundle.rs    one self-contained document         nested.rs    unique names for nested types
//! holds.rs     the component kind of a place       tagged.rs    alternatives with a discriminator
//! normal/      one form for 3.0 and 3.1            isolate.rs   which schema typify refuses
//! check.rs     versions, references, names         retype.rs    corrections of typify's code
//! schemas.rs   single schemas                      exchange.rs  requests, successes, problems
//! hoist.rs     names for inline schemas            client.rs    client, operation by operation
//! model.rs     the operations of a document        arguments.rs its methods' arguments
//! reader.rs    from document to model              answers.rs   how it reads each status
//! responses.rs its responses                       server.rs    constants, trait, glue
//! paths.rs     its paths, and the router           crates.rs    paths of other crates
//! direction.rs read-only and write-only properties bases.rs     schemas that others extend
//! nullable.rs  properties that are absent or null   numeric.rs   enums of numbers
//! forms.rs     multipart forms
//!
//! refusal.rs   what is not supported               surface.rs   a document in a few lines
//! report.rs    what was changed                    words.rs     its descriptions, one per line
//! error.rs     why it was refused                  names.rs     spelling
//! schemaless.rs  types without a JSON Schema
//! ```

mod answers;
mod arguments;
mod bases;
mod bundle;
mod check;
mod client;
mod crates;
mod direction;
mod document;
mod error;
mod exchange;
mod forms;
mod generate;
mod hoist;
mod holds;
mod isolate;
mod jsonpath;
mod model;
mod names;
mod nested;
pub mod normal;
mod nullable;
mod numeric;
mod overlay;
mod paths;
mod reader;
mod refusal;
mod report;
mod responses;
mod retype;
mod schema;
mod schemaless;
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
