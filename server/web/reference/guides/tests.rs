//! The guides: every page is there and in the navigation, and Markdown becomes the HTML that the frame expects.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

fn links() -> Links {
    Links { prefix: "", pages: Vec::new() }
}

#[test]
fn every_page_for_users_is_served_and_in_the_navigation() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut pages = BTreeSet::from(["README.md".to_owned(), "project/GLOSSARY.md".to_owned()]);
    for folder in ["start", "guides", "reference", "operate"] {
        for entry in std::fs::read_dir(docs.join(folder)).unwrap() {
            pages.insert(format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy()));
        }
    }
    let served: BTreeSet<String> = GUIDES.iter().map(|guide| guide.path.to_owned()).collect();
    assert_eq!(served, pages, "sources.rs, and the files of docs/");
    let listed: BTreeSet<String> =
        contents::sections().iter().flat_map(|section| &section.entries).map(|entry| entry.file.clone()).collect();
    let files: BTreeSet<String> = GUIDES.iter().map(Guide::file).filter(|file| file != OVERVIEW).collect();
    assert_eq!(listed, files, "docs/README.md lists every page");
}

#[test]
fn markdown_becomes_anchors_scrolling_tables_and_code_with_a_caption() {
    let text = "# A page\n\nIt is *here*. <b>Not</b> HTML.\n\n## The `second`, level\n\n| a |\n|---|\n| 1 |\n\n```sh\nls -l\n```\n";
    let rendered = markdown::render(text, "guides/x.md", &links());
    assert_eq!((rendered.title.as_str(), rendered.description.as_str()), ("A page", "It is here. Not HTML."));
    assert_eq!(
        rendered.headings,
        [markdown::Heading { id: "the-second-level".into(), text: "The second, level".into() }]
    );
    let body = rendered.body.into_string();
    for part in [
        "<h2 id=\"the-second-level\">The <code>second</code>, level <a class=\"anchor\"",
        "&lt;b&gt;Not&lt;/b&gt; HTML.",
        "<div class=\"wide\" tabindex=\"0\"",
        "<th scope=\"col\">a</th>",
        "<span>Shell</span></figcaption><pre tabindex=\"0\" data-language=\"sh\"><code>ls -l</code></pre>",
    ] {
        assert!(body.contains(part), "{part}\n{body}");
    }
}

#[test]
fn links_lead_to_served_pages_and_others_become_text() {
    let to = |link| markdown::target(link, "guides/retries.md", &links());
    assert_eq!(to("approvals.md#over-http").as_deref(), Some("guides-approvals.html#over-http"));
    assert_eq!(to("../reference/README.md").as_deref(), Some("reference.html"));
    assert_eq!(to("../README.md").as_deref(), Some("documentation.html"));
    assert_eq!(to("https://example.org").as_deref(), Some("https://example.org"));
    assert_eq!((to("../../CHANGELOG.md"), to("../project/ARCHITECTURE.md"), to("absent.md")), (None, None, None));
    let body =
        markdown::render("[text](../../LICENSE-MIT) and [more](goals.md)", "guides/x.md", &links()).body.into_string();
    assert_eq!(body.trim(), "<p>text and <a href=\"guides-goals.html\">more</a></p>");
}
