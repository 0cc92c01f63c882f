//! Makes a document self-contained: components of other files are copied into its own `components`.
//!
//! Only local files are read, never the network. A component keeps its name; two different components of one name are
//! refused. A component that is a whole file, or that is anywhere else in a file, is named after its file or pointer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::holds::Holds;
use crate::{Error, Result, document, names};

/// A self-contained document.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    /// Every `$ref` in it starts with `#`.
    pub(crate) document: Value,
    /// The file of each schema that came from another file.
    pub(crate) foreign: BTreeMap<String, PathBuf>,
    /// Every file that was read, without the document's own.
    pub(crate) sources: Vec<PathBuf>,
}

/// Bundles `document`, whose relative references start from the folder of `path`. `foreign` has the schemas that
/// earlier bundling copied.
pub(crate) fn bundle(path: &Path, document: Value, foreign: BTreeMap<String, PathBuf>) -> Result<Bundle> {
    let mut work = Work { path, files: BTreeMap::new(), wanted: Vec::new(), taken: BTreeMap::new() };
    let mut document = document;
    let spot = Spot { file: path, at: "", elsewhere: false, holds: Holds::Nothing };
    work.redirect(&mut document, &spot).map_err(|error| placed(error, &document))?;
    let mut foreign = foreign;
    while let Some(wanted) = work.wanted.pop() {
        let mut value = work.read(&wanted).map_err(|error| placed(error, &document))?;
        let Wanted { component, source, .. } = wanted;
        let at = format!("{}: /components/{}/{}", source.file.display(), component.kind, component.name);
        let holds = Holds::component(&component.kind);
        work.redirect(&mut value, &Spot { file: &source.file, at: &at, elsewhere: true, holds })?;
        insert(path, &mut document, &component, value)?;
        if component.kind == "schemas" {
            foreign.insert(component.name, source.file);
        }
    }
    Ok(Bundle { document, foreign, sources: work.files.into_keys().collect() })
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Component {
    kind: String,
    name: String,
}

/// A place: a file, and a pointer into it. The empty pointer is the whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    file: PathBuf,
    pointer: String,
}

/// A component that is still to be copied.
struct Wanted {
    component: Component,
    /// The place of the component.
    source: Source,
    /// The first place that refers to it, for the error when it is missing.
    at: String,
    /// The reference as written.
    reference: String,
}

struct Work<'a> {
    path: &'a Path,
    files: BTreeMap<PathBuf, Value>,
    wanted: Vec<Wanted>,
    taken: BTreeMap<Component, Source>,
}

/// The position of a value, and its context.
struct Spot<'s> {
    /// The file.
    file: &'s Path,
    /// The pointer into the file, for errors.
    at: &'s str,
    /// Whether the file is not the document itself: then local references leave the document, too.
    elsewhere: bool,
    holds: Holds,
}

impl Work<'_> {
    /// Rewrites every reference below `value` that leaves the document, and queues its target for copying.
    fn redirect(&mut self, value: &mut Value, spot: &Spot<'_>) -> Result<()> {
        match value {
            Value::Array(items) => {
                let inner = Spot { holds: spot.holds.entry(), ..*spot };
                items.iter_mut().try_for_each(|item| self.redirect(item, &inner))
            }
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let replacement = self.target(reference, spot)?;
                    fields.insert("$ref".into(), Value::String(replacement));
                }
                for (key, field) in fields.iter_mut().filter(|(key, _)| *key != "example" && *key != "examples") {
                    let deeper = if spot.at.matches('/').count() < 3 {
                        format!("{}/{}", spot.at, document::escape(key))
                    } else {
                        spot.at.to_owned()
                    };
                    self.redirect(field, &Spot { at: &deeper, holds: spot.holds.field(key), ..*spot })?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn target(&mut self, reference: &str, spot: &Spot<'_>) -> Result<String> {
        let wrong = |reason: &str| Error::Reference {
            path: self.path.to_owned(),
            place: spot.at.to_owned(),
            reference: reference.to_owned(),
            reason: reason.to_owned(),
        };
        let (other, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        if other.is_empty() && !spot.elsewhere {
            return Ok(reference.to_owned());
        }
        if other.contains("://") {
            return Err(wrong("is on the network; nothing is fetched in a build: keep a copy beside the document"));
        }
        let file = if other.is_empty() { spot.file.to_owned() } else { spot.file.with_file_name("").join(other) };
        let source = Source { file, pointer: pointer.to_owned() };
        let segments: Vec<&str> = pointer.trim_start_matches('/').split('/').collect();
        let component = match (&segments[..], spot.holds) {
            (["components", kind, name], _) => {
                let component = Component { kind: (*kind).to_owned(), name: (*name).to_owned() };
                if let Some(taken) = self.taken.get(&component).filter(|taken| **taken != source) {
                    return Err(wrong(&format!("clashes with the same name from {}", taken.file.display())));
                }
                component
            }
            (_, Holds::One(kind)) => self.named(kind, &source),
            _ => return Err(wrong("leads into another file from where no component can stand")),
        };
        if !self.taken.contains_key(&component) {
            self.taken.insert(component.clone(), source.clone());
            let (at, reference) = (spot.at.to_owned(), reference.to_owned());
            self.wanted.push(Wanted { component: component.clone(), source, at, reference });
        }
        Ok(format!("#/components/{}/{}", component.kind, component.name))
    }

    /// The component for a value without a name of its own: named after the end of its pointer, or after its file.
    fn named(&self, kind: &str, source: &Source) -> Component {
        let last = source.pointer.rsplit('/').next().filter(|last| !last.is_empty());
        let stem = || source.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let plain = last.map_or_else(stem, str::to_owned);
        let plain: String = plain
            .chars()
            .map(|letter| if letter.is_alphanumeric() || "_-.".contains(letter) { letter } else { '_' })
            .collect();
        let component = |name: &str| Component { kind: kind.to_owned(), name: name.to_owned() };
        let name = names::apart(&plain, |name| self.taken.get(&component(name)).is_some_and(|taken| taken != source));
        component(&name)
    }

    fn read(&mut self, wanted: &Wanted) -> Result<Value> {
        let Source { file, pointer } = &wanted.source;
        if !self.files.contains_key(file) {
            let read = document::read(file).map_err(|error| match error {
                Error::Read { source, .. } => Error::Reference {
                    path: self.path.to_owned(),
                    place: wanted.at.clone(),
                    reference: wanted.reference.clone(),
                    reason: format!("leads to a file that cannot be read: {source}"),
                },
                other => other,
            })?;
            self.files.insert(file.to_owned(), read);
        }
        let found = self.files.get(file).and_then(|document| document.pointer(pointer));
        found.cloned().ok_or_else(|| Error::Reference {
            path: self.path.to_owned(),
            place: wanted.at.clone(),
            reference: wanted.reference.clone(),
            reason: "leads nowhere".into(),
        })
    }
}

/// The error with the operation's name, if its place is a pointer into an operation.
fn placed(error: Error, document: &Value) -> Error {
    match error {
        Error::Reference { path, place, reference, reason } => {
            Error::Reference { path, place: document::place(document, &place), reference, reason }
        }
        other => other,
    }
}

fn insert(path: &Path, document: &mut Value, component: &Component, value: Value) -> Result<()> {
    let kind = document::object_mut(document, "components").and_then(|components| {
        let kind = components.entry(component.kind.clone()).or_insert_with(|| Value::Object(serde_json::Map::new()));
        kind.as_object_mut()
    });
    let place = format!("/components/{}/{}", component.kind, component.name);
    let Some(kind) = kind else {
        return Err(Error::unsupported(path, place, "`components` is not a mapping of mappings"));
    };
    match kind.get(&component.name) {
        Some(own) if *own != value => Err(Error::unsupported(
            path,
            place,
            "the document has its own component of this name, and refers to another file's",
        )),
        Some(_) => Ok(()),
        None => {
            kind.insert(component.name.clone(), value);
            Ok(())
        }
    }
}

/// The vendor's document alone, and the one with the overlay applied.
pub(crate) struct Loaded {
    /// The vendor's document, self-contained.
    pub(crate) owner: Value,
    /// The vendor's document with the overlay applied, self-contained.
    pub(crate) full: Bundle,
    /// Each action of the overlay, and the number of places that it changed.
    pub(crate) overlaid: Vec<(String, usize)>,
    /// Shared schemas that the overlay narrowed.
    pub(crate) narrowed: Vec<String>,
    /// Every file that was read.
    pub(crate) sources: Vec<PathBuf>,
}

/// Loads a document and its overlay.
pub(crate) fn load(path: &Path, overlay: Option<&Path>) -> Result<Loaded> {
    let owner = bundle(path, document::read(path)?, BTreeMap::new())?;
    let mut sources = vec![path.to_owned()];
    sources.extend(owner.sources.iter().cloned());
    let Some(overlay_path) = overlay else {
        return Ok(Loaded {
            owner: owner.document.clone(),
            full: owner,
            overlaid: Vec::new(),
            narrowed: Vec::new(),
            sources,
        });
    };
    let mut document = owner.document.clone();
    let overlaid = crate::overlay::apply(&mut document, &document::read(overlay_path)?, overlay_path)?;
    // Bundles again, because an overlay may refer to files beside it.
    let full = bundle(overlay_path, document, owner.foreign.clone())?;
    sources.push(overlay_path.to_owned());
    sources.extend(full.sources.iter().cloned());
    let narrowed = narrowed(overlay_path, &owner, &full.document)?;
    sources.sort();
    sources.dedup();
    Ok(Loaded { owner: owner.document, full, overlaid, narrowed, sources })
}

/// Shared schemas that the overlay changed in this document's copy. The shared type stays, so the overlay must not
/// change anything that the type expresses.
fn narrowed(overlay: &Path, owner: &Bundle, full: &Value) -> Result<Vec<String>> {
    let mut narrowed = Vec::new();
    for name in owner.foreign.keys() {
        let pointer = format!("/components/schemas/{name}");
        let (before, after) = (owner.document.pointer(&pointer), full.pointer(&pointer));
        if before.map(typed) != after.map(typed) {
            return Err(Error::unsupported(
                overlay,
                pointer,
                "the overlay changes the type of a schema that other documents share: only bounds and notes can differ",
            ));
        }
        if before.map(bounded) != after.map(bounded) {
            narrowed.push(name.clone());
        }
    }
    Ok(narrowed)
}

/// A schema with only the keywords that a type expresses.
fn typed(schema: &Value) -> Value {
    without(schema, &|key| {
        let bounds = [
            "pattern",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "uniqueItems",
            "minProperties",
            "maxProperties",
            "multipleOf",
        ];
        bounds.contains(&key) || is_note(key)
    })
}

/// A schema without the keywords that are only documentation.
fn bounded(schema: &Value) -> Value {
    without(schema, &|key| is_note(key) && key != "x-property-names")
}

fn is_note(key: &str) -> bool {
    matches!(key, "description" | "title" | "example" | "externalDocs" | "deprecated") || key.starts_with("x-")
}

fn without(schema: &Value, dropped: &dyn Fn(&str) -> bool) -> Value {
    match schema {
        Value::Object(fields) => {
            // The keys of `properties` are names that the author chose, and never keywords.
            let kept = fields.iter().filter(|(key, _)| !dropped(key)).map(|(key, field)| {
                let field = match (key.as_str(), field) {
                    ("properties", Value::Object(all)) => {
                        Value::Object(all.iter().map(|(name, one)| (name.clone(), without(one, dropped))).collect())
                    }
                    _ => without(field, dropped),
                };
                (key.clone(), field)
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| without(item, dropped)).collect()),
        other => other.clone(),
    }
}
