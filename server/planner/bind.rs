//! The inputs of a step: read from its clause, or bound to earlier outputs. The catalogue's hints define which inputs
//! are read, and how; nothing here knows a node type by name.

use std::ops::Range;
use std::sync::Arc;

use runyard_engine::Object;
use runyard_engine::plan::{Binding, Form};
use serde_json::{Number, Value};

use super::durations;
use super::fit;
use super::references::{self, Antecedents, Means, Reference};
use super::vocabulary::{self, Vocabulary};
use super::words::Word;
use crate::catalog::{Argument, Catalog, Entry, Reads};

/// Why a text cannot be read from a clause.
const NO_TEXT: &str = "it does not say which text: put the text in quotation marks, or name an earlier result";

/// The words and references of a clause.
pub(super) struct ClauseText<'a> {
    pub(super) text: &'a str,
    pub(super) words: &'a [Word],
}

/// The inputs of a step.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct BoundInputs {
    pub(super) inputs: Object,
    pub(super) bindings: Vec<Binding>,
    /// Which words of the clause are used by inputs.
    pub(super) used: Vec<bool>,
    /// Descriptions of where inputs come from, for people.
    pub(super) notes: Vec<String>,
    /// Whether the clause has a URL: a node type that reads URLs then matches a verb such as "get", without being
    /// named.
    pub(super) has_link: bool,
}

/// An input that the clause does not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MissingInput {
    pub(super) field: String,
    /// The reason, as a sentence without a full stop.
    pub(super) why: String,
    /// The clause gives it, but it does not match the schema.
    pub(super) invalid: bool,
}

/// Reads every argument of the node type from the clause.
pub(super) fn bind(
    entry: &Entry,
    reading: &ClauseText<'_>,
    known: &Antecedents<'_>,
    catalog: &Catalog,
    vocabulary: &Vocabulary,
) -> Result<BoundInputs, MissingInput> {
    let mut bound = BoundInputs { used: vec![false; reading.words.len()], ..BoundInputs::default() };
    let binder = Binder { entry, reading, known, catalog, vocabulary };
    for argument in &entry.hints.arguments {
        match &argument.reads {
            Reads::Seconds => binder.seconds(argument, &mut bound)?,
            Reads::Text { after, of } => binder.text(argument, after, of, &mut bound)?,
            Reads::Link => binder.link(argument, &mut bound)?,
            // Those that follow their names first: the remaining ones may have no name.
            Reads::Field { .. } => binder.named(argument, &mut bound)?,
        }
    }
    for argument in &entry.hints.arguments {
        if let Reads::Field { needed, unnamed } = argument.reads {
            binder.unnamed(argument, needed, unnamed, &mut bound)?;
        }
    }
    binder.check(&mut bound)?;
    Ok(bound)
}

pub(super) struct Binder<'a> {
    pub(super) entry: &'a Entry,
    pub(super) reading: &'a ClauseText<'a>,
    pub(super) known: &'a Antecedents<'a>,
    catalog: &'a Catalog,
    pub(super) vocabulary: &'a Vocabulary,
}

impl Binder<'_> {
    fn seconds(&self, argument: &Argument, bound: &mut BoundInputs) -> Result<(), MissingInput> {
        let ClauseText { text, words } = *self.reading;
        let given = || {
            self.known.references(words).into_iter().find_map(|reference| match reference.means {
                Means::Given(Value::Number(number)) => {
                    Some(durations::Duration { words: reference.words, seconds: number.as_f64()? })
                }
                _ => None,
            })
        };
        let duration = durations::find(text, words).or_else(|| durations::bare_number(text, words)).or_else(given);
        let Some(duration) = duration else {
            return Err(missing(argument, "it does not say how long, such as \"2 seconds\""));
        };
        if let Some(second) = durations::find(text, &words[duration.words.end..]) {
            return Err(missing(
                argument,
                &format!("it says two lengths of time, {} s and {} s", duration.seconds, second.seconds),
            ));
        }
        bound.used[duration.words.clone()].fill(true);
        bound.inputs.insert(argument.field.clone(), seconds_value(duration.seconds));
        bound.notes.push(format!("{} is read from the clause", argument.field));
        Ok(())
    }

    fn text(
        &self,
        argument: &Argument,
        after: &[String],
        of: &[String],
        bound: &mut BoundInputs,
    ) -> Result<(), MissingInput> {
        let words = self.reading.words;
        let quoted: Vec<usize> = (0..words.len()).filter(|&at| words[at].quoted.is_some()).collect();
        if quoted.len() > 1 {
            return Err(missing(argument, "it has several quoted texts and one is needed"));
        }
        // Unquoted text extends to the end of the clause: "say it is raining" does not refer to an earlier output.
        let free = if quoted.is_empty() { self.free_text(after, of) } else { None };
        let references: Vec<Reference> = match &free {
            Some(range) if !self.is_reference(range.clone()) => Vec::new(),
            _ => self.known.references(words),
        };
        match (quoted.first(), distinct(&references).or_else(|| self.implied(free.is_some(), after))) {
            (Some(&at), None) => self.quoted(argument, at, bound),
            (Some(&at), Some(reference)) => self.composed(argument, at, &reference, bound),
            (None, Some(reference)) => self.referred(argument, &reference, &references, bound),
            (None, None) => self.free(argument, free, bound),
        }
    }

    pub(super) fn quoted(&self, argument: &Argument, at: usize, bound: &mut BoundInputs) -> Result<(), MissingInput> {
        bound.used[at] = true;
        bound.inputs.insert(argument.field.clone(), Value::String(self.inner(at).to_owned()));
        bound.notes.push(format!("{} is the quoted text", argument.field));
        Ok(())
    }

    /// "'Your id is ' followed by the uuid".
    fn composed(
        &self,
        argument: &Argument,
        at: usize,
        reference: &Reference,
        bound: &mut BoundInputs,
    ) -> Result<(), MissingInput> {
        let words = self.reading.words;
        let first = at < reference.words.start;
        let between = if first { at + 1..reference.words.start } else { reference.words.end..at };
        let joined = words[between.clone()]
            .iter()
            .all(|word| word.is_one_of(&["followed", "by", "plus", "and", "with", "then"]));
        let Means::Output { source, .. } = &reference.means else {
            return Err(missing(argument, "a quoted text can be joined only with an earlier step's output"));
        };
        if !joined {
            return Err(missing(
                argument,
                "it has a quoted text and also names an earlier output; join them with \"followed by\"",
            ));
        }
        bound.used[at] = true;
        bound.used[between].fill(true);
        bound.used[reference.words.clone()].fill(true);
        let (before, after) = if first { (self.inner(at), "") } else { ("", self.inner(at)) };
        let form = Form::Text { before: before.to_owned(), after: after.to_owned() };
        bound.notes.push(format!("{} is the quoted text with the output of {}", argument.field, source.step));
        bound.bindings.push(Binding { field: argument.field.clone(), source: source.clone(), form });
        Ok(())
    }

    pub(super) fn referred(
        &self,
        argument: &Argument,
        reference: &Reference,
        all: &[Reference],
        bound: &mut BoundInputs,
    ) -> Result<(), MissingInput> {
        all.iter().for_each(|reference| bound.used[reference.words.clone()].fill(true));
        match &reference.means {
            Means::Output { source, text } => {
                let whole = Form::Text { before: String::new(), after: String::new() };
                let form = if *text { Form::Value } else { whole };
                bound.notes.push(format!("{} is the output of {}", argument.field, source.step));
                bound.bindings.push(Binding { field: argument.field.clone(), source: source.clone(), form });
            }
            Means::Given(value) => {
                let text = Value::String(runyard_engine::plan::as_text(value));
                bound.notes.push(format!("{} is a value of the context", argument.field));
                bound.inputs.insert(argument.field.clone(), text);
            }
            Means::Several(_) => {
                return Err(missing(argument, "it speaks of several earlier outputs and one is needed"));
            }
            Means::Nothing if reference.words.is_empty() => return Err(missing(argument, NO_TEXT)),
            Means::Nothing => {
                let said = self.said(reference.words.clone());
                return Err(missing(argument, &format!("\"{said}\" stands for nothing: no earlier step makes it")));
            }
        }
        Ok(())
    }

    fn free(
        &self,
        argument: &Argument,
        free: Option<Range<usize>>,
        bound: &mut BoundInputs,
    ) -> Result<(), MissingInput> {
        let Some(range) = free.filter(|range| !self.names_a_product(range.clone())) else {
            return Err(missing(argument, NO_TEXT));
        };
        let end = self.reading.text.len();
        let text = self.reading.text[self.reading.words[range.start].span.start..end].trim_end();
        bound.used[range].fill(true);
        bound.inputs.insert(argument.field.clone(), Value::String(text.to_owned()));
        bound.notes.push(format!("{} is what the clause says after its verb", argument.field));
        Ok(())
    }

    /// The words of an unquoted text: to the end of the clause, after the verb or after "of".
    fn free_text(&self, after: &[String], of: &[String]) -> Option<Range<usize>> {
        let words = self.reading.words;
        let verb = words.first().is_some_and(|first| after.iter().any(|verb| first.is(verb)));
        let noun_of = |at: &usize| words[*at].is("of") && *at > 0 && of.iter().any(|noun| words[at - 1].is(noun));
        let after_of = (0..words.len()).find(noun_of).map(|at| at + 1);
        let start = after_of.or(verb.then_some(1))?;
        let named = words[start..]
            .iter()
            .take(3)
            .position(|word| word.is_one_of(&["text", "string", "word", "words", "phrase", "message"]));
        let lead = |word: &Word| word.is_one_of(&["the", "this", "a", "following", "out", "loud"]);
        let named = named.filter(|&at| words[start..start + at].iter().all(lead) && start + at + 1 < words.len());
        let start = start + named.map_or(0, |at| at + 1);
        // "hash the file": without a word for text, a determiner refers to something that is not here.
        let strict = !of.is_empty() && named.is_none();
        let pointing = [
            "the", "my", "your", "this", "that", "a", "an", "its", "his", "her", "their", "our", "every", "all", "some",
        ];
        let refused = strict && words.get(start).is_some_and(|word| word.is_one_of(&pointing));
        let empty = start >= words.len();
        (!empty && (!refused || self.is_reference(start..words.len()))).then_some(start..words.len())
    }

    /// Whether these words are only a reference.
    fn is_reference(&self, range: Range<usize>) -> bool {
        let words = &self.reading.words[range];
        let references = self.known.references(words);
        let covered = references::covered(&references, words.len());
        let begins = references.first().is_some_and(|reference| reference.words.start == 0);
        let quiet = |word: &Word| {
            word.quoted.is_none()
                && vocabulary::stems(&word.lower)
                    .iter()
                    .all(|stem| self.vocabulary.is_silent(stem) || self.is_own(stem))
        };
        begins && words.iter().enumerate().all(|(at, word)| covered[at] || quiet(word))
    }

    fn is_own(&self, stem: &String) -> bool {
        self.entry.hints.keywords.iter().chain(&self.entry.hints.verbs).any(|word| vocabulary::stem(word) == *stem)
            || stem == "256"
    }

    /// "say the current time" asks for the time; it is not a text to say.
    fn names_a_product(&self, range: Range<usize>) -> bool {
        let words = &self.reading.words[range];
        let pointing = words.first().is_some_and(|word| word.is_one_of(&["the", "a", "an", "my", "your", "today's"]));
        let others = self.catalog.entries().iter().map(Arc::as_ref).filter(|entry| entry.id != self.entry.id);
        pointing && others.into_iter().any(|other| fit::is_wholly(other, words, self.vocabulary))
    }

    /// "..., then hash": a verb alone refers to the latest value.
    fn implied(&self, has_text: bool, after: &[String]) -> Option<Reference> {
        let words = self.reading.words;
        let alone = words.len() == 1 && after.iter().any(|verb| words[0].is(verb));
        (alone && !has_text).then(|| Reference { words: 1..1, means: self.known.latest() })
    }

    /// Literals must match the schema now; bound values are validated when they exist.
    fn check(&self, bound: &mut BoundInputs) -> Result<(), MissingInput> {
        let mut inputs = bound.inputs.clone();
        for binding in &bound.bindings {
            inputs.insert(binding.field.clone(), Value::String(String::new()));
        }
        self.entry.validate_inputs(&inputs).or_else(|mut found| {
            let is_bound = |field: &str| bound.bindings.iter().any(|binding| field == format!("/{}", binding.field));
            found.retain(|violation| !is_bound(&violation.field));
            if found.is_empty() {
                return Ok(());
            }
            let reasons: Vec<String> = found.iter().map(ToString::to_string).collect();
            let field =
                found.first().map(|violation| violation.field.trim_start_matches('/').to_owned()).unwrap_or_default();
            Err(MissingInput {
                field,
                why: format!("what it says does not fit: {}", reasons.join("; ")),
                invalid: true,
            })
        })
    }

    pub(super) fn inner(&self, at: usize) -> &str {
        self.reading.words[at].quoted.clone().map_or("", |inner| &self.reading.text[inner])
    }

    fn said(&self, range: Range<usize>) -> &str {
        let words = &self.reading.words[range];
        match (words.first(), words.last()) {
            (Some(first), Some(last)) => &self.reading.text[first.span.start..last.span.end],
            _ => "it",
        }
    }
}

/// The one value that all references mean, if they mean one.
pub(super) fn distinct(references: &[Reference]) -> Option<Reference> {
    let first = references.first()?;
    let same = references.iter().all(|reference| reference.means == first.means);
    let sources = || references.iter().flat_map(|reference| reference.means.sources()).cloned().collect();
    Some(if same { first.clone() } else { Reference { words: first.words.clone(), means: Means::Several(sources()) } })
}

pub(super) fn missing(argument: &Argument, why: &str) -> MissingInput {
    MissingInput { field: argument.field.clone(), why: why.to_owned(), invalid: false }
}

/// Whole seconds as an integer, as people write them.
fn seconds_value(seconds: f64) -> Value {
    let whole = seconds.fract() == 0.0 && (0.0..1e15).contains(&seconds);
    if whole {
        Value::Number(Number::from(seconds as u64))
    } else {
        Number::from_f64(seconds).map_or(Value::Null, Value::Number)
    }
}
