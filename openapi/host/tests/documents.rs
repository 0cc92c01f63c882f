//! The document at `/openapi.json` and `/openapi.yaml`.

use super::*;

#[tokio::test]
async fn the_document_is_served_in_both_languages_with_and_without_the_overlay() {
    let fixture = start();
    for (path, media, content) in [
        ("/openapi.json", "application/json", DOCUMENT.full_json),
        ("/openapi.json?overlay=true", "application/json", DOCUMENT.full_json),
        ("/openapi.json?overlay=false", "application/json", DOCUMENT.owner_json),
        ("/openapi.yaml", "application/yaml", DOCUMENT.full_yaml),
        ("/openapi.yaml?overlay=false&other=1", "application/yaml", DOCUMENT.owner_yaml),
    ] {
        let answer = fixture.send("GET", path, &[("Authorization", "Bearer bad")], b"").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media)), "{path}");
        assert_eq!(answer.text(), content, "{path}");
    }
    let head = fixture.send("HEAD", "/openapi.yaml", &[], b"").await;
    assert_eq!(head.header("content-length"), Some(DOCUMENT.full_yaml.len().to_string().as_str()));
    assert_eq!(fixture.calls(), 0);
}

#[tokio::test]
async fn another_overlay_is_a_400() {
    let fixture = start();
    for query in ["overlay=no", "overlay=", "overlay", "overlay=False", "overlay=false&overlay=false", "overlay=%zz"] {
        let answer = fixture.get(&format!("/openapi.json?{query}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{query}");
        assert!(answer.violations()[0].starts_with("query overlay: "));
    }
}
