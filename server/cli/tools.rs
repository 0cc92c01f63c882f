//! `runyard tools`: imports OpenAPI documents as node types, and finds node types of services.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use super::connection::{Connection, FolderUse, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::{self, Output};
use crate::clock::Clock;
use crate::config::tools::openapi::{OpenapiService, is_name};
use crate::nodes::openapi::document::{DOCUMENT_BYTES_MAX, Document, read, read_file};
use crate::nodes::openapi::{base_url, listing, stored};
use crate::nodes::perform::http::{Outside, read_document};

/// What to do with tools.
#[derive(Debug, Clone, Subcommand)]
pub enum Arguments {
    /// Import an OpenAPI document, whose operations become node types at the next start of the server
    Import(Import),
    /// Search the node types of services; every word counts
    Search(Search),
}

/// Which document.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  runyard tools import desk.yaml --as desk\n  \
    runyard tools import https://desk.example.org/openapi.json --as desk --yes\n\n\
    Importing again shows what changed, and changes nothing without --yes.\n\
    With --json one object: {\"name\",\"imported\",\"node_types\",\"skipped\":[{\"operation\",\"reason\"}],\"changes\"}.")]
pub struct Import {
    /// A file, or a URL
    #[arg(value_name = "FILE|URL")]
    pub document: String,
    /// The name of the service: node types are called openapi.NAME.OPERATION
    #[arg(long = "as", value_name = "NAME")]
    pub name: String,
    /// Replace the document that was imported under this name before
    #[arg(long)]
    pub yes: bool,
}

/// What to search.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  runyard tools search create ticket\n\n\
    With --json one object: {\"node_types\":[{\"node_type_id\",\"description\"}]}, best first.")]
pub struct Search {
    /// Words of ids and descriptions; without them, all are listed
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// The most results
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    pub limit: usize,
}

/// Imports a document, or searches node types.
///
/// # Errors
/// The document cannot be read, or the server cannot be reached.
pub async fn tools(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    match arguments {
        Arguments::Import(arguments) => import(arguments, context).await,
        Arguments::Search(arguments) => search(arguments, context).await,
    }
}

async fn import(arguments: &Import, context: &mut Context) -> Result<Exit, Failure> {
    let name = &arguments.name;
    if !is_name(name) {
        return Err(Failure::usage("--as: a name is 1 to 64 of a-z, 0-9, _ and -"));
    }
    let unreadable = |reason: String| Failure { exit: Exit::Usage, ..Failure::new("unreadable_document", reason) };
    let config = &context.loaded.config;
    let given = &arguments.document;
    let new = if given.starts_with("https://") || given.starts_with("http://") {
        let outside = Outside::new(&config.egress).map_err(|error| unreadable(error.to_string()))?;
        let text = read_document(&outside, given, DOCUMENT_BYTES_MAX, &Clock::system()).await;
        read("the document", &text.map_err(|failure| unreadable(failure.message))?)
    } else {
        read_file(Path::new(given))
    };
    let new = new.map_err(|error| unreadable(error.to_string()))?;
    let document = Document::of(given, new.clone()).map_err(|error| unreadable(error.to_string()))?;
    let configured = config.tools.openapi.iter().find(|one| one.name == *name).cloned();
    let service = configured.unwrap_or_else(|| OpenapiService::imported(name));
    let listing = listing(&service, &document);
    let folder = stored::folder(&config.data_dir);
    // A stored document that cannot be read is replaced like any other.
    let exists = stored::names(&folder).contains(name);
    let old = stored::read(&folder, name).ok().flatten();
    let mut changes: Vec<String> = Vec::new();
    if let Some(old) = &old {
        changes = runyard_openapi_diff::diff(old, &new).iter().map(ToString::to_string).collect();
        if old["servers"] != new["servers"] {
            changes.push("the servers changed".to_owned());
        }
    }
    let imports = !exists || arguments.yes;
    if imports {
        let failed =
            |error: std::io::Error| Failure::new("not_stored", format!("the document cannot be stored: {error}"));
        stored::write(&folder, name, &new).map_err(failed)?;
    }
    let output = &mut context.output;
    let skipped = listing.skipped.iter().map(|(operation, reason)| json!({ "operation": operation, "reason": reason }));
    output.object(&json!({
        "name": name, "imported": imports, "node_types": listing.count(),
        "skipped": skipped.collect::<Vec<_>>(), "changes": changes,
    }));
    for change in &changes {
        output.line(&format!("  {}", output::one_line(change)));
    }
    for (operation, reason) in &listing.skipped {
        output.line(&format!("not a node type: {}: {}", output::one_line(operation), output::one_line(reason)));
    }
    if service.url.is_none() && base_url(&document).is_none() {
        output.remark("the document has no server with a whole URL: set `url` in [[tools.openapi]]");
    }
    if imports {
        output.line(&format!(
            "imported {} node types as openapi.{name}.*; a server that runs has them after a restart",
            listing.count()
        ));
        return Ok(Exit::Success);
    }
    output.line(&format!("{} changes; nothing was imported: repeat with --yes", changes.len()));
    Ok(Exit::Failed)
}

async fn search(arguments: &Search, context: &mut Context) -> Result<Exit, Failure> {
    let connection = Connection::open(context.target(), RequiredApi::Runyard, FolderUse::ReadCatalog).await?;
    let listed = connection.runyard().list_node_types(None, None).await;
    connection.close().await;
    let words: Vec<String> =
        arguments.words.iter().flat_map(|word| word.split_whitespace()).map(str::to_lowercase).collect();
    let mut found = Vec::new();
    for one in listed?.into_inner().node_types {
        let (id, about) = (one.node_type_id.to_lowercase(), one.description.to_lowercase());
        let score = |word: &String| 3 * usize::from(id.contains(word)) + usize::from(about.contains(word));
        if words.iter().all(|word| score(word) > 0) && !id.starts_with("runyard.") {
            found.push((words.iter().map(score).sum::<usize>(), one.node_type_id, one.description));
        }
    }
    found.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    found.truncate(arguments.limit);
    show(found, &mut context.output);
    Ok(Exit::Success)
}

fn show(found: Vec<(usize, String, String)>, output: &mut Output) {
    let rows = found.iter().map(|(_, id, about)| json!({ "node_type_id": id, "description": about }));
    output.object(&json!({ "node_types": rows.collect::<Vec<_>>() }));
    output.table(&["NODE TYPE", "DESCRIPTION"], found.into_iter().map(|(_, id, about)| vec![id, about]).collect());
}
