//! `[[integrations]]`: services that runs may use, and what can be asked of them. What becomes of them is `server/nodes/integrations/`.
//!
//! Secrets are not in here: a secret header says in which environment variable or file its value is.

mod check;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

pub use check::check;
pub(crate) use check::{CREDENTIAL_HEADERS, OWN_HEADERS};

/// `[[integrations]]`: one service.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Integration {
    /// Its name for programs; node types are called `integration.ID.SLUG`.
    pub id: String,
    /// Its name for customers, where the same service is there more than once. Absent: the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// Its name for people.
    pub name: String,
    /// A sentence or two for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where its picture is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// Where it is: what paths are appended to.
    pub url: String,
    /// Whether it is offered. Default true.
    #[serde(default = "yes")]
    pub active: bool,
    /// The tenants that may use it. Absent: every tenant. Never callers without a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Vec<String>>,
    /// How it is told who asks. Default: by secret headers if there are any, else not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<AuthType>,
    /// Agrees to its host being private or this machine. Default false.
    #[serde(default)]
    pub allow_private_addresses: bool,
    /// Headers of every call. Not for secrets.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers of every call whose values are nobody's business.
    #[serde(default)]
    pub secret_headers: BTreeMap<String, SecretSource>,
    /// How long one call may take, milliseconds. Default 10000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What can be asked of it.
    #[serde(default)]
    pub node_types: Vec<NodeType>,
}

/// How a service is told who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthType {
    /// Not at all.
    None,
    /// By a token in a header.
    ApiToken,
    /// By OAuth 2 on behalf of a user.
    Oauth2,
    /// By a role at AWS.
    AwsAssumeRole,
    /// By a service account at Google.
    GoogleServiceAccountOauth,
}

/// Where a secret is: exactly one of `env` and `file`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSource {
    /// In this environment variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// In this file, without the newline at its end. A relative path starts at the configuration file's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// What stands before it, such as `Bearer `.
    #[serde(default)]
    pub prefix: String,
}

/// `[[integrations.node_types]]`: one thing that can be asked.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NodeType {
    /// Its name for programs, such as `create_ticket`. Its first word is the verb by which a planner finds it.
    pub slug: String,
    /// Its name for people. Absent: the slug, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A sentence or two; a planner reads it.
    pub description: String,
    /// Default GET.
    #[serde(default)]
    pub method: Method,
    /// Below the integration's URL. `{name}` stands for the input of that name.
    pub path: String,
    /// Inputs that go into the query. With GET, HEAD and DELETE all do that are not in the path.
    #[serde(default)]
    pub query: Vec<String>,
    /// The one input that is the whole body. Absent: an object of the inputs that are neither in the path nor in the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// JSON Schema (draft 7) of the inputs, an object with `properties`: a table, or JSON as text. Absent: no inputs.
    #[serde(default = "nothing", deserialize_with = "schema")]
    pub input_schema: Value,
    /// JSON Schema (draft 7) of the outputs, in the same forms. Absent: any object.
    #[serde(default = "anything", deserialize_with = "schema")]
    pub output_schema: Value,
    /// What it does to the world. Default: read for GET and HEAD, irreversible for DELETE, else write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side_effect: Option<runyard_engine::SideEffect>,
    /// More verbs by which a planner finds it.
    #[serde(default)]
    pub verbs: Vec<String>,
    /// More nouns by which a planner finds it.
    #[serde(default)]
    pub keywords: Vec<String>,
}

/// How it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    #[default]
    Get,
    /// Reads without a body.
    Head,
    /// Makes.
    Post,
    /// Puts in place.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// As it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether inputs travel in a body.
    pub fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

impl Integration {
    /// Its name for customers.
    pub fn customer_id(&self) -> &str {
        self.customer_id.as_deref().unwrap_or(&self.id)
    }

    /// How it is told who asks.
    pub fn auth_type(&self) -> AuthType {
        let by_headers = if self.secret_headers.is_empty() { AuthType::None } else { AuthType::ApiToken };
        self.auth_type.unwrap_or(by_headers)
    }
}

/// Reads a list of integrations, with everything checked.
///
/// # Errors
/// Which place is wrong, and how.
pub fn parse(found: &Value) -> Result<Vec<Integration>, String> {
    let read: Vec<Integration> = serde_path_to_error::deserialize(found).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner().to_string());
        if path == "." { inner } else { format!("{path}: {inner}") }
    })?;
    check(&read)?;
    Ok(read)
}

/// The same list with the files of secrets beside the configuration file.
pub(super) fn beside(folder: &Path, mut integrations: Vec<Integration>) -> Vec<Integration> {
    let sources = integrations.iter_mut().flat_map(|one| one.secret_headers.values_mut());
    for file in sources.filter_map(|source| source.file.as_mut()) {
        *file = folder.join(&file);
    }
    integrations
}

/// As they are shown: a header that somebody put a secret into after all is not repeated.
pub(super) fn masked(integrations: &[Integration]) -> Value {
    let mut shown = json!(integrations);
    for headers in shown.as_array_mut().into_iter().flatten().filter_map(|one| one["headers"].as_object_mut()) {
        headers.values_mut().for_each(|value| *value = json!("***"));
    }
    shown
}

/// From the text that carries them through the layers of the configuration: it keeps the order of schemas, and null in them.
pub(super) fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Integration>, D::Error> {
    serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A schema, or the text of one.
fn schema<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => {
            serde_json::from_str(&text).map_err(|error| D::Error::custom(format!("this text is no JSON: {error}")))
        }
        value => Ok(value),
    }
}

fn yes() -> bool {
    true
}

fn nothing() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

fn anything() -> Value {
    json!({ "type": "object" })
}
