//! Flags over environment over file over defaults, and where each value came from.
//!
//! Every value is checked where it stands, also when a stronger source overrides it: a typo in the file is reported today, not
//! on the day the flag goes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::error::Violation;
use super::settings::{self, Found, Kind, SETTINGS, Setting};
use super::{Config, ConfigError};

/// What our environment variables begin with.
pub const PREFIX: &str = "RUNYARD_";

/// The file that is read when none is named, in the current folder.
pub const FILE_NAME: &str = "runyard.toml";

/// Names with our prefix that are not settings: the server key, a caller's credential, a door's URL.
pub const RESERVED: &[&str] = &["RUNYARD_SECRET_KEY", "RUNYARD_TOKEN", "RUNYARD_URL"];

/// The reference implementation's name for `coordinator.url`. Ours goes before it.
const COORDINATOR_URL_ALIAS: &str = "JARVIS_RUN_COORDINATOR_URL";
/// The reference implementation's switch for authentication.
const AUTH_MODE: &str = "ARP_AUTH_MODE";
const DEFAULT: &str = "default";

/// Where values come from. Nothing else is consulted.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// What flags said: key, value, and the flag's own name for messages. Later ones go before earlier ones.
    pub flags: Vec<Flag>,
    /// The process environment.
    pub environment: BTreeMap<String, String>,
    /// The file named by `--config`: it must exist. Otherwise `runyard.toml` in [`folder`](Self::folder) is read if it is there.
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

/// A checked configuration and its origins.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The effective values.
    pub config: Config,
    figment: Figment,
}

impl Loaded {
    /// What holds when nobody set anything.
    pub fn defaults() -> Self {
        Self { config: Config::default(), figment: Figment::new() }
    }

    /// Where the value of a setting came from, for people; `default` when nobody set it.
    pub fn origin(&self, key: &str) -> String {
        self.figment.find_metadata(key).map_or_else(|| DEFAULT.to_owned(), |metadata| metadata.name.to_string())
    }

    /// Whether nobody set it.
    pub fn is_default(&self, key: &str) -> bool {
        self.figment.find_metadata(key).is_none()
    }
}

/// One value with its origin, as a figment provider: so each value carries its own metadata.
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
/// A file that cannot be read, or every unknown key and bad value at once.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut reading = Reading::default();
    if let Some((path, table)) = file(sources)? {
        reading.table(&path, "", &table);
    }
    reading.environment(&sources.environment);
    for flag in &sources.flags {
        reading.take(&flag.key, Found::Text(flag.value.clone()), format!("flag {}", flag.name));
    }
    let loaded = reading.finish()?;
    agree_to_remote(&loaded)?;
    Ok(loaded)
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

/// What has been read so far, weakest source first.
#[derive(Default)]
struct Reading {
    given: Vec<Given>,
    violations: Vec<Violation>,
}

impl Reading {
    fn table(&mut self, path: &Path, section: &str, table: &toml::Table) {
        for (name, value) in table {
            let key = if section.is_empty() { name.clone() } else { format!("{section}.{name}") };
            match value {
                toml::Value::Table(inner) if settings::is_section(&key) => self.table(path, &key, inner),
                value => self.take(&key, from_file(path, &key, value), format!("file {}", path.display())),
            }
        }
    }

    fn environment(&mut self, environment: &BTreeMap<String, String>) {
        if let Some(mode) = environment.get(AUTH_MODE).filter(|mode| !mode.is_empty() && *mode != "disabled") {
            let reason = format!("found {mode:?}, expected disabled: authentication is not in this version");
            self.violations.push(Violation {
                key: AUTH_MODE.to_owned(),
                origin: format!("environment {AUTH_MODE}"),
                reason,
            });
        }
        // An empty variable is one that is not set: that is what compose files and CI make of an absent value.
        let given = environment.iter().filter(|(_, value)| !value.is_empty());
        if let Some(url) = environment.get(COORDINATOR_URL_ALIAS).filter(|url| !url.is_empty()) {
            self.take("coordinator.url", Found::Text(url.clone()), format!("environment {COORDINATOR_URL_ALIAS}"));
        }
        for (name, value) in given {
            if let Some(rest) = name.strip_prefix(PREFIX)
                && !RESERVED.contains(&name.as_str())
            {
                let key = rest.to_ascii_lowercase().replace("__", ".");
                self.take(&key, Found::Text(value.clone()), format!("environment {name}"));
            }
        }
    }

    fn take(&mut self, key: &str, found: Found, origin: String) {
        let checked = match Setting::named(key) {
            Some(setting) => setting.kind.check(&found).map(|value| (setting.key, value)),
            None if settings::is_section(key) => Err(format!("is a section: set {} in it", inside(key))),
            None => Err(format!("there is no such setting; {}", settings::nearest(key))),
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
            Ok(config) => Ok(Loaded { config, figment }),
            // The table let something through that `Config` does not take. Say what figment says; it names key and origin.
            Err(error) => Err(ConfigError::Refused(error.into_iter().map(from_figment).collect())),
        }
    }
}

fn from_figment(error: figment::Error) -> Violation {
    Violation {
        key: error.path.join("."),
        origin: error.metadata.as_ref().map_or_else(|| DEFAULT.to_owned(), |metadata| metadata.name.to_string()),
        reason: error.kind.to_string(),
    }
}

/// A relative path in a file means a place beside that file, wherever the command was called.
fn from_file(path: &Path, key: &str, value: &toml::Value) -> Found {
    let is_path = Setting::named(key).is_some_and(|setting| matches!(setting.kind, Kind::Path));
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

/// A door that others can reach takes two settings, because nobody is asked who they are.
fn agree_to_remote(loaded: &Loaded) -> Result<(), ConfigError> {
    let config = &loaded.config;
    if config.host.is_loopback() || config.insecure_allow_remote {
        return Ok(());
    }
    let reason = format!(
        "found {}, which other machines can reach, and there is no authentication in this version. Use 127.0.0.1, or put \
         something in front that authenticates and set insecure_allow_remote = true as well",
        config.host
    );
    Err(ConfigError::Refused(vec![Violation { key: "host".to_owned(), origin: loaded.origin("host"), reason }]))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::{CoordinatorPlace, GatewayMode, LogFormat};

    struct Story {
        sources: Sources,
        folder: tempfile::TempDir,
    }

    impl Story {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self { sources: Sources { folder: folder.path().to_owned(), ..Sources::default() }, folder }
        }

        fn file(self, text: &str) -> Self {
            std::fs::write(self.folder.path().join(FILE_NAME), text).unwrap();
            self
        }

        fn variable(mut self, name: &str, value: &str) -> Self {
            self.sources.environment.insert(name.to_owned(), value.to_owned());
            self
        }

        fn flag(mut self, key: &str, value: &str) -> Self {
            let name = format!("--{}", key.replace('_', "-"));
            self.sources.flags.push(Flag { key: key.to_owned(), value: value.to_owned(), name });
            self
        }

        fn load(&self) -> Loaded {
            load(&self.sources).unwrap()
        }

        fn refusal(&self) -> String {
            load(&self.sources).unwrap_err().to_string().replace(&*self.folder.path().to_string_lossy(), "FOLDER")
        }
    }

    #[test]
    fn without_sources_everything_is_a_default() {
        let loaded = Story::new().load();
        assert_eq!(loaded.config, Config::default());
        assert_eq!(loaded.origin("port_base"), "default");
    }

    #[test]
    fn flags_go_before_environment_before_file_before_defaults() {
        let story = Story::new().file("port_base = 1000\nworkers = 7\nparallel_max = 3\n[log]\nformat = 'json'");
        let story =
            story.variable("RUNYARD_PORT_BASE", "2000").variable("RUNYARD_WORKERS", "9").flag("port_base", "3000");
        let loaded = story.load();
        let config = &loaded.config;
        assert_eq!((config.port_base, config.workers, config.parallel_max), (3000, 9, 3));
        assert_eq!((config.log.format, config.body_bytes_max), (LogFormat::Json, 1024 * 1024));
        assert_eq!(loaded.origin("port_base"), "flag --port-base");
        assert_eq!(loaded.origin("workers"), "environment RUNYARD_WORKERS");
        assert!(loaded.origin("log.format").ends_with("runyard.toml"), "{}", loaded.origin("log.format"));
        assert!(loaded.is_default("log.filter"));
    }

    #[test]
    fn nested_keys_are_written_with_two_underscores() {
        let loaded = Story::new()
            .variable("RUNYARD_LOG__FILTER", "debug")
            .variable("RUNYARD_GATEWAY__COORDINATOR", "remote")
            .load();
        assert_eq!(loaded.config.log.filter, "debug");
        assert_eq!(loaded.config.gateway.coordinator, Some(CoordinatorPlace::Remote));
        assert_eq!(loaded.config.gateway_mode(), GatewayMode::Missing);
    }

    #[test]
    fn an_unknown_key_names_itself_its_place_and_the_nearest() {
        let file = Story::new().file("port_bse = 1\n[log]\ncolour = true").refusal();
        insta::assert_snapshot!(file, @r"
        the configuration is not usable:
          log.colour: there is no such setting; there are: data_dir, host, insecure_allow_remote, port_base, workers, parallel_max, body_bytes_max, lease_ms, stop_within_ms, perform, log.format, log.filter, coordinator.url, gateway.coordinator (set by file FOLDER/runyard.toml)
          port_bse: there is no such setting; did you mean port_base? (set by file FOLDER/runyard.toml)
        ");
        let variable = Story::new().variable("RUNYARD_LOG_FORMAT", "json").refusal();
        insta::assert_snapshot!(variable, @"the configuration is not usable: log_format: there is no such setting; did you mean log.format? (set by environment RUNYARD_LOG_FORMAT)");
        let section = Story::new().file("log = 'info'").refusal();
        insta::assert_snapshot!(section, @"the configuration is not usable: log: is a section: set log.format or log.filter in it (set by file FOLDER/runyard.toml)");
    }

    #[test]
    fn a_bad_value_says_what_was_found_and_what_is_allowed() {
        let story = Story::new()
            .file("workers = 'many'\nperform = 1\nhost = 'example.org'")
            .variable("RUNYARD_LOG__FORMAT", "xml");
        insta::assert_snapshot!(story.flag("lease_ms", "-1").refusal(), @r#"
        the configuration is not usable:
          host: found "example.org", expected an IP address or localhost (set by file FOLDER/runyard.toml)
          perform: found 1, expected true or false (set by file FOLDER/runyard.toml)
          workers: found "many", expected a whole number from 1 to 4096 (set by file FOLDER/runyard.toml)
          log.format: found "xml", expected text or json (set by environment RUNYARD_LOG__FORMAT)
          lease_ms: found "-1", expected a whole number from 1000 to 600000 (set by flag --lease-ms)
        "#);
    }

    #[test]
    fn a_bad_value_in_the_file_is_an_error_even_when_a_flag_overrides_it() {
        let refusal = Story::new().file("workers = 0").flag("workers", "5").refusal();
        assert!(refusal.contains("workers: found 0"), "{refusal}");
    }

    #[test]
    fn the_last_door_must_fit_below_the_end_of_ports() {
        assert_eq!(Story::new().flag("port_base", "65523").load().config.port(12), 65535);
        let refusal = Story::new().flag("port_base", "65524").refusal();
        insta::assert_snapshot!(refusal, @r#"the configuration is not usable: port_base: found "65524", expected 0 for free ports, or 1 to 65523: the last door listens 12 above it, and ports end at 65535 (set by flag --port-base)"#);
    }

    #[test]
    fn a_host_that_others_reach_takes_a_second_setting() {
        let refusal = Story::new().variable("RUNYARD_HOST", "0.0.0.0").refusal();
        assert!(refusal.contains("insecure_allow_remote = true"), "{refusal}");
        assert!(refusal.contains("no authentication"), "{refusal}");
        let agreed =
            Story::new().variable("RUNYARD_HOST", "0.0.0.0").variable("RUNYARD_INSECURE_ALLOW_REMOTE", "true").load();
        assert!(!agreed.config.host.is_loopback());
        assert!(Story::new().flag("host", "localhost").load().config.host.is_loopback());
    }

    #[test]
    fn reserved_names_and_empty_variables_are_no_settings() {
        let story = RESERVED.iter().fold(Story::new(), |story, name| story.variable(name, "anything"));
        assert_eq!(
            story.variable("RUNYARD_PORT_BASE", "").variable("ARP_AUTH_MODE", "").load().config,
            Config::default()
        );
    }

    #[test]
    fn the_coordinator_has_two_names_and_ours_goes_first() {
        let alias = Story::new().variable("JARVIS_RUN_COORDINATOR_URL", "http://peer:1/");
        assert_eq!(alias.load().config.gateway_mode(), GatewayMode::Remote("http://peer:1".to_owned()));
        assert_eq!(alias.load().origin("coordinator.url"), "environment JARVIS_RUN_COORDINATOR_URL");
        let both = alias.variable("RUNYARD_COORDINATOR__URL", "http://ours:2");
        assert_eq!(both.load().config.gateway_mode(), GatewayMode::Remote("http://ours:2".to_owned()));
    }

    #[test]
    fn a_url_with_a_password_is_refused_without_repeating_it() {
        let refusal = Story::new().variable("RUNYARD_COORDINATOR__URL", "http://me:hunter2@peer").refusal();
        assert!(refusal.contains("coordinator.url") && !refusal.contains("hunter2"), "{refusal}");
    }

    #[test]
    fn authentication_can_be_off_and_nothing_else() {
        Story::new().variable("ARP_AUTH_MODE", "disabled").load();
        let refusal = Story::new().variable("ARP_AUTH_MODE", "required").refusal();
        insta::assert_snapshot!(refusal, @r#"the configuration is not usable: ARP_AUTH_MODE: found "required", expected disabled: authentication is not in this version (set by environment ARP_AUTH_MODE)"#);
    }

    #[test]
    fn a_named_file_must_exist_and_be_toml() {
        let mut story = Story::new();
        story.sources.file = Some(story.folder.path().join("absent.toml"));
        assert!(
            story.refusal().starts_with("cannot read the configuration file FOLDER/absent.toml"),
            "{}",
            story.refusal()
        );
        let broken = Story::new().file("workers = = 3").refusal();
        assert!(broken.contains("FOLDER/runyard.toml is not valid TOML") && broken.contains("line 1"), "{broken}");
    }

    #[test]
    fn a_relative_data_folder_in_a_file_lies_beside_the_file() {
        let story = Story::new().file("data_dir = 'kept'");
        assert_eq!(story.load().config.data_dir, story.folder.path().join("kept"));
        assert_eq!(Story::new().flag("data_dir", "kept").load().config.data_dir, PathBuf::from("kept"));
    }
}
