//! A checked configuration, and the origin of each value.

use figment::Figment;

use super::Config;

/// The origin of a value that was not set.
pub(super) const DEFAULT: &str = "default";

/// A checked configuration and its origins.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The effective values.
    pub config: Config,
    pub(super) figment: Figment,
    pub(super) renamed: Vec<Renamed>,
}

/// A value that was set under an old name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Renamed {
    pub(super) old: String,
    pub(super) present: &'static str,
    pub(super) origin: String,
}

impl Loaded {
    /// The defaults of all settings.
    pub fn defaults() -> Self {
        Self { config: Config::default(), figment: Figment::new(), renamed: Vec::new() }
    }

    /// The origin of a setting's value, for people; `default` if it was not set.
    pub fn origin(&self, key: &str) -> String {
        self.figment.find_metadata(key).map_or_else(|| DEFAULT.to_owned(), |metadata| metadata.name.to_string())
    }

    /// A warning for each value that was set under an old name.
    pub fn warnings(&self) -> Vec<String> {
        let warning = |Renamed { old, present, origin }: &Renamed| {
            format!("the setting {old} is now {present}; a later version will not read the old name (set by {origin})")
        };
        self.renamed.iter().map(warning).collect()
    }

    /// Whether the setting was not set.
    pub fn is_default(&self, key: &str) -> bool {
        self.figment.find_metadata(key).is_none()
    }
}
