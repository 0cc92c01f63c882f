//! The tree on the disk, without the files that builds and runs leave in it.

use std::path::{Path, PathBuf};

/// A file under version control, or one that would be.
#[derive(Debug, Clone)]
pub struct File {
    /// The path from the root, with `/`.
    pub path: String,
    /// Its text. Empty for a file that is not text.
    pub text: String,
}

impl File {
    /// Lines of code with their numbers: no comments, and nothing from the first `#[cfg(test)]` on.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file.
pub fn tree() -> Vec<File> {
    let mut files = Vec::new();
    walk(&root(), &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(files.len() > 100, "this is not the tree");
    files
}

fn walk(folder: &Path, files: &mut Vec<File>) {
    // The entries of `.gitignore`.
    let ignored = ["target", ".git", ".runyard", "__pycache__"];
    for entry in std::fs::read_dir(folder).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if ignored.iter().any(|ignored| name == *ignored) || name.to_string_lossy().ends_with(".snap.new") {
            continue;
        }
        // `server/docs` is a link to `docs`, whose files are already listed.
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
            continue;
        }
        let relative = path.strip_prefix(root()).unwrap().components();
        let parts: Vec<_> = relative.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        files.push(File { path: parts.join("/"), text: std::fs::read_to_string(&path).unwrap_or_default() });
    }
}

/// Rust files below a folder, without tests and examples: both are written as users of the crates would.
pub fn sources(folder: &str) -> Vec<File> {
    let folder = format!("{folder}/");
    let apart = ["/tests/", "/examples/", "/conformance"];
    let is_test = |path: &str| apart.iter().any(|part| path.contains(part)) || path.ends_with("/tests.rs");
    let mut files = tree();
    files.retain(|file| file.path.starts_with(&folder) && file.path.ends_with(".rs") && !is_test(&file.path));
    files
}

/// A file that must exist.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A manifest.
pub fn manifest(path: &str) -> toml::Table {
    read(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names directly below a path: `a` and `b` of `crate::{a::X, b}`, `a` of `crate::a::X`.
pub fn names_below(text: &str, path: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices(path) {
        let rest = &text[at + path.len()..];
        let listed = rest.strip_prefix('{').map(|list| &list[..list.find("};").unwrap_or(list.len())]);
        let mut depth = 0;
        let parts = listed.unwrap_or(rest).split(|letter| {
            depth += i32::from(letter == '{') - i32::from(letter == '}');
            letter == ',' && depth == 0
        });
        let parts: Vec<&str> = if listed.is_some() { parts.collect() } else { vec![rest] };
        names.extend(parts.into_iter().map(word).filter(|name| !name.is_empty()));
    }
    names
}

/// The identifier that a text begins with.
fn word(text: &str) -> String {
    text.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

#[test]
fn names_are_found_in_every_form() {
    let text = "use crate::store::{Filter, a::{B, C}, Cursor};\nlet x = crate::store::Put::new(crate::runs);";
    assert_eq!(names_below(text, "crate::store::"), ["Filter", "a", "Cursor", "Put"]);
    assert_eq!(names_below(text, "crate::"), ["store", "store", "runs"]);
}
