//! One node type: what it is called, what it takes and makes, and what a planner without a model must know to choose it.

use std::fmt;

use runyard_engine::{Constraints, NodeKind, NodeType, NodeTypeRef, Object, SideEffect};
use schemars::JsonSchema;
use schemars::r#gen::SchemaSettings;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::violation::Violation;
use crate::schemas::{Schema, TOO_EXPENSIVE, Work};

/// A rule that a JSON Schema says badly, such as "exactly one of two".
pub(crate) type Rule = fn(&Object) -> Vec<Violation>;

/// One node type of the catalogue.
pub struct Entry {
    /// Such as `runyard.core.echo`.
    pub id: String,
    /// Such as `1.0.0`.
    pub version: String,
    /// How the engine moves it.
    pub kind: NodeKind,
    /// What performing it does to the world.
    pub side_effect: SideEffect,
    /// Whether performing it calls a service outside this server.
    pub external: bool,
    /// For people, a sentence or two.
    pub description: String,
    /// Other ids of the same type, of any version.
    pub aliases: Vec<String>,
    /// JSON Schema (draft 7) of the inputs.
    pub input_schema: Value,
    /// JSON Schema (draft 7) of the outputs.
    pub output_schema: Value,
    /// SHA-256 of the input schema as compact JSON, in hexadecimal.
    pub input_schema_sha256: String,
    /// What a planner without a model goes by.
    pub hints: Hints,
    /// The integration that it calls, if it is one of an integration.
    pub integration: Option<String>,
    inputs: Schema,
    outputs: Schema,
    rule: Option<Rule>,
}

/// What a planner without a model goes by.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// Words that name the node type, in lower case. A clause that has none of them is not about it.
    pub keywords: Vec<String>,
    /// Verbs that mean this node type when a clause starts with them. They count as keywords.
    pub verbs: Vec<String>,
    /// Nouns that later clauses use for what it makes ("the uuid").
    pub produces: Vec<String>,
    /// What is read from the clause.
    pub arguments: Vec<Argument>,
    /// Whether a clause must begin with one of the verbs, which then do not count as keywords: what removes something must not be
    /// found by the name of the thing alone.
    pub verb_needed: bool,
}

/// An input that is read from the clause.
#[derive(Debug, Clone)]
pub struct Argument {
    /// The input field.
    pub field: String,
    /// How it is read.
    pub reads: Reads,
}

/// How an input is read from a clause.
#[derive(Debug, Clone)]
pub enum Reads {
    /// A text: quoted, an earlier output, or the words after one of the verbs or nouns that introduce it.
    Text {
        /// Clauses that start with one of these verbs may leave the text unquoted.
        after: Vec<String>,
        /// Nouns after which "of" introduces the text.
        of: Vec<String>,
    },
    /// A length of time, in seconds.
    Seconds,
    /// An absolute http or https URL, quoted or not.
    Link,
    /// A value that stands after the name of the field, as the schema wants it: quoted text, a number, true or false, an earlier
    /// output, a value of the context that has the field's name.
    Field {
        /// Whether the node type cannot do without.
        needed: bool,
        /// Whether a quoted text or an earlier output may be meant although the field is not named.
        unnamed: bool,
    },
}

/// What an entry is made from, besides its types.
pub(crate) struct Head {
    pub(crate) id: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) kind: NodeKind,
    pub(crate) description: &'static str,
    pub(crate) hints: Hints,
    pub(crate) rule: Option<Rule>,
}

impl Entry {
    /// An entry whose schemas are those of the types that read its inputs and write its outputs.
    pub(crate) fn of<Inputs: JsonSchema, Outputs: JsonSchema>(head: Head) -> Self {
        let schemas = (schema_of::<Inputs>(), schema_of::<Outputs>());
        Self {
            aliases: head.aliases.iter().map(|&alias| alias.to_owned()).collect(),
            hints: head.hints,
            rule: head.rule,
            ..Self::described(head.id.to_owned(), head.kind, head.description.to_owned(), schemas)
        }
    }

    /// An entry with these schemas of inputs and outputs, which compile. It only reads, until it is said otherwise.
    pub(crate) fn described(id: String, kind: NodeKind, description: String, schemas: (Value, Value)) -> Self {
        let (input_schema, output_schema) = schemas;
        Self {
            id,
            version: "1.0.0".to_owned(),
            kind,
            side_effect: SideEffect::Read,
            external: false,
            description,
            aliases: Vec::new(),
            inputs: compile(&input_schema),
            outputs: compile(&output_schema),
            input_schema_sha256: sha256_hex(input_schema.to_string().as_bytes()),
            input_schema,
            output_schema,
            hints: Hints::default(),
            integration: None,
            rule: None,
        }
    }

    /// The node type as the engine pins it.
    pub fn pin(&self, asked: NodeTypeRef) -> NodeType {
        NodeType {
            asked,
            id: self.id.clone(),
            version: self.version.clone(),
            kind: self.kind,
            side_effect: self.side_effect,
            external: self.external,
            constraints: Constraints::default(),
            retry: None,
            timeout_ms: None,
            input_schema_sha256: Some(self.input_schema_sha256.clone()),
        }
    }

    /// The numbers of its version, for sorting.
    pub(crate) fn version_numbers(&self) -> Vec<u64> {
        self.version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
    }

    /// Its resolved id and version.
    pub fn reference(&self) -> NodeTypeRef {
        NodeTypeRef { id: self.id.clone(), version: self.version.clone() }
    }

    /// Checks inputs against schema and rules.
    ///
    /// # Errors
    /// Everything that does not fit; never empty.
    pub fn validate_inputs(&self, inputs: &Object) -> Result<(), Vec<Violation>> {
        let mut found = against(&self.inputs, inputs);
        if let (Some(rule), true) = (self.rule, found.is_empty()) {
            found = rule(inputs);
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// Inputs of a request that names this node type by an alias, as its schema takes them, and the names that it does not have. Who
    /// uses an alias speaks another server's words, whose node type takes more than this one.
    pub fn adapted(&self, mut inputs: Object) -> (Object, Vec<String>) {
        let closed = self.input_schema["additionalProperties"] == Value::Bool(false);
        let mut dropped = Vec::new();
        inputs.retain(|name, _| {
            let is_known = !closed || self.input_schema["properties"].get(name).is_some();
            if !is_known {
                dropped.push(name.clone());
            }
            is_known
        });
        if let Some(context) = inputs.get_mut("context").filter(|context| context.is_object()) {
            *context = Value::String(context.to_string());
        }
        (inputs, dropped)
    }

    /// Checks outputs against the schema.
    ///
    /// # Errors
    /// Everything that does not fit; never empty.
    pub fn validate_outputs(&self, outputs: &Object) -> Result<(), Vec<Violation>> {
        let found = against(&self.outputs, outputs);
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// The output that stands for the whole: the only one. `None` where there are several.
    pub fn main_output(&self) -> Option<&str> {
        let properties = self.output_schema.get("properties")?.as_object()?;
        match properties.len() {
            1 => properties.keys().next().map(String::as_str),
            _ => None,
        }
    }

    /// Whether the only output is a string.
    pub fn main_output_is_text(&self) -> bool {
        self.main_output().is_some_and(|name| self.output_schema["properties"][name]["type"] == "string")
    }

    /// Whether id, aliases or description contain this text, given in lower case.
    pub(crate) fn mentions(&self, query: &str) -> bool {
        let mut texts = std::iter::once(&self.id).chain(&self.aliases).chain(std::iter::once(&self.description));
        texts.any(|text| text.to_lowercase().contains(query))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({} {})", self.id, self.version)
    }
}

/// Draft 7, self-contained, without title and `$schema`: it is read inside other documents.
fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    if let Some(metadata) = schema.schema.metadata.as_mut() {
        metadata.title = None;
    }
    serde_json::to_value(schema).expect("a schema is JSON")
}

fn compile(schema: &Value) -> Schema {
    Schema::read(schema, &Work::default())
        .expect("a schema of a type of ours is one, and one of the configuration was tried")
}

/// What does not fit. Of what takes too many steps to check, only that is said.
fn against(schema: &Schema, object: &Object) -> Vec<Violation> {
    let found = schema.violations(&Value::Object(object.clone()), &Work::default());
    found.unwrap_or_else(|error| {
        vec![Violation { field: String::new(), reason: format!("cannot be checked ({TOO_EXPENSIVE}): {error}") }]
    })
}

fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
