//! Documents that are accepted although typify or progenitor would refuse them unchanged: their surface and report.

use super::documents::{FINE, api, generate, operation};
use super::golden;

/// Surface and report of a document that is accepted.
fn made(text: &str) -> String {
    let generated = generate(&[("api.yaml", text)]).unwrap_or_else(|error| panic!("{error}"));
    let operations = generated.surface.split_once("\n\n").map_or("", |(_, rest)| rest);
    format!("{}\n\nreported:\n{}", operations.trim_end(), generated.report)
}

#[test]
fn each_quirk_is_carried_and_reported() {
    let schemas = "components: { schemas: { A: { type: object }, B: { type: object }, E: { type: object } } }";
    let responses = |text: &str| format!("{}{schemas}", operation("get", &format!("responses: {{ {text} }}")));
    let json = |name: &str| {
        format!(
            "description: d, content: {{ application/json: {{ schema: {{ $ref: '#/components/schemas/{name}' }} }} }}"
        )
    };
    let body =
        |text: &str| operation("post", &format!("requestBody: {{ required: true, content: {{ {text} }} }}, {FINE}"));
    let schema = |text: &str| {
        api(
            &format!("/a: {{ get: {{ operationId: op, {FINE} }} }}"),
            &format!("components: {{ schemas: {{ A: {text} }} }}"),
        )
    };
    let cases = [
        ("default-beside-200", responses(&format!("'200': {{ {} }}, default: {{ {} }}", json("A"), json("E")))),
        ("successes-that-differ", responses(&format!("'200': {{ {} }}, '202': {{ {} }}", json("A"), json("B")))),
        ("successes-of-one-type", responses(&format!("'200': {{ {} }}, '202': {{ {} }}", json("A"), json("A")))),
        (
            "success-with-and-without-body",
            responses(&format!("'200': {{ {} }}, '204': {{ description: d }}", json("A"))),
        ),
        (
            "error-with-and-without-body",
            responses(&format!("'204': {{ description: d }}, '400': {{ description: d }}, '500': {{ {} }}", json("E"))),
        ),
        (
            "errors-that-differ",
            responses(&format!("'204': {{ description: d }}, '400': {{ {} }}, '500': {{ {} }}", json("A"), json("E"))),
        ),
        ("a-redirect", responses("'200': { description: d }, '303': { description: d }")),
        (
            "json-or-a-stream",
            responses(
                "'200': { description: d, content: { application/json: { schema: {} }, text/event-stream: { schema: { type: string } } } }",
            ),
        ),
        (
            "two-request-media",
            body("text/plain: { schema: { type: string } }, application/json: { schema: { type: integer } }"),
        ),
        (
            "a-schema-in-place",
            body(
                "application/json: { schema: { type: array, items: { type: object, properties: { a: { type: string } } } } }",
            ),
        ),
        ("not", schema("{ not: { type: string } }")),
        ("an-object-with-a-format", schema("{ type: object, format: special }")),
        (
            "names-of-properties",
            schema("{ type: object, additionalProperties: true, x-property-names: { pattern: '^a' } }"),
        ),
        ("callbacks", operation("post", &format!("callbacks: {{ c: {{}} }}, {FINE}"))),
        (
            "a-header-that-is-not-a-parameter",
            operation(
                "get",
                &format!("parameters: [{{ name: Authorization, in: header, schema: {{ type: string }} }}], {FINE}"),
            ),
        ),
        ("properties-without-a-type", schema("{ properties: { a: { type: string } }, required: [a] }")),
        ("recursion", schema("{ type: object, properties: { a: { $ref: '#/components/schemas/A' } } }")),
        ("optional-security", operation("get", &format!("security: [{{}}], {FINE}"))),
    ];
    let text: Vec<String> = cases.iter().map(|(name, text)| format!("== {name}\n{}", made(text))).collect();
    golden("rewrites", &text.join("\n"));
}

/// Only the code of this crate: the code of typify and progenitor has its own tests.
#[test]
fn the_trait_and_its_glue() {
    let text = operation(
        "post",
        &format!("description: Does it., parameters: [{{ name: q, in: query, schema: {{ type: integer }} }}], {FINE}"),
    );
    let code = &generate(&[("api.yaml", &text)]).unwrap().files["api.rs"];
    let (_, ours) = code.split_once("/// The request of `op`").unwrap();
    let (ours, _) = ours.split_once("/// What a client needs").unwrap();
    golden("code", &format!("/// The request of `op`{ours}"));
}

#[test]
fn a_document_of_many_quirks() {
    let text = include_str!("../quirks.yaml");
    let generated = generate(&[("api.yaml", text)]).unwrap();
    golden("quirks-surface", &generated.surface);
    golden("quirks-report", &generated.report.to_string());
    golden("quirks-words", &generated.words);
}

#[test]
fn the_documents_that_are_served_say_the_same_in_both_forms() {
    let text = include_str!("../quirks.yaml");
    let overlay = "overlay: 1.0.0\nactions: [{ target: $.info, update: { x-note: \"a: 'b' # c\", version: '1.0', x-no: 'no', x-null: 'null' } }]";
    let files = generate(&[("api.yaml", text), ("api.overlay.yaml", overlay)]).unwrap().files;
    for kind in ["owner", "full"] {
        let json: serde_json::Value = serde_json::from_str(&files[&format!("api.{kind}.json")]).unwrap();
        let yaml: serde_json::Value = serde_saphyr::from_str(&files[&format!("api.{kind}.yaml")]).unwrap();
        assert_eq!(json, yaml);
        assert_eq!(json["info"].get("x-note").is_some(), kind == "full");
    }
}

#[test]
fn the_same_document_makes_the_same_code() {
    let text = include_str!("../quirks.yaml");
    let once = generate(&[("api.yaml", text)]).unwrap().files;
    assert_eq!(once, generate(&[("api.yaml", text)]).unwrap().files);
}
