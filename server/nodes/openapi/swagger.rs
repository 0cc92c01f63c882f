//! Converts a document of version 2.0 (Swagger) to version 3.0.

use serde_json::{Map, Value, json};

/// The keywords of a parameter or header of version 2.0 that are its schema.
const SCHEMA: [&str; 18] = [
    "type",
    "format",
    "items",
    "default",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "enum",
    "multipleOf",
    "x-nullable",
    "x-example",
];
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];
/// How many references in a row are followed.
const REFERENCES_MAX: usize = 16;

/// The same document in version 3.0. Parts that cannot be read are left out.
pub(super) fn converted(root: Value) -> Value {
    let mut new = json!({ "openapi": "3.0.3", "info": root["info"], "servers": servers(&root) });
    let mut paths = Map::new();
    for (path, item) in members(&root["paths"]) {
        paths.insert(path.clone(), path_item(&root, item));
    }
    new["paths"] = Value::Object(paths);
    let mut schemas: Map<String, Value> = Map::new();
    for (name, schema) in members(&root["definitions"]) {
        schemas.insert(name.clone(), self::schema(schema));
    }
    let schemes = members(&root["securityDefinitions"]).map(|(name, one)| (name.clone(), scheme(one)));
    new["components"] = json!({ "schemas": schemas, "securitySchemes": schemes.collect::<Map<_, _>>() });
    if let Some(security) = root.get("security") {
        new["security"] = security.clone();
    }
    new
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn servers(root: &Value) -> Value {
    let base = root["basePath"].as_str().unwrap_or("/");
    let Some(host) = root["host"].as_str() else { return json!([{ "url": base }]) };
    let listed: Vec<&str> = root["schemes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let scheme = if listed.contains(&"https") || !listed.contains(&"http") { "https" } else { "http" };
    json!([{ "url": format!("{scheme}://{host}{base}") }])
}

fn resolved<'a>(root: &'a Value, part: &'a Value) -> &'a Value {
    let mut part = part;
    for _ in 0..REFERENCES_MAX {
        let target = part.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        match target.and_then(|pointer| root.pointer(&runyard_openapi_normal::decoded(pointer))) {
            Some(found) => part = found,
            None => break,
        }
    }
    part
}

fn path_item(root: &Value, item: &Value) -> Value {
    let item = resolved(root, item);
    let shared: Vec<&Value> =
        item["parameters"].as_array().into_iter().flatten().map(|one| resolved(root, one)).collect();
    let mut new = Map::new();
    for method in METHODS {
        if let Some(operation) = item.get(method) {
            new.insert(method.to_owned(), self::operation(root, operation, &shared));
        }
    }
    Value::Object(new)
}

fn operation(root: &Value, operation: &Value, shared: &[&Value]) -> Value {
    let mut new = Map::new();
    for key in ["operationId", "summary", "description", "tags", "deprecated", "security"] {
        if let Some(value) = operation.get(key) {
            new.insert(key.to_owned(), value.clone());
        }
    }
    let own: Vec<&Value> =
        operation["parameters"].as_array().into_iter().flatten().map(|one| resolved(root, one)).collect();
    let is_overridden = |one: &Value| own.iter().any(|other| other["name"] == one["name"] && other["in"] == one["in"]);
    let all: Vec<&Value> =
        shared.iter().copied().filter(|one| !is_overridden(one)).chain(own.iter().copied()).collect();
    let consumes = media_types(root, operation, "consumes");
    let sent: Vec<Value> = all
        .iter()
        .filter(|one| !matches!(one["in"].as_str(), Some("body" | "formData")))
        .map(|one| parameter(one))
        .collect();
    new.insert("parameters".to_owned(), Value::Array(sent));
    let form: Vec<&Value> = all.iter().copied().filter(|one| one["in"] == "formData").collect();
    if let Some(body) = all.iter().find(|one| one["in"] == "body") {
        let types = if consumes.is_empty() { vec!["application/json".to_owned()] } else { consumes };
        let schema = schema(&body["schema"]);
        let content: Map<_, _> = types.into_iter().map(|name| (name, json!({ "schema": schema }))).collect();
        let required = body["required"].as_bool().unwrap_or(false);
        new.insert(
            "requestBody".to_owned(),
            json!({ "required": required, "content": content, "description": body["description"] }),
        );
    } else if !form.is_empty() {
        new.insert("requestBody".to_owned(), form_body(&form, &consumes));
    }
    let produces = media_types(root, operation, "produces");
    let mut responses = Map::new();
    for (status, response) in members(&operation["responses"]) {
        responses.insert(status.clone(), self::response(resolved(root, response), &produces));
    }
    new.insert("responses".to_owned(), Value::Object(responses));
    Value::Object(new)
}

fn media_types(root: &Value, operation: &Value, key: &str) -> Vec<String> {
    let listed = operation.get(key).or_else(|| root.get(key)).and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn parameter(one: &Value) -> Value {
    let place = one["in"].as_str().unwrap_or_default();
    let mut new = Map::new();
    for key in ["name", "in", "description", "required", "allowEmptyValue"] {
        if let Some(value) = one.get(key) {
            new.insert(key.to_owned(), value.clone());
        }
    }
    new.insert("schema".to_owned(), own_schema(one));
    if let Some((style, explode)) = style(one, place) {
        new.insert("style".to_owned(), json!(style));
        new.insert("explode".to_owned(), json!(explode));
    }
    Value::Object(new)
}

/// The style of a list's `collectionFormat`.
fn style(one: &Value, place: &str) -> Option<(&'static str, bool)> {
    if one["type"] != "array" {
        return None;
    }
    let plain = if matches!(place, "path" | "header") { "simple" } else { "form" };
    Some(match one["collectionFormat"].as_str() {
        Some("ssv") => ("spaceDelimited", false),
        Some("tsv") => ("tabDelimited", false),
        Some("pipes") => ("pipeDelimited", false),
        Some("multi") => ("form", true),
        _ => (plain, false),
    })
}

fn own_schema(one: &Value) -> Value {
    let own = members(one).filter(|(key, _)| SCHEMA.contains(&key.as_str()));
    schema(&Value::Object(own.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

fn form_body(form: &[&Value], consumes: &[String]) -> Value {
    let has_file = form.iter().any(|one| one["type"] == "file");
    let is_multipart = has_file
        || consumes.iter().any(|name| name == "multipart/form-data")
            && !consumes.iter().any(|name| name == "application/x-www-form-urlencoded");
    let kind = if is_multipart { "multipart/form-data" } else { "application/x-www-form-urlencoded" };
    let (mut properties, mut required, mut encoding) = (Map::new(), Vec::new(), Map::new());
    for one in form {
        let Some(name) = one["name"].as_str() else { continue };
        let mut property = own_schema(one);
        if let (Some(text), Some(fields)) = (one.get("description"), property.as_object_mut()) {
            fields.insert("description".to_owned(), text.clone());
        }
        properties.insert(name.to_owned(), property);
        if one["required"] == true {
            required.push(json!(name));
        }
        if let Some((style, explode)) = style(one, "formData") {
            encoding.insert(name.to_owned(), json!({ "style": style, "explode": explode }));
        }
    }
    let is_required = !required.is_empty();
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    json!({ "required": is_required, "content": { kind: { "schema": schema, "encoding": encoding } } })
}

fn response(one: &Value, produces: &[String]) -> Value {
    let mut new = json!({ "description": one["description"] });
    if let Some(written) = one.get("schema") {
        let types = if produces.is_empty() { vec!["application/json".to_owned()] } else { produces.to_vec() };
        let schema = schema(written);
        let content: Map<_, _> = types.into_iter().map(|name| (name, json!({ "schema": schema }))).collect();
        new["content"] = Value::Object(content);
    }
    let header = |(name, header): (&String, &Value)| {
        (name.clone(), json!({ "description": header["description"], "schema": own_schema(header) }))
    };
    let headers: Map<_, _> = members(&one["headers"]).map(header).collect();
    if !headers.is_empty() {
        new["headers"] = Value::Object(headers);
    }
    new
}

fn scheme(one: &Value) -> Value {
    match one["type"].as_str() {
        Some("basic") => json!({ "type": "http", "scheme": "basic" }),
        Some("oauth2") => json!({ "type": "oauth2", "flows": {} }),
        _ => one.clone(),
    }
}

/// A schema of version 2.0 with the words of 3.0.
fn schema(written: &Value) -> Value {
    let mut new = written.clone();
    convert(&mut new);
    new
}

fn convert(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    if let Some(Value::String(reference)) = fields.get_mut("$ref")
        && let Some(name) = reference.strip_prefix("#/definitions/")
    {
        *reference = format!("#/components/schemas/{name}");
    }
    if fields.get("type").is_some_and(|kind| kind == "file") {
        fields.insert("type".to_owned(), json!("string"));
        fields.insert("format".to_owned(), json!("binary"));
    }
    if let Some(nullable) = fields.shift_remove("x-nullable") {
        fields.insert("nullable".to_owned(), nullable);
    }
    if let Some(name) = fields.get("discriminator").filter(|name| name.is_string()).cloned() {
        fields.insert("discriminator".to_owned(), json!({ "propertyName": name }));
    }
    runyard_openapi_normal::each_child(schema, "", &mut |_, child| convert(child));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_place_in_version_3() {
        let new = converted(json!({
            "swagger": "2.0", "host": "desk.example.org", "basePath": "/v1", "schemes": ["http", "https"],
            "consumes": ["application/json"], "produces": ["application/json"],
            "parameters": { "Page": { "name": "page", "in": "query", "type": "integer", "x-nullable": true } },
            "definitions": { "A": { "type": "object", "properties": { "b": { "$ref": "#/definitions/B" } } }, "B": {} },
            "securityDefinitions": { "b": { "type": "basic" }, "k": { "type": "apiKey", "in": "query", "name": "key" } },
            "security": [{ "b": [] }],
            "paths": { "/a/{id}": {
                "parameters": [{ "name": "id", "in": "path", "required": true, "type": "string" }, { "$ref": "#/parameters/Page" }],
                "get": {
                    "operationId": "get", "responses": { "200": { "schema": { "$ref": "#/definitions/A" }, "headers": { "x-a": { "type": "integer" } } } },
                    "parameters": [{ "name": "t", "in": "query", "type": "array", "items": { "type": "string" }, "collectionFormat": "pipes" }],
                },
                "post": { "parameters": [{ "name": "x", "in": "body", "required": true, "schema": { "$ref": "#/definitions/A" } }] },
                "put": { "parameters": [{ "name": "f", "in": "formData", "type": "file", "required": true }] },
            } },
        }));
        assert_eq!(new["servers"][0]["url"], "https://desk.example.org/v1");
        let item = &new["paths"]["/a/{id}"];
        let names: Vec<_> = item["get"]["parameters"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(names, ["id", "page", "t"]);
        assert_eq!(item["get"]["parameters"][1]["schema"], json!({ "type": "integer", "nullable": true }));
        assert_eq!(item["get"]["parameters"][2]["style"], "pipeDelimited");
        let ok = &item["get"]["responses"]["200"];
        assert_eq!(ok["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/A");
        assert_eq!(ok["headers"]["x-a"]["schema"]["type"], "integer");
        assert_eq!(item["post"]["requestBody"]["required"], true);
        let file = &item["put"]["requestBody"]["content"]["multipart/form-data"]["schema"];
        assert_eq!(file["properties"]["f"], json!({ "type": "string", "format": "binary" }));
        assert_eq!(new["components"]["schemas"]["A"]["properties"]["b"]["$ref"], "#/components/schemas/B");
        assert_eq!(new["components"]["securitySchemes"]["b"], json!({ "type": "http", "scheme": "basic" }));
    }
}
