//! What a builder accepts and refuses.

use runyard_client::run_gateway::{Client, HealthRequest};
use runyard_client::{BuildError, reqwest};
use serde_json::json;

use crate::scripted::{Act, Scripted};

fn health() -> Act {
    Act::json(200, &json!({ "status": "ok", "time": "2026-01-01T00:00:00Z" }))
}

#[tokio::test]
async fn every_call_has_the_headers_and_none_of_them_is_printed() {
    let server = Scripted::new(|_, _| health()).await;
    let builder = Client::builder(format!("{}/below/", server.url))
        .no_proxy()
        .header("X-Api-Key", "hidden")
        .user_agent("mine/1")
        .token("hidden");
    assert!(!format!("{builder:?}").contains("hidden"));
    let client = builder.build().unwrap();
    assert!(!format!("{client:?}").contains("hidden"));
    HealthRequest {}.send(&client).await.unwrap();
    let [asked] = &server.asked()[..] else { panic!("one request") };
    assert_eq!(asked.line, "GET /below/v1/health");
    let sent = ["x-api-key", "user-agent", "authorization"].map(|name| asked.header(name).unwrap());
    assert_eq!(sent, ["hidden", "mine/1", "Bearer hidden"]);
}

#[tokio::test]
async fn a_client_of_ones_own_is_used() {
    let server = Scripted::new(|_, _| health()).await;
    let headers = [("x-own", "1")].map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let config = reqwest::Client::builder().no_proxy().default_headers(headers.into_iter().collect());
    #[cfg(feature = "tls")]
    let config = config.tls_backend_preconfigured(crate::tls::nothing_trusted());
    let client = Client::builder(&server.url).http(config.build().unwrap()).build().unwrap();
    HealthRequest {}.send(&client).await.unwrap();
    assert_eq!(server.asked()[0].header("x-own"), Some("1"));
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_sent() {
    for url in ["", "127.0.0.1:8081", "ftp://a", "http://a/?b", "http://a/#b", "http://u:secret@a"] {
        let error = Client::builder(url).build().unwrap_err();
        assert!(matches!(error, BuildError::Url { .. }), "{url}: {error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    for builder in [Client::builder("http://a").header("a b", "c"), Client::builder("http://a").token("a\nb")] {
        let error = builder.build().unwrap_err();
        assert!(matches!(error, BuildError::Header { .. }), "{error:?}");
        assert!(!error.to_string().contains("a\nb"), "{error}");
    }
}

#[test]
#[cfg(not(feature = "tls"))]
fn https_without_the_feature_is_an_error_that_names_the_feature() {
    let error = Client::builder("https://a").build().unwrap_err();
    assert!(matches!(error, BuildError::NoTls { .. }) && error.to_string().contains("`tls`"), "{error}");
}
