//! A crate with a client that depends on public crates alone.
//!
//! Generated clients need `runyard_api::client`. Here its sources become the module `runtime` of the generated crate.
//! `standalone/` has links to them, because a published package can only contain files of its own folder.

use std::path::Path;

/// Path of the module in the generated crate, and the source.
const SOURCES: [(&str, &str); 6] = [
    ("client.rs", include_str!("../standalone/client.rs")),
    ("client/answer.rs", include_str!("../standalone/answer.rs")),
    ("client/error.rs", include_str!("../standalone/error.rs")),
    ("client/outgoing.rs", include_str!("../standalone/outgoing.rs")),
    ("multipart.rs", include_str!("../standalone/multipart.rs")),
    ("style.rs", include_str!("../standalone/style.rs")),
];

/// The module itself.
const MODULE: &str = "\
//! What the generated client runs on: sending, reading, errors. From Runyard (MIT OR Apache-2.0).

pub mod client;
pub mod multipart;
pub mod style;

/// The crates that generated code names.
pub mod crates {
    pub use super::multipart;
    pub use {bytes, http, jiff, progenitor_client, regress, reqwest, serde, serde_json, uuid};
}
";

/// The dependencies, in the versions that Runyard uses.
const DEPENDENCIES: &str = "\
[features]
default = [\"tls\"]
# Addresses with https. Without it, choose a provider for reqwest elsewhere.
tls = [\"reqwest/rustls\"]

[dependencies]
bytes = \"1\"
futures = \"0.3\"
http = \"1\"
jiff = { version = \"0.2\", features = [\"serde\"] }
percent-encoding = \"2\"
progenitor-client = \"=0.15.1\"
regress = \"0.11\"
reqwest = { version = \"0.13\", default-features = false, features = [\"json\", \"stream\"] }
serde = { version = \"1\", features = [\"derive\"] }
serde_json = { version = \"1\", features = [\"preserve_order\"] }
serde_path_to_error = \"0.1\"
thiserror = \"2\"
uuid = { version = \"1\", features = [\"serde\", \"v4\"] }
";

/// The Rust path of the client's module.
pub(crate) const CLIENT: &str = "crate::runtime::client";
/// The Rust path of the module with the crates.
pub(crate) const CRATES: &str = "crate::runtime::crates";

/// The dependencies of the manifest.
pub(crate) fn dependencies() -> &'static str {
    DEPENDENCIES
}

/// Writes the module into the crate's `src/`.
///
/// # Errors
/// Says which file could not be written.
pub(crate) fn write(sources: &Path) -> Result<(), String> {
    let folder = sources.join("runtime");
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(folder.join("client")).map_err(|error| failed(&folder, error))?;
    let files = SOURCES.iter().map(|(name, text)| (*name, moved(text)));
    for (name, text) in files.chain([("mod.rs", MODULE.to_owned())]) {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// A source as it stands in the module: with the paths there, and without its tests.
fn moved(text: &str) -> String {
    let code = text.split_once("\n#[cfg(test)]\nmod tests").map_or(text, |(code, _)| code);
    code.replace("crate::", "crate::runtime::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_name_nothing_of_ours() {
        for (name, text) in SOURCES {
            let text = moved(text);
            assert!(text.len() > 1000 && !text.contains("#[cfg(test)]"), "{name}");
            // Comments may name the crate.
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            assert!(!code.into_iter().any(|line| line.contains("runyard_")), "{name}");
        }
    }
}
