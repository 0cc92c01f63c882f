//! A value as it was found, in a file or as text, and its conversions.

use std::path::PathBuf;

use super::{integrations, models, tools};

/// A value as it was found, unchecked.
#[derive(Debug, Clone)]
pub enum Found {
    /// From a flag or the environment.
    Text(String),
    /// From the file.
    Toml(toml::Value),
    /// From the file; relative paths in it begin at the file's folder.
    Beside(toml::Value, PathBuf),
}

impl Found {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Toml(toml::Value::String(text)) => Some(text),
            Self::Toml(_) | Self::Beside(..) => None,
        }
    }

    /// The elements of a list: from the file, or as `config show` prints it.
    fn list(&self) -> Option<Vec<serde_json::Value>> {
        match self {
            Self::Toml(toml::Value::Array(items)) => items.iter().map(|item| serde_json::to_value(item).ok()).collect(),
            Self::Text(text) if text.trim_start().starts_with('[') => serde_json::from_str(text).ok(),
            _ => None,
        }
    }

    /// A list, or text with commas or spaces between words.
    pub(super) fn words(&self) -> Option<Vec<String>> {
        match self.list() {
            Some(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            None => {
                let words = self.text()?.split([',', ' ']).filter(|word| !word.is_empty());
                Some(words.map(str::to_owned).collect())
            }
        }
    }

    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Toml(value) => value.as_integer().and_then(|count| u64::try_from(count).ok()),
            Self::Beside(..) => None,
        }
    }

    pub(super) fn switch(&self) -> Option<bool> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Toml(value) => value.as_bool(),
            Self::Beside(..) => None,
        }
    }

    /// A list of texts, or one text.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        match self.list() {
            Some(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            None => Some(vec![self.text()?.to_owned()]),
        }
    }

    /// A list of numbers, or text with commas or spaces between them.
    pub(super) fn ports(&self) -> Option<Vec<u16>> {
        let port = |number: i64| u16::try_from(number).ok().filter(|port| *port > 0);
        match self.list() {
            Some(items) => items.iter().map(|item| item.as_i64().and_then(port)).collect(),
            None => self.words()?.iter().map(|word| word.parse().ok().and_then(port)).collect(),
        }
    }

    /// A list of tables as JSON.
    fn tables(&self) -> Result<serde_json::Value, String> {
        match self {
            Self::Text(text) => serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}")),
            Self::Toml(value) | Self::Beside(value, _) => {
                serde_json::to_value(value).map_err(|error| format!("cannot be read: {error}"))
            }
        }
    }

    /// MCP servers, as the JSON text in which the layers of the configuration carry them.
    pub(super) fn mcp_servers(&self) -> Result<String, String> {
        let read = tools::mcp::parse(&self.tables()?)?;
        let read = if let Self::Beside(_, folder) = self { tools::mcp::beside(folder, read) } else { read };
        serde_json::to_string(&read).map_err(|error| format!("cannot be kept: {error}"))
    }

    /// Models, as the JSON text in which the layers of the configuration carry them.
    pub(super) fn models(&self) -> Result<String, String> {
        let read = models::parse(&self.tables()?)?;
        let read = if let Self::Beside(_, folder) = self { models::beside(folder, read) } else { read };
        serde_json::to_string(&read).map_err(|error| format!("cannot be kept: {error}"))
    }

    /// Services with an OpenAPI document, in the same form.
    pub(super) fn openapi_services(&self) -> Result<String, String> {
        let read = tools::openapi::parse(&self.tables()?)?;
        let read = if let Self::Beside(_, folder) = self { tools::openapi::beside(folder, read) } else { read };
        serde_json::to_string(&read).map_err(|error| format!("cannot be kept: {error}"))
    }

    /// Integrations, as the JSON text in which the layers of the configuration carry them.
    pub(super) fn integrations(&self) -> Result<String, String> {
        let read = integrations::parse(&self.tables()?)?;
        let read = if let Self::Beside(_, folder) = self { integrations::beside(folder, read) } else { read };
        serde_json::to_string(&read).map_err(|error| format!("cannot be kept: {error}"))
    }

    /// A short form for messages.
    pub(super) fn shown(&self) -> String {
        const SHOWN_CHARS_MAX: usize = 60;
        let whole = match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Toml(value @ (toml::Value::Table(_) | toml::Value::Array(_))) => format!("a {}", value.type_str()),
            Self::Toml(value) => value.to_string(),
            Self::Beside(value, _) => format!("a {}", value.type_str()),
        };
        match whole.char_indices().nth(SHOWN_CHARS_MAX) {
            Some((end, _)) => format!("{}...", &whole[..end]),
            None => whole,
        }
    }
}
