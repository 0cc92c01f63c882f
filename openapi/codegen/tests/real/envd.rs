//! The daemon of a sandbox: files in parts, bytes that come back, maps.

use std::sync::{Arc, Mutex};

use e2b_envd::client::{Client, Error};
use e2b_envd::*;
use runyard_api::client::Multipart;
use runyard_api::host::{ByteStream, Caller, Fault, Head, Operation, Reply, Settings, StatusCode};
use serde_json::json;

use crate::calls::{Served, form, parts, value, whole};

#[macro_use]
#[path = "rest/envd.rs"]
mod rest;

/// Stores one file.
#[derive(Default)]
struct Sandbox {
    file: Mutex<Option<bytes::Bytes>>,
}

fn refused(status: StatusCode, message: &str) -> Problem {
    Problem::new(status, value(json!({ "code": status.as_u16(), "message": message })))
}

impl E2bEnvd for Sandbox {
    type Refusal = Problem;

    async fn admit(&self, head: &Head, _: &'static Operation) -> Result<Caller, Fault> {
        Ok(head.anonymous())
    }

    fn refusal(&self, fault: Fault) -> Problem {
        refused(fault.status(), &fault.to_string())
    }

    fn problem(&self, _: &Caller, refusal: Problem) -> Problem {
        refusal
    }

    async fn post_files(&self, _: &Caller, request: PostFilesRequest) -> Result<Reply<PostFilesOk>, Problem> {
        let parts = parts(&request.body);
        let Some(file) = parts.part("file") else {
            return Err(refused(StatusCode::BAD_REQUEST, "there is no part named file"));
        };
        *self.file.lock().expect("no panic") = Some(file.bytes.clone());
        let name = file.file_name.clone().unwrap_or_default();
        let path = request.path.unwrap_or_default();
        Ok(PostFilesOk::Ok(value(json!([{ "path": path, "name": name, "type": "file" }]))).into())
    }

    async fn get_files(&self, _: &Caller, _: GetFilesRequest) -> Result<Reply<GetFilesOk>, Problem> {
        let stored = self.file.lock().expect("no panic").clone();
        let bytes = stored.ok_or_else(|| refused(StatusCode::NOT_FOUND, "no file was uploaded"))?;
        Ok(GetFilesOk::Ok(ByteStream::new(futures::stream::iter([Ok(bytes)]))).into())
    }

    async fn get_envs(&self, _: &Caller, _: GetEnvsRequest) -> Result<Reply<GetEnvsOk>, Problem> {
        Ok(GetEnvsOk::Ok(value(json!({ "HOME": "/root", "EMPTY": "" }))).into())
    }

    async fn post_files_compose(
        &self,
        _: &Caller,
        request: PostFilesComposeRequest,
    ) -> Result<Reply<PostFilesComposeOk>, Problem> {
        let name = request.body.source_paths.join("+");
        let path = request.body.destination;
        Ok(PostFilesComposeOk::Ok(value(json!({ "path": path, "name": name, "type": "file" }))).into())
    }

    rest!();
}

fn files() -> GetFilesRequest {
    GetFilesRequest { path: None, username: None, signature: None, signature_expiration: None }
}

/// Serves it and calls it.
pub async fn check() {
    let served = Served::start(api(Arc::new(Sandbox::default()), Settings::default()));
    let (base, http, behaviour) = served.client();
    let client = Client::new_with_client(base, http, behaviour);

    let missing = files().send(&client).await.err().expect("no file yet");
    let Error::Refused { status, body, .. } = missing else { panic!("{missing}") };
    assert_eq!((status.as_u16(), body.message.as_str()), (404, "no file was uploaded"));

    let content: Vec<u8> = (0..=255).chain(*b"\r\n--").collect();
    let file = Multipart::new().file("file", "hello \"1\".bin", "application/octet-stream", content.clone());
    let upload = PostFilesRequest {
        path: Some("a b/c".into()),
        username: None,
        signature: None,
        signature_expiration: None,
        body: form(file),
    };
    let stored = serde_json::to_value(upload.send(&client).await.expect("stored").into_inner()).expect("JSON");
    assert_eq!(stored, json!([{ "path": "a b/c", "name": "hello \"1\".bin", "type": "file" }]));
    let back = files().send(&client).await.expect("the file").into_inner();
    assert_eq!(whole(back).await, content);

    let envs = client.get_envs().await.expect("the variables").into_inner();
    assert_eq!(serde_json::to_value(&envs).expect("JSON"), json!({ "HOME": "/root", "EMPTY": "" }));
    let compose = PostFilesComposeRequest { body: value(json!({ "source_paths": ["a", "b"], "destination": "c" })) };
    let made = serde_json::to_value(compose.send(&client).await.expect("composed").into_inner()).expect("JSON");
    assert_eq!((&made["name"], &made["path"]), (&json!("a+b"), &json!("c")));

    let json = "application/json";
    served
        .refuses("POST /files/compose", Some((json, r#"{"source_paths":["a"]}"#)), 400, &["message", "destination"])
        .await;
    served
        .refuses(
            "POST /files/compose",
            Some((json, r#"{"source_paths":[1],"destination":"c"}"#)),
            400,
            &["source_paths"],
        )
        .await;
    served.refuses("POST /files/compose", Some((json, "{")), 400, &["JSON"]).await;
    served.refuses("POST /files/compose", None, 400, &["body"]).await;
    served.refuses("POST /files", Some(("text/plain", "x")), 415, &["multipart/form-data"]).await;
    served.refuses("POST /files", Some(("multipart/form-data; boundary=x", "--x\r\n")), 400, &["message"]).await;
    served.refuses("GET /files?signature_expiration=soon", None, 400, &["signature_expiration"]).await;
    served.refuses("GET /filez", None, 404, &["code", "/filez"]).await;
    served.end().await;
}
