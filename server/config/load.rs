//! Flags over environment over file over defaults, and the origin of each value.
//!
//! Every value is checked at its source, also when a stronger source overrides it: a typo in the file is reported
//! today, not on the day the flag is removed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

pub use super::environment::{CLIENT_SECRET, PREFIX, RESERVED};
use super::error::Violation;
use super::loaded::{DEFAULT, Loaded, Renamed};
use super::settings::{self, Found, Kind, SETTINGS, Setting};
use super::{Config, ConfigError, agree, arp};

/// The file in the current folder that is read if none is named.
pub const FILE_NAME: &str = "runyard.toml";

/// The sources of values. Nothing else is read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Flags: key, value, and the flag's name for messages. Later ones win over earlier ones.
    pub flags: Vec<Flag>,
    /// The process environment.
    pub environment: BTreeMap<String, String>,
    /// The file of `--config`, which must exist. Otherwise `runyard.toml` in [`folder`](Self::folder) is read if it
    /// exists.
    pub file: Option<PathBuf>,
    /// The current folder.
    pub folder: PathBuf,
}

/// A setting given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The setting.
    pub key: String,
    /// Its value.
    pub value: String,
    /// For messages, for example `--port-base`.
    pub name: String,
}

/// One value with its origin, as a figment provider, so that each value has its own metadata.
struct Given {
    key: &'static str,
    value: Value,
    origin: String,
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(figment::util::nest(self.key, self.value.clone()).into_dict().unwrap_or_default()))
    }
}

/// Reads all sources.
///
/// # Errors
/// A file that cannot be read, or every unknown key and invalid value.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut reading = Reading::default();
    let mut written_at_ms = None;
    if let Some((path, table)) = file(sources)? {
        reading.table(&path, "", &table);
        written_at_ms = self::written_at_ms(&path);
    }
    reading.environment(&sources.environment);
    for flag in &sources.flags {
        reading.take(&flag.key, Found::Text(flag.value.clone()), format!("flag {}", flag.name));
    }
    let mut loaded = reading.finish()?;
    loaded.config.written_at_ms = written_at_ms;
    loaded.config.auth.outbound.client_secret = arp::client_secret(&sources.environment);
    match agree::check(&loaded, &sources.environment) {
        violations if violations.is_empty() => Ok(loaded),
        violations => Err(ConfigError::Refused(violations)),
    }
}

fn file(sources: &Sources) -> Result<Option<(PathBuf, toml::Table)>, ConfigError> {
    let path = sources.file.clone().unwrap_or_else(|| sources.folder.join(FILE_NAME));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && sources.file.is_none() => return Ok(None),
        Err(source) => return Err(ConfigError::Unreadable { path, source }),
    };
    match text.parse::<toml::Table>() {
        Ok(table) => Ok(Some((path, table))),
        Err(error) => Err(ConfigError::Syntax { path, reason: error.to_string().trim_end().to_owned() }),
    }
}

/// When a file was last written, if the system says.
fn written_at_ms(path: &Path) -> Option<i64> {
    let written = std::fs::metadata(path).ok()?.modified().ok()?;
    i64::try_from(written.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// The values so far, weakest source first.
#[derive(Default)]
struct Reading {
    given: Vec<Given>,
    renamed: Vec<Renamed>,
    violations: Vec<Violation>,
}

impl Reading {
    fn table(&mut self, path: &Path, section: &str, table: &toml::Table) {
        let key = |name: &str| if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        for (key, value) in old_names_first(table.iter().map(|(name, value)| (key(name), value))) {
            match value {
                toml::Value::Table(inner) if is_section(&key) => self.table(path, &key, inner),
                value => self.take(&key, from_file(path, &key, value), format!("file {}", path.display())),
            }
        }
    }

    fn environment(&mut self, environment: &BTreeMap<String, String>) {
        match arp::aliases(environment) {
            Ok(aliases) => aliases.into_iter().for_each(|alias| {
                self.take(alias.key, Found::Text(alias.value), format!("environment {}", alias.variable));
            }),
            Err(violation) => self.violations.push(violation),
        }
        // An empty variable counts as not set: compose files and CI make one of an absent value.
        let given = environment.iter().filter(|(_, value)| !value.is_empty());
        let named = given.filter_map(|(name, value)| {
            let rest = name.strip_prefix(PREFIX).filter(|_| !RESERVED.contains(&name.as_str()))?;
            Some((rest.to_ascii_lowercase().replace("__", "."), (name, value)))
        });
        for (key, (name, value)) in old_names_first(named) {
            self.take(&key, Found::Text(value.clone()), format!("environment {name}"));
        }
    }

    fn take(&mut self, key: &str, found: Found, origin: String) {
        let present = settings::renamed(key).unwrap_or_else(|| key.to_owned());
        let checked = match Setting::named(&present) {
            Some(setting) => {
                if present != key {
                    let (old, origin) = (key.to_owned(), origin.clone());
                    self.renamed.push(Renamed { old, present: setting.key, origin });
                }
                setting.kind.check(&found).map(|value| (setting.key, value))
            }
            None if key.ends_with("client_secret") => {
                Err(format!("a secret is no setting: take it out, and set {CLIENT_SECRET} in the environment"))
            }
            None if settings::is_section(&present) => Err(format!("is a section: set {} in it", inside(&present))),
            None => Err(format!("there is no such setting; {}", settings::nearest(&present))),
        };
        match checked {
            Ok((key, value)) => self.given.push(Given { key, value, origin }),
            Err(reason) => self.violations.push(Violation { key: key.to_owned(), origin, reason }),
        }
    }

    fn finish(self) -> Result<Loaded, ConfigError> {
        if !self.violations.is_empty() {
            return Err(ConfigError::Refused(self.violations));
        }
        let figment = self.given.into_iter().fold(Figment::new(), Figment::merge);
        match figment.extract::<Config>() {
            Ok(config) => Ok(Loaded { config, figment, renamed: self.renamed }),
            // The table accepted a value that `Config` does not. Figment's message names key and origin.
            Err(error) => Err(ConfigError::Refused(error.into_iter().map(from_figment).collect())),
        }
    }
}

/// The values of one source, those with an old name first: a later value wins, so the present name does.
fn old_names_first<T>(values: impl Iterator<Item = (String, T)>) -> impl Iterator<Item = (String, T)> {
    let (old, present): (Vec<_>, Vec<_>) = values.partition(|(key, _)| settings::renamed(key).is_some());
    old.into_iter().chain(present)
}

/// Whether keys lie below this one, or below the one that it was renamed to.
fn is_section(key: &str) -> bool {
    settings::is_section(settings::renamed(key).as_deref().unwrap_or(key))
}

fn from_figment(error: figment::Error) -> Violation {
    Violation {
        key: error.path.join("."),
        origin: error.metadata.as_ref().map_or_else(|| DEFAULT.to_owned(), |metadata| metadata.name.to_string()),
        reason: error.kind.to_string(),
    }
}

/// A relative path in a file starts at that file's folder, wherever the command was called.
fn from_file(path: &Path, key: &str, value: &toml::Value) -> Found {
    let is_path = Setting::named(key).is_some_and(|setting| matches!(setting.kind, Kind::Path));
    if let (toml::Value::Array(_), "integrations" | "models" | "tools.mcp" | "tools.openapi", Some(folder)) =
        (value, key, path.parent())
    {
        return Found::Beside(value.clone(), folder.to_owned());
    }
    match (is_path, value.as_str(), path.parent()) {
        (true, Some(text), Some(folder)) if !text.is_empty() => {
            Found::Toml(toml::Value::String(folder.join(text).to_string_lossy().into_owned()))
        }
        _ => Found::Toml(value.clone()),
    }
}

fn inside(section: &str) -> String {
    let keys = SETTINGS.iter().map(|setting| setting.key).filter(|key| key.starts_with(&format!("{section}.")));
    keys.collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests;
