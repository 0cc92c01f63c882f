//! The frame of every page: head, top, contents, main part. The files beside this one write its content.
//!
//! A page is one file with its style and script inside. It loads nothing else, and the policy in its head enforces
//! that. The page is complete without the script, which adds copy buttons and a filter for the contents.

pub(super) mod answers;
pub(super) mod document;
pub(super) mod index;
pub(super) mod mapping;
pub(super) mod operation;
pub(super) mod schema;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("../reference.css");
const SCRIPT: &str = include_str!("../reference.js");
/// A small icon in the page, so that browsers do not request one from the server.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' \
    height='16' rx='4' fill='%232458c5'/%3E%3Cpath d='M4 12V4h5a2.5 2.5 0 0 1 0 5H6m3 0 3 3' fill='none' stroke='%23fff' \
    stroke-width='1.8'/%3E%3C/svg%3E";

/// The content of a page.
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    /// The page's file name, to mark it in the navigation.
    pub(super) file: &'a str,
    pub(super) contents: Markup,
    pub(super) main: Markup,
}

/// The links between pages.
#[derive(Debug, Clone)]
pub(super) struct Links {
    /// The prefix of links to files: empty, or the folder if the page is served from outside of it.
    pub(super) prefix: &'static str,
    /// Every page with its name, in the order of the navigation.
    pub(super) pages: Vec<(String, String)>,
}

impl Links {
    /// A link to a file beside this page.
    pub(super) fn to(&self, file: &str) -> String {
        format!("{}{file}", self.prefix)
    }
}

/// The content security policy of a page: only its own style, script and icon.
pub(super) fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
    format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

impl Page<'_> {
    /// Renders the page.
    pub(super) fn write(&self, links: &Links) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy());
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="description" content=(self.description);
                    title { (self.title) " · Runyard reference" }
                    link rel="icon" href=(ICON);
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header.top { (self.top(links)) }
                    div.frame {
                        input #menu type="checkbox" aria-label="Show the contents";
                        label.menu for="menu" aria-hidden="true" { "Contents" }
                        nav.side aria-label="Contents" { (self.contents) }
                        main #main tabindex="-1" { (self.main) }
                    }
                    footer { "Made by runyard " (env!("CARGO_PKG_VERSION")) " from the documents that it serves." }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        page.into_string()
    }

    fn top(&self, links: &Links) -> Markup {
        html! {
            a.brand href=(links.to("index.html")) { "Runyard" span { " reference" } }
            nav aria-label="Pages" {
                ul {
                    @for (file, name) in &links.pages {
                        li { a href=(links.to(file)) aria-current=[(file == self.file).then_some("page")] { (name) } }
                    }
                }
            }
        }
    }
}

/// A heading's link to itself.
pub(super) fn anchor(id: &str) -> Markup {
    html! { a.anchor href=(format!("#{id}")) aria-label="Link to this" { "#" } }
}

/// The mark of parts that the vendor's document does not have.
pub(super) fn ours() -> Markup {
    html! { span.tag.ours title="Runyard adds this to the vendor's document" { "added" } }
}
