//! A fact is a type: statuses and codes are compared as enums, and every failure code is used.

use std::collections::BTreeSet;

use runyard::codes::{Code, FailureCode};
use runyard_engine::RunStatus;

use super::tree::sources;

/// Words of states, ends, verdicts and decisions that have an enum.
fn statuses() -> BTreeSet<String> {
    let more = ["allow", "approved", "denied", "fail", "skipped", "permission_asked", "require_approval"];
    let states = RunStatus::ALL.iter().map(|status| match status {
        RunStatus::Queued => "queued".to_owned(),
        RunStatus::Running => "running".to_owned(),
        RunStatus::Waiting => "waiting".to_owned(),
        RunStatus::Final(outcome) => outcome.to_string(),
    });
    states.chain(more.map(str::to_owned)).collect()
}

/// The texts that a line compares with: `== "x"`, `!= "x"`, `Some("x")` beside these, and patterns of a `match`.
fn compared(line: &str) -> Vec<&str> {
    let mut texts = Vec::new();
    for (at, _) in line.match_indices('"') {
        let (before, after) = (line[..at].trim_end(), &line[at + 1..]);
        let Some((text, rest)) = after.split_once('"') else { continue };
        let before = before.strip_suffix("Some(").unwrap_or(before).trim_end();
        let rest = rest.trim_start().trim_start_matches(')').trim_start();
        let is_pattern = rest.starts_with("=>") && !before.ends_with("=>") || rest.starts_with("| \"");
        if before.ends_with("==") || before.ends_with("!=") || is_pattern {
            texts.push(text);
        }
    }
    texts
}

#[test]
fn statuses_and_codes_are_never_compared_as_text() {
    let mut words = statuses();
    words.extend(Code::ALL.iter().map(|code| code.as_str().to_owned()));
    words.extend(FailureCode::ALL.iter().map(|code| code.as_str().to_owned()));
    // Also the name of an event.
    words.remove("approval_decided");
    assert_eq!(compared(r#"if ended != "failed" {"#), ["failed"]);
    assert_eq!(compared(r#"field("x") == Some("fail") && y"#), ["fail"]);
    assert_eq!(compared(r#""succeeded" | "ok" => 1,"#), ["succeeded", "ok"]);
    assert!(compared(r#"Code::Failed => "failed","#).is_empty());
    let mut found = Vec::new();
    for file in [sources("server"), sources("client")].concat() {
        for (number, line) in file.code() {
            let known = compared(line).into_iter().filter(|text| words.contains(*text));
            found.extend(known.map(|text| format!("{}:{number}: {text:?} has an enum", file.path)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_failure_code_is_used_by_some_code() {
    let table = "server/engine/record/failure_code.rs";
    let files = sources("server");
    let used: BTreeSet<String> = files
        .iter()
        .filter(|file| file.path != table)
        .flat_map(|file| file.code().map(|(_, line)| line))
        .flat_map(|line| line.split("FailureCode::").skip(1))
        .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect())
        .collect();
    for code in FailureCode::ALL {
        assert!(used.contains(&format!("{code:?}")), "nothing fails with `{}`: delete its row", code.as_str());
    }
    for code in Code::ALL {
        let name = format!("Code::{code:?}");
        let is_used = |line: &str| {
            line.match_indices(&name).any(|(at, _)| {
                let longer = line[..at].ends_with(char::is_alphanumeric);
                !longer && !line[at + name.len()..].starts_with(char::is_alphanumeric)
            })
        };
        let mut lines = files.iter().filter(|file| file.path != "server/codes.rs").flat_map(super::tree::File::code);
        assert!(lines.any(|(_, line)| is_used(line)), "nothing answers `{}`: delete its row", code.as_str());
    }
}
