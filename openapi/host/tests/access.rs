//! Host names, origins and the base URL of links.

use super::*;

fn open_listener(origins: &[&str]) -> Fixture {
    let hosts =
        Hosts { names: vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()], any_address: false };
    let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    start_with(
        Runs::default(),
        Settings { access: Access { hosts: Some(Arc::new(hosts)), origins }, ..Settings::default() },
    )
}

/// Sends a request with exactly these headers.
async fn ask(fixture: &Fixture, method: &str, path: &str, headers: &[(&str, &str)]) -> http::Answer {
    let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
    http::exchange(fixture.server.local_addr(), (text + "\r\n").as_bytes()).await
}

const CANCEL: (&str, &str) = ("POST", "/v1/runs/r1:cancel");

#[tokio::test]
async fn a_listener_without_credentials_is_asked_under_its_own_names_alone() {
    let fixture = open_listener(&[]);
    for (host, status) in [
        ("localhost", 200),
        ("LOCALHOST:8092", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8092", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("evil.example:8092", 421),
        ("localhost@evil.example", 421),
        ("10.0.0.1", 421),
        ("", 421),
    ] {
        for path in ["/v1/runs", "/v1/health", "/openapi.json", "/v1/nowhere"] {
            let answer = ask(&fixture, "GET", path, &[("Host", host)]).await;
            let expected = if path == "/v1/nowhere" && status == 200 { 404 } else { status };
            assert_eq!(answer.status, expected, "{host} {path}");
            if status == 421 {
                assert_eq!(answer.code(), "misdirected_host");
            }
        }
    }
    let twice = ask(&fixture, "GET", "/v1/runs", &[("Host", "localhost"), ("Host", "evil.example")]).await;
    assert_eq!(twice.status, 421);
}

#[tokio::test]
async fn a_page_of_another_origin_reads_and_changes_nothing_on_a_listener_without_credentials() {
    let fixture = open_listener(&[]);
    let local = ("Host", "localhost:8092");
    for origin in
        ["http://evil.example", "null", "http://localhost:3000", "https://localhost.evil.example:8092", "file://"]
    {
        for (method, path) in [CANCEL, ("GET", "/v1/runs"), ("OPTIONS", "/v1/runs")] {
            let answer = ask(&fixture, method, path, &[local, ("Origin", origin)]).await;
            assert_eq!((answer.status, answer.code().as_str()), (403, "foreign_origin"), "{origin} {method}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    for (method, path) in [CANCEL, ("GET", "/v1/runs")] {
        assert_eq!(ask(&fixture, method, path, &[local, ("Origin", "http://localhost:8092")]).await.status, 200);
    }
    assert_eq!(fixture.calls(), 2);
}

#[tokio::test]
async fn a_cross_site_request_changes_nothing_on_any_listener() {
    let fixture = start();
    for headers in
        [&[("Sec-Fetch-Site", "cross-site")][..], &[("Origin", "http://evil.example")], &[("Origin", "null")]]
    {
        let answer = ask(&fixture, CANCEL.0, CANCEL.1, &[&[("Host", "here")], headers].concat()).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "foreign_origin"), "{headers:?}");
        let read = ask(&fixture, "GET", "/v1/runs", &[&[("Host", "here")], headers].concat()).await;
        assert_eq!(read.status, 200, "a link of another site leads here: {headers:?}");
    }
    for site in ["same-origin", "none"] {
        let answer = ask(&fixture, CANCEL.0, CANCEL.1, &[("Host", "here"), ("Sec-Fetch-Site", site)]).await;
        assert_eq!(answer.status, 200, "{site}");
    }
}

#[tokio::test]
async fn an_allowed_origin_is_answered_its_preflight_and_may_read_every_answer() {
    let fixture = open_listener(&["https://app.example.org"]);
    let page = [("Host", "localhost"), ("Origin", "https://app.example.org"), ("Sec-Fetch-Site", "cross-site")];
    let asks =
        [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization, content-type")];
    let preflight = ask(&fixture, "OPTIONS", "/v1/runs", &[&page[..], &asks[..]].concat()).await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("https://app.example.org"));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("POST, GET, HEAD"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("authorization, content-type"));
    assert_eq!(preflight.header("vary"), Some("Origin"));
    for (method, path, status) in [(CANCEL.0, CANCEL.1, 200), ("GET", "/v1/nowhere", 404)] {
        let answer = ask(&fixture, method, path, &page).await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin")),
            (status, Some("https://app.example.org"))
        );
    }
    let other = ask(
        &fixture,
        "OPTIONS",
        "/v1/runs",
        &[&[("Host", "localhost"), ("Origin", "https://other.example")], &asks[..]].concat(),
    )
    .await;
    assert_eq!((other.status, other.header("access-control-allow-origin")), (403, None));
}

#[tokio::test]
async fn links_lead_to_this_listener_whatever_host_a_caller_writes() {
    let fixture = start();
    let own = format!("http://{}", fixture.server.local_addr());
    let forged = [("Host", "evil.example"), ("X-Forwarded-Host", "evil.example"), ("Forwarded", "host=evil.example")];
    assert_eq!(ask(&fixture, "GET", "/v1/runs", &forged).await.json()["base_url"], own);
    let reached = Reached { trusted_proxies: ["127.0.0.0/8".parse().unwrap()].into(), ..Reached::default() };
    let behind = start_with(Runs::default(), Settings { reached, ..Settings::default() });
    let forwarded =
        [("Host", "evil.example"), ("X-Forwarded-Host", "runs.example.org"), ("X-Forwarded-Proto", "https")];
    assert_eq!(ask(&behind, "GET", "/v1/runs", &forwarded).await.json()["base_url"], "https://runs.example.org");
}
