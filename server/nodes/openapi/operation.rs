//! From the operations of a document to node types. An operation that cannot be carried is listed with the reason.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use runyard_engine::{NodeKind, SideEffect};
use serde_json::{Map, Value, json};

use super::body::{Body, BodyKind, file_schema};
use super::document::Document;
use super::parameters::{Location, Parameter, ParameterStyle};
use super::schemas::{Components, Direction};
use super::security::{Alternatives, alternatives};
use crate::config::integrations::OWN_HEADERS;
use crate::config::tools::openapi::OpenapiService;
use crate::nodes::catalog::entry::Entry;
use crate::nodes::integrations::entries::{named_hints, words};
use crate::schemas::{Schema, Work};

/// The most operations of one document.
const OPERATIONS_MAX: usize = 10_000;
/// The longest name of an operation in the id of a node type, bytes.
const SLUG_BYTES_MAX: usize = 128;
/// The longest description, characters.
const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// The largest schema of inputs and of outputs, bytes.
const SCHEMA_BYTES_MAX: usize = 64 * 1024;
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// An operation, as far as calls need it.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) security: Alternatives,
}

/// The node types of a document, and what cannot be one.
#[derive(Default)]
pub struct Listing {
    pub(super) entries: Vec<(Entry, Operation)>,
    /// Operations that are no node types, each with the reason.
    pub skipped: Vec<(String, String)>,
}

impl Listing {
    /// How many node types there are.
    pub fn count(&self) -> usize {
        self.entries.len()
    }
}

/// The node types of a document.
pub fn listing(service: &OpenapiService, document: &Document) -> Listing {
    let mut listing = Listing::default();
    let mut names = HashSet::new();
    let request = Components::of(&document.root, Direction::Request);
    let response = Components::of(&document.root, Direction::Response);
    for (path, item) in members(&document.root["paths"]).filter(|(path, _)| path.starts_with('/')) {
        let item = match document.resolved(item) {
            Ok(item) => item,
            Err(reason) => {
                listing.skipped.push((path.clone(), reason));
                continue;
            }
        };
        for method in METHODS {
            let Some(written) = item.get(method) else { continue };
            let shown = format!("{} {path}", method.to_uppercase());
            if listing.entries.len() >= OPERATIONS_MAX {
                listing.skipped.push((shown, format!("there are more than {OPERATIONS_MAX} operations")));
                continue;
            }
            let first = slug(written["operationId"].as_str().unwrap_or(&format!("{method}{path}")));
            let free = |name: &String| !names.contains(name);
            let all = std::iter::once(first.clone()).chain((2..).map(|number| format!("{first}_{number}")));
            let Some(slug) = all.into_iter().find(free) else { continue };
            names.insert(slug.clone());
            if !service.allows(&slug) {
                continue;
            }
            let reading = Reading { service, document, request: &request, response: &response, item, written };
            match reading.operation(method, path, &slug) {
                Ok(found) => listing.entries.push(found),
                Err(reason) => listing.skipped.push((shown, reason)),
            }
        }
    }
    listing
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// The name with letters that the ids of node types may have.
fn slug(name: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || "_-".contains(letter) { letter } else { '_' };
    let text: String = name.trim_matches('/').chars().map(letter).take(SLUG_BYTES_MAX).collect();
    if text.is_empty() { "_".to_owned() } else { text }
}

/// One operation with what it is read from.
struct Reading<'a> {
    service: &'a OpenapiService,
    document: &'a Document,
    request: &'a Components,
    response: &'a Components,
    item: &'a Value,
    written: &'a Value,
}

impl Reading<'_> {
    fn operation(&self, method: &str, path: &str, slug: &str) -> Result<(Entry, Operation), String> {
        if method == "trace" {
            return Err("the method TRACE is not sent".to_owned());
        }
        if [self.item, self.written].iter().any(|part| part["servers"].as_array().is_some_and(|all| !all.is_empty())) {
            return Err("it has servers of its own".to_owned());
        }
        let (mut wanted, mut properties, mut required) = (BTreeSet::new(), Map::new(), Vec::new());
        let written = self.parameters()?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::from([("body", 1)]);
        for (one, _) in &written {
            *counts.entry(one["name"].as_str().unwrap_or_default()).or_default() += 1;
        }
        let mut parameters = Vec::new();
        for (one, location) in &written {
            let name = one["name"].as_str().ok_or("a parameter has no name")?;
            let place = one["in"].as_str().unwrap_or_default();
            let input = if counts[name] > 1 { format!("{name}_{place}") } else { name.to_owned() };
            let (parameter, schema) = parameter(one, name, &input, *location)?;
            let mut schema = self.request.converted(schema, &mut wanted);
            describe(&mut schema, &one["description"]);
            properties.insert(input.clone(), schema);
            if one["required"] == true || *location == Location::Path {
                required.push(json!(input));
            }
            parameters.push(parameter);
        }
        let names = path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name);
        for name in names {
            if !parameters.iter().any(|one| one.location == Location::Path && one.name == name) {
                return Err(format!("the path's `{name}` is no parameter"));
            }
        }
        let body = self.body(&mut wanted, &mut properties, &mut required)?;
        let input_schema =
            json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
        let input_schema = usable(self.request, input_schema, wanted);
        let entry = self.entry(method, path, slug, input_schema);
        let (method, path, security) =
            (method.to_uppercase(), path.to_owned(), alternatives(self.document, self.written));
        Ok((entry, Operation { method, path, parameters, body, security }))
    }

    /// The parameters of the path and of the operation, which counts more.
    fn parameters(&self) -> Result<Vec<(&Value, Location)>, String> {
        let mut found: Vec<(&Value, Location)> = Vec::new();
        for one in [self.item, self.written].into_iter().flat_map(|part| part["parameters"].as_array()).flatten() {
            let one = self.document.resolved(one)?;
            let location = match one["in"].as_str().unwrap_or_default() {
                "path" => Location::Path,
                "query" => Location::Query,
                "header" => Location::Header,
                "cookie" => Location::Cookie,
                other => return Err(format!("parameters in `{other}` are not sent")),
            };
            let header = one["name"].as_str().unwrap_or_default().to_ascii_lowercase();
            let ignored = ["accept", "content-type", "authorization"];
            if location == Location::Header && (ignored.contains(&&*header) || OWN_HEADERS.contains(&&*header)) {
                continue;
            }
            found.retain(|(other, _)| other["name"] != one["name"] || other["in"] != one["in"]);
            found.push((one, location));
        }
        Ok(found)
    }

    fn body(
        &self,
        wanted: &mut BTreeSet<String>,
        properties: &mut Map<String, Value>,
        required: &mut Vec<Value>,
    ) -> Result<Option<Body>, String> {
        let Some(written) = self.written.get("requestBody") else { return Ok(None) };
        let written = self.document.resolved(written)?;
        let best = members(&written["content"]).min_by_key(|(name, _)| BodyKind::of(name).rank());
        let Some((media_type, media)) = best else { return Ok(None) };
        let kind = BodyKind::of(media_type);
        let schema = media.get("schema").cloned().unwrap_or_else(|| json!({}));
        let mut schema = match kind {
            BodyKind::Bytes => json!({ "type": "string", "description": "The bytes as base64." }),
            BodyKind::Text => json!({ "type": "string" }),
            BodyKind::Multipart => self.request.converted(&self.with_files(&schema)?, wanted),
            BodyKind::Json | BodyKind::Form => self.request.converted(&schema, wanted),
        };
        describe(&mut schema, &written["description"]);
        let input = if kind == BodyKind::Bytes { "body_base64" } else { "body" }.to_owned();
        properties.insert(input.clone(), schema);
        if written["required"] == true {
            required.push(json!(input));
        }
        let encoding = media["encoding"].as_object().cloned().unwrap_or_default();
        Ok(Some(Body { media_type: media_type.clone(), kind, input, encoding }))
    }

    /// The schema of a multipart body, in which files have a form that JSON can carry.
    fn with_files(&self, schema: &Value) -> Result<Value, String> {
        let mut schema = self.document.resolved(schema)?.clone();
        for (_, property) in schema["properties"].as_object_mut().into_iter().flatten() {
            let is_file = |one: &Value| self.document.resolved(one).is_ok_and(|one| one["format"] == "binary");
            if is_file(property) {
                *property = file_schema();
            } else if property["type"] == "array" && is_file(&property["items"]) {
                property["items"] = file_schema();
            }
        }
        Ok(schema)
    }

    fn entry(&self, method: &str, path: &str, slug: &str, input_schema: Value) -> Entry {
        let name = &self.service.name;
        let texts = [&self.written["summary"], &self.written["description"]];
        let texts = texts.into_iter().filter_map(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        let text = texts.collect::<Vec<_>>().join(". ");
        let text: String = text.chars().take(DESCRIPTION_CHARS_MAX).collect();
        let shown = format!("{} {path}", method.to_uppercase());
        let description = if text.is_empty() { shown } else { format!("{text} ({shown})") };
        let id = format!("openapi.{name}.{slug}");
        let keywords = words(name).into_iter();
        let hints = named_hints(&snake(slug), keywords, std::iter::empty(), &input_schema);
        // Outputs are checked against this alone: a service may answer other than its document says.
        let envelope =
            json!({ "type": "object", "required": ["status"], "properties": { "status": { "type": "integer" } } });
        let mut entry = Entry::described(id, NodeKind::Call, description, (input_schema, envelope));
        entry.output_schema = self.output_schema();
        let by_method = match method {
            "get" | "head" | "options" => SideEffect::Read,
            "delete" => SideEffect::Irreversible,
            _ => SideEffect::Write,
        };
        entry.side_effect = self.service.side_effects.get(slug).copied().unwrap_or(by_method);
        entry.external = true;
        entry.hints = hints;
        entry
    }

    /// The schema that the document gives for a success.
    fn output_schema(&self) -> Value {
        let responses = members(&self.written["responses"]);
        let success = responses.filter(|(status, _)| status.starts_with('2')).min_by_key(|(status, _)| *status);
        let response = success.map(|(_, one)| one).or_else(|| self.written["responses"].get("default"));
        let response = response.and_then(|one| self.document.resolved(one).ok()).unwrap_or(&Value::Null);
        let mut wanted = BTreeSet::new();
        let headers = members(&response["headers"]).filter_map(|(name, header)| {
            let schema = self.document.resolved(header).ok()?.get("schema")?;
            Some((name.to_ascii_lowercase(), self.response.converted(schema, &mut wanted)))
        });
        let headers: Map<String, Value> = headers.collect();
        let json = members(&response["content"]).find(|(name, _)| BodyKind::of(name) == BodyKind::Json);
        let body = json.and_then(|(_, media)| media.get("schema")).unwrap_or(&Value::Null);
        let body = if body.is_null() { json!({}) } else { self.response.converted(body, &mut wanted) };
        let mut schema = json!({ "type": "object", "required": ["status"], "properties": {
            "status": { "type": "integer" }, "headers": { "type": "object", "properties": headers },
            "body": body, "content_base64": { "type": "string" }
        } });
        match self.response.definitions(wanted, SCHEMA_BYTES_MAX) {
            Some(found) if found.is_empty() => {}
            Some(found) => schema["definitions"] = Value::Object(found),
            None => {
                schema["properties"]["body"] = json!({});
                schema["properties"]["headers"] = json!({ "type": "object" });
            }
        }
        schema
    }
}

/// One parameter, and its schema.
fn parameter<'a>(
    one: &'a Value,
    name: &str,
    input: &str,
    location: Location,
) -> Result<(Parameter, &'a Value), String> {
    static ANY: Value = Value::Bool(true);
    let content = members(&one["content"]).next();
    let style = match (content, one["style"].as_str(), location) {
        (Some((media_type, _)), ..) => ParameterStyle::Content { json: BodyKind::of(media_type) == BodyKind::Json },
        (None, Some(style), _) => {
            ParameterStyle::named(style).ok_or_else(|| format!("the style `{style}` of `{name}` is not known"))?
        }
        (None, None, Location::Path | Location::Header) => ParameterStyle::Simple,
        (None, None, Location::Query | Location::Cookie) => ParameterStyle::Form,
    };
    let schema = content.and_then(|(_, media)| media.get("schema")).or_else(|| one.get("schema")).unwrap_or(&ANY);
    let explode = one["explode"].as_bool().unwrap_or(style == ParameterStyle::Form);
    let allow_reserved = one["allowReserved"] == true;
    let (name, input) = (name.to_owned(), input.to_owned());
    Ok((Parameter { name, input, location, style, explode, allow_reserved }, schema))
}

/// Adds the description of the place to a schema that has none.
fn describe(schema: &mut Value, text: &Value) {
    if let (Some(fields), Some(text)) = (schema.as_object_mut(), text.as_str())
        && !fields.contains_key("$ref")
        && !text.is_empty()
    {
        fields.entry("description").or_insert_with(|| json!(text));
    }
}

/// The schema with what it refers to, if values can be checked against it. Otherwise the names of the inputs alone: the
/// service checks the values.
fn usable(components: &Components, schema: Value, wanted: BTreeSet<String>) -> Value {
    let mut whole = schema.clone();
    let definitions = components.definitions(wanted, SCHEMA_BYTES_MAX);
    if let Some(definitions) = definitions {
        if !definitions.is_empty() {
            whole["definitions"] = Value::Object(definitions);
        }
        if whole.to_string().len() <= 2 * SCHEMA_BYTES_MAX && Schema::read(&whole, &Work::default()).is_ok() {
            return whole;
        }
    }
    let mut names = schema;
    for (_, property) in names["properties"].as_object_mut().into_iter().flatten() {
        *property = json!({});
    }
    names
}

/// `getTime` as `get_time`, so that its words are found.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut after_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        snake.push(letter);
    }
    snake
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::document::read_file;
    use super::*;

    #[test]
    fn every_operation_of_real_documents_is_a_node_type_or_is_listed_with_the_reason() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/documents/real");
        // The folder is not part of the project.
        let Ok(files) = std::fs::read_dir(folder) else { return };
        for file in files.map(|file| file.unwrap().path()) {
            let root = read_file(&file).unwrap();
            let operations: usize = members(&root["paths"])
                .map(|(_, item)| METHODS.iter().filter(|method| item.get(**method).is_some()).count())
                .sum();
            let document = Document::of("x", root).unwrap();
            let listing = listing(&OpenapiService::imported("x"), &document);
            println!("{}: {} of {operations}, {:?}", file.display(), listing.count(), listing.skipped);
            assert_eq!(listing.count() + listing.skipped.len(), operations, "{}", file.display());
            assert!(listing.skipped.iter().all(|(_, reason)| !reason.is_empty()));
        }
    }
}
