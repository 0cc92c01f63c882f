//! A configuration with its expressions found, checked, and ready to be evaluated any number of times.
//!
//! | in a configuration | becomes |
//! |---|---|
//! | text without `{{` | itself |
//! | `"{{ expression }}"`, and nothing beside it | its value, of whatever type; null where it is nothing |
//! | text with `{{ expression }}` in it | text: a value that is no text as JSON, nothing as nothing |
//! | `{"kind": "templateExpression", "expression": text}` | the same as the text |
//! | `{"kind": "jsExpression", "expression": text}` | the value of the whole text |
//! | everything else | itself, its members evaluated |

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::braces::{Piece, pieces};
use super::chains::{Reads, Step, path, reads, silenced};
use super::numbers;
use super::realm::{Asked, Parser, Reason};

/// The most expressions of one configuration.
const CODES_MAX: usize = 10_000;
/// The longest expression, bytes.
const CODE_BYTES_MAX: usize = 64 * 1024;
/// The most that a configuration may be nested.
const DEPTH_MAX: usize = 100;
/// The most faults that are told.
const FAULTS_MAX: usize = 100;
/// The longest that the engine's words are repeated, characters.
const SAID_CHARS_MAX: usize = 300;

/// How a configuration is read.
#[derive(Debug, Clone, Copy)]
pub struct Dialect<'a> {
    /// The names under which expressions find what they may read, such as `nodes`.
    pub roots: &'a [&'a str],
    /// Members of the configuration that are left as they are, such as the graph within a node.
    pub verbatim: &'a [&'a str],
    /// Whether braces in plain text hold expressions; else only those in a `templateExpression` do.
    pub braces: bool,
}

impl Default for Dialect<'_> {
    fn default() -> Self {
        Self { roots: &["nodes", "parentNodes"], verbatim: &[], braces: true }
    }
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where in the configuration: a JSON pointer.
    pub path: String,
    /// What, in a sentence without an end.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.path.is_empty() { "the configuration" } else { &self.path }, self.reason)
    }
}

/// A configuration ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    shape: Shape,
    pub(super) codes: Vec<Code>,
    /// What is read of each root, by name.
    pub(super) reads: Vec<(String, Reads)>,
    bytes: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Plain(Value),
    List(Vec<Shape>),
    Object(Vec<(String, Shape)>),
    /// The value of this expression.
    Value(usize),
    /// Text, some of it the values of expressions.
    Text(Vec<Part>),
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Code(usize),
}

/// One expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Code {
    pub(super) place: Place,
    pub(super) asked: Asked,
    /// The path that it is, where it is nothing else.
    pub(super) path: Option<Vec<Step>>,
}

/// Where something stands in a configuration: its parent, and the key there. It becomes text only where something is said about it, so
/// that ten thousand expressions below one long key do not hold that key ten thousand times.
#[derive(Debug, Clone, Default)]
pub(super) struct Place(Option<Arc<Below>>);

#[derive(Debug)]
struct Below {
    parent: Place,
    key: Key,
}

#[derive(Debug)]
enum Key {
    Name(Arc<str>),
    Index(usize),
}

/// How much of a key a place shows, characters.
const KEY_CHARS_MAX: usize = 120;

impl Place {
    fn below(&self, key: Key) -> Place {
        Place(Some(Arc::new(Below { parent: self.clone(), key })))
    }

    /// As a JSON pointer, long keys cut.
    pub(super) fn text(&self) -> String {
        let mut keys = Vec::new();
        let mut next = &self.0;
        while let Some(below) = next {
            keys.push(match &below.key {
                Key::Name(name) => {
                    let shown: String = name.chars().take(KEY_CHARS_MAX).collect();
                    shown.replace('~', "~0").replace('/', "~1")
                }
                Key::Index(index) => index.to_string(),
            });
            next = &below.parent.0;
        }
        keys.iter().rev().fold(String::new(), |text, key| format!("{text}/{key}"))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

/// What became of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Made {
    /// What its path leads to, as it was sent.
    Copied(Value),
    /// JSON, or text where it stands in one; none where it is nothing.
    Evaluated(Option<String>),
}

/// Why a configuration cannot be put together: which expression, and what is wrong with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unfilled {
    pub(super) code: usize,
    pub(super) reason: Reason,
}

/// Finds and checks every expression of a configuration.
///
/// # Errors
/// Every expression that is none, with its place; never empty.
pub fn compile(config: &Value, dialect: &Dialect<'_>) -> Result<Template, Vec<Fault>> {
    Compiler::default().compile(config, dialect)
}

/// A script: the body of a function, whose value is what it returns. It reads the same roots.
///
/// # Errors
/// What is wrong with it.
pub fn compile_script(script: &str, dialect: &Dialect<'_>) -> Result<Template, Vec<Fault>> {
    Compiler::default().compile_script(script, dialect)
}

/// Compiles one configuration after another, which costs less than each with a compiler of its own.
#[derive(Default)]
pub struct Compiler {
    parser: Parser,
}

impl Compiler {
    /// As [`compile`].
    ///
    /// # Errors
    /// As [`compile`].
    pub fn compile(&mut self, config: &Value, dialect: &Dialect<'_>) -> Result<Template, Vec<Fault>> {
        let mut reader = self.reader(dialect);
        let shape = reader.shape(config, &Place::default(), 0);
        reader.finish(shape)
    }

    /// As [`compile_script`].
    ///
    /// # Errors
    /// As [`compile_script`].
    pub fn compile_script(&mut self, script: &str, dialect: &Dialect<'_>) -> Result<Template, Vec<Fault>> {
        let mut reader = self.reader(dialect);
        let shape = reader.code(script, &Place::default(), false, Form::Body);
        reader.finish(shape)
    }

    fn reader<'a>(&'a mut self, dialect: &'a Dialect<'a>) -> Reader<'a> {
        Reader { dialect, codes: Vec::new(), sources: Vec::new(), faults: Vec::new(), parser: &mut self.parser }
    }
}

/// What stands there.
#[derive(Clone, Copy)]
enum Form {
    Expression,
    Body,
}

struct Reader<'a> {
    dialect: &'a Dialect<'a>,
    codes: Vec<Code>,
    /// As they were written, for what they read.
    sources: Vec<String>,
    faults: Vec<Fault>,
    parser: &'a mut Parser,
}

impl Reader<'_> {
    fn finish(self, shape: Shape) -> Result<Template, Vec<Fault>> {
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let read = |root: &&str| ((*root).to_owned(), together(self.sources.iter().map(|source| reads(source, root))));
        let reads = self.dialect.roots.iter().map(read).collect();
        let of_code = |code: &Code| code.asked.body.len() + size_of::<Code>() + size_of::<Below>();
        let bytes = size(&shape) + self.codes.iter().map(of_code).sum::<usize>();
        Ok(Template { shape, codes: self.codes, reads, bytes })
    }

    fn fault(&mut self, place: &Place, reason: impl Into<String>) -> Shape {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { path: place.text(), reason: reason.into() });
        }
        Shape::Plain(Value::Null)
    }

    fn shape(&mut self, config: &Value, path: &Place, depth: usize) -> Shape {
        if depth > DEPTH_MAX {
            return self.fault(path, format!("is nested more than {DEPTH_MAX} deep"));
        }
        match config {
            Value::String(text) if self.dialect.braces => self.text(text, path),
            Value::Array(items) => {
                let shapes = items.iter().enumerate();
                Shape::List(shapes.map(|(place, item)| self.below(Key::Index(place), item, path, depth)).collect())
            }
            Value::Object(members) if is_expression(members) => self.expression(members, path),
            Value::Object(members) => {
                let verbatim = |name: &str| depth == 0 && self.dialect.verbatim.contains(&name);
                let mut shapes = Vec::with_capacity(members.len());
                for (name, value) in members {
                    let shape = if verbatim(name) || is_plain(value) {
                        Shape::Plain(value.clone())
                    } else {
                        self.below(Key::Name(name.as_str().into()), value, path, depth)
                    };
                    shapes.push((name.clone(), shape));
                }
                Shape::Object(shapes)
            }
            plain => Shape::Plain(plain.clone()),
        }
    }

    fn below(&mut self, key: Key, value: &Value, place: &Place, depth: usize) -> Shape {
        if is_plain(value) {
            return Shape::Plain(value.clone());
        }
        self.shape(value, &place.below(key), depth + 1)
    }

    fn expression(&mut self, members: &Map<String, Value>, place: &Place) -> Shape {
        let path = place.below(Key::Name("expression".into()));
        if members.get("instructTo").is_some_and(|instruct| instruct == "ai") {
            return self.fault(&path, "is an instruction to a model (instructTo `ai`), and there is none here");
        }
        let text = match members.get("expression") {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => "",
            Some(_) => return self.fault(&path, "must be text"),
        };
        if members["kind"] == "jsExpression" {
            self.code(text, &path, false, Form::Expression)
        } else {
            self.text(text, &path)
        }
    }

    fn text(&mut self, text: &str, path: &Place) -> Shape {
        let found = pieces(text);
        match found[..] {
            [] => Shape::Plain(Value::String(String::new())),
            [Piece::Text(text)] => Shape::Plain(Value::String(text.to_owned())),
            [Piece::Code(code)] => self.code(code, path, false, Form::Expression),
            _ => {
                let part = |piece: Piece<'_>| match piece {
                    Piece::Text(text) => Part::Text(text.to_owned()),
                    Piece::Code(code) => match self.code(code, path, true, Form::Expression) {
                        Shape::Value(place) => Part::Code(place),
                        _ => Part::Text(String::new()),
                    },
                };
                Shape::Text(found.into_iter().map(part).collect())
            }
        }
    }

    /// An expression; nothing where nothing is said.
    fn code(&mut self, source: &str, place: &Place, in_text: bool, form: Form) -> Shape {
        if source.trim().is_empty() {
            return Shape::Plain(Value::Null);
        }
        if source.len() > CODE_BYTES_MAX {
            return self.fault(place, format!("is longer than {CODE_BYTES_MAX} bytes"));
        }
        if self.codes.len() >= CODES_MAX {
            return self.fault(place, format!("is one of more than {CODES_MAX} expressions"));
        }
        match checked(self.parser, source, self.dialect.roots, form) {
            Ok(body) => {
                let path = match form {
                    Form::Expression => path(source, self.dialect.roots).filter(|steps| steps.len() > 1),
                    Form::Body => None,
                };
                self.codes.push(Code { place: place.clone(), asked: Asked { body, in_text }, path });
                self.sources.push(source.to_owned());
                Shape::Value(self.codes.len() - 1)
            }
            Err(reason) => self.fault(place, reason),
        }
    }
}

/// Whether nothing in a value could be an expression.
fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_) | Value::Number(_))
}

/// The body of the function that an expression becomes, once it is known to be one.
fn checked(parser: &mut Parser, source: &str, roots: &[&str], form: Form) -> Result<String, String> {
    let original = [wrapped(source, form)];
    // Where it is no expression, one pair of brackets may still make it look like one: `a); (b`. Two different ones do not.
    let probes = |body: &str| match form {
        Form::Expression => vec![format!("(function(){{{body}}})"), format!("(function(){{return [{source}\n]}})")],
        Form::Body => vec![format!("(function(){{{body}}})"), format!("[function(){{{body}}}]")],
    };
    parser.parses(&probes(&original[0])).map_err(|reason| said(&reason))?;
    let silent = match form {
        Form::Expression => wrapped(&silenced(source, roots), form),
        // A script says itself what may be missing.
        Form::Body => original[0].clone(),
    };
    let [original] = original;
    if silent == original {
        return Ok(original);
    }
    Ok(if parser.parses(&probes(&silent)).is_ok() { silent } else { original })
}

/// On lines of its own, so that a comment at its end ends with it.
fn wrapped(source: &str, form: Form) -> String {
    match form {
        Form::Expression => format!("return (\n{source}\n)"),
        Form::Body => format!("\n{source}\n"),
    }
}

fn said(reason: &Reason) -> String {
    match reason {
        Reason::Failed(said) => {
            let said: String = said.chars().take(SAID_CHARS_MAX).collect();
            format!("is no JavaScript expression: {said}")
        }
        Reason::TooDeep => "is nested too deeply".to_owned(),
        Reason::OutOfMemory => "takes too much memory to be read".to_owned(),
        Reason::TimedOut => "takes too long to be read".to_owned(),
    }
}

/// Whether an object stands for a value that is worked out.
pub fn is_expression(members: &Map<String, Value>) -> bool {
    let kind = members.get("kind").and_then(Value::as_str);
    matches!(kind, Some("templateExpression" | "jsExpression")) && members.contains_key("expression")
}

fn together(all: impl Iterator<Item = Reads>) -> Reads {
    let mut members = BTreeSet::new();
    for one in all {
        match one {
            Reads::Members(more) => members.extend(more),
            Reads::All => return Reads::All,
        }
    }
    Reads::Members(members)
}

impl Template {
    /// Whether there is nothing to evaluate.
    pub fn is_plain(&self) -> bool {
        self.codes.is_empty()
    }

    /// The members that it reads of a root; nothing where those may be all there are.
    pub fn members(&self, root: &str) -> Option<impl Iterator<Item = &str>> {
        match self.reads.iter().find(|(name, _)| name == root) {
            Some((_, Reads::Members(members))) => Some(members.iter().map(String::as_str)),
            _ => None,
        }
    }

    /// How much of memory it takes, about, bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The configuration with the values in it.
    ///
    /// # Errors
    /// The expression whose value cannot be read, and why.
    pub(super) fn filled(&self, values: &[Made], big: &str) -> Result<Value, Unfilled> {
        fill(&self.shape, values, big)
    }
}

fn fill(shape: &Shape, values: &[Made], big: &str) -> Result<Value, Unfilled> {
    Ok(match shape {
        Shape::Plain(value) => value.clone(),
        Shape::List(items) => Value::Array(items.iter().map(|item| fill(item, values, big)).collect::<Result<_, _>>()?),
        Shape::Object(members) => {
            let filled = members.iter().map(|(name, member)| Ok((name.clone(), fill(member, values, big)?)));
            Value::Object(filled.collect::<Result<_, Unfilled>>()?)
        }
        Shape::Value(place) => match values.get(*place) {
            Some(Made::Copied(value)) => value.clone(),
            Some(Made::Evaluated(Some(json))) => {
                numbers::read(json, big).map_err(|reason| Unfilled { code: *place, reason })?
            }
            Some(Made::Evaluated(None)) | None => Value::Null,
        },
        Shape::Text(parts) => Value::String(
            parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => Cow::Borrowed(text.as_str()),
                    Part::Code(place) => values.get(*place).map_or(Cow::Borrowed(""), text_of),
                })
                .collect(),
        ),
    })
}

/// A value as it stands in a text: nothing as nothing, text as it is, anything else as JSON.
fn text_of(made: &Made) -> Cow<'_, str> {
    match made {
        Made::Copied(Value::Null) | Made::Evaluated(None) => Cow::Borrowed(""),
        Made::Copied(Value::String(text)) | Made::Evaluated(Some(text)) => Cow::Borrowed(text),
        Made::Copied(value) => Cow::Owned(value.to_string()),
    }
}

fn size(shape: &Shape) -> usize {
    size_of::<Shape>()
        + match shape {
            Shape::Plain(value) => plain_size(value),
            Shape::List(items) => items.iter().map(size).sum(),
            Shape::Object(members) => members.iter().map(|(name, member)| name.len() + size(member)).sum(),
            Shape::Value(_) => 0,
            Shape::Text(parts) => {
                parts.iter().map(|part| if let Part::Text(text) = part { text.len() } else { 8 }).sum()
            }
        }
}

fn plain_size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| size_of::<Value>() + plain_size(item)).sum(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| name.len() + size_of::<Value>() + plain_size(member)).sum()
        }
        _ => 0,
    }
}
