//! The pages of `docs/` that are in the binary.

/// The page with the list of all guides.
pub(in crate::web::reference) const OVERVIEW: &str = "documentation.html";

/// A page.
#[derive(Debug, Clone, Copy)]
pub(in crate::web::reference) struct Guide {
    /// The path below `docs/`.
    pub(in crate::web::reference) path: &'static str,
    /// The text.
    pub(in crate::web::reference) markdown: &'static str,
}

impl Guide {
    /// The name of the HTML file.
    pub(in crate::web::reference) fn file(&self) -> String {
        file(self.path)
    }
}

/// The name of a page's HTML file: `guides/retries.md` is `guides-retries.html`.
pub(super) fn file(path: &str) -> String {
    match path {
        "README.md" => OVERVIEW.to_owned(),
        _ => format!(
            "{}.html",
            path.trim_end_matches(".md").trim_end_matches("/README").replace('/', "-").to_lowercase()
        ),
    }
}

macro_rules! guides {
    ($($path:literal,)*) => {
        /// Every page, the list of all pages first.
        pub(in crate::web::reference) const GUIDES: &[Guide] = &[
            $(Guide { path: $path, markdown: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/", $path)) },)*
        ];
    };
}

guides! {
    "README.md",
    "start/install.md",
    "start/quick-start.md",
    "start/concepts.md",
    "guides/goals.md",
    "guides/retries.md",
    "guides/approvals.md",
    "guides/fan-out.md",
    "guides/graphs.md",
    "guides/agents.md",
    "guides/python-agent.md",
    "guides/rest-api-as-tools.md",
    "guides/mcp-servers.md",
    "guides/openapi-tools.md",
    "guides/from-arp.md",
    "guides/from-toolregistry.md",
    "guides/from-acp.md",
    "guides/from-cargo.md",
    "reference/README.md",
    "reference/cli.md",
    "reference/configuration.md",
    "reference/node-types.md",
    "reference/errors.md",
    "reference/limits.md",
    "operate/proxy.md",
    "operate/authentication.md",
    "operate/store.md",
    "operate/backup.md",
    "operate/retention.md",
    "operate/faults.md",
    "operate/upgrades.md",
    "project/GLOSSARY.md",
}
