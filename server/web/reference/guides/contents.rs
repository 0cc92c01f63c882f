//! The navigation of the guides, read from `docs/README.md`: its headings are the sections, its list items the pages.

use super::sources::{GUIDES, file};

/// Pages that belong together.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) title: String,
    pub(super) entries: Vec<Entry>,
}

/// A page.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) title: String,
    /// The HTML file.
    pub(super) file: String,
}

/// The sections that have pages here.
pub(super) fn sections() -> Vec<Section> {
    let overview = GUIDES.iter().find(|guide| guide.path == "README.md").map_or("", |guide| guide.markdown);
    let mut sections: Vec<Section> = Vec::new();
    for line in overview.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            sections.push(Section { title: title.to_owned(), entries: Vec::new() });
        } else if let Some((title, path)) = linked(line)
            && GUIDES.iter().any(|guide| guide.path == path)
            && let Some(section) = sections.last_mut()
        {
            section.entries.push(Entry { title: title.to_owned(), file: file(path) });
        }
    }
    sections.retain(|section| !section.entries.is_empty());
    sections
}

/// Title and path of `- [Title](path)`.
fn linked(line: &str) -> Option<(&str, &str)> {
    let (title, rest) = line.strip_prefix("- [")?.split_once("](")?;
    Some((title, rest.split_once(')')?.0))
}
