//! Rules of the code base, checked over its own text: which module may name which, and where things may be.
//!
//! `tree.rs` reads the tree. That nothing is executed or shown before its commit cannot be checked in the text: the tests
//! of the engine and the store check it.

mod circles;
mod facts;
mod imports;
pub mod tree;

use runyard_engine::NodeKind;
use tree::{File, manifest, names_below, sources, tree};

/// Files of the server, without tests and without the build script, which runs elsewhere.
fn server() -> Vec<File> {
    sources("server").into_iter().filter(|file| file.path != "server/build.rs").collect()
}

/// Fails with every line about which `wrong` returns a complaint.
fn nowhere(files: &[File], wrong: impl Fn(&File, &str) -> Option<String>) {
    assert!(!files.is_empty(), "a rule over no files holds nothing");
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| file.code().map(move |(number, line)| (file, number, line)))
        .filter_map(|(file, number, line)| wrong(file, line).map(|why| format!("{}:{number}: {why}", file.path)))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Returns the words of `words` that a line has.
fn says(line: &str, words: &[&str]) -> Option<String> {
    words.iter().find(|word| line.contains(**word)).map(|word| format!("`{word}` has no place here"))
}

#[test]
fn the_engine_depends_on_nothing_that_reaches_outside() {
    let engine = manifest("server/engine/Cargo.toml");
    let allowed = ["serde", "serde_json", "sha2", "thiserror", "uuid"];
    let named: Vec<&String> = engine["dependencies"].as_table().unwrap().keys().collect();
    assert_eq!(named, allowed, "a crate that can do I/O, read a clock or roll a die makes a replay another run");
    // With `v4` or `v7` it could use random numbers and the clock.
    let uuid = &engine["dependencies"]["uuid"];
    assert_eq!(uuid["default-features"].as_bool(), Some(false));
    assert_eq!(uuid["features"].as_array().unwrap().len(), 2, "only `serde` and `std`");
    assert!(engine.get("build-dependencies").is_none() && engine.get("target").is_none());
}

#[test]
fn the_engine_is_pure() {
    let outside =
        ["runyard_api", "std::fs", "std::net", "std::env", "std::process", "std::thread", "std::io", "std::time"];
    nowhere(&sources("server/engine"), |_, line| {
        says(line, &outside).or_else(|| says(line, &["async fn", ".await", "println!"]))
    });
}

#[test]
fn what_is_stored_depends_on_nothing_else_of_the_engine() {
    nowhere(&sources("server/engine/record"), |_, line| says(line, &["crate::"]));
}

#[test]
fn a_dialect_module_calls_only_the_facade() {
    let dialects = sources("server/dialects");
    nowhere(&dialects, |_, line| says(line, &["rusqlite", "reqwest", "TcpStream", "std::net", "std::fs"]));
    // Paths are spelt out, so that the names can be read from the text.
    nowhere(&dialects, |_, line| says(line, &["crate::{", "crate::store;", "crate::store as"]));
    // What a dialect module may name of this crate: `objects` as the façade over stored data of APIs other than runs.
    // Of the store, only the values of a list: the filter and the result.
    let allowed = [
        "auth",
        "dialects",
        "runs",
        "objects",
        "feed",
        "catalog",
        "clock",
        "codes",
        "limits",
        "nodes",
        "listeners",
        "schemas",
        "sizes",
        "store",
    ];
    let values = ["Cursor", "Filter", "LabelFilter", "RunPhase", "RunRow", "Status"];
    for file in &dialects {
        for name in names_below(&file.text, "crate::") {
            assert!(allowed.contains(&name.as_str()), "{}: a dialect module names `crate::{name}`", file.path);
        }
        for name in names_below(&file.text, "crate::store::") {
            assert!(values.contains(&name.as_str()), "{}: a dialect module names `crate::store::{name}`", file.path);
        }
    }
}

#[test]
fn only_the_store_knows_sql() {
    let sql = ["rusqlite", "SELECT ", "INSERT INTO", "DELETE FROM", "CREATE TABLE", "PRAGMA "];
    nowhere(&server(), |file, line| says(line, &sql).filter(|_| !file.path.starts_with("server/store/sqlite")));
    nowhere(&[sources("client"), sources("openapi")].concat(), |_, line| says(line, &sql));
    for path in tree().iter().map(|file| &file.path).filter(|path| path.ends_with(".sql")) {
        assert!(path.starts_with("server/store/"), "{path}");
    }
}

#[test]
fn only_four_places_reach_outside() {
    // Effects, with MCP servers over the clients of the egress rules, a remote coordinator, the keys and tokens of an
    // identity provider, and the command line, which is a client of the server. The benchmark is a client, too, and not
    // part of a server.
    let identity = ["server/auth/provider", "server/auth/token_endpoint"];
    let worker = "server/expressions/pool.rs";
    let mcp = "server/nodes/mcp/";
    let places = ["server/nodes/perform/", mcp, "server/runs/remote", "server/cli/", "server/bench/", worker];
    let allowed = [&places[..], &identity[..]].concat();
    let outside = ["reqwest::", "TcpStream", "TcpListener", "UdpSocket", "UnixStream", "hyper::", "process::Command"];
    nowhere(&server(), |file, line| {
        // A URL opens no connection.
        let line = line.replace("reqwest::Url", "");
        says(&line, &outside).filter(|_| !allowed.iter().any(|place| file.path.starts_with(place)))
    });
    // A worker is another process of this binary, with only its two pipes. An MCP server is a program of the
    // configuration.
    let processes = [worker, "server/nodes/mcp/child.rs"];
    nowhere(&server(), |file, line| says(line, &["tokio::process"]).filter(|_| !processes.contains(&&*file.path)));
    let host = [sources("openapi/host"), sources("openapi/codegen")].concat();
    // `table --compile` starts cargo.
    let table = "openapi/codegen/bin/table.rs";
    nowhere(&host, |file, line| {
        says(line, &["TcpStream::connect", "UdpSocket", "process::Command"]).filter(|_| file.path != table)
    });
}

#[test]
fn only_one_file_reads_the_wall_clock() {
    let clocks = ["SystemTime", "Timestamp::now", "Zoned::now", "now_v7", "now_v6", "now_v1", "Utc::now"];
    let files = [server(), sources("client"), sources("openapi")].concat();
    nowhere(&files, |file, line| says(line, &clocks).filter(|_| file.path != "server/compute/clock.rs"));
    assert!(
        tree::read("server/compute/clock.rs").contains("Timestamp::now"),
        "the rule looks for what is not said any more"
    );
}

#[test]
fn nothing_generated_is_kept() {
    for file in tree() {
        let path = file.path.as_str();
        let of_a_tool = path == "Cargo.lock" || path.starts_with("tests/golden/");
        let by_hand = ["rs", "md", "yaml", "toml", "sql", "py", "sh", "css", "js", "ts"]
            .iter()
            .any(|kind| path.ends_with(&format!(".{kind}")))
            || path.starts_with(".ci/")
            || path.rsplit('/').next().is_some_and(|name| name.starts_with("LICENSE-"))
            || path.contains("/tests/") && path.ends_with(".json")
            || path == "tests/interop/tsconfig.json"
            // Packed rows of the log are compressed with this: it is a part of the stored format.
            || path.starts_with("server/store/sqlite/words/")
            // Examples for other programs, each in its own form.
            || path.starts_with("packaging/")
            || ["gitignore", "rustfmt.toml", "clippy.toml"].iter().any(|name| path == format!(".{name}"));
        assert!(
            of_a_tool || by_hand,
            "{path}: generated? then it belongs to OUT_DIR or tests/golden; else allow its kind here"
        );
        let head: String = file.text.lines().take(5).collect::<Vec<_>>().join("\n").to_lowercase();
        let marks = [concat!("@gene", "rated"), concat!("do not ", "edit"), concat!("auto-gene", "rated")];
        assert!(of_a_tool || !marks.iter().any(|mark| head.contains(mark)), "{path} says that it is generated");
    }
}

#[test]
fn every_file_says_what_lives_in_it_and_is_short() {
    for file in tree().iter().filter(|file| file.path.ends_with(".rs") && !file.path.starts_with("tests/golden/")) {
        assert!(file.text.starts_with("//! "), "{}: the first line is not a header", file.path);
        let (lines, most) = (file.text.lines().count(), if file.path.starts_with("tests/") { 400 } else { 600 });
        assert!(lines <= most, "{}: {lines} lines, more than {most}", file.path);
    }
}

#[test]
fn nothing_is_left_for_later() {
    let later = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("XX", "X"),
    ];
    let silencers = [concat!("#[al", "low("), concat!("#![al", "low(")];
    let files: Vec<File> = tree().into_iter().filter(|file| !file.path.starts_with("tests/golden/")).collect();
    for file in files.iter().filter(|file| file.path != "Cargo.lock") {
        for (number, line) in file.text.lines().enumerate() {
            // Generated code is not read by people: the generator, and the places that include its code, may silence
            // any lint.
            let of_generated = file.path.starts_with("openapi/codegen/") || file.path == "openapi/lib.rs";
            let silenced = || says(line, &silencers).filter(|_| !of_generated);
            let found = says(line, &later).or_else(silenced);
            assert!(found.is_none(), "{}:{}: {}", file.path, number + 1, found.unwrap_or_default());
        }
    }
}

#[test]
fn a_crates_folder_is_its_source_root() {
    for file in tree() {
        assert!(!file.path.split('/').any(|part| part == "src"), "{}", file.path);
    }
}

#[test]
fn every_kind_of_node_run_has_its_file() {
    for kind in NodeKind::ALL {
        let name = serde_json::to_value(kind).unwrap().as_str().unwrap().to_owned();
        let path = format!("server/engine/kinds/{name}.rs");
        assert!(tree().iter().any(|file| file.path == path), "{path} is not there");
    }
    let files = tree().iter().filter(|file| file.path.starts_with("server/engine/kinds/")).count();
    assert_eq!(files, NodeKind::ALL.len() + 2, "one file per kind, `facts.rs` and `mod.rs`");
}

#[test]
fn every_document_has_its_provenance() {
    let table = tree::read("openapi/README.md");
    let documents: Vec<File> = tree()
        .into_iter()
        .filter(|file| file.path.starts_with("openapi/") && file.path.ends_with(".yaml"))
        .filter(|file| !["/tests/", "/examples/"].iter().any(|apart| file.path.contains(apart)))
        .filter(|file| !file.path.ends_with(".overlay.yaml"))
        .collect();
    assert!(documents.len() >= 4);
    for file in documents {
        let document: serde_json::Value = serde_saphyr::from_str(&file.text).unwrap();
        let source = &document["info"]["x-runyard-source"];
        if document.get("paths").is_some() {
            assert_eq!(document["info"]["license"]["name"], source["licence"], "{}: two licences", file.path);
        }
        // A file with only schemas has no `info`, so its row suffices.
        let keys: &[&str] =
            if document.get("paths").is_some() { &["owner", "version", "date", "licence"] } else { &[] };
        let name = file.path.trim_start_matches("openapi/");
        let row = table.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap_or_default();
        assert!(!row.is_empty(), "{name} has no row in openapi/README.md");
        for key in keys {
            let said = source[key].as_str().unwrap_or_default();
            assert!(
                !said.is_empty() && row.contains(&format!("| {said} |")),
                "{name}: {key} is {said:?}, the row is {row:?}"
            );
        }
    }
}
