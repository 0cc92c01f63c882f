//! Why a configuration is refused. Everything that is wrong is said at once, so that one round of editing is enough.

use std::fmt;
use std::path::PathBuf;

/// Why there is no configuration to work with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {} is not valid TOML: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// With line and column.
        reason: String,
    },
    /// Unknown keys and bad values.
    #[error("{}", listed(.0))]
    Refused(Vec<Violation>),
}

/// One thing that is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The key, dotted.
    pub key: String,
    /// Where it was set, for people: a file, an environment variable, a flag.
    pub origin: String,
    /// What is wrong, what was found, and what is allowed.
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
