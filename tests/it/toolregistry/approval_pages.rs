//! The page of an approval link in a browser: opening it decides nothing, and its two buttons do.

use http::Method;
use runyard_api::toolregistry::types::RunStatus;
use serde_json::json;

use super::approvals::{link, path, paused, when};
use super::{INTENT, create, events, get};
use crate::harness::{Answer, World};

/// The `Accept` header of a browser, and of a mail scanner that acts as one.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn browse(world: &World, method: Method, link: &str) -> Answer {
    let anonymous = world.showing(None);
    let request = anonymous.request("toolregistry", method, path(link)).header("accept", BROWSER);
    // The content type that a browser sends for a form without fields.
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    anonymous.send("toolregistry", request).await
}

/// The tokens behind the buttons of a page, in their order.
fn buttons(page: &str) -> Vec<&str> {
    let actions = page.split("action=\"?token=").skip(1);
    actions.map(|rest| rest.split_once('"').unwrap().0).collect()
}

#[tokio::test]
async fn an_approval_link_that_a_browser_opens_shows_a_page_and_decides_nothing() {
    let world = World::new().await;
    let intent = "Say '<script>alert(1)</script>', then hash it.";
    let run = create(&world, when("ON_TOOL_CALL", intent)).await.run_id;
    let waiting = paused(&world, run).await;
    let (approve, deny) = (link(&waiting, "approveUrl").to_owned(), link(&waiting, "denyUrl").to_owned());
    for link in [&approve, &deny, &approve] {
        let page = browse(&world, Method::GET, link).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert_eq!(page.header("cache-control"), Some("no-store, no-transform"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let text = page.text();
        assert!(text.contains("runyard.core.echo") && text.contains("&lt;script&gt;"), "the request: {text}");
        assert!(!text.contains("<script"), "everything is escaped: {text}");
        let [yes, no] = buttons(text)[..] else { panic!("two buttons: {text}") };
        assert!(approve.ends_with(yes) && deny.ends_with(no), "whichever link was opened");
    }
    assert_eq!(get(&world, run).await.status, RunStatus::Paused, "opening a link decides nothing");

    let decided = browse(&world, Method::POST, &approve).await;
    assert_eq!(decided.status, 201, "{}", decided.text());
    assert!(decided.text().contains("<h1>Approved</h1>"), "{}", decided.text());
    let late = browse(&world, Method::GET, &deny).await;
    assert!(late.text().contains("This was approved") && buttons(late.text()).is_empty(), "{}", late.text());
    assert_eq!(browse(&world, Method::POST, &deny).await.refusal(), (400, "decision_token_used".to_owned()));
    let nonsense = "/v1/runs/approval?token=x";
    for method in [Method::GET, Method::POST] {
        assert_eq!(browse(&world, method, nonsense).await.refusal(), (400, "decision_token_invalid".to_owned()));
    }
}

#[tokio::test]
async fn a_page_for_a_whole_plan_lists_its_steps_and_its_deny_button_cancels_the_run() {
    let world = World::new().await;
    let run = create(&world, when("ON_START", INTENT)).await.run_id;
    let waiting = paused(&world, run).await;
    let page = browse(&world, Method::GET, link(&waiting, "approveUrl")).await;
    assert!(page.text().contains("the whole plan") && page.text().contains("hash it"), "{}", page.text());
    let deny = format!("/v1/runs/approval?token={}", buttons(page.text())[1]);
    let denied = browse(&world, Method::POST, &deny).await;
    assert!(denied.text().contains("<h1>Denied</h1>"), "{}", denied.text());
    assert_eq!(events(&world, run).await.last().unwrap().data["runStatus"], json!("CANCELED"));
}
