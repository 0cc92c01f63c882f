//! Path and method to operation.
//!
//! Paths are matched as they were sent. The text between the slashes is decoded afterwards (`parameters.rs`), so that
//! an escaped slash stays part of an id. Paths are not normalized: `/v1/runs/` is not `/v1/runs`.

use http::Method;

use super::documents::Format;
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
    methods: Vec<Vec<(&'static str, Target)>>,
}

impl Router {
    /// A router over the document's operations, the document itself, and pages beside it.
    ///
    /// # Errors
    /// Names the path that is ambiguous, that is given twice, or that both a page and the document have.
    pub(super) fn new(document: &'static Document, pages: &[Page]) -> Result<Self, String> {
        let mut router = Self { paths: matchit::Router::new(), methods: Vec::new() };
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
        let row = self.row(path)?;
        if self.methods[row].iter().any(|(known, _)| *known == method) {
            return Err(format!("{method} {path} is there twice"));
        }
        self.methods[row].push((method, target));
        Ok(())
    }

    /// The index of a path's row of methods, which is added for a new path.
    fn row(&mut self, path: &str) -> Result<usize, String> {
        let path = positional(path);
        let next = self.methods.len();
        match self.paths.insert(&path, next) {
            Ok(()) => {
                self.methods.push(Vec::new());
                Ok(next)
            }
            Err(matchit::InsertError::Conflict { with }) if with == path => {
                let row = self.paths.at(&path).map_err(|error| format!("{path}: {error}"))?;
                Ok(*row.value)
            }
            Err(error) => Err(format!("{path}: {error}")),
        }
    }

    /// The target of a request.
    ///
    /// # Errors
    /// [`Fault::UnknownPath`], or [`Fault::MethodNotAllowed`] with the methods that the path has.
    pub(super) fn find(&self, method: &Method, path: &str) -> Result<Found, Fault> {
        let unknown = || Fault::UnknownPath { path: shown(if path.is_empty() { "/" } else { path }) };
        let matched = self.paths.at(path).map_err(|_| unknown())?;
        let methods = &self.methods[*matched.value];
        let asked = if method == Method::HEAD { "GET" } else { method.as_str() };
        let target = methods.iter().find(|(known, _)| *known == method.as_str() || *known == asked);
        let Some((_, target)) = target else {
            return Err(Fault::MethodNotAllowed { method: shown(method.as_str()), allow: allowed(methods) });
        };
        Ok(Found { target: *target, values: matched.params.iter().map(|(_, value)| value.to_owned()).collect() })
    }
}

/// The methods of a path, `HEAD` wherever there is `GET`.
fn allowed(methods: &[(&'static str, Target)]) -> Vec<&'static str> {
    let mut allow: Vec<_> = methods.iter().map(|(method, _)| *method).collect();
    if allow.contains(&"GET") && !allow.contains(&"HEAD") {
        allow.push("HEAD");
    }
    allow
}

/// `/v1/runs/{run_id}:cancel` as `/v1/runs/{p0}:cancel`: two operations may use different parameter names at the same
/// place.
fn positional(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut count = 0;
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let after = after.split_once('}').map_or("", |(_, after)| after);
        out.push_str(&format!("{before}{{p{count}}}"));
        count += 1;
        rest = after;
    }
    out + rest
}

/// The names of a template's parameters, in order.
pub(super) fn names(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
}
