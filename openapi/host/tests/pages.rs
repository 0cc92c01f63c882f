//! Pages beside the document: served unchanged, and never at a path of the document.

use super::*;

fn page(path: &str, text: &'static str) -> Page {
    Page {
        path: path.to_owned(),
        media: "text/html; charset=utf-8",
        policy: "default-src 'none'".to_owned(),
        content: Content::new(move || Written {
            tag: format!("tag-of-{}", text.len()),
            bytes: Bytes::from_static(text.as_bytes()),
        }),
    }
}

fn serving(pages: Vec<Page>) -> Fixture {
    let runs = Arc::new(Runs::default());
    let api: Arc<dyn Api> = Arc::<Runs>::clone(&runs);
    let mounted = Mounted::new(api, Settings::default()).with_pages(pages);
    Fixture { runs, server: mounted.serve(listen_anywhere(), quiet()).unwrap() }
}

#[tokio::test]
async fn a_page_is_served_without_asking_who_reads_it() {
    let fixture = serving(vec![page("/docs", "<p>one</p>"), page("/docs/other.html", "<p>other</p>")]);
    let answer = fixture.send("GET", "/docs", &[("Authorization", "Bearer bad")], b"").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "<p>one</p>"));
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("etag", "\"tag-of-10\""),
        ("cache-control", "no-cache"),
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    let head = fixture.send("HEAD", "/docs/other.html", &[], b"").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("12"), 0));
    assert_eq!(fixture.get("/docs/absent.html").await.status, 404);
    assert_eq!(fixture.get("/v1/health").await.status, 200);
    assert_eq!(fixture.calls(), 1);
}

#[tokio::test]
async fn a_page_that_the_caller_has_is_not_sent_again() {
    let fixture = serving(vec![page("/docs", "<p>one</p>")]);
    for (tags, status) in [
        ("\"tag-of-10\"", 304),
        ("\"older\", W/\"tag-of-10\"", 304),
        ("*", 304),
        ("\"older\"", 200),
        ("tag-of-10", 200),
    ] {
        let answer = fixture.send("GET", "/docs", &[("If-None-Match", tags)], b"").await;
        assert_eq!((answer.status, answer.header("etag")), (status, Some("\"tag-of-10\"")), "{tags}");
        assert_eq!(answer.body.is_empty(), status == 304);
    }
}

#[tokio::test]
async fn another_method_is_refused_in_the_documents_words() {
    let fixture = serving(vec![page("/docs", "<p>one</p>")]);
    let answer = fixture.send("POST", "/docs", &[], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"));
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
}

#[test]
fn a_page_does_not_take_a_path_from_the_document() {
    static ANY: [Operation; 1] = [Operation { id: "any", path: "/{name}", ..PLAIN }];
    static OTHER_METHOD: [Operation; 1] = [Operation { id: "write", method: "POST", path: "/docs", ..PLAIN }];
    for operations in [&ANY[..], &OTHER_METHOD[..]] {
        let document: &'static Document = Box::leak(Box::new(Document { operations, ..copy() }));
        let error = crate::host::router::Router::new(document, &[page("/docs", "")]).unwrap_err();
        assert_eq!(error, "the document itself has the path of the page /docs");
    }
    let twice = [page("/docs", ""), page("/docs", "")];
    assert_eq!(crate::host::router::Router::new(&DOCUMENT, &twice).unwrap_err(), "GET /docs is there twice");
    let over = crate::host::router::Router::new(&DOCUMENT, &[page("/openapi.json", "")]).unwrap_err();
    assert_eq!(over, "the document itself has the path of the page /openapi.json");
}
