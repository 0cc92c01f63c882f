//! The failure codes of runs in `server/codes.rs`, compared with the code that fails runs.

use std::collections::BTreeSet;

use runyard::codes::FailureCode;

use super::tree::sources;

#[test]
fn every_code_of_a_failed_run_is_in_the_table_of_codes() {
    let mut coded = BTreeSet::new();
    let folders = [
        "server/engine",
        "server/planner",
        "server/driver",
        "server/nodes",
        "server/graph",
        "server/expressions",
        "server/compute",
    ];
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
    let listed: BTreeSet<String> = FailureCode::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(listed, coded, "server/codes.rs, and the code");
}

/// The string that a text begins with.
fn literal(text: &str) -> Option<String> {
    Some(text.trim_start().strip_prefix('"')?.split_once('"')?.0.to_owned())
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}
