//! The models of the configuration with loaded keys.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use reqwest::Url;
use runyard_engine::FailureCode;
use runyard_engine::event::Failure;

use super::chat::Usage;
use super::form::{base_url, key_header};
use crate::config::models::Model;
use crate::nodes::integrations::secret;
use crate::nodes::perform::http::Masks;
use crate::nodes::values::failed;

/// The default timeout of one call, milliseconds.
const TIMEOUT_MS: u64 = 300_000;
/// The default of the most tokens of one answer.
const MAX_OUTPUT_TOKENS: u32 = 4_096;
/// The tokens of a price.
const PRICED_TOKENS: f64 = 1_000_000.0;

/// The enabled models, in the order of the configuration.
#[derive(Default)]
pub struct Targets(pub(super) Vec<Arc<Target>>);

/// One model. It is not shown for debugging, because its masks are made of its key.
pub(super) struct Target {
    pub(super) configured: Model,
    /// The base URL, with a slash at its end.
    base: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) timeout_ms: u64,
    pub(super) max_output_tokens: u32,
    /// Masks its key in what it answers.
    pub(super) masks: Masks,
}

/// Why a model prevents the start of this server.
#[derive(Debug, thiserror::Error)]
#[error("model `{model}`: {what} {reason}")]
pub struct TargetError {
    model: String,
    what: &'static str,
    reason: String,
}

impl Targets {
    /// Reads the keys of enabled models. `environment` looks up a variable.
    ///
    /// # Errors
    /// A key is missing, or cannot be sent.
    pub fn open(configured: &[Model], environment: impl Fn(&str) -> Option<String>) -> Result<Self, TargetError> {
        let active = configured.iter().filter(|one| one.active);
        active.map(|one| target(one, &environment).map(Arc::new)).collect::<Result<_, _>>().map(Targets)
    }
}

impl Target {
    /// Whether a tenant may use it; `None` is a tenant that no model names.
    pub(super) fn is_for(&self, tenant: Option<&str>) -> bool {
        match &self.configured.tenants {
            None => true,
            Some(tenants) => tenant.is_some_and(|tenant| tenants.iter().any(|named| named == tenant)),
        }
    }

    /// The URL of a path below the base URL.
    pub(super) fn endpoint(&self, path: &str) -> Result<Url, Failure> {
        let mut url = self.base.clone();
        // `join` would take the colon of Gemini's paths for a scheme.
        url.set_path(&format!("{}{path}", self.base.path()));
        if url.cannot_be_a_base() {
            return Err(failed(FailureCode::EgressDenied, format!("the model `{}` has no URL", self.configured.name)));
        }
        Ok(url)
    }

    /// The price of an answer.
    pub(super) fn cost(&self, usage: &Usage) -> Option<f64> {
        let (input, output) = self.configured.input_price.zip(self.configured.output_price)?;
        #[expect(clippy::cast_precision_loss, reason = "counts of tokens are far below 2^53")]
        let (inputs, outputs) = (usage.input_tokens as f64, usage.output_tokens as f64);
        Some((inputs * input + outputs * output) / PRICED_TOKENS)
    }
}

fn target(one: &Model, environment: &impl Fn(&str) -> Option<String>) -> Result<Target, TargetError> {
    let error = |what, reason: String| TargetError { model: one.name.clone(), what, reason };
    let text = one.url.as_deref().unwrap_or_else(|| base_url(one.api));
    let slash = if text.ends_with('/') { "" } else { "/" };
    let base = Url::parse(&format!("{text}{slash}")).map_err(|_| error("url", "is not valid".to_owned()))?;
    let given = one.headers.iter().map(|(name, value)| {
        let pair = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
        pair.ok_or_else(|| error("headers", format!("`{name}` cannot be sent")))
    });
    let mut headers = given.collect::<Result<Vec<_>, _>>()?;
    let key = match &one.key {
        Some(source) => Some(secret(source, environment).map_err(|reason| error("key", reason))?),
        None => None,
    };
    if let Some(key) = &key {
        let header = key_header(one.api, key);
        headers.push(header.ok_or_else(|| error("key", "has a value that cannot be sent in a header".to_owned()))?);
    }
    Ok(Target {
        base,
        headers,
        timeout_ms: one.timeout_ms.unwrap_or(TIMEOUT_MS),
        max_output_tokens: one.max_output_tokens.unwrap_or(MAX_OUTPUT_TOKENS),
        masks: Masks::of(key.iter().map(crate::auth::Secret::expose)),
        configured: one.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::models::parse;

    fn targets(model: serde_json::Value) -> Result<Targets, TargetError> {
        Targets::open(&parse(&json!([model])).unwrap(), |name| (name == "KEY").then(|| "hunter2".to_owned()))
    }

    #[test]
    fn paths_are_below_the_base_url_and_the_price_is_that_of_a_million_tokens() {
        let model = json!({
            "name": "a", "api": "gemini", "model": "m", "url": "https://a.example/x", "key": { "env": "KEY" },
            "input_price": 1.0, "output_price": 10.0,
        });
        let targets = targets(model).unwrap();
        let url = targets.0[0].endpoint("v1beta/models/m:generateContent").unwrap();
        assert_eq!(url.as_str(), "https://a.example/x/v1beta/models/m:generateContent");
        let usage = Usage { input_tokens: 500_000, output_tokens: 100_000, cost: None };
        assert_eq!(targets.0[0].cost(&usage), Some(1.5));
    }

    #[test]
    fn a_missing_or_unusable_key_is_named_without_its_value() {
        let model = |prefix: &str, env: &str| json!({ "name": "a", "api": "openai", "model": "m", "key": { "env": env, "prefix": prefix } });
        let missing = targets(model("", "ABSENT")).err().unwrap().to_string();
        assert!(missing.contains("model `a`") && missing.contains("ABSENT"), "{missing}");
        let unusable = targets(model("a\nb", "KEY")).err().unwrap().to_string();
        assert!(unusable.contains("cannot be sent") && !unusable.contains("hunter2"), "{unusable}");
    }
}
