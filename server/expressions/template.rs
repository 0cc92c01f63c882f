//! A configuration whose expressions are found and checked, ready to be evaluated any number of times.
//!
//! | in a configuration | becomes |
//! |---|---|
//! | text without `{{` | unchanged |
//! | `"{{ expression }}"`, and nothing else | its value, of any type; null if there is no value |
//! | text with `{{ expression }}` in it | text: values other than text as JSON, missing values as empty text |
//! | `{"kind": "templateExpression", "expression": text}` | the same as the text |
//! | `{"kind": "jsExpression", "expression": text}` | the value of the whole text |
//! | everything else | unchanged, with its members evaluated |

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::braces::{Piece, pieces};
use super::chains::{Reads, Step, path, reads, silenced};
use super::numbers;
use super::realm::{CodeSource, Parser, Reason};

/// The most expressions of one configuration.
const CODES_MAX: usize = 10_000;
/// The longest expression, bytes.
const CODE_BYTES_MAX: usize = 64 * 1024;
/// The deepest nesting of a configuration.
const DEPTH_MAX: usize = 100;
/// The most faults that are reported.
const FAULTS_MAX: usize = 100;
/// The longest part of the engine's message that is shown, characters.
const SAID_CHARS_MAX: usize = 300;

/// How a configuration is read.
#[derive(Debug, Clone, Copy)]
pub struct Dialect<'a> {
    /// The names of the roots that expressions may read, such as `nodes`.
    pub roots: &'a [&'a str],
    /// Members of the configuration that are not evaluated, such as the graph within a node.
    pub verbatim: &'a [&'a str],
    /// Whether braces in plain text contain expressions. Otherwise only braces in a `templateExpression` do.
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
    /// The place in the configuration, as a JSON pointer.
    pub path: String,
    /// The reason, as a sentence without a full stop.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.path.is_empty() { "the configuration" } else { &self.path }, self.reason)
    }
}

/// A configuration that is ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    shape: Shape,
    pub(super) codes: Vec<Code>,
    /// The members that are read of each root, by name.
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
    /// Text with the values of expressions in it.
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
    pub(super) asked: CodeSource,
    /// The path, if the expression is only a path.
    pub(super) path: Option<Vec<Step>>,
}

/// A place in a configuration: its parent, and the key there. It is formatted only for messages, so that ten thousand
/// expressions below one long key do not store that key ten thousand times.
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

/// The most characters of a key that a place shows.
const KEY_CHARS_MAX: usize = 120;

impl Place {
    fn below(&self, key: Key) -> Place {
        Place(Some(Arc::new(Below { parent: self.clone(), key })))
    }

    /// Formats the place as a JSON pointer, with long keys truncated.
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

/// The result of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Made {
    /// The value at its path, unchanged.
    Copied(Value),
    /// JSON, or text if it is inserted into text; `None` if there is no value.
    Evaluated(Option<String>),
}

/// Why a configuration cannot be filled: the expression, and what is wrong with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unfilled {
    pub(super) code: usize,
    pub(super) reason: Reason,
}

/// Finds and checks every expression of a configuration.
///
/// # Errors
/// Every invalid expression, with its place; never empty.
pub fn compile(config: &Value, dialect: &Dialect<'_>) -> Result<Template, Vec<Fault>> {
    Compiler::default().compile(config, dialect)
}

/// Compiles a script, which is the body of a function that returns the value. It reads the same roots.
///
/// # Errors
/// What is wrong with it.
pub fn compile_script(script: &str, dialect: &Dialect<'_>) -> Result<Template, Vec<Fault>> {
    Compiler::default().compile_script(script, dialect)
}

/// Compiles several configurations, which is cheaper than one compiler for each.
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

/// What a place of the template contains.
#[derive(Clone, Copy)]
enum Form {
    Expression,
    Body,
}

struct Reader<'a> {
    dialect: &'a Dialect<'a>,
    codes: Vec<Code>,
    /// The sources as written, to find what they read.
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
            return self.fault(&path, "is an instruction to a model (instructTo `ai`), and this server has no model");
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

    /// Compiles an expression; an empty one is null.
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
                self.codes.push(Code { place: place.clone(), asked: CodeSource { body, in_text }, path });
                self.sources.push(source.to_owned());
                Shape::Value(self.codes.len() - 1)
            }
            Err(reason) => self.fault(place, reason),
        }
    }
}

/// Whether a value contains nothing that could be an expression.
fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_) | Value::Number(_))
}

/// Checks an expression and returns it as the body of a function.
fn checked(parser: &mut Parser, source: &str, roots: &[&str], form: Form) -> Result<String, String> {
    let original = [wrapped(source, form)];
    // One pair of brackets may make an invalid expression valid: `a); (b`. Two different kinds of brackets do not.
    let probes = |body: &str| match form {
        Form::Expression => vec![format!("(function(){{{body}}})"), format!("(function(){{return [{source}\n]}})")],
        Form::Body => vec![format!("(function(){{{body}}})"), format!("[function(){{{body}}}]")],
    };
    parser.parses(&probes(&original[0])).map_err(|reason| said(&reason))?;
    let silent = match form {
        Form::Expression => wrapped(&silenced(source, roots), form),
        // Scripts are not rewritten, because they handle missing values themselves.
        Form::Body => original[0].clone(),
    };
    let [original] = original;
    if silent == original {
        return Ok(original);
    }
    Ok(if parser.parses(&probes(&silent)).is_ok() { silent } else { original })
}

/// Puts the source on its own lines, so that a comment at its end does not hide what follows.
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

/// Whether an object is an expression.
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

    /// The members of a root that it reads; `None` if it may read all.
    pub fn members(&self, root: &str) -> Option<impl Iterator<Item = &str>> {
        match self.reads.iter().find(|(name, _)| name == root) {
            Some((_, Reads::Members(members))) => Some(members.iter().map(String::as_str)),
            _ => None,
        }
    }

    /// The approximate memory size, bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Inserts the values into the configuration.
    ///
    /// # Errors
    /// The expression whose value is not valid, and why.
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

/// Formats a value within text: missing values as empty text, text unchanged, other values as JSON.
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
