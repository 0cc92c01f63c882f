//! Failures of calls over HTTP: a code for programs and a message for people. Neither contains a URL's path or query, a
//! header, or the resolved address of a name. For `http_status`, the message and the details contain the start of the
//! response's body.
//!
//! | code                 | tried again | when |
//! |----------------------|-------------|------|
//! | `egress_denied`      | no          | the configuration does not let calls go there |
//! | `dns_failed`         | yes         | the host's name leads nowhere |
//! | `connect_failed`     | yes         | nothing listens there |
//! | `tls_failed`         | no          | the other side cannot prove who it is, or speaks no TLS |
//! | `timed_out`          | yes         | no whole answer within the time |
//! | `response_too_large` | no          | more bytes than allowed, after decoding |
//! | `response_invalid`   | yes         | what came is no HTTP, was broken off, or is not what was promised |
//! | `value_too_deep`     | no          | the answer is JSON that nests too deep |
//! | `http_status`        | 408, 425, 429, 5xx | the answer says that it did not work |

use std::error::Error;

use http::StatusCode;
use runyard_engine::event::Failure;
use runyard_engine::policy::RETRY_AFTER_MS;
use runyard_engine::{FailureCode, Object};
use serde_json::{Value, json};

use super::rules::Denied;

/// The longest delay that a peer may request, milliseconds: an hour.
const RETRY_AFTER_MS_MAX: u64 = 3_600_000;
/// How much of an error response's body is stored, characters.
const EXCERPT_CHARS_MAX: usize = 500;
/// How much of it is in the message, characters.
const LINE_CHARS_MAX: usize = 200;

fn failed(code: FailureCode, message: String, retryable: bool) -> Failure {
    Failure { code: code.into(), message, details: None, retryable: Some(retryable) }
}

pub(super) fn denied(denied: &Denied) -> Failure {
    failed(FailureCode::EgressDenied, format!("this server may not call there: {denied}"), false)
}

pub(in crate::nodes) fn timed_out(host: &str, timeout_ms: u64) -> Failure {
    failed(FailureCode::TimedOut, format!("{host} did not answer in full within {timeout_ms} ms"), true)
}

pub(in crate::nodes) fn too_large(host: &str, bytes_max: usize) -> Failure {
    failed(FailureCode::ResponseTooLarge, format!("{host} answered more than {bytes_max} bytes"), false)
}

pub(super) fn too_deep(host: &str, levels_max: usize) -> Failure {
    failed(
        FailureCode::ValueTooDeep,
        format!("{host} answered JSON that nests more than {levels_max} levels deep"),
        false,
    )
}

pub(in crate::nodes) fn invalid(host: &str, reason: &str) -> Failure {
    failed(FailureCode::ResponseInvalid, format!("{host} {reason}"), true)
}

/// The failure of a transport error.
pub(in crate::nodes) fn of(host: &str, error: &reqwest::Error) -> Failure {
    if let Some(found) = cause::<Denied>(error) {
        return denied(found);
    }
    let why = deepest(error);
    if error.is_dns() {
        return failed(FailureCode::DnsFailed, format!("the name {host} could not be resolved: {why}"), true);
    }
    if cause::<rustls::Error>(error).is_some() {
        return failed(FailureCode::TlsFailed, format!("no secure connection to {host}: {why}"), false);
    }
    if error.is_connect() {
        return failed(FailureCode::ConnectFailed, format!("cannot connect to {host}: {why}"), true);
    }
    invalid(host, &format!("broke off, or did not answer as HTTP: {why}"))
}

/// The failure of a status that the caller does not accept.
pub(in crate::nodes) fn status(host: &str, status: StatusCode, retry_after_ms: Option<u64>, excerpt: &str) -> Failure {
    let reason = status.canonical_reason().unwrap_or_default();
    let said: String = excerpt.chars().take(EXCERPT_CHARS_MAX).collect();
    let mut details = Object::from_iter([("status".to_owned(), json!(status.as_u16()))]);
    if !said.trim().is_empty() {
        details.insert("body".to_owned(), Value::String(said));
    }
    if let Some(wait_ms) = retry_after_ms {
        details.insert(RETRY_AFTER_MS.to_owned(), json!(wait_ms.min(RETRY_AFTER_MS_MAX)));
    }
    let retryable = matches!(status.as_u16(), 408 | 425 | 429) || status.is_server_error();
    let mut answered = format!("{host} answered {} {reason}", status.as_u16()).trim_end().to_owned();
    // In the message too: some APIs have no field for details, and the status alone seldom explains the error.
    let line = in_one_line(excerpt);
    if !line.is_empty() {
        answered = format!("{answered}: {line}");
    }
    Failure { details: Some(details), ..failed(FailureCode::HttpStatus, answered, retryable) }
}

/// The start of a body on one line, without characters that cannot be shown.
fn in_one_line(body: &str) -> String {
    let words =
        body.split(|letter: char| letter.is_whitespace() || letter.is_control()).filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if line.chars().count() >= LINE_CHARS_MAX {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().take(LINE_CHARS_MAX + 1));
    }
    match line.char_indices().nth(LINE_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// The error of this type in the chain of sources.
fn cause<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    chain(error).find_map(|one| {
        let mut one = one;
        // I/O errors hide their source one level deeper than others, and may be nested.
        while let Some(inner) = one.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            one = inner;
        }
        one.downcast_ref::<E>()
    })
}

fn chain<'e>(error: &'e reqwest::Error) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(error.source(), |one| {
        let one: &'e (dyn Error + 'static) = *one;
        one.source()
    })
}

/// The last error in the chain, which contains no URL.
fn deepest(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(|| "no reason was given".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_reported_with_a_bounded_piece_of_the_body_on_one_line() {
        let message_of = |body: &str| status("desk.example", StatusCode::PRECONDITION_REQUIRED, None, body).message;
        let plain = "desk.example answered 428 Precondition Required";
        assert_eq!(message_of(""), plain);
        assert_eq!(message_of(" \r\n\t\u{0}"), plain);
        assert_eq!(message_of("the ticket\r\n is  locked\u{7}"), format!("{plain}: the ticket is locked"));
        for long in ["é".repeat(5_000), "é ".repeat(5_000)] {
            let message_of = message_of(&long);
            assert!(
                message_of.ends_with("...") && message_of.chars().count() == plain.chars().count() + 205,
                "{message_of}"
            );
        }
    }
}
