//! Every refusal in this API's error body. The body has no field for a code, so the code is in a header.

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

/// The most faults that a message lists.
const UNFIT_MAX: usize = 32;

/// The `Retry-After` when too many requests are open, seconds.
const RETRY_AFTER_S: u64 = 1;

/// A refusal as this API's error body.
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

/// The message. If several fields are not valid, it lists each of them, because the body has no other field for them.
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

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    /// The field, within its place.
    pub(super) field: String,
    /// Why it is not valid.
    pub(super) reason: String,
}

/// A refusal with all faults; there is at least one.
pub(super) fn invalid(place: Place, unfit: Vec<Unfit>) -> Refusal {
    let place = place.as_str();
    let message = unfit.first().map(|Unfit { field, reason }| format!("{place} {field}: {reason}")).unwrap_or_default();
    let error = |Unfit { field, reason }| json!({ "place": place, "field": field, "reason": reason });
    let errors: Vec<Value> = unfit.into_iter().take(UNFIT_MAX).map(error).collect();
    Refusal::new(Code::InvalidRequest, message).with("errors", errors)
}

/// A refusal with one fault.
pub(super) fn invalid_field(place: Place, field: &str, reason: &str) -> Refusal {
    invalid(place, vec![Unfit { field: field.to_owned(), reason: reason.to_owned() }])
}

/// No run of this tenant has this id.
pub(super) fn unknown_run(reference: &str) -> Refusal {
    let message = format!("run `{reference}` is not known here");
    Refusal::new(Code::RunNotFound, message)
}

/// No plan of this tenant has this id.
pub(super) fn unknown_plan(reference: &str) -> Refusal {
    let message = format!("execution plan `{reference}` is not known here");
    Refusal::new(Code::ExecutionPlanNotFound, message)
}

/// The token is no longer valid: its approval request was decided or has ended.
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

/// A prefetch of a link decides nothing, because no person has opened the link yet.
pub(super) fn prefetched() -> Refusal {
    let message = "a link is followed to decide, and this only fetches it ahead; nothing was decided";
    Refusal::new(Code::PrefetchRefused, message)
}

/// The tenant has the maximum number of open requests of this kind.
pub(super) fn too_many(max: usize) -> Refusal {
    let message =
        format!("{max} starts and streams of this tenant are open, which is as many as may be; end one, or try again");
    Refusal::new(Code::TooManyRequests, message).retryable(Some(RETRY_AFTER_S))
}
