//! Tests of the comparison: every rule in both directions, properties over edits of the project's documents, and files.

mod files;
mod forms;
mod laws;
mod meaning;
mod rules;
mod shared;

use super::change::{Breaks, Change, How};

/// `enum_value_added Colour: clients`, for a table.
fn line(change: &Change) -> String {
    let breaks = match change.breaks.names() {
        names if names.is_empty() => "neither".to_owned(),
        names => names.join(" "),
    };
    format!("{} {}: {breaks}", change.kind(), change.place)
}

/// The mirrored change without its place: a path may be named after the new document.
fn undone(change: &Change) -> (&'static str, How, Breaks, String) {
    let how = match change.how {
        How::Added => How::Removed,
        How::Removed => How::Added,
        How::Changed => How::Changed,
    };
    let breaks = Breaks::of(change.breaks.servers, change.breaks.clients);
    (change.subject, how, breaks, format!("{:?} {:?}", change.new, change.old))
}

fn as_is(change: &Change) -> (&'static str, How, Breaks, String) {
    (change.subject, change.how, change.breaks, format!("{:?} {:?}", change.old, change.new))
}

/// Fails unless one direction mirrors the other. The one exception: removing data that a client could read breaks
/// clients, and adding optional data breaks no server.
fn mirrors(forth: &[Change], back: &[Change]) {
    let relaxed = |mut one: (&'static str, How, Breaks, String)| {
        match (one.0, one.1) {
            ("property" | "header", How::Removed) => one.2.clients = true,
            ("property" | "header", How::Added) => one.2.servers = true,
            // A new body where there was none reaches callers that did not ask for it; no caller asks for a body that is gone.
            ("media_type", _) => one.2 = Breaks::NEITHER,
            _ => {}
        }
        one
    };
    let key = |one: &(&'static str, How, Breaks, String)| format!("{one:?}");
    let mut expected: Vec<_> = forth.iter().map(|one| relaxed(undone(one))).collect();
    let mut found: Vec<_> = back.iter().map(|one| relaxed(as_is(one))).collect();
    expected.sort_by_key(key);
    found.sort_by_key(key);
    assert_eq!(expected, found, "one direction is not the other undone");
}
