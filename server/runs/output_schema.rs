//! The schema (JSON Schema, draft 7) that a run's result must match: validation of the schema, and conversion of the
//! result.
//!
//! A result that matches is used unchanged. The result of a plan has the form of its last step, which is seldom the
//! form of the schema, so it is converted:
//!
//! - each property is the result's member of that name, or else the last value that a step made under that name. Names
//!   are compared exactly, then without case and punctuation (`orderNumber` is `order_number`), and those of steps then
//!   by their words (`uuid` is `uuid4`, `hash` is `sha256_hash`);
//! - the result itself becomes the property that has no value yet, if exactly one required property (or one of all)
//!   has none;
//! - members that the schema neither names nor allows are dropped.
//!
//! No value is changed, and none is invented.

use std::collections::HashMap;

use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, FitResult, Object, RunResult};
use serde_json::{Value, json};

use crate::catalog::Violation;
use crate::limits::Limits;
use crate::schemas::{BadSchema, Schema, TooExpensive, Work};
use crate::sizes;

/// Checks a schema.
///
/// # Errors
/// What is wrong with it.
pub fn check(schema: &Value, limits: &Limits) -> Result<(), BadSchema> {
    Schema::read(schema, &Work::of(limits)).map(|_| ())
}

/// The result in a form that matches. The limits bound the work, so that no stored schema can block a server.
///
/// # Errors
/// `output_schema_mismatch`, with `details.violations`; `validation_too_expensive`; `expansion_too_large`.
pub fn fit(made: &RunResult, limits: &Limits) -> FitResult {
    let work = Work::of(limits);
    // The schema was checked when the run was started, so it is wrong only if other limits applied then.
    let schema = Schema::read(&made.schema, &work).map_err(|bad| {
        failed(FailureCode::ValidationTooExpensive, format!("the result cannot be checked: the output schema {bad}"))
    })?;
    let expensive = |_: TooExpensive| too_expensive(limits);
    if schema.fits(&made.answer, &work).map_err(expensive)? {
        return Ok(made.answer.clone());
    }
    let shaped = match &made.steps {
        Some(steps) => schema.pruned(formed(&schema, &made.answer, steps, limits)?),
        None => made.answer.clone(),
    };
    let found = schema.violations(&shaped, &work).map_err(expensive)?;
    if found.is_empty() { Ok(shaped) } else { Err(mismatch(&found)) }
}

/// The failure of a run whose result takes too long to check.
pub(super) fn too_expensive(limits: &Limits) -> Box<Failure> {
    failed(
        FailureCode::ValidationTooExpensive,
        format!(
            "checking the result against the output schema takes more than {} steps (limits.schema_work) or {} ms \
             (limits.compute_ms); use a schema with fewer alternatives and references, or a smaller result",
            limits.schema_work, limits.compute_ms
        ),
    )
}

fn mismatch(found: &[Violation]) -> Box<Failure> {
    let reasons: Vec<String> = found.iter().map(Violation::to_string).collect();
    let violations: Vec<Value> = found.iter().map(Violation::to_value).collect();
    Box::new(Failure {
        details: Some(Object::from_iter([("violations".to_owned(), json!(violations))])),
        ..*failed(
            FailureCode::OutputSchemaMismatch,
            format!("the result does not fit the output schema: {}", reasons.join("; ")),
        )
    })
}

fn failed(code: FailureCode, message: String) -> Box<Failure> {
    Box::new(Failure { code: code.into(), message, details: None, retryable: Some(false) })
}

/// A value for each property, as far as there is one. Many names may match one value, so copies are counted.
fn formed(schema: &Schema, answer: &Value, steps: &[Object], limits: &Limits) -> Result<Value, Box<Failure>> {
    let own = answer.as_object();
    // A schema that names no member and wants an object: a result that is no object becomes its `result`, as APIs show
    // it.
    if !schema.names_properties() && (own.is_some() || !schema.wants_object()) {
        return Ok(answer.clone());
    }
    let (own_names, step_names): (Option<Names<'_>>, Vec<Names<'_>>) =
        (own.map(Names::of), steps.iter().rev().map(Names::of).collect());
    let mut formed = Object::new();
    let mut without = Vec::new();
    let mut left = limits.expansion_bytes;
    let mut copy = |value: &Value| match left.checked_sub(sizes::bytes(value) as u64) {
        Some(rest) => {
            left = rest;
            Ok(value.clone())
        }
        None => Err(failed(
            FailureCode::ExpansionTooLarge,
            format!(
                "the result in the form of the output schema is larger than {} bytes (limits.expansion_bytes)",
                limits.expansion_bytes
            ),
        )),
    };
    for name in schema.properties() {
        let of_step = || {
            let named = step_names.iter().find_map(|names| names.named(name));
            named.or_else(|| step_names.iter().find_map(|names| names.worded(name)))
        };
        match own_names.as_ref().and_then(|names| names.named(name)).or_else(of_step) {
            Some(value) => _ = formed.insert(name.clone(), copy(value)?),
            None => without.push(name),
        }
    }
    let placed =
        own.is_some_and(|own| !formed.is_empty() || own.is_empty()) || formed.values().any(|one| one == answer);
    if let Some(name) = place(schema, &without).filter(|_| !placed) {
        formed.insert(name.clone(), copy(answer)?);
    }
    if own.is_none() && formed.is_empty() {
        formed.insert("result".to_owned(), answer.clone());
    }
    // Further members, if the schema allows them; others are dropped later.
    for (name, value) in own.into_iter().flatten() {
        if !formed.contains_key(name) {
            formed.insert(name.clone(), copy(value)?);
        }
    }
    Ok(Value::Object(formed))
}

/// The property that gets the result itself.
fn place<'a>(schema: &Schema, without: &[&'a String]) -> Option<&'a String> {
    let mut needed = without.iter().filter(|name| schema.requires(name));
    match (needed.next(), needed.next(), without) {
        (Some(one), None, _) => Some(one),
        (None, _, [one]) => Some(one),
        _ => None,
    }
}

/// The members of an object by the ways in which their names are compared.
struct Names<'a> {
    object: &'a Object,
    /// Without case and punctuation.
    plain: HashMap<String, &'a Value>,
    /// By each word of their names, without case and without digits at its end.
    words: HashMap<String, &'a Value>,
}

impl<'a> Names<'a> {
    fn of(object: &'a Object) -> Self {
        let (mut plain, mut words) = (HashMap::new(), HashMap::new());
        for (name, value) in object {
            plain.entry(self::plain(name)).or_insert(value);
            for word in name.split(|sign: char| !sign.is_alphanumeric()) {
                let word = word.trim_end_matches(|sign: char| sign.is_ascii_digit());
                words.entry(word.to_ascii_lowercase()).or_insert(value);
            }
        }
        Names { object, plain, words }
    }

    /// The member of this name, exactly or without case and punctuation.
    fn named(&self, name: &str) -> Option<&'a Value> {
        let wanted = plain(name);
        let alike = || self.plain.get(&wanted).copied().filter(|_| !wanted.is_empty());
        self.object.get(name).or_else(alike)
    }

    /// The member with this name among the words of its own.
    fn worded(&self, name: &str) -> Option<&'a Value> {
        self.words.get(&name.to_ascii_lowercase()).copied().filter(|_| !name.is_empty())
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|sign| sign.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
