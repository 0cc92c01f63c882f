//! The keywords of a schema that look at one value by itself: its type, its size, its pattern. The `jsonschema` crate
//! checks them; it knows what counts as equal, as a multiple, as a date. None of these keywords contains a schema, so
//! none of them loops or multiplies.

use std::collections::HashMap;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};

use super::excerpt::shown;

/// The index of a rule in its schema.
pub(super) type RuleId = usize;

/// The keywords.
pub(super) const KEYWORDS: [&str; 20] = [
    "type",
    "enum",
    "const",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "format",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxProperties",
    "minProperties",
    "required",
    "contentEncoding",
    "contentMediaType",
];

/// The most bytes that the compiled patterns of one schema may take together.
const PATTERN_BYTES_MAX: usize = 64 << 20;
/// The least and the most bytes of one compiled pattern. The most is the default of the crate behind it.
const PATTERN_BYTES: (usize, usize) = (64 << 10, 10 << 20);
/// The most patterns of one schema.
const PATTERNS_MAX: usize = PATTERN_BYTES_MAX / PATTERN_BYTES.0;
/// How many bytes of text count as one step.
const BYTES_PER_STEP: usize = 16;

/// A compiled leaf with its cost.
pub(super) struct Leaf {
    pub(super) validator: Validator,
    /// Steps for any value.
    base: u64,
    /// Steps for each piece of a text.
    text: u64,
    /// Whether it compares the items of a list.
    unique: bool,
}

impl Leaf {
    /// The most steps of a check of this value.
    pub(super) fn steps(&self, value: &Value) -> u64 {
        self.base
            + match value {
                Value::String(text) => self.text_steps(text.len()),
                Value::Array(items) if self.unique => items.iter().map(size).sum(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => 0,
            }
    }

    fn text_steps(&self, bytes: usize) -> u64 {
        ((bytes / BYTES_PER_STEP) as u64 + 1).saturating_mul(self.text)
    }
}

/// The size of a value in steps. Iterative.
fn size(value: &Value) -> u64 {
    let (mut steps, mut open) = (0_u64, vec![value]);
    while let Some(value) = open.pop() {
        steps += 1;
        match value {
            Value::String(text) => steps += (text.len() / BYTES_PER_STEP) as u64,
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                steps += members.keys().map(|name| (name.len() / BYTES_PER_STEP) as u64).sum::<u64>();
                open.extend(members.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    steps
}

/// The leaves of a schema while it is read. Equal ones are stored once.
#[derive(Default)]
pub(super) struct Leaves {
    known: HashMap<String, usize>,
    /// As written, with the first rule that has it.
    all: Vec<(RuleId, Value)>,
    patterns: usize,
}

impl Leaves {
    /// Adds the keywords of a schema that are not schemas.
    pub(super) fn of(&mut self, rule: RuleId, own: Map<String, Value>) -> usize {
        let own = Value::Object(own);
        let text = own.to_string();
        if let Some(known) = self.known.get(&text) {
            return *known;
        }
        self.patterns += usize::from(own.get("pattern").is_some());
        self.known.insert(text, self.all.len());
        self.all.push((rule, own));
        self.all.len() - 1
    }

    /// Adds a pattern for names.
    pub(super) fn pattern(&mut self, rule: RuleId, pattern: &str) -> usize {
        self.of(rule, Map::from_iter([("pattern".to_owned(), json!(pattern))]))
    }

    /// Compiles all leaves.
    ///
    /// # Errors
    /// The rule that is not valid in draft 7, and why.
    pub(super) fn compiled(self) -> Result<Vec<Leaf>, (RuleId, String)> {
        if let Some((rule, _)) = self.all.first().filter(|_| self.patterns > PATTERNS_MAX) {
            return Err((*rule, format!("there are more than {PATTERNS_MAX} patterns")));
        }
        let bytes = (PATTERN_BYTES_MAX / self.patterns.max(1)).clamp(PATTERN_BYTES.0, PATTERN_BYTES.1);
        self.all.iter().map(|(rule, own)| compiled(own, bytes).map_err(|reason| (*rule, reason))).collect()
    }
}

fn compiled(own: &Value, pattern_bytes: usize) -> Result<Leaf, String> {
    // Linear time: a caller's text must not decide how long a pattern takes.
    let patterns = PatternOptions::regex().size_limit(pattern_bytes).dfa_size_limit(pattern_bytes);
    let options = jsonschema::options().offline().with_draft(jsonschema::Draft::Draft7);
    let options = options.should_validate_formats(true).with_pattern_options(patterns);
    let validator = options.build(own).map_err(|error| shown(&error.to_string()))?;
    let listed = ["enum", "const"].iter().filter_map(|keyword| own.get(*keyword)).map(size).sum::<u64>();
    let required = own.get("required").and_then(Value::as_array).map_or(0, Vec::len) as u64;
    let pattern = own.get("pattern").and_then(Value::as_str).map_or(0, |pattern| 1 + weight(pattern) / 4);
    let format = match own.get("format").and_then(Value::as_str) {
        // The value itself is compiled as a pattern.
        Some("regex") => 4_096,
        Some(_) => 2,
        None => 0,
    };
    let content = u64::from(own.get("contentEncoding").is_some() || own.get("contentMediaType").is_some()) * 4;
    Ok(Leaf {
        validator,
        base: 1 + listed + required,
        text: 1 + pattern + format + content,
        unique: own.get("uniqueItems") == Some(&Value::Bool(true)),
    })
}

/// About how many states a pattern has: its characters, times the counts around them. The cost of a byte of text
/// depends on that.
fn weight(pattern: &str) -> u64 {
    // For each open group: its weight so far, and its last piece.
    let mut open: Vec<(u64, u64)> = vec![(0, 0)];
    let mut signs = pattern.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '(' => open.push((0, 0)),
            ')' if open.len() > 1 => {
                let (sum, last) = open.pop().unwrap_or_default();
                add(&mut open, sum.saturating_add(last));
            }
            '[' => {
                let mut escaped = false;
                for sign in signs.by_ref() {
                    match sign {
                        _ if escaped => escaped = false,
                        '\\' => escaped = true,
                        ']' => break,
                        _ => {}
                    }
                }
                add(&mut open, 4);
            }
            '{' => {
                let counts: String = signs.clone().take_while(|sign| *sign != '}').collect();
                let largest = counts.split(',').filter_map(|count| count.trim().parse::<u64>().ok()).max();
                if let (Some(largest), Some((_, last))) = (largest, open.last_mut()) {
                    *last = last.saturating_mul(largest.max(1));
                    signs.nth(counts.chars().count());
                } else {
                    add(&mut open, 1);
                }
            }
            '\\' => {
                signs.next();
                add(&mut open, 4);
            }
            _ => add(&mut open, 1),
        }
    }
    open.into_iter().fold(0, |sum, (group, last)| sum.saturating_add(group).saturating_add(last))
}

/// Adds a piece to the innermost open group.
fn add(open: &mut [(u64, u64)], piece: u64) {
    if let Some((sum, last)) = open.last_mut() {
        *sum = sum.saturating_add(*last);
        *last = piece;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_a_pattern_multiply_its_weight() {
        for (pattern, expected) in [
            ("", 0),
            ("abc", 3),
            ("[a-z0-9\\]]", 4),
            ("a{3}", 3),
            ("(ab){10,100}", 200),
            ("((a{10}){10}){10}", 1000),
            ("x{", 2),
            ("a{1,}b", 2),
            (")a", 2),
        ] {
            assert_eq!(weight(pattern), expected, "{pattern}");
        }
        assert_eq!(weight(&format!("{}a{}", "(".repeat(20), "){1000}".repeat(20))), u64::MAX);
    }
}
