//! The requests that steps send, the results, and every kind of failure.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::caller::{Caller, key};
use crate::harness::peer::{Answers, Peer};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn what_is_asked_is_what_is_sent() {
    let peer = Peer::answering(Answers::Json(201, json!({ "id": 7 }))).await;
    let outputs = Caller::new()
        .outputs(json!({
            "url": format!("{}/tickets?a=1#there", peer.url), "method": "POST", "headers": { "X-Team": "blue" },
            "query": { "b": ["x y", true], "none": null, "n": 2.5 }, "json": { "title": "No paper" }
        }))
        .await;
    let asked = peer.asked().pop().unwrap();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/tickets?a=1&b=x+y&b=true&n=2.5"));
    assert_eq!(asked.json(), json!({ "title": "No paper" }));
    let header = |name: &str| asked.headers.get(name).map(String::as_str);
    assert_eq!((header("x-team"), header("content-type")), (Some("blue"), Some("application/json")));
    assert_eq!(header("idempotency-key"), Some(key().to_string().as_str()));
    assert!(header("user-agent").unwrap().starts_with("runyard/"));
    assert_eq!((outputs["status_code"].clone(), outputs["json"].clone()), (json!(201), json!({ "id": 7 })));
    assert_eq!(outputs["final_url"], format!("{}/tickets?a=1&b=x+y&b=true&n=2.5", peer.url));
    assert_eq!((outputs["content_type"].clone(), outputs["bytes"].clone()), (json!("application/json"), json!(8)));
    assert_eq!(outputs["headers"]["content-type"], "application/json");
}

#[tokio::test]
async fn only_what_may_change_something_has_a_key_and_the_callers_own_goes_first() {
    let peer = Peer::answering(Answers::with(200, &[], b"")).await;
    let caller = Caller::new();
    for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] {
        caller.outputs(json!({ "url": peer.url, "method": method })).await;
        let asked = peer.asked().pop().unwrap();
        let unsafe_one = ["POST", "PUT", "PATCH", "DELETE"].contains(&method);
        assert_eq!((asked.method.as_str(), asked.headers.contains_key("idempotency-key")), (method, unsafe_one));
    }
    caller.outputs(json!({ "url": peer.url, "method": "POST", "headers": { "Idempotency-Key": "mine" } })).await;
    assert_eq!(peer.asked().pop().unwrap().headers["idempotency-key"], "mine");
}

#[tokio::test]
async fn bodies_are_sent_and_read_in_every_form() {
    let peer = Peer::start(|asked| {
        let kind = asked.headers.get("content-type").map_or("", String::as_str);
        Answers::with(
            200,
            &[("content-type", kind), ("set-cookie", "session=secret"), ("x-two", "1"), ("X-Two", "2")],
            &asked.body,
        )
    })
    .await;
    let caller = Caller::new();
    let post = async |mut more: Value| {
        more["url"] = json!(peer.url);
        more["method"] = json!("POST");
        caller.outputs(more).await
    };
    let text = post(json!({ "body": "grüß dich" })).await;
    assert_eq!(
        (text["text"].clone(), text["content_type"].clone()),
        (json!("grüß dich"), json!("text/plain; charset=utf-8"))
    );
    assert_eq!(text["headers"]["x-two"], "1, 2");
    assert!(text["headers"].get("set-cookie").is_none(), "a credential");
    let bytes = post(json!({ "body_base64": "/wA=" })).await;
    assert_eq!((bytes["content_base64"].clone(), bytes["bytes"].clone()), (json!("/wA="), json!(2)));
    let problem = json!({ "content-type": "application/problem+json" });
    assert_eq!(post(json!({ "body": "[1]", "headers": problem })).await["json"], json!([1]));
    let broken = post(json!({ "body": "{", "headers": problem })).await;
    assert_eq!((broken.get("json"), broken["text"].clone()), (None, json!("{")), "what is no JSON is text");
    assert_eq!(post(json!({ "body": "" })).await["text"], "");
}

/// RFC 8259, section 8.1: a reader may ignore a byte order mark. RFC 1952, section 2.2: a gzip file has one member or
/// several.
#[tokio::test]
async fn json_with_a_byte_order_mark_and_gzip_of_several_members_are_read() {
    let caller = Caller::new();
    let json_type = ("content-type", "application/json");
    let marked = [b"\xef\xbb\xbf".as_slice(), br#"{"id":7}"#].concat();
    let peer = Peer::answering(Answers::with(200, &[json_type], &marked)).await;
    let outputs = caller.outputs(json!({ "url": peer.url })).await;
    assert_eq!((outputs["json"].clone(), outputs.get("text")), (json!({ "id": 7 }), None));
    let peer = Peer::answering(Answers::with(200, &[("content-type", "text/plain")], &marked)).await;
    assert_eq!(
        caller.outputs(json!({ "url": peer.url })).await["text"],
        r#"{"id":7}"#,
        "the mark is no part of a text"
    );

    let members = [gzip(br#"{"id""#), gzip(b""), gzip(br#":7}"#)].concat();
    let peer = Peer::answering(Answers::with(200, &[json_type, ("content-encoding", "gzip")], &members)).await;
    assert_eq!(caller.outputs(json!({ "url": peer.url })).await["json"], json!({ "id": 7 }));
    let cut = &members[..members.len() - 3];
    let peer = Peer::answering(Answers::with(200, &[json_type, ("content-encoding", "gzip")], cut)).await;
    assert_eq!(caller.failure(json!({ "url": peer.url })).await.code.as_str(), "response_invalid", "not all of it");
    let bomb = [gzip(&[b' '; 1500]), gzip(&[b' '; 1500])].concat();
    let peer = Peer::answering(Answers::with(200, &[("content-encoding", "gzip")], &bomb)).await;
    let bounded = Caller::with(|egress| egress.response_bytes_max = 2000);
    assert_eq!(
        bounded.failure(json!({ "url": peer.url })).await.code.as_str(),
        "response_too_large",
        "all members count"
    );
}

#[tokio::test]
async fn retry_after_is_read_in_every_form_of_an_http_date() {
    let caller = Caller::new();
    for date in ["Fri, 31 Dec 2100 23:59:59 GMT", "Thursday, 31-Dec-65 23:59:59 GMT", "Fri Dec 31 23:59:59 2100"] {
        let peer = Peer::answering(Answers::with(503, &[("retry-after", date)], b"")).await;
        let details = caller.failure(json!({ "url": peer.url })).await.details.unwrap();
        assert_eq!(details["retry_after_ms"], 3_600_000, "{date}");
    }
}

#[tokio::test]
async fn statuses_fail_unless_the_caller_takes_them() {
    let caller = Caller::new();
    for (status, fails, retryable) in [
        (200, false, false),
        (204, false, false),
        (304, false, false),
        (400, true, false),
        (404, true, false),
        (408, true, true),
    ]
    .into_iter()
    .chain([(425, true, true), (429, true, true), (500, true, true), (503, true, true)])
    {
        let peer = Peer::answering(Answers::with(status, &[("content-type", "text/plain")], b"")).await;
        let inputs = json!({ "url": peer.url });
        if !fails {
            assert_eq!(caller.outputs(inputs).await["status_code"], status);
            continue;
        }
        let failure = caller.failure(inputs).await;
        assert_eq!((failure.code.as_str(), failure.retryable), ("http_status", Some(retryable)), "{status}");
        assert_eq!(failure.details.unwrap()["status"], status);
        let taken = json!({ "url": peer.url, "accept_statuses": [418, status] });
        assert_eq!(caller.outputs(taken).await["status_code"], status);
        assert_eq!(caller.outputs(json!({ "url": peer.url, "fail_on_status": false })).await["status_code"], status);
    }
}

#[tokio::test]
async fn a_refusal_says_what_the_peer_said_and_when_to_come_back() {
    let caller = Caller::new();
    let refused = async |headers: &[(&str, &str)]| {
        let peer = Peer::answering(Answers::with(429, headers, "x".repeat(2000).as_bytes())).await;
        caller.failure(json!({ "url": format!("{}/secret?token=1", peer.url) })).await
    };
    let failure = refused(&[("retry-after", "7")]).await;
    let said = format!("127.0.0.1 answered 429 Too Many Requests: {}...", "x".repeat(200));
    assert_eq!(failure.message, said, "a piece of the body; no path, no query");
    let details = failure.details.unwrap();
    assert_eq!((details["retry_after_ms"].clone(), details["body"].as_str().unwrap().len()), (json!(7000), 500));
    let hours = refused(&[("retry-after", "86400")]).await.details.unwrap();
    assert_eq!(hours["retry_after_ms"], 3_600_000, "an hour is the longest");
    let date = refused(&[("retry-after", "Fri, 31 Dec 2100 23:59:59 GMT")]).await.details.unwrap();
    assert_eq!(date["retry_after_ms"], 3_600_000);
    for silent in ["Sun, 06 Nov 1994 08:49:37 GMT", "soon", "-1"] {
        assert!(refused(&[("retry-after", silent)]).await.details.unwrap().get("retry_after_ms").is_none(), "{silent}");
    }
}

#[tokio::test]
async fn an_answer_is_bounded_before_and_after_it_is_decoded() {
    let caller = Caller::with(|egress| egress.response_bytes_max = 2000);
    let code = async |answers: Answers, inputs: Value| {
        let peer = Peer::answering(answers).await;
        let mut inputs = inputs;
        inputs["url"] = json!(peer.url);
        let failure = caller.failure(inputs).await;
        (failure.code.to_string(), failure.retryable)
    };
    let too_large = ("response_too_large".to_owned(), Some(false));
    assert_eq!(code(Answers::with(200, &[], &[b'x'; 2001]), json!({})).await, too_large);
    assert_eq!(code(Answers::with(200, &[], &[b'x'; 11]), json!({ "max_bytes": 10 })).await, too_large);
    assert_eq!(
        code(Answers::with(200, &[], &[b'x'; 2001]), json!({ "max_bytes": 9999 })).await,
        too_large,
        "never more"
    );
    // Without a length, to the end of the connection.
    let endless = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &[b'x'; 5000]].concat();
    assert_eq!(code(Answers::Raw(endless), json!({})).await, too_large);
    // Ten kilobytes that decompress to ten megabytes.
    let coding = [("content-encoding", "gzip"), ("content-type", "text/plain")];
    let bomb = gzip(&vec![0; 10_000_000]);
    let outer = Caller::with(|egress| egress.response_bytes_max = 100_000);
    let peer = Peer::answering(Answers::with(200, &coding, &bomb)).await;
    assert!(bomb.len() < 100_000);
    assert_eq!(outer.failure(json!({ "url": peer.url })).await.code.as_str(), "response_too_large");
    let header = "x".repeat(70_000);
    assert_eq!(code(Answers::with(200, &[("x-long", &header)], b""), json!({})).await, too_large);

    let peer = Peer::answering(Answers::with(200, &coding, &gzip(b"small inside"))).await;
    let outputs = caller.outputs(json!({ "url": peer.url })).await;
    assert_eq!((outputs["text"].clone(), outputs["bytes"].clone()), (json!("small inside"), json!(12)));
    assert!(outputs["headers"].get("content-encoding").is_none(), "it is decoded: {outputs}");
    assert_eq!(peer.asked()[0].headers["accept-encoding"], "gzip");
    let head = caller.outputs(json!({ "url": peer.url, "method": "HEAD" })).await;
    assert_eq!(head["status_code"], 200);
}

#[tokio::test]
async fn what_is_no_answer_is_named() {
    let caller = Caller::new();
    let coding = [("content-encoding", "gzip")];
    let whole = gzip(b"all of it, and not less");
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec();
    let headers: String = (0..101).map(|number| format!("x-{number}: y\r\n")).collect();
    let many = format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n").into_bytes();
    for (what, answers) in [
        ("not HTTP", Answers::Raw(b"220 mail.example.org ESMTP\r\n\r\n".to_vec())),
        ("nothing", Answers::Raw(Vec::new())),
        ("cut off", Answers::Raw(cut)),
        ("too many headers", Answers::Raw(many)),
        ("not gzip", Answers::with(200, &coding, b"plain")),
        ("half a gzip", Answers::with(200, &coding, &whole[..whole.len() - 9])),
    ] {
        let peer = Peer::answering(answers).await;
        let failure = caller.failure(json!({ "url": format!("{}/?token=hunter2", peer.url) })).await;
        assert_eq!((failure.code.as_str(), failure.retryable), ("response_invalid", Some(true)), "{what}: {failure:?}");
        assert!(!failure.message.contains("hunter2"), "{failure:?}");
    }
}

#[tokio::test]
async fn the_way_there_fails_by_name() {
    let caller = Caller::new();
    let silent = Peer::answering(Answers::Nothing).await;
    let slow = caller.failure(json!({ "url": silent.url, "timeout_ms": 100 })).await;
    assert_eq!((slow.code.as_str(), slow.retryable), ("timed_out", Some(true)));
    assert!(slow.message.contains("100 ms"), "{}", slow.message);
    let strict = Caller::with(|egress| egress.timeout_ms_max = 50);
    assert!(strict.failure(json!({ "url": silent.url })).await.message.contains("50 ms"), "never longer");

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = caller.failure(json!({ "url": format!("http://{closed}") })).await;
    assert_eq!((refused.code.as_str(), refused.retryable), ("connect_failed", Some(true)));

    // Longer than a DNS label can be, so that no resolver gets the query.
    let nowhere = caller.failure(json!({ "url": format!("http://{}.test/", "a".repeat(70)) })).await;
    assert_eq!((nowhere.code.as_str(), nowhere.retryable), ("dns_failed", Some(true)), "{nowhere:?}");

    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = plain.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let failure = caller.failure(json!({ "url": format!("https://{address}/") })).await;
    assert_eq!((failure.code.as_str(), failure.retryable), ("tls_failed", Some(false)), "{failure:?}");
    answering.await.unwrap();
}

#[tokio::test]
async fn the_reference_implementations_fetch_reads_and_every_status_is_an_answer() {
    let peer = Peer::answering(Answers::with(404, &[("content-type", "text/html")], b"<p>none</p>")).await;
    let inputs = json!({
        "url": peer.url, "method": null, "headers": [{ "key": "Accept", "value": "text/html" }],
        "params": [{ "key": "q", "value": "a b" }], "json": null, "body": null, "timeout_seconds": 5, "max_bytes": null,
        "follow_redirects": null
    });
    let outputs = Caller::new().outputs_of("jarvis.web.fetch", inputs).await;
    assert_eq!((outputs["status_code"].clone(), outputs["content_bytes"].clone()), (json!(404), json!(11)));
    assert_eq!(
        (outputs["content_base64"].clone(), outputs["text"].clone()),
        (json!("PHA+bm9uZTwvcD4="), json!("<p>none</p>"))
    );
    assert!(outputs["headers"].as_array().unwrap().contains(&json!({ "key": "content-type", "value": "text/html" })));
    let asked = &peer.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.target.as_str(), asked.headers["accept"].as_str()),
        ("GET", "/?q=a+b", "text/html")
    );
}
