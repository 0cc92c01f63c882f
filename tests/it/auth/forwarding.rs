//! A gateway that forwards to a coordinator with required authentication. The coordinator decides by the caller's
//! credential.

use std::sync::{Arc, Mutex};

use http::Method;
use jsonwebtoken::Algorithm;
use runyard::auth::Secret;
use runyard::config::auth::Mode;
use runyard::config::{Config, Credentials};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{required, why};
use crate::harness::{Answer, Clients, Issuer, Provider, TokenService, World, encoded};
use crate::process::bounded;

pub(super) const NEAR: &str = "arp-run-gateway";
pub(super) const FAR: &str = "arp-run-coordinator";

/// A provider, a remote coordinator with required authentication, and a gateway in front of it.
pub(super) struct Pair {
    pub(super) provider: Provider,
    pub(super) issuer: Issuer,
    pub(super) tokens: TokenService,
    pub(super) far: World,
    pub(super) near: World,
}

/// Servers that trust one issuer, each with its own audience; `change` is for the gateway.
pub(super) async fn pair(credentials: Credentials, change: impl FnOnce(&mut Config)) -> Pair {
    let provider = Provider::start().await;
    let issuer = provider.issuer("one", Algorithm::RS256);
    provider.publishes(&[&issuer]);
    let tokens = TokenService::start(provider.issuer("one", Algorithm::RS256)).await;
    let trusting = |config: &mut Config, audience: &str| {
        required(config);
        config.auth.issuer = Some(provider.url.clone());
        config.auth.audience = Some(vec![audience.to_owned()]);
        config.auth.tenant_claim = Some("tenant".to_owned());
    };
    let far = World::with(|config| trusting(config, FAR)).await;
    let near = World::with(|config| {
        trusting(config, NEAR);
        config.coordinator.url = far.server.url("run-coordinator").map(str::to_owned);
        config.coordinator.credentials = Some(credentials);
        config.auth.outbound.token_endpoint = Some(tokens.url.clone());
        config.auth.outbound.client_id = Some("gateway".to_owned());
        config.auth.outbound.client_secret = Some(Secret::new("gateway-secret"));
        config.auth.outbound.timeout_seconds = 1;
        change(config);
    })
    .await;
    Pair { provider, issuer, tokens, far, near }
}

impl Pair {
    /// Clients of the gateway, for a caller of this tenant whose token is for this audience.
    pub(super) fn caller(&self, tenant: &str, audience: &[&str]) -> Clients {
        self.near.showing(Some(&self.token(tenant, audience)))
    }

    pub(super) fn token(&self, tenant: &str, audience: &[&str]) -> String {
        let mut claims = self.issuer.claims(NEAR);
        claims["aud"] = json!(audience);
        claims["tenant"] = json!(tenant);
        self.issuer.token(&claims)
    }
}

pub(super) async fn get(clients: &Clients, run_id: &str) -> Answer {
    clients.get("run-gateway", &format!("/v1/runs/{run_id}")).await
}

/// Starts, gets, streams and cancels a run through the gateway, and checks what another tenant sees of it.
async fn goes_through(acme: &Clients, other: &Clients, far: &World) {
    let run = acme.run("runyard.core.echo", json!({ "echo": "x" })).await;
    let finished = acme.finished(&run.run_id).await;
    assert_eq!(json!(finished)["extensions"]["runyard.outputs"]["echo"], "x");
    acme.events(&run.run_id).await;
    let asleep = acme.run("runyard.core.sleep", json!({ "seconds": 600 })).await;
    let foreign = get(other, &asleep.run_id).await;
    assert_eq!(foreign.refusal(), (404, "run_not_found".to_owned()), "another tenant's is not there");
    assert!(other.gateway.cancel_run(&asleep.run_id).await.is_err());
    acme.gateway.cancel_run(&asleep.run_id).await.unwrap();
    // The run belongs to the coordinator and to the caller's tenant.
    let key = far.key("acme", &["runs:read"]).await;
    assert_eq!(far.showing(Some(&key)).native.count_runs().await.unwrap().into_inner().total, 2);
    assert_eq!(far.native.count_runs().await.unwrap().into_inner().total, 0);
}

#[tokio::test]
async fn a_token_that_is_passed_says_whose_runs_are_seen() {
    let pair = pair(Credentials::Pass, |_| {}).await;
    let both = &[NEAR, FAR];
    goes_through(&pair.caller("acme", both), &pair.caller("other", both), &pair.far).await;
    assert!(pair.tokens.asked().is_empty());
    assert!(pair.provider.asked() <= 2, "each server fetched the keys once");
    // A token for the gateway alone: the gateway passes on the coordinator's refusal with its challenge.
    let refused = get(&pair.caller("acme", &[NEAR]), "r1").await;
    assert_eq!(why(&refused), (401, "unauthorized".to_owned(), "audience_wrong".to_owned()));
    assert!(refused.header("www-authenticate").unwrap().contains("invalid_token"));
    // The gateway itself refuses a caller without a credential.
    let refused = get(&pair.near.showing(None), "r1").await;
    assert_eq!(why(&refused).2, "credential_missing");
}

#[tokio::test]
async fn a_token_is_exchanged_for_one_of_the_same_tenant_once() {
    let pair = pair(Credentials::Exchange, |config| config.coordinator.scope = Some("runs:all".to_owned())).await;
    goes_through(&pair.caller("acme", &[NEAR]), &pair.caller("other", &[NEAR]), &pair.far).await;
    let asked = pair.tokens.asked();
    assert_eq!(asked.len(), 2, "one for each caller: {asked:?}");
    let form = &asked[0].form;
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:token-exchange");
    assert_eq!(form["subject_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(form["requested_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(form["subject_token"].split('.').count(), 3);
    assert_eq!((&*form["audience"], &*form["scope"]), (FAR, "runs:all"));
    assert_eq!((&*form["client_id"], &*form["client_secret"]), ("gateway", "gateway-secret"));
}

#[tokio::test]
async fn a_gateway_that_speaks_for_itself_does_so_for_nobodys_tenant() {
    let pair = pair(Credentials::ClientCredentials, |config| {
        config.auth.outbound.client_auth = runyard::config::outbound::ClientAuth::Basic;
    })
    .await;
    let run = pair.caller("default", &[NEAR]).run("runyard.core.echo", json!({ "echo": "x" })).await;
    // The local token works, too: it belongs to the folder's owner.
    pair.near.clients.finished(&run.run_id).await;
    assert_eq!(pair.far.native.count_runs().await.unwrap().into_inner().total, 1);
    for caller in [pair.caller("acme", &[NEAR]), pair.near.showing(Some(&pair.near.key("acme", &[]).await))] {
        let refused = get(&caller, &run.run_id).await;
        assert_eq!(why(&refused), (403, "forbidden".to_owned(), "tenant_foreign".to_owned()));
    }
    let asked = pair.tokens.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].form["grant_type"], "client_credentials");
    assert_eq!(asked[0].authorization.as_deref(), Some("Basic Z2F0ZXdheTpnYXRld2F5LXNlY3JldA=="));
    assert!(!asked[0].form.contains_key("client_secret"));
}

#[tokio::test]
async fn without_a_token_to_exchange_the_gateway_speaks_for_itself() {
    let pair = pair(Credentials::Exchange, |config| config.auth.mode = Some(Mode::Optional)).await;
    let anonymous = pair.near.showing(None);
    let run = anonymous.run("runyard.core.echo", json!({ "echo": "x" })).await;
    anonymous.finished(&run.run_id).await;
    // A key of the gateway is not a token either.
    let key = pair.near.key("default", &[]).await;
    assert_eq!(get(&pair.near.showing(Some(&key)), &run.run_id).await.status, 200);
    let key = pair.near.key("acme", &[]).await;
    assert_eq!(why(&get(&pair.near.showing(Some(&key)), &run.run_id).await).2, "tenant_foreign");
    assert_eq!(pair.tokens.asked().len(), 1);
    // A caller with a token acts with its own identity, not with the gateway's.
    assert_eq!(get(&pair.caller("acme", &[NEAR]), &run.run_id).await.status, 404);
}

#[tokio::test]
async fn a_gateway_without_authentication_forwards_credentials() {
    let far = World::with(required).await;
    let near = World::with(|config| {
        config.coordinator.url = far.server.url("run-coordinator").map(str::to_owned);
    })
    .await;
    let key = far.key("acme", &[]).await;
    let acme = near.showing(Some(&key));
    let run = acme.run("runyard.core.echo", json!({ "echo": "x" })).await;
    acme.finished(&run.run_id).await;
    let reader = near.showing(Some(&far.key("acme", &["runs:read"]).await));
    assert_eq!(get(&reader, &run.run_id).await.status, 200);
    let canceled = reader.send("run-gateway", reader.request("run-gateway", Method::POST, "/v1/runs/x:cancel")).await;
    assert_eq!(why(&canceled), (403, "forbidden".to_owned(), "scope_missing".to_owned()));
    assert!(canceled.header("www-authenticate").unwrap().contains("insufficient_scope"));
    let refused = get(&near.showing(None), &run.run_id).await;
    assert_eq!(why(&refused).2, "credential_missing");
    assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer"));
}

#[tokio::test]
async fn nothing_is_shown_where_nothing_is_to_be_and_the_folders_token_never_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let serving = tokio::spawn({
        let heads = Arc::clone(&heads);
        async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0; 8192];
                let length = stream.read(&mut head).await.unwrap();
                heads.lock().unwrap().push(String::from_utf8_lossy(&head[..length]).to_ascii_lowercase());
                let body = json!({ "error": { "code": "unauthorized", "message": "no" } }).to_string();
                let head = format!(
                    "HTTP/1.1 401 x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            }
        }
    });
    for (credentials, status, code) in
        [(Credentials::Pass, 401, "unauthorized"), (Credentials::None, 502, "run_coordinator_refused")]
    {
        let near = World::with(|config| {
            required(config);
            config.coordinator.url = Some(url.clone());
            config.coordinator.credentials = Some(credentials);
        })
        .await;
        let answer = bounded("an answer", get(&near.clients, "r1")).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{credentials:?}");
        assert_eq!(answer.header("www-authenticate"), (status == 401).then_some("Bearer"), "a 401 has a challenge");
        if credentials == Credentials::None {
            let key = near.key("acme", &[]).await;
            assert_eq!(why(&get(&near.showing(Some(&key)), "r1").await).2, "tenant_foreign");
        }
    }
    serving.abort();
    let heads = heads.lock().unwrap().clone();
    assert_eq!(heads.len(), 2);
    assert!(heads.iter().all(|head| !head.contains("authorization")), "{heads:?}");
}

#[tokio::test]
async fn what_is_no_token_is_exchanged_for_nothing() {
    let pair = pair(Credentials::Exchange, |config| config.auth.mode = Some(Mode::Disabled)).await;
    pair.tokens.gives(crate::harness::Gives::Exactly(400, json!({ "error": "invalid_request" }).to_string()));
    let nonsense = format!("{}.{}.x", encoded(&json!({ "alg": "none" })), encoded(&json!({ "tenant": "acme" })));
    let refused = get(&pair.near.showing(Some(&nonsense)), "r1").await;
    assert_eq!(why(&refused), (401, "unauthorized".to_owned(), "exchange_refused".to_owned()));
    assert!(refused.header("www-authenticate").unwrap().contains("invalid_token"));
}
