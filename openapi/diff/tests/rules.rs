//! One case per rule: a small document, one edit of it, and what is said about it, in both directions.

use serde_json::{Map, Value, json};

use super::super::diff;
use super::{line, mirrors};

/// A shop: `Order` is in requests, `Receipt` in responses, `Colour` in both.
fn shop() -> Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "Shop", "version": "1" },
        "security": [{ "token": [] }],
        "paths": {
            "/orders/{id}": {
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
                "post": {
                    "operationId": "order",
                    "parameters": [
                        { "name": "size", "in": "query", "schema": { "type": "integer", "minimum": 1, "default": 2 } },
                        { "name": "Key", "in": "header", "required": true, "schema": { "type": "string" } },
                    ],
                    "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Order" } } } },
                    "responses": {
                        "200": {
                            "description": "done",
                            "headers": { "Seen": { "schema": { "type": "boolean" } } },
                            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Receipt" } } },
                        },
                        "404": { "description": "gone", "content": {} },
                    },
                },
            },
            "/shelf": { "get": { "operationId": "shelf", "responses": {
                "200": { "description": "all", "content": { "text/plain": { "schema": { "type": "string" } } } },
                "default": { "description": "anything else" },
            } } },
        },
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "description": "Ask." }, "key": {} },
            "schemas": {
                "Colour": { "type": "string", "enum": ["red", "green"] },
                "Order": {
                    "type": "object",
                    "required": ["what"],
                    "properties": {
                        "what": { "type": "string", "maxLength": 9, "pattern": "^a" },
                        "colour": { "$ref": "#/components/schemas/Colour" },
                        "with": { "$ref": "#/components/schemas/Order" },
                        "tags": { "type": "array", "items": { "type": "integer", "format": "int32" } },
                        "paid": { "oneOf": [{ "type": "string" }, { "$ref": "#/components/schemas/Colour" }] },
                    },
                },
                "Receipt": {
                    "type": "object",
                    "required": ["number"],
                    "additionalProperties": false,
                    "properties": {
                        "number": { "type": "integer", "description": "Counts.", "minimum": 0, "default": 1 },
                        "colour": { "$ref": "#/components/schemas/Colour" },
                        "notes": { "type": "object", "additionalProperties": { "type": "string" } },
                    },
                },
                "Unused": { "type": "string" },
            },
        },
    })
}

/// Sets what stands at a pointer, or adds it to the mapping or list there; null removes it.
fn edited(mut document: Value, edits: &[(&str, Value)]) -> Value {
    for (pointer, value) in edits {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/");
        match document.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent}")) {
            Value::Object(fields) if value.is_null() => assert!(fields.shift_remove(&key).is_some(), "{pointer}"),
            Value::Object(fields) => _ = fields.insert(key, value.clone()),
            Value::Array(items) if key == "-" => items.push(value.clone()),
            Value::Array(items) if value.is_null() => _ = items.remove(key.parse().unwrap()),
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value.clone(),
            other => panic!("{pointer}: {other}"),
        }
    }
    document
}

const ORDER: &str = "/paths/~1orders~1{id}/post";
const SHELF: &str = "/paths/~1shelf/get";

/// Each case: edits that begin at a pointer, and what is said of them, sorted.
fn holds(at: &str, edits: &[(&str, Value)], expected: &[&str]) {
    let old = shop();
    let edits: Vec<(String, Value)> =
        edits.iter().map(|(rest, value)| (format!("{at}{rest}"), value.clone())).collect();
    let edits: Vec<(&str, Value)> = edits.iter().map(|(pointer, value)| (pointer.as_str(), value.clone())).collect();
    let new = edited(old.clone(), &edits);
    let forth = diff(&old, &new);
    assert_eq!(forth.iter().map(line).collect::<Vec<_>>(), expected, "{edits:?}");
    mirrors(&forth, &diff(&new, &old));
    assert_eq!(diff(&new, &new), []);
}

#[test]
fn operations() {
    let added = json!({ "operationId": "look", "responses": { "200": { "description": "x" } } });
    holds("/paths/~1shelf", &[("/put", added.clone())], &["operation_added look: servers"]);
    let others = json!({ "COPY": added });
    holds("/paths/~1shelf", &[("/additionalOperations", others)], &["operation_added look: servers"]);
    holds("/paths", &[("/~1shelf", Value::Null)], &["operation_removed shelf: clients"]);
    holds(SHELF, &[("/operationId", json!("stock"))], &["operation_id_changed stock: neither"]);
    let shelf = shop().pointer("/paths/~1shelf").unwrap().clone();
    let moved = [("/~1shelf", Value::Null), ("/~1stock", shelf)];
    holds("/paths", &moved, &["operation_changed shelf: clients servers"]);
    let mut order = shop().pointer("/paths/~1orders~1{id}").unwrap().clone();
    order["parameters"][0]["name"] = json!("number");
    let renamed = [("/~1orders~1{id}", Value::Null), ("/~1orders~1{number}", order)];
    holds("/paths", &renamed, &["path_parameter_changed order: path number: neither"]);
    let callback = json!({ "done": { "{$request.query.url}": { "post": { "responses": {} } } } });
    holds(SHELF, &[("/callbacks", callback)], &["callback_added shelf callback POST: servers"]);
}

#[test]
fn parameters() {
    let optional = json!({ "name": "q", "in": "query", "schema": {} });
    let required = json!({ "name": "q", "in": "query", "required": true, "schema": {} });
    holds(ORDER, &[("/parameters/-", optional)], &["parameter_added order: query q: servers"]);
    holds(ORDER, &[("/parameters/-", required)], &["parameter_added order: query q: clients servers"]);
    holds(ORDER, &[("/parameters/0", Value::Null)], &["parameter_removed order: query size: clients"]);
    holds(ORDER, &[("/parameters/1", Value::Null)], &["parameter_removed order: header Key: clients servers"]);
    holds(ORDER, &[("/parameters/0/required", json!(true))], &["parameter_required_added order: query size: clients"]);
    holds(
        ORDER,
        &[("/parameters/1/required", json!(false))],
        &["parameter_required_removed order: header Key: servers"],
    );
    holds(ORDER, &[("/parameters/0/in", json!("header"))], &["parameter_changed order: header size: clients servers"]);
    holds(ORDER, &[("/parameters/1/name", json!("KEY"))], &[]);
    holds(ORDER, &[("/parameters/0/explode", json!(false)), ("/parameters/0/style", json!("form"))], &[]);
    let list = json!({ "name": "tag", "in": "query", "schema": { "type": "array", "items": { "type": "string" } } });
    let commas = edited(list.clone(), &[("/explode", json!(false))]);
    let (old, new) = (
        edited(shop(), &[(&format!("{ORDER}/parameters/-"), list)]),
        edited(shop(), &[(&format!("{ORDER}/parameters/-"), commas)]),
    );
    let found: Vec<String> = diff(&old, &new).iter().map(line).collect();
    assert_eq!(found, ["parameter_form_changed order: query tag: clients servers"]);
    holds(ORDER, &[("/parameters/0/schema/minimum", json!(2))], &["bound_changed order: query size: clients"]);
    holds(ORDER, &[("/parameters/0/schema/minimum", Value::Null)], &["bound_removed order: query size: servers"]);
    holds(
        ORDER,
        &[("/parameters/0/schema/type", json!("string"))],
        &["type_changed order: query size: clients servers"],
    );
    holds(
        ORDER,
        &[("/parameters/0/schema/default", json!(3))],
        &["default_changed order: query size: clients servers"],
    );
    holds(ORDER, &[("/parameters/0/schema/default", Value::Null)], &["default_removed order: query size: clients"]);
    holds(ORDER, &[("/parameters/1/schema/default", json!("x"))], &["default_added order: header Key: servers"]);
    holds(ORDER, &[("/parameters/0/schema/enum", json!([2]))], &["enum_added order: query size: clients"]);
    holds(ORDER, &[("/parameters/0/description", json!("x"))], &["description_added order: query size: neither"]);
}

#[test]
fn bodies() {
    let body = json!({ "content": { "text/plain": { "schema": { "type": "string" } } } });
    holds(SHELF, &[("/requestBody", body.clone())], &["body_added shelf: body: servers"]);
    let required = [("/requestBody", edited(body, &[("/required", json!(true))]))];
    holds(SHELF, &required, &["body_added shelf: body: clients servers"]);
    holds(ORDER, &[("/requestBody", Value::Null)], &["body_removed order: body: clients"]);
    holds(ORDER, &[("/requestBody/required", json!(true))], &["body_required_added order: body: clients"]);
    let content = "/requestBody/content";
    holds(ORDER, &[(&format!("{content}/text~1plain"), json!({}))], &["media_type_added order: body: servers"]);
    holds(
        ORDER,
        &[(&format!("{content}/application~1json"), Value::Null)],
        &["media_type_removed order: body: clients"],
    );
}

#[test]
fn answers() {
    let answer = json!({ "description": "x" });
    // A client treats an error that it does not know like others of its class.
    holds(ORDER, &[("/responses/409", answer.clone())], &["status_added order: 409: neither"]);
    holds(SHELF, &[("/responses/409", answer.clone())], &["status_added shelf: 409: neither"]);
    holds(SHELF, &[("/responses/202", answer.clone())], &["status_added shelf: 202: clients"]);
    holds(ORDER, &[("/responses/default", answer.clone())], &["status_added order: default: neither"]);
    holds(ORDER, &[("/responses/404", Value::Null)], &["status_removed order: 404: neither"]);
    holds(ORDER, &[("/responses/204", answer)], &["status_added order: 204: clients"]);
    // Without a success, `default` is one.
    let left = ["media_type_removed shelf: 200: clients", "status_removed shelf: 200: neither"];
    holds(SHELF, &[("/responses/200", Value::Null)], &left);
    let media = "/responses/200/content";
    let added = [("/responses/200/content/text~1html", json!({}))];
    holds(SHELF, &added, &["media_type_added shelf: 200: servers"]);
    holds(SHELF, &[(&format!("{media}/text~1plain"), Value::Null)], &["media_type_removed shelf: 200: clients"]);
    let first = [("/responses/404/content/text~1plain", json!({}))];
    holds(ORDER, &first, &["media_type_added order: 404: clients servers"]);
    let headers = "/responses/200/headers";
    holds(ORDER, &[(&format!("{headers}/Age"), json!({}))], &["header_added order: 200 header Age: neither"]);
    let required = [("/responses/200/headers/Age", json!({ "required": true }))];
    holds(ORDER, &required, &["header_added order: 200 header Age: servers"]);
    holds(ORDER, &[(&format!("{headers}/Seen"), Value::Null)], &["header_removed order: 200 header Seen: clients"]);
    let required = [("/responses/200/headers/Seen/required", json!(true))];
    holds(ORDER, &required, &["header_required_added order: 200 header Seen: servers"]);
    let other = [("/responses/200/headers/Seen/schema/type", json!("string"))];
    holds(ORDER, &other, &["type_changed order: 200 header Seen: clients servers"]);
    holds(SHELF, &[("/responses/200/description", json!("y"))], &["description_changed shelf: 200: neither"]);
    holds(SHELF, &[("/responses/200/links", json!({}))], &["note_added shelf: 200: neither"]);
}

/// What a stream is made of is said beside its schema, which can only say that it is text.
#[test]
fn items_of_a_stream_are_read_by_clients() {
    let at = "/paths/~1shelf/get/responses/200/content/text~1plain";
    let item = json!({ "type": "object", "properties": { "colour": { "type": "string", "enum": ["red"] } } });
    let old = edited(shop(), &[(&format!("{at}/x-item-schema"), item.clone())]);
    let more = format!("{at}/x-item-schema/properties/colour/enum/-");
    let new = edited(old.clone(), &[(&more, json!("blue"))]);
    let said: Vec<String> = diff(&old, &new).iter().map(line).collect();
    assert_eq!(said, ["enum_value_added shelf: 200 text/plain item.colour: clients"]);
    mirrors(&diff(&old, &new), &diff(&new, &old));
    let standard = edited(shop(), &[(&format!("{at}/itemSchema"), item)]);
    assert_eq!(diff(&old, &standard), [], "the same, as OpenAPI 3.2 writes it");
}

/// A header of `default` belongs to one status or another that it stands for; a status that is listed now need not have it.
#[test]
fn headers_of_what_covered_an_answer_are_not_held_against_it() {
    let allow = json!({ "description": "anything else", "headers": { "Allow": { "required": true } } });
    let old = edited(shop(), &[("/paths/~1shelf/get/responses/default", allow)]);
    let new = edited(old.clone(), &[("/paths/~1shelf/get/responses/410", json!({ "description": "gone" }))]);
    assert_eq!(diff(&old, &new).iter().map(line).collect::<Vec<_>>(), ["status_added shelf: 410: neither"]);
    mirrors(&diff(&old, &new), &diff(&new, &old));
}

/// An error that `default` covered has a schema of its own now: that is compared with what `default` said.
#[test]
fn an_answer_that_was_covered_is_held_to_what_covered_it() {
    let content =
        |kind: &str| json!({ "description": "x", "content": { "text/plain": { "schema": { "type": kind } } } });
    let old = edited(shop(), &[("/paths/~1shelf/get/responses/default", content("string"))]);
    let new = edited(old.clone(), &[("/paths/~1shelf/get/responses/500", content("integer"))]);
    let said: Vec<String> = diff(&old, &new).iter().map(line).collect();
    assert_eq!(said, ["status_added shelf: 500: neither", "type_changed shelf: 500 text/plain: clients servers"]);
    mirrors(&diff(&old, &new), &diff(&new, &old));
}

#[test]
fn security() {
    holds(ORDER, &[("/security", json!([]))], &["security_changed order: security: servers"]);
    let either = json!([{ "token": [] }, { "key": [] }]);
    holds(ORDER, &[("/security", either)], &["security_added order: security: servers"]);
    holds(ORDER, &[("/security", json!([{ "token": [] }]))], &[]);
    let schemes = "/components/securitySchemes";
    let basic = [("/token/scheme", json!("basic"))];
    holds(schemes, &basic, &["security_scheme_changed security scheme token: clients servers"]);
    holds(schemes, &[("/token/description", json!("x"))], &["description_changed security scheme token: neither"]);
}

#[test]
fn properties() {
    let plain = json!({ "type": "string" });
    let order = "/components/schemas/Order";
    holds(order, &[("/properties/new", plain.clone())], &["property_added Order.new: servers"]);
    let required = [("/properties/new", plain.clone()), ("/required/-", json!("new"))];
    holds(order, &required, &["property_added Order.new: clients servers"]);
    holds(order, &[("/properties/tags", Value::Null)], &["property_removed Order.tags: clients"]);
    holds(
        order,
        &[("/properties/what", Value::Null), ("/required", Value::Null)],
        &["property_removed Order.what: clients servers"],
    );
    holds(order, &[("/required/-", json!("tags"))], &["required_added Order.tags: clients"]);
    holds(order, &[("/required", Value::Null)], &["required_removed Order.what: servers"]);
    holds(order, &[("/additionalProperties", json!(false))], &["additional_properties_changed Order: clients"]);

    // A closed response: a client that relies on it cannot read a new property.
    let receipt = "/components/schemas/Receipt";
    holds(receipt, &[("/properties/new", plain.clone())], &["property_added Receipt.new: clients"]);
    holds(
        receipt,
        &[("/properties/new", plain.clone()), ("/required/-", json!("new"))],
        &["property_added Receipt.new: clients servers"],
    );
    holds(receipt, &[("/properties/colour", Value::Null)], &["property_removed Receipt.colour: clients servers"]);
    holds(receipt, &[("/required/-", json!("notes"))], &["required_added Receipt.notes: servers"]);
    holds(receipt, &[("/required", json!([]))], &["required_removed Receipt.number: clients"]);
    holds(receipt, &[("/additionalProperties", Value::Null)], &["additional_properties_changed Receipt: clients"]);
    holds(
        receipt,
        &[("/properties/notes/additionalProperties/type", json!("integer"))],
        &["type_changed Receipt.notes{}: clients servers"],
    );
}

/// An open response: a new optional property breaks no client, and a removed one does.
#[test]
fn properties_of_an_open_response() {
    let open = edited(shop(), &[("/components/schemas/Receipt/additionalProperties", Value::Null)]);
    let said = |edits: &[(&str, Value)]| diff(&open, &edited(open.clone(), edits)).iter().map(line).collect::<Vec<_>>();
    let at = "/components/schemas/Receipt/properties";
    assert_eq!(said(&[(&format!("{at}/new"), json!({}))]), ["property_added Receipt.new: neither"]);
    assert_eq!(said(&[(&format!("{at}/notes"), Value::Null)]), ["property_removed Receipt.notes: clients"]);
}

#[test]
fn what_fits_in_requests_and_in_responses() {
    let what = "/components/schemas/Order/properties/what";
    holds(what, &[("/maxLength", json!(8))], &["bound_changed Order.what: clients"]);
    holds(what, &[("/maxLength", json!(10))], &["bound_changed Order.what: servers"]);
    holds(what, &[("/minLength", json!(1))], &["bound_added Order.what: clients"]);
    holds(what, &[("/minLength", json!(0))], &[]);
    holds(what, &[("/pattern", json!("^b"))], &["pattern_changed Order.what: clients servers"]);
    holds(what, &[("/pattern", Value::Null)], &["pattern_removed Order.what: servers"]);
    holds(what, &[("/nullable", json!(true))], &["type_changed Order.what: servers"]);
    holds(what, &[("/type", json!("integer"))], &["type_changed Order.what: clients servers"]);
    holds(what, &[("/format", json!("uuid"))], &["format_added Order.what: clients"]);
    holds(what, &[("/not", json!({}))], &["keyword_added Order.what: clients servers"]);
    let number = "/components/schemas/Receipt/properties/number";
    holds(number, &[("/minimum", json!(1))], &["bound_changed Receipt.number: servers"]);
    holds(number, &[("/exclusiveMinimum", json!(true))], &["bound_changed Receipt.number: servers"]);
    holds(number, &[("/minimum", Value::Null)], &["bound_removed Receipt.number: clients"]);
    holds(number, &[("/type", json!("number"))], &["type_changed Receipt.number: clients"]);
    holds(number, &[("/default", json!(5))], &["default_changed Receipt.number: neither"]);
    holds(number, &[("/description", json!("Counts on."))], &["description_changed Receipt.number: neither"]);
    holds(
        number,
        &[("/x-note", json!(1)), ("/example", json!(1))],
        &["note_added Receipt.number: neither", "note_added Receipt.number: neither"],
    );
}

#[test]
fn enums_lists_and_combinations() {
    let schemas = "/components/schemas";
    // Said by both sides, so that it breaks both.
    holds(schemas, &[("/Colour/enum/-", json!("blue"))], &["enum_value_added Colour: clients servers"]);
    holds(schemas, &[("/Colour/enum/0", Value::Null)], &["enum_value_removed Colour: clients servers"]);
    holds(schemas, &[("/Colour/enum", Value::Null)], &["enum_removed Colour: clients servers"]);
    let tags = "/components/schemas/Order/properties/tags";
    holds(tags, &[("/items/format", json!("int64"))], &["format_changed Order.tags[]: servers"]);
    holds(tags, &[("/items", Value::Null)], &["items_removed Order.tags: servers"]);
    holds(tags, &[("/uniqueItems", json!(true))], &["rule_added Order.tags: clients"]);
    holds(tags, &[("/uniqueItems", json!(false))], &[]);
    let paid = "/components/schemas/Order/properties/paid";
    holds(paid, &[("/oneOf/-", json!({ "type": "boolean" }))], &["part_added Order.paid: servers"]);
    // A colour is a string, too.
    holds(paid, &[("/oneOf/1", Value::Null)], &[]);
    let number = [("/oneOf/1", json!({ "type": "integer" }))];
    holds(paid, &number, &["combination_changed Order.paid: servers"]);
    holds(paid, &[("/oneOf/0/maxLength", json!(3))], &["bound_added Order.paid(oneOf 0): clients"]);
    holds(paid, &[("/oneOf", Value::Null)], &["combination_removed Order.paid: servers"]);
    holds(paid, &[("/allOf", json!([{ "type": "string" }]))], &["type_added Order.paid: clients"]);
}

#[test]
fn names_and_unreachable_schemas() {
    let schemas = "/components/schemas";
    holds(schemas, &[("/Unused/type", json!("integer"))], &["type_changed Unused: neither"]);
    holds(schemas, &[("/Unused", Value::Null)], &["schema_removed Unused: neither"]);
    let colour = shop().pointer("/components/schemas/Colour").unwrap().clone();
    let paint = json!({ "$ref": "#/components/schemas/Paint" });
    holds(
        schemas,
        &[
            ("/Colour", Value::Null),
            ("/Paint", colour),
            ("/Order/properties/colour", paint.clone()),
            ("/Order/properties/paid/oneOf/1", json!({ "type": "string" })),
            ("/Receipt/properties/colour", paint),
        ],
        &["schema_name_changed Paint: neither"],
    );
    holds("/info", &[("/version", json!("2"))], &["note_changed info: neither"]);
    holds("", &[("/servers", json!([]))], &["note_added document: neither"]);
}

/// Schemas alone: they may be used in requests and in responses.
#[test]
fn a_file_of_schemas_counts_as_said_everywhere() {
    let file = |schemas: &[(&str, Value)]| -> Value {
        let schemas: Map<String, Value> = schemas.iter().map(|(name, one)| ((*name).to_owned(), one.clone())).collect();
        json!({ "components": { "schemas": schemas } })
    };
    let old = file(&[("A", json!({ "type": "string", "maxLength": 3 })), ("B", json!({}))]);
    let new = file(&[("A", json!({ "type": "string", "maxLength": 2 })), ("C", json!({}))]);
    let said: Vec<String> = diff(&old, &new).iter().map(line).collect();
    assert_eq!(said, ["bound_changed A: clients servers", "schema_removed B: neither", "schema_added C: neither"]);
}
