//! Equal meanings and shared parts: minimal documents of one operation or a few.

use serde_json::{Value, json};

use super::super::{AllowList, Change, diff};
use super::{line, mirrors};

/// One operation with this schema in its request or in its response.
fn with(request: &Value, response: &Value, components: &Value) -> Value {
    json!({
        "openapi": "3.1.0",
        "paths": { "/a": { "post": {
            "operationId": "a",
            "requestBody": { "content": { "application/json": { "schema": request } } },
            "responses": { "200": { "content": { "application/json": { "schema": response } } } },
        } } },
        "components": { "schemas": components },
    })
}

fn found(old: &Value, new: &Value) -> Vec<String> {
    let changes = diff(old, new);
    mirrors(&changes, &diff(new, old));
    changes.iter().map(line).collect()
}

/// The lines for a schema that is only in a request, and only in a response.
fn changed(old: &Value, new: &Value) -> (Vec<String>, Vec<String>) {
    let any = json!({ "type": "string" });
    let none = json!({});
    (found(&with(old, &any, &none), &with(new, &any, &none)), found(&with(&any, old, &none), &with(&any, new, &none)))
}

fn same(old: &Value, new: &Value) {
    assert_eq!(changed(old, new), (vec![], vec![]), "{old} -> {new}");
}

#[test]
fn equal_schemas_are_no_change() {
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    let (a, b) = (json!({ "a": { "type": "string" } }), json!({ "b": { "type": "integer" } }));
    let both = object(json!({ "a": { "type": "string" }, "b": { "type": "integer" } }));
    same(&both, &json!({ "allOf": [object(a.clone()), object(b.clone())] }));
    same(&both, &json!({ "properties": { "a": { "type": "string" } }, "allOf": [object(b.clone())] }));
    same(
        &json!({ "oneOf": [object(a.clone()), object(b.clone())] }),
        &json!({ "oneOf": [object(b), object(a.clone())] }),
    );
    same(&object(a.clone()), &json!({ "oneOf": [object(a)] }));
    same(&json!({ "enum": ["x", "y"] }), &json!({ "oneOf": [{ "const": "x" }, { "type": "string", "enum": ["y"] }] }));
    same(&json!({ "type": ["string", "null"] }), &json!({ "oneOf": [{ "type": "null" }, { "type": "string" }] }));
    same(&json!({ "type": ["string", "integer"] }), &json!({ "anyOf": [{ "type": "integer" }, { "type": "string" }] }));
    let closed = |keyword: &str| json!({ "type": "object", "properties": {}, keyword: false });
    same(&closed("additionalProperties"), &closed("unevaluatedProperties"));
}

#[test]
fn a_component_and_its_content_are_the_same() {
    let part = json!({ "type": "object", "properties": { "x": { "enum": ["a"] } } });
    let reference = json!({ "$ref": "#/components/schemas/Part" });
    let components = json!({ "Part": part });
    assert_eq!(found(&with(&part, &part, &json!({})), &with(&reference, &reference, &components)), [""; 0]);
    // A part of a schema is no component, and may be referred to.
    let inner = json!({ "$ref": "#/components/schemas/Part/properties/x" });
    let plain = json!({ "type": "string", "enum": ["a"] });
    assert_eq!(found(&with(&plain, &part, &json!({})), &with(&inner, &reference, &components)), [""; 0]);
}

#[test]
fn keywords_beside_a_reference_count_since_3_1() {
    let components = json!({ "Text": { "type": "string" } });
    let plain = json!({ "$ref": "#/components/schemas/Text" });
    let longer = json!({ "$ref": "#/components/schemas/Text", "maxLength": 3 });
    let (old, mut new) = (with(&plain, &plain, &components), with(&longer, &plain, &components));
    assert_eq!(found(&old, &new), ["bound_added a: body application/json: clients"]);
    new["openapi"] = json!("3.0.3");
    assert_eq!(found(&old, &new), [""; 0]);
}

#[test]
fn alternatives_become_more_or_less() {
    let (text, number) = (json!({ "type": "string", "maxLength": 3 }), json!({ "type": "integer" }));
    let (request, response) = changed(&text, &json!({ "anyOf": [text, number] }));
    assert_eq!(request, ["part_added a: body application/json: servers"]);
    assert_eq!(response, ["part_added a: 200 application/json: clients"]);
    // Of exactly one, values that fit two are refused.
    let object =
        |required: &str| json!({ "type": "object", "properties": { "x": {}, "y": {} }, "required": [required] });
    let both = json!({ "type": "object", "properties": { "x": {}, "y": {} }, "required": ["x", "y"] });
    let (request, _) = changed(&both, &json!({ "oneOf": [object("x"), object("y")] }));
    assert_eq!(request, ["combination_changed a: body application/json: clients servers"]);
}

#[test]
fn what_is_only_read_is_not_in_requests() {
    let schema = |extra: Value| {
        let mut id = json!({ "type": "string", "readOnly": true });
        id.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({ "type": "object", "properties": { "id": id } })
    };
    let (request, response) = changed(&schema(json!({})), &schema(json!({ "pattern": "^x" })));
    assert_eq!(request, ["pattern_added a: body application/json.id: neither"]);
    assert_eq!(response, ["pattern_added a: 200 application/json.id: servers"]);
    let (request, response) = changed(&schema(json!({})), &schema(json!({ "readOnly": false })));
    assert_eq!(request, ["read_only_removed a: body application/json.id: servers"]);
    assert_eq!(response, ["read_only_removed a: 200 application/json.id: neither"]);
}

#[test]
fn webhooks_are_sent_by_the_server() {
    let hook = |schema: Value| {
        let body = json!({ "content": { "application/json": { "schema": schema } } });
        json!({ "openapi": "3.1.0", "webhooks": { "paid": { "post": { "requestBody": body, "responses": {} } } } })
    };
    let (old, new) = (hook(json!({ "enum": ["a"] })), hook(json!({ "enum": ["a", "b"] })));
    assert_eq!(found(&old, &new), ["enum_value_added webhook paid: body application/json: clients"]);
    let none = json!({ "openapi": "3.1.0", "paths": {} });
    assert_eq!(found(&none, &old), ["webhook_added webhook paid: servers"]);
}

/// Two operations share a parameter, a response and a schema.
fn shared() -> Value {
    let operation = |id: &str| {
        json!({
            "operationId": id,
            "parameters": [{ "$ref": "#/components/parameters/Size" }],
            "responses": { "200": { "$ref": "#/components/responses/Done" } },
        })
    };
    json!({
        "openapi": "3.0.3",
        "paths": { "/a": { "get": operation("a") }, "/b": { "get": operation("b") } },
        "components": {
            "parameters": { "Size": { "name": "size", "in": "query", "schema": { "type": "integer", "maximum": 9 } } },
            "responses": { "Done": {
                "description": "done",
                "headers": { "Age": { "schema": { "type": "integer" } } },
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Pet" } } },
            } },
            "schemas": {
                "Base": { "type": "object", "properties": { "id": { "type": "string" } } },
                "Pet": { "allOf": [{ "$ref": "#/components/schemas/Base" }, { "properties": { "name": {} } }] },
            },
        },
    })
}

#[test]
fn a_change_of_a_shared_part_is_found_once() {
    let at = |pointer: &str, value: Value| {
        let mut new = shared();
        *new.pointer_mut(pointer).unwrap() = value;
        diff(&shared(), &new)
    };
    let one = |changes: Vec<Change>| {
        assert_eq!(changes.len(), 1, "{changes:?}");
        changes[0].to_string()
    };
    assert_eq!(
        one(at("/components/parameters/Size/schema/maximum", json!(5))),
        "parameter Size: maximum changed: 9 -> 5 (in requests of a, b)"
    );
    assert_eq!(
        one(at("/components/responses/Done/headers/Age/schema/type", json!("string"))),
        "response Done header Age: type changed: integer -> string (in responses of a, b)"
    );
    let changes = at("/components/schemas/Base/properties/id/type", json!("integer"));
    assert_eq!(changes[0].pointer, "#/components/schemas/Base/properties/id/type");
    assert_eq!(changes[0].json()["operations"], 2);
    assert_eq!(one(changes), "Base.id: type changed: string -> integer (in responses of a, b)");
}

#[test]
fn a_base_path_may_move_into_the_paths() {
    let document = |server: &str, path: &str| {
        let paths = json!({ path: { "get": { "operationId": "a" } } });
        json!({ "openapi": "3.0.3", "servers": [{ "url": server }], "paths": paths })
    };
    let old = document("https://one.example/v1", "/a");
    assert_eq!(found(&old, &document("https://one.example", "/v1/a")), ["note_changed document: neither"]);
    assert_eq!(found(&old, &document("https://two.example/v1/", "/a")), ["note_changed document: neither"]);
    assert_eq!(found(&old, &document("/v2", "/a")), ["server_path_changed document: clients servers"]);
}

#[test]
fn accepted_changes_have_a_reason_and_are_reported_when_they_are_gone() {
    let changes = || {
        let mut new = shared();
        new["components"]["parameters"]["Size"]["schema"]["maximum"] = json!(5);
        new["components"]["schemas"]["Base"]["properties"]["id"]["type"] = json!("integer");
        diff(&shared(), &new)
    };
    let list = AllowList::parse(&json!([
        { "kind": "bound_changed", "place": "parameter Size", "reason": "no caller asks for more" },
        { "place": "Base.gone", "reason": "was removed" },
    ]));
    let reviewed = list.unwrap().review(changes());
    assert_eq!(reviewed.summary(), "1 change: 1 breaking for clients, 1 for servers, 0 for neither; 1 accepted");
    assert_eq!(reviewed.json()["unused"], json!(["place Base.gone"]));
    insta::assert_snapshot!(reviewed.markdown("old_1.yaml", "new.yaml"), @r"
    # From old\_1.yaml to new.yaml

    1 change: 1 breaking for clients, 1 for servers, 0 for neither; 1 accepted.

    ## Breaks clients and servers

    - Base.id: type changed: string -\> integer (in responses of a, b) (`type_changed`)

    ## Accepted

    - parameter Size: maximum changed: 9 -\> 5 (in requests of a, b). Reason: no caller asks for more

    ## Accepted, but not found

    - place Base.gone. Reason: was removed
    ");
    for (list, fault) in [
        (json!({}), "is not a list of accepted changes"),
        (json!([{ "place": "a" }]), "accepted change 1: has no `reason`"),
        (json!([{ "kind": "a", "reason": "b" }]), "accepted change 1: has neither `place` nor `pointer`"),
        (
            json!([{ "plce": "a" }]),
            "accepted change 1: `plce` is not known: it has kind, place, pointer, old, new and reason",
        ),
    ] {
        assert_eq!(AllowList::parse(&list), Err(fault.to_owned()));
    }
}
