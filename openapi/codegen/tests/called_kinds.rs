//! Calls the code that is generated from `kinds.yaml`: what a type has or lacks, over a real socket, valid and not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Plain;
use crate::host::{self, Caller, Fault, Head, Operation, Reply, Settings};
use crate::kinds::{types::*, *};

/// Returns its input.
struct Echo;

impl Kinds for Echo {
    type Refusal = Problem;

    async fn admit(&self, head: &Head, _: &'static Operation) -> Result<Caller, Fault> {
        Ok(head.anonymous())
    }

    fn refusal(&self, fault: Fault) -> Problem {
        Problem::new(fault.status(), No { detail: fault.to_string() })
    }

    fn problem(&self, _: &Caller, refusal: Problem) -> Problem {
        refusal
    }

    async fn make_key(&self, _: &Caller, request: MakeKeyRequest) -> Result<Reply<MakeKeyOk>, Problem> {
        Ok(MakeKeyOk::Created(Key { id: Some(7), secret: None, ..request.body }).into())
    }

    async fn add_animal(&self, _: &Caller, request: AddAnimalRequest) -> Result<Reply<AddAnimalOk>, Problem> {
        Ok(AddAnimalOk::Ok(request.body).into())
    }

    async fn put_shirt(&self, _: &Caller, request: PutShirtRequest) -> Result<Reply<PutShirtOk>, Problem> {
        assert_eq!(request.size, request.body.size);
        assert_eq!(request.fit, Some(PutShirtFit::Value0Point5));
        Ok(PutShirtOk::Ok(request.body).into())
    }

    async fn change_note(&self, _: &Caller, request: ChangeNoteRequest) -> Result<Reply<ChangeNoteOk>, Problem> {
        Ok(ChangeNoteOk::Ok(request.body).into())
    }
}

struct Fixture {
    server: host::Server,
    base: String,
    client: client::Client,
}

fn start() -> Fixture {
    let log = slog::Logger::root(slog::Discard, slog::o!());
    let server = api(Arc::new(Echo), Settings::default()).serve(([127, 0, 0, 1], 0).into(), log).unwrap();
    let base = format!("http://{}", server.local_addr());
    let client = client::Client::new_with_client(&base, reqwest::Client::new(), Plain::shared());
    Fixture { server, base, client }
}

impl Fixture {
    async fn end(self) {
        assert_eq!(self.server.close(Duration::from_secs(10)).await, host::Closed::Clean);
    }

    /// Status and body of the answer to JSON.
    async fn raw(&self, method: http::Method, path: &str, body: &Value) -> (u16, Value) {
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.base)).json(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }
}

#[tokio::test]
async fn each_direction_lacks_what_the_other_sets() {
    let fixture = start();
    let key = Key { id: None, name: "n".into(), secret: Some("s".into()) };
    let made = fixture.client.make_key(&key).await.unwrap().into_inner();
    assert_eq!(made, Key { id: Some(7), name: "n".into(), secret: None });
    let checker = host::Checker::new(&DOCUMENT).unwrap();
    let answered = |body: Value| checker.check("makeKey", 201, Some("application/json"), body.to_string().as_bytes());
    assert_eq!(answered(json!({ "id": 7, "name": "n" })), Ok("201"));
    assert!(answered(json!({ "name": "n" })).unwrap_err().contains("/id"), "a response has it");
    let (status, body) = fixture.raw(http::Method::POST, "/keys", &json!({ "id": 1, "name": "n" })).await;
    assert!(status == 400 && body["detail"].as_str().unwrap().contains("/secret"), "a request has it: {body}");
    fixture.end().await;
}

#[tokio::test]
async fn a_child_comes_back_with_all_that_it_has() {
    let fixture = start();
    let cat = json!({ "kind": "cat", "name": "Tom", "purrs": true, "prey": { "kind": "mouse", "name": "Jerry" } });
    let lion = json!({ "kind": "lion", "name": "Leo", "purrs": false, "roar": 3 });
    let mouse = json!({ "kind": "mouse", "name": "Jerry" });
    for (value, wanted) in [(&cat, "Cat"), (&lion, "Lion"), (&mouse, "AnimalBase")] {
        let animal: Animal = serde_json::from_value(value.clone()).unwrap();
        assert!(format!("{animal:?}").starts_with(wanted), "{animal:?}");
        let back = fixture.client.add_animal(&animal).await.unwrap().into_inner();
        assert_eq!(serde_json::to_value(back).unwrap(), *value);
    }
    for (wrong, named) in [
        (json!({ "kind": "cat", "name": "Tom" }), "/purrs"),
        (json!({ "kind": "lion", "name": "Leo", "purrs": true, "roar": 0 }), "/roar"),
        (json!({ "kind": "cat", "name": "Tom", "purrs": true, "prey": { "kind": "lion", "name": "Leo" } }), "/prey"),
        (json!({ "name": "x" }), "/kind"),
    ] {
        let (status, body) = fixture.raw(http::Method::POST, "/animals", &wrong).await;
        assert!(status == 400 && body["detail"].as_str().unwrap().contains(named), "{wrong}: {status} {body}");
    }
    fixture.end().await;
}

#[tokio::test]
async fn enums_of_numbers_are_numbers() {
    let fixture = start();
    let body = Shirt { size: Size::ValueMinus1, spare: Size::Value40, version: Some(ShirtVersion::Value2), sold: None };
    assert_eq!(serde_json::to_value(&body).unwrap(), json!({ "size": -1, "spare": 40, "version": 2 }));
    let request = PutShirtRequest { size: Size::ValueMinus1, fit: Some(PutShirtFit::Value0Point5), body: body.clone() };
    assert_eq!(request.send(&fixture.client).await.unwrap().into_inner(), body);
    let read = |value: Value| serde_json::from_value::<Shirt>(value);
    assert_eq!(read(json!({ "size": 38 })).unwrap().spare, Size::Value40, "the default");
    assert_eq!(read(json!({ "size": 38, "sold": true })).unwrap().sold, Some(ShirtSold::True));
    for wrong in [json!({ "size": 39 }), json!({ "size": "38" }), json!({ "size": 38, "sold": false })] {
        assert!(read(wrong.clone()).is_err(), "{wrong}");
        let (status, _) = fixture.raw(http::Method::PUT, "/shirts/38?fit=0.5", &wrong).await;
        assert_eq!(status, 400, "{wrong}");
    }
    assert_eq!(fixture.raw(http::Method::PUT, "/shirts/39", &json!({ "size": 38 })).await.0, 400);
    assert_eq!(("38".parse::<Size>().ok(), Size::Value38.to_string().as_str()), (Some(Size::Value38), "38"));
    let schema = serde_json::to_value(schemars::schema_for!(Size)).unwrap();
    assert_eq!((&schema["type"], &schema["enum"]), (&json!("integer"), &json!([-1, 38, 40])));
    fixture.end().await;
}

#[tokio::test]
async fn null_and_absent_are_distinct() {
    let fixture = start();
    let nulls = json!({ "text": null, "due": null, "size": null, "tags": null, "colour": null, "any": null });
    let full = json!({
        "text": "t", "due": "2026-11-22T00:00:00Z", "size": 38, "tags": [], "colour": "red", "any": { "a": 1 },
        "shape": { "form": "Square", "side": 2 },
    });
    for value in [json!({}), nulls.clone(), full, json!({ "text": null })] {
        let note: Note = serde_json::from_value(value.clone()).unwrap();
        let back = fixture.client.change_note(&note).await.unwrap().into_inner();
        assert_eq!(serde_json::to_value(back).unwrap(), value);
    }
    let note: Note = serde_json::from_value(nulls).unwrap();
    assert_eq!((note.text, note.any), (Some(None), Some(Value::Null)));
    for wrong in [json!({ "text": 1 }), json!({ "shape": { "form": "Cube" } }), json!({ "shape": { "radius": 1 } })] {
        assert_eq!(fixture.raw(http::Method::PATCH, "/notes", &wrong).await.0, 400, "{wrong}");
    }
    fixture.end().await;
}
