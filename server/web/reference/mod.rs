//! The API reference: a page for each document, one that lists them, and one that shows how a run appears on each.
//!
//! | file | what |
//! |---|---|
//! | `reading.rs`, `shape.rs` | from a document to `view.rs`, which is what a page shows of it |
//! | `prose.rs`, `code.rs` | descriptions and code for a browser |
//! | `snippets/` | curl and Rust for each operation |
//! | `codes.rs` | which error codes operations answer |
//! | `page/` | from all that to HTML |
//! | `guides/` | the pages of the repository's `docs/` folder |
//!
//! Everything is made from the documents in the binary and from the mappings of the dialect modules
//! ([`crate::dialects::mapping`]). Nothing is read from a disk or fetched, and an API renders a page when it is first
//! requested. [`files`] is the folder that `openapi export` writes; [`Served`] is the same folder below `/docs`, with
//! the addresses of the server.

mod code;
mod codes;
mod guides;
mod page;
mod prose;
mod reading;
mod shape;
mod snippets;
mod view;

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use runyard_api::DOCUMENTS;
use runyard_api::host::{self, Document};
use sha2::{Digest as _, Sha256};

use crate::ports::{self, Listener};
use page::Links;
use view::Reference;

/// The port base in examples, if nothing else is configured.
const PORT_BASE: u16 = 8080;
/// The start of URLs in examples, if nothing else is configured.
const DEFAULT_HOST: &str = "http://127.0.0.1:";

const HTML: &str = "text/html; charset=utf-8";

/// A file of the reference.
#[derive(Debug, Clone)]
pub struct File {
    /// The file's name, without a folder.
    pub name: String,
    /// Its media type.
    pub media: &'static str,
    /// The file's content.
    pub content: String,
}

/// A document with the other data that its page shows.
struct Part {
    document: &'static Document,
    surface: &'static str,
    offset: u16,
    reference: Reference,
}

impl Part {
    /// The default URL.
    fn url(&self) -> String {
        format!("{DEFAULT_HOST}{}", PORT_BASE + self.offset)
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
        offset: ports::offset(document.name),
        reference: reading::read(document),
    };
    DOCUMENTS.iter().map(part).collect()
});

/// The text of a page, and its source.
#[derive(Debug, Clone, Copy)]
enum Text {
    /// The list of all documents.
    Index,
    /// The page of a document.
    Document(&'static str),
    /// How one run appears in each API.
    Mapping,
    /// A page of the documentation.
    Guide(&'static guides::Guide),
    /// A text from the binary, unchanged.
    Plain(&'static str),
}

impl Text {
    /// Pages link to each other below `prefix`.
    fn write(self, prefix: &'static str) -> Cow<'static, str> {
        let links = || links(prefix);
        match self {
            Text::Index => page::index::write(&PARTS, &links()).into(),
            Text::Document(name) => {
                let part = PARTS.iter().find(|part| part.document.name == name);
                part.map(|part| page::document::write(part, &links())).unwrap_or_default().into()
            }
            Text::Mapping => page::mapping::write(&links()).into(),
            Text::Guide(guide) => guides::write(guide, &links()).into(),
            Text::Plain(text) => text.into(),
        }
    }
}

/// The name, the media type and the text of every file, in reading order.
fn contents() -> Vec<(String, &'static str, Text)> {
    let mut all = vec![("index.html".to_owned(), HTML, Text::Index)];
    all.extend(DOCUMENTS.iter().map(|(document, _)| (file(document.name), HTML, Text::Document(document.name))));
    all.push(("mapping.html".to_owned(), HTML, Text::Mapping));
    all.extend(guides::GUIDES.iter().map(|guide| (guide.file(), HTML, Text::Guide(guide))));
    all.extend(DOCUMENTS.iter().flat_map(|(document, _)| documents(document)));
    all
}

/// Every file, in the order in which they are read.
pub fn files() -> Vec<File> {
    let file = |(name, media, text): (String, _, Text)| File { name, media, content: text.write("").into_owned() };
    contents().into_iter().map(file).collect()
}

/// The listeners of a server. They are set once all of them listen.
pub type Listeners = Arc<OnceLock<Vec<Listener>>>;

/// The reference as one server serves it: its examples have the server's addresses. All APIs share the rendered pages.
pub struct Served {
    listeners: Listeners,
    folder: Vec<host::Page>,
}

impl Served {
    /// The reference of a server whose listeners are known when the first page is requested.
    pub fn new(listeners: Listeners) -> Self {
        let page = |(name, media, text)| served(format!("/docs/{name}"), media, text, "", &listeners);
        let folder = contents().into_iter().map(page).collect();
        Self { listeners, folder }
    }

    /// The pages of one API: its own page at `/docs`, and the whole folder below.
    pub fn at_api(&self, name: &'static str) -> Vec<host::Page> {
        let own = format!("/docs/{}", file(name));
        // The page at `/docs` is outside of the folder of the other pages, so its links contain the folder.
        let outside = served("/docs".to_owned(), HTML, Text::Document(name), "docs/", &self.listeners);
        let inside = self.folder.iter().filter(|page| page.path == own);
        let inside = inside.map(|page| host::Page { path: "/docs/".to_owned(), ..page.clone() });
        std::iter::once(outside).chain(inside).chain(self.folder.iter().cloned()).collect()
    }
}

/// A page with the addresses of these listeners instead of the default ones.
fn with_addresses(page: &str, listeners: &[Listener]) -> String {
    let mut parts = page.split(DEFAULT_HOST);
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (port, rest) = part.split_at(digits);
        let offset = port.parse::<u16>().ok().and_then(|port| port.checked_sub(PORT_BASE));
        let listener = listeners.iter().find(|listener| Some(ports::offset(listener.name)) == offset);
        match listener {
            Some(listener) => written.extend([&listener.url, rest]),
            None => written.extend([DEFAULT_HOST, part]),
        }
    }
    written
}

fn served(path: String, media: &'static str, text: Text, prefix: &'static str, listeners: &Listeners) -> host::Page {
    let listeners = Arc::clone(listeners);
    let write = move || {
        let text = match text.write(prefix) {
            Cow::Owned(page) => with_addresses(&page, listeners.get().map(Vec::as_slice).unwrap_or_default()).into(),
            document @ Cow::Borrowed(_) => document,
        };
        let bytes = match text {
            Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
            Cow::Owned(text) => Bytes::from(text),
        };
        let tag = Sha256::digest(&bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        host::Written { tag, bytes }
    };
    host::Page { path, media, policy: page::policy(), content: host::Content::new(write) }
}

/// A document in its four forms.
fn documents(document: &Document) -> [(String, &'static str, Text); 4] {
    let file = |end: &str, media, text| (format!("{}{end}", document.name), media, Text::Plain(text));
    [
        file(".json", "application/json", document.full_json),
        file(".yaml", "application/yaml", document.full_yaml),
        file(".owner.json", "application/json", document.owner_json),
        file(".owner.yaml", "application/yaml", document.owner_yaml),
    ]
}

fn links(prefix: &'static str) -> Links {
    let mut pages =
        vec![(guides::OVERVIEW.to_owned(), "Guides".to_owned()), ("index.html".to_owned(), "APIs".to_owned())];
    pages.extend(PARTS.iter().map(|part| (file(part.document.name), part.reference.title.clone())));
    pages.push(("mapping.html".to_owned(), "One run, every API".to_owned()));
    Links { prefix, pages }
}

#[cfg(test)]
mod tests;
