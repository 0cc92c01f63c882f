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

use jsonschema::{PatternOptions, Validator};
use runyard_engine::event::Failure;
use runyard_engine::{Made, Object};
use serde_json::{Value, json};

use crate::catalog::{Violation, violation};

/// How many schemas may look at one value. Without a bound, a page of `allOf` and `$ref` keeps a validator busy for years.
const LOOKS_MAX: u64 = 10_000;

/// Keywords whose schemas look at the same value as the one around them: one schema, or a list of them.
const IN_PLACE: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];

/// Says what is wrong with a schema; nothing where it can be used.
///
/// # Errors
/// What is wrong, as a sentence without an end.
pub fn check(schema: &Value) -> Result<(), String> {
    if !schema.is_object() && !schema.is_boolean() {
        return Err("must be a JSON Schema, which is an object".to_owned());
    }
    // First, because a validator may not come back from a schema that refers to itself.
    let mut looks = Looks { root: schema, known: HashMap::new() };
    looks.everywhere(schema, "#")?;
    compile(schema).map(|_| ()).map_err(|error| format!("is no JSON Schema of draft 7: {error}"))
}

/// The result, in a form that fits.
///
/// # Errors
/// `output_schema_mismatch`, with `details.violations`.
pub fn fit(made: &Made<'_>) -> Result<Value, Box<Failure>> {
    let validator = compile(made.schema).map_err(|reason| mismatch(&[Violation { field: String::new(), reason }]))?;
    if validator.is_valid(made.answer) {
        return Ok(made.answer.clone());
    }
    let shaped = match &made.steps {
        Some(steps) => pruned(made.schema, made.schema, &formed(made.schema, made.answer, steps)),
        None => made.answer.clone(),
    };
    match violation::of(&validator, &shaped) {
        found if found.is_empty() => Ok(shaped),
        found => Err(mismatch(&found)),
    }
}

fn mismatch(found: &[Violation]) -> Box<Failure> {
    let reasons: Vec<String> = found.iter().map(Violation::to_string).collect();
    let violations: Vec<Value> = found.iter().map(Violation::to_value).collect();
    Box::new(Failure {
        code: "output_schema_mismatch".to_owned(),
        message: format!("the result does not fit the output schema: {}", reasons.join("; ")),
        details: Some(Object::from_iter([("violations".to_owned(), json!(violations))])),
        retryable: Some(false),
    })
}

fn compile(schema: &Value) -> Result<Validator, String> {
    let options = jsonschema::options().offline().with_draft(jsonschema::Draft::Draft7);
    // Linear time: what a caller sends must not decide how long a pattern takes.
    let options = options.should_validate_formats(true).with_pattern_options(PatternOptions::regex());
    options.build(schema).map_err(|error| error.to_string())
}

/// A value for each property, as far as there is one.
fn formed(schema: &Value, answer: &Value, steps: &[&Object]) -> Value {
    let own = answer.as_object();
    let nothing = Object::new();
    let properties = match schema["properties"].as_object() {
        Some(properties) => properties,
        // A schema that names no member and wants an object: what is no object is its `result`, as APIs show it.
        None if own.is_none() && resolved(schema, schema)["type"] == "object" => &nothing,
        None => return answer.clone(),
    };
    let mut formed = Object::new();
    let mut without = Vec::new();
    for name in properties.keys() {
        let of_step = || {
            let steps = || steps.iter().rev();
            steps()
                .find_map(|outputs| named(outputs, name))
                .or_else(|| steps().find_map(|outputs| worded(outputs, name)))
        };
        match own.and_then(|own| named(own, name)).or_else(of_step) {
            Some(value) => _ = formed.insert(name.clone(), value.clone()),
            None => without.push(name),
        }
    }
    let placed =
        own.is_some_and(|own| !formed.is_empty() || own.is_empty()) || formed.values().any(|one| one == answer);
    if let Some(name) = place(schema, &without).filter(|_| !placed) {
        formed.insert(name.clone(), answer.clone());
    }
    if own.is_none() && formed.is_empty() {
        formed.insert("result".to_owned(), answer.clone());
    }
    // Further members, where the schema lets them be: what it does not is left out later.
    for (name, value) in own.into_iter().flatten() {
        if !formed.contains_key(name) {
            formed.insert(name.clone(), value.clone());
        }
    }
    Value::Object(formed)
}

/// Which property the result itself goes to.
fn place<'a>(schema: &Value, without: &[&'a String]) -> Option<&'a String> {
    let required = |name: &&&String| schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
    let needed: Vec<&&String> = without.iter().filter(required).collect();
    match (needed.as_slice(), without) {
        ([one], _) => Some(one),
        ([], [one]) => Some(one),
        _ => None,
    }
}

/// The member of this name, or of one that reads the same.
fn named<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    let plain = |name: &str| name.chars().filter(|sign| sign.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let wanted: String = plain(name);
    let alike = || object.iter().find(|(other, _)| plain(other) == wanted).map(|(_, value)| value);
    object.get(name).or_else(|| if wanted.is_empty() { None } else { alike() })
}

/// The member that has this name among the words of its own; digits at the end of a word are none.
fn worded<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    let has = |other: &str| {
        let words = other.split(|sign: char| !sign.is_alphanumeric());
        words
            .into_iter()
            .any(|word| word.trim_end_matches(|sign: char| sign.is_ascii_digit()).eq_ignore_ascii_case(name))
    };
    object.iter().find(|(other, _)| !name.is_empty() && has(other)).map(|(_, value)| value)
}

/// The value without members that the schema neither names nor allows.
fn pruned(root: &Value, schema: &Value, value: &Value) -> Value {
    let schema = resolved(root, schema);
    match value {
        Value::Object(members) => {
            let properties = schema["properties"].as_object();
            let closed = schema["additionalProperties"] == json!(false) && schema.get("patternProperties").is_none();
            let member = |(name, value): (&String, &Value)| match properties.and_then(|all| all.get(name)) {
                Some(schema) => Some((name.clone(), pruned(root, schema, value))),
                None if closed => None,
                None => Some((name.clone(), value.clone())),
            };
            Value::Object(members.iter().filter_map(member).collect())
        }
        Value::Array(items) if schema["items"].is_object() => {
            Value::Array(items.iter().map(|item| pruned(root, &schema["items"], item)).collect())
        }
        other => other.clone(),
    }
}

/// The schema that is meant. References in circles were refused before.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|reference| root.pointer(reference.strip_prefix('#')?)) {
        Some(target) => resolved(root, target),
        None => schema,
    }
}

/// How many schemas look at one value, by the schema that does first.
struct Looks<'a> {
    root: &'a Value,
    /// By pointer; nothing while it is being found out.
    known: HashMap<String, Option<u64>>,
}

impl<'a> Looks<'a> {
    /// Of this schema and of every one in it. What looks like a schema and is none (in an `enum`) does no harm.
    fn everywhere(&mut self, value: &'a Value, at: &str) -> Result<(), String> {
        match value {
            Value::Object(members) => {
                if at != "#" && members.get("$id").is_some_and(Value::is_string) {
                    return Err(format!("has an `$id` of its own at `{at}`; only the whole may have one"));
                }
                self.count(value, at)?;
                members.iter().try_for_each(|(name, value)| self.everywhere(value, &below(at, name)))
            }
            Value::Array(items) => {
                items.iter().enumerate().try_for_each(|(place, value)| self.everywhere(value, &format!("{at}/{place}")))
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, schema: &'a Value, at: &str) -> Result<u64, String> {
        match self.known.get(at) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => return Err(format!("refers to itself in a circle, at `{at}`")),
            None => {}
        }
        self.known.insert(at.to_owned(), None);
        let mut looks = 1_u64;
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            let target = target.ok_or_else(|| format!("refers to `{reference}`, which is not in it"))?;
            looks += self.count(target, reference)?;
        }
        for keyword in IN_PLACE {
            let at = below(at, keyword);
            match schema.get(keyword) {
                Some(Value::Array(list)) => {
                    for (place, schema) in list.iter().enumerate() {
                        looks = looks.saturating_add(self.count(schema, &format!("{at}/{place}"))?);
                    }
                }
                Some(schema) => looks = looks.saturating_add(self.count(schema, &at)?),
                None => {}
            }
        }
        for (name, schema) in schema.get("dependencies").and_then(Value::as_object).into_iter().flatten() {
            looks = looks.saturating_add(self.count(schema, &below(&below(at, "dependencies"), name))?);
        }
        if looks > LOOKS_MAX {
            return Err(format!("asks for more than {LOOKS_MAX} looks at one value, at `{at}`"));
        }
        self.known.insert(at.to_owned(), Some(looks));
        Ok(looks)
    }
}

fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests;
