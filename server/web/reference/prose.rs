//! Descriptions for a browser: CommonMark in, HTML out. A schema's name in code becomes a link to it.
//!
//! HTML in a description is shown as text: a document must not change the page that shows it.

use std::collections::BTreeSet;

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, Options, Parser, html::push_html};

/// The link targets of one page's descriptions.
#[derive(Debug, Default)]
pub(super) struct Prose {
    schemas: BTreeSet<String>,
}

impl Prose {
    /// Descriptions of a document with these schemas.
    pub(super) fn new(schemas: impl Iterator<Item = String>) -> Self {
        Prose { schemas: schemas.collect() }
    }

    /// Paragraphs.
    pub(super) fn block(&self, text: &str) -> Markup {
        PreEscaped(self.written(text))
    }

    /// Text within a line, without a paragraph element.
    pub(super) fn inline(&self, text: &str) -> Markup {
        let written = self.written(text);
        let inner = written.trim().strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>"));
        match inner.filter(|inner| !inner.contains("<p>")) {
            Some(inner) => PreEscaped(inner.to_owned()),
            None => PreEscaped(written),
        }
    }

    fn written(&self, text: &str) -> String {
        let events = Parser::new_ext(text, Options::empty()).map(|event| self.safe(event));
        let mut out = String::new();
        push_html(&mut out, events);
        out
    }

    fn safe<'a>(&self, event: Event<'a>) -> Event<'a> {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
            Event::Code(code) if self.schemas.contains(&*code) => {
                let link = html! { a href=(format!("#{}", schema_anchor(&code))) { code { (&*code) } } };
                Event::InlineHtml(CowStr::from(link.into_string()))
            }
            other => other,
        }
    }
}

/// The anchor of a schema on its page.
pub(super) fn schema_anchor(name: &str) -> String {
    format!("schema-{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_cannot_steer_the_page() {
        let prose = Prose::new(std::iter::once("Run".to_owned()));
        let written = prose.block("A `Run` is *no* `Walk`. <script>alert(1)</script>").into_string();
        let link = "<a href=\"#schema-Run\"><code>Run</code></a>";
        assert_eq!(
            written.trim(),
            format!("<p>A {link} is <em>no</em> <code>Walk</code>. &lt;script&gt;alert(1)&lt;/script&gt;</p>")
        );
        assert_eq!(prose.inline("One `line`.").into_string(), "One <code>line</code>.");
    }
}
