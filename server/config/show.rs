//! The output of `config show` and `config init`.

use serde_json::Value;

use super::loaded::Loaded;
use super::settings::{SETTINGS, Setting};
use super::{integrations, models, tools};

/// One setting with its effective value.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The key with dots.
    pub key: &'static str,
    /// The effective value; null if it is not set.
    pub value: Value,
    /// Its origin.
    pub origin: String,
    /// Its environment variable.
    pub variable: String,
}

/// Every setting with its effective value, in the table's order.
pub fn effective(loaded: &Loaded) -> Vec<Shown> {
    SETTINGS
        .iter()
        .map(|setting| Shown {
            key: setting.key,
            value: value(loaded, setting),
            origin: loaded.origin(setting.key),
            variable: setting.variable(),
        })
        .collect()
}

fn value(loaded: &Loaded, setting: &Setting) -> Value {
    match setting.key {
        "integrations" => return integrations::masked(&loaded.config.integrations),
        "models" => return models::masked(&loaded.config.models),
        "tools.mcp" => return tools::mcp::masked(&loaded.config.tools.mcp),
        "tools.openapi" => return tools::openapi::masked(&loaded.config.tools.openapi),
        _ => {}
    }
    let pointer = format!("/{}", setting.key.replace('.', "/"));
    serde_json::to_value(&loaded.config).ok().and_then(|whole| whole.pointer(&pointer).cloned()).unwrap_or_default()
}

/// A `runyard.toml` in which every setting is a comment with its default, or with an example if it has none.
pub fn template() -> String {
    let mut text = String::from(
        "# Configuration of Runyard. Every line that is commented out shows a default, or an example.\n\
         # Flags go before environment variables, and these before this file.\n",
    );
    let mut section = "";
    for setting in SETTINGS.iter() {
        let (table, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        if table != section {
            text.push_str(&format!("\n[{table}]\n"));
            section = table;
        }
        let (about, allowed, variable, written) =
            (setting.about, setting.kind.allowed(), setting.variable(), setting.written);
        text.push_str(&format!("\n# {about}\n# Allowed: {allowed}. Environment: {variable}\n# {name} = {written}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::super::load::{Flag, Sources, load};
    use super::super::settings::Kind;
    use super::*;

    fn loaded(file: Option<PathBuf>) -> Loaded {
        load(&Sources { file, folder: PathBuf::from("/nowhere"), ..Sources::default() }).unwrap()
    }

    #[test]
    fn the_table_and_the_fields_have_the_same_settings() {
        let fields = keys("", &serde_json::to_value(loaded(None).config).unwrap());
        assert_eq!(fields, SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>());
    }

    /// The dotted keys of everything that is no section.
    fn keys(section: &str, value: &Value) -> Vec<String> {
        match value {
            Value::Object(inner) => {
                let dot = if section.is_empty() { "" } else { "." };
                inner.iter().flat_map(|(name, value)| keys(&format!("{section}{dot}{name}"), value)).collect()
            }
            _ => vec![section.to_owned()],
        }
    }

    #[test]
    fn the_uncommented_template_loads_and_has_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runyard.toml");
        let lines = template().lines().map(uncommented).collect::<Vec<_>>().join("\n");
        std::fs::write(&path, lines).unwrap();
        let (written, defaults) = (effective(&loaded(Some(path))), effective(&loaded(None)));
        for (written, default) in written.iter().zip(&defaults) {
            assert!(written.origin.starts_with("file "), "{} is not in the template", written.key);
            if !default.value.is_null() && written.key != "data_dir" {
                assert_eq!(written.value, default.value, "{}", written.key);
            }
        }
    }

    /// What `config show` prints for a value.
    fn printed(value: &Value) -> String {
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// The value that is shown for a setting that was set on the command line.
    fn set(key: &str, text: &str) -> Value {
        let flag = Flag { key: key.to_owned(), value: text.to_owned(), name: "--set".to_owned() };
        // Other settings that it needs.
        let issuer = Flag {
            key: "auth.issuer".to_owned(),
            value: "https://id.example.org".to_owned(),
            name: "--set".to_owned(),
        };
        let flags = vec![issuer, flag];
        let loaded = load(&Sources { flags, folder: PathBuf::from("/nowhere"), ..Sources::default() });
        let loaded = loaded.unwrap_or_else(|error| panic!("--set {key}={text}: {error}"));
        effective(&loaded).into_iter().find(|one| one.key == key).unwrap().value
    }

    /// Lists as a file and `config show` write them.
    fn lists(kind: &Kind) -> Vec<Value> {
        match kind {
            Kind::Hosts => vec![json!([]), json!(["*.example.com", "10.0.0.1", "a.example"])],
            Kind::Networks => vec![json!([]), json!(["127.0.0.0/8"]), json!(["10.0.0.0/8", "::1"])],
            Kind::Ports => vec![json!([]), json!([443, 8443])],
            Kind::Texts => vec![json!(["one"]), json!(["one", "two, three"])],
            Kind::Origins => vec![json!([]), json!(["https://a.example", "http://localhost:3000"])],
            _ => vec![],
        }
    }

    #[test]
    fn every_shown_value_can_be_set() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runyard.toml");
        let lines = template().lines().map(uncommented).collect::<Vec<_>>().join("\n");
        std::fs::write(&path, lines).unwrap();
        for (setting, shown) in SETTINGS.iter().zip(effective(&loaded(Some(path)))) {
            for value in [shown.value].into_iter().chain(lists(&setting.kind)) {
                assert_eq!(set(setting.key, &printed(&value)), value, "{}", setting.key);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn lists_of_any_length_are_set_as_they_are_shown(networks in proptest::collection::vec((proptest::prelude::any::<std::net::Ipv4Addr>(), 0..=32_u8), 0..20)) {
            let networks: Vec<String> = networks.iter().map(|(address, bits)| format!("{address}/{bits}")).collect();
            let value = json!(networks);
            proptest::prop_assert_eq!(set("egress.allow_networks", &printed(&value)), value);
        }
    }

    /// `# key = value` without its comment sign; prose stays a comment.
    fn uncommented(line: &str) -> &str {
        let is_setting = line
            .strip_prefix("# ")
            .and_then(|rest| rest.split_once(" = "))
            .is_some_and(|(name, _)| !name.contains(' '));
        if is_setting { &line[2..] } else { line }
    }
}
