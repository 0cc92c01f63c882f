//! The guides at `/docs`: pages of the repository's `docs/` folder, as HTML in the frame of the API reference.
//!
//! | file | what |
//! |---|---|
//! | `sources.rs` | the pages, which are in the binary |
//! | `contents.rs` | the navigation, read from `docs/README.md` |
//! | `markdown.rs` | from Markdown to HTML: headings with anchors, tables, code, links |
//!
//! `server/docs` is a link to the folder, so that the crate's package holds the pages. Pages about the code (`docs/rust`, `docs/project`) are
//! not served, except the glossary; links to what is not served are shown as text.

mod contents;
mod markdown;
mod sources;

use maud::{Markup, html};

use super::page::{Links, Page};
use contents::Section;
pub(super) use sources::{GUIDES, Guide, OVERVIEW};

/// The page.
pub(super) fn write(guide: &Guide, links: &Links) -> String {
    let file = guide.file();
    let rendered = markdown::render(guide.markdown, guide.path, links);
    let sections = contents::sections();
    let page = Page {
        title: &rendered.title,
        description: &rendered.description,
        file: OVERVIEW,
        contents: navigation(&sections, &file, &rendered.headings, links),
        main: html! {
            article.guide { (rendered.body) }
            (pager(&sections, &file, links))
        },
    };
    page.write(links)
}

/// All pages by section; below the present one, its headings.
fn navigation(sections: &[Section], file: &str, headings: &[markdown::Heading], links: &Links) -> Markup {
    html! {
        @for section in sections {
            p.label { (section.title) }
            ul.plain {
                @for entry in &section.entries {
                    @let is_present = entry.file == file;
                    li {
                        a href=(links.to(&entry.file)) aria-current=[is_present.then_some("page")] { (entry.title) }
                        @if is_present && !headings.is_empty() {
                            ul.plain { @for one in headings { li { a href=(format!("#{}", one.id)) { (one.text) } } } }
                        }
                    }
                }
            }
        }
    }
}

/// Links to the pages before and after.
fn pager(sections: &[Section], file: &str, links: &Links) -> Markup {
    let all: Vec<_> = sections.iter().flat_map(|section| &section.entries).collect();
    let Some(at) = all.iter().position(|entry| entry.file == file) else {
        return html! {};
    };
    let before = at.checked_sub(1).and_then(|index| all.get(index));
    html! {
        nav.pager aria-label="Pages before and after" {
            @if let Some(entry) = before { a rel="prev" href=(links.to(&entry.file)) { "← " (entry.title) } }
            @if let Some(entry) = all.get(at + 1) { a.next rel="next" href=(links.to(&entry.file)) { (entry.title) " →" } }
        }
    }
}

#[cfg(test)]
mod tests;
