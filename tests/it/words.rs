//! The project's language: words that are out do not come back in the files that have been cleaned.
//!
//! [`CLEAN`] lists the clean files and folders; add a row when an area is done. [`OUT`] and [`PHRASES`] list what is out, and the word to
//! write instead. `docs/project/GLOSSARY.md` explains the words that stay.
//!
//! Markdown: inline code is not checked, because it quotes names. Everything else is checked as a whole, identifiers included: they are
//! split into words (`open_door` and `OpenDoor` both have `door`).

use std::collections::BTreeSet;

use crate::tidy::tree::{File, tree};

/// Files and folders (with `/` at the end) that have been cleaned.
const CLEAN: &[&str] = &[
    ".ci/pages.py",
    "CHANGELOG.md",
    "README.md",
    "client/",
    "docs/",
    "openapi/README.md",
    "openapi/acp/",
    "openapi/arp/",
    "openapi/cargo/",
    "openapi/client.rs",
    "openapi/client/",
    "openapi/codegen/",
    "openapi/diff/",
    "openapi/examples/",
    "openapi/host/",
    "openapi/lib.rs",
    "openapi/multipart.rs",
    "openapi/normal/",
    "openapi/runyard/",
    "openapi/style.rs",
    "openapi/toolregistry/",
    "packaging/",
    "server/auth/",
    "server/bench/",
    "server/build.rs",
    "server/check/",
    "server/cli/",
    "server/codes.rs",
    "server/codes/",
    "server/compute/",
    "server/config/",
    "server/dialects/",
    "server/driver/",
    "server/engine/",
    "server/expressions/",
    "server/feed.rs",
    "server/feed/",
    "server/graph/",
    "server/lib.rs",
    "server/limits.rs",
    "server/listeners.rs",
    "server/logging.rs",
    "server/main.rs",
    "server/nodes/",
    "server/objects.rs",
    "server/objects/",
    "server/open_files.rs",
    "server/planner/",
    "server/retention.rs",
    "server/retention/",
    "server/runs.rs",
    "server/runs/",
    "server/schemas/",
    "server/serve.rs",
    "server/store/",
    "server/version.rs",
    "server/web/",
    "tests/it/",
    "tests/sim/",
];

/// Lines that may have a word that is out: the file, a part of the line, and why.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("server/cli/approvals.rs", "run.face", "the field of the Runyard document"),
    ("server/cli/approvals.rs", "\"face\": ", "the field of the Runyard document"),
    ("server/cli/connection.rs", "list_doors", "the operation of the Runyard document"),
    ("server/cli/connection.rs", "no_such_door", "an error code that programs know"),
    ("server/cli/discovery.rs", "list_doors", "the operation of the Runyard document"),
    ("server/cli/discovery.rs", "into_inner().doors", "the field of the Runyard document"),
    ("server/cli/discovery.rs", "no_such_door", "an error code that programs know"),
    ("server/cli/get.rs", "run.face", "the field of the Runyard document"),
    ("server/cli/list.rs", "alias = \"face\"", "the flag's old name"),
    ("server/cli/list.rs", "\"face\": ", "the field of the Runyard document"),
    ("server/cli/local.rs", "no_such_door", "an error code that programs know"),
    ("server/cli/serve.rs", "\"doors\"", "the field of the ready line"),
    ("server/cli/serve.rs", "door_ended", "an error code that programs know"),
    ("server/cli/serve.rs", "\\\"doors\\\"", "the field of the ready line"),
    ("server/cli/tree.rs", "\"face\": ", "the field of the Runyard document"),
    ("docs/reference/cli.md", "\"doors\":[", "a field of the output, which does not change"),
    ("docs/guides/python-agent.md", "if body is None", "Python"),
    ("openapi/runyard/runyard.yaml", "doors", "a path, an operation id and a field of the Runyard document"),
    ("openapi/runyard/runyard.yaml", "face", "a parameter and a field of the Runyard document"),
    ("tests/it/docs.rs", "list_doors", "an operation of the Runyard API, which does not change"),
    ("tests/it/docs.rs", "open.doors", "a field of its answer"),
    ("server/check/laws.rs", "\"face\"", "the name of the stored column"),
    ("server/engine/record/start.rs", "rename = \"face\"", "a field of stored logs"),
    ("server/store/sqlite/append.rs", "name, face, node_type", "the name of the stored column"),
    ("server/store/sqlite/convert.rs", "name, face, node_type", "the name of the stored column"),
    ("server/store/sqlite/list.rs", "runs.face", "the name of the stored column"),
    ("server/store/sqlite/migrations/0001_first.sql", " face ", "the name of the stored column"),
    ("server/store/sqlite/migrations/0001_first.sql", "runs_by_face", "the name of an index"),
    ("server/store/sqlite/migrations/0012_fewer_pages.sql", "face", "the name of the stored column and its index"),
    ("server/store/sqlite/words/1.txt", "\"face\"", "a field of stored logs; the file is part of the format"),
    ("server/config/load/tests.rs", "AUTH__DOORS", "the old name of a setting"),
    ("server/config/load/tests.rs", "auth.doors", "the old name of a setting"),
    ("server/config/settings.rs", "auth.doors", "the old name of a setting"),
    ("server/config/load/tests.rs", "nobody", "a subject of the test"),
    ("server/config/load/tests.rs", "auth.doors", "settings that users have"),
    ("server/dialects/runyard/handlers.rs", "list_doors", "the operation of the Runyard document"),
    ("server/dialects/runyard/handlers.rs", "ListDoorsOk", "the operation of the Runyard document"),
    ("server/dialects/runyard/handlers.rs", "request.face", "the parameter of the Runyard document"),
    ("server/dialects/runyard/handlers.rs", "query face", "the parameter of the Runyard document"),
    ("server/dialects/runyard/handlers.rs", "\"face\"", "the parameter of the Runyard document"),
    ("server/dialects/runyard/wire.rs", "doors: ", "the field of the Runyard document"),
    ("server/dialects/runyard/wire.rs", "request.face", "the parameter of the Runyard document"),
    ("server/dialects/runyard/wire.rs", "face: ", "the field of the Runyard document"),
    ("server/planner/fit.rs", "is asked for by", "a message that goldens have"),
    ("tests/it/apis.rs", "own[\"face\"]", "the field of the Runyard document"),
    ("tests/it/apis.rs", "runs?face=", "the parameter of the Runyard document"),
    ("tests/it/approvals.rs", "run.face", "the field of the Runyard document"),
    ("tests/it/auth/secrets.rs", "doors", "an operation of the Runyard API, and a field of its answer"),
    ("tests/it/auth/tenants.rs", "list_doors", "the operation of the Runyard document"),
    ("tests/it/contract/scenarios.rs", "list_doors", "the operation of the Runyard document"),
    ("tests/it/native.rs", "face", "the field and the parameter of the Runyard document"),
    ("tests/it/native.rs", "list_doors", "the operation of the Runyard document"),
    ("tests/it/native/page.rs", "face", "the parameter of the Runyard document"),
    ("tests/it/process.rs", "doors", "the field of the ready line"),
    ("tests/it/runtime.rs", "own.face", "the field of the Runyard document"),
    ("tests/it/sub_runs.rs", "found[0].face", "the field of the Runyard document"),
];

/// Where a word is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// In prose and in code.
    Everywhere,
    /// In Markdown: in code the word may be a plain name or verb.
    Prose,
}

use Where::{Everywhere, Prose};

/// Single words that are out, and what to write instead.
const OUT: &[(&str, Where, &str)] = &[
    ("bells", Everywhere, "`RunNotifier`"),
    ("deed", Everywhere, "call, execution or attempt"),
    ("deeds", Everywhere, "calls, executions or attempts"),
    ("door", Everywhere, "API for the interface, listener for the socket"),
    ("doors", Everywhere, "APIs for interfaces, listeners for sockets"),
    ("everybody", Everywhere, "every caller, all users"),
    ("face", Everywhere, "API"),
    ("faces", Everywhere, "APIs"),
    ("follower", Everywhere, "subscriber (of a stream), watcher (a client)"),
    ("followers", Everywhere, "subscribers (of a stream), watchers (clients)"),
    ("foretell", Everywhere, "`announce_removals`"),
    ("hopeless", Everywhere, "unsatisfiable"),
    ("kept", Prose, "stored, retained"),
    ("nobody", Everywhere, "no caller, no client, or the passive"),
    ("partings", Everywhere, "`closing_effects`"),
    ("riders", Everywhere, "`CommitExtras`"),
    ("room", Everywhere, "dialect module; for memory or a disk: space"),
    ("rooms", Everywhere, "dialect modules"),
    ("somebody", Everywhere, "the caller, the approver, another client"),
    ("someone", Everywhere, "the caller, the approver, another client"),
    ("told", Everywhere, "name who says what to whom: returned, reported, listed"),
    ("walk", Prose, "execution of a graph; to execute, to run"),
    ("walked", Prose, "executed"),
    ("walks", Prose, "executes"),
    ("whoever", Everywhere, "the caller, the approver, any client that"),
    ("witness", Everywhere, "`AckLog`, acknowledgement log"),
    ("witnessed", Everywhere, "recorded in the acknowledgement log"),
];

/// Phrases that are out, in lower case, and what to write instead. Line breaks count as spaces.
const PHRASES: &[(&str, &str)] = &[
    ("a way on", "an outgoing edge"),
    ("agree to what", "approve an approval request"),
    ("agrees to what", "approves an approval request"),
    ("are asked", "name the caller and the verb: clients call, the server requires"),
    ("asked for in a way", "usage error"),
    ("asked of the world", "effects (the outbox)"),
    ("asked who", "authentication, authenticated"),
    ("came through", "started through"),
    ("how the times lie", "latency histogram"),
    ("how we know", "tests"),
    ("is asked", "name the caller and the verb: clients call, the server requires"),
    ("is none", "is not valid, is missing"),
    ("no hand free", "all workers are busy"),
    ("our own door", "the Runyard API"),
    ("owner's contract", "vendor's contract"),
    ("owner's document", "vendor's document"),
    ("put out", "returned"),
    ("puts out", "returns"),
    ("stand-in", "fallback"),
    ("stand in for", "replace, is the fallback of"),
    ("the house", "the project"),
    ("ways on", "outgoing edges"),
    ("what we promise", "OpenAPI documents"),
    ("who calls", "the caller"),
    ("who is calling", "authentication, the caller"),
];

#[test]
fn clean_files_have_no_word_that_is_out() {
    let files: Vec<File> = tree().into_iter().filter(|file| is_clean(&file.path)).collect();
    for area in CLEAN {
        assert!(files.iter().any(|file| covers(area, &file.path)), "CLEAN names {area}, which is not there");
    }
    let found: Vec<String> = files.iter().flat_map(found_in).collect();
    assert!(found.is_empty(), "{} words are out:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_exception_is_still_needed() {
    for (path, part, reason) in ALLOWED {
        let file = tree().into_iter().find(|file| file.path == *path);
        let file = file.unwrap_or_else(|| panic!("ALLOWED names {path}, which is not there"));
        let is_out = |line: &str| {
            let prose = is_prose(path);
            !words_out_of(line, prose).is_empty() || !phrases_out_of(line, prose, |_| false).is_empty()
        };
        let has_word = |line: &str| line.contains(part) && is_out(line);
        assert!(file.text.lines().any(has_word), "{path}: {part:?} ({reason}) is allowed and not needed");
    }
}

fn is_clean(path: &str) -> bool {
    // This file lists the words.
    path != "tests/it/words.rs" && CLEAN.iter().any(|area| covers(area, path))
}

fn covers(area: &str, path: &str) -> bool {
    if area.ends_with('/') { path.starts_with(area) } else { path == area }
}

fn is_prose(path: &str) -> bool {
    path.ends_with(".md")
}

/// Every word and phrase of a file that is out, with its line.
fn found_in(file: &File) -> Vec<String> {
    let prose = is_prose(&file.path);
    let allowed = |line: &str| ALLOWED.iter().any(|(path, part, _)| *path == file.path && line.contains(part));
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate().filter(|(_, line)| !allowed(line)) {
        for (word, instead) in words_out_of(line, prose) {
            found.push(format!("{}:{}: `{word}`: write {instead}", file.path, index + 1));
        }
    }
    for (number, phrase, instead) in phrases_out_of(&file.text, prose, allowed) {
        found.push(format!("{}:{number}: `{phrase}`: write {instead}", file.path));
    }
    found
}

/// The words of a line that are out, each once.
fn words_out_of(line: &str, prose: bool) -> Vec<(&'static str, &'static str)> {
    let line = if prose { without_code(line) } else { line.to_owned() };
    let words: BTreeSet<String> = words(&line).into_iter().collect();
    let is_out = |(word, place, _): &&(&'static str, Where, &'static str)| {
        (prose || *place == Everywhere) && words.contains(*word)
    };
    OUT.iter().filter(is_out).map(|(word, _, instead)| (*word, *instead)).collect()
}

/// The phrases of a text that are out, each with the line on which it begins.
fn phrases_out_of(text: &str, prose: bool, allowed: impl Fn(&str) -> bool) -> Vec<(usize, &'static str, &'static str)> {
    // One long line, and for each line the place where it begins.
    let (mut joined, mut starts) = (String::from(" "), Vec::new());
    for line in text.lines() {
        starts.push(joined.len());
        let line = if allowed(line) { String::new() } else { line.to_lowercase() };
        let line = if prose { without_code(&line) } else { line };
        let line = line.trim().trim_start_matches(['/', '!', '#', '>', '-', '*']).trim();
        joined.push_str(&line.split_whitespace().collect::<Vec<_>>().join(" "));
        joined.push(' ');
    }
    let is_end = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_');
    let mut found = Vec::new();
    for (phrase, instead) in PHRASES {
        for (at, _) in joined.match_indices(phrase) {
            let (before, after) = (joined[..at].chars().next_back(), joined[at + phrase.len()..].chars().next());
            if is_end(before) && is_end(after) {
                let line = starts.iter().take_while(|start| **start <= at).count();
                found.push((line, *phrase, *instead));
            }
        }
    }
    found.sort_unstable();
    found
}

/// A line of Markdown without what stands between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// The words of a text in lower case; identifiers are split at `_` and at humps.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut was_lower) = (String::new(), false);
    for letter in text.chars() {
        if !letter.is_alphabetic() || (letter.is_uppercase() && was_lower) {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if letter.is_alphabetic() {
            word.extend(letter.to_lowercase());
        }
        was_lower = letter.is_lowercase();
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

#[test]
fn a_word_that_is_out_is_found_in_prose_and_in_identifiers() {
    let names = |line, prose| words_out_of(line, prose).into_iter().map(|(word, _)| word).collect::<Vec<_>>();
    assert_eq!(names("Nobody opens the Doors.", true), ["doors", "nobody"]);
    assert_eq!(names("let open_door = OpenDoors::new();", false), ["door", "doors"]);
    assert_eq!(names("An interface for a doorman, and `auth.doors.acp`.", true), Vec::<&str>::new());
    assert_eq!((names("It walks.", true), names("fn walks() {}", false)), (vec!["walks"], vec![]));
}

#[test]
fn a_phrase_that_is_out_is_found_across_lines() {
    let text = "//! Says who\n//! is calling.\n//! Nothing `is asked` here.\n";
    let found = |prose| phrases_out_of(text, prose, |_| false);
    assert_eq!(
        found(false).iter().map(|one| (one.0, one.1)).collect::<Vec<_>>(),
        [(1, "who is calling"), (3, "is asked")]
    );
    assert_eq!(found(true).len(), 1, "inline code of Markdown is not checked");
    assert!(phrases_out_of("for this none", false, |_| false).is_empty(), "`is none` begins within a word");
}
