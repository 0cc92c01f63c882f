//! `runyard openapi export`: every document, and the reference to read, as files in a folder. Their content is made in
//! [`crate::web::reference`].

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::failure::{Exit, Failure};
use crate::web::reference::{self, File};

/// Where to write.
#[derive(Debug, Clone, Args)]
#[command(after_help = "With --json one object: {\"folder\",\"files\":[{\"name\",\"bytes\"}]}.")]
pub struct Arguments {
    /// The folder to write into; created if missing
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Writes the reference, and every document in both notations, with and without what we add.
///
/// # Errors
/// The folder is a file, or cannot be written into.
pub fn export(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let folder = &arguments.out;
    let files = reference::files();
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

fn make(folder: &Path) -> Result<(), Failure> {
    if folder.exists() && !folder.is_dir() {
        return Err(Failure::new("not_a_folder", format!("{} is a file", folder.display()))
            .advise("give --out a folder; it is created if missing"));
    }
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::new("not_written", format!("cannot make the folder {}: {error}", folder.display())))
}

fn write(path: &Path, content: &str) -> Result<(), Failure> {
    std::fs::write(path, content)
        .map_err(|error| Failure::new("not_written", format!("cannot write {}: {error}", path.display())))
}
