//! Validates a JSON value against a schema, with a bounded list of violations.
//!
//! Reasons name what was expected and never repeat what was sent, so that an error is safe to show and to log. Names of
//! unknown properties are the exception; they are shortened.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, PatternOptions, ValidationError, ValidationOptions, Validator};
use serde_json::Value;

use super::{Fault, Place, Violation, openapi_version, schema, schema_latest};

/// The most violations that are listed; further ones are counted.
const VIOLATIONS_MAX: usize = 32;

/// Above this size only the first violation is reported: a megabyte of wrong array items would be as many errors.
const LISTED_BYTES_MAX: usize = 64 * 1024;

/// The step limit of a pattern with look-around; a value that exceeds it does not match.
const BACKTRACKS_MAX: usize = 10_000;

/// Longer names and messages are shortened.
const SHOWN_CHARS_MAX: usize = 200;

/// A schema of the document, compiled.
#[derive(Debug)]
pub(super) struct Compiled {
    validator: Validator,
}

impl Compiled {
    /// Compiles the schema at a JSON pointer of a document.
    ///
    /// # Errors
    /// Says what is wrong with the schema.
    pub(super) fn new(document: &Value, pointer: &str) -> Result<Self, String> {
        let latest = openapi_version::is_latest(document) && !pointer.is_empty();
        let (schema, draft) = if latest {
            (schema_latest::standalone(document, pointer)?, Draft::Draft202012)
        } else {
            (schema::standalone(document, pointer)?, Draft::Draft7)
        };
        // Linear time: a client's input must not decide how long a pattern takes. A linear engine has no look-around. A
        // document that needs it gets an engine that backtracks a bounded number of times.
        let linear = built(&schema, draft, |options| options.with_pattern_options(PatternOptions::regex()));
        let bounded = || {
            let patterns = PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS_MAX);
            built(&schema, draft, |options| options.with_pattern_options(patterns))
        };
        let validator = linear
            .or_else(|_| bounded())
            .map_err(|error| format!("the schema at {pointer} does not compile: {error}"))?;
        Ok(Self { validator })
    }

    /// Checks one value. `bytes` is its size as text; `prefix` is prepended to every field.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with the violations.
    pub(super) fn check(&self, value: &Value, bytes: usize, place: Place, prefix: &str) -> Result<(), Fault> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let mut list = List { place, prefix, violations: Vec::new(), more: false };
        if bytes > LISTED_BYTES_MAX {
            if let Err(error) = self.validator.validate(value) {
                list.add(&error);
            }
            list.more = true;
        } else {
            self.validator.iter_errors(value).for_each(|error| list.add(&error));
        }
        Err(list.into_fault())
    }
}

/// A validator with Runyard's formats, and with the pattern engine of `patterns`.
fn built(
    schema: &Value,
    draft: Draft,
    patterns: impl FnOnce(ValidationOptions) -> ValidationOptions,
) -> Result<Validator, ValidationError<'static>> {
    let options = jsonschema::options().offline().with_draft(draft).should_validate_formats(true);
    // Code that reads an accepted date-time later must be able to parse it.
    patterns(options.with_format("date-time", is_moment)).build(schema)
}

/// The definition of a date-time, for error messages.
const MOMENT: &str = "a date and a time with an offset, such as 2026-01-31T12:00:00Z (RFC 3339), with at most nine digits of \
                      fraction, from 0000-01-01T00:00:00Z to 9999-12-30T22:00:00Z";

/// Whether a text is a date-time of RFC 3339 within the supported range: see [`MOMENT`].
fn is_moment(text: &str) -> bool {
    let bytes = text.as_bytes();
    // `2026-01-31T12:00:00`, then a fraction, then an offset. The parser below also accepts forms that the RFC does not
    // have.
    let shape = |at: usize, byte: u8| match at {
        4 | 7 => byte == b'-',
        10 => byte.eq_ignore_ascii_case(&b't'),
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    let date = bytes.len() > 19 && bytes[..19].iter().enumerate().all(|(at, byte)| shape(at, *byte));
    let offset = bytes.get(19..).map(|rest| {
        let fraction =
            rest.strip_prefix(b".").map_or(0, |rest| 1 + rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
        &rest[fraction..]
    });
    let offset = offset.is_some_and(|offset| match offset {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    });
    date && offset && text.parse::<jiff::Timestamp>().is_ok()
}

/// Merges several faults of one request: all violations together. A fault of another kind is returned alone.
pub(super) fn merge(faults: Vec<Fault>) -> Option<Fault> {
    let mut all = Vec::new();
    let mut any_more = false;
    for fault in faults {
        match fault {
            Fault::Invalid { violations, more } => {
                any_more |= more;
                all.extend(violations);
            }
            other => return Some(other),
        }
    }
    any_more |= all.len() > VIOLATIONS_MAX;
    all.truncate(VIOLATIONS_MAX);
    if all.is_empty() { None } else { Some(Fault::Invalid { violations: all, more: any_more }) }
}

/// A text, shortened for a response.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

struct List<'a> {
    place: Place,
    prefix: &'a str,
    violations: Vec<Violation>,
    more: bool,
}

impl List<'_> {
    fn add(&mut self, error: &ValidationError<'_>) {
        let at = error.instance_path().as_str();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                unexpected.iter().for_each(|name| self.push(child(at, name), "is not known here".to_owned()));
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                self.push(child(at, name), "is required".to_owned());
            }
            ValidationErrorKind::PropertyNames { error: inner } => {
                let name = inner.instance().as_str().unwrap_or_default().to_owned();
                self.push(child(at, &name), format!("this name is not allowed: it {}", reason(inner)));
            }
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                self.closest(context, at);
            }
            _ => self.push(at.to_owned(), reason(error)),
        }
    }

    /// Of several alternatives, reports the violations of the one that matches best.
    fn closest(&mut self, forms: &[Vec<ValidationError<'static>>], at: &str) {
        let deepest = |form: &&Vec<ValidationError<'static>>| {
            let depth = form.iter().map(|error| error.instance_path().as_str().len()).max().unwrap_or(0);
            (depth > at.len(), usize::MAX - form.len())
        };
        match forms.iter().filter(|form| !form.is_empty()).max_by_key(deepest) {
            Some(form) if form.iter().any(|error| error.instance_path().as_str().len() > at.len()) => {
                form.iter().for_each(|error| self.add(error));
            }
            _ => self.push(at.to_owned(), "fits none of the allowed forms".to_owned()),
        }
    }

    fn push(&mut self, pointer: String, reason: String) {
        if self.violations.len() == VIOLATIONS_MAX {
            self.more = true;
            return;
        }
        let field = format!("{}{}", self.prefix, shown(&pointer));
        self.violations.push(Violation { place: self.place, field, reason: shown(&reason) });
    }

    fn into_fault(mut self) -> Fault {
        // Two branches of one schema may report the same violation.
        let mut seen = std::collections::HashSet::new();
        self.violations.retain(|violation| seen.insert((violation.field.clone(), violation.reason.clone())));
        Fault::Invalid { violations: self.violations, more: self.more }
    }
}

/// The JSON pointer of a property below `at` (RFC 6901, section 3).
fn child(at: &str, name: &str) -> String {
    format!("{at}/{}", shown(name).replace('~', "~0").replace('/', "~1"))
}

/// What was expected, as the end of a sentence that starts with the field.
fn reason(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    match error.kind() {
        Kind::Type { kind } => format!("must be {}, not {}", expected(kind), found(error.instance())),
        Kind::Enum { options } => format!("must be one of {}", listed(options)),
        Kind::Constant { expected_value } => format!("must be {expected_value}"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinItems { limit } => format!("must have at least {limit} items"),
        Kind::MaxItems { limit } => format!("must have at most {limit} items"),
        Kind::MinProperties { limit } => format!("must have at least {limit} properties"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} properties"),
        Kind::UniqueItems => "must not have the same item twice".to_owned(),
        Kind::Pattern { pattern } => format!("must match {pattern}"),
        Kind::Format { format } if format == "date-time" => format!("must be {MOMENT}"),
        Kind::Format { format } => format!("must be a {format}"),
        Kind::OneOfMultipleValid { .. } => "fits more than one of the allowed forms".to_owned(),
        Kind::FalseSchema => "is not allowed".to_owned(),
        Kind::Not { .. } => "must not have this form".to_owned(),
        other => format!("breaks the rule {:?}", other.keyword()),
    }
}

fn expected(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.as_str().to_owned(),
        TypeKind::Multiple(set) => {
            let mut names: Vec<_> = set.iter().map(|one| one.as_str()).collect();
            names.sort_by_key(|name| *name == "null");
            names.join(" or ")
        }
    }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn listed(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    options.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
}
