//! Names: from a document's spelling to Rust's.
//!
//! The rules are typify's and progenitor's, so that a name made here is the name they make. Nothing here looks at a document.

use heck::{ToPascalCase, ToSnakeCase};
use proc_macro2::{Ident, Span};

/// `RunStartRequest` from `run-start-request`.
pub(crate) fn pascal(name: &str) -> String {
    sanitized(name, |text| text.to_pascal_case())
}

/// `run_id` from `runId`.
pub(crate) fn snake(name: &str) -> String {
    sanitized(name, |text| text.to_snake_case())
}

/// The identifier of a name that [`pascal`] or [`snake`] made.
pub(crate) fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

fn sanitized(name: &str, case: impl Fn(&str) -> String) -> String {
    let plain: String =
        name.replace('\'', "").chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let cased = case(&plain);
    let started = match cased.chars().next() {
        Some(first) if first.is_alphabetic() => cased,
        _ => case("x") + &cased,
    };
    if typify::accept_as_ident(&started) { started } else { started + "_" }
}

/// The Rust name of a status: variant in Pascal case, constructor in snake case. `None` for a status nobody registered.
pub(crate) fn status(code: u16) -> Option<(&'static str, &'static str)> {
    Some(match code {
        200 => ("Ok", "ok"),
        201 => ("Created", "created"),
        202 => ("Accepted", "accepted"),
        203 => ("NonAuthoritative", "non_authoritative"),
        204 => ("NoContent", "no_content"),
        205 => ("ResetContent", "reset_content"),
        206 => ("PartialContent", "partial_content"),
        207 => ("MultiStatus", "multi_status"),
        300 => ("MultipleChoices", "multiple_choices"),
        301 => ("MovedPermanently", "moved_permanently"),
        302 => ("Found", "found"),
        303 => ("SeeOther", "see_other"),
        304 => ("NotModified", "not_modified"),
        307 => ("TemporaryRedirect", "temporary_redirect"),
        308 => ("PermanentRedirect", "permanent_redirect"),
        400 => ("BadRequest", "bad_request"),
        401 => ("Unauthorized", "unauthorized"),
        402 => ("PaymentRequired", "payment_required"),
        403 => ("Forbidden", "forbidden"),
        404 => ("NotFound", "not_found"),
        405 => ("MethodNotAllowed", "method_not_allowed"),
        406 => ("NotAcceptable", "not_acceptable"),
        408 => ("RequestTimeout", "request_timeout"),
        409 => ("Conflict", "conflict"),
        410 => ("Gone", "gone"),
        411 => ("LengthRequired", "length_required"),
        412 => ("PreconditionFailed", "precondition_failed"),
        413 => ("ContentTooLarge", "content_too_large"),
        414 => ("UriTooLong", "uri_too_long"),
        415 => ("UnsupportedMediaType", "unsupported_media_type"),
        416 => ("RangeNotSatisfiable", "range_not_satisfiable"),
        417 => ("ExpectationFailed", "expectation_failed"),
        418 => ("Teapot", "teapot"),
        421 => ("MisdirectedRequest", "misdirected_request"),
        422 => ("UnprocessableContent", "unprocessable_content"),
        423 => ("Locked", "locked"),
        424 => ("FailedDependency", "failed_dependency"),
        425 => ("TooEarly", "too_early"),
        426 => ("UpgradeRequired", "upgrade_required"),
        428 => ("PreconditionRequired", "precondition_required"),
        429 => ("TooManyRequests", "too_many_requests"),
        431 => ("HeaderFieldsTooLarge", "header_fields_too_large"),
        451 => ("UnavailableForLegalReasons", "unavailable_for_legal_reasons"),
        500 => ("InternalServerError", "internal_server_error"),
        501 => ("NotImplemented", "not_implemented"),
        502 => ("BadGateway", "bad_gateway"),
        503 => ("ServiceUnavailable", "service_unavailable"),
        504 => ("GatewayTimeout", "gateway_timeout"),
        507 => ("InsufficientStorage", "insufficient_storage"),
        _ => return None,
    })
}
