//! `[[integrations]]`: services that runs may use, with their operations. `server/nodes/integrations/` makes node types of
//! them.
//!
//! Secrets are not in here: a secret header names the environment variable or file with its value.

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
    /// Its name for customers, if the same service is configured more than once. Absent: the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// Its name for people.
    pub name: String,
    /// A description of a sentence or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The address of its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// Its base URL, to which paths are appended.
    pub url: String,
    /// Whether it is enabled. Default true.
    #[serde(default = "yes")]
    pub active: bool,
    /// The tenants that may use it. Absent: every tenant. Never callers without a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Vec<String>>,
    /// How it authenticates the caller. Default: by secret headers if there are any, else not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<AuthType>,
    /// Allows its host to be private or this machine. Default false.
    #[serde(default)]
    pub allow_private_addresses: bool,
    /// Headers of every call. Not for secrets.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers of every call with secret values.
    #[serde(default)]
    pub secret_headers: BTreeMap<String, SecretSource>,
    /// The timeout of one call, milliseconds. Default 10000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Its operations.
    #[serde(default)]
    pub node_types: Vec<NodeType>,
}

/// How a service authenticates the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthType {
    /// Without credentials.
    None,
    /// A token in a header.
    ApiToken,
    /// OAuth 2 on behalf of a user.
    Oauth2,
    /// A role at AWS.
    AwsAssumeRole,
    /// A service account at Google.
    GoogleServiceAccountOauth,
}

/// The source of a secret: exactly one of `env` and `file`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSource {
    /// This environment variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// This file, without the newline at its end. A relative path starts at the configuration file's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// A prefix before it, such as `Bearer `.
    #[serde(default)]
    pub prefix: String,
}

/// `[[integrations.node_types]]`: one operation.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NodeType {
    /// Its name for programs, such as `create_ticket`. Its first word is the verb by which the planner finds it.
    pub slug: String,
    /// Its name for people. Absent: the slug, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A description of a sentence or two, which the planner reads.
    pub description: String,
    /// The HTTP method. Default GET.
    #[serde(default)]
    pub method: Method,
    /// The path below the integration's URL. `{name}` is replaced by the input of that name.
    pub path: String,
    /// Inputs that go into the query. With GET, HEAD and DELETE all inputs that are not in the path do.
    #[serde(default)]
    pub query: Vec<String>,
    /// The one input that is the whole body. Absent: an object of the inputs that are neither in the path nor in the
    /// query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// JSON Schema (draft 7) of the inputs, an object with `properties`: a table, or JSON as text. Absent: no inputs.
    #[serde(default = "nothing", deserialize_with = "schema")]
    pub input_schema: Value,
    /// JSON Schema (draft 7) of the outputs, in the same forms. Absent: any object.
    #[serde(default = "anything", deserialize_with = "schema")]
    pub output_schema: Value,
    /// Its side effect. Default: read for GET and HEAD, irreversible for DELETE, else write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side_effect: Option<runyard_engine::SideEffect>,
    /// More verbs by which the planner finds it.
    #[serde(default)]
    pub verbs: Vec<String>,
    /// More nouns by which the planner finds it.
    #[serde(default)]
    pub keywords: Vec<String>,
}

/// HTTP methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    #[default]
    Get,
    /// Reads without a body.
    Head,
    /// Creates.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// The method's name.
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

    /// Whether inputs are sent in a body.
    pub fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

impl Integration {
    /// Its name for customers.
    pub fn customer_id(&self) -> &str {
        self.customer_id.as_deref().unwrap_or(&self.id)
    }

    /// How it authenticates the caller.
    pub fn auth_type(&self) -> AuthType {
        let by_headers = if self.secret_headers.is_empty() { AuthType::None } else { AuthType::ApiToken };
        self.auth_type.unwrap_or(by_headers)
    }
}

/// Reads and checks a list of integrations.
///
/// # Errors
/// The path of the first fault, and what is wrong.
pub fn parse(found: &Value) -> Result<Vec<Integration>, String> {
    let read: Vec<Integration> = serde_path_to_error::deserialize(found).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner().to_string());
        if path == "." { inner } else { format!("{path}: {inner}") }
    })?;
    check(&read)?;
    Ok(read)
}

/// Makes relative paths of secret files start at the configuration file's folder.
pub(super) fn beside(folder: &Path, mut integrations: Vec<Integration>) -> Vec<Integration> {
    let sources = integrations.iter_mut().flat_map(|one| one.secret_headers.values_mut());
    for file in sources.filter_map(|source| source.file.as_mut()) {
        *file = folder.join(&file);
    }
    integrations
}

/// The form that is shown: values of headers are hidden, because they may be secrets after all.
pub(super) fn masked(integrations: &[Integration]) -> Value {
    let mut shown = json!(integrations);
    for headers in shown.as_array_mut().into_iter().flatten().filter_map(|one| one["headers"].as_object_mut()) {
        headers.values_mut().for_each(|value| *value = json!("***"));
    }
    shown
}

/// From the JSON text in which the layers of the configuration carry them: it preserves the order of schemas, and null
/// in them.
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
