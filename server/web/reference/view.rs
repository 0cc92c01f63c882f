//! The data that a page shows for a document: texts and shapes, in reading order. `reading.rs` fills it in, `page/`
//! renders it.
//!
//! Descriptions are CommonMark here; `prose.rs` makes HTML of them.

/// A document.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) version: String,
    pub(super) description: String,
    pub(super) source: Source,
    /// Whether the document is a vendor's, so that Runyard's additions must be marked.
    pub(super) foreign: bool,
    pub(super) groups: Vec<Group>,
    pub(super) schemas: Vec<Schema>,
    pub(super) credentials: Vec<Credential>,
}

/// A way to authenticate.
#[derive(Debug)]
pub(super) struct Credential {
    pub(super) name: String,
    /// Header and value, as curl takes them.
    pub(super) header: String,
    pub(super) description: String,
}

impl Reference {
    /// Every operation, in the order of the page.
    pub(super) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.groups.iter().flat_map(|group| &group.operations)
    }
}

/// The source of the document (`info.x-runyard-source`).
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) owner: String,
    pub(super) upstream: String,
    pub(super) version: String,
    pub(super) date: String,
    pub(super) licence: String,
    pub(super) decided: String,
}

/// Operations that belong together: a tag.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) operations: Vec<Operation>,
}

/// An operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) notes: Vec<String>,
    pub(super) secured: bool,
    /// The scope that is always required, even if authentication is disabled (`x-runyard-scope`).
    pub(super) scope: Option<String>,
    /// Whether the operation is idempotent (`x-runyard-idempotent`).
    pub(super) idempotent: bool,
    /// The media type of its stream, if it answers with one.
    pub(super) stream: Option<String>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
}

impl Operation {
    /// The successful answer.
    pub(super) fn success(&self) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.is_success())
    }
}

/// A parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    /// The place as in OpenAPI: `path`, `query`, `header`.
    pub(super) place: String,
    pub(super) required: bool,
    pub(super) ours: bool,
    pub(super) description: String,
    pub(super) shape: Shape,
    pub(super) example: Option<serde_json::Value>,
}

/// A request body.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) media: String,
    pub(super) required: bool,
    pub(super) description: String,
    pub(super) shape: Shape,
    pub(super) fields: Vec<Field>,
    pub(super) example: Option<serde_json::Value>,
}

/// A documented answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// As the document has it: `200`, `default`.
    pub(super) status: String,
    pub(super) ours: bool,
    pub(super) description: String,
    pub(super) media: Option<String>,
    /// Other media types of the answer, if the caller accepts one.
    pub(super) other_media: Vec<String>,
    pub(super) shape: Option<Shape>,
    pub(super) headers: Vec<Header>,
    /// The codes that an error of this status can have here.
    pub(super) codes: Vec<String>,
    pub(super) example: Option<serde_json::Value>,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        self.status.starts_with('2')
    }
}

/// A header of an answer.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) ours: bool,
    pub(super) description: String,
    pub(super) shape: Shape,
}

/// A named schema.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) name: String,
    pub(super) ours: bool,
    pub(super) description: String,
    pub(super) shape: Shape,
    pub(super) fields: Vec<Field>,
    pub(super) values: Vec<(String, Option<String>)>,
    pub(super) other_fields: OtherFields,
    pub(super) notes: Vec<String>,
    /// Keys that Runyard writes into its `extensions`.
    pub(super) extensions: Vec<(String, String)>,
    /// Operations and schemas that refer to it.
    pub(super) used_by: Vec<Use>,
    pub(super) example: Option<serde_json::Value>,
}

/// A reference to a schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// An operation, by its id.
    Operation(String),
    /// Another schema.
    Schema(String),
}

/// Whether an object allows fields that it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OtherFields {
    /// It is not an object.
    None,
    /// They are refused.
    Closed,
    /// They are allowed.
    Open,
}

/// A field of an object.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) ours: bool,
    pub(super) description: String,
    pub(super) notes: Vec<String>,
    pub(super) shape: Shape,
    /// Its own fields, if they are shown in place.
    pub(super) fields: Vec<Field>,
}

/// A value's type: text and links to schemas, then its rules.
#[derive(Debug, Default, Clone)]
pub(super) struct Shape {
    pub(super) words: Vec<Word>,
    pub(super) rules: Vec<Rule>,
}

/// A part of a shape.
#[derive(Debug, Clone)]
pub(super) enum Word {
    /// Text.
    Plain(String),
    /// The name of a schema.
    Schema(String),
}

/// A rule for a value.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// Whether the vendor's document does not have it.
    pub(super) ours: bool,
}
