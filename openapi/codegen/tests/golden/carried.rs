//! Constructs of other vendors' documents that Runyard's may not have: each one alone, in the surface of the generated
//! code.
//!
//! `called.rs` tests over `foreign.yaml` that the code compiles and works.

use super::documents::{FINE, api, generate, generate_leniently, operation};
use super::golden;

fn surface(text: &str) -> String {
    let generated = generate(&[("api.yaml", text)]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let operations = generated.surface.split_once("\n\n").map_or("", |(_, rest)| rest);
    let report = generated.report.to_string();
    format!("{}\n{}", operations.trim_end(), if report.is_empty() { report } else { format!("reported:\n{report}") })
}

#[test]
fn forms_of_other_vendors_are_carried() {
    let parameter = |text: &str| operation("get", &format!("parameters: [{text}], {FINE}"));
    let body = |text: &str| operation("post", &format!("requestBody: {{ content: {{ {text} }} }}, {FINE}"));
    let responses = |text: &str| operation("get", &format!("responses: {{ {text} }}"));
    let object = "{ type: object, properties: { a: { type: string } } }";
    let cases = [
        ("an object in the query", parameter(&format!("{{ name: q, in: query, schema: {object} }}"))),
        ("deepObject", parameter(&format!("{{ name: q, in: query, style: deepObject, schema: {object} }}"))),
        (
            "commas",
            parameter("{ name: q, in: query, explode: false, schema: { type: array, items: { type: string } } }"),
        ),
        ("a list in a header", parameter("{ name: q, in: header, schema: { type: array, items: { type: string } } }")),
        ("a cookie", parameter("{ name: sid, in: cookie, schema: { type: string } }")),
        (
            "JSON in a parameter",
            parameter(&format!("{{ name: q, in: query, content: {{ application/json: {{ schema: {object} }} }} }}")),
        ),
        (
            "null in a parameter",
            parameter("{ name: q, in: query, schema: { type: array, nullable: true, items: { type: string } } }"),
        ),
        (
            "two parameters of one Rust name",
            parameter("{ name: a-b, in: query, schema: {} }, { name: a_b, in: query, schema: {} }"),
        ),
        ("a parameter called body", parameter("{ name: body, in: query, schema: {} }")),
        ("a form", body(&format!("application/x-www-form-urlencoded: {{ schema: {object} }}"))),
        ("a form with files", body(&format!("multipart/form-data: {{ schema: {object} }}"))),
        ("bytes", body("application/octet-stream: { schema: { type: string, format: binary } }")),
        ("text", body("text/plain: { schema: { type: string } }")),
        ("JSON by another name", body(&format!("application/merge-patch+json: {{ schema: {object} }}"))),
        ("a body without a schema", body("application/json: {}")),
        ("an answer without a schema", responses("'200': { description: d, content: { application/json: {} } }")),
        ("only a default", responses("default: { description: d }")),
        ("only errors", responses("'400': { description: d }")),
        ("a range of successes", responses("2XX: { description: d }")),
        ("a status that is not registered", responses("'299': { description: d }, '499': { description: d }")),
        (
            "two JSON bodies",
            responses(&format!(
                "'200': {{ description: d, content: {{ application/json: {{ schema: {object} }}, application/vnd.a+json: {{ schema: {{ type: string }} }} }} }}"
            )),
        ),
        (
            "any medium",
            responses(&format!("'200': {{ description: d, content: {{ '*/*': {{ schema: {object} }} }} }}")),
        ),
        ("a reserved operationId", operation("get", FINE).replace("operationId: op", "operationId: admit")),
        ("a whole document of 3.1", THIRTY_ONE.to_owned()),
    ];
    let text: Vec<String> = cases.iter().map(|(name, text)| format!("== {name}\n{}", surface(text))).collect();
    golden("carried", &text.join("\n"));
}

/// Everything in which 3.1 differs from 3.0.
const THIRTY_ONE: &str = "
openapi: 3.1.0
info: { title: Later, version: '1' }
jsonSchemaDialect: https://json-schema.org/draft/2020-12/schema
paths:
  /a: { $ref: '#/components/pathItems/A' }
webhooks:
  named: { post: { responses: { '200': { description: d } } } }
components:
  pathItems:
    A:
      get:
        operationId: op
        parameters: [{ name: q, in: query, schema: { type: [string, 'null'] } }]
        responses:
          '200': { description: d, content: { application/json: { schema: { $ref: '#/components/schemas/All' } } } }
  schemas:
    Named: { type: string, minLength: 1 }
    All:
      type: object
      $defs: { inner: { type: integer } }
      properties:
        nullable: { type: [string, 'null'] }
        either: { type: [string, integer] }
        reference: { anyOf: [{ $ref: '#/components/schemas/Named' }, { type: 'null' }] }
        sibling: { $ref: '#/components/schemas/Named', description: d, maxLength: 3 }
        constant: { const: a }
        nothing: { type: 'null' }
        above: { type: integer, exclusiveMinimum: 3 }
        pair: { type: array, prefixItems: [{ type: string }, { type: integer }], items: false }
        inner: { $ref: '#/components/schemas/All/$defs/inner' }
        bytes: { type: string, contentEncoding: base64 }
        open: true
        never: false
        keyed: { type: object, patternProperties: { '^x': { type: string } } }
        list: { type: array }
";

/// Two names that are equal in Rust become two types, and a nested type is not confused with a third.
#[test]
fn names_that_clash_are_changed() {
    let schemas = "components: { schemas: { a-b: { type: string }, a_b: { type: string }, Box: { type: object }, \
                   Request: { type: object, properties: { status: { type: string, enum: [x] }, self: {}, Self: {}, gen: {} } }, \
                   RequestStatus: { type: string, enum: [y] } } }";
    let text = api(&format!("/a: {{ get: {{ operationId: op, {FINE} }} }}"), schemas);
    let generated = generate(&[("api.yaml", &text)]).unwrap();
    let code = &generated.files["api.rs"];
    for declared in ["struct AB(", "struct AB2(", "struct BoxSchema(", "enum RequestStatus {", "enum RequestStatus2 {"]
    {
        assert!(code.contains(&format!("pub {declared}")), "{declared}\n{}", generated.report);
    }
    for field in ["pub self_:", "pub self_2:", "pub gen_:"] {
        assert!(code.contains(field), "{field}");
    }
}

/// Without `strict`, an unsupported operation is left out, and the others are generated.
#[test]
fn one_operation_that_cannot_be_carried_does_not_cost_the_others() {
    let text = api(
        "/a: { get: { operationId: ws, responses: { '101': { description: d } } }, put: { responses: { '204': { description: d } } } }",
        "components: { schemas: { A: { type: text } } }",
    );
    assert!(generate(&[("api.yaml", &text)]).is_err(), "a strict generator");
    let generated = generate_leniently(&text).unwrap();
    assert_eq!(generated.operations, 1);
    golden("left-out", &generated.report.to_string());
}
