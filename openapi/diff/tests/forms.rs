//! Equal documents in other forms: what 3.0 and 3.1 write in different ways, and what is inline or a component.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::super::{diff, load};
use super::line;

/// A document of OpenAPI 3.1 with all that 3.0 writes in another way.
fn latest() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Shop", "version": "1" },
        "paths": { "/orders": { "post": {
            "operationId": "order",
            "parameters": [{ "name": "after", "in": "query", "schema": { "type": ["string", "null"] } }],
            "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Order" } } } },
            "responses": { "200": { "description": "done", "content": { "application/json": { "schema": {
                "anyOf": [{ "$ref": "#/components/schemas/Order" }, { "type": "null" }],
            } } } } },
        } } },
        "components": { "schemas": {
            "Colour": { "type": ["string", "null"], "enum": ["red", "green", null] },
            "Order": {
                "type": "object",
                "required": ["kind"],
                "properties": {
                    "kind": { "const": "order" },
                    "amount": { "type": "integer", "exclusiveMinimum": 0, "maximum": 9 },
                    "note": { "anyOf": [{ "type": "string", "maxLength": 9 }, { "type": "null" }], "title": "Note" },
                    "number": { "type": ["integer", "string"] },
                    "colour": { "$ref": "#/components/schemas/Colour" },
                    "parent": { "oneOf": [{ "$ref": "#/components/schemas/Order" }, { "type": "null" }] },
                    "paid": { "anyOf": [{ "type": "boolean" }, { "type": "number" }, { "type": "null" }] },
                    "tags": { "type": ["array", "null"], "items": { "type": ["string", "null"] } },
                },
            },
        } },
    })
}

/// Another form of each schema, as `change` makes it, from the innermost to the outermost.
fn each(value: &mut Value, change: &dyn Fn(&mut Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, change)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| each(field, change));
            change(fields);
        }
        _ => {}
    }
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null"
}

/// The plain type of a list of one type and null.
fn plain_type(fields: &Map<String, Value>) -> Option<Value> {
    let all = fields.get("type")?.as_array()?;
    let plain: Vec<&Value> = all.iter().filter(|kind| *kind != "null").collect();
    (plain.len() == 1 && all.len() == 2).then(|| plain[0].clone())
}

/// `type: [T, null]` as `anyOf` with null.
fn as_alternatives(fields: &mut Map<String, Value>) {
    let Some(kind) = plain_type(fields) else { return };
    let mut inner = std::mem::take(fields);
    inner.insert("type".into(), kind);
    if let Some(title) = inner.shift_remove("title") {
        fields.insert("title".into(), title);
    }
    for note in ["description", "default", "examples", "example", "deprecated", "readOnly"] {
        fields.extend(inner.shift_remove(note).map(|value| (note.to_owned(), value)));
    }
    fields.insert("anyOf".into(), json!([inner, { "type": "null" }]));
}

/// `anyOf` of one type and null as `type: [T, null]`.
fn as_list(fields: &mut Map<String, Value>) {
    let Some(Value::Array(all)) = fields.get("anyOf") else { return };
    let [one, null] = all.as_slice() else { return };
    let Some(inner) = one.as_object().filter(|one| one.get("type").is_some_and(Value::is_string) && is_null(null))
    else {
        return;
    };
    let (kind, inner) = (inner["type"].clone(), inner.clone());
    fields.shift_remove("anyOf");
    for (key, value) in inner {
        fields.entry(key).or_insert(value);
    }
    fields.insert("type".into(), json!([kind, "null"]));
}

/// The form of 3.0.
fn as_3_0(fields: &mut Map<String, Value>) {
    if let Some(kind) = plain_type(fields) {
        fields.insert("type".into(), kind);
        fields.insert("nullable".into(), json!(true));
    }
    if let Some(Value::Array(all)) = fields.get("type").cloned() {
        fields.shift_remove("type");
        fields.insert("oneOf".into(), all.iter().map(|kind| json!({ "type": kind })).collect());
    }
    for keyword in ["anyOf", "oneOf"] {
        let Some(Value::Array(all)) = fields.get(keyword) else { continue };
        let left: Vec<Value> = all.iter().filter(|schema| !is_null(schema)).cloned().collect();
        if left.len() < all.len() {
            let keyword = if left.len() == 1 { fields.shift_remove(keyword).map(|_| "allOf") } else { Some(keyword) };
            fields.insert(keyword.unwrap().to_owned(), left.into());
            fields.insert("nullable".into(), json!(true));
        }
    }
    if let Some(value) = fields.get("const").filter(|value| !value.is_object()).cloned() {
        fields.shift_remove("const");
        fields.insert("enum".into(), json!([value]));
    }
    for (plain, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if let Some(bound) = fields.get(exclusive).filter(|bound| bound.is_number()).cloned() {
            fields.insert(plain.to_owned(), bound);
            fields.insert(exclusive.to_owned(), json!(true));
        }
    }
    let counts = |key: &String| key != "$ref" && !["description", "summary"].contains(&key.as_str());
    if fields.contains_key("$ref") && fields.keys().any(counts) {
        let target = fields.shift_remove("$ref").unwrap();
        fields.insert("allOf".into(), json!([{ "$ref": target }]));
    }
    if let Some(Value::String(version)) = fields.get_mut("openapi") {
        *version = "3.0.3".to_owned();
    }
}

fn equal(one: &Value, other: &Value, of: &str) {
    for (old, new) in [(one, other), (other, one)] {
        let changes: Vec<String> = diff(old, new).iter().map(|change| format!("{}   {change}", line(change))).collect();
        assert!(changes.is_empty(), "{of}: {} changes\n{}", changes.len(), changes[..changes.len().min(9)].join("\n"));
    }
}

/// The document with its nulls in every form, and in the form of 3.0.
fn every_form(document: &Value, name: &str) {
    let mut forms = Vec::new();
    for (form, change) in
        [("anyOf", as_alternatives as fn(&mut Map<String, Value>)), ("list", as_list), ("3.0", as_3_0)]
    {
        let mut other = document.clone();
        each(&mut other, &change);
        forms.push((form, other));
    }
    for (form, other) in &forms {
        equal(document, other, &format!("{name} with {form}"));
    }
    equal(&forms[0].1, &forms[1].1, name);
    equal(&forms[1].1, &forms[2].1, name);
}

#[test]
fn null_is_the_same_in_every_form() {
    let document = latest();
    every_form(&document, "the shop");
    let changed = |change: &dyn Fn(&mut Map<String, Value>)| {
        let mut other = document.clone();
        each(&mut other, change);
        other
    };
    // Each form was really another one.
    assert!(
        changed(&as_list).to_string().contains(r#""type":["string","null"],"maxLength":9"#) || {
            let list = changed(&as_list);
            list.pointer("/components/schemas/Order/properties/note/type") == Some(&json!(["string", "null"]))
        }
    );
    assert!(changed(&as_alternatives).pointer("/components/schemas/Colour/anyOf/1").is_some());
    assert_eq!(changed(&as_3_0).pointer("/components/schemas/Order/properties/parent/nullable"), Some(&json!(true)));
}

/// With an equal change on both sides of another form, only the change is found.
#[test]
fn a_change_in_another_form_is_found_once() {
    let old = latest();
    let mut new = latest();
    each(&mut new, &as_3_0);
    new["components"]["schemas"]["Order"]["properties"]["note"]["allOf"][0]["maxLength"] = json!(8);
    new["components"]["schemas"]["Order"]["properties"]["amount"]["nullable"] = json!(true);
    let found: Vec<String> = diff(&old, &new).iter().map(line).collect();
    assert_eq!(found, ["type_changed Order.amount: clients servers", "bound_changed Order.note: clients servers"]);
    let pointers: Vec<String> = diff(&new, &old).into_iter().map(|change| change.pointer).collect();
    assert_eq!(
        pointers,
        [
            "#/components/schemas/Order/properties/amount/type",
            "#/components/schemas/Order/properties/note/anyOf/0/maxLength",
        ],
        "places in the document as written"
    );
}

/// Documents of vendors, where they lie beside the project.
#[test]
fn real_documents_are_the_same_in_every_form() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/documents/real");
    for name in ["agent-protocol.json", "airflow.yaml", "mcp-registry.yaml", "resend.yaml"] {
        let Ok(mut document) = load(&folder.join(name)) else { continue };
        // Examples have no other form.
        each(&mut document, &|fields| {
            fields.retain(|key, value| key != "example" && (key != "examples" || !value.is_array()));
        });
        every_form(&document, name);
    }
}
