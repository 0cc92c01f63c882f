//! `runyard openapi [NAME]`: a document as it is served, its surface, or the list of documents.

use clap::{ArgAction, Args, ValueEnum};
use runyard_api::DOCUMENTS;
use runyard_api::host::Document;
use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::failure::{Exit, Failure};

/// Which document, and what of it.
#[derive(Debug, Clone, Args)]
pub struct ShowArguments {
    /// The document; without it, a list of all
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Only its surface: operations, statuses and schemas, a line each
    #[arg(long, requires = "name", conflicts_with = "format")]
    pub surface: bool,
    /// With --overlay=false: the vendor's contract alone, without what Runyard adds
    #[arg(long, default_value_t = true, action = ArgAction::Set, value_name = "BOOL")]
    pub overlay: bool,
    /// The form [default: yaml, and json with --json]
    #[arg(long, value_enum, value_name = "FORM")]
    pub format: Option<Format>,
}

impl ShowArguments {
    /// Whether no flag and no name was given.
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && !self.surface && self.overlay && self.format.is_none()
    }
}

/// The form of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// Prints a document, its surface, or the list of documents.
///
/// # Errors
/// No such document.
pub fn show(arguments: &ShowArguments, context: &mut Context) -> Result<Exit, Failure> {
    let output = &mut context.output;
    let Some(name) = &arguments.name else {
        let rows = DOCUMENTS.iter().map(|(document, _)| summary(document));
        let text = |row: &Value, key: &str| row[key].as_str().map_or_else(|| row[key].to_string(), str::to_owned);
        let keys = ["name", "title", "version", "operations"];
        output.table(
            &["NAME", "TITLE", "VERSION", "OPERATIONS"],
            rows.clone().map(|row| keys.iter().map(|key| text(&row, key)).collect()).collect(),
        );
        output.object(&json!({ "documents": rows.collect::<Vec<_>>() }));
        return Ok(Exit::Success);
    };
    let Some((document, surface)) = DOCUMENTS.iter().find(|(document, _)| document.name == name) else {
        let names: Vec<_> = DOCUMENTS.iter().map(|(document, _)| document.name).collect();
        return Err(
            Failure::usage(format!("there is no document {name:?}")).advise(format!("there are: {}", names.join(", ")))
        );
    };
    let format = arguments.format.unwrap_or(if output.is_json() { Format::Json } else { Format::Yaml });
    output.verbatim(if arguments.surface { surface } else { text(document, arguments.overlay, format) });
    Ok(Exit::Success)
}

fn text(document: &Document, overlay: bool, format: Format) -> &'static str {
    match (overlay, format) {
        (true, Format::Yaml) => document.full_yaml,
        (true, Format::Json) => document.full_json,
        (false, Format::Yaml) => document.owner_yaml,
        (false, Format::Json) => document.owner_json,
    }
}

fn summary(document: &Document) -> Value {
    let whole: Value = serde_json::from_str(document.full_json).unwrap_or_default();
    let info = &whole["info"];
    json!({
        "name": document.name,
        "title": info["title"],
        "version": info["version"],
        "operations": document.operations.len(),
    })
}
