//! API keys through the Runyard API: who may create, read, list and revoke them.

use http::Method;
use serde_json::{Value, json};

use super::{READS, reason_at, required, why};
use crate::harness::{Clients, Refused, World, refused, typed};

async fn create(clients: &Clients, body: Value) -> Result<Value, Refused> {
    let created = clients.native.create_key(&typed(body)).await;
    created.map(|created| json!(created.into_inner())).map_err(Refused::of)
}

/// Ids of the keys that a caller sees, over all pages.
async fn listed(clients: &Clients, tenant: Option<&str>) -> Vec<String> {
    let tenant = tenant.map(|tenant| tenant.parse().unwrap());
    let (mut ids, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let limit = std::num::NonZeroU32::new(2);
        let page = clients.native.list_keys(cursor.as_deref(), limit, tenant.as_ref()).await.unwrap().into_inner();
        assert!(page.keys.len() <= 2);
        ids.extend(page.keys.into_iter().map(|key| key.key_id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return ids;
        }
    }
}

fn id(key: &str) -> &str {
    key.split('_').nth(1).unwrap()
}

#[tokio::test]
async fn a_key_is_shown_once_and_taken_in_both_headers_where_the_document_has_both() {
    let world = World::with(required).await;
    let created = create(&world, json!({"tenant": "acme", "name": "CI", "expires_in_seconds": 3600})).await.unwrap();
    let (key, shown) = (created["api_key"].as_str().unwrap(), &created["key"]);
    assert_eq!((shown["key_id"].as_str(), shown["tenant"].as_str()), (Some(id(key)), Some("acme")));
    assert_eq!((&shown["name"], &shown["state"]), (&json!("CI"), &json!("active")));
    assert_eq!(shown["scopes"], json!(["runs:read", "runs:write"]));
    let all = world.get("runyard", "/v1/keys").await;
    assert!(!all.text().contains(key) && all.text().contains(id(key)), "{}", all.text());

    let anonymous = world.showing(None);
    let ask = async |api: &str, path: &str, name: &str, value: &str| {
        anonymous.send(api, anonymous.request(api, Method::GET, path).header(name, value)).await
    };
    let bearer = format!("Bearer {key}");
    for (api, path, status) in READS {
        assert_eq!(ask(api, path, "authorization", &bearer).await.status, status, "{api}");
        let answer = ask(api, path, "x-api-key", key).await;
        if ["toolregistry", "acp", "runyard"].contains(&api) {
            assert_eq!(answer.status, status, "{api}");
        } else {
            assert_eq!(why(&answer).2, reason_at(api, "credential_missing"), "{api}'s document knows no such header");
        }
    }
    let both = anonymous.request("runyard", Method::GET, "/v1/run-counts").header("x-api-key", key);
    let answer = anonymous.send("runyard", both.header("authorization", "Bearer other")).await;
    assert_eq!(why(&answer), (401, "unauthorized".into(), "credential_ambiguous".into()));
}

#[tokio::test]
async fn the_answer_with_a_key_is_kept_by_no_cache() {
    let world = World::with(required).await;
    let answer = world.post("runyard", "/v1/keys", "{}").await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store")));
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_nothing_else() {
    let world = World::with(required).await;
    let run = world.run("runyard.composite.external", json!({})).await.run_id;
    let cancel = format!("/v1/runs/{run}:cancel");
    for (scope, statuses, missing) in [
        ("runs:read", [200, 403, 403], "runs:write"),
        ("runs:write", [403, 200, 403], "runs:read"),
        ("admin", [403, 403, 200], "runs:read"),
    ] {
        let caller = world.showing(Some(&world.key("default", &[scope]).await));
        let asked = [
            caller.get("run-coordinator", &format!("/v1/runs/{run}")).await,
            caller.send("run-coordinator", caller.request("run-coordinator", Method::POST, &cancel)).await,
            caller.get("runyard", "/v1/keys").await,
        ];
        assert_eq!(asked.iter().map(|answer| answer.status).collect::<Vec<_>>(), statuses, "{scope}");
        let first = asked.iter().find(|answer| answer.status == 403).unwrap();
        assert_eq!(why(first), (403, "forbidden".into(), "scope_missing".into()));
        assert_eq!(first.json()["error"]["details"]["scope"], missing);
        let challenge = format!("Bearer realm=\"runyard\", error=\"insufficient_scope\", scope=\"{missing}\"");
        assert_eq!(first.header("www-authenticate"), Some(&*challenge));
    }
}

#[tokio::test]
async fn a_key_that_lacks_a_scope_or_was_revoked_is_refused_by_every_api() {
    let world = World::with(required).await;
    let writes = world.key("acme", &["runs:write"]).await;
    let gone = world.key("acme", &[]).await;
    world.native.revoke_key(id(&gone)).await.unwrap();
    let (writer, ended) = (world.showing(Some(&writes)), world.showing(Some(&gone)));
    for (api, path, _) in READS {
        let answer = writer.get(api, path).await;
        assert_eq!(why(&answer), (403, "forbidden".into(), reason_at(api, "scope_missing")), "{api}");
        assert!(answer.header("www-authenticate").unwrap().ends_with("scope=\"runs:read\""), "{api}");
        let answer = ended.get(api, path).await;
        assert_eq!(why(&answer), (401, "unauthorized".into(), reason_at(api, "key_revoked")), "{api}");
    }
}

#[tokio::test]
async fn revoked_expired_and_unknown_keys_have_different_errors() {
    let world = World::with(required).await;
    let key = world.key("acme", &[]).await;
    let caller = world.showing(Some(&key));
    caller.native.count_runs().await.unwrap();
    let revoked = json!(world.native.revoke_key(id(&key)).await.unwrap().into_inner());
    assert_eq!((&revoked["state"], &revoked["key_id"]), (&json!("revoked"), &json!(id(&key))));
    let answer = caller.get("runyard", "/v1/run-counts").await;
    assert_eq!(why(&answer).2, "key_revoked", "at once, although it was just used");
    let again = json!(world.native.revoke_key(id(&key)).await.unwrap().into_inner());
    assert_eq!(again["revoked_at"], revoked["revoked_at"], "revoking twice changes nothing");

    let forged = format!("ry_{}_{}", id(&key), "0".repeat(64));
    for unknown in [forged.as_str(), "ry_", "ry_0123456789abcdef_0"] {
        let answer = world.showing(Some(unknown)).get("runyard", "/v1/run-counts").await;
        assert_eq!(why(&answer).2, "key_unknown", "{unknown}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\", error_description=\"there is no such API key\""));
    }
    assert_eq!(refused(world.native.revoke_key("unknown").await).short(), (404, "key_not_found"));
}

#[tokio::test]
async fn an_admin_has_the_keys_of_his_own_tenant_and_the_owner_has_all() {
    let world = World::with(required).await;
    let (ours, theirs) = (world.key("acme", &["admin", "runs:read"]).await, world.key("other", &["admin"]).await);
    let (acme, other) = (world.showing(Some(&ours)), world.showing(Some(&theirs)));
    let made = create(&acme, json!({"scopes": ["runs:read"]})).await.unwrap();
    assert_eq!(made["key"]["tenant"], "acme", "one's own tenant, when none is named");
    let made = made["key"]["key_id"].as_str().unwrap();
    create(&acme, json!({"tenant": "acme"})).await.unwrap();
    let stranger = create(&acme, json!({"tenant": "other"})).await.unwrap_err();
    assert_eq!((stranger.short(), &stranger.details["reason"]), ((403, "forbidden"), &json!("tenant_foreign")));

    assert_eq!(listed(&acme, None).await.len(), 3);
    assert_eq!(listed(&acme, Some("acme")).await.len(), 3);
    assert_eq!(listed(&other, None).await, [id(&theirs)]);
    let peek = other.get("runyard", "/v1/keys?tenant=acme").await;
    assert_eq!(peek.refusal(), (403, "forbidden".to_owned()));
    assert_eq!(listed(&world, None).await.len(), 4);
    assert_eq!(listed(&world, Some("other")).await, [id(&theirs)]);

    let not_there = refused(other.native.revoke_key(made).await);
    assert_eq!(not_there.short(), (404, "key_not_found"), "another tenant's key is not there");
    let cursor = other.get("runyard", &format!("/v1/keys?cursor={made}")).await;
    assert_eq!(cursor.refusal(), (400, "invalid_request".to_owned()));
    acme.native.revoke_key(made).await.unwrap();
    world.native.revoke_key(id(&theirs)).await.unwrap();
    assert_eq!(why(&other.get("runyard", "/v1/keys").await).2, "key_revoked");
}

#[tokio::test]
async fn a_key_that_cannot_be_meant_is_refused_by_name() {
    let world = World::with(required).await;
    for (body, field) in [
        (json!({"tenant": ""}), "/tenant"),
        (json!({"tenant": "a b"}), "/tenant"),
        (json!({"tenant": "x".repeat(257)}), "/tenant"),
        (json!({"scopes": []}), "/scopes"),
        (json!({"scopes": ["owner"]}), "/scopes/0"),
        (json!({"expires_in_seconds": 0}), "/expires_in_seconds"),
        (json!({"name": ""}), "/name"),
    ] {
        let answer = world.post("runyard", "/v1/keys", body.to_string()).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{body}");
        let errors = answer.json()["error"]["details"]["errors"].clone();
        assert!(errors.as_array().unwrap().iter().any(|error| error["field"] == field), "{body}: {errors}");
    }
    assert_eq!(listed(&world, None).await, [""; 0], "nothing was made");
}

#[tokio::test]
async fn keys_outlive_the_server_that_made_them() {
    let folder = tempfile::tempdir().unwrap();
    let config = runyard::config::Config {
        data_dir: folder.path().to_owned(),
        port_base: 0,
        auth: runyard::config::Auth { mode: Some(runyard::config::auth::Mode::Required), ..Default::default() },
        ..Default::default()
    };
    let start =
        async || runyard::serve::Server::start(&config, slog::Logger::root(slog::Discard, slog::o!())).await.unwrap();
    let count = async |server: &runyard::serve::Server, token: &str| {
        let url = format!("{}/v1/run-counts", server.url("runyard").unwrap());
        reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    let server = start().await;
    let local = server.local_token().expose().to_owned();
    let clients = Clients::of(|api| server.url(api).unwrap().to_owned(), Some(local.clone()));
    let (kept, ended) = (create(&clients, json!({})).await.unwrap(), create(&clients, json!({})).await.unwrap());
    clients.native.revoke_key(ended["key"]["key_id"].as_str().unwrap()).await.unwrap();
    server.stop().await;

    let server = start().await;
    assert_eq!(count(&server, kept["api_key"].as_str().unwrap()).await, 200);
    assert_eq!(count(&server, ended["api_key"].as_str().unwrap()).await, 401);
    assert_eq!(count(&server, &local).await, 401, "the local token is another at each start");
    server.stop().await;
}
