//! The refusals and their messages: one line per reason, all in one golden.

use std::fmt::Write as _;

use super::documents::{FINE, api, generate, operation};
use super::golden;

fn refused(what: &str, files: &[(&str, &str)], lines: &mut String) {
    match generate(files) {
        Ok(_) => panic!("{what}: was not refused"),
        Err(error) => writeln!(lines, "{what}\n    {error}").unwrap(),
    }
}

#[test]
fn what_cannot_be_carried_is_refused_by_name() {
    let parameter = |text: &str| operation("get", &format!("parameters: [{text}], {FINE}"));
    let body = |text: &str| operation("post", &format!("requestBody: {{ content: {{ {text} }} }}, {FINE}"));
    let responses = |text: &str| operation("get", &format!("responses: {{ {text} }}"));
    let schema = |text: &str| {
        api(
            &format!("/a: {{ get: {{ operationId: op, {FINE} }} }}"),
            &format!("components: {{ schemas: {{ A: {text} }} }}"),
        )
    };
    let two = |one: &str, other: &str| {
        let post = |id: &str| format!("{{ post: {{ operationId: {id}, {FINE} }} }}");
        format!("{}  {other}: {}\n", api(&format!("{one}: {}", post("one")), ""), post("other"))
    };
    let parameterised = |path: &str, name: &str| {
        api(
            &format!(
                "'{path}': {{ get: {{ operationId: op, parameters: [{{ name: {name}, in: path, required: true, schema: {{}} }}], {FINE} }} }}"
            ),
            "",
        )
    };
    let cases = [
        ("Swagger 2", operation("get", FINE).replace("3.0.3", "2.0")),
        ("no version", "info: {}".to_owned()),
        ("no operations", "openapi: 3.0.3\npaths: {}".to_owned()),
        ("a list of types", schema("{ type: [string, 'null'] }")),
        (
            "a list of types inside an operation",
            parameter("{ name: q, in: query, schema: { type: [string, 'null'] } }"),
        ),
        ("a numeric exclusive bound", schema("{ type: integer, exclusiveMinimum: 3 }")),
        ("a keyword of later drafts", schema("{ type: object, properties: { b: { const: 3 } } }")),
        ("lost names", schema("{ type: object, patternProperties: { '^x': {} } }")),
        ("no schema", schema("true")),
        ("a type that does not exist", schema("{ type: text }")),
        ("a bound without a type", schema("{ minimum: 3 }")),
        ("a list of nothing", schema("{ type: array }")),
        ("a value of another type", schema("{ type: string, enum: [a, 3] }")),
        ("a default of another type", schema("{ type: integer, default: x }")),
        (
            "other methods",
            api(&format!("/a: {{ query: {{ operationId: q, {FINE} }}, additionalOperations: {{ COPY: {{ operationId: c, {FINE} }} }} }}"), "")
                .replace("3.0.3", "3.2.0"),
        ),
        ("no operationId", api(&format!("/a: {{ get: {{ {FINE} }} }}"), "")),
        ("an operationId twice", two("/a", "/b").replace("operationId: other", "operationId: One")),
        ("a header name that is not valid", parameter("{ name: 'a b', in: header, schema: {} }")),
        ("an undeclared path parameter", api(&format!("'/a/{{b}}': {{ get: {{ operationId: op, {FINE} }} }}"), "")),
        ("a stray path parameter", parameter("{ name: b, in: path, required: true, schema: {} }")),
        ("a body with GET", body("application/json: { schema: {} }").replace("post:", "get:")),
        ("routes that collide", two("'/a/{b}'", "'/a/{c}'")),
        ("routes that are one with the same verb", two("'/a/{b}:go'", "'/a/{c}:go'")),
        ("two parameters with nothing between them", parameterised("/a/{b}{b}", "b")),
        ("a path without a slash", parameterised("a/{b}", "b")),
        ("a path item elsewhere", api("/a: { $ref: 'other.yaml' }", "")),
        ("a dangling reference", responses("'200': { $ref: '#/components/responses/Gone' }")),
        ("a dangling reference in a schema", schema("{ $ref: '#/components/schemas/Gone' }")),
        ("a reference in a circle", schema("{ $ref: '#/components/schemas/A' }")),
        ("a reference to no component", responses("'200': { $ref: '#/paths/~1a' }")),
        (
            "a reference to the network",
            responses("'200': { $ref: 'https://example.org/a.yaml#/components/responses/A' }"),
        ),
        ("a reference to a missing file", responses("'200': { $ref: 'gone.yaml#/components/responses/A' }")),
        ("a matrix parameter", parameter("{ name: q, in: query, style: matrix, schema: { type: string } }")),
        ("only an upgrade", responses("'101': { description: d }")),
        ("a status that is not valid", responses("'2000': { description: d }")),
        ("a path with a query", api(&format!("'/a?b=c': {{ get: {{ operationId: op, {FINE} }} }}"), "")),
        (
            "several things at once",
            api(
                &format!(
                    "/a: {{ get: {{ {FINE} }}, put: {{ operationId: op, responses: {{ '101': {{ description: d }} }} }} }}"
                ),
                "components: { schemas: { A: { type: text }, B: { type: array } } }",
            ),
        ),
        ("not YAML", "a: [".to_owned()),
        ("a key twice", "openapi: 3.0.3\nopenapi: 3.0.3".to_owned()),
        ("not a mapping", "- a".to_owned()),
    ];
    let mut lines = String::new();
    for (what, text) in &cases {
        refused(what, &[("api.yaml", text)], &mut lines);
    }
    golden("refusals", &lines);
}

#[test]
fn what_does_not_fit_together_is_refused_by_name() {
    let document = api(
        &format!("/a: {{ get: {{ operationId: op, {FINE} }} }}"),
        "components: { schemas: { A: { $ref: 'shared.yaml#/components/schemas/B' }, C: { type: string } } }",
    );
    let shared = "components: { schemas: { B: { type: object, properties: { c: { $ref: '#/components/schemas/C' } } }, C: { type: integer } } }";
    let fine = shared.replace("c: { $ref: '#/components/schemas/C' }", "d: { type: string }");
    let overlay = |actions: &str| format!("overlay: 1.0.0\nactions: [{actions}]");
    let mut lines = String::new();
    let asked = api(
        "/a: { get: { operationId: op, responses: { default: { $ref: 'shared.yaml#/components/responses/Gone' } } } }",
        "",
    );
    refused("an operation asks for what is not there", &[("api.yaml", &asked), ("shared.yaml", &fine)], &mut lines);
    let mut with = |what: &str, shared: &str, overlay: &str| {
        refused(what, &[("api.yaml", &document), ("shared.yaml", shared), ("api.overlay.yaml", overlay)], &mut lines);
    };
    with("two components of one name", shared, &overlay(""));
    with("a component that is not there", "components: {}", &overlay(""));
    with(
        "a target that matches nothing",
        &fine,
        &overlay("{ target: $.paths, update: {} }, { target: \"$.paths['/b']\", update: {} }"),
    );
    with("a target that is not understood", &fine, &overlay("{ target: $..get, update: {} }"));
    with("an action that does nothing", &fine, &overlay("{ target: $.paths }"));
    with("no overlay", &fine, "actions: []");
    with(
        "a shared type changed",
        &fine,
        &overlay("{ target: $.components.schemas.B.properties, update: { e: { type: string } } }"),
    );
    with("a bound beside a reference", &fine, &overlay("{ target: $.components.schemas.A, update: { maxLength: 3 } }"));
    with(
        "what the overlay breaks",
        &fine,
        &overlay("{ target: $.paths.*.get, update: { responses: { '2000': { description: d } } } }"),
    );
    golden("refusals-together", &lines);
}
