//! Node types for a clause, best first: BM25 over id, description, schema and the catalogue's keywords.

use std::collections::BTreeMap;
use std::sync::Arc;

use bm25::{Embedder, EmbedderBuilder, Scorer, Tokenizer};
use serde_json::Value;

use super::vocabulary;
use super::words::Word;
use crate::catalog::{Catalog, Entry};

/// The bonus of a clause that begins with a verb of the node type: more than any single word can add.
const VERB_BONUS: f64 = 4.0;

/// How many shared words a rationale names.
const SHARED_MAX: usize = 8;

/// Ranks the atomic node types of a catalogue.
pub(super) struct Ranker {
    embedder: Embedder<u32, Stems>,
    scorer: Scorer<usize>,
    /// The stems of each node type's text, by its index in the catalogue.
    documents: BTreeMap<usize, Vec<String>>,
}

/// One node type with its score for a clause.
#[derive(Debug, Clone)]
pub(super) struct Ranked<'a> {
    pub(super) entry: &'a Entry,
    /// Higher is better; never negative.
    pub(super) score: f64,
    /// The reason, for people.
    pub(super) rationale: String,
}

/// Tokenizes like the rest of the planner.
struct Stems;

/// The prefix of node types that work only in a graph.
const NODES_OF_GRAPHS: &str = "runyard.graph.";

impl Tokenizer for Stems {
    fn tokenize(&self, text: &str) -> Vec<String> {
        vocabulary::stems(text)
    }
}

impl Ranker {
    /// Indexes every atomic node type. A changed catalogue needs a new ranker.
    pub(super) fn new(catalog: &Catalog) -> Self {
        // Outside a graph, these node types do nothing.
        let alone = |entry: &&Entry| !entry.id.starts_with(NODES_OF_GRAPHS);
        let atomic = |entry: &&Entry| entry.kind.facts().is_plannable && alone(entry);
        let texts: Vec<(usize, String)> = (catalog.entries().iter().map(Arc::as_ref).enumerate())
            .filter(|(_, entry)| atomic(entry))
            .map(|(place, entry)| (place, text_of(entry)))
            .collect();
        let corpus: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
        let embedder = EmbedderBuilder::with_tokenizer_and_fit_to_corpus(Stems, &corpus).build();
        let mut scorer = Scorer::new();
        for (place, text) in &texts {
            scorer.upsert(place, embedder.embed(text));
        }
        let documents = texts.into_iter().map(|(place, text)| (place, vocabulary::stems(&text))).collect();
        Self { embedder, scorer, documents }
    }

    /// Every atomic node type with its score for these words, best first, those without a score last. Equal scores are
    /// sorted by id.
    pub(super) fn rank<'a>(
        &self,
        catalog: &'a Catalog,
        words: &[Word],
        stop: impl Fn(&str) -> bool,
    ) -> Vec<Ranked<'a>> {
        let mut query: Vec<String> = words.iter().flat_map(|word| vocabulary::stems(&word.lower)).collect();
        query.retain(|stem| !stop(stem));
        query.sort();
        query.dedup();
        let query_text = query.join(" ");
        let embedded = self.embedder.embed(&query_text);
        let mut ranked: Vec<Ranked<'a>> = (self.documents.iter())
            .filter_map(|(place, document)| catalog.entries().get(*place).map(|entry| (place, document, &**entry)))
            .map(|(place, document, entry)| {
                let verb = leading_verb(entry, words);
                let score = f64::from(self.scorer.score(place, &embedded).unwrap_or(0.0));
                let score = score + if verb.is_some() { VERB_BONUS } else { 0.0 };
                let shares = |word: &&Word| {
                    vocabulary::stems(&word.lower).iter().any(|stem| !stop(stem) && document.contains(stem))
                };
                let shared = words.iter().filter(shares).map(|word| word.lower.as_str());
                Ranked { entry, score: rounded(score), rationale: rationale(verb, shared) }
            })
            .collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.entry.id.cmp(&b.entry.id)));
        ranked
    }
}

/// The verb of the node type with which the words begin, if any.
pub(super) fn leading_verb<'a>(entry: &'a Entry, words: &[Word]) -> Option<&'a str> {
    let first = vocabulary::stem(&words.first()?.lower);
    entry.hints.verbs.iter().find(|verb| vocabulary::stem(verb) == first).map(String::as_str)
}

/// Keywords are repeated, so that they weigh more than other text.
fn text_of(entry: &Entry) -> String {
    let hints = &entry.hints;
    let words: Vec<&str> = [&hints.keywords, &hints.verbs].into_iter().flatten().map(String::as_str).collect();
    let words = words.join(" ");
    format!("{} {} {} {words} {words}", entry.id, entry.description, schema_text(&entry.input_schema))
}

/// Property names and descriptions of a schema.
fn schema_text(schema: &Value) -> String {
    let properties = schema.get("properties").and_then(Value::as_object);
    let texts = properties.into_iter().flatten().map(|(name, property)| {
        let description = property.get("description").and_then(Value::as_str).unwrap_or_default();
        format!("{name} {description}")
    });
    texts.collect::<Vec<_>>().join(" ")
}

fn rationale<'s>(verb: Option<&str>, shared: impl Iterator<Item = &'s str>) -> String {
    let shared: Vec<&str> = shared.take(SHARED_MAX).collect();
    match (verb, shared.as_slice()) {
        (Some(verb), _) => format!("the clause begins with \"{verb}\""),
        (None, []) => "shares no word with the clause".to_owned(),
        (None, shared) => format!("shares words with the clause: {}", shared.join(", ")),
    }
}

/// Three decimals, so that a score is readable and the same everywhere.
fn rounded(score: f64) -> f64 {
    (score * 1000.0).round() / 1000.0
}
