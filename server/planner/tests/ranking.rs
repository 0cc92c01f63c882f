//! Which node type comes first for a clause, and how large a candidate set is.

use crate::catalog::Catalog;
use crate::planner::rank::Ranker;
use crate::planner::vocabulary::Vocabulary;
use crate::planner::words;

/// Ids with a score, best first, shortened.
fn ranked(clause: &str) -> Vec<String> {
    let catalog = Catalog::builtin();
    let vocabulary = Vocabulary::of(&catalog);
    let ranked = Ranker::new(&catalog).rank(&catalog, &words::read(clause), |stem| vocabulary.is_stop(stem));
    let scored = ranked.iter().filter(|one| one.score > 0.0);
    scored.map(|one| one.entry.id.trim_start_matches("runyard.core.").to_owned()).collect()
}

#[test]
fn the_best_comes_first() {
    let table = [
        ("generate a uuid", "uuid4"),
        ("create a unique identifier", "uuid4"),
        ("make me three GUIDs", "uuid4"),
        ("what is the date today", "time.now"),
        ("an ISO timestamp", "time.now"),
        ("read the clock", "time.now"),
        ("compute a checksum", "hash.sha256"),
        ("fingerprint of these bytes", "hash.sha256"),
        ("hash the time", "hash.sha256"),
        ("hashing the uuid", "hash.sha256"),
        ("say the time is now", "echo"),
        ("repeat a message", "echo"),
        ("wait for the time", "sleep"),
        ("a durable timer", "sleep"),
        ("pausing", "sleep"),
    ];
    for (clause, best) in table {
        assert_eq!(ranked(clause).first().map(String::as_str), Some(best), "{clause}: {:?}", ranked(clause));
    }
}

#[test]
fn unrelated_node_types_have_no_score() {
    for clause in ["zzz", "", "book flights", "日本"] {
        assert_eq!(ranked(clause), Vec::<String>::new(), "{clause}");
    }
}

#[test]
fn composites_are_never_ranked() {
    assert!(!ranked("split a goal into steps with a planner composite").iter().any(|id| id.contains("composite")));
}

#[test]
fn the_order_of_words_does_not_change_scores() {
    assert_eq!(ranked("a new uuid of the time"), ranked("the time of a new uuid"));
}
