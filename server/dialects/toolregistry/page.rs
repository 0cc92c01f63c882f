//! The page behind an approval link: the approval request and two buttons. Opening a link is not a decision, because
//! mail scanners, previews and browsers that restore tabs open links as well. Only a pressed button (POST) decides.
//!
//! The page has no script and loads nothing, and the policy in its headers enforces that. maud escapes all text. The
//! address contains a token, so no referrer is sent and nothing is cached.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use maud::{DOCTYPE, Markup, html};
use runyard_api::host::ByteStream;
use runyard_api::toolregistry::types::ExecPlanByIdResponseDtoPlan;
use runyard_engine::{ApprovalDecision, Node, State, Verdict};
use sha2::{Digest, Sha256};

use super::wire;
use crate::clock::rfc3339;

/// The most characters of the inputs that are shown; a note says that there is more.
const INPUT_CHARS_MAX: usize = 20_000;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}\
dt{color:#555;margin-top:.8rem}dd{margin:0}pre{background:#f3f3f3;padding:.8rem;overflow:auto;white-space:pre-wrap;\
overflow-wrap:anywhere}form{display:inline-block;margin:1.5rem 1rem 0 0}button{font:inherit;padding:.5rem 1.5rem;cursor:pointer}";

/// Whether the caller wants a page: it accepts `text/html` by name.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let html = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("text/html"));
        let refused = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.and_then(|weight| weight.trim().parse::<f64>().ok()).is_some_and(|weight| weight <= 0.0)
        };
        html && !parts.any(refused)
    })
}

/// The approval request with a button for each verdict. `approve` and `deny` are tokens.
pub(super) fn asking(state: &State, node: &Node, approve: &str, deny: &str) -> ByteStream {
    let button = |token: &str, label: &str| {
        html! { form method="post" action={ "?token=" (token) } { button type="submit" { (label) } } }
    };
    page(
        "Approval requested",
        html! {
            p { "A run waits for your decision. Nothing is decided until you press a button." }
            (request(state, node))
            (button(approve, "Approve"))
            (button(deny, "Deny"))
        },
    )
}

/// The answer to a decision.
pub(super) fn decided(state: &State, node: &Node, verdict: Verdict) -> ByteStream {
    let title = match verdict {
        Verdict::Approved => "Approved",
        Verdict::Denied => "Denied",
    };
    page(title, html! { p { "Your decision is recorded. You can close this page." } (request(state, node)) })
}

/// The page for an approval request that is closed.
pub(super) fn closed(state: &State, node: &Node) -> ByteStream {
    let decided = node.approval.as_ref().and_then(|approval| approval.decided.as_ref());
    let what = decided.map_or_else(|| "The run ended before a decision was made.".to_owned(), earlier);
    page("Nothing to decide", html! { p { (what) } (request(state, node)) })
}

fn earlier(decided: &ApprovalDecision) -> String {
    let verdict = match decided.verdict {
        Verdict::Approved => "approved",
        Verdict::Denied => "denied",
    };
    let by = decided.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    format!("This was {verdict}{by} at {}.", rfc3339(decided.at_ms))
}

/// What the run wants to do, in which run, and since when it waits.
fn request(state: &State, node: &Node) -> Markup {
    let asked = node.approval.as_ref().map(|approval| rfc3339(approval.asked_at_ms));
    let steps = if node.is_planned() { steps(state) } else { Vec::new() };
    html! {
        dl {
            dt { "Intent" } dd { (wire::intent(state)) }
            @if let Some(user) = wire::user(state) { dt { "User" } dd { (user) } }
            @if node.is_planned() {
                dt { "Approval covers" } dd { "the whole plan" ol { @for step in steps { li { (step) } } } }
            } @else {
                dt { "Step" } dd { (wire::reason(node)) }
                dt { "Tool" } dd { code { (node.node_type.id) } }
                dt { "Input" } dd { pre { (input(node)) } }
            }
            dt { "Run" } dd { code { (state.run.uuid()) } }
            @if let Some(asked) = asked { dt { "Waiting since" } dd { time datetime=(asked) { (asked) } } }
        }
    }
}

fn steps(state: &State) -> Vec<String> {
    match wire::plan(state).plan {
        ExecPlanByIdResponseDtoPlan::ExecPlanDto(plan) => plan.steps.into_iter().map(|step| step.description).collect(),
        ExecPlanByIdResponseDtoPlan::String(text) => Some(text).filter(|text| !text.is_empty()).into_iter().collect(),
    }
}

fn input(node: &Node) -> String {
    let text = serde_json::to_string_pretty(&node.inputs).unwrap_or_default();
    match text.char_indices().nth(INPUT_CHARS_MAX) {
        Some((end, _)) => format!("{}\n... ({} bytes in all)", &text[..end], text.len()),
        None => text,
    }
}

fn page(title: &str, main: Markup) -> ByteStream {
    let text = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (main) } }
        }
    };
    let bytes = Bytes::from(text.into_string());
    ByteStream::new(futures::stream::iter([Ok(bytes)]))
}

/// The headers of every page.
pub(super) fn headers() -> [(HeaderName, HeaderValue); 5] {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_for_callers_that_accept_html_by_name() {
        for (accept, wanted) in [
            ("text/html", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("application/json, Text/HTML;level=1;q=0.5", true),
            ("*/*", false),
            ("text/*", false),
            ("application/json", false),
            ("text/html;q=0, */*", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())]);
            assert_eq!(is_wanted(&headers), wanted, "{accept}");
        }
        assert!(!is_wanted(&HeaderMap::new()));
    }
}
