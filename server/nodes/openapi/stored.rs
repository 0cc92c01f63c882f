//! Imported documents: one file for each name, in a folder of the data folder.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::document::{DocumentError, read_file};
use crate::config::tools::openapi::is_name;

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

/// The folder in a data folder.
pub fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("openapi")
}

/// The names of the imported documents.
pub fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let name = |file: std::fs::DirEntry| Some(file.file_name().to_str()?.strip_suffix(".json")?.to_owned());
    let mut names: Vec<String> = files.filter_map(name).filter(|name| is_name(name)).collect();
    names.sort();
    names
}

/// The document with this name, if one was imported.
///
/// # Errors
/// It cannot be read.
pub fn read(folder: &Path, name: &str) -> Result<Option<Value>, DocumentError> {
    let path = path(folder, name);
    if path.exists() { read_file(&path).map(Some) } else { Ok(None) }
}

/// Copies every document to another folder.
///
/// # Errors
/// A file cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for name in names(from) {
        std::fs::create_dir_all(to)?;
        std::fs::copy(path(from, &name), path(to, &name))?;
    }
    Ok(())
}

/// Stores a document, as a whole.
///
/// # Errors
/// The file cannot be written.
pub fn write(folder: &Path, name: &str, document: &Value) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let new = folder.join(format!("{name}.json.new"));
    std::fs::write(&new, serde_json::to_vec(document)?)?;
    std::fs::rename(new, path(folder, name))
}
