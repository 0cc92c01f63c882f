//! Every operation without a credential, and with one that is insufficient.

use std::collections::BTreeSet;

use http::Method;
use runyard::config::auth::Mode as AuthMode;

use super::scenarios::{APPROVAL, named};
use crate::harness::{DOCUMENTS, Reached, World};

/// Calls every operation that needs a credential without one (401), and with a key that lacks the scope (403).
pub(super) async fn every_operation() -> BTreeSet<Reached> {
    let world = World::with(|config| config.auth.mode = Some(AuthMode::Required)).await;
    let mut reached = BTreeSet::new();
    for scope in ["admin", "runs:read"] {
        let (anonymous, weak) = (world.showing(None), world.showing(Some(&world.key("default", &[scope]).await)));
        for document in DOCUMENTS.iter().copied() {
            for operation in document.operations.iter().filter(|operation| operation.secured) {
                let path = named(operation.path);
                let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
                let mut request = anonymous.request(document.name, method.clone(), &path);
                // A link needs no credential, but a credential that is sent has to be valid.
                if APPROVAL.contains(&operation.id) {
                    request = request.header("x-api-key", "nothing");
                }
                let answer = anonymous.send(document.name, request).await;
                assert_eq!(answer.refusal(), (401, "unauthorized".to_owned()), "{path}");
                if operation.path.starts_with("/v1/keys") != (scope == "admin") {
                    let answer = weak.send(document.name, weak.request(document.name, method, &path)).await;
                    assert_eq!(answer.refusal(), (403, "forbidden".to_owned()), "{path}");
                }
            }
        }
        reached.extend(anonymous.reached());
        reached.extend(weak.reached());
    }
    reached
}
