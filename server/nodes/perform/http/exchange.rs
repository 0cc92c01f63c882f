//! One call over HTTP, from its first connection to the last byte: checked before each hop, limited in time and size.

use std::io::Write as _;
use std::time::Duration;

use flate2::write::MultiGzDecoder;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, TRANSFER_ENCODING,
};
use http::{HeaderMap, Method, StatusCode};
use reqwest::{Response, Url};
use runyard_engine::event::Failure;

use super::failure;
use super::outside::Outside;
use super::rules::Named;
use crate::clock::Clock;

/// The maximum bytes of response headers; their number is at most 100, which is hyper's own limit.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// The headers that a redirect to another host keeps: none that may be meant only for the first host.
const CARRIED_ON: [&str; 4] = ["accept", "accept-language", "user-agent", "content-type"];

/// A request.
#[derive(Debug, Clone)]
pub(in crate::nodes) struct Ask {
    pub(in crate::nodes) method: Method,
    pub(in crate::nodes) url: Url,
    pub(in crate::nodes) headers: HeaderMap,
    pub(in crate::nodes) body: Option<Vec<u8>>,
    pub(in crate::nodes) named: Named,
    pub(in crate::nodes) timeout_ms: u64,
    pub(in crate::nodes) bytes_max: usize,
    /// How many redirects are followed; with 0 a redirect is returned as the response.
    pub(in crate::nodes) redirects_max: u32,
}

/// A response.
#[derive(Debug)]
pub(in crate::nodes) struct Answer {
    pub(in crate::nodes) status: StatusCode,
    pub(in crate::nodes) headers: HeaderMap,
    /// The host that answered.
    pub(in crate::nodes) url: Url,
    /// The body, decoded.
    pub(in crate::nodes) body: Vec<u8>,
}

impl Ask {
    /// The host, for messages.
    pub(in crate::nodes) fn host(&self) -> String {
        host(&self.url)
    }
}

impl Answer {
    /// The delay before a retry that the response requests, milliseconds.
    pub(in crate::nodes) fn retry_after_ms(&self, now_ms: i64) -> Option<u64> {
        let said = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = said.parse::<u64>() {
            return Some(seconds.saturating_mul(1000));
        }
        u64::try_from(date_ms(said)? - now_ms).ok()
    }
}

/// An HTTP date, Unix milliseconds: the current form, and the two obsolete forms that every recipient must read (RFC
/// 9110, section 5.6.7). Also the form of mail programs, because some servers send it.
fn date_ms(text: &str) -> Option<i64> {
    let of_http = httpdate::parse_http_date(text).ok().map(jiff::Timestamp::try_from);
    let at = of_http.and_then(Result::ok).or_else(|| Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp()));
    at.map(jiff::Timestamp::as_millisecond)
}

/// Sends the request, and follows redirects up to the limit.
pub(in crate::nodes) async fn exchange(outside: &Outside, ask: Ask, clock: &Clock) -> Result<Answer, Failure> {
    let (timeout_ms, host) = (ask.timeout_ms.min(outside.timeout_ms_max), ask.host());
    tokio::select! {
        biased;
        answered = hops(outside, ask) => answered,
        () = clock.sleep(Duration::from_millis(timeout_ms)) => Err(failure::timed_out(&host, timeout_ms)),
    }
}

async fn hops(outside: &Outside, mut ask: Ask) -> Result<Answer, Failure> {
    let bytes_max = ask.bytes_max.min(outside.bytes_max);
    let mut redirects = 0;
    loop {
        outside.rules.url(&ask.url, ask.named).map_err(|denied| failure::denied(&denied))?;
        let answer = send(outside, &ask).await?;
        let next = location(&answer, &ask.url).filter(|_| ask.redirects_max > 0);
        let Some(next) = next else { return read(answer, &ask, bytes_max).await };
        if redirects == ask.redirects_max {
            let most = ask.redirects_max;
            return Err(failure::invalid(&ask.host(), &format!("redirects more often than {most} times")));
        }
        redirects += 1;
        redirect(&mut ask, answer.status(), next);
    }
}

async fn send(outside: &Outside, ask: &Ask) -> Result<Response, Failure> {
    let mut request = outside.client(ask.named).request(ask.method.clone(), ask.url.clone());
    request = request.headers(ask.headers.clone()).header(ACCEPT_ENCODING, "gzip");
    if let Some(body) = &ask.body {
        request = request.body(body.clone());
    }
    request.send().await.map_err(|error| failure::of(&ask.host(), &error))
}

/// The target of a redirect, if the response is one.
fn location(answer: &Response, from: &Url) -> Option<Url> {
    let is_redirect = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let to = answer.headers().get(LOCATION).filter(|_| is_redirect)?;
    let mut url = from.join(std::str::from_utf8(to.as_bytes()).ok()?).ok()?;
    url.set_fragment(None);
    Some(url)
}

/// The next request after a redirect (RFC 9110, 15.4).
fn redirect(ask: &mut Ask, status: StatusCode, to: Url) {
    let to_get = match status.as_u16() {
        303 => ask.method != Method::HEAD,
        301 | 302 => ask.method == Method::POST,
        _ => false,
    };
    if to_get {
        (ask.method, ask.body) = (Method::GET, None);
        ask.headers.remove(CONTENT_TYPE);
    }
    if to.origin() != ask.url.origin() {
        let kept = ask.headers.iter().filter(|(name, _)| CARRIED_ON.contains(&name.as_str()));
        ask.headers = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        // The configuration trusts its own host, not the target of a redirect.
        ask.named = Named::ByInputs;
    }
    ask.url = to;
}

async fn read(mut response: Response, ask: &Ask, bytes_max: usize) -> Result<Answer, Failure> {
    let (status, host) = (response.status(), ask.host());
    let mut headers = std::mem::take(response.headers_mut());
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > HEADER_BYTES_MAX {
        return Err(failure::too_large(&host, HEADER_BYTES_MAX));
    }
    let gzip = headers.get(CONTENT_ENCODING).is_some_and(|coding| {
        coding.to_str().is_ok_and(|coding| matches!(coding.trim().to_ascii_lowercase().as_str(), "gzip" | "x-gzip"))
    });
    if ask.method != Method::HEAD && response.content_length().is_some_and(|length| length > bytes_max as u64) {
        return Err(failure::too_large(&host, bytes_max));
    }
    let mut body = Body::new(gzip, bytes_max);
    while let Some(chunk) = response.chunk().await.map_err(|error| failure::of(&host, &error))? {
        body.take(&chunk).map_err(|broken| broken.failure(&host, bytes_max))?;
    }
    let body = body.end().map_err(|broken| broken.failure(&host, bytes_max))?;
    if gzip {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }
    headers.remove(TRANSFER_ENCODING);
    Ok(Answer { status, headers, url: ask.url.clone(), body })
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// A body that is decoded while it arrives: a small body may decode to a large one.
enum Body {
    Plain(Bounded),
    /// Of one member or several (RFC 1952, section 2.2).
    Gzip(Box<MultiGzDecoder<Bounded>>, Coming),
}

/// The gzip body so far, still encoded.
#[derive(Default)]
struct Coming {
    any: bool,
}

/// Bytes with a limit.
struct Bounded {
    bytes: Vec<u8>,
    max: usize,
    over: bool,
}

/// Why a body cannot be read.
enum Broken {
    TooLarge,
    NotGzip,
}

impl Broken {
    fn failure(self, host: &str, bytes_max: usize) -> Failure {
        match self {
            Self::TooLarge => failure::too_large(host, bytes_max),
            Self::NotGzip => failure::invalid(host, "says that its answer is gzip, and it is not, or not all of it"),
        }
    }
}

impl Body {
    fn new(gzip: bool, max: usize) -> Self {
        let bounded = Bounded { bytes: Vec::new(), max, over: false };
        if gzip { Self::Gzip(Box::new(MultiGzDecoder::new(bounded)), Coming::default()) } else { Self::Plain(bounded) }
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), Broken> {
        match self {
            Self::Plain(bounded) => bounded.write_all(chunk).map_err(|_| Broken::TooLarge),
            Self::Gzip(decoder, coming) => {
                coming.any |= !chunk.is_empty();
                let written = decoder.write_all(chunk);
                written.map_err(|_| if decoder.get_ref().over { Broken::TooLarge } else { Broken::NotGzip })
            }
        }
    }

    fn end(self) -> Result<Vec<u8>, Broken> {
        match self {
            Self::Plain(bounded) => Ok(bounded.bytes),
            // A response without a body, such as one to HEAD, has no gzip data either.
            Self::Gzip(_, Coming { any: false }) => Ok(Vec::new()),
            Self::Gzip(mut decoder, _) => {
                let ended = decoder.try_finish();
                if decoder.get_ref().over {
                    return Err(Broken::TooLarge);
                }
                ended.map_err(|_| Broken::NotGzip)?;
                Ok(std::mem::take(&mut decoder.get_mut().bytes))
            }
        }
    }
}

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.max {
            self.over = true;
            return Err(std::io::Error::other("larger than its bound"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits_ms(said: &str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, http::HeaderValue::from_str(said).unwrap())]);
        let url = Url::parse("http://127.0.0.1/").unwrap();
        let answer = Answer { status: StatusCode::TOO_MANY_REQUESTS, headers, url, body: Vec::new() };
        // Ten seconds before the dates below.
        answer.retry_after_ms(784_111_777_000 - 10_000)
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_in_every_form_of_an_http_date() {
        for said in [
            "10",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 09:49:37 +0100",
        ] {
            assert_eq!(waits_ms(said), Some(10_000), "{said}");
        }
        for said in ["soon", "-1", "Sat, 05 Nov 1994 08:49:37 GMT", ""] {
            assert_eq!(waits_ms(said), None, "{said}");
        }
    }
}
