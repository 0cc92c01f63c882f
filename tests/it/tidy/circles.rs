//! Files of a crate import each other in one direction.

use super::imports::Crate;
use super::tree::tree;

/// The source roots of all crates.
const ROOTS: [&str; 11] = [
    "client",
    "openapi",
    "openapi/codegen",
    "openapi/diff",
    "openapi/normal",
    "server",
    "server/bench",
    "server/compute",
    "server/engine",
    "server/expressions",
    "server/store",
];

/// The circles that are there, with their crate. `docs/project/ARCHITECTURE.md` says why for each.
const HONEST: [(&str, &[&str]); 4] = [
    ("openapi/codegen", &["bases", "isolate", "tagged", "types"]),
    ("openapi/codegen", &["reader", "responses"]),
    ("openapi/diff", &["keywords", "view"]),
    ("server/engine", &["finish", "kinds"]),
];

#[test]
fn files_of_a_crate_import_each_other_in_one_direction() {
    let mut files = tree();
    let is_test = |path: &str| path.contains("/tests/") || path.ends_with("/tests.rs") || path.contains("/examples/");
    files.retain(|file| file.path.ends_with(".rs") && !is_test(&file.path));
    let mut found = Vec::new();
    for root in ROOTS {
        let read = Crate::read(root, &files, &ROOTS);
        assert!(read.len() > 1, "{root} is not the root of a crate");
        found.extend(read.circles().into_iter().map(|circle| (root, circle)));
    }
    let found: Vec<(&str, Vec<&str>)> =
        found.iter().map(|(root, circle)| (*root, circle.iter().map(String::as_str).collect())).collect();
    let expected: Vec<(&str, Vec<&str>)> = HONEST.iter().map(|(root, circle)| (*root, circle.to_vec())).collect();
    assert_eq!(found, expected, "cut a circle that is new; delete the line of one that is gone");
    let page = super::tree::read("docs/project/ARCHITECTURE.md");
    for (root, circle) in HONEST {
        let names: Vec<String> = circle.iter().map(|name| format!("`{name}`")).collect();
        let line = format!("`{root}`: {}", names.join(", "));
        assert!(page.contains(&line), "docs/project/ARCHITECTURE.md does not list {line:?}");
    }
}
