//! README and docs: links and anchors resolve, lines wrap, and tables that are written by hand say what the code says.
//!
//! Commands are run by `.ci/walkthrough`. Pages that are generated from the code are tested in `server/web/generated/`, and what of them the
//! server shows in `server/web/reference/guides/`.

use std::collections::{BTreeMap, BTreeSet};

use runyard::codes::AccessReason;
use runyard::listeners;
use serde_json::Value;

use crate::harness::{DOCUMENTS, World};
use crate::tidy::tree::{File, read, tree};

/// The default base of the ports, which the README shows.
const PORT_BASE: u16 = 8080;
/// So long that a newcomer reads it.
const README_LINES_MAX: usize = 200;
const COLUMNS_MAX: usize = 120;

/// Every page of Markdown.
fn pages() -> Vec<File> {
    tree().into_iter().filter(|file| file.path.ends_with(".md")).collect()
}

/// The lines of a page outside of code, with their numbers.
fn prose(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    page.lines().enumerate().map(|(index, line)| (index + 1, line)).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The anchors of a page's headings, as common hosts of Markdown make them.
fn anchors(page: &str) -> BTreeSet<String> {
    let is_part = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    let slug = |heading: &str| heading.to_lowercase().chars().filter(is_part).collect::<String>().replace(' ', "-");
    let heading = |line: &str| line.starts_with('#').then(|| line.trim_start_matches('#').trim().to_owned());
    prose(page).filter_map(|(_, line)| heading(line)).map(|heading| slug(&heading)).collect()
}

/// The targets of the links in a line, code left out.
fn links(line: &str) -> Vec<String> {
    let text = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let after = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    after.map(|(target, _)| target.to_owned()).collect()
}

/// Where a relative link of a page leads, from the root of the tree.
fn resolved(page: &str, link: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn every_link_between_pages_leads_to_a_file_and_a_heading() {
    let files = tree();
    let texts: BTreeMap<&str, &str> = files.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
    let is_folder = |path: &str| files.iter().any(|file| file.path.starts_with(&format!("{path}/")));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for page in pages() {
        for (number, link) in
            prose(&page.text).flat_map(|(number, line)| links(line).into_iter().map(move |one| (number, one)))
        {
            if link.contains("://") {
                continue;
            }
            count += 1;
            let (target, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let path = if target.is_empty() { page.path.clone() } else { resolved(&page.path, target) };
            let text = texts.get(path.as_str());
            if text.is_none() && !is_folder(&path) {
                wrong.push(format!("{}:{number}: {link}: there is no {path}", page.path));
            } else if !anchor.is_empty() && !text.is_some_and(|text| anchors(text).contains(anchor)) {
                wrong.push(format!("{}:{number}: {link}: {path} has no such heading", page.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "{count} links: the pages are not read");
}

#[test]
fn pages_wrap_at_120_columns_and_the_readme_is_short() {
    let mut wide = Vec::new();
    for page in pages() {
        // Tables cannot wrap; what is in code is generated text or one command.
        for (number, line) in prose(&page.text).filter(|(_, line)| !line.starts_with('|')) {
            if line.chars().count() > COLUMNS_MAX {
                wide.push(format!("{}:{number}", page.path));
            }
        }
    }
    assert!(wide.is_empty(), "wider than {COLUMNS_MAX} columns: {}", wide.join(", "));
    assert!(read("README.md").lines().count() < README_LINES_MAX, "README.md has {README_LINES_MAX} lines or more");
}

#[test]
fn every_page_of_docs_is_in_its_list_of_pages() {
    let overview = read("docs/README.md");
    let listed: BTreeSet<String> = overview.lines().flat_map(links).collect();
    let pages = pages().into_iter().filter_map(|page| page.path.strip_prefix("docs/").map(str::to_owned));
    let missing: Vec<String> = pages.filter(|page| page != "README.md" && !listed.contains(page)).collect();
    assert!(missing.is_empty(), "docs/README.md lacks {missing:?}");
}

/// The rows of the first table below a heading of a page, without its head; a cell as it is written.
pub(crate) fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let text = read(page);
    let below = text.split_once(&format!("\n## {heading}\n"));
    let below = below.unwrap_or_else(|| panic!("{page} has no `## {heading}`")).1;
    let rows = below.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    rows.skip(2).map(cells).collect()
}

/// What stands between backticks in a cell.
fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// How many operations of a document are served, of how many that it has.
fn served(document: &str) -> String {
    let whole: Value = serde_json::from_str(document).unwrap();
    let items = whole["paths"].as_object().unwrap().values();
    let operations: Vec<&Value> = items
        .flat_map(|item| item.as_object().unwrap().values())
        .filter(|operation| operation.get("operationId").is_some() && operation.get("x-runyard-added").is_none())
        .collect();
    let refused = operations.iter().filter(|operation| operation.get("x-runyard-not-served").is_some()).count();
    format!("{} of {}", operations.len() - refused, operations.len())
}

#[tokio::test]
async fn the_readmes_table_of_apis_is_the_servers() {
    let shown: Vec<(String, u16, String)> = table("README.md", "APIs")
        .iter()
        .map(|row| (quoted(&row[0]).next().unwrap(), row[2].parse::<u16>().unwrap() - PORT_BASE, row[3].clone()))
        .collect();
    let expected: Vec<(String, u16, String)> = listeners::names()
        .map(|name| {
            let document = DOCUMENTS.iter().find(|document| document.name == name).unwrap();
            (name.to_owned(), listeners::offset(name), served(document.full_json))
        })
        .collect();
    assert_eq!(shown, expected, "name, port, operations served");

    let world = World::new().await;
    let open = world.native.list_doors().await.unwrap().into_inner();
    let open: Vec<String> = open.doors.iter().map(|api| api.name.to_string()).collect();
    assert_eq!(open, shown.into_iter().map(|api| api.0).collect::<Vec<_>>(), "what a server opens");
    world.server.stop().await;
}

#[test]
fn the_page_on_authentication_has_every_reason_of_a_401_and_403() {
    let shown: BTreeSet<String> = table("docs/operate/authentication.md", "Reasons of a 401 and 403")
        .iter()
        .flat_map(|row| quoted(&row[0]).collect::<Vec<_>>())
        .collect();
    let coded: BTreeSet<String> = AccessReason::ALL.iter().map(|reason| reason.as_str().to_owned()).collect();
    assert_eq!(shown, coded, "docs/operate/authentication.md, and server/codes.rs");
}

#[test]
fn the_rust_of_the_client_page_is_that_of_the_crates_page_which_is_compiled() {
    let block = |text: &str, fence: &str| {
        let (_, code) = text.split_once(fence).unwrap();
        code.split_once("\n```").unwrap().0.trim().to_owned()
    };
    let shown = block(&read("docs/rust/client.md"), "\n```rust\n");
    let compiled = block(&read("client/README.md"), "\n```rust,no_run\n");
    assert!(compiled.contains(&shown), "docs/rust/client.md shows\n{shown}\nand client/README.md\n{compiled}");
}

#[test]
fn anchors_and_links_are_read_as_hosts_of_markdown_do() {
    let page = "# A `b`, c\n\n```sh\n# not a heading\n```\n## Over HTTP\n";
    assert_eq!(anchors(page), BTreeSet::from(["a-b-c".to_owned(), "over-http".to_owned()]));
    assert_eq!(links("[a](b.md#c), `[no](x)` and [d](e)"), ["b.md#c", "e"]);
    assert_eq!(resolved("docs/guides/a.md", "../../README.md"), "README.md");
}
