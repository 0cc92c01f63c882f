//! Reads a document and the files that it refers to, as one tree.
//!
//! Only files are read; nothing is fetched from the network. Every reference is resolved here, so that the comparison
//! can rely on them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::tree::{FILES, decoded, escape};

/// The maximum size of a file.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// The maximum number of files of one document.
const FILES_MAX: usize = 1000;

/// Why a document cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// A file is missing, or is not a file.
    #[error("{path}: cannot be read: {reason}")]
    File {
        /// The file.
        path: String,
        /// The cause.
        reason: String,
    },
    /// Neither YAML nor JSON.
    #[error("{path}: is neither YAML nor JSON: {reason}")]
    Syntax {
        /// The file.
        path: String,
        /// The place and the error.
        reason: String,
    },
    /// Valid YAML or JSON, but not an OpenAPI document.
    #[error("{path}: {reason}")]
    Foreign {
        /// The file.
        path: String,
        /// The missing part.
        reason: &'static str,
    },
    /// A list of accepted changes with a wrong entry.
    #[error("{path}: {reason}")]
    List {
        /// The file.
        path: String,
        /// The entry and the fault.
        reason: String,
    },
    /// The target of a `$ref` is missing or not allowed.
    #[error("{path}: {place}: `$ref: {reference}` {reason}")]
    Reference {
        /// The file that contains the reference.
        path: String,
        /// The place of the reference.
        place: String,
        /// The reference as written.
        reference: String,
        /// What is wrong.
        reason: &'static str,
    },
}

/// Reads a document with every file that it refers to.
///
/// # Errors
/// The file, or one that it refers to, cannot be read, is not an OpenAPI document, or has a reference without a target.
pub fn load(path: &Path) -> Result<Value, Unreadable> {
    let mut files = Files { main: path.to_owned(), read: BTreeMap::new(), waiting: Vec::new(), references: Vec::new() };
    let mut root = read(path)?;
    belongs(path, &root)?;
    files.redirect(&mut root, path, "", false)?;
    while let Some(next) = files.waiting.pop() {
        let mut value = read(&next)?;
        files.redirect(&mut value, &next, "", false)?;
        files.read.insert(next, Some(value));
    }
    let others: Map<String, Value> =
        files.read.into_iter().map(|(path, value)| (path.display().to_string(), value.unwrap_or_default())).collect();
    if let (false, Some(fields)) = (others.is_empty(), root.as_object_mut()) {
        fields.insert(FILES.to_owned(), Value::Object(others));
    }
    let dangling = files.references.into_iter().find(|one| root.pointer(&one.pointer).is_none());
    match dangling {
        None => Ok(root),
        Some(one) => Err(one.wrong("leads nowhere")),
    }
}

/// A reference as written, and its new target.
struct Reference {
    path: PathBuf,
    place: String,
    written: String,
    pointer: String,
}

impl Reference {
    fn wrong(self, reason: &'static str) -> Unreadable {
        let path = self.path.display().to_string();
        Unreadable::Reference { path, place: format!("#{}", self.place), reference: self.written, reason }
    }
}

struct Files {
    main: PathBuf,
    /// Every file but the document itself; empty until the file is processed.
    read: BTreeMap<PathBuf, Option<Value>>,
    waiting: Vec<PathBuf>,
    references: Vec<Reference>,
}

impl Files {
    /// Rewrites every reference to the common tree. `named` is true where keys are names, not keywords.
    fn redirect(&mut self, value: &mut Value, file: &Path, place: &str, named: bool) -> Result<(), Unreadable> {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.redirect(item, file, &format!("{place}/{index}"), false)?;
                }
            }
            Value::Object(fields) => {
                if let (false, Some(Value::String(written))) = (named, fields.get("$ref")) {
                    let target = self.target(written.clone(), file, place)?;
                    fields.insert("$ref".to_owned(), Value::String(target));
                }
                for (key, field) in fields.iter_mut() {
                    let is_value =
                        !named && matches!(key.as_str(), "example" | "examples" | "default" | "enum" | "const");
                    if !is_value {
                        let names = !named && matches!(key.as_str(), "properties" | "schemas");
                        self.redirect(field, file, &format!("{place}/{}", escape(key)), names)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn target(&mut self, written: String, file: &Path, place: &str) -> Result<String, Unreadable> {
        let (other, fragment) = written.split_once('#').unwrap_or((&written, ""));
        let fragment = decoded(fragment);
        let reference = |pointer: String| Reference {
            path: file.to_owned(),
            place: place.to_owned(),
            written: written.clone(),
            pointer,
        };
        if other.contains("://") || other.starts_with("//") {
            return Err(
                reference(String::new()).wrong("is on the network, and nothing is fetched: keep a copy beside it")
            );
        }
        let path =
            if other.is_empty() { file.to_owned() } else { plain(&file.with_file_name("").join(decoded(other))) };
        let pointer = if path == plain(&self.main) || path == self.main {
            fragment
        } else {
            if !self.read.contains_key(&path) {
                if self.read.len() >= FILES_MAX {
                    return Err(reference(String::new()).wrong("is one file too many"));
                }
                self.read.insert(path.clone(), None);
                self.waiting.push(path.clone());
            }
            format!("/{FILES}/{}{fragment}", escape(&path.display().to_string()))
        };
        let found = reference(pointer);
        let target = format!("#{}", found.pointer.replace('%', "%25"));
        self.references.push(found);
        Ok(target)
    }
}

/// Removes `.` and `..` from a path as far as that is possible without reading the disk.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if plain.file_name().is_some() => _ = plain.pop(),
            other => plain.push(other),
        }
    }
    plain
}

pub(super) fn read(path: &Path) -> Result<Value, Unreadable> {
    let file = path.display().to_string();
    let cannot = |reason: String| Unreadable::File { path: file.clone(), reason };
    let about = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?;
    if !about.is_file() {
        return Err(cannot("it is not a file".to_owned()));
    }
    if about.len() > FILE_BYTES_MAX {
        return Err(cannot(format!("it is larger than {} MiB", FILE_BYTES_MAX >> 20)));
    }
    let text = std::fs::read_to_string(path).map_err(|error| cannot(error.to_string()))?;
    parse(&text).map_err(|reason| Unreadable::Syntax { path: file, reason })
}

/// Parses YAML, which includes JSON.
fn parse(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok(value);
    }
    // YAML 1.2, as OpenAPI requires: a parameter with the name `on` is not a boolean.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

fn belongs(path: &Path, root: &Value) -> Result<(), Unreadable> {
    let foreign = |reason| Err(Unreadable::Foreign { path: path.display().to_string(), reason });
    if root.get("swagger").is_some() {
        return foreign("is Swagger 2.0, which was before OpenAPI; convert it first");
    }
    if root.get("overlay").is_some() {
        return foreign("is an overlay, not a document: compare what it is laid over");
    }
    // Since OpenAPI 3.1, a document may have webhooks alone.
    if !["paths", "components", "webhooks"].iter().any(|key| root.get(key).is_some_and(Value::is_object)) {
        return foreign("has neither `paths` nor `components`, so it is no OpenAPI document");
    }
    Ok(())
}
