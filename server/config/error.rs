//! The errors of a configuration. All of them are reported at once, so that one round of editing is enough.

use std::fmt;
use std::path::PathBuf;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The named file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {} is not valid TOML: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The error, with line and column.
        reason: String,
    },
    /// Unknown keys and invalid values.
    #[error("{}", listed(.0))]
    Refused(Vec<Violation>),
}

/// A fault of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The key, dotted.
    pub key: String,
    /// Where it was set, for people: a file, an environment variable, a flag.
    pub origin: String,
    /// What is wrong, which value was found, and what is allowed.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (set by {})", self.key, self.reason, self.origin)
    }
}

fn listed(violations: &[Violation]) -> String {
    match violations {
        [one] => format!("the configuration is not usable: {one}"),
        many => {
            let lines: Vec<String> = many.iter().map(|violation| format!("\n  {violation}")).collect();
            format!("the configuration is not usable:{}", lines.concat())
        }
    }
}
