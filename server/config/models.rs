//! `[[models]]`: models that agents and runs may ask. `server/nodes/models/` calls them.
//!
//! Secrets are not in here: `key` names the environment variable or file with the value.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use http::{HeaderName, HeaderValue};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::config::integrations::{CREDENTIAL_HEADERS, OWN_HEADERS, SecretSource};
use crate::config::urls::is_endpoint;

/// The most models.
const MODELS_MAX: usize = 100;
/// The most headers or tenants of one model.
const LISTED_MAX: usize = 500;
/// The longest timeout of one call, milliseconds.
const TIMEOUT_MS_MAX: u64 = 3_600_000;
/// The highest price of a million tokens.
const PRICE_MAX: f64 = 1_000_000.0;

/// `[[models]]`: one model. The first one that a tenant may use is the default of its runs.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name in runs.
    pub name: String,
    /// Whether it is enabled. Default true.
    #[serde(default = "yes")]
    pub active: bool,
    /// The tenants that may use it. Absent: every tenant. Never callers without a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Vec<String>>,
    /// The wire form of its service.
    pub api: WireForm,
    /// The vendor's name of the model.
    pub model: String,
    /// The base URL of the service. Absent: the vendor's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The key. Absent: the service needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SecretSource>,
    /// Headers of every request. Not for secrets.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Allows the URL's host to be private or this machine. Default false.
    #[serde(default)]
    pub allow_private_addresses: bool,
    /// The timeout of one call, milliseconds. Default 300000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The most tokens of one answer, unless the run asks for less. Default 4096.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// The price of a million tokens of input, in the currency of your choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_price: Option<f64>,
    /// The price of a million tokens of output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_price: Option<f64>,
}

/// The wire form of a model's service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WireForm {
    /// OpenAI's Chat Completions, which many other services offer, too.
    Openai,
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini's `generateContent`.
    Gemini,
}

impl WireForm {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            WireForm::Openai => "openai",
            WireForm::Anthropic => "anthropic",
            WireForm::Gemini => "gemini",
        }
    }
}

/// Reads and checks a list of models.
///
/// # Errors
/// The path of the first fault, and what is wrong.
pub fn parse(found: &Value) -> Result<Vec<Model>, String> {
    let read: Vec<Model> = serde_path_to_error::deserialize(found).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner().to_string());
        if path == "." { inner } else { format!("{path}: {inner}") }
    })?;
    if read.len() > MODELS_MAX {
        return Err(format!("{} models, and there may be {MODELS_MAX}", read.len()));
    }
    let mut names = BTreeSet::new();
    for one in &read {
        check(one).map_err(|reason| format!("model `{}`: {reason}", one.name))?;
        if !names.insert(&one.name) {
            return Err(format!("model `{}`: the name stands twice", one.name));
        }
    }
    Ok(read)
}

fn check(one: &Model) -> Result<(), String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b':');
    if !(1..=128).contains(&one.name.len()) || !one.name.bytes().all(is_part) {
        return Err("name is 1 to 128 letters, digits, _, -, ., / and :".to_owned());
    }
    if one.model.trim().is_empty() || one.model.len() > 256 || one.model.chars().any(char::is_control) {
        return Err("model is 1 to 256 characters".to_owned());
    }
    if one.url.as_deref().is_some_and(|url| !is_endpoint(url)) {
        return Err("url is no absolute http or https URL without a user or a fragment".to_owned());
    }
    if one.timeout_ms.is_some_and(|timeout_ms| !(1..=TIMEOUT_MS_MAX).contains(&timeout_ms)) {
        return Err(format!("timeout_ms is 1 to {TIMEOUT_MS_MAX}"));
    }
    if one.max_output_tokens == Some(0) {
        return Err("max_output_tokens is at least 1".to_owned());
    }
    for (field, price) in [("input_price", one.input_price), ("output_price", one.output_price)] {
        if price.is_some_and(|price| !(0.0..=PRICE_MAX).contains(&price)) {
            return Err(format!("{field} is 0 to {PRICE_MAX}"));
        }
    }
    if one.input_price.is_some() != one.output_price.is_some() {
        return Err("input_price and output_price belong together".to_owned());
    }
    let tenants = one.tenants.as_deref().unwrap_or_default();
    if tenants.iter().any(String::is_empty) {
        return Err("tenants has an empty name".to_owned());
    }
    if tenants.len().max(one.headers.len()) > LISTED_MAX {
        return Err(format!("one of its lists has more than {LISTED_MAX} entries"));
    }
    if let Some(key) = &one.key {
        match (&key.env, &key.file) {
            (Some(env), None) if !env.is_empty() && !env.contains(['=', '\0']) => {}
            (None, Some(file)) if !file.as_os_str().is_empty() => {}
            _ => return Err("key takes either env, the name of a variable, or file, a path".to_owned()),
        }
    }
    one.headers.iter().try_for_each(|(name, value)| header(name, value))
}

fn header(name: &str, value: &str) -> Result<(), String> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("headers: `{name}` is no name of a header"))?;
    let lower = name.to_ascii_lowercase();
    if OWN_HEADERS.contains(&lower.as_str()) || lower == "content-type" {
        return Err(format!("headers: `{name}` is written by the server itself"));
    }
    if CREDENTIAL_HEADERS.contains(&lower.as_str()) || matches!(lower.as_str(), "x-api-key" | "x-goog-api-key") {
        return Err(format!("headers: `{name}` holds a credential: put it into key"));
    }
    HeaderValue::from_str(value).map_err(|_| format!("headers: the value of `{name}` cannot be sent"))?;
    Ok(())
}

/// Makes relative paths start at the configuration file's folder.
pub(in crate::config) fn beside(folder: &Path, mut models: Vec<Model>) -> Vec<Model> {
    let files = models.iter_mut().filter_map(|one| one.key.as_mut()?.file.as_mut());
    files.for_each(|file| *file = folder.join(&*file));
    models
}

/// The form that is shown: values of headers are hidden, because they may be secrets after all.
pub(in crate::config) fn masked(models: &[Model]) -> Value {
    let mut shown = json!(models);
    for one in shown.as_array_mut().into_iter().flatten() {
        let values = one["headers"].as_object_mut().into_iter().flat_map(|members| members.values_mut());
        values.for_each(|value| *value = json!("***"));
    }
    shown
}

/// From the JSON text in which the layers of the configuration carry them.
pub(super) fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Model>, D::Error> {
    serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Value {
        json!([{
            "name": "small", "api": "openai", "model": "gpt-5-mini", "key": { "env": "OPENAI_API_KEY" },
            "headers": { "openai-project": "p" }, "input_price": 0.25, "output_price": 2.0,
        }])
    }

    #[test]
    fn a_model_is_read_and_its_headers_are_not_shown() {
        let models = parse(&whole()).unwrap();
        assert_eq!(models[0].api, WireForm::Openai);
        assert_eq!(masked(&models)[0]["headers"]["openai-project"], "***");
    }

    #[test]
    fn every_fault_is_named() {
        let table = [
            ("name", json!("a b"), "name is 1 to 128"),
            ("api", json!("soap"), "api: unknown variant"),
            ("model", json!(" "), "model is 1 to 256"),
            ("url", json!("ftp://a"), "no absolute http"),
            ("timeout_ms", json!(0), "timeout_ms is 1"),
            ("max_output_tokens", json!(0), "at least 1"),
            ("input_price", json!(-1), "input_price is 0"),
            ("output_price", json!(null), "belong together"),
            ("key", json!({}), "either env"),
            ("headers", json!({ "X-Api-Key": "x" }), "holds a credential"),
            ("headers", json!({ "host": "x" }), "written by the server"),
            ("tenants", json!([""]), "an empty name"),
            ("extra", json!(1), "unknown field"),
        ];
        for (field, value, said) in table {
            let mut broken = whole();
            broken[0][field] = value.clone();
            let reason = parse(&broken).unwrap_err();
            assert!(reason.contains(said), "{field} = {value}: {reason}");
        }
        assert!(parse(&json!([whole()[0], whole()[0]])).unwrap_err().contains("stands twice"));
    }
}
