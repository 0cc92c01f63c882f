//! `runyard openapi export`: every document as files in a folder.

use std::path::{Path, PathBuf};

use clap::Args;
use runyard_api::DOCUMENTS;
use runyard_api::host::Document;
use serde_json::json;

use crate::cli::Context;
use crate::cli::failure::{Exit, Failure};

/// Where to.
#[derive(Debug, Clone, Args)]
#[command(after_help = "With --json one object: {\"folder\",\"files\":[{\"name\",\"bytes\"}]}.")]
pub struct Arguments {
    /// The folder to write into; made where it is not there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// One file to write.
struct File {
    name: String,
    content: String,
}

/// Writes every document in both notations, with and without what we add.
///
/// # Errors
/// The folder is a file, or cannot be written into.
pub fn export(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let folder = &arguments.out;
    let files: Vec<File> = DOCUMENTS.iter().flat_map(|(document, _)| documents(document)).collect();
    make(folder)?;
    for file in &files {
        write(&folder.join(&file.name), &file.content)?;
    }
    let row = |file: &File| vec![file.name.clone(), file.content.len().to_string()];
    context.output.table(&["FILE", "BYTES"], files.iter().map(row).collect());
    context.output.line(&format!("wrote {} files into {}", files.len(), folder.display()));
    let shown = files.iter().map(|file| json!({ "name": file.name, "bytes": file.content.len() }));
    context.output.object(&json!({ "folder": folder, "files": shown.collect::<Vec<_>>() }));
    Ok(Exit::Success)
}

/// A document in its four forms.
fn documents(document: &Document) -> [File; 4] {
    let file = |end: &str, content: &str| File { name: format!("{}{end}", document.name), content: content.to_owned() };
    [
        file(".json", document.full_json),
        file(".yaml", document.full_yaml),
        file(".owner.json", document.owner_json),
        file(".owner.yaml", document.owner_yaml),
    ]
}

fn make(folder: &Path) -> Result<(), Failure> {
    if folder.exists() && !folder.is_dir() {
        return Err(Failure::new("not_a_folder", format!("{} is a file", folder.display()))
            .advise("give --out a folder; it is made where it is not there"));
    }
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::new("not_written", format!("cannot make the folder {}: {error}", folder.display())))
}

fn write(path: &Path, content: &str) -> Result<(), Failure> {
    std::fs::write(path, content)
        .map_err(|error| Failure::new("not_written", format!("cannot write {}: {error}", path.display())))
}
