//! A document below a prefix of another dropshot server: its responses, the server's own endpoints, and mounting
//! errors.

use dropshot::{ApiDescription, HttpError, HttpResponseOk, HttpServer, RequestContext, ServerBuilder, endpoint};

use super::*;

#[endpoint { method = GET, path = "/theirs" }]
async fn theirs(context: RequestContext<u8>) -> Result<HttpResponseOk<u8>, HttpError> {
    Ok(HttpResponseOk(*context.context()))
}

fn mounted() -> Mounted {
    Mounted::new(Arc::new(Runs::default()), Settings::default())
}

/// Two documents and an endpoint in one server, whose context is a number.
fn shared_server() -> (HttpServer<u8>, [Hosted; 2]) {
    let mut description = ApiDescription::new();
    let one = mounted().mount(&mut description, "/one").unwrap();
    description.register(theirs).unwrap();
    let deep = mounted().mount(&mut description, "deep/er/").unwrap();
    (ServerBuilder::new(description, 7, quiet()).start().unwrap(), [one, deep])
}

async fn ask(server: &HttpServer<u8>, path: &str) -> http::Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    http::exchange(server.local_addr(), request.as_bytes()).await
}

#[tokio::test]
async fn documents_stand_beside_each_other_and_beside_what_is_not_ours() {
    let (server, hosted) = shared_server();
    let answer = ask(&server, "/theirs").await;
    assert_eq!((answer.status, answer.json()), (200, json!(7)));
    for prefix in ["/one", "/deep/er", "/%6fne", "//one", "/deep//er"] {
        let answer = ask(&server, &format!("{prefix}/v1/runs/a%2Fb?limit=3")).await;
        assert_eq!(answer.status, 200, "{prefix}");
        assert_eq!((&answer.json()["operation"], &answer.json()["path"]["run_id"]), (&json!("get_run"), &json!("a/b")));
        let answer = ask(&server, &format!("{prefix}/v1/runs?limit=3")).await;
        assert_eq!((&answer.json()["operation"], &answer.json()["query"]), (&json!("list_runs"), &json!({"limit": 3})));
        // Unknown paths are refused with the document's error body, including the bare prefix.
        for path in ["", "/", "/v1/nowhere"] {
            let answer = ask(&server, &format!("{prefix}{path}")).await;
            assert_eq!(
                (answer.status, &answer.json()["error"]["code"]),
                (404, &json!("unknown_path")),
                "{prefix}{path}"
            );
        }
    }
    // Outside of the prefixes dropshot answers as usual.
    assert!(ask(&server, "/nowhere").await.json().get("message").is_some());
    assert_eq!(hosted.each_ref().map(|one| one.document().name), ["runs"; 2]);
    server.close().await.unwrap();
}

#[tokio::test]
async fn one_document_stops_without_the_others() {
    let (server, [one, _deep]) = shared_server();
    one.stopping().cancel();
    let answer = ask(&server, "/one/v1/runs").await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &json!("stopping")));
    assert_eq!(ask(&server, "/deep/er/v1/runs").await.status, 200);
    assert_eq!(ask(&server, "/theirs").await.status, 200);
    server.close().await.unwrap();
}

#[test]
fn what_dropshot_cannot_route_is_an_error_and_not_a_panic() {
    let mut description = ApiDescription::<u8>::new();
    description.register(theirs).unwrap();
    let refused = |description: &mut ApiDescription<u8>, prefix: &str| {
        mounted().mount(description, prefix).unwrap_err().to_string()
    };
    for prefix in ["", "/"] {
        let reason = refused(&mut description, prefix);
        assert!(
            reason.starts_with(&format!("document runs: dropshot refuses an endpoint below `{prefix}`: ")),
            "{reason}"
        );
    }
    for prefix in ["/{name}", "/a%20b", "/a?b"] {
        let reason = refused(&mut description, prefix);
        assert_eq!(reason, format!("document runs: `{prefix}` is not a prefix: write literal segments, as in `/arp`"));
    }
    mounted().mount(&mut description, "/one").unwrap();
    assert!(refused(&mut description, "/one").contains("refuses"), "a prefix twice");
}
