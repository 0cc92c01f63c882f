//! A registry of servers for the Model Context Protocol: OpenAPI 3.1.

use std::sync::Arc;

use mcp_registry::client::{Client, Error};
use mcp_registry::*;
use runyard_api::host::{Caller, Fault, Head, Operation, Reply, Settings};
use serde_json::{Value, json};

use crate::calls::{Served, contains, value};

const ID: &str = "a5e8a7f0-d4e4-4a1d-b12f-2896a23fd4f1";

/// One server is registered.
struct Registry;

fn registered() -> Value {
    json!({
        "id": ID,
        "name": "@modelcontextprotocol/servers/src/filesystem",
        "description": "Files.",
        "repository": { "url": "https://example.org/servers", "source": "github", "id": "1" },
        "version_detail": { "version": "1.0.2", "release_date": "2023-06-15T10:30:00Z", "is_latest": true },
        "packages": [{
            "registry_name": "npm", "name": "filesystem", "version": "1.0.2",
            "package_arguments": [{ "type": "positional", "value_hint": "folder", "value": "/tmp" }],
        }],
    })
}

impl McpRegistry for Registry {
    type Refusal = Problem;

    async fn admit(&self, head: &Head, _: &'static Operation) -> Result<Caller, Fault> {
        Ok(head.anonymous())
    }

    fn refusal(&self, fault: Fault) -> Problem {
        Problem::new(fault.status(), value(json!({ "error": fault.to_string() })))
    }

    fn problem(&self, _: &Caller, refusal: Problem) -> Problem {
        refusal
    }

    async fn get_v0_servers(&self, _: &Caller, request: GetV0ServersRequest) -> Result<Reply<GetV0ServersOk>, Problem> {
        assert!(request.limit.is_none_or(|limit| (1..=5000).contains(&limit.get())), "the host checks the bounds");
        Ok(GetV0ServersOk::Ok(value(json!({ "servers": [registered()], "total_count": 1 }))).into())
    }

    async fn get_v0_servers_by_id(
        &self,
        _: &Caller,
        request: GetV0ServersByIdRequest,
    ) -> Result<Reply<GetV0ServersByIdOk>, Problem> {
        if request.id.to_string() != ID {
            return Err(Problem::not_found(value(json!({ "error": "Server not found" }))));
        }
        Ok(GetV0ServersByIdOk::Ok(value(registered())).into())
    }
}

/// Serves it and calls it.
pub async fn check() {
    let served = Served::start(api(Arc::new(Registry), Settings::default()));
    let (base, http, behaviour) = served.client();
    let client = Client::new_with_client(base, http, behaviour);
    let list = client.get_v0_servers(None, None).await.expect("the list").into_inner();
    assert_eq!(serde_json::to_value(&list).expect("JSON")["servers"][0]["id"], ID);
    let id = ID.parse().expect("an id");
    let one = GetV0ServersByIdRequest { id, version: None }.send(&client).await.expect("the server").into_inner();
    let one = serde_json::to_value(&one).expect("JSON");
    assert!(contains(&one, &registered()), "every property comes back: {one}");

    let unknown = "11111111-1111-4111-8111-111111111111".parse().expect("an id");
    let refused = GetV0ServersByIdRequest { id: unknown, version: None }.send(&client).await.err().expect("not there");
    let Error::Refused { status, body, .. } = refused else { panic!("{refused}") };
    assert_eq!(
        (status.as_u16(), serde_json::to_value(&body).expect("JSON")["error"].as_str()),
        (404, Some("Server not found"))
    );

    served.refuses("GET /v0/servers?limit=5001", None, 400, &["error", "limit", "5000"]).await;
    served.refuses("GET /v0/servers?offset=-1", None, 400, &["offset"]).await;
    served.refuses("GET /v0/servers?limit=many", None, 400, &["limit"]).await;
    served.refuses("GET /v0/servers/not-a-uuid", None, 400, &["id"]).await;
    served.refuses("GET /v0/nothing", None, 404, &["error", "/v0/nothing"]).await;
    served.refuses("DELETE /v0/servers", None, 405, &["error", "GET"]).await;
    served.end().await;
}
