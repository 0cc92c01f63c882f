//! What a page shows of a document: texts and shapes, in the order of reading. `reading.rs` fills it in, `page/` writes it down.
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
    /// Whether there is an owner beside us, so that what is ours has to be marked.
    pub(super) foreign: bool,
    pub(super) groups: Vec<Group>,
    pub(super) schemas: Vec<Schema>,
    pub(super) credentials: Vec<Credential>,
}

/// A way to show who calls.
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

/// Whose document it is (`info.x-runyard-source`).
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
    /// The scope without which nobody may, not even where nobody is asked who they are (`x-runyard-scope`).
    pub(super) scope: Option<String>,
    /// Whether the document says that repeating it changes nothing (`x-runyard-idempotent`).
    pub(super) idempotent: bool,
    /// The medium of its stream, where it answers with one.
    pub(super) stream: Option<String>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
}

impl Operation {
    /// The answer of success.
    pub(super) fn success(&self) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.is_success())
    }
}

/// A parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    /// As OpenAPI says it: `path`, `query`, `header`.
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
    /// As the document writes it: `200`, `default`.
    pub(super) status: String,
    pub(super) ours: bool,
    pub(super) description: String,
    pub(super) media: Option<String>,
    /// Other media types that it may have, where the caller asks for one.
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
    pub(super) room: Room,
    pub(super) notes: Vec<String>,
    /// Keys that we write into its `extensions`.
    pub(super) extensions: Vec<(String, String)>,
    /// Operations and schemas that name it.
    pub(super) used_by: Vec<Use>,
    pub(super) example: Option<serde_json::Value>,
}

/// Who names a schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// An operation, by its id.
    Operation(String),
    /// Another schema.
    Schema(String),
}

/// What an object says of fields that it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It is no object.
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
    /// Its own fields, where they are shown in place.
    pub(super) fields: Vec<Field>,
}

/// What a value is: words and links to schemas, then the rules that hold for it.
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
    /// Whether the owner does not have it.
    pub(super) ours: bool,
}
