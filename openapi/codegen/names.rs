//! Converts names of a document to Rust names.
//!
//! The rules are those of typify and progenitor, so that both produce the same names. This module does not read
//! documents.

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

/// The name; if it is taken, with the first free number from 2.
pub(crate) fn apart(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_owned();
    }
    (2..).map(|number| format!("{}_{number}", name.trim_end_matches('_'))).find(|name| !taken(name)).unwrap_or_default()
}

/// Whether a header or a cookie can have this name (RFC 9110, section 5.6.2).
pub(crate) fn is_token(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter))
}

/// Names that the code of derives takes from the prelude. A type with such a name would hide them.
const HIDING: [&str; 6] = ["Box", "Default", "Some", "None", "Ok", "Err"];

/// Whether no type can have this name.
pub(crate) fn hides(name: &str) -> bool {
    HIDING.contains(&name)
}

/// The identifier of a name from [`pascal`] or [`snake`].
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

/// The Rust name of a status: variant in Pascal case, constructor in snake case.
pub(crate) fn status(code: u16) -> (String, String) {
    registered(code).map_or_else(
        || (format!("Status{code}"), format!("status_{code}")),
        |(variant, constructor)| (variant.to_owned(), constructor.to_owned()),
    )
}

/// A text, reduced to the characters that a header value can have.
pub(crate) fn header_text(text: &str) -> String {
    text.chars().filter(|letter| matches!(letter, ' '..='~')).collect()
}

/// The Rust name of a status that is registered with IANA, and a constant of crate `http`.
pub(crate) fn registered(code: u16) -> Option<(&'static str, &'static str)> {
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
        407 => ("ProxyAuthenticationRequired", "proxy_authentication_required"),
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
        505 => ("HttpVersionNotSupported", "http_version_not_supported"),
        507 => ("InsufficientStorage", "insufficient_storage"),
        _ => return None,
    })
}
