//! The API reference: a page for each document, one that lists them, and one that shows how a run appears on each.
//!
//! | file | what |
//! |---|---|
//! | `reading.rs`, `shape.rs` | from a document to `view.rs`, which is what a page shows of it |
//! | `prose.rs`, `code.rs` | descriptions and code for a browser |
//! | `snippets/` | curl and Rust for each operation |
//! | `codes.rs` | what error codes mean |
//! | `page/` | from all that to HTML |
//!
//! Everything is made from the documents in the binary and from the rooms' own mappings ([`crate::dialects::mapping`]); nothing is read
//! from a disk or fetched. [`files`] is the folder that `openapi export` writes; [`at_door`] is the same folder below `/docs`.

mod code;
pub mod codes;
mod page;
mod prose;
mod reading;
mod shape;
mod snippets;
mod view;

use std::sync::LazyLock;

use runyard_api::DOCUMENTS;
use runyard_api::host::{self, Document};
use sha2::{Digest as _, Sha256};

use crate::doors;
use page::Links;
use view::Reference;

/// The base of ports when nothing else is configured; what examples show.
const PORT_BASE: u16 = 8080;

const HTML: &str = "text/html; charset=utf-8";

/// A file of the reference.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name, without a folder.
    pub name: String,
    /// Its media type.
    pub media: &'static str,
    /// What is in it.
    pub content: String,
}

/// A document with what pages say of it beside its text.
struct Part {
    document: &'static Document,
    surface: &'static str,
    offset: u16,
    reference: Reference,
}

impl Part {
    /// Where it listens by default.
    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", PORT_BASE + self.offset)
    }
}

/// A document's page.
fn file(name: &str) -> String {
    format!("{name}.html")
}

static PARTS: LazyLock<Vec<Part>> = LazyLock::new(|| {
    let part = |(document, surface): &(&'static Document, &'static str)| Part {
        document,
        surface,
        offset: doors::offset(document.name),
        reference: reading::read(document),
    };
    DOCUMENTS.iter().map(part).collect()
});

static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let links = links("");
    let html = |name: String, content: String| File { name, media: HTML, content };
    let mut all = vec![html("index.html".to_owned(), page::index::write(&PARTS, &links))];
    for part in PARTS.iter() {
        all.push(html(file(part.document.name), page::document::write(part, &links)));
    }
    all.push(html("mapping.html".to_owned(), page::mapping::write(&links)));
    all.extend(PARTS.iter().flat_map(|part| documents(part.document)));
    all
});

/// Every file, in the order in which they are read.
pub fn files() -> &'static [File] {
    &FILES
}

/// The reference as one door serves it: its own page at `/docs`, and the whole folder below.
pub fn at_door(name: &str) -> Vec<host::Page> {
    DOORS.iter().find(|(door, _)| *door == name).map(|(_, pages)| pages.clone()).unwrap_or_default()
}

static DOORS: LazyLock<Vec<(&'static str, Vec<host::Page>)>> = LazyLock::new(|| {
    let folder: Vec<host::Page> =
        files().iter().map(|file| served(format!("/docs/{}", file.name), file.media, file.content.clone())).collect();
    let door = |part: &Part| {
        let own = format!("/docs/{}", file(part.document.name));
        // A page at `/docs` is outside of the folder in which its neighbours lie, so its links say the folder.
        let outside = page::document::write(part, &links("docs/"));
        let inside = folder.iter().filter(|page| page.path == own);
        let inside = inside.map(|page| host::Page { path: "/docs/".to_owned(), ..page.clone() });
        let pages = std::iter::once(served("/docs".to_owned(), HTML, outside)).chain(inside).chain(folder.clone());
        (part.document.name, pages.collect())
    };
    PARTS.iter().map(door).collect()
});

fn served(path: String, media: &'static str, content: String) -> host::Page {
    let digest = Sha256::digest(content.as_bytes());
    let tag: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    host::Page { path, media, tag, policy: page::policy(), content: content.into() }
}

/// A document in its four forms.
fn documents(document: &Document) -> [File; 4] {
    let file = |end: &str, media, content: &str| File {
        name: format!("{}{end}", document.name),
        media,
        content: content.to_owned(),
    };
    [
        file(".json", "application/json", document.full_json),
        file(".yaml", "application/yaml", document.full_yaml),
        file(".owner.json", "application/json", document.owner_json),
        file(".owner.yaml", "application/yaml", document.owner_yaml),
    ]
}

fn links(prefix: &'static str) -> Links {
    let mut pages = vec![("index.html".to_owned(), "All APIs".to_owned())];
    pages.extend(PARTS.iter().map(|part| (file(part.document.name), part.reference.title.clone())));
    pages.push(("mapping.html".to_owned(), "One run, every face".to_owned()));
    Links { prefix, pages }
}

#[cfg(test)]
mod tests;
