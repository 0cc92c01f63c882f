//! Reads a document into the data that its page shows. `shape.rs` reads schemas.

use std::collections::{BTreeMap, BTreeSet};

use runyard_api::host::Document;
use serde_json::Value;

use super::codes;
use super::shape::{Place, fields, notes, other_fields, referred, resolved, shape};
use super::snippets::TOKEN;
use super::view::{Answer, Body, Credential, Group, Header, Operation, Parameter, Reference, Schema, Source, Use};

/// Methods in the order in which a path's operations are read.
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// Reads a document.
pub(super) fn read(document: &Document) -> Reference {
    // The generator wrote both. A document that cannot be read gives an empty page, which a test would find.
    let full: Value = serde_json::from_str(document.full_json).unwrap_or_default();
    let owner: Value = serde_json::from_str(document.owner_json).unwrap_or_default();
    let whole = Place { full: &full, owner: Some(&owner) };
    let reader = Reader { whole };
    let info = &full["info"];
    let text = |key: &str| info[key].as_str().unwrap_or_default().to_owned();
    Reference {
        name: document.name,
        title: text("title"),
        version: text("version"),
        description: text("description"),
        source: source(&info["x-runyard-source"]),
        foreign: full != owner,
        groups: reader.groups(),
        schemas: reader.schemas(),
        credentials: reader.credentials(),
    }
}

fn source(info: &Value) -> Source {
    let text = |key: &str| info[key].as_str().unwrap_or_default().to_owned();
    Source {
        owner: text("owner"),
        upstream: text("upstream"),
        version: text("version"),
        date: text("date"),
        licence: text("licence"),
        decided: text("decided"),
    }
}

struct Reader<'a> {
    whole: Place<'a>,
}

impl<'a> Reader<'a> {
    fn component(&self, kind: &str) -> Place<'a> {
        let nothing = Place { full: &Value::Null, owner: None };
        self.whole.below("components").and_then(|components| components.below(kind)).unwrap_or(nothing)
    }

    /// The target of a reference. A target that the vendor's document also refers to counts as the vendor's.
    fn followed(&self, place: Place<'a>) -> Place<'a> {
        let Some(pointer) = place.full.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'))
        else {
            return place;
        };
        let full = self.whole.full.pointer(pointer).unwrap_or(&Value::Null);
        let owner = place.owner.and_then(|_| self.whole.owner?.pointer(pointer));
        Place { full, owner }
    }

    fn credentials(&self) -> Vec<Credential> {
        let credential = |(name, scheme): (&str, Place<'a>)| {
            let header = match scheme.text("type").as_str() {
                "apiKey" => format!("{}: ${TOKEN}", scheme.text("name")),
                _ => format!("Authorization: Bearer ${TOKEN}"),
            };
            Credential { name: name.to_owned(), header, description: scheme.text("description") }
        };
        self.component("securitySchemes").entries().map(credential).collect()
    }

    /// Operations by their first tag, in the order of the document's tags.
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for tag in self.whole.full["tags"].as_array().into_iter().flatten() {
            let text = |key: &str| tag[key].as_str().unwrap_or_default().to_owned();
            groups.push(Group { name: text("name"), description: text("description"), operations: Vec::new() });
        }
        for (tag, operation) in self.operations() {
            match groups.iter_mut().find(|group| group.name == tag) {
                Some(group) => group.operations.push(operation),
                None => groups.push(Group { name: tag, description: String::new(), operations: vec![operation] }),
            }
        }
        groups.retain(|group| !group.operations.is_empty());
        // Operations that need no credentials serve monitoring, so their groups come last.
        groups.sort_by_key(|group| group.operations.iter().all(|operation| !operation.secured));
        groups
    }

    fn operations(&self) -> Vec<(String, Operation)> {
        let mut found = Vec::new();
        for (path, item) in self.whole.below("paths").into_iter().flat_map(Place::entries) {
            for method in METHODS {
                if let Some(operation) = item.below(method) {
                    let tag = operation.full["tags"][0].as_str().unwrap_or("operations").to_owned();
                    found.push((tag, self.operation(path, method, item, operation)));
                }
            }
        }
        found
    }

    fn operation(&self, path: &str, method: &str, item: Place<'a>, operation: Place<'a>) -> Operation {
        let of_path = item.below("parameters").map_or_else(Vec::new, |list| self.parameters(list));
        let own = operation.below("parameters").map_or_else(Vec::new, |list| self.parameters(list));
        let answers = self.answers(operation);
        let streams = |media: &&str| matches!(*media, "application/x-ndjson" | "text/event-stream");
        let stream = answers.iter().filter_map(|answer| answer.media.as_deref()).find(streams).map(str::to_owned);
        let security = operation.full.get("security").or_else(|| self.whole.full.get("security"));
        Operation {
            id: operation.text("operationId"),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: operation.text("summary"),
            description: operation.text("description"),
            notes: notes(operation),
            secured: security.and_then(Value::as_array).is_some_and(|list| !list.is_empty()),
            scope: operation.full.get("x-runyard-scope").and_then(Value::as_str).map(str::to_owned),
            idempotent: operation.full.get("x-runyard-idempotent").and_then(Value::as_bool).unwrap_or(false),
            stream,
            parameters: of_path.into_iter().chain(own).collect(),
            body: operation.below("requestBody").and_then(|body| self.body(body)),
            answers,
        }
    }

    fn parameters(&self, list: Place<'a>) -> Vec<Parameter> {
        let items = list.full.as_array().map(Vec::as_slice).unwrap_or_default();
        // A list has no keys, so the vendor's parameters are recognized by place and name.
        let of_owner: BTreeSet<(String, String)> = list
            .owner
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|item| identity(self.followed(Place { full: item, owner: None }).full))
            .collect();
        let read = |item: &'a Value| {
            let found = self.followed(Place { full: item, owner: Some(item) });
            let ours = !of_owner.contains(&identity(found.full));
            let nothing = Place { full: &Value::Null, owner: None };
            Parameter {
                name: found.text("name"),
                place: found.text("in"),
                required: found.full["required"].as_bool().unwrap_or(false),
                ours,
                description: found.text("description"),
                shape: shape(whole_or_marked(found.below("schema").unwrap_or(nothing), ours)),
                example: found.full.get("example").cloned(),
            }
        };
        items.iter().map(read).collect()
    }

    fn body(&self, body: Place<'a>) -> Option<Body> {
        let body = self.followed(body);
        let (media, content) = body.below("content")?.entries().next()?;
        let schema = content.below("schema")?;
        Some(Body {
            media: media.to_owned(),
            required: body.full["required"].as_bool().unwrap_or(false),
            description: body.text("description"),
            shape: shape(schema),
            fields: fields(schema, self.component("schemas"), 0),
            example: content.full.get("example").cloned(),
        })
    }

    /// Answers by status, successes first, `default` last.
    fn answers(&self, operation: Place<'a>) -> Vec<Answer> {
        let codes = operation.full.get("x-runyard-codes");
        let responses = operation.below("responses").into_iter().flat_map(Place::entries);
        let mut answers: Vec<Answer> = responses.map(|(status, place)| self.answer(status, place, codes)).collect();
        answers.sort_by(|one, other| one.status.cmp(&other.status));
        answers
    }

    fn answer(&self, status: &str, place: Place<'a>, codes: Option<&Value>) -> Answer {
        let response = self.followed(place);
        let content = response.below("content").and_then(|content| content.entries().next());
        let schema = content.and_then(|(_, content)| content.below("schema"));
        let given = content.and_then(|(_, content)| content.full.get("example"));
        let of_schema = || resolved(schema?, self.component("schemas"))?.full.get("example");
        let listed = codes.and_then(|codes| codes.get(status)?.as_array()).into_iter().flatten();
        Answer {
            status: status.to_owned(),
            ours: place.ours(),
            description: response.text("description"),
            media: content.map(|(media, _)| media.to_owned()),
            other_media: response.below("content").map_or_else(Vec::new, |content| {
                content.entries().skip(1).map(|(media, _)| media.to_owned()).collect()
            }),
            shape: schema.map(shape),
            headers: response.below("headers").map_or_else(Vec::new, |headers| self.headers(headers, place.ours())),
            codes: codes::of_answer(status, listed.filter_map(Value::as_str).map(str::to_owned)),
            example: given.or_else(of_schema).cloned(),
        }
    }

    fn headers(&self, headers: Place<'a>, of_ours: bool) -> Vec<Header> {
        let read = |(name, place): (&str, Place<'a>)| {
            let header = self.followed(place);
            let nothing = Place { full: &Value::Null, owner: None };
            Header {
                name: name.to_owned(),
                // If the whole answer is Runyard's, its parts are not marked again.
                ours: !of_ours && place.ours(),
                description: header.text("description"),
                shape: shape(whole_or_marked(header.below("schema").unwrap_or(nothing), true)),
            }
        };
        headers.entries().map(read).collect()
    }

    fn schemas(&self) -> Vec<Schema> {
        let (schemas, uses) = (self.component("schemas"), self.uses());
        let mut all: Vec<Schema> = schemas.entries().map(|(name, place)| self.schema(name, place, &uses)).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    fn schema(&self, name: &str, place: Place<'a>, uses: &BTreeMap<String, BTreeSet<Use>>) -> Schema {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let said = |key: &str| place.full.get(key).and_then(Value::as_object);
        let meaning = |value: &str| said("x-runyard-data").and_then(|data| data.get(value)).map(text);
        let values = place.full.get("enum").and_then(Value::as_array).into_iter().flatten().map(text);
        let mut shape = shape(place);
        // The values are listed below.
        shape.rules.retain(|rule| rule.name != "one of");
        Schema {
            name: name.to_owned(),
            ours: place.ours(),
            description: place.text("description"),
            shape,
            // Without nested fields: each schema has its own place on the page.
            fields: fields(place, self.component("schemas"), usize::MAX),
            values: values.map(|value| (value.clone(), meaning(&value))).collect(),
            other_fields: other_fields(place.full),
            notes: notes(place),
            extensions: said("x-runyard-extensions")
                .into_iter()
                .flatten()
                .map(|(key, meaning)| (key.clone(), text(meaning)))
                .collect(),
            used_by: uses.get(name).into_iter().flatten().cloned().collect(),
            example: place.full.get("example").cloned(),
        }
    }

    /// The operations and schemas that refer to each schema.
    fn uses(&self) -> BTreeMap<String, BTreeSet<Use>> {
        let mut uses: BTreeMap<String, BTreeSet<Use>> = BTreeMap::new();
        for (name, schema) in self.component("schemas").entries() {
            for used in named(schema.full) {
                uses.entry(used).or_default().insert(Use::Schema(name.to_owned()));
            }
        }
        for (_, item) in self.whole.below("paths").into_iter().flat_map(Place::entries) {
            for operation in METHODS.iter().filter_map(|method| item.below(method)) {
                let body = operation.below("requestBody").map(|body| named(body.full)).unwrap_or_default();
                let answers = operation.below("responses").into_iter().flat_map(Place::entries);
                let answered = answers.flat_map(|(_, answer)| named(self.followed(answer).full));
                for used in body.into_iter().chain(answered) {
                    uses.entry(used).or_default().insert(Use::Operation(operation.text("operationId")));
                }
            }
        }
        uses
    }
}

/// Place and name of a parameter.
fn identity(parameter: &Value) -> (String, String) {
    let text = |key: &str| parameter[key].as_str().unwrap_or_default().to_owned();
    (text("in"), text("name"))
}

/// If the whole part is marked as Runyard's, its rules are not marked again.
fn whole_or_marked(place: Place<'_>, marked: bool) -> Place<'_> {
    if marked { Place { owner: Some(place.full), ..place } } else { place }
}

/// Every schema that a value refers to. Examples contain no references.
fn named(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match value {
        Value::Object(object) => {
            found.extend(referred(value).filter(|_| is_schema(value)).map(str::to_owned));
            let parts = object.iter().filter(|(key, _)| !matches!(key.as_str(), "example" | "examples"));
            parts.for_each(|(_, part)| found.extend(named(part)));
        }
        Value::Array(items) => items.iter().for_each(|item| found.extend(named(item))),
        _ => {}
    }
    found
}

fn is_schema(value: &Value) -> bool {
    value.get("$ref").and_then(Value::as_str).is_some_and(|text| text.starts_with("#/components/schemas/"))
}
