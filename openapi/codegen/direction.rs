//! `readOnly` and `writeOnly`: which required properties a type must be able to lack.
//!
//! One type serves both directions. A required property that only the server sets is optional in a type that requests
//! have, and one that only the client sets is optional in a type that responses have. A type of one direction keeps
//! what that direction requires. The host validates by direction (`host/direction.rs`).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::document;
use crate::normal::each_child;
use crate::report::Report;

/// Makes such properties optional in the components of a document. A file of schemas has no operations: any of its
/// schemas can be used in both directions.
pub(crate) fn relax(document: &Value, schemas: &mut Map<String, Value>, report: &mut Report) {
    let whole = schemas.clone();
    let used = |direction| match document.get("paths") {
        Some(_) => used(document, &whole, direction),
        None => whole.keys().cloned().collect(),
    };
    for (direction, keyword, meaning) in
        [(Direction::Request, "readOnly", "read-only"), (Direction::Response, "writeOnly", "write-only")]
    {
        let marks = Marks { schemas: &whole, keyword };
        for name in used(direction) {
            let Some(schema) = schemas.get_mut(&name) else { continue };
            let mut relaxed = BTreeSet::new();
            marks.relax(schema, &BTreeSet::new(), &mut relaxed);
            for property in relaxed {
                report.note(&name, format!("the required `{property}` is {meaning}, so it is optional in its type"));
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Response,
}

/// The components that a value of this direction can have parts of.
fn used(document: &Value, schemas: &Map<String, Value>, direction: Direction) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, _, _, operation) in document::operations(document) {
        let item = document.pointer(&format!("/paths/{}", document::escape(path)));
        let whole: Vec<&Value> = match direction {
            Direction::Request => {
                let lists = [Some(operation), item].into_iter().flatten().filter_map(|owner| owner.get("parameters"));
                let parameters = lists.filter_map(Value::as_array).flatten();
                parameters.chain(operation.get("requestBody")).collect()
            }
            Direction::Response => document::entries(operation, "responses").map(|(_, response)| response).collect(),
        };
        for value in whole {
            if let Some((value, _)) = document::resolved(document, value, "") {
                references(value, &mut found);
            }
        }
    }
    let mut wanted: Vec<String> = found.iter().cloned().collect();
    while let Some(name) = wanted.pop() {
        let mut more = BTreeSet::new();
        references(schemas.get(&name).unwrap_or(&Value::Null), &mut more);
        wanted.extend(more.into_iter().filter(|name| found.insert(name.clone())));
    }
    found
}

fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            into.extend(fields.get("$ref").and_then(Value::as_str).and_then(component).map(str::to_owned));
            fields.values().for_each(|field| references(field, into));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        _ => {}
    }
}

fn component(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/components/schemas/")
}

/// The longest chain of references and parts within a schema; a schema can contain itself.
const DEPTH_MAX: usize = 16;

struct Marks<'a> {
    schemas: &'a Map<String, Value>,
    keyword: &'static str,
}

impl Marks<'_> {
    /// `inherited`: the properties of the schema that this one is a part of, by `allOf`.
    fn relax(&self, schema: &mut Value, inherited: &BTreeSet<String>, relaxed: &mut BTreeSet<String>) {
        let mut own = inherited.clone();
        self.marked(schema, &mut own, 0);
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            required.retain(|name| match name.as_str().filter(|name| own.contains(*name)) {
                Some(name) => {
                    relaxed.insert(name.to_owned());
                    false
                }
                None => true,
            });
        }
        each_child(schema, "", &mut |at, child| {
            let none = BTreeSet::new();
            let inherited = if at.starts_with("/allOf/") { &own } else { &none };
            self.relax(child, inherited, relaxed);
        });
    }

    /// The names of the properties with the keyword, also of those that a schema has through `$ref` and `allOf`.
    fn marked(&self, schema: &Value, into: &mut BTreeSet<String>, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        let properties = document::entries(schema, "properties");
        into.extend(properties.filter(|(_, one)| self.is_marked(one, 0)).map(|(name, _)| name.clone()));
        self.parts(schema).for_each(|part| self.marked(part, into, depth + 1));
    }

    fn is_marked(&self, schema: &Value, depth: usize) -> bool {
        schema.get(self.keyword) == Some(&Value::Bool(true))
            || depth < DEPTH_MAX && self.parts(schema).any(|part| self.is_marked(part, depth + 1))
    }

    /// The schemas that a value must fit, too.
    fn parts<'s>(&'s self, schema: &'s Value) -> impl Iterator<Item = &'s Value> {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(component);
        let target = target.and_then(|name| self.schemas.get(name));
        target.into_iter().chain(schema.get("allOf").and_then(Value::as_array).into_iter().flatten())
    }
}
