//! Why a run, a node run or an attempt failed.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Object;
use super::failure_code::FailureCode;

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// For programs, `snake_case`.
    pub code: CodeText,
    /// For people: what happened, why, what to do.
    pub message: String,
    /// Details, as an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Object>,
    /// Whether a retry may succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
}

impl Failure {
    /// A failure without details.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Failure { code: code.into(), message: message.into(), details: None, retryable: None }
    }
}

/// The code of a failure in its stored form: a [`FailureCode`], or a code that came from outside. Code of this server
/// cannot make one from a literal by accident, so that the list of failure codes is complete.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeText(Cow<'static, str>);

impl CodeText {
    /// A code that a client, a configuration or a remote server chose.
    pub fn from_outside(code: impl Into<String>) -> Self {
        CodeText(Cow::Owned(code.into()))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this code.
    pub fn is(&self, code: FailureCode) -> bool {
        self.as_str() == code.as_str()
    }
}

impl From<FailureCode> for CodeText {
    fn from(code: FailureCode) -> Self {
        CodeText(Cow::Borrowed(code.as_str()))
    }
}

impl fmt::Display for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
