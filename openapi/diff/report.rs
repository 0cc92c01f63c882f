//! A comparison as text for programs and for reviews: JSON and Markdown.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::allow::Reviewed;
use super::change::{Breaks, Change};

/// The worst first.
const GROUPS: [(Breaks, &str); 4] = [
    (Breaks::BOTH, "breaks clients and servers"),
    (Breaks::CLIENTS, "breaks clients"),
    (Breaks::SERVERS, "breaks servers"),
    (Breaks::NEITHER, "breaks neither"),
];

/// How many changes break a side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Breaking for clients.
    pub clients: usize,
    /// Breaking for servers.
    pub servers: usize,
    /// Breaking for neither.
    pub neither: usize,
}

impl Reviewed {
    /// The changes that break the same sides, with a title: the worst first, without empty groups.
    pub fn groups(&self) -> Vec<(&'static str, Vec<&Change>)> {
        let group = |breaks: Breaks| self.changes.iter().filter(|change| change.breaks == breaks).collect::<Vec<_>>();
        let all = GROUPS.into_iter().map(|(breaks, title)| (title, group(breaks)));
        all.filter(|(_, group)| !group.is_empty()).collect()
    }

    /// The numbers, without accepted changes.
    pub fn counts(&self) -> Counts {
        let count = |wanted: &dyn Fn(Breaks) -> bool| self.changes.iter().filter(|one| wanted(one.breaks)).count();
        Counts {
            clients: count(&|breaks| breaks.clients),
            servers: count(&|breaks| breaks.servers),
            neither: count(&|breaks| !breaks.any()),
        }
    }

    /// The numbers as a sentence.
    pub fn summary(&self) -> String {
        let Counts { clients, servers, neither } = self.counts();
        let all = self.changes.len();
        let changes = if all == 1 { "change" } else { "changes" };
        let accepted = match self.accepted.len() {
            0 => String::new(),
            number => format!("; {number} accepted"),
        };
        format!(
            "{all} {changes}: {clients} breaking for clients, {servers} for servers, {neither} for neither{accepted}"
        )
    }

    /// The form for programs.
    pub fn json(&self) -> Value {
        let Counts { clients, servers, neither } = self.counts();
        let mut report = json!({
            "changes": self.changes.iter().map(Change::json).collect::<Vec<_>>(),
            "breaks": { "clients": clients, "servers": servers, "neither": neither },
        });
        if !self.accepted.is_empty() {
            let accepted = self.accepted.iter().map(|(change, reason)| {
                let mut change = change.json();
                change["reason"] = json!(reason);
                change
            });
            report["accepted"] = accepted.collect();
        }
        if !self.unused.is_empty() {
            report["unused"] = self.unused.iter().map(|entry| json!(entry.words())).collect();
        }
        report
    }

    /// The form for reviews.
    pub fn markdown(&self, old: &str, new: &str) -> String {
        let mut text = format!("# From {} to {}\n\n", plain(old), plain(new));
        if self.changes.is_empty() && self.accepted.is_empty() {
            text.push_str("No changes.\n");
        } else {
            _ = writeln!(text, "{}.", self.summary());
        }
        for (title, group) in self.groups() {
            _ = writeln!(text, "\n## {}{}\n", title[..1].to_uppercase(), &title[1..]);
            for change in group {
                _ = writeln!(text, "- {} (`{}`)", plain(&change.to_string()), change.kind());
            }
        }
        if !self.accepted.is_empty() {
            text.push_str("\n## Accepted\n\n");
            for (change, reason) in &self.accepted {
                _ = writeln!(text, "- {}. Reason: {}", plain(&change.to_string()), plain(reason));
            }
        }
        if !self.unused.is_empty() {
            text.push_str("\n## Accepted, but not found\n\n");
            for entry in &self.unused {
                _ = writeln!(text, "- {}. Reason: {}", plain(&entry.words()), plain(&entry.reason));
            }
        }
        text
    }
}

/// Text from a document on one line, without meaning in Markdown.
fn plain(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut plain = String::with_capacity(line.len());
    for letter in line.chars() {
        if matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!') {
            plain.push('\\');
        }
        plain.push(letter);
    }
    plain
}
