//! Tokens of an identity provider: the valid ones, and the whole table of invalid ones, at every API.

use std::collections::BTreeSet;

use base64::Engine;
use http::Method;
use jsonwebtoken::Algorithm;
use runyard::config::Config;
use runyard_api::host::Settings;
use serde_json::{Value, json};

use super::{READS, reason_at, required, sentence, why};
use crate::harness::{ALGORITHMS, Answer, Apart, Clients, Issuer, Provider, World, encoded};

const AUDIENCE: &str = "arp-run-gateway";

fn trusting<'a>(provider: &'a Provider, more: impl FnOnce(&mut Config) + 'a) -> impl FnOnce(&mut Config) + 'a {
    move |config| {
        required(config);
        config.auth.issuer = Some(provider.url.clone());
        config.auth.audience = Some(vec![AUDIENCE.to_owned()]);
        more(config);
    }
}

async fn world(provider: &Provider) -> World {
    World::with(trusting(provider, |_| {})).await
}

async fn shown(clients: &Clients, api: &str, path: &str, token: &str) -> Answer {
    clients.send(api, clients.request(api, Method::GET, path).bearer_auth(token)).await
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn base64_of(text: &str) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

#[tokio::test]
async fn a_valid_token_is_accepted_by_every_api() {
    let provider = Provider::start().await;
    let issuer = provider.issuer("one", Algorithm::RS256);
    provider.publishes(&[&issuer]);
    let world = world(&provider).await;
    let anonymous = world.showing(None);
    assert_eq!(provider.asked(), 0, "no token was sent yet");
    let claims = issuer.claims(AUDIENCE);
    for good in [
        claims.clone(),
        with(claims.clone(), "aud", json!(["other", AUDIENCE])),
        with(claims.clone(), "exp", json!(claims["exp"].as_f64().unwrap() + 0.5)),
        without(without(without(claims.clone(), "nbf"), "iat"), "sub"),
        // Within the clock skew of a minute.
        with(claims.clone(), "exp", json!(claims["iat"].as_i64().unwrap() - 30)),
        with(with(claims.clone(), "nbf", json!(claims["iat"].as_i64().unwrap() + 30)), "azp", json!("other-app")),
    ] {
        for (api, path, status) in READS {
            assert_eq!(shown(&anonymous, api, path, &issuer.token(&good)).await.status, status, "{api} {good}");
        }
    }
    for typ in [json!("at+jwt"), json!("application/at+jwt"), json!("jwt")] {
        let token = issuer.signed(&with(issuer.header(), "typ", typ), &claims);
        assert_eq!(shown(&anonymous, "runyard", "/v1/run-counts", &token).await.status, 200);
    }
    for header in [without(issuer.header(), "typ"), without(issuer.header(), "kid")] {
        let token = issuer.signed(&header, &claims);
        assert_eq!(shown(&anonymous, "runyard", "/v1/run-counts", &token).await.status, 200, "{header}");
    }
    assert_eq!(provider.asked(), 1, "its keys were fetched once for all of it");
}

#[tokio::test]
async fn each_algorithm_is_believed_where_it_is_listed_and_its_key_fits() {
    let provider = Provider::start().await;
    let issuers: Vec<Issuer> =
        ALGORITHMS.into_iter().map(|algorithm| provider.issuer(&format!("{algorithm:?}"), algorithm)).collect();
    provider.publishes(&issuers.iter().collect::<Vec<_>>());
    let all = World::with(trusting(&provider, |config| {
        config.auth.algorithms = ALGORITHMS.map(|algorithm| format!("{algorithm:?}")).join(",");
    }))
    .await;
    let one = world(&provider).await;
    for issuer in &issuers {
        let token = issuer.token(&issuer.claims(AUDIENCE));
        let answer = shown(&all.showing(None), "runyard", "/v1/run-counts", &token).await;
        assert_eq!(answer.status, 200, "{}", issuer.key_id);
        let answer = shown(&one.showing(None), "runyard", "/v1/run-counts", &token).await;
        if issuer.algorithm == Algorithm::RS256 {
            assert_eq!(answer.status, 200);
        } else {
            assert_eq!(why(&answer).2, "algorithm_refused", "{}", issuer.key_id);
        }
        // The right key with another algorithm of its kind in the header: the algorithm of the key counts.
        let other = if issuer.algorithm == Algorithm::PS256 { "RS256" } else { "PS256" };
        let crossed = issuer.signed(&with(issuer.header(), "alg", json!(other)), &issuer.claims(AUDIENCE));
        let answer = shown(&all.showing(None), "runyard", "/v1/run-counts", &crossed).await;
        assert_eq!(why(&answer).2, "algorithm_mismatch", "{}", issuer.key_id);
    }
}

#[tokio::test]
async fn a_server_whose_clock_was_ahead_judges_tokens_by_the_clock_once_it_is_set_right() {
    let provider = Provider::start().await;
    let issuer = provider.issuer("one", Algorithm::RS256);
    provider.publishes(&[&issuer]);
    let mut config = Config::default();
    trusting(&provider, |_| {})(&mut config);
    let world = Apart::asking(Settings::default(), &config.auth);
    let ahead_s = 3_600;
    let right_s = world.clock.now_ms() / 1_000 - ahead_s;
    let times = [("iat", right_s), ("nbf", right_s), ("exp", right_s + 300)];
    let claims = times.into_iter().fold(issuer.claims(AUDIENCE), |claims, (name, at)| with(claims, name, json!(at)));
    let token = issuer.token(&claims);
    let clients = world.showing(None);
    let answer = shown(&clients, "runyard", "/v1/run-counts", &token).await;
    assert_eq!(why(&answer).2, "token_expired");
    world.clock.jump(-ahead_s * 1_000);
    assert_eq!(shown(&clients, "runyard", "/v1/run-counts", &token).await.status, 200);
}

/// Every invalid token, and the reason in the answer.
fn bad_tokens(issuer: &Issuer) -> Vec<(&'static str, String, &'static str)> {
    let (claims, header) = (issuer.claims(AUDIENCE), issuer.header());
    let good = issuer.token(&claims);
    let now = claims["iat"].as_i64().unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let claim = |name: &str, value: Value| issuer.token(&with(claims.clone(), name, value));
    let head = |name: &str, value: Value| issuer.signed(&with(header.clone(), name, value), &claims);
    let unsigned =
        |alg: &str| format!("{}.{}.", encoded(&json!({"alg": alg, "typ": "JWT", "kid": issuer.key_id})), parts[1]);
    // Key confusion: the public key as the secret of an HMAC.
    let public = issuer.public();
    let confused = |secret: &[u8]| {
        let message = format!("{}.{}", encoded(&with(header.clone(), "alg", json!("HS256"))), parts[1]);
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    };
    vec![
        ("not a token at all", "nonsense".into(), "credential_unknown"),
        ("one dot", format!("{}.{}", parts[0], parts[1]), "token_malformed"),
        ("three dots", format!("{good}.x"), "token_malformed"),
        ("dots alone", "..".into(), "token_malformed"),
        ("no base64", format!("!!.{}.{}", parts[1], parts[2]), "token_malformed"),
        ("padded base64", format!("{}=.{}.{}", parts[0], parts[1], parts[2]), "token_malformed"),
        ("a header that is no JSON", format!("bm8.{}.{}", parts[1], parts[2]), "token_malformed"),
        ("a header that is no object", format!("{}.{}.{}", encoded(&json!([])), parts[1], parts[2]), "token_malformed"),
        ("a header without alg", issuer.signed(&without(header.clone(), "alg"), &claims), "token_malformed"),
        ("claims that are no object", issuer.token(&json!(["iss"])), "token_malformed"),
        ("an exp that is no number", claim("exp", json!("tomorrow")), "token_malformed"),
        ("an encrypted one", format!("{good}.{}.{}", parts[1], parts[2]), "token_malformed"),
        ("too large", claim("padding", json!("x".repeat(20_000))), "token_too_large"),
        ("expired", claim("exp", json!(now - 61)), "token_expired"),
        ("expired long ago", claim("exp", json!(0)), "token_expired"),
        ("without exp", issuer.token(&without(claims.clone(), "exp")), "token_without_expiry"),
        ("not yet valid", claim("nbf", json!(now + 120)), "token_not_yet_valid"),
        ("from the future", claim("iat", json!(now + 120)), "token_from_the_future"),
        ("another issuer", claim("iss", json!("https://elsewhere.example")), "issuer_wrong"),
        ("nearly the issuer", claim("iss", json!(format!("{}/", issuer.name))), "issuer_wrong"),
        ("no issuer", issuer.token(&without(claims.clone(), "iss")), "issuer_wrong"),
        ("a list of issuers", claim("iss", json!([issuer.name])), "issuer_wrong"),
        ("another audience", claim("aud", json!("arp-run-coordinator")), "audience_wrong"),
        ("a longer audience", claim("aud", json!(format!("{AUDIENCE}-2"))), "audience_wrong"),
        ("other audiences", claim("aud", json!(["a", "b", 7])), "audience_wrong"),
        ("no audience", issuer.token(&without(claims.clone(), "aud")), "audience_wrong"),
        ("another algorithm than is listed", head("alg", json!("ES256")), "algorithm_refused"),
        ("an unknown algorithm", head("alg", json!("RS257")), "algorithm_refused"),
        ("none", unsigned("none"), "algorithm_refused"),
        ("None", unsigned("None"), "algorithm_refused"),
        ("nOnE", unsigned("nOnE"), "algorithm_refused"),
        ("no signature", format!("{}.{}.", parts[0], parts[1]), "signature_invalid"),
        ("key confusion with the modulus", confused(public["n"].as_str().unwrap().as_bytes()), "algorithm_refused"),
        ("key confusion with the whole key", confused(public.to_string().as_bytes()), "algorithm_refused"),
        ("an unknown key id", head("kid", json!("two")), "signing_key_unknown"),
        ("an empty key id", head("kid", json!("")), "signing_key_unknown"),
        ("another's key under the right id", issuer.impostor().token(&claims), "signature_invalid"),
        (
            "another's key and no id",
            issuer.impostor().signed(&without(header.clone(), "kid"), &claims),
            "signature_invalid",
        ),
        (
            "another's key in the header",
            {
                let own = with(header.clone(), "jwk", issuer.impostor().public());
                issuer.impostor().signed(&own, &claims)
            },
            "signature_invalid",
        ),
        (
            "another's claims",
            {
                let other = encoded(&with(claims.clone(), "sub", json!("root")));
                format!("{}.{other}.{}", parts[0], parts[2])
            },
            "signature_invalid",
        ),
        ("a critical extension", head("crit", json!(["exp"])), "token_kind"),
        ("a critical extension that is null", head("crit", Value::Null), "token_kind"),
        (
            "two algorithms",
            {
                let twice = format!("{{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"{}\"}}", issuer.key_id);
                format!("{}.{}.{}", base64_of(&twice), parts[1], parts[2])
            },
            "token_malformed",
        ),
        ("a key id that is a list", head("kid", json!(["one"])), "token_malformed"),
        ("an unencoded payload", head("b64", json!(false)), "token_kind"),
        ("a token for something else", head("typ", json!("logout+jwt")), "token_kind"),
        ("a proof of possession", head("typ", json!("dpop+jwt")), "token_kind"),
    ]
}

#[tokio::test]
async fn the_whole_table_of_bad_tokens() {
    let provider = Provider::start().await;
    let issuer = provider.issuer("one", Algorithm::RS256);
    provider.publishes(&[&issuer]);
    let world = world(&provider).await;
    let anonymous = world.showing(None);
    for (what, token, reason) in bad_tokens(&issuer) {
        let mut sentences = BTreeSet::new();
        for (api, path, _) in READS {
            let answer = shown(&anonymous, api, path, &token).await;
            assert_eq!(why(&answer), (401, "unauthorized".into(), reason_at(api, reason)), "{api}: {what}");
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(challenge.starts_with("Bearer realm=\"runyard\", error=\"invalid_token\", error_description=\""));
            assert!(
                !answer.text().contains("ada@example.org") && !answer.text().contains(&issuer.name),
                "{what}: {}",
                answer.text()
            );
            sentences.insert((sentence(&answer), challenge.to_owned()));
        }
        assert_eq!(sentences.len(), 1, "{what}: the same sentence and challenge at every API: {sentences:?}");
    }
    let good = issuer.token(&issuer.claims(AUDIENCE));
    assert_eq!(shown(&anonymous, "runyard", "/v1/run-counts", &good).await.status, 200, "and the good one still holds");
    assert!(provider.asked() <= 2, "made up key ids do not make the server ask: {}", provider.asked());
}

#[tokio::test]
async fn headers_without_a_token_get_an_error_that_says_what_is_wrong() {
    let provider = Provider::start().await;
    let world = world(&provider).await;
    let anonymous = world.showing(None);
    for (value, reason, error) in [
        ("", "scheme_unsupported", None),
        ("Bearer", "header_malformed", Some("invalid_request")),
        ("Bearer  ", "header_malformed", Some("invalid_request")),
        ("Bearer a b", "header_malformed", Some("invalid_request")),
        ("Basic YTpi", "scheme_unsupported", None),
        ("a.b.c", "scheme_unsupported", None),
    ] {
        for (api, path, _) in READS {
            let request = anonymous.request(api, Method::GET, path).header("authorization", value);
            let answer = anonymous.send(api, request).await;
            assert_eq!(why(&answer), (401, "unauthorized".into(), reason_at(api, reason)), "{api} {value:?}");
            let challenge = answer.header("www-authenticate").unwrap();
            assert_eq!(challenge.contains("error="), error.is_some(), "{challenge}");
            assert!(error.is_none_or(|error| challenge.contains(error)), "{challenge}");
        }
    }
    assert_eq!(provider.asked(), 0);
}

#[tokio::test]
async fn a_token_where_no_provider_is_trusted_is_refused() {
    let world = World::with(required).await;
    let issuer = Issuer::new("https://id.example.org", "one", Algorithm::RS256);
    let answer = shown(&world.showing(None), "runyard", "/v1/run-counts", &issuer.token(&issuer.claims("x"))).await;
    assert_eq!(why(&answer).2, "provider_missing");
}

#[tokio::test]
async fn what_is_not_configured_is_not_asked_for() {
    let provider = Provider::start().await;
    let issuer = Issuer::new("anybody", "one", Algorithm::RS256);
    provider.publishes(&[&issuer]);
    let world = World::with(|config| {
        required(config);
        config.auth.issuer = Some("anybody".to_owned());
        config.auth.jwks_uri = Some(format!("{}/keys", provider.url));
    })
    .await;
    let token = issuer.token(&issuer.claims("anything"));
    assert_eq!(shown(&world.showing(None), "runyard", "/v1/run-counts", &token).await.status, 200);
}

#[tokio::test]
async fn scopes_of_a_token_are_asked_for_where_they_are_named() {
    let provider = Provider::start().await;
    let issuer = provider.issuer("one", Algorithm::RS256);
    provider.publishes(&[&issuer]);
    let asking = World::with(trusting(&provider, |config| {
        config.auth.scopes.read = Some("look".into());
        config.auth.scopes.write = Some("do".into());
        config.auth.scopes.admin = Some("keys".into());
    }))
    .await;
    let plain = world(&provider).await;
    let anonymous = asking.showing(None);
    let cancel = |token: &str| {
        let request = anonymous.request("run-gateway", Method::POST, "/v1/runs/unknown:cancel").bearer_auth(token);
        anonymous.send("run-gateway", request)
    };
    for (scopes, statuses) in [
        (json!({}), [403, 403, 403]),
        (json!({"scope": "look"}), [200, 403, 403]),
        (json!({"scope": "openid do"}), [403, 404, 403]),
        (json!({"scope": "keys look do"}), [200, 404, 200]),
        (json!({"scp": ["look", "do"]}), [200, 404, 403]),
        (json!({"scp": "look"}), [200, 403, 403]),
        (json!({"scope": "looking overdo"}), [403, 403, 403]),
    ] {
        let mut claims = issuer.claims(AUDIENCE);
        claims.as_object_mut().unwrap().extend(scopes.as_object().unwrap().clone());
        let token = issuer.token(&claims);
        let read = shown(&anonymous, "runyard", "/v1/run-counts", &token).await;
        let keys = shown(&anonymous, "runyard", "/v1/keys", &token).await;
        assert_eq!([read.status, cancel(&token).await.status, keys.status], statuses, "{scopes}");
        if read.status == 403 {
            assert_eq!(read.json()["error"]["details"]["scope"], "look");
            assert!(read.header("www-authenticate").unwrap().contains("scope=\"look\""));
        }
    }
    let admin = issuer.token(&with(issuer.claims(AUDIENCE), "scope", json!("admin owner runs:write")));
    let answer = shown(&plain.showing(None), "runyard", "/v1/keys", &admin).await;
    assert_eq!(why(&answer).2, "scope_missing", "keys are made by tokens only where a scope is named for it");
}

#[tokio::test]
async fn the_tenant_is_the_claim_that_is_named_for_it() {
    let provider = Provider::start().await;
    let issuer = provider.issuer("one", Algorithm::RS256);
    provider.publishes(&[&issuer]);
    let named = World::with(trusting(&provider, |config| config.auth.tenant_claim = Some("org".into()))).await;
    let plain = world(&provider).await;
    let token = |tenant: Value| issuer.token(&with(issuer.claims(AUDIENCE), "org", tenant));
    let acme = named.showing(Some(&token(json!("acme"))));
    let run = acme.run("runyard.core.echo", json!({"echo": "x"})).await.run_id;
    acme.finished(&run).await;
    let other = named.showing(Some(&token(json!("other"))));
    assert_eq!(other.get("run-gateway", &format!("/v1/runs/{run}")).await.status, 404);
    for missing in [json!(null), json!(""), json!(7), json!(["acme"]), json!("a\nb"), json!("x".repeat(300))] {
        let answer = shown(&named.showing(None), "runyard", "/v1/run-counts", &token(missing.clone())).await;
        assert_eq!(why(&answer), (401, "unauthorized".into(), "tenant_missing".into()), "{missing}");
    }
    let bare = issuer.token(&issuer.claims(AUDIENCE));
    assert_eq!(why(&shown(&named.showing(None), "runyard", "/v1/run-counts", &bare).await).2, "tenant_missing");
    // Where no claim is configured, the server ignores a token's claim about its tenant.
    let caller = plain.showing(Some(&token(json!("acme"))));
    let run = caller.run("runyard.core.echo", json!({"echo": "x"})).await.run_id;
    assert_eq!(plain.get("run-gateway", &format!("/v1/runs/{run}")).await.status, 200, "tenant default");
}
