//! `[tools]`: where runs get more node types from, besides integrations.

pub mod mcp;
pub mod openapi;

use serde::{Deserialize, Serialize};

use super::integrations::SecretSource;

/// `[tools]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tools {
    /// MCP servers, whose tools are node types.
    #[serde(deserialize_with = "mcp::from_text")]
    pub mcp: Vec<mcp::McpServer>,
    /// Services with an OpenAPI document, whose operations are node types.
    #[serde(deserialize_with = "openapi::from_text")]
    pub openapi: Vec<openapi::OpenapiService>,
}

/// Whether a text matches a pattern, in which `*` stands for any text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    true
}

/// Checks that a secret has one source.
fn secret_source(field: &str, name: &str, source: &SecretSource) -> Result<(), String> {
    match (&source.env, &source.file) {
        (Some(env), None) if !env.is_empty() && !env.contains(['=', '\0']) => Ok(()),
        (None, Some(file)) if !file.as_os_str().is_empty() => Ok(()),
        _ => Err(format!("{field}: `{name}` takes either env, the name of a variable, or file, a path")),
    }
}

fn most(count: usize, max: usize, what: &str) -> Result<(), String> {
    if count <= max { Ok(()) } else { Err(format!("{count} {what}, and there may be {max}")) }
}
