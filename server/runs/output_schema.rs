//! The schema that a run's result has to fit (JSON Schema, draft 7): whether it is one, and what fits it.
//!
//! A result is taken as it is where it fits. The result of a plan has the form that its last step gave it, which is seldom the one that was
//! asked for, so it is brought into form:
//!
//! - each property is what the result has under its name, or else what the last step that made something of that name made. Names are
//!   compared as they are, then without case and signs (`orderNumber` is `order_number`), and of what steps made then by their words
//!   (`uuid` is `uuid4`, `hash` is `sha256_hash`);
//! - the result itself goes to the property that is still without a value, where exactly one required one is (or one of all);
//! - of objects, what the schema neither names nor allows is left out.
//!
//! No value is changed, and none is made up.

use std::collections::HashMap;

use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, FitResult, Made, Object};
use serde_json::{Value, json};

use crate::catalog::Violation;
use crate::limits::Limits;
use crate::schemas::{BadSchema, Schema, TooExpensive, Work};
use crate::sizes;

/// Says what is wrong with a schema; nothing where it can be used.
///
/// # Errors
/// What is wrong with it.
pub fn check(schema: &Value, limits: &Limits) -> Result<(), BadSchema> {
    Schema::read(schema, &Work::of(limits)).map(|_| ())
}

/// The result, in a form that fits. What it takes is bounded by the limits, so that nothing in a log can make a server hang.
///
/// # Errors
/// `output_schema_mismatch`, with `details.violations`; `validation_too_expensive`; `expansion_too_large`.
pub fn fit(made: &Made, limits: &Limits) -> FitResult {
    let work = Work::of(limits);
    // It was checked when the run was started, so what is wrong with it now is that it was let in under other bounds.
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

/// A value for each property, as far as there is one. Names may be many ways to say one value, so what is copied is counted.
fn formed(schema: &Schema, answer: &Value, steps: &[Object], limits: &Limits) -> Result<Value, Box<Failure>> {
    let own = answer.as_object();
    // A schema that names no member and wants an object: what is no object is its `result`, as APIs show it.
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
    // Further members, where the schema lets them be: what it does not is left out later.
    for (name, value) in own.into_iter().flatten() {
        if !formed.contains_key(name) {
            formed.insert(name.clone(), copy(value)?);
        }
    }
    Ok(Value::Object(formed))
}

/// Which property the result itself goes to.
fn place<'a>(schema: &Schema, without: &[&'a String]) -> Option<&'a String> {
    let mut needed = without.iter().filter(|name| schema.requires(name));
    match (needed.next(), needed.next(), without) {
        (Some(one), None, _) => Some(one),
        (None, _, [one]) => Some(one),
        _ => None,
    }
}

/// The members of an object by the ways in which they are named.
struct Names<'a> {
    object: &'a Object,
    /// Without case and signs.
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

    /// The member of this name, or of one that reads the same.
    fn named(&self, name: &str) -> Option<&'a Value> {
        let wanted = plain(name);
        let alike = || self.plain.get(&wanted).copied().filter(|_| !wanted.is_empty());
        self.object.get(name).or_else(alike)
    }

    /// The member that has this name among the words of its own.
    fn worded(&self, name: &str) -> Option<&'a Value> {
        self.words.get(&name.to_ascii_lowercase()).copied().filter(|_| !name.is_empty())
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|sign| sign.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
