//! Which calls are retried when there is no response, or when the server is temporarily unable to answer, and how
//! often.
//!
//! The rule follows from the document, for each operation:
//!
//! | operation | retried after |
//! |---|---|
//! | GET, HEAD, PUT, DELETE; operations that the document marks `x-runyard-idempotent`, such as a cancel | no response, or 408, 429, 502, 503, 504 |
//! | one with an `Idempotency-Key` header, such as a start | the same; every attempt of a call has the same key, which the client creates if the caller gave none |
//! | anything else | a connection that could not be made: nothing was sent |
//! | a stream | a connection that could not be made; [`watch`](crate::watch) resumes the rest |
//!
//! A server that does not support `Idempotency-Key` may start two runs when the response to the first attempt is lost.
//! The standards' own documents do not have this header. So with another implementation, choose the run's id yourself,
//! or use [`Retry::never`].

use std::time::Duration;

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use jiff::fmt::rfc2822;
use runyard_api::client::Operation;
use uuid::Uuid;

/// How often a call is attempted, and the waits in between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Attempts in total. Default 3; 1 disables retries.
    pub attempts_max: u32,
    /// The first wait; each further one is twice as long. Default 200 ms.
    pub wait_min: Duration,
    /// The longest wait. Default 5 s. If a server requests a longer one (`Retry-After`), there is no further attempt,
    /// and the caller gets its response.
    pub wait_max: Duration,
    /// The random part of a wait, from 0 to 1, so that many clients do not retry at the same time. Default 0.5.
    pub jitter: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts_max: 3, wait_min: Duration::from_millis(200), wait_max: Duration::from_secs(5), jitter: 0.5 }
    }
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome<'a> {
    Answered(StatusCode, &'a HeaderMap),
    /// No connection was made.
    Unconnected,
    /// It is not known whether the server executed the request.
    Unanswered,
}

impl<'a> Outcome<'a> {
    pub(crate) fn of(result: &'a reqwest::Result<reqwest::Response>) -> Self {
        match result {
            Ok(answer) => Self::Answered(answer.status(), answer.headers()),
            Err(error) if error.is_connect() => Self::Unconnected,
            Err(_) => Self::Unanswered,
        }
    }
}

impl Retry {
    /// No retries.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts_max: 1, ..Self::default() }
    }

    /// The wait before another attempt; `None`: this attempt is final.
    pub(crate) fn wait(&self, operation: &Operation, attempt: u32, outcome: Outcome<'_>) -> Option<Duration> {
        let safe = (operation.idempotent || operation.keyed) && !operation.streams;
        let wait = self.nth(attempt);
        if attempt >= self.attempts_max {
            return None;
        }
        match outcome {
            Outcome::Unconnected => Some(wait),
            Outcome::Unanswered => safe.then_some(wait),
            Outcome::Answered(status, headers) => {
                let passing = matches!(status.as_u16(), 408 | 429 | 502 | 503 | 504);
                let asked = retry_after(headers).unwrap_or_default();
                (safe && passing && asked <= self.wait_max).then_some(wait.max(asked))
            }
        }
    }

    fn nth(&self, attempt: u32) -> Duration {
        let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let whole = self.wait_min.saturating_mul(factor).min(self.wait_max);
        whole.mul_f64(1.0 - self.jitter.clamp(0.0, 1.0) * chance())
    }
}

/// A random number from 0 to 1. It uses a random UUID, so that the crate needs no dependency for random numbers.
fn chance() -> f64 {
    let [first, second, ..] = *Uuid::new_v4().as_bytes();
    f64::from(u16::from_be_bytes([first, second])) / f64::from(u16::MAX)
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a time, which is compared with the response's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok();
    let after = text(RETRY_AFTER)?.trim();
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = |text: &str| rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    Duration::try_from(time(after)?.duration_since(time(text(DATE)?)?)).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const OPERATION: Operation = Operation {
        id: "x",
        method: "POST",
        path: "/x",
        secured: true,
        streams: false,
        keyed: false,
        idempotent: false,
    };

    fn exact() -> Retry {
        Retry { jitter: 0.0, ..Retry::default() }
    }

    fn answered(status: u16, headers: &[(http::HeaderName, &'static str)]) -> (StatusCode, HeaderMap) {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        (StatusCode::from_u16(status).unwrap(), headers)
    }

    #[test]
    fn what_the_document_does_not_call_safe_is_repeated_only_when_it_was_not_sent() {
        let (busy, none) = answered(503, &[]);
        let of = |operation: Operation| {
            [Outcome::Unconnected, Outcome::Unanswered, Outcome::Answered(busy, &none)]
                .map(|outcome| exact().wait(&operation, 1, outcome).is_some())
        };
        assert_eq!(of(OPERATION), [true, false, false]);
        assert_eq!(of(Operation { idempotent: true, ..OPERATION }), [true, true, true]);
        assert_eq!(of(Operation { keyed: true, ..OPERATION }), [true, true, true]);
        assert_eq!(of(Operation { idempotent: true, streams: true, ..OPERATION }), [true, false, false]);
    }

    #[test]
    fn only_what_passes_is_waited_for() {
        let safe = Operation { idempotent: true, ..OPERATION };
        for status in 200..600 {
            let (status, headers) = answered(status, &[]);
            let waits = exact().wait(&safe, 1, Outcome::Answered(status, &headers)).is_some();
            assert_eq!(waits, matches!(status.as_u16(), 408 | 429 | 502 | 503 | 504), "{status}");
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_attempts_end() {
        let retry = Retry { attempts_max: 8, ..exact() };
        let waits: Vec<_> = (1..=8).map(|attempt| retry.wait(&OPERATION, attempt, Outcome::Unconnected)).collect();
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(waits, [ms(200), ms(400), ms(800), ms(1600), ms(3200), ms(5000), ms(5000), None]);
        assert_eq!(Retry::never().wait(&OPERATION, 1, Outcome::Unconnected), None);
        let half = Retry { jitter: 0.5, ..exact() };
        for _ in 0..100 {
            let wait = half.wait(&OPERATION, 1, Outcome::Unconnected).unwrap();
            assert!(wait >= Duration::from_millis(100) && wait <= Duration::from_millis(200), "{wait:?}");
        }
    }

    #[test]
    fn a_server_that_says_when_is_heeded_or_not_bothered() {
        let safe = Operation { keyed: true, ..OPERATION };
        let wait = |headers: &[(http::HeaderName, &'static str)]| {
            let (status, headers) = answered(503, headers);
            exact().wait(&safe, 1, Outcome::Answered(status, &headers))
        };
        assert_eq!(wait(&[(RETRY_AFTER, "2")]), Some(Duration::from_secs(2)));
        assert_eq!(wait(&[(RETRY_AFTER, "0")]), Some(Duration::from_millis(200)));
        assert_eq!(wait(&[(RETRY_AFTER, "60")]), None);
        let date = (DATE, "Sun, 22 Nov 2026 10:00:00 GMT");
        assert_eq!(wait(&[date.clone(), (RETRY_AFTER, "Sun, 22 Nov 2026 10:00:03 GMT")]), Some(Duration::from_secs(3)));
        assert_eq!(wait(&[date, (RETRY_AFTER, "Sun, 22 Nov 2026 09:00:00 GMT")]), Some(Duration::from_millis(200)));
        assert_eq!(wait(&[(RETRY_AFTER, "soon")]), Some(Duration::from_millis(200)));
    }
}
