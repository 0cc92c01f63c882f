//! A document in the normal form, and the places of its parts before normalization.

use runyard_openapi_normal::{Lifted, Origins, has_siblings, lift, normalise, normalise_file};
use serde_json::Value;

use super::tree::{FILES, component, decoded, escape, shown};

/// The normal form of a document.
pub(super) struct Document {
    pub(super) root: Value,
    /// Whether texts beside a `$ref` count.
    pub(super) has_siblings: bool,
    origins: Origins,
}

impl Document {
    pub(super) fn new(written: &Value) -> Self {
        let mut root = written.clone();
        // Parts of a schema can move, so a reference to a part leads to a copy of it. The reference is its name.
        let lifted = lift(&mut root, &|reference, _| reference.to_owned());
        let mut origins = normalise(&mut root);
        let has_siblings = has_siblings(&root);
        if let Some(Value::Object(files)) = root.get_mut(FILES) {
            for (name, file) in files {
                origins.append(normalise_file(file, &format!("/{FILES}/{}", escape(name)), has_siblings));
            }
        }
        let copies = lifted.into_iter().map(|Lifted { reference, name }| {
            (format!("/components/schemas/{}", escape(&name)), decoded(reference.trim_start_matches('#')))
        });
        origins.extend(copies);
        Self { root, has_siblings, origins }
    }

    /// A pointer as it is shown: where the part is in the document as written.
    pub(super) fn shown(&self, pointer: &str) -> String {
        shown(&self.origins.of(pointer))
    }

    /// The name of a component of this kind, if the pointer leads to one.
    pub(super) fn component(&self, pointer: &str, kind: &str) -> Option<String> {
        // Only copies have been moved, and their names are references.
        let name = pointer.strip_prefix("/components/").and_then(|rest| rest.split_once('/')).map(|(_, name)| name);
        match name {
            Some(copy) if copy.starts_with('#') && !copy.contains('/') => component(&self.origins.of(pointer), kind),
            _ => component(pointer, kind),
        }
    }
}
