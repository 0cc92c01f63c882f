//! The tables of error codes (`server/web/reference/codes.rs`), against the code that refuses requests and fails runs.

use std::collections::{BTreeMap, BTreeSet};

use runyard::codes::Code;
use runyard::web::reference::codes::{CODES, REASONS};

use super::tree::{read, sources};

#[test]
fn every_code_of_a_refusal_is_in_the_table_of_codes() {
    let refused = refusals();
    let referenced: BTreeSet<(u16, String)> = CODES.iter().map(|one| (one.status, one.code.to_owned())).collect();
    assert_eq!(referenced, refused, "server/web/reference/codes.rs, and the code");
}

#[test]
fn every_code_of_a_failed_run_is_in_the_table_of_reasons() {
    let mut coded = BTreeSet::new();
    let folders = ["engine", "server/planner", "server/driver", "server/graph", "server/expressions", "server/compute"];
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
    let referenced: BTreeSet<String> =
        REASONS.iter().flat_map(|(codes, _)| *codes).map(|code| (*code).to_owned()).collect();
    assert_eq!(referenced, coded, "server/web/reference/codes.rs, and the code");
}

/// Every status and code that a room can refuse with: what the rooms write, and the host's faults as the rooms say them.
fn refusals() -> BTreeSet<(u16, String)> {
    let mut found = BTreeSet::new();
    for file in sources("server/dialects") {
        let code: String = file.code().map(|(_, line)| line.trim()).collect::<Vec<_>>().join("");
        for rest in code.split("Refusal::new(").skip(1) {
            let (status, after) = rest.split_once(',').unwrap();
            // Two are passed on: a fault of the API, below, and what another coordinator said.
            let Some(name) = status.strip_prefix("S::").or_else(|| status.strip_prefix("StatusCode::")) else {
                continue;
            };
            found.insert((
                number(name),
                literal(after).or_else(|| typed(after)).unwrap_or_else(|| panic!("{}: {rest:.80}", file.path)),
            ));
        }
    }
    let (fault, refusal) = (read("openapi/host/fault.rs"), read("server/dialects/refusal.rs"));
    let statuses =
        arms(&fault, "pub fn status(", "Self::", |value| Some(number(value.trim_start_matches("StatusCode::"))));
    let mut codes = arms(&fault, "pub fn code(", "Self::", literal);
    codes.extend(arms(&refusal, "fn code(", "Fault::", literal));
    assert_eq!(
        statuses.keys().collect::<Vec<_>>(),
        codes.keys().collect::<Vec<_>>(),
        "a fault has a status and a code"
    );
    found.extend(codes.into_iter().map(|(fault, code)| (statuses[&fault], code)));
    found
}

/// The arms of the match in a function: a variant and what it becomes.
fn arms<T: Clone>(text: &str, function: &str, prefix: &str, value: impl Fn(&str) -> Option<T>) -> BTreeMap<String, T> {
    let body = text.split_once(function).unwrap().1;
    let body = &body[..body.find("\n    }\n").into_iter().chain(body.find("\n}\n")).min().unwrap()];
    let body = body.split_once("match ").unwrap().1.replace(['\n', '{', '}'], " ");
    let mut arms = BTreeMap::new();
    // `A .. | B => value, C => value`: a value ends where the next variant begins.
    let mut variants: Vec<String> = Vec::new();
    for part in body.split(prefix).skip(1) {
        variants.push(part.chars().take_while(char::is_ascii_alphanumeric).collect());
        if let Some((_, after)) = part.split_once("=>") {
            let found = value(after.trim()).unwrap_or_else(|| panic!("{function}: {part}"));
            arms.extend(variants.drain(..).map(|variant| (variant, found.clone())));
        }
    }
    arms
}

/// The string that a text begins with.
fn literal(text: &str) -> Option<String> {
    Some(text.trim_start().strip_prefix('"')?.split_once('"')?.0.to_owned())
}

/// The code that a text names as a [`Code`].
fn typed(text: &str) -> Option<String> {
    let name = text.trim_start().strip_prefix("Code::")?;
    let name: String = name.chars().take_while(char::is_ascii_alphanumeric).collect();
    let code = Code::ALL.iter().find(|code| format!("{code:?}") == name)?;
    Some(code.as_str().to_owned())
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

/// The number of a status that `http` names.
fn number(name: &str) -> u16 {
    let name: String = name.chars().take_while(|letter| letter.is_ascii_uppercase() || *letter == '_').collect();
    let words = name.to_lowercase().replace('_', " ");
    let reasons = (400..600).filter_map(|number| http::StatusCode::from_u16(number).ok());
    let found =
        reasons.into_iter().find(|status| status.canonical_reason().unwrap_or_default().to_lowercase() == words);
    found.unwrap_or_else(|| panic!("no status is called {name}")).as_u16()
}
