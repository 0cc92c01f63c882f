//! Generates Rust types from schemas with typify.
//!
//! The type of a shared schema is generated once; other documents refer to it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;
use schemars::schema::Schema;
use serde_json::{Map, Value, json};
use syn::{Item, Type};
use typify::{TypeDetails, TypeSpace, TypeSpaceImpl, TypeSpaceSettings};

use crate::refusal::{Effect, Refusals};
use crate::report::Report;
use crate::{Error, Result, isolate, names, numeric, retype, schema, tagged};

/// An existing type: its path, and its traits.
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere {
    pub(crate) rust: String,
    pub(crate) abilities: Vec<TypeSpaceImpl>,
}

/// All types of one file.
pub(crate) struct Types {
    path: PathBuf,
    space: TypeSpace,
    elsewhere: BTreeMap<String, Elsewhere>,
    unions: Vec<tagged::Union>,
}

impl Types {
    /// Generates a type for each schema that is not `elsewhere`. Keys are the names in the document.
    pub(crate) fn new(
        path: &Path,
        schemas: &Map<String, Value>,
        elsewhere: BTreeMap<String, Elsewhere>,
        report: &mut Report,
        refusals: &mut Refusals,
    ) -> Result<Self> {
        let attempt = |schemas: &Map<String, Value>| -> Result<_> {
            let (mut notes, mut refused) = (report.clone(), refusals.clone());
            let types = Self::built(path, schemas, elsewhere.clone(), &mut notes, &mut refused)?;
            Ok((types, notes, refused))
        };
        let mut marked = schemas.clone();
        let numeric = numeric::mark(&mut marked);
        let mut chosen = attempt(&marked)?;
        // An enum of numbers must not cost the type of a whole schema.
        if numeric && (chosen.2.len() > refusals.len() || chosen.0.items().is_err()) {
            let plain = attempt(schemas)?;
            if plain.2.len() < chosen.2.len() || chosen.0.items().is_err() {
                chosen = plain;
            }
        }
        let (types, notes, refused) = chosen;
        (*report, *refusals) = (notes, refused);
        Ok(types)
    }

    fn built(
        path: &Path,
        schemas: &Map<String, Value>,
        elsewhere: BTreeMap<String, Elsewhere>,
        report: &mut Report,
        refusals: &mut Refusals,
    ) -> Result<Self> {
        let mut settings = TypeSpaceSettings::default();
        settings.with_type_mod("types").with_map_type("::std::collections::BTreeMap");
        settings.with_derive("::schemars::JsonSchema".into()).with_derive("PartialEq".into());
        for (name, other) in &elsewhere {
            settings.with_replacement(names::pascal(name), &other.rust, other.abilities.iter().copied());
        }
        let mut definitions = Vec::new();
        for (name, value) in schemas {
            // Schemas that are elsewhere are reported there.
            let mut aside = Report::default();
            let notes = if elsewhere.contains_key(name) { &mut aside } else { &mut *report };
            let converted = schema::for_typify(value, name, notes);
            let schema = parsed(path, name, converted).or_else(|error| {
                let place = format!("/components/schemas/{name}");
                refusals.place(place, format!("is any JSON in code: {error}"), Effect::Widened);
                parsed(path, name, json!({}))
            })?;
            definitions.push((name.clone(), schema));
        }
        for (name, reason) in isolate::replace_offenders(path, &settings, &mut definitions)? {
            let place = format!("/components/schemas/{name}");
            refusals.place(place, format!("is any JSON in code: {reason}"), Effect::Widened);
        }
        let mut space = TypeSpace::new(&settings);
        guarded(path, "/components/schemas", "typify", || {
            space.add_ref_types(definitions).map_err(|error| error.to_string())
        })?;
        Ok(Self { path: path.to_owned(), space, elsewhere, unions: tagged::unions(schemas) })
    }

    /// The type of a schema for code outside of the types module, and whether it is an `Option` itself.
    pub(crate) fn of(&mut self, value: &Value, place: &str) -> Result<(Type, bool)> {
        let schema =
            parsed(&self.path, place, schema::for_typify(&schema::plain(value), place, &mut Report::default()))?;
        let path = self.path.clone();
        let (tokens, optional) = guarded(&path, place, "typify", || {
            let id = self.space.add_type(&schema).map_err(|error| error.to_string())?;
            let found = self.space.get_type(&id).map_err(|error| error.to_string())?;
            Ok((found.ident(), matches!(found.details(), TypeDetails::Option(_))))
        })?;
        let ty = retype::ty(tokens).map_err(|error| unprintable(&path, place, &error))?;
        Ok((ty, optional))
    }

    /// The traits of a named type.
    pub(crate) fn abilities(&mut self, name: &str) -> Result<Vec<TypeSpaceImpl>> {
        let schema = parsed(&self.path, name, reference(name))?;
        let path = self.path.clone();
        guarded(&path, name, "typify", || {
            let id = self.space.add_type(&schema).map_err(|error| error.to_string())?;
            let found = self.space.get_type(&id).map_err(|error| error.to_string())?;
            let all = [TypeSpaceImpl::FromStr, TypeSpaceImpl::Display, TypeSpaceImpl::Default];
            Ok(all.into_iter().filter(|ability| found.has_impl(*ability)).collect())
        })
    }

    /// The content of the types module.
    pub(crate) fn items(&self) -> Result<Vec<Item>> {
        let tokens = guarded(&self.path, "/components/schemas", "typify", || Ok(self.space.to_stream()))?;
        let items = retype::items(tokens).map_err(|error| unprintable(&self.path, "/components/schemas", &error));
        let mut items = items?;
        numeric::enums(&mut items).map_err(|reason| Error::Tool {
            path: self.path.clone(),
            place: "/components/schemas".into(),
            tool: "the correction of generated code",
            reason,
        })?;
        tagged::read_by_value(&mut items, &self.unions);
        Ok(items)
    }

    /// `pub use` of every type that is elsewhere.
    pub(crate) fn imports(&self) -> Result<TokenStream> {
        let paths = self.elsewhere.values().map(|other| {
            syn::parse_str::<syn::Path>(&other.rust).map_err(|error| unprintable(&self.path, &other.rust, &error))
        });
        let paths = paths.collect::<Result<Vec<_>>>()?;
        Ok(quote!(#(pub use #paths;)*))
    }
}

/// A reference to a schema of the document.
pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

pub(crate) fn parsed(path: &Path, place: &str, value: Value) -> Result<Schema> {
    serde_json::from_value(value).map_err(|error| Error::unsupported(path, place, format!("is not a schema: {error}")))
}

fn unprintable(path: &Path, place: &str, error: &syn::Error) -> Error {
    Error::Tool {
        path: path.to_owned(),
        place: place.to_owned(),
        tool: "the parser of generated code",
        reason: error.to_string(),
    }
}

/// Calls code that may panic on a document, and turns a panic into an error.
pub(crate) fn guarded<T>(
    path: &Path,
    place: &str,
    tool: &'static str,
    call: impl FnOnce() -> std::result::Result<T, String>,
) -> Result<T> {
    let failed = |reason: String| Error::Tool { path: path.to_owned(), place: place.to_owned(), tool, reason };
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(failed),
        Err(panic) => {
            let text =
                panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Err(failed(format!("it panicked: {}", text.unwrap_or("without a word"))))
        }
    }
}
