//! Calls the code that is generated from `foreign.yaml`: constructs of other vendors' documents over a real socket,
//! valid and not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::client::{CallError, File, Form, Multipart, Plain};
use crate::foreign::{types::*, *};
use crate::host::{self, ByteStream, Caller, Fault, Head, Operation, Reply, Settings};

/// Returns its input.
struct Echo;

impl Foreign for Echo {
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

    async fn search(&self, _: &Caller, request: SearchRequest) -> Result<Reply<SearchOk>, Problem> {
        let SearchRequest { filter, ids, sort, page, where_, x_tags, session, maybe } = request;
        let page = page.map(|page| json!({ "size": page.size, "after": page.after }));
        let asked = json!({
            "filter": filter, "ids": ids, "sort": sort, "page": page, "where": where_, "tags": x_tags,
            "session": session, "maybe": maybe,
        });
        Ok(SearchOk::Ok(asked).into())
    }

    async fn order(&self, _: &Caller, request: OrderRequest) -> Result<Reply<OrderOk>, Problem> {
        let body = serde_json::to_value(&request.body).unwrap();
        Ok(OrderOk::Success(http::StatusCode::CREATED, body).into())
    }

    async fn upload(&self, _: &Caller, request: UploadRequest) -> Result<Reply<UploadOk>, Problem> {
        let UploadForm { title, count, file, more, labels, about } = request.body;
        let sizes = [
            ("title", title.len() as i64),
            ("count", count.unwrap_or_default()),
            (file.name.as_deref().unwrap_or_default(), file.bytes.len() as i64),
            (file.media.as_deref().unwrap_or_default(), 0),
            ("more", more.iter().map(|file| file.bytes.len() as i64).sum()),
            ("labels", labels.map_or(0, |labels| labels.len() as i64)),
            ("about", about.map_or(0, |about| about.by.len() as i64)),
        ];
        let lengths = sizes.into_iter().map(|(name, size)| (name.to_owned(), size)).collect();
        Ok(UploadOk::Success(http::StatusCode::ACCEPTED, UploadResponse2xx(lengths)).into())
    }

    async fn replace(&self, _: &Caller, request: ReplaceRequest) -> Result<Reply<ReplaceOk>, Problem> {
        let bytes = futures::stream::iter([Ok(request.body)]);
        Ok(ReplaceOk::Ok(ByteStream::new(bytes)).into())
    }

    async fn note(&self, _: &Caller, request: NoteRequest) -> Result<Reply<NoteOk>, Problem> {
        match request.body.as_deref() {
            Some("ü") | None => Ok(NoteOk::NoContent.into()),
            Some(other) => Err(Problem::new(http::StatusCode::IM_A_TEAPOT, No { detail: other.to_owned() })),
        }
    }

    async fn compare(&self, _: &Caller, request: CompareRequest) -> Result<Reply<CompareOk>, Problem> {
        Ok(CompareOk::Ok(text(&format!("{} and {}", request.base, request.head))).into())
    }

    async fn compare_all(&self, _: &Caller, request: CompareAllRequest) -> Result<Reply<CompareAllOk>, Problem> {
        Ok(CompareAllOk::Ok(text(&request.all)).into())
    }

    async fn places(&self, _: &Caller, request: PlacesRequest) -> Result<Reply<PlacesOk>, Problem> {
        let PlacesRequest { at, of, by } = request;
        Ok(PlacesOk::Ok(json!({ "at": at, "of": of, "by": by })).into())
    }

    async fn pet(&self, _: &Caller, request: PetRequest) -> Result<Reply<PetOk>, Problem> {
        Ok(PetOk::Ok(request.body).into())
    }
}

fn text(text: &str) -> ByteStream {
    ByteStream::new(futures::stream::iter([Ok(Bytes::from(text.to_owned()))]))
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

    /// Status and body of a request that the generated client would not send.
    async fn raw(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }
}

fn search() -> SearchRequest {
    SearchRequest {
        filter: None,
        ids: None,
        sort: None,
        page: None,
        where_: None,
        x_tags: None,
        session: "s;1".into(),
        maybe: None,
    }
}

#[tokio::test]
async fn every_parameter_style_arrives_as_it_was_given() {
    let fixture = start();
    let filter = Filter { colour: Some("a&b".into()), weight: Some(FilterWeight { min: Some(3) }) };
    let request = SearchRequest {
        filter: Some(filter.clone()),
        ids: Some(vec![1, 2]),
        sort: Some(vec!["up".into(), "by name".into()]),
        page: Some(SearchPage { size: Some(10), after: Some("x".into()) }),
        where_: Some(filter),
        x_tags: Some(vec!["a".into(), "b".into()]),
        maybe: Some(true),
        ..search()
    };
    let asked = request.send(&fixture.client).await.unwrap().into_inner();
    let filter = json!({ "colour": "a&b", "weight": { "min": 3 } });
    let expected = json!({
        "filter": filter, "ids": [1, 2], "sort": ["up", "by name"], "page": { "size": 10, "after": "x" }, "where": filter,
        "tags": ["a", "b"], "session": "s;1", "maybe": true,
    });
    assert_eq!(asked, expected);
    let nothing = search().send(&fixture.client).await.unwrap().into_inner();
    assert_eq!((&nothing["filter"], &nothing["ids"], &nothing["page"]), (&Value::Null, &Value::Null, &Value::Null));
    fixture.end().await;
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_refused_by_name() {
    let fixture = start();
    let refused = SearchRequest { session: "x".into(), ..search() }.send(&fixture.client).await.unwrap_err();
    let CallError::Refused { status, body, .. } = refused else { panic!("{refused}") };
    assert_eq!(status.as_u16(), 400);
    assert!(body.detail.contains("session"), "{}", body.detail);
    let http = reqwest::Client::new();
    for query in ["ids=1,x", "filter[weight][min]=heavy", "page=", "size=big", "where={", "maybe=perhaps"] {
        let request = http.get(format!("{}/search?{query}", fixture.base)).header("cookie", "session=abc");
        let (status, body) = fixture.raw(request).await;
        if query == "page=" {
            assert_eq!(status, 200, "not a parameter: the object's properties are");
        } else {
            let named = query.split(['=', '[']).next().unwrap().replace("size", "page");
            assert!(status == 400 && body["detail"].as_str().unwrap().contains(&named), "{query}: {status} {body}");
        }
    }
    fixture.end().await;
}

#[tokio::test]
async fn forms_are_typed_and_checked() {
    let fixture = start();
    let mut body = OrderBody { count: "2".parse().ok(), item: "tea & milk".parse().unwrap(), notes: None };
    body.notes = Some(vec!["a".into(), "b=c".into()]);
    let ordered = fixture.client.order(&body).await.unwrap();
    assert_eq!(ordered.status().as_u16(), 201, "`default` says nothing of the status: the handler does");
    assert_eq!(ordered.into_inner(), json!({ "item": "tea & milk", "count": 2, "notes": ["a", "b=c"] }));
    let http = reqwest::Client::new();
    let form = "application/x-www-form-urlencoded";
    for (media, body, status) in
        [(form, "count=1", 400), (form, "item=a&count=0", 400), ("application/json", "{}", 415)]
    {
        let request = http.post(format!("{}/orders", fixture.base)).header("content-type", media).body(body);
        assert_eq!(fixture.raw(request).await.0, status, "{media} {body}");
    }
    fixture.end().await;
}

#[tokio::test]
async fn files_go_up_in_parts_and_come_down_in_bytes() {
    let fixture = start();
    let form = |title: &str| UploadForm {
        title: title.parse().unwrap(),
        count: Some(3),
        file: File { name: Some("a.bin".into()), ..File::from(Bytes::from_static(&[0, 255, 13])) },
        more: vec![],
        labels: Some(vec![UploadFormLabelsItem::Old]),
        about: Some(UploadFormAbout { by: "me".into() }),
    };
    let kept = fixture.client.upload("a.b", &form("t")).await.unwrap();
    assert_eq!(kept.status().as_u16(), 202);
    let mut seen =
        json!({ "title": 1, "count": 3, "a.bin": 3, "application/x-kept": 0, "more": 0, "labels": 1, "about": 2 });
    assert_eq!(serde_json::to_value(kept.into_inner()).unwrap(), seen);
    let few = UploadForm {
        more: vec![Bytes::from_static(b"ab").into(), Bytes::from_static(b"c").into()],
        labels: None,
        ..form("t")
    };
    (seen["more"], seen["labels"]) = (json!(3), json!(0));
    assert_eq!(serde_json::to_value(fixture.client.upload("a.b", &few).await.unwrap().into_inner()).unwrap(), seen);
    let url = format!("{}/files/a.b", fixture.base);
    for wrong in [
        form("too long").to_parts().unwrap(),
        Multipart::new().text("title", "t"),
        form("t").to_parts().unwrap().text("count", "4"),
        form("t").to_parts().unwrap().text("labels", "lost"),
        Multipart::new().text("title", "t").file("file", "f", "text/plain", "x").text("about", "{}"),
    ] {
        let (media, body) = wrong.encoded();
        let request = reqwest::Client::new().post(&url).header("content-type", media).body(body);
        assert_eq!(fixture.raw(request).await.0, 400, "{wrong:?}");
    }
    let dotted = fixture.client.upload(".a", &form("t")).await.unwrap_err();
    assert_eq!(dotted.status().map(|status| status.as_u16()), Some(400), "the pattern looks ahead");
    let bytes = Bytes::from_static(&[0, 1, 255]);
    let back = fixture.client.replace("a", &bytes).await.unwrap();
    let back: Vec<u8> = back.into_inner_stream().map(|chunk| chunk.unwrap().to_vec()).concat().await;
    assert_eq!(back, bytes);
    fixture.end().await;
}

#[tokio::test]
async fn text_is_text_and_may_be_left_out() {
    let fixture = start();
    fixture.client.note(Some("ü")).await.unwrap();
    NoteRequest { body: None }.send(&fixture.client).await.unwrap();
    let other = fixture.client.note(Some("x")).await.unwrap_err();
    assert_eq!(other.status().map(|status| status.as_u16()), Some(418));
    let http = reqwest::Client::new();
    let broken = http.put(format!("{}/note", fixture.base)).header("content-type", "text/plain").body(vec![255]);
    assert_eq!(fixture.raw(broken).await.0, 400);
    fixture.end().await;
}

#[tokio::test]
async fn a_discriminator_decides_which_alternative_it_is() {
    let fixture = start();
    let dog = json!({ "kind": "dog", "name": "Rex", "bark": true });
    let body: Pet = serde_json::from_value(dog.clone()).unwrap();
    assert!(matches!(body, Pet::Dog(_)), "a cat has no bark to lose");
    let back = fixture.client.pet(&body).await.unwrap().into_inner();
    assert_eq!(serde_json::to_value(back).unwrap(), dog);
    let http = reqwest::Client::new();
    let bird = http.patch(format!("{}/pets", fixture.base)).header("content-type", "application/merge-patch+json");
    assert_eq!(fixture.raw(bird.body(r#"{"kind":"bird"}"#)).await.0, 400);
    fixture.end().await;
}

#[test]
fn what_is_left_out_is_in_the_report_and_the_client_has_the_rest() {
    assert!(REPORT.contains("operation left out: GET /socket"), "{REPORT}");
    assert!(!OPERATIONS.iter().any(|operation| operation.id == "socket"));
}

#[tokio::test]
async fn two_parameters_in_a_segment_are_separated_by_the_text_between_them() {
    let fixture = start();
    for (path, answer) in [
        ("a...b", "a and b"),
        ("a%2Fb...c.d", "a/b and c.d"),
        ("a...b...c", "a and b...c"),
        ("a..b", "a..b"),
        ("...b", "...b"),
    ] {
        let got = reqwest::get(format!("{}/compare/{path}", fixture.base)).await.unwrap();
        assert_eq!(got.text().await.unwrap(), answer, "{path}");
    }
    let both = fixture.client.compare("main", "v1/x").await.unwrap();
    let both: Vec<u8> = both.into_inner_stream().map(|chunk| chunk.unwrap().to_vec()).concat().await;
    assert_eq!(both, b"main and v1/x");
    let other = reqwest::Client::new().delete(format!("{}/compare/a...b", fixture.base)).send().await.unwrap();
    assert_eq!(other.status().as_u16(), 405);
    fixture.end().await;
}

#[tokio::test]
async fn labels_and_matrices_stand_in_paths() {
    let fixture = start();
    let by = By { x: 4, y: Some("b c".into()) };
    let asked = fixture.client.places(&vec![1, 2], "a;b", &by).await.unwrap().into_inner();
    assert_eq!(asked, json!({ "at": [1, 2], "of": "a;b", "by": { "x": 4, "y": "b c" } }));
    let http = reqwest::Client::new();
    for (path, status) in [
        (".1,2/;of=a/;x=4;y=b", 200),
        ("1,2/;of=a/;x=4", 400),
        (".x/;of=a/;x=4", 400),
        (".1/;of=a/;y=b", 400),
        (".1/;of=a/;x=big", 400),
    ] {
        assert_eq!(fixture.raw(http.get(format!("{}/places/{path}", fixture.base))).await.0, status, "{path}");
    }
    fixture.end().await;
}
