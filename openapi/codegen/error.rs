//! Why code could not be generated from a document.
//!
//! Every error names the file and, if possible, the operation, because it usually stops a build.

use std::path::{Path, PathBuf};

use crate::refusal::Refusal;

/// Why the generator stopped. It never panics because of a document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("{}: cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("{}: cannot be written", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
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
    /// An overlay is malformed, or a target matches nothing.
    #[error("{}: action {action} (target `{target}`): {reason}", .path.display())]
    Overlay {
        /// The overlay file.
        path: PathBuf,
        /// The number of the action, from 1.
        action: usize,
        /// The action's JSONPath.
        target: String,
        /// What is wrong.
        reason: String,
    },
    /// A `$ref` has no target, or one that the generator does not support.
    #[error("{}: {place}: `$ref: {reference}` {reason}", .path.display())]
    Reference {
        /// The document.
        path: PathBuf,
        /// The operationId, or the place in the document.
        place: String,
        /// The reference as written.
        reference: String,
        /// What is wrong.
        reason: String,
    },
    /// The document has something that the generator does not support.
    #[error("{}: {place}: {reason}", .path.display())]
    Unsupported {
        /// The document.
        path: PathBuf,
        /// The operationId, or the place in the document.
        place: String,
        /// What is not supported, and what to write instead.
        reason: String,
    },
    /// The document has things that the generator does not support; all of them are listed. Only a strict generator
    /// stops for them, except when nothing would be left.
    #[error("{}", lines(.path, .refusals))]
    Refused {
        /// The document.
        path: PathBuf,
        /// The list, place by place.
        refusals: Vec<Refusal>,
    },
    /// typify or the printer refused the result of all checks. This is a gap in the checks: please report it.
    #[error("{}: {place}: {tool} gave up: {reason}", .path.display())]
    Tool {
        /// The document.
        path: PathBuf,
        /// The schema or operation, if it is known.
        place: String,
        /// The tool that failed.
        tool: &'static str,
        /// The error of the tool.
        reason: String,
    },
}

fn lines(path: &Path, refusals: &[Refusal]) -> String {
    refusals.iter().map(|refusal| format!("{}: {refusal}", path.display())).collect::<Vec<_>>().join("\n")
}

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn unsupported(path: &std::path::Path, place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unsupported { path: path.to_owned(), place: place.into(), reason: reason.into() }
    }
}
