//! Path and method to operation.
//!
//! Paths are matched as they were sent. The text between the slashes is decoded afterwards (`parameters.rs`), so that
//! an escaped slash stays part of an id. Paths are not normalized: `/v1/runs/` is not `/v1/runs`.
//!
//! matchit has one parameter per segment. A segment with several (`{base}...{head}`) is one parameter to it, and is
//! split at the text between them afterwards, at its first occurrence.

use http::Method;

use super::format::Format;
use super::validate::shown;
use super::{Document, Fault, Page};

/// The target of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The operation at this index of the document's list.
    Operation(usize),
    /// The document itself.
    Document(Format),
    /// The page at this index.
    Page(usize),
}

/// A match: the target, and the raw text of each path parameter in the order of the template.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) target: Target,
    pub(super) values: Vec<String>,
}

/// All paths of a document.
#[derive(Debug)]
pub(super) struct Router {
    paths: matchit::Router<usize>,
    /// The templates that are one path to matchit, those with more text first.
    templates: Vec<Vec<Template>>,
}

/// One path of the document.
#[derive(Debug)]
struct Template {
    /// What is between the parameters of each segment that has some.
    segments: Vec<Segment>,
    methods: Vec<(&'static str, Target)>,
}

/// The parameters of one segment: one; or several, with the texts before, between and after them.
#[derive(Debug, PartialEq, Eq)]
enum Segment {
    One,
    Several(Vec<String>),
}

impl Router {
    /// A router over the document's operations, the document itself, and pages beside it.
    ///
    /// # Errors
    /// Names the path that is ambiguous, that is given twice, or that both a page and the document have.
    pub(super) fn new(document: &'static Document, pages: &[Page]) -> Result<Self, String> {
        let mut router = Self { paths: matchit::Router::new(), templates: Vec::new() };
        for (index, operation) in document.operations.iter().enumerate() {
            router.add(operation.method, operation.path, Target::Operation(index))?;
        }
        for (path, format) in [("/openapi.json", Format::Json), ("/openapi.yaml", Format::Yaml)] {
            router.add("GET", path, Target::Document(format))?;
        }
        // Checked before the pages are added. A path that two pages share is reported by `add`.
        if let Some(page) = pages.iter().find(|page| router.paths.at(&page.path).is_ok()) {
            return Err(format!("the document itself has the path of the page {}", page.path));
        }
        for (index, page) in pages.iter().enumerate() {
            router.add("GET", &page.path, Target::Page(index))?;
        }
        Ok(router)
    }

    /// Also routes each path that begins with this prefix without the prefix.
    ///
    /// # Errors
    /// Names the path that already exists, or that is ambiguous.
    pub(super) fn also_without(mut self, document: &'static Document, prefix: &str) -> Result<Self, String> {
        for (index, operation) in document.operations.iter().enumerate() {
            if let Some(path) = operation.path.strip_prefix(prefix).filter(|path| path.starts_with('/')) {
                self.add(operation.method, path, Target::Operation(index))?;
            }
        }
        Ok(self)
    }

    fn add(&mut self, method: &'static str, path: &str, target: Target) -> Result<(), String> {
        let (key, segments) = positional(path);
        if path.contains("}{") {
            return Err(format!("{path} has two parameters with nothing between them"));
        }
        let slot = self.slot(&key)?;
        let templates = &mut self.templates[slot];
        let index = templates.iter().position(|template| template.segments == segments).unwrap_or_else(|| {
            let text = |segments: &[Segment]| segments.iter().map(Segment::text_bytes).sum::<usize>();
            let index = templates.partition_point(|template| text(&template.segments) >= text(&segments));
            templates.insert(index, Template { segments, methods: Vec::new() });
            index
        });
        let methods = &mut templates[index].methods;
        if methods.iter().any(|(known, _)| *known == method) {
            return Err(format!("{method} {path} is there twice"));
        }
        methods.push((method, target));
        Ok(())
    }

    /// The index of the templates that are this path to matchit; a new one for a new path.
    fn slot(&mut self, key: &str) -> Result<usize, String> {
        let next = self.templates.len();
        match self.paths.insert(key, next) {
            Ok(()) => {
                self.templates.push(Vec::new());
                Ok(next)
            }
            Err(matchit::InsertError::Conflict { with }) if with == key => {
                let slot = self.paths.at(key).map_err(|error| format!("{key}: {error}"))?;
                Ok(*slot.value)
            }
            Err(error) => Err(format!("{key}: {error}")),
        }
    }

    /// The target of a request.
    ///
    /// # Errors
    /// [`Fault::UnknownPath`], or [`Fault::MethodNotAllowed`] with the methods that the path has.
    pub(super) fn find(&self, method: &Method, path: &str) -> Result<Found, Fault> {
        let unknown = || Fault::UnknownPath { path: shown(if path.is_empty() { "/" } else { path }) };
        let matched = self.paths.at(path).map_err(|_| unknown())?;
        let given: Vec<&str> = matched.params.iter().map(|(_, value)| value).collect();
        let served_as = if method == Method::HEAD { "GET" } else { method.as_str() };
        let mut allow = None;
        for template in &self.templates[*matched.value] {
            let Some(values) = template.values(&given) else { continue };
            let methods = &template.methods;
            if let Some((_, target)) =
                methods.iter().find(|(known, _)| *known == method.as_str() || *known == served_as)
            {
                return Ok(Found { target: *target, values });
            }
            allow.get_or_insert_with(|| allowed(methods));
        }
        let allow = allow.ok_or_else(unknown)?;
        Err(Fault::MethodNotAllowed { method: shown(method.as_str()), allow })
    }
}

impl Template {
    /// The raw text of each parameter; `None` if a segment does not have the text between its parameters.
    fn values(&self, given: &[&str]) -> Option<Vec<String>> {
        let mut values = Vec::new();
        for (segment, text) in self.segments.iter().zip(given) {
            match segment {
                Segment::One => values.push((*text).to_owned()),
                Segment::Several(texts) => values.extend(split(text, texts)?),
            }
        }
        Some(values)
    }
}

impl Segment {
    fn text_bytes(&self) -> usize {
        match self {
            Self::One => 0,
            Self::Several(texts) => texts.iter().map(String::len).sum(),
        }
    }
}

/// The parameters of a segment; none of them is empty.
fn split(text: &str, texts: &[String]) -> Option<Vec<String>> {
    let (before, others) = texts.split_first()?;
    let (after, between) = others.split_last()?;
    let mut rest = text.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
    let mut values = Vec::new();
    for text in between {
        let (at, _) = rest.match_indices(text.as_str()).find(|(at, _)| *at > 0)?;
        values.push(rest[..at].to_owned());
        rest = &rest[at + text.len()..];
    }
    values.push(rest.to_owned());
    (!rest.is_empty()).then_some(values)
}

/// The methods of a path, `HEAD` wherever there is `GET`.
fn allowed(methods: &[(&'static str, Target)]) -> Vec<&'static str> {
    let mut allow: Vec<_> = methods.iter().map(|(method, _)| *method).collect();
    if allow.contains(&"GET") && !allow.contains(&"HEAD") {
        allow.push("HEAD");
    }
    allow
}

/// `/v1/runs/{run_id}:cancel` as `/v1/runs/{p0}:cancel`, since two operations may use different parameter names at the
/// same place; and what is between the parameters of each segment.
fn positional(path: &str) -> (String, Vec<Segment>) {
    let mut segments = Vec::new();
    let key = |segment: &str| {
        // `a{b}c{d}`, split at the opening braces, is `a`, `b}c`, `d}`.
        let texts = segment.split('{').map(|part| part.split_once('}').map_or(part, |(_, after)| after));
        let texts: Vec<String> = texts.map(str::to_owned).collect();
        let name = format!("{{p{}}}", segments.len());
        match texts.as_slice() {
            [] | [_] => segment.to_owned(),
            [before, after] => {
                segments.push(Segment::One);
                format!("{before}{name}{after}")
            }
            _ => {
                segments.push(Segment::Several(texts));
                name
            }
        }
    };
    let key = path.split('/').map(key).collect::<Vec<_>>().join("/");
    (key, segments)
}

/// The names of a template's parameters, in order.
pub(super) fn names(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_split_at_the_text_between_its_parameters() {
        let split = |text: &str, template: &str| match positional(template).1.as_slice() {
            [Segment::Several(texts)] => split(text, texts),
            other => panic!("{other:?}"),
        };
        let values = |values: &[&str]| Some(values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>());
        assert_eq!(split("a...b", "/{x}...{y}"), values(&["a", "b"]));
        assert_eq!(split("va.b.c.zip", "/v{x}.{y}.zip"), values(&["a", "b.c"]));
        assert_eq!(split("1-2-3", "/{x}-{y}-{z}"), values(&["1", "2", "3"]));
        for (text, template) in
            [("a..b", "/{x}...{y}"), ("...b", "/{x}...{y}"), ("a...", "/{x}...{y}"), ("a.b", "/v{x}.{y}")]
        {
            assert_eq!(split(text, template), None, "{text}");
        }
    }

    #[test]
    fn only_a_segment_with_several_parameters_is_split() {
        let (key, segments) = positional("/a/{b}:go/{c}-{d}/v{e}");
        assert_eq!(key, "/a/{p0}:go/{p1}/v{p2}");
        assert_eq!(segments[0], Segment::One);
        assert_eq!(segments[1], Segment::Several(["", "-", ""].map(str::to_owned).into()));
    }
}
