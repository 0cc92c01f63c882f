//! JSON Schemas (draft 7) of callers and node types: read once into a flat form, applied within a budget of work.
//!
//! | file       | what                                                                                       |
//! |------------|--------------------------------------------------------------------------------------------|
//! | this one   | [`Schema`], [`Work`]                                                                       |
//! | `read.rs`  | converts a written schema to rules without recursion: resolves references, refuses cycles  |
//! | `order.rs` | how many rules apply to one value, and how deeply they are nested                          |
//! | `apply.rs` | applies the rules to a value, and counts every step                                        |
//! | `leaf.rs`  | the keywords of one schema that the `jsonschema` crate checks                              |
//!
//! Why not the `jsonschema` crate alone: it has no deadline, it collects errors without a bound (each with its whole
//! path, in every branch of `anyOf`), and it resolves references in its own way, so that a reference that the two read
//! differently can evade a check in front of it. Here the rules that are counted are the rules that are applied. A
//! property test compares the answers of both.

mod apply;
mod excerpt;
mod leaf;
mod order;
mod read;

use std::collections::HashMap;

use runyard_engine::FailureCode;
use serde_json::Value;

use crate::catalog::Violation;
use leaf::{Leaf, RuleId};

/// The largest schema, and the most work of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Steps of one check: schemas times values, and their texts.
    pub steps: u64,
    /// Schemas in one schema.
    pub schemas: usize,
    /// How deeply schemas that apply to the same value may be nested, references included.
    pub depth: usize,
}

impl Work {
    /// The values of the table of limits.
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

/// A check was given up, because it takes more steps than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("checking the value against its schema takes more than the steps allowed (limits.schema_work)")]
pub struct TooExpensive;

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BadSchema {
    /// What is wrong with it, as a predicate without subject and period ("is no JSON Schema ...").
    pub reason: String,
    /// Whether it may be valid, and is larger or deeper than allowed.
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

/// A schema, ready to be applied. The first rule is the root.
pub struct Schema {
    rules: Vec<Rule>,
    leaves: Vec<Leaf>,
}

/// One schema within a schema.
enum Rule {
    /// `true`, `false`.
    Always(bool),
    /// `$ref`: the target, which is never another `Same`.
    Same(RuleId),
    /// Every other schema.
    Of(Box<Keywords>),
}

/// The keywords of a schema that is an object.
#[derive(Default)]
struct Keywords {
    /// The keywords about the value itself.
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

    /// Whether a value matches.
    ///
    /// # Errors
    /// [`TooExpensive`].
    pub fn fits(&self, value: &Value, work: &Work) -> Result<bool, TooExpensive> {
        apply::fits(self, value, work)
    }

    /// The violations, the first ones by field; empty if the value matches.
    ///
    /// # Errors
    /// [`TooExpensive`].
    pub fn violations(&self, value: &Value, work: &Work) -> Result<Vec<Violation>, TooExpensive> {
        if apply::fits(self, value, work)? { Ok(Vec::new()) } else { apply::violations(self, value, work) }
    }

    /// Whether the root has `properties`, even empty ones.
    pub(crate) fn names_properties(&self) -> bool {
        self.keywords(0).is_some_and(|keywords| keywords.names_properties)
    }

    /// Whether the value has to be an object.
    pub(crate) fn wants_object(&self) -> bool {
        self.keywords(0).is_some_and(|keywords| keywords.wants_object)
    }

    /// The names of the root's properties, in their order.
    pub(crate) fn properties(&self) -> &[String] {
        self.keywords(0).map_or(&[], |keywords| &keywords.names)
    }

    /// Whether the root requires a property.
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
