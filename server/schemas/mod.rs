//! JSON Schemas (draft 7) that callers send and node types have: read once into a flat form, applied within a budget of work.
//!
//! | file       | what                                                                                       |
//! |------------|--------------------------------------------------------------------------------------------|
//! | this one   | [`Schema`], [`Work`]                                                                       |
//! | `read.rs`  | a schema as written, to rules without recursion: references resolved, circles refused      |
//! | `order.rs` | how many rules look at one value, and how deep they stand in each other                    |
//! | `apply.rs` | a value against the rules, counting every step                                             |
//! | `leaf.rs`  | what one schema says of one value by itself, which the `jsonschema` crate decides          |
//!
//! Why not the `jsonschema` crate alone: it has no deadline, it collects errors without a bound (each with the whole path to its
//! place, in every branch of `anyOf`), and it has its own way to resolve references, so that a guard in front of it can be passed by a
//! reference that the two read differently. Here the rules that are counted are the rules that are applied. A property test holds the
//! two to the same answers.

mod apply;
mod leaf;
mod order;
mod read;

use std::collections::HashMap;

use runyard_engine::FailureCode;
use serde_json::Value;

use crate::catalog::Violation;
use leaf::Leaf;

/// How large a schema may be, and how much work one check may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Steps of one check: schemas times values, and their texts.
    pub steps: u64,
    /// Schemas in one schema.
    pub schemas: usize,
    /// How deep schemas that look at the same value may stand in each other, references included.
    pub depth: usize,
}

impl Work {
    /// As the table of limits has it.
    pub fn of(limits: &crate::limits::Limits) -> Self {
        let count = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Work { steps: limits.schema_work, schemas: count(limits.schema_count), depth: count(limits.depth) }
    }
}

impl Default for Work {
    fn default() -> Self {
        Work::of(&crate::limits::Limits::default())
    }
}

/// A check was given up, because it takes more steps than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("checking the value against its schema takes more than the steps allowed (limits.schema_work)")]
pub struct TooExpensive;

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BadSchema {
    /// What is wrong with it, as a sentence without subject and end ("is no JSON Schema ...").
    pub reason: String,
    /// Whether it may be one, and is larger or deeper than is read.
    pub is_too_expensive: bool,
}

impl BadSchema {
    fn too_expensive(reason: String) -> Self {
        BadSchema { reason, is_too_expensive: true }
    }
}

impl From<String> for BadSchema {
    fn from(reason: String) -> Self {
        BadSchema { reason, is_too_expensive: false }
    }
}

/// The error code of [`TooExpensive`].
pub const TOO_EXPENSIVE: &str = FailureCode::ValidationTooExpensive.as_str();

/// A schema, ready to be applied. The first rule is the whole.
pub struct Schema {
    rules: Vec<Rule>,
    leaves: Vec<Leaf>,
}

/// The place of a rule in its schema.
type RuleId = usize;

/// One schema within a schema.
enum Rule {
    /// `true`, `false`.
    Always(bool),
    /// `$ref`: as that one. Never one of these again.
    Same(RuleId),
    /// Everything else.
    Of(Box<Keywords>),
}

/// What a schema that is an object says.
#[derive(Default)]
struct Keywords {
    /// Everything that is about the value itself.
    leaf: Option<usize>,
    /// Whether its type is object, and nothing else.
    wants_object: bool,
    /// Whether it has `properties`.
    names_properties: bool,
    /// Names in the order in which they were written.
    names: Vec<String>,
    properties: HashMap<String, RuleId>,
    required: Vec<String>,
    patterns: Vec<(usize, RuleId)>,
    additional: Option<RuleId>,
    property_names: Option<RuleId>,
    dependencies: Vec<(String, Dependency)>,
    items: Items,
    additional_items: Option<RuleId>,
    contains: Option<RuleId>,
    all_of: Vec<RuleId>,
    any_of: Vec<RuleId>,
    one_of: Vec<RuleId>,
    not: Option<RuleId>,
    when: Option<RuleId>,
    then: Option<RuleId>,
    otherwise: Option<RuleId>,
}

enum Dependency {
    Rule(RuleId),
    Names(Vec<String>),
}

#[derive(Default)]
enum Items {
    #[default]
    Any,
    All(RuleId),
    Each(Vec<RuleId>),
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// [`BadSchema`].
    pub fn read(schema: &Value, work: &Work) -> Result<Schema, BadSchema> {
        let schema = read::read(schema, work)?;
        order::check(&schema.places, &schema.rules, work.depth)?;
        Ok(Schema { rules: schema.rules, leaves: schema.leaves })
    }

    /// Whether a value fits.
    ///
    /// # Errors
    /// [`TooExpensive`].
    pub fn fits(&self, value: &Value, work: &Work) -> Result<bool, TooExpensive> {
        apply::fits(self, value, work)
    }

    /// What does not fit, the first of it by field; empty where all does.
    ///
    /// # Errors
    /// [`TooExpensive`].
    pub fn violations(&self, value: &Value, work: &Work) -> Result<Vec<Violation>, TooExpensive> {
        if apply::fits(self, value, work)? { Ok(Vec::new()) } else { apply::violations(self, value, work) }
    }

    /// Whether the whole names any properties, be it none by name.
    pub(crate) fn names_properties(&self) -> bool {
        self.keywords(0).is_some_and(|keywords| keywords.names_properties)
    }

    /// Whether the whole has to be an object.
    pub(crate) fn wants_object(&self) -> bool {
        self.keywords(0).is_some_and(|keywords| keywords.wants_object)
    }

    /// The properties that the whole names, in their order.
    pub(crate) fn properties(&self) -> &[String] {
        self.keywords(0).map_or(&[], |keywords| &keywords.names)
    }

    /// Whether the whole requires a property.
    pub(crate) fn requires(&self, name: &str) -> bool {
        self.keywords(0).is_some_and(|keywords| keywords.required.iter().any(|required| required == name))
    }

    /// The value without members that the schema neither names nor allows.
    pub(crate) fn pruned(&self, value: Value) -> Value {
        self.pruned_by(0, value)
    }

    fn pruned_by(&self, rule: RuleId, value: Value) -> Value {
        let Some(keywords) = self.keywords(rule) else { return value };
        match value {
            Value::Object(members) => {
                let forbids = keywords.additional.is_some_and(|rule| matches!(self.rules[rule], Rule::Always(false)));
                let closed = forbids && keywords.patterns.is_empty();
                let member = |(name, value): (String, Value)| match keywords.properties.get(&name) {
                    Some(rule) => Some((name, self.pruned_by(*rule, value))),
                    None if closed => None,
                    None => Some((name, value)),
                };
                Value::Object(members.into_iter().filter_map(member).collect())
            }
            Value::Array(items) => match keywords.items {
                Items::All(rule) => Value::Array(items.into_iter().map(|item| self.pruned_by(rule, item)).collect()),
                Items::Any | Items::Each(_) => Value::Array(items),
            },
            plain => plain,
        }
    }

    fn keywords(&self, rule: RuleId) -> Option<&Keywords> {
        match &self.rules[rule] {
            Rule::Of(keywords) => Some(keywords),
            Rule::Same(target) => match &self.rules[*target] {
                Rule::Of(keywords) => Some(keywords),
                Rule::Same(_) | Rule::Always(_) => None,
            },
            Rule::Always(_) => None,
        }
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Schema({} rules)", self.rules.len())
    }
}

#[cfg(test)]
mod tests;
