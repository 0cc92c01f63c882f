//! Why a document was not turned into code.
//!
//! Every error names the file, and the operation where there is one, because the reader is someone whose build just broke.

use std::path::{Path, PathBuf};

use crate::refusal::Refusal;

/// Why the generator stopped. It never panics on a document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("{}: cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("{}: cannot be written", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file is neither YAML nor JSON.
    #[error("{}: is not YAML: {reason}", .path.display())]
    NotYaml {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        reason: String,
    },
    /// An overlay is malformed, or points at nothing.
    #[error("{}: action {action} (target `{target}`): {reason}", .path.display())]
    Overlay {
        /// The overlay file.
        path: PathBuf,
        /// Which action, counted from 1.
        action: usize,
        /// The action's JSONPath.
        target: String,
        /// What is wrong.
        reason: String,
    },
    /// A `$ref` leads nowhere, or where the generator does not go.
    #[error("{}: {place}: `$ref: {reference}` {reason}", .path.display())]
    Reference {
        /// The document.
        path: PathBuf,
        /// The operationId, or where in the document.
        place: String,
        /// The reference as written.
        reference: String,
        /// What is wrong.
        reason: String,
    },
    /// The document says something that cannot be carried over.
    #[error("{}: {place}: {reason}", .path.display())]
    Unsupported {
        /// The document.
        path: PathBuf,
        /// The operationId, or where in the document.
        place: String,
        /// What cannot be carried, and what to write instead.
        reason: String,
    },
    /// The document says things that cannot be carried over, all of them here. Only a strict generator stops for them, and any where nothing
    /// would be left.
    #[error("{}", lines(.path, .refusals))]
    Refused {
        /// The document.
        path: PathBuf,
        /// Place by place.
        refusals: Vec<Refusal>,
    },
    /// typify or the printer would not take what is left after all checks. A gap in the checks: please report it.
    #[error("{}: {place}: {tool} gave up: {reason}", .path.display())]
    Tool {
        /// The document.
        path: PathBuf,
        /// The schema or operation, as far as it is known.
        place: String,
        /// Whose code gave up.
        tool: &'static str,
        /// What it said.
        reason: String,
    },
}

fn lines(path: &Path, refusals: &[Refusal]) -> String {
    refusals.iter().map(|refusal| format!("{}: {refusal}", path.display())).collect::<Vec<_>>().join("\n")
}

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn unsupported(path: &std::path::Path, place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unsupported { path: path.to_owned(), place: place.into(), reason: reason.into() }
    }
}
