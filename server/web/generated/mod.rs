//! The reference pages of the documentation that are generated from the code: the files of `docs/reference/`.
//!
//! | file | page | made from |
//! |---|---|---|
//! | `cli.rs` | `cli.md` | the definition of the command line |
//! | `configuration.rs` | `configuration.md` | the table of settings |
//! | `errors.rs` | `errors.md` | the tables of error codes |
//! | `limits.rs` | `limits.md` | the table of limits |
//! | `node_types.rs` | `node-types.md` | the catalogue |
//!
//! `RUNYARD_WRITE_DOCS=1 cargo test -p runyard --lib generated` writes them; without the variable the same test fails when one is stale.

mod cli;
mod configuration;
mod errors;
mod limits;
mod node_types;
mod table;

/// A generated page.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The file's name in `docs/reference/`.
    pub file: &'static str,
    write: fn() -> String,
}

impl Page {
    /// The page as Markdown.
    pub fn text(&self) -> String {
        wrapped(&(self.write)())
    }
}

/// All generated pages.
pub const PAGES: [Page; 5] = [
    Page { file: "cli.md", write: cli::page },
    Page { file: "configuration.md", write: configuration::page },
    Page { file: "errors.md", write: errors::page },
    Page { file: "limits.md", write: limits::page },
    Page { file: "node-types.md", write: node_types::page },
];

/// Columns at which prose wraps.
const COLUMNS: usize = 120;

/// The page with its paragraphs wrapped; headings, tables and code stay as they are.
fn wrapped(page: &str) -> String {
    let (mut out, mut paragraph, mut in_code) = (String::new(), String::new(), false);
    for line in page.lines() {
        let is_fence = line.starts_with("```");
        let is_whole = in_code || is_fence || line.is_empty() || line.starts_with(['|', '#']);
        if is_whole || line.starts_with("- ") {
            wrap(&std::mem::take(&mut paragraph), &mut out);
        }
        if is_whole {
            out.push_str(line);
            out.push('\n');
        } else {
            paragraph.push_str(line);
            paragraph.push(' ');
        }
        in_code ^= is_fence;
    }
    wrap(&paragraph, &mut out);
    out
}

/// Appends a paragraph in lines of at most [`COLUMNS`]; those of a list's item are indented.
fn wrap(paragraph: &str, out: &mut String) {
    let indent = if paragraph.starts_with("- ") { "  " } else { "" };
    let mut width = 0;
    for word in paragraph.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > COLUMNS {
            out.push('\n');
            out.push_str(indent);
            width = indent.len();
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    if width > 0 {
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_reference_pages_are_as_the_code_says() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference");
        let writes = std::env::var_os("RUNYARD_WRITE_DOCS").is_some();
        let mut stale = Vec::new();
        for page in PAGES {
            let path = folder.join(page.file);
            if writes {
                std::fs::write(&path, page.text()).unwrap();
            }
            if std::fs::read_to_string(&path).unwrap_or_default() != page.text() {
                stale.push(page.file);
            }
        }
        let command = "RUNYARD_WRITE_DOCS=1 cargo test -p runyard --lib generated";
        assert!(stale.is_empty(), "docs/reference: {} differ from the code; run `{command}`", stale.join(", "));
    }

    #[test]
    fn prose_wraps_and_tables_and_code_do_not() {
        let long = "word ".repeat(30);
        let long = long.trim();
        let page = wrapped(&format!("- {long}\n| {long} |\n```sh\n{long}\n```\n"));
        let lines: Vec<&str> = page.lines().collect();
        assert!(lines[0].len() <= COLUMNS && lines[1].starts_with("  word"), "{page}");
        assert_eq!(lines[2..], [&format!("| {long} |"), "```sh", long, "```"]);
        assert_eq!(wrapped("One\ntwo.\n\n# Head\nThree.\n"), "One two.\n\n# Head\nThree.\n");
    }
}
