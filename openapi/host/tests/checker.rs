//! The response checker that other crates' tests use.

use super::*;

static ANSWERED: [Operation; 1] = [Operation {
    id: "get_note",
    responses: &[
        DocumentedResponse { status: "200", media: Some("application/json"), schema: Some("/components/schemas/Note") },
        DocumentedResponse {
            status: "200",
            media: Some("text/event-stream"),
            schema: Some("/components/schemas/State"),
        },
        DocumentedResponse { status: "204", media: None, schema: None },
        DocumentedResponse {
            status: "4XX",
            media: Some("application/json"),
            schema: Some("/components/schemas/State"),
        },
        DocumentedResponse { status: "default", media: Some("application/json"), schema: None },
    ],
    ..PLAIN
}];

static WITH_ANSWERS: Document = Document { operations: &ANSWERED, ..DOCUMENT_TEXTS };

#[test]
fn answers_are_held_to_the_most_exact_promise() {
    let checker = Checker::new(&WITH_ANSWERS).unwrap();
    let json = Some("application/json; charset=utf-8");
    for (status, media, body, verdict) in [
        (200, json, "{}", Ok("200")),
        (200, json, "{\"text\": 1}", Err("get_note 200: body /text: must be string, not number")),
        (200, json, "text", Err("get_note 200: not JSON: expected ident at line 1 column 2")),
        (200, Some("text/event-stream"), "data: 1\n\n", Ok("200")),
        (200, Some("text/plain"), "text", Err("get_note 200: content type text/plain is not documented")),
        (204, None, "", Ok("204")),
        (204, None, "text", Err("get_note 204: a body where none is documented")),
        (204, json, "{}", Err("get_note 204: content type application/json; charset=utf-8 is not documented")),
        (404, json, "\"queued\"", Ok("4XX")),
        (
            404,
            json,
            "{}",
            Err("get_note 404: body: must be string, not object; body: must be one of \"queued\", \"running\""),
        ),
        (503, json, "{}", Ok("default")),
    ] {
        let checked = checker.check("get_note", status, media, body.as_bytes());
        assert_eq!(checked, verdict.map_err(str::to_owned));
    }
}

#[test]
fn what_is_not_promised_at_all_is_said() {
    let checker = Checker::new(&DOCUMENT).unwrap();
    let unknown = checker.check("nothing", 200, None, b"").unwrap_err();
    assert_eq!(unknown, "runs has no operation nothing");
    assert_eq!(checker.check("health", 200, None, b"").unwrap_err(), "health does not document status 200");
}
