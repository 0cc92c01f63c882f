//! Markdown to HTML, with what a page needs beyond CommonMark: headings with anchors, tables that scroll, code with a copy button, and
//! links between pages.
//!
//! HTML in a page is shown as text, as everywhere in the reference.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html};

use super::sources::{GUIDES, file};
use crate::web::reference::code;
use crate::web::reference::page::{Links, anchor};

/// A page as HTML.
pub(super) struct Rendered {
    pub(super) title: String,
    /// The first paragraph as text.
    pub(super) description: String,
    /// The headings of the second level.
    pub(super) headings: Vec<Heading>,
    pub(super) body: Markup,
}

/// A heading and its anchor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heading {
    pub(super) id: String,
    pub(super) text: String,
}

/// Most characters of a description.
const DESCRIPTION_MAX: usize = 160;

/// Renders a page; `path` is its path below `docs/`.
pub(super) fn render(markdown: &str, path: &str, links: &Links) -> Rendered {
    let mut events = Parser::new_ext(markdown, Options::ENABLE_TABLES);
    let (mut out, mut title, mut description, mut headings) = (Vec::new(), String::new(), String::new(), Vec::new());
    let mut link_open = Vec::new();
    while let Some(event) = events.next() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let inner = until(&mut events, |end| matches!(end, TagEnd::Heading(_)));
                let text = text_of(&inner);
                let id = slug(&text);
                if level == HeadingLevel::H1 {
                    title = text;
                } else if level == HeadingLevel::H2 {
                    headings.push(Heading { id: id.clone(), text });
                }
                out.push(Event::Html(heading(level, &id, inner).into()));
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let inner = until(&mut events, |end| matches!(end, TagEnd::CodeBlock));
                let language = match &kind {
                    CodeBlockKind::Fenced(language) => language.as_ref(),
                    CodeBlockKind::Indented => "text",
                };
                let block = code::block(name_of(language), language, None, text_of(&inner).trim_end());
                out.push(Event::Html(block.into_string().into()));
            }
            Event::Start(Tag::Paragraph) if description.is_empty() => {
                let inner = until(&mut events, |end| matches!(end, TagEnd::Paragraph));
                description = shortened(&text_of(&inner));
                out.push(Event::Start(Tag::Paragraph));
                out.extend(inner.into_iter().map(|event| linked(event, path, links, &mut link_open)));
                out.push(Event::End(TagEnd::Paragraph));
            }
            Event::Start(Tag::Table(alignments)) => {
                // Reachable by keyboard, because what is too wide scrolls in it.
                out.push(Event::Html("<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Table\">".into()));
                out.push(Event::Start(Tag::Table(alignments)));
            }
            Event::End(TagEnd::Table) => out.extend([Event::End(TagEnd::Table), Event::Html("</div>".into())]),
            other => out.push(linked(other, path, links, &mut link_open)),
        }
    }
    let mut body = String::new();
    push_html(&mut body, out.into_iter());
    let body = body.replace("<th>", "<th scope=\"col\">");
    Rendered { title, description, headings, body: PreEscaped(body) }
}

/// The events up to an end tag.
fn until<'a>(events: &mut Parser<'a>, is_end: impl Fn(&TagEnd) -> bool) -> Vec<Event<'a>> {
    let is_end = |event: &Event<'_>| matches!(event, Event::End(end) if is_end(end));
    events.by_ref().take_while(|event| !is_end(event)).collect()
}

fn text_of(events: &[Event<'_>]) -> String {
    let text = |event: &Event<'_>| match event {
        Event::Text(text) | Event::Code(text) => text.to_string(),
        Event::SoftBreak | Event::HardBreak => " ".to_owned(),
        _ => String::new(),
    };
    events.iter().map(text).collect()
}

fn heading(level: HeadingLevel, id: &str, inner: Vec<Event<'_>>) -> String {
    let mut text = String::new();
    push_html(&mut text, inner.into_iter());
    let content = html! { (PreEscaped(text)) " " (anchor(id)) };
    let markup = match level {
        HeadingLevel::H1 => return html! { h1 id=(id) { (content) } }.into_string(),
        HeadingLevel::H2 => html! { h2 id=(id) { (content) } },
        HeadingLevel::H3 => html! { h3 id=(id) { (content) } },
        _ => html! { h4 id=(id) { (content) } },
    };
    markup.into_string()
}

/// The anchor of a heading, as common hosts of Markdown make it.
pub(super) fn slug(text: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    text.to_lowercase().chars().filter(kept).map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// What the caption of a block of code says.
fn name_of(language: &str) -> &str {
    match language {
        "sh" => "Shell",
        "console" => "Console",
        "toml" => "runyard.toml",
        "json" => "JSON",
        "rust" => "Rust",
        "nginx" => "nginx",
        _ => "Text",
    }
}

/// The event with its link rewritten, and HTML as text. A link to a page that is not served has no target, so it becomes its text.
fn linked<'a>(event: Event<'a>, path: &str, links: &Links, open: &mut Vec<bool>) -> Event<'a> {
    match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let target = target(&dest_url, path, links);
            open.push(target.is_some());
            match target {
                Some(target) => Event::Start(Tag::Link { link_type, dest_url: CowStr::from(target), title, id }),
                None => Event::Text(CowStr::from("")),
            }
        }
        Event::End(TagEnd::Link) => match open.pop() {
            Some(false) => Event::Text(CowStr::from("")),
            _ => Event::End(TagEnd::Link),
        },
        other => other,
    }
}

/// Where a link of a page leads in the served folder; nothing where that is not served.
pub(super) fn target(link: &str, path: &str, links: &Links) -> Option<String> {
    if link.starts_with("http://") || link.starts_with("https://") || link.starts_with('#') {
        return Some(link.to_owned());
    }
    let (relative, anchor) = link.split_once('#').map_or((link, None), |(relative, anchor)| (relative, Some(anchor)));
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            ".." => {
                parts.pop()?;
            }
            "." => {}
            _ => parts.push(part),
        }
    }
    let path = parts.join("/");
    let guide = GUIDES.iter().find(|guide| guide.path == path)?;
    let anchor = anchor.map(|anchor| format!("#{anchor}")).unwrap_or_default();
    Some(format!("{}{anchor}", links.to(&file(guide.path))))
}

/// A text cut between words.
fn shortened(text: &str) -> String {
    let mut short = String::new();
    for word in text.split_whitespace() {
        if short.len() + word.len() > DESCRIPTION_MAX {
            short.push('…');
            break;
        }
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(word);
    }
    short
}
