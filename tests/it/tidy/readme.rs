//! The README says what the code does: its tables against the code, row by row.

use std::collections::BTreeSet;
use std::process::Command;

use runyard::catalog::Catalog;
use runyard::codes::{Code, FailureCode};

use super::tree::{read, sources};
use crate::harness::World;

/// The base of the ports that the README shows, which is the default.
const PORT_BASE: u16 = 8080;

/// The rows of the first table below a heading, without its head; a cell as it is written.
fn table(heading: &str) -> Vec<Vec<String>> {
    let text = read("README.md");
    let below = text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no `## {heading}`")).1;
    let rows = below.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    rows.skip(2).map(cells).collect()
}

/// What stands between backticks in a cell.
fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

#[tokio::test]
async fn the_table_of_doors_is_the_servers() {
    let shown: Vec<(String, u16, String)> = table("What is here now")
        .iter()
        .map(|row| (quoted(&row[0]).next().unwrap(), row[1].parse::<u16>().unwrap() - PORT_BASE, row[3].clone()))
        .collect();
    // The table that heads `server/clients.rs`, and the numbers below it.
    let code = read("server/listeners.rs");
    let mut stated = Vec::new();
    for line in code.lines().filter(|line| line.starts_with("//! | `")) {
        let cells: Vec<&str> = line.trim_start_matches("//! ").trim_matches('|').split('|').map(str::trim).collect();
        let document = cells[2].trim_matches('`');
        let link = format!("[{document}.yaml]({document}.yaml)");
        stated.push((cells[0].trim_matches('`').to_owned(), cells[1].parse().unwrap(), link));
    }
    assert_eq!(shown, stated, "README.md and the header of server/listeners.rs");
    let offsets: Vec<u16> = code
        .split_once("const OFFSETS")
        .and_then(|(_, rest)| rest.split_once(';'))
        .and_then(|(_, rest)| rest.split_once(';'))
        .map_or("", |(offsets, _)| offsets)
        .split("\", ")
        .skip(1)
        .filter_map(|rest| rest.split(')').next().and_then(|number| number.parse().ok()))
        .collect();
    assert_eq!(offsets, stated.iter().map(|api| api.1).collect::<Vec<_>>(), "server/listeners.rs and its header");

    let world = World::new().await;
    let open = world.native.list_doors().await.unwrap().into_inner();
    let open: Vec<String> = open.doors.iter().map(|api| api.name.to_string()).collect();
    assert_eq!(open, shown.into_iter().map(|api| api.0).collect::<Vec<_>>(), "what a server opens");
    world.server.stop().await;
}

#[test]
fn the_table_of_errors_is_the_codes() {
    let mut shown = BTreeSet::new();
    for row in table("Errors") {
        let status: u16 = row[0].parse().unwrap_or_else(|_| panic!("one status a row, not {:?}", row[0]));
        for code in quoted(&row[1]) {
            assert!(shown.insert((status, code.clone())), "{status} `{code}` stands twice");
        }
    }
    let refused: BTreeSet<(u16, String)> =
        Code::ALL.iter().map(|code| (code.status().as_u16(), code.as_str().to_owned())).collect();
    let missing: Vec<_> = refused.difference(&shown).collect();
    let invented: Vec<_> = shown.difference(&refused).collect();
    assert!(missing.is_empty() && invented.is_empty(), "the README lacks {missing:?} and invents {invented:?}");
}

#[test]
fn the_reasons_of_failed_runs_are_the_codes() {
    let shown: BTreeSet<String> =
        table("When a run fails").iter().flat_map(|row| quoted(&row[0]).collect::<Vec<_>>()).collect();
    let mut coded = BTreeSet::new();
    let folders =
        ["server/engine", "server/planner", "server/driver", "server/graph", "server/expressions", "server/compute"];
    let fit = sources("server/runs")
        .into_iter()
        .filter(|file| ["server/runs/output_schema.rs", "server/runs/submit/wish.rs"].contains(&file.path.as_str()));
    for file in folders.map(sources).concat().into_iter().chain(fit) {
        let code: String = file.code().map(|(_, line)| line.trim()).collect::<Vec<_>>().join("");
        for begin in ["failure(", "failed(", "invalid(", "code: "] {
            coded.extend(code.split(begin).skip(1).filter_map(literal).filter(|code| is_code(code)));
        }
    }
    assert!(coded.contains("clause_unmapped") && coded.contains("goal_missing"), "{coded:?}");
    assert_eq!(shown, coded, "README.md, and the code");
    let listed: BTreeSet<String> = FailureCode::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(listed, coded, "server/codes.rs, and the code");
}

#[test]
fn every_node_type_and_command_is_named() {
    let shown: BTreeSet<String> =
        table("Node types").iter().flat_map(|row| quoted(&row[0]).collect::<Vec<_>>()).collect();
    let known: BTreeSet<String> = Catalog::builtin().entries().iter().map(|entry| entry.id.to_string()).collect();
    assert_eq!(shown, known, "README.md, and the catalogue");

    let help = Command::new(env!("CARGO_BIN_EXE_runyard")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let known: BTreeSet<&str> =
        commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    let shown: Vec<String> =
        table("The command line").iter().flat_map(|row| quoted(&row[0]).collect::<Vec<_>>()).collect();
    let shown: BTreeSet<&str> = shown.iter().filter_map(|command| command.split(' ').next()).collect();
    assert_eq!(shown, known, "README.md, and `runyard --help`");
}

#[test]
fn the_reasons_of_a_401_and_403_are_the_codes() {
    let shown: BTreeSet<String> =
        table("Who is calling").iter().flat_map(|row| quoted(&row[0]).collect::<Vec<_>>()).collect();
    let refused = read("server/auth/refused.rs");
    let words = refused.split_once("fn words(").unwrap().1.split_once("impl From").unwrap().0;
    let arms = words.split("=> ").skip(1).filter_map(|arm| literal(arm.trim_start_matches(['{', '(', '\n', ' '])));
    let mut coded: BTreeSet<String> = arms.filter(|code| code != "unavailable").collect();
    let keys = read("server/dialects/runyard/keys.rs");
    coded.extend(keys.split(".with(\"reason\", ").skip(1).filter_map(literal));
    assert!(coded.len() > 20, "{coded:?}");
    assert_eq!(shown, coded, "README.md, and server/auth/refused.rs");
}

#[test]
fn the_rust_of_the_readme_is_that_of_the_clients_page_which_is_compiled() {
    let block = |text: &str, fence: &str| {
        let (_, code) = text.split_once(fence).unwrap();
        code.split_once("\n```").unwrap().0.trim().to_owned()
    };
    let shown = block(&read("README.md"), "\n```rust\n");
    let compiled = block(&read("client/README.md"), "\n```rust,no_run\n");
    assert!(compiled.contains(&shown), "README.md shows\n{shown}\nand client/README.md\n{compiled}");
}

/// The string that a text begins with.
fn literal(text: &str) -> Option<String> {
    Some(text.trim_start().strip_prefix('"')?.split_once('"')?.0.to_owned())
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}
