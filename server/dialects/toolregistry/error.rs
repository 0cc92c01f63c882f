//! Every refusal in this API's error body. It has no place for a code, so that stands in a header.

use http::{HeaderName, HeaderValue};
use runyard_api::host::{Caller, Place};
use runyard_api::toolregistry::{Problem, types};
use runyard_engine::Rejected;
use serde_json::{Value, json};

use crate::codes::Code;
use crate::dialects::common::refusal::{Refusal, headers, of_runs};
use crate::runs::Error;

/// The code of an error, for programs.
const CODE: HeaderName = HeaderName::from_static("x-error-code");

/// More things that do not fit are not listed.
const UNFIT_MAX: usize = 32;

/// How soon one more request makes sense, seconds.
const RETRY_AFTER_S: u64 = 1;

/// A refusal as this document says it.
pub(super) fn problem(_cx: &Caller, refusal: Refusal) -> Problem {
    let mut headers = headers(&refusal);
    if let Ok(code) = HeaderValue::try_from(refusal.code.as_str()) {
        headers.insert(CODE, code);
    }
    let body = types::Error {
        status_code: refusal.status.as_u16().into(),
        message: message(&refusal),
        error: refusal.status.canonical_reason().unwrap_or_default().to_owned(),
    };
    Problem { status: refusal.status, headers, body: Box::new(body) }
}

/// What happened; where several things do not fit, each of them, since there is no other place for them.
fn message(refusal: &Refusal) -> String {
    let each = |error: &serde_json::Value| {
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        format!("{} {}: {}", text("place"), text("field"), text("reason"))
    };
    match refusal.details.get("errors").and_then(|errors| errors.as_array()) {
        Some(errors) if errors.len() > 1 => errors.iter().map(each).collect::<Vec<_>>().join("; "),
        _ => refusal.message.clone(),
    }
}

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    /// Where, within its place.
    pub(super) field: String,
    /// What is wrong with it.
    pub(super) reason: String,
}

/// Everything that does not fit; at least one thing.
pub(super) fn invalid(place: Place, unfit: Vec<Unfit>) -> Refusal {
    let place = place.as_str();
    let message = unfit.first().map(|Unfit { field, reason }| format!("{place} {field}: {reason}")).unwrap_or_default();
    let error = |Unfit { field, reason }| json!({ "place": place, "field": field, "reason": reason });
    let errors: Vec<Value> = unfit.into_iter().take(UNFIT_MAX).map(error).collect();
    Refusal::new(Code::InvalidRequest, message).with("errors", errors)
}

/// The same of one thing.
pub(super) fn invalid_field(place: Place, field: &str, reason: &str) -> Refusal {
    invalid(place, vec![Unfit { field: field.to_owned(), reason: reason.to_owned() }])
}

/// No run of this tenant is named like this.
pub(super) fn unknown_run(reference: &str) -> Refusal {
    let message = format!("run `{reference}` is not known here");
    Refusal::new(Code::RunNotFound, message)
}

/// No plan of this tenant is named like this.
pub(super) fn unknown_plan(reference: &str) -> Refusal {
    let message = format!("execution plan `{reference}` is not known here");
    Refusal::new(Code::ExecutionPlanNotFound, message)
}

/// A token that decides nothing any more: what it is for has been decided, or has ended.
pub(super) fn of_token(error: Error) -> Refusal {
    let spent = matches!(
        error,
        Error::UsedToken
            | Error::Rejected(
                Rejected::ApprovalDecided { .. } | Rejected::ApprovalLapsed { .. } | Rejected::RunFinished { .. }
            )
    );
    if !spent {
        return of_runs(error);
    }
    let message = "this link decides nothing any more: what it is for has been decided, or has ended";
    Refusal::new(Code::DecisionLinkUsed, message)
}

/// Whoever fetches a link before anybody has chosen to follow it decides nothing.
pub(super) fn prefetched() -> Refusal {
    let message = "a link is followed to decide, and this only fetches it ahead; nothing was decided";
    Refusal::new(Code::PrefetchRefused, message)
}

/// As many requests of this kind are open as may be.
pub(super) fn too_many(max: usize) -> Refusal {
    let message =
        format!("{max} starts and streams of this tenant are open, which is as many as may be; end one, or try again");
    Refusal::new(Code::TooManyRequests, message).retryable(Some(RETRY_AFTER_S))
}
