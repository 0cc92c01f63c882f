//! Where calls may go: each rule, checked where it applies, and no forbidden host receives a request.

use serde_json::json;

use super::caller::Caller;
use crate::harness::peer::{Answers, Peer};

fn strict() -> Caller {
    Caller::with(|egress| egress.allow_networks.clear())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

async fn peer() -> Peer {
    Peer::answering(Answers::with(200, &[], b"")).await
}

/// The message of a call that must be denied.
async fn denied(caller: &Caller, url: &str) -> String {
    let failure = caller.failure(json!({ "url": url, "max_redirects": 5 })).await;
    assert_eq!((failure.code.as_str(), failure.retryable), ("egress_denied", Some(false)), "{url}: {failure:?}");
    failure.message
}

#[tokio::test]
async fn this_machine_is_not_called_by_any_of_its_names() {
    let (peer, caller) = (peer().await, strict());
    let port = peer.port();
    for host in [
        "127.0.0.1",
        "127.9.9.9",
        "localhost",
        "LOCALHOST",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
    ] {
        let message = denied(&caller, &format!("http://{host}:{port}/")).await;
        assert!(message.contains("egress.allow_networks"), "{host}: {message}");
    }
    assert_eq!(peer.asked(), [], "no call arrived");
}

#[tokio::test]
async fn a_network_that_is_allowed_is_reached_by_address_and_by_name() {
    let (peer, caller) = (peer().await, Caller::new());
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        caller.outputs(json!({ "url": format!("http://{host}:{}/", peer.port()) })).await;
    }
    assert_eq!(peer.asked().len(), 3);
    let shut = Caller::with(|egress| egress.deny_networks = words("127.0.0.0/8 ::1"));
    for host in ["127.0.0.1", "localhost"] {
        assert!(denied(&shut, &format!("http://{host}:{}/", peer.port())).await.contains("egress.deny_networks"));
    }
    assert_eq!(peer.asked().len(), 3);
}

#[tokio::test]
async fn hosts_and_ports_are_judged_by_the_lists() {
    let (peer, other) = (peer().await, peer().await);
    let port = peer.port();
    let caller = Caller::with(|egress| {
        egress.allow_hosts = Some(words("localhost *.example.org"));
        egress.deny_hosts = words("never.example.org");
        egress.allow_ports = Some(vec![port]);
    });
    caller.outputs(json!({ "url": format!("http://localhost:{port}/") })).await;
    assert!(denied(&caller, &format!("http://127.0.0.1:{port}/")).await.contains("egress.allow_hosts"));
    assert!(denied(&caller, &format!("http://example.org:{port}/")).await.contains("egress.allow_hosts"));
    assert!(denied(&caller, &format!("http://never.example.org:{port}/")).await.contains("egress.deny_hosts"));
    assert!(denied(&caller, &format!("http://localhost:{}/", other.port())).await.contains("egress.allow_ports"));
    assert_eq!((peer.asked().len(), other.asked().len()), (1, 0));
}

#[tokio::test]
async fn every_hop_is_judged_anew() {
    let inner = peer().await;
    let port = inner.port();
    for (to, said) in [
        (format!("http://127.0.0.2:{port}/"), "this machine"),
        (format!("http://[::ffff:127.0.0.2]:{port}/"), "this machine"),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), "metadata"),
        ("http://10.0.0.1/".to_owned(), "private"),
        ("file:///etc/passwd".to_owned(), "only http and https"),
        ("ftp://127.0.0.1/".to_owned(), "only http and https"),
        (format!("http://me:pw@127.0.0.1:{port}/"), "user"),
    ] {
        let outer = Peer::answering(Answers::with(302, &[("location", &to)], b"")).await;
        let caller = Caller::with(|egress| egress.allow_networks = words("127.0.0.1"));
        let message = denied(&caller, &outer.url).await;
        assert!(message.contains(said), "{to}: {message}");
        assert!(!message.contains("pw"), "{message}");
        assert_eq!(outer.asked().len(), 1);
    }
    assert_eq!(inner.asked(), []);
}

#[tokio::test]
async fn redirects_are_followed_as_far_as_asked_and_carry_nothing_to_strangers() {
    let end = peer().await;
    let there = format!("{}/end#x", end.url);
    let start = Peer::start(move |asked| match asked.target.as_str() {
        "/away" => Answers::with(307, &[("location", &there)], b""),
        "/see" => Answers::with(303, &[("location", "here?a=b")], b""),
        "/round" => Answers::with(302, &[("location", "/round")], b""),
        _ => Answers::with(200, &[], b"here"),
    })
    .await;
    let caller = Caller::new();
    let ask = |path: &str, most: u32| {
        json!({
            "url": format!("{}{path}", start.url), "method": "POST", "json": [1], "max_redirects": most,
            "headers": { "x-token": "hunter2", "accept-language": "de" }
        })
    };
    // Without redirects, a 3xx answer is an output.
    let answer = caller.outputs(ask("/see", 0)).await;
    assert_eq!((answer["status_code"].clone(), answer["headers"]["location"].clone()), (json!(303), json!("here?a=b")));

    let answer = caller.outputs(ask("/see", 1)).await;
    assert_eq!(answer["final_url"], format!("{}/here?a=b", start.url));
    let seen = start.asked().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.body.len(), seen.headers["x-token"].as_str()), ("GET", 0, "hunter2"));
    assert!(!seen.headers.contains_key("content-type"));

    let answer = caller.outputs(ask("/away", 1)).await;
    assert_eq!(answer["final_url"], format!("{}/end", end.url));
    let seen = end.asked().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.json()), ("POST", json!([1])), "307 keeps both");
    assert!(!seen.headers.contains_key("x-token"), "not meant for another host");
    assert_eq!(seen.headers["accept-language"], "de");

    let round = caller.failure(ask("/round", 3)).await;
    assert_eq!((round.code.as_str(), start.asked().len()), ("response_invalid", 8), "{round:?}");
}

#[tokio::test]
async fn a_proxy_is_used_only_when_it_is_set_and_the_lists_hold_before_it() {
    let proxy = peer().await;
    let caller = Caller::with(|egress| {
        egress.proxy = Some(proxy.url.clone());
        egress.deny_hosts = words("never.example.org");
        egress.allow_networks.clear();
    });
    caller.outputs(json!({ "url": "http://example.org/a?b=c" })).await;
    assert_eq!(proxy.asked()[0].target, "http://example.org/a?b=c");
    denied(&caller, "http://never.example.org/").await;
    denied(&caller, "http://10.0.0.1/").await;
    denied(&caller, "http://127.0.0.1/").await;
    assert_eq!(proxy.asked().len(), 1);
}
