//! Calls the code that is generated from `quirks.yaml`: generated client, real socket, host, generated glue code,
//! implementation.
//!
//! It is compiled into runyard-api's own tests, because that crate has the code. `golden.rs` tests what the generator
//! writes and refuses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use serde_json::json;

use crate::client::{self as runtime, Behaviour, CallError, Unanswered};
use crate::host::{self, ByteStream, Caller, Fault, Head, Operation, Reply, Settings};
use crate::quirks::types::{ListThingsColourItem, MakeThingBody, Order, Thing, ThingKind};
use crate::quirks::{self, *};

const ID: uuid::Uuid = uuid::Uuid::from_u128(7);

/// Returns its input, as far as the schema allows.
struct Things {
    asked: Mutex<Vec<String>>,
}

fn thing() -> Thing {
    let text = json!({ "id": ID, "made_at": "2026-11-22T01:02:03+01:00", "kind": "side-ways", "list": [], "labels": {}, "type": "t" });
    serde_json::from_value(text).unwrap()
}

impl Things {
    fn heard(&self, request: &impl std::fmt::Debug) {
        self.asked.lock().unwrap().push(format!("{request:?}"));
    }
}

impl Quirks for Things {
    type Refusal = Problem;

    async fn admit(&self, head: &Head, _: &'static Operation) -> Result<Caller, Fault> {
        Ok(head.anonymous())
    }

    fn refusal(&self, fault: Fault) -> Problem {
        Problem::new(fault.status(), types::Failure { title: fault.to_string(), at: None })
    }

    fn problem(&self, _: &Caller, refusal: Problem) -> Problem {
        refusal
    }

    async fn list_things(&self, _: &Caller, request: ListThingsRequest) -> Result<Reply<ListThingsOk>, Problem> {
        self.heard(&request);
        Ok(ListThingsOk::Ok(vec![thing()]).into())
    }

    async fn make_thing(&self, _: &Caller, request: MakeThingRequest) -> Result<Reply<MakeThingOk>, Problem> {
        self.heard(&request);
        match request.body.name.as_str() {
            "later" => Ok(MakeThingOk::Accepted(Order::Up).into()),
            "again" => Err(Problem::conflict(types::Failure { title: "again".into(), at: None })
                .with_header(http::header::RETRY_AFTER, http::HeaderValue::from_static("3"))),
            _ => Ok(Reply::from(MakeThingOk::Created(thing()))
                .with_header(http::header::LOCATION, "/things/1".parse().unwrap())),
        }
    }

    async fn get_thing(&self, _: &Caller, request: GetThingRequest) -> Result<Reply<GetThingOk>, Problem> {
        if request.thing_id == ID { Ok(GetThingOk::Ok(thing()).into()) } else { Ok(GetThingOk::NoContent.into()) }
    }

    async fn drop_thing(&self, _: &Caller, _: DropThingRequest) -> Result<Reply<DropThingOk>, Problem> {
        Ok(DropThingOk::NoContent.into())
    }

    async fn touch_thing(&self, _: &Caller, request: TouchThingRequest) -> Result<Reply<TouchThingOk>, Problem> {
        Ok(TouchThingOk::Ok(json!({ "body": request.body })).into())
    }

    async fn watch_things(&self, _: &Caller, _: WatchThingsRequest) -> Result<Reply<WatchThingsOk>, Problem> {
        let lines = futures::stream::iter(["1\n", "2\n"]).map(|line| Ok(line.into()));
        Ok(WatchThingsOk::Ok(ByteStream::new(lines)).into())
    }
}

/// Records every call, and adds a header to each.
#[derive(Debug, Default)]
struct Noting(Mutex<Vec<String>>);

impl Behaviour for Noting {
    fn send<'a>(
        &'a self,
        client: &'a reqwest::Client,
        operation: &'static runtime::Operation,
        mut request: reqwest::Request,
    ) -> BoxFuture<'a, Result<reqwest::Response, Unanswered>> {
        request.headers_mut().insert("x-key", http::HeaderValue::from_static("k"));
        Box::pin(async move {
            if operation.id == "drop_thing" {
                return Err(Unanswered::Unsent("not in this test".into()));
            }
            let answer = client.execute(request).await?;
            self.0.lock().unwrap().push(format!("{} {}", operation.id, answer.status().as_u16()));
            Ok(answer)
        })
    }
}

struct Fixture {
    server: host::Server,
    things: Arc<Things>,
    noted: Arc<Noting>,
    client: client::Client,
}

fn start() -> Fixture {
    let things = Arc::new(Things { asked: Mutex::default() });
    let log = slog::Logger::root(slog::Discard, slog::o!());
    let server = quirks::api(Arc::clone(&things), Settings::default()).serve(([127, 0, 0, 1], 0).into(), log).unwrap();
    let noted = Arc::new(Noting::default());
    let base = format!("http://{}", server.local_addr());
    let client =
        client::Client::new_with_client(&base, reqwest::Client::new(), Arc::clone(&noted) as Arc<dyn Behaviour>);
    Fixture { server, things, noted, client }
}

impl Fixture {
    async fn end(self) -> Vec<String> {
        assert_eq!(self.server.close(Duration::from_secs(10)).await, host::Closed::Clean);
        self.things.asked.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn every_kind_of_parameter_arrives_typed() {
    let fixture = start();
    let colours = vec![ListThingsColourItem::Red, ListThingsColourItem::Green];
    let tags = vec!["a b".to_owned(), "c&d".to_owned()];
    let day = jiff::civil::date(2026, 11, 22);
    let since = "2026-11-22T00:00:00Z".parse().unwrap();
    let things = fixture
        .client
        .list_things(
            Some(&colours),
            true,
            None,
            Some(&day),
            Some(&Order::SideWays),
            Some(&since),
            Some(&tags),
            Some("t"),
        )
        .await
        .unwrap();
    assert_eq!(things.into_inner(), [thing()]);
    fixture.client.list_things(None, false, None, None, None, None, None, None).await.unwrap();
    let request = ListThingsRequest {
        tag: tags,
        colour: colours,
        limit: None,
        since: Some(since),
        on: Some(day),
        deep: true,
        order: Some(Order::SideWays),
        x_trace: Some("t".into()),
    };
    request.send(&fixture.client).await.unwrap();
    let asked = fixture.end().await;
    insta::with_settings!({ snapshot_path => "../../../tests/golden/codegen", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("called-parameters", asked.join("\n"));
    });
}

#[tokio::test]
async fn every_success_has_its_status_and_type() {
    let fixture = start();
    let made = fixture.client.make_thing(&MakeThingBody { name: "now".parse().unwrap(), labels: None }).await.unwrap();
    assert_eq!((made.status().as_u16(), made.headers()["location"].to_str().unwrap()), (201, "/things/1"));
    let later =
        fixture.client.make_thing(&MakeThingBody { name: "later".parse().unwrap(), labels: None }).await.unwrap_err();
    assert_eq!(later.status().map(|status| status.as_u16()), Some(202), "reported: the client has no type for it");
    assert_eq!(fixture.client.get_thing(&ID).await.unwrap().status().as_u16(), 200);
    let gone = fixture.client.get_thing(&uuid::Uuid::nil()).await.unwrap_err();
    assert_eq!(gone.status().map(|status| status.as_u16()), Some(204));
    let touched = fixture.client.touch_thing(&ID, Some(&types::Any(json!({ "free": [1] })))).await.unwrap();
    assert_eq!(touched.into_inner(), json!({ "body": { "free": [1] } }));
    let untouched = TouchThingRequest { thing_id: ID, body: None }.send(&fixture.client).await.unwrap();
    assert_eq!(untouched.into_inner(), json!({ "body": null }), "an optional body is left out");
    let lines = WatchThingsRequest {}.send(&fixture.client).await.unwrap();
    assert_eq!(lines.headers()["content-type"], "application/x-ndjson");
    let lines: Vec<u8> = lines.into_inner_stream().map(|chunk| chunk.unwrap().to_vec()).concat().await;
    assert_eq!(lines, b"1\n2\n");
    let noted = fixture.noted.0.lock().unwrap().join(", ");
    assert_eq!(
        noted,
        "make-thing 201, make-thing 202, get_thing 200, get_thing 204, touch_thing 200, touch_thing 200, watch_things 200"
    );
    fixture.end().await;
}

#[tokio::test]
async fn a_problem_arrives_typed_with_its_headers() {
    let fixture = start();
    let body = MakeThingBody { name: "again".parse().unwrap(), labels: None };
    let CallError::Refused { status, headers, body } = fixture.client.make_thing(&body).await.unwrap_err() else {
        panic!("not typed")
    };
    assert_eq!((status.as_u16(), body.title.as_str()), (409, "again"));
    assert_eq!(headers["retry-after"], "3");
    fixture.end().await;
}

#[tokio::test]
async fn a_behaviour_can_keep_a_request_from_being_sent() {
    let fixture = start();
    let refused = fixture.client.drop_thing(&ID).await.unwrap_err();
    assert!(matches!(refused, CallError::Unsent(reason) if reason.to_string() == "not in this test"));
    assert!(fixture.noted.0.lock().unwrap().is_empty());
    fixture.end().await;
}

#[test]
fn what_was_sent_empty_stays_empty_and_what_was_absent_stays_absent() {
    let text = serde_json::to_value(thing()).unwrap();
    let expected = json!({ "id": ID, "made_at": "2026-11-22T00:02:03Z", "kind": "side-ways", "list": [], "labels": {}, "on": true, "type": "t" });
    assert_eq!(text, expected);
    assert_eq!(thing().kind, ThingKind::Order(Order::SideWays));
}

#[test]
fn types_say_their_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(Thing)).unwrap();
    assert_eq!(schema["properties"]["made_at"]["format"], "date-time");
    assert_eq!(schema["properties"]["times"]["items"], json!({ "type": "string", "format": "date-time" }));
    assert_eq!(schema["additionalProperties"], json!(false));
}

#[test]
fn every_pointer_of_our_documents_leads_somewhere() {
    let ours = crate::DOCUMENTS.iter().map(|(document, _)| *document);
    for document in ours.chain([&quirks::DOCUMENT]) {
        let full: serde_json::Value = serde_json::from_str(document.full_json).unwrap();
        for operation in document.operations {
            let body = operation.body.schema();
            let parameters = operation.parameters.iter().map(|parameter| parameter.schema);
            let responses = operation.responses.iter().filter_map(|response| response.schema);
            for pointer in body.into_iter().chain(parameters).chain(responses) {
                assert!(full.pointer(pointer).is_some(), "{} {}: {pointer}", document.name, operation.id);
            }
        }
    }
}

#[test]
fn documents_that_share_a_schema_share_its_type() {
    let run: Option<crate::arp::run_gateway::types::Run> = None;
    let same: Option<crate::arp::run_coordinator::types::Run> = run;
    assert_eq!(same, None::<crate::arp::schemas::Run>);
}
