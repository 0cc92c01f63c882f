//! Inputs by their names: "with title 'No paper' and priority 2", and URLs. A node type's hints name its arguments;
//! its schema defines their types.

use runyard_api::host::inexact_number;
use runyard_engine::plan::{Binding, Form};
use serde_json::Value;

use super::bind::{Binder, BoundInputs, MissingInput, distinct, missing};
use super::clauses;
use super::references::Means;
use super::vocabulary;
use super::words::Word;
use crate::catalog::Argument;

/// Words without meaning between a name and its value; longer ones first if one is a prefix of another.
const BETWEEN: [&str; 12] =
    ["set to", "equal to", "equals", "called", "named", "being", "should be", "is", "of", "to", "as", "be"];

/// Words without meaning between a value and the next name.
const BEFORE_NAME: [&str; 10] = ["and", "with", "the", "its", "a", "an", "plus", "also", "but", "set"];

impl Binder<'_> {
    /// The one URL of the clause.
    pub(super) fn link(&self, argument: &Argument, bound: &mut BoundInputs) -> Result<(), MissingInput> {
        let words = self.reading.words;
        let text = |at: usize| match &words[at].quoted {
            Some(inner) => &self.reading.text[inner.clone()],
            None => &self.reading.text[words[at].span.clone()],
        };
        let is_link = |at: &usize| {
            ["http://", "https://"]
                .iter()
                .any(|scheme| text(*at).get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
        };
        let found: Vec<usize> = (0..words.len()).filter(is_link).collect();
        match found[..] {
            [at] => {
                bound.used[at] = true;
                bound.has_link = true;
                bound.inputs.insert(argument.field.clone(), Value::String(text(at).to_owned()));
                bound.notes.push(format!("{} is the one of the clause", argument.field));
                Ok(())
            }
            [] if self.unnamed_reference(argument, bound) => Ok(()),
            [] => match self.known.context.get(&argument.field) {
                Some(value) => {
                    bound.inputs.insert(argument.field.clone(), value.clone());
                    bound.notes.push(format!("{} is a value of the context", argument.field));
                    Ok(())
                }
                None => Err(missing(argument, "it does not say which: write it out, beginning with https://")),
            },
            _ => Err(missing(argument, "it has several URLs and one is needed")),
        }
    }

    /// A value after the field's name, if the clause has one.
    pub(super) fn named(&self, argument: &Argument, bound: &mut BoundInputs) -> Result<(), MissingInput> {
        let words = self.reading.words;
        let name = split(&argument.field);
        let Some((start, mut at)) = (1..words.len()).find_map(|at| named_at(words, at, &argument.field, &name)) else {
            return Ok(());
        };
        at += self.connector(at);
        if let Some(reference) = self.known.references(words).into_iter().find(|reference| reference.words.start == at)
        {
            bound.used[start..reference.words.end].fill(true);
            self.referred(argument, &reference, std::slice::from_ref(&reference), bound)?;
            self.keep_type(argument, &reference.means, bound);
            return Ok(());
        }
        let Some(word) = words.get(at) else { return Ok(()) };
        let quoted = word.quoted.is_some();
        // "a ticket with title" has no title, and neither has "the number of tickets". "The Sea" may be one.
        let lower = !self.written(at).starts_with(char::is_uppercase);
        if !quoted && lower && vocabulary::stems(&word.lower).iter().any(|stem| self.vocabulary.is_stop(stem)) {
            return Ok(());
        }
        let schema = &self.entry.input_schema["properties"][&argument.field];
        let end = if quoted { at + 1 } else { self.value_end(at, schema) };
        let said = match quoted {
            true => self.inner(at),
            false if is_one_word(schema) => self.written(at),
            false => self.said_between(at, end),
        };
        let Some(value) = typed(said, schema) else {
            return Err(MissingInput { invalid: true, ..missing(argument, "what it says there is of another type") });
        };
        let to_next = if quoted { end } else { self.next_name(at).max(end) };
        // Words that only lead to the next name belong to neither.
        let leads_over = words[end..to_next].iter().all(|word| word.is_one_of(&BEFORE_NAME));
        bound.used[start..if leads_over { to_next } else { end }].fill(true);
        bound.inputs.insert(argument.field.clone(), value);
        bound.notes.push(format!("{} stands after its name", argument.field));
        Ok(())
    }

    /// How many words without meaning are between a name and its value: one connector, and none with a capital,
    /// because "To Be" may be a title.
    fn connector(&self, at: usize) -> usize {
        let words = &self.reading.words[at.min(self.reading.words.len())..];
        let length = BETWEEN.iter().find_map(|phrase| clauses::begins_with(words, phrase)).unwrap_or(0);
        let value_follows = words.len() > length;
        if value_follows && !self.reading_is_capital(at) { length } else { 0 }
    }

    fn reading_is_capital(&self, at: usize) -> bool {
        at < self.reading.words.len() && self.written(at).starts_with(char::is_uppercase)
    }

    /// Where an unquoted value ends that begins at this word. A text extends to the next name or to the end of the
    /// clause, because nothing else marks its end; other values are one word.
    fn value_end(&self, at: usize, schema: &Value) -> usize {
        let words = self.reading.words;
        if let Some(values) = schema["enum"].as_array() {
            let is_value = |end: &usize| {
                values
                    .iter()
                    .filter_map(Value::as_str)
                    .any(|value| value.eq_ignore_ascii_case(self.said_between(at, *end)))
            };
            return (at + 1..=self.next_name(at)).rev().find(is_value).unwrap_or(at + 1);
        }
        if is_one_word(schema) {
            return at + 1;
        }
        let mut end = self.next_name(at);
        // Before the end of the clause these words would be part of the value.
        while end < words.len() && end > at + 1 && words[end - 1].is_one_of(&BEFORE_NAME) {
            end -= 1;
        }
        end
    }

    /// The next word after this one that begins another argument's name, or quoted text; else the end of the clause.
    fn next_name(&self, at: usize) -> usize {
        let words = self.reading.words;
        let names: Vec<(&str, Vec<String>)> =
            self.entry.hints.arguments.iter().map(|other| (other.field.as_str(), split(&other.field))).collect();
        let begins = |place: &usize| {
            words[*place].quoted.is_some()
                || names.iter().any(|(field, name)| named_at(words, *place, field, name).is_some())
        };
        (at + 1..words.len()).find(begins).unwrap_or(words.len())
    }

    /// The original text of these words, with adjacent characters ("#5", "(new)"), without the punctuation that ends
    /// it.
    fn said_between(&self, at: usize, end: usize) -> &str {
        let (text, words) = (self.reading.text, self.reading.words);
        let before = at.checked_sub(1).map_or(0, |before| words[before].span.end);
        let clings = |letter: char| !letter.is_whitespace() && !":=,;\"'".contains(letter);
        let gap = &text[before..words[at].span.start];
        let start = words[at].span.start - gap.len() + gap.trim_end_matches(clings).len();
        let stop = words.get(end).map_or(text.len(), |next| next.span.start);
        text[start..stop].trim_end_matches(|letter: char| letter.is_whitespace() || ",;:.".contains(letter))
    }

    /// A word as it was written.
    fn written(&self, at: usize) -> &str {
        &self.reading.text[self.reading.words[at].span.clone()]
    }

    /// A value whose type is not text keeps its type.
    fn keep_type(&self, argument: &Argument, means: &Means, bound: &mut BoundInputs) {
        if self.entry.input_schema["properties"][&argument.field]["type"] == "string" {
            return;
        }
        if let Means::Given(value) = means {
            bound.inputs.insert(argument.field.clone(), value.clone());
        }
        let of_field = |binding: &&mut Binding| binding.field == argument.field;
        if let Some(binding) = bound.bindings.iter_mut().find(of_field) {
            binding.form = Form::Value;
        }
    }

    /// A value without a name: the remaining quoted text or earlier output, or the context's value of that name.
    pub(super) fn unnamed(
        &self,
        argument: &Argument,
        needed: bool,
        unnamed: bool,
        bound: &mut BoundInputs,
    ) -> Result<(), MissingInput> {
        let has = |field: &str| {
            bound.inputs.contains_key(field) || bound.bindings.iter().any(|binding| binding.field == field)
        };
        if has(&argument.field) {
            return Ok(());
        }
        if let Some(value) = self.known.context.get(&argument.field) {
            bound.inputs.insert(argument.field.clone(), value.clone());
            bound.notes.push(format!("{} is a value of the context", argument.field));
            return Ok(());
        }
        let words = self.reading.words;
        let left: Vec<usize> = (0..words.len()).filter(|&at| words[at].quoted.is_some() && !bound.used[at]).collect();
        match left[..] {
            [at] if unnamed => self.quoted(argument, at, bound),
            _ if unnamed && self.unnamed_reference(argument, bound) => Ok(()),
            _ if needed => {
                let name = split(&argument.field).join(" ");
                Err(missing(argument, &format!("it does not say it: add its name and a value, such as {name} \"...\"")))
            }
            _ => Ok(()),
        }
    }

    /// Binds the one earlier output that the clause refers to, if any.
    fn unnamed_reference(&self, argument: &Argument, bound: &mut BoundInputs) -> bool {
        let unused = |range: &std::ops::Range<usize>| range.clone().all(|at| !bound.used[at]);
        let mut references = self.known.references(self.reading.words);
        references.retain(|reference| unused(&reference.words));
        let Some(reference) = distinct(&references) else { return false };
        let Means::Output { source, text } = &reference.means else { return false };
        references.iter().for_each(|reference| bound.used[reference.words.clone()].fill(true));
        let whole = Form::Text { before: String::new(), after: String::new() };
        let form = if *text { Form::Value } else { whole };
        bound.notes.push(format!("{} is the output of {}", argument.field, source.step));
        bound.bindings.push(Binding { field: argument.field.clone(), source: source.clone(), form });
        true
    }
}

/// Whether a field's name is at this word, as in the schema or split into words. Returns where it begins, and where
/// its value may.
fn named_at(words: &[Word], at: usize, field: &str, name: &[String]) -> Option<(usize, usize)> {
    if words[at].quoted.is_some() {
        return None;
    }
    if words[at].lower == field.to_lowercase() {
        return Some((at, at + 1));
    }
    let end = at + name.len();
    let same =
        end <= words.len() && !name.is_empty() && words[at..end].iter().zip(name).all(|(word, part)| word.is(part));
    same.then_some((at, end))
}

/// The words of a field's name: `dueDate` and `due_date` are "due date".
fn split(field: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for letter in field.chars() {
        if letter.is_uppercase() || !letter.is_alphanumeric() {
            parts.push(String::new());
        }
        if let (true, Some(part)) = (letter.is_alphanumeric(), parts.last_mut()) {
            part.extend(letter.to_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Whether values of this schema are single words: numbers, true and false.
fn is_one_word(schema: &Value) -> bool {
    let short = |kind: &Value| ["integer", "number", "boolean", "null"].iter().any(|short| kind == short);
    match &schema["type"] {
        Value::Array(kinds) => !kinds.is_empty() && kinds.iter().all(short),
        kind => short(kind),
    }
}

/// A text as a value of the field's schema.
fn typed(said: &str, schema: &Value) -> Option<Value> {
    match schema["type"].as_str() {
        Some("string") => Some(Value::String(said.to_owned())),
        Some("integer") => said.parse::<i64>().ok().map(Value::from),
        // A number that would lose digits is no value for the field, and the step is refused.
        Some("number") if inexact_number(said.as_bytes()).is_some() => None,
        Some("number") => said.parse::<i64>().map(Value::from).or_else(|_| said.parse::<f64>().map(Value::from)).ok(),
        Some("boolean") => match said.to_lowercase().as_str() {
            "true" | "yes" | "on" => Some(Value::Bool(true)),
            "false" | "no" | "off" => Some(Value::Bool(false)),
            _ => None,
        },
        // Lists, objects, or anything: JSON if the text is JSON, else text, which the schema validates.
        _ => {
            let read = serde_json::from_str(said).ok().filter(|_| inexact_number(said.as_bytes()).is_none());
            Some(read.unwrap_or_else(|| Value::String(said.to_owned())))
        }
    }
}
