//! The public interface of the generator: settings in, files out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::Value;

use crate::bundle::{self, Bundle, Loaded};
use crate::exchange::Typed;
use crate::model::Model;
use crate::refusal::Refusals;
use crate::types::{Elsewhere, Types};
use crate::{
    Effect, Error, Refusal, Report, Result, bases, check, client, crates, direction, document, exchange, hoist, names,
    nested, normal, nullable, reader, retype, schemaless, schemas, server, surface, tagged, words,
};

/// Settings for all documents.
#[derive(Debug, Clone)]
pub struct Generator {
    host: String,
    behaviour: String,
    crates: String,
    features: bool,
    strict: bool,
    nulls: bool,
    halves: Halves,
}

/// Which parts of the code are generated.
#[derive(Debug, Clone, Copy)]
struct Halves {
    client: bool,
    server: bool,
}

impl Default for Generator {
    fn default() -> Self {
        let [host, behaviour, crates] = ["host", "client", "crates"].map(|module| format!("::runyard_api::{module}"));
        let halves = Halves { client: true, server: true };
        Self { host, behaviour, crates, features: false, strict: false, nulls: false, halves }
    }
}

/// One document to generate code from.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    path: PathBuf,
    overlay: Option<PathBuf>,
    name: Option<String>,
    shared: Vec<&'a Schemas>,
}

impl<'a> Document<'a> {
    /// The document at `path`. Its file name without the extension is its short name, which also names the trait:
    /// `run-gateway.yaml` gives `RunGateway`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), overlay: None, name: None, shared: Vec::new() }
    }

    /// Applies this overlay (OpenAPI Overlay 1.0).
    #[must_use]
    pub fn overlay(mut self, path: impl Into<PathBuf>) -> Self {
        self.overlay = Some(path.into());
        self
    }

    /// Sets another short name than the file's, for instance because two folders have a file of that name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Uses existing types: a schema that the document takes from that file has the type of `schemas`.
    #[must_use]
    pub fn shared(mut self, schemas: &'a Schemas) -> Self {
        self.shared.push(schemas);
        self
    }
}

/// A file of schemas that several documents share, and the module of its types.
#[derive(Debug, Clone)]
pub struct Schemas {
    path: PathBuf,
    types: BTreeMap<String, Elsewhere>,
    generated: Generated,
}

impl Schemas {
    /// The generated files.
    pub fn generated(&self) -> &Generated {
        &self.generated
    }
}

/// The output for one file.
#[derive(Debug, Clone, Default)]
pub struct Generated {
    /// File name and content of everything to write; the code is in `NAME.rs`.
    pub files: BTreeMap<String, String>,
    /// Every file that was read, for the `rerun-if-changed` of a build script.
    pub sources: Vec<PathBuf>,
    /// The number of operations with code.
    pub operations: usize,
    /// The differences between the document and the code.
    pub report: Report,
    /// A summary of the document in a few lines.
    pub surface: String,
    /// The document's descriptions, one per line.
    pub words: String,
}

impl Generated {
    /// Writes all files into a folder, except those whose content is unchanged.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        for (name, text) in &self.files {
            let path = folder.join(name);
            if std::fs::read_to_string(&path).is_ok_and(|there| there == *text) {
                continue;
            }
            std::fs::write(&path, text).map_err(|source| Error::Write { path, source })?;
        }
        Ok(())
    }
}

impl Generator {
    /// A generator for users of crate `runyard-api`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the path of the host module in generated code. Default `::runyard_api::host`.
    #[must_use]
    pub fn host(mut self, path: impl Into<String>) -> Self {
        self.host = path.into();
        self
    }

    /// Sets the path of the module that has the client's `Behaviour`. Default `::runyard_api::client`.
    #[must_use]
    pub fn behaviour(mut self, path: impl Into<String>) -> Self {
        self.behaviour = path.into();
        self
    }

    /// Sets the path of the module that re-exports every crate which generated code names. Default
    /// `::runyard_api::crates`.
    #[must_use]
    pub fn crates(mut self, path: impl Into<String>) -> Self {
        self.crates = path.into();
        self
    }

    /// Puts the server's code behind feature `server`, and the client's behind feature `client`, of the crate that
    /// includes it.
    #[must_use]
    pub fn behind_features(mut self) -> Self {
        self.features = true;
        self
    }

    /// Fails on everything that is not supported, instead of leaving it out.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Tells a property that is null from one that is absent: a field that may be both is an `Option<Option<T>>`.
    /// Without this it is one `Option`, which is sent as absent.
    #[must_use]
    pub fn distinguish_null(mut self) -> Self {
        self.nulls = true;
        self
    }

    /// Generates no client.
    #[must_use]
    pub fn without_client(mut self) -> Self {
        self.halves.client = false;
        self
    }

    /// Generates no server trait, and no `JsonSchema` of the types, which only dropshot's endpoints need.
    #[must_use]
    pub fn without_server(mut self) -> Self {
        self.halves.server = false;
        self
    }

    /// The refusals, unless they are an error.
    fn allowed(&self, path: &Path, refusals: Refusals, carried: bool) -> Result<Vec<Refusal>> {
        let mut refusals = refusals.into_vec();
        if !carried && refusals.is_empty() {
            let (operation, place, reason) = (None, "/paths".to_owned(), "has no operations".to_owned());
            refusals.push(Refusal { operation, place, reason, effect: Effect::Ignored });
        }
        if carried && (refusals.is_empty() || !self.strict) {
            return Ok(refusals);
        }
        Err(Error::Refused { path: path.to_owned(), refusals })
    }

    /// Generates the types of a file that has only `components.schemas`, for module `module` (an absolute Rust path).
    /// The module also names the files: `crate::arp::schemas` is in `arp-schemas.rs`.
    ///
    /// # Errors
    /// The file is not valid; see [`Error`].
    pub fn schemas(&self, path: impl Into<PathBuf>, module: &str) -> Result<Schemas> {
        let path = path.into();
        let loaded = bundle::load(&path, None)?;
        let mut document = loaded.full.document.clone();
        let (mut report, mut refusals) = (Report::default(), Refusals::default());
        prepare(&mut document, &mut report, &mut refusals);
        bases::separate(&mut document, &mut report);
        let schemas = schemas_of(&document);
        let mut relaxed = schemas.clone();
        tagged::narrow(&mut relaxed);
        direction::relax(&document, &mut relaxed, &mut report);
        if self.nulls {
            nullable::mark(&mut relaxed);
        }
        let mut made = Types::new(&path, &relaxed, BTreeMap::new(), &mut report, &mut refusals)?;
        report.refusals = self.allowed(&path, refusals, true)?;
        let mut types = BTreeMap::new();
        for name in schemas.keys() {
            let rust = format!("{module}::{}", names::pascal(name));
            types.insert(name.clone(), Elsewhere { rust, abilities: made.abilities(name)? });
        }
        let items = self.without_unused(made.items()?);
        let (surface, words) = (surface::of_schemas(&Value::Object(schemas)), words::of_schemas(&loaded.full.document));
        let stem = module.trim_start_matches("crate").trim_start_matches("::").replace("::", "-");
        let texts = texts(&stem);
        let mut generated = Generated { sources: loaded.sources, report, surface, words, ..Generated::default() };
        generated.files.insert(format!("{stem}.rs"), self.printed(&path, quote!(#texts #(#items)*))?);
        texts_into(&mut generated, &stem);
        Ok(Schemas { path, types, generated })
    }

    /// Generates all code of a document.
    ///
    /// # Errors
    /// The document or its overlay is not valid; see [`Error`].
    pub fn document(&self, document: &Document<'_>) -> Result<Generated> {
        let path = document.path.as_path();
        let loaded = bundle::load(path, document.overlay.as_deref())?;
        let full = &loaded.full.document;
        check::version(path, full)?;
        let (mut report, mut refusals) = (Report::default(), Refusals::default());
        for (action, places) in &loaded.overlaid {
            report.note(
                if *places == 1 { "1 place".into() } else { format!("{places} places") },
                format!("overlay {action}"),
            );
        }
        for name in &loaded.narrowed {
            report.note(name, "the overlay narrows a shared schema: the validator knows, the shared type does not");
        }
        let mut whole = full.clone();
        prepare(&mut whole, &mut report, &mut refusals);
        bases::separate(&mut whole, &mut report);
        check::operation_ids(&mut whole, &mut report, &mut refusals);
        let mut carried = hoist::hoist(&whole, &mut report);
        nested::name_apart(&mut carried, &mut report);
        let mut model = reader::read(&carried, &mut report, &mut refusals);
        let schemas = schemas_of(&carried);
        let elsewhere = elsewhere(&loaded.full, &document.shared);
        let mut distinguished = schemas.clone();
        tagged::narrow(&mut distinguished);
        direction::relax(&carried, &mut distinguished, &mut report);
        if self.nulls {
            nullable::mark(&mut distinguished);
        }
        let mut types = Types::new(path, &distinguished, elsewhere, &mut report, &mut refusals)?;
        typed_operations(&mut model, &mut types, &mut refusals);
        let typed: Vec<Typed<'_>> =
            model.operations.iter().map(|operation| exchange::typed(operation, &mut types)).collect::<Result<_>>()?;
        report.refusals = self.allowed(path, refusals, !typed.is_empty())?;
        let stem = document.name.clone().map_or_else(|| stem(path), Ok)?;
        let surface = surface::of_document(&stem, &model, &typed, &local(&schemas, &loaded));
        let words = words::of_document(&loaded);
        let behaviour = rust_path(path, &self.behaviour)?;
        let problem_body = exchange::problem_body(&model, &mut types)?;
        let client =
            client::items(&model, &typed, &client::Parts { runtime: &behaviour, error: &problem_body }, &mut report);
        let host = rust_path(path, &self.host)?;
        let interface = server::interface_name(&stem);
        let served: Vec<&Typed<'_>> = typed.iter().filter(|one| one.operation.routable).collect();
        let server =
            server::items(&model, &served, &server::Names { host: &host, document: &stem, interface: &interface });
        let requests: Vec<TokenStream> = typed.iter().map(exchange::request).collect();
        let problem = exchange::problem(&model, &problem_body);
        let successes = served.iter().map(|one| &one.success);
        let (imports, items, texts) = (types.imports()?, self.without_unused(types.items()?), texts(&stem));
        let (if_server, if_client) = self.gates();
        let title = retype::doc(&format!("The schemas of {} in Rust.", model.title));
        let server = self.halves.server.then(|| {
            quote! {
                #if_server
                pub use self::server::{#interface, DOCUMENT, OPERATIONS, api, #(#successes,)*};
                /// What a server needs.
                #if_server
                pub mod server { #server }
            }
        });
        let client = self.halves.client.then(|| {
            quote! {
                /// What a client needs.
                #if_client
                pub mod client { #client }
            }
        });
        let code = quote! {
            #texts
            #title
            #[allow(missing_docs, reason = "not everything in a document is described")]
            pub mod types { #imports #(#items)* }
            #(#requests)*
            #problem
            #server
            #client
        };
        let operations = typed.len();
        let sources = loaded.sources;
        let mut generated = Generated { sources, operations, report, surface, words, ..Generated::default() };
        generated.files.insert(format!("{stem}.rs"), self.printed(path, code)?);
        for (kind, value) in [("owner", &loaded.owner), ("full", full)] {
            generated.files.insert(format!("{stem}.{kind}.json"), document::json(path, value)?);
            generated.files.insert(format!("{stem}.{kind}.yaml"), document::yaml(path, value)?);
        }
        texts_into(&mut generated, &stem);
        Ok(generated)
    }

    fn printed(&self, path: &Path, tokens: TokenStream) -> Result<String> {
        let mut file: syn::File = syn::parse2(tokens).map_err(|error| Error::Tool {
            path: path.to_owned(),
            place: "the whole".into(),
            tool: "the parser of generated code",
            reason: error.to_string(),
        })?;
        crates::lead(&mut file, &rust_path(path, &self.crates)?);
        let text = crate::types::guarded(path, "the whole", "prettyplease", || Ok(prettyplease::unparse(&file)))?;
        Ok(format!("// Made by runyard-codegen. Change the document, not this.\n\n{text}"))
    }

    /// The types without what no half of the code uses.
    fn without_unused(&self, items: Vec<syn::Item>) -> Vec<syn::Item> {
        if self.halves.server { items } else { schemaless::items(items) }
    }

    fn gates(&self) -> (Option<TokenStream>, Option<TokenStream>) {
        let gate = |feature: &str| self.features.then(|| quote!(#[cfg(feature = #feature)]));
        (gate("server"), gate("client"))
    }
}

/// Surface and report as constants.
fn texts(stem: &str) -> TokenStream {
    let [surface, report] = ["surface.txt", "report.txt"].map(|end| format!("{stem}.{end}"));
    quote! {
        /// What this module was made from, in a few lines.
        pub const SURFACE: &str = include_str!(#surface);
        /// What the code does not say as the document says it.
        pub const REPORT: &str = include_str!(#report);
    }
}

fn texts_into(generated: &mut Generated, stem: &str) {
    generated.files.insert(format!("{stem}.surface.txt"), generated.surface.clone());
    generated.files.insert(format!("{stem}.report.txt"), generated.report.to_string());
}

/// Normalizes a document for code generation, and repairs it where possible.
fn prepare(document: &mut Value, report: &mut Report, refusals: &mut Refusals) {
    schemas::later_keywords(document, refusals);
    for note in normal::normalise(document) {
        report.note(note.pointer, note.what);
    }
    check::references(document, refusals);
    schemas::check(document, refusals);
    check::schema_names(document, report);
}

/// Leaves out the operations for which typify has no types.
fn typed_operations(model: &mut Model, types: &mut Types, refusals: &mut Refusals) {
    model.operations.retain(|operation| match exchange::typed(operation, types) {
        Ok(_) => true,
        Err(error) => {
            let reason = match error {
                Error::Tool { tool, reason, .. } => format!("{tool} gave up on one of its schemas: {reason}"),
                other => other.to_string(),
            };
            refusals.add(Refusal {
                operation: Some((operation.method.clone(), operation.path.clone())),
                place: format!("operation {}", operation.id),
                reason,
                effect: Effect::LeftOut,
            });
            false
        }
    });
}

fn schemas_of(document: &Value) -> serde_json::Map<String, Value> {
    document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The schemas of the document itself. Shared schemas have a surface of their own, unless the overlay bounds them.
fn local(schemas: &serde_json::Map<String, Value>, loaded: &Loaded) -> Value {
    Value::Object(
        schemas
            .iter()
            .filter(|(name, _)| !loaded.full.foreign.contains_key(*name) || loaded.narrowed.contains(name))
            .map(|(name, schema)| (name.clone(), schema.clone()))
            .collect(),
    )
}

fn elsewhere(bundle: &Bundle, shared: &[&Schemas]) -> BTreeMap<String, Elsewhere> {
    let same = |one: &Path, other: &Path| {
        one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
    };
    let find = |name: &String, file: &Path| {
        shared.iter().find(|schemas| same(&schemas.path, file)).and_then(|schemas| schemas.types.get(name))
    };
    bundle.foreign.iter().filter_map(|(name, file)| Some((name.clone(), find(name, file)?.clone()))).collect()
}

fn stem(path: &Path) -> Result<String> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| !stem.is_empty());
    stem.map(str::to_owned).ok_or_else(|| Error::unsupported(path, "the file name", "names no document"))
}

fn rust_path(path: &Path, text: &str) -> Result<syn::Path> {
    syn::parse_str(text).map_err(|_| Error::unsupported(path, "the settings", format!("`{text}` is not a Rust path")))
}
