//! An identity provider that starts late, rotates its keys, fails, is slow, or sends invalid answers. Its faults are
//! 503, never 401.

use futures::future::join_all;
use http::Method;
use jsonwebtoken::Algorithm;
use serde_json::json;
use tokio::net::TcpListener;

use super::{READS, required, why};
use crate::harness::{Answer, Answers, Clients, Issuer, Provider, World, eventually};

/// A server that trusts the provider, and caches its keys for this long.
async fn trusting(url: &str, max_age_seconds: u64) -> World {
    World::with(|config| {
        required(config);
        config.auth.issuer = Some(url.to_owned());
        config.auth.audience = Some(vec!["us".to_owned()]);
        config.auth.jwks_max_age_seconds = max_age_seconds;
    })
    .await
}

async fn count(clients: &Clients, issuer: &Issuer) -> Answer {
    let token = issuer.token(&issuer.claims("us"));
    clients.send("runyard", clients.request("runyard", Method::GET, "/v1/run-counts").bearer_auth(token)).await
}

fn is_unavailable(answer: &Answer) {
    assert_eq!(answer.refusal(), (503, "unavailable".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("2"));
    assert!(answer.json()["error"].get("retryable").is_none_or(|retryable| retryable == true));
    assert_eq!(answer.header("www-authenticate"), None, "the caller is not to blame");
}

#[tokio::test]
async fn a_provider_need_not_be_there_when_the_server_starts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let world = trusting(&format!("http://{address}"), 600).await;
    let anonymous = world.showing(None);
    let issuer = Issuer::new(&format!("http://{address}"), "one", Algorithm::RS256);
    is_unavailable(&count(&anonymous, &issuer).await);
    for (api, path, _) in READS {
        let token = issuer.token(&issuer.claims("us"));
        is_unavailable(&anonymous.send(api, anonymous.request(api, Method::GET, path).bearer_auth(token)).await);
    }
    // Other callers do not wait for it.
    let key = world.key("default", &[]).await;
    world.showing(Some(&key)).native.count_runs().await.unwrap();

    let provider = Provider::at(TcpListener::bind(address).await.unwrap());
    provider.publishes(&[&issuer]);
    let found = eventually("the provider is found", async || {
        let answer = count(&anonymous, &issuer).await;
        (answer.status != 503).then_some(answer.status)
    })
    .await;
    assert_eq!(found, 200);
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_one_that_is_taken_back_soon() {
    let provider = Provider::start().await;
    let (old, new) = (provider.issuer("old", Algorithm::RS256), provider.issuer("new", Algorithm::ES256));
    provider.publishes(&[&old]);
    let world = World::with(|config| {
        required(config);
        config.auth.issuer = Some(provider.url.clone());
        config.auth.algorithms = "RS256,ES256".to_owned();
        config.auth.jwks_max_age_seconds = 1;
    })
    .await;
    let anonymous = world.showing(None);
    assert_eq!(count(&anonymous, &old).await.status, 200);
    provider.publishes(&[&old, &new]);
    assert_eq!(count(&anonymous, &new).await.status, 200, "the server looks again for a key that it does not know");
    assert_eq!(count(&anonymous, &old).await.status, 200);
    provider.publishes(&[&new]);
    let reason = eventually("the old key is taken back", async || {
        let answer = count(&anonymous, &old).await;
        (answer.status != 200).then(|| why(&answer).2)
    })
    .await;
    assert_eq!(reason, "signing_key_unknown");
    assert_eq!(count(&anonymous, &new).await.status, 200);
}

#[tokio::test]
async fn a_provider_that_fails_later_locks_no_caller_out() {
    let provider = Provider::start().await;
    let issuer = provider.issuer("one", Algorithm::RS256);
    provider.publishes(&[&issuer]);
    let world = trusting(&provider.url, 1).await;
    let anonymous = world.showing(None);
    assert_eq!(count(&anonymous, &issuer).await.status, 200);
    provider.answers(Answers::Exactly(500, "out of order".into()));
    let before = provider.asked();
    eventually("the provider is called again and fails", async || {
        assert_eq!(count(&anonymous, &issuer).await.status, 200);
        (provider.asked() > before).then_some(())
    })
    .await;
    assert_eq!(count(&anonymous, &issuer).await.status, 200);
}

#[tokio::test]
async fn rubbish_is_no_key_and_nobodys_fault_but_the_providers() {
    let elsewhere = Provider::start().await;
    let issuer = elsewhere.issuer("one", Algorithm::RS256);
    elsewhere.publishes(&[&issuer]);
    let large = json!({ "keys": [issuer.public()], "padding": "x".repeat(600_000) }).to_string();
    for answers in [
        Answers::Exactly(500, json!({ "keys": [issuer.public()] }).to_string()),
        Answers::Exactly(404, String::new()),
        Answers::Exactly(200, "<html>sign in</html>".into()),
        Answers::Exactly(200, json!([]).to_string()),
        Answers::Exactly(200, json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0", "kid": "one" }] }).to_string()),
        Answers::Exactly(200, large),
        Answers::Keys(Vec::new()),
        Answers::Redirect(format!("{}/keys", elsewhere.url)),
    ] {
        let provider = Provider::start().await;
        let own = provider.issuer("one", Algorithm::RS256);
        provider.answers(answers.clone());
        let world = trusting(&provider.url, 600).await;
        is_unavailable(&count(&world.showing(None), &own).await);
        assert_eq!(provider.asked(), 1, "{answers:?}");
    }
    for metadata in [
        json!({ "issuer": "https://elsewhere.example", "jwks_uri": format!("{}/keys", elsewhere.url) }),
        json!({ "jwks_uri": format!("{}/keys", elsewhere.url) }),
        json!({ "issuer": elsewhere.url, "jwks_uri": "not a URL" }),
        json!({ "issuer": elsewhere.url, "jwks_uri": "http://keys.example.org/keys" }),
        json!({ "issuer": elsewhere.url }),
        json!("text"),
    ] {
        elsewhere.says(metadata.clone());
        let before = elsewhere.asked();
        let world = trusting(&elsewhere.url, 600).await;
        is_unavailable(&count(&world.showing(None), &issuer).await);
        assert_eq!(elsewhere.asked(), before, "{metadata}: its keys are not even asked for");
    }
}

#[tokio::test]
async fn a_provider_that_says_nothing_is_waited_for_once_and_not_for_ever() {
    let provider = Provider::start().await;
    let issuer = provider.issuer("one", Algorithm::RS256);
    provider.answers(Answers::Nothing);
    let world = trusting(&provider.url, 600).await;
    let anonymous = world.showing(None);
    let waiting = join_all((0..20).map(|_| count(&anonymous, &issuer)));
    let (answers, ()) = tokio::join!(waiting, async {
        // Callers with another kind of credential do not wait.
        world.native.count_runs().await.unwrap();
    });
    answers.iter().for_each(is_unavailable);
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn metadata_that_are_named_alone_say_who_the_issuer_is() {
    let provider = Provider::start().await;
    let issuer = Issuer::new("https://public.example/realm", "one", Algorithm::RS256);
    provider.publishes(&[&issuer]);
    provider.says(json!({ "issuer": issuer.name, "jwks_uri": format!("{}/keys", provider.url) }));
    let world = World::with(|config| {
        required(config);
        config.auth.discovery_url = Some(format!("{}/.well-known/openid-configuration", provider.url));
    })
    .await;
    let anonymous = world.showing(None);
    assert_eq!(count(&anonymous, &issuer).await.status, 200);
    let other = Issuer::new("https://other.example", "one", Algorithm::RS256);
    assert_eq!(why(&count(&anonymous, &other).await).2, "issuer_wrong");
}

#[tokio::test]
async fn each_api_may_have_an_audience_of_its_own_and_a_list_of_them() {
    let provider = Provider::start().await;
    let issuer = provider.issuer("one", Algorithm::RS256);
    provider.publishes(&[&issuer]);
    let world = World::with(|config| {
        required(config);
        config.auth.issuer = Some(provider.url.clone());
        config.auth.audience = Some(vec!["us".to_owned(), "us-too".to_owned()]);
        config.auth.audiences.runtime = Some(vec!["arp-runtime".to_owned()]);
    })
    .await;
    let anonymous = world.showing(None);
    for (audience, runyard, runtime) in
        [("us", 200, 401), ("us-too", 200, 401), ("arp-runtime", 401, 404), ("x", 401, 401)]
    {
        let token = issuer.token(&issuer.claims(audience));
        for (api, path, status) in [("runyard", "/v1/run-counts", runyard), ("runtime", "/v1/runs/x", runtime)] {
            let answer = anonymous.send(api, anonymous.request(api, Method::GET, path).bearer_auth(&token)).await;
            assert_eq!(answer.status, status, "{audience} at {api}");
            assert!(status != 401 || why(&answer).2 == "audience_wrong");
        }
    }
}

#[tokio::test]
async fn keys_without_an_issuer_keep_the_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let mut config =
        runyard::config::Config { data_dir: folder.path().join("data"), port_base: 0, ..Default::default() };
    config.auth.jwks_uri = Some("https://id.example.org/keys".to_owned());
    let started = runyard::serve::Server::start(&config, slog::Logger::root(slog::Discard, slog::o!())).await;
    let Err(error) = started else { panic!("it started") };
    assert!(error.to_string().contains("auth.issuer"), "{error}");
}
