//! Checks the host name and the origin of requests (RFC 6454, RFC 9110 section 4.3.3, the Fetch standard).
//!
//! A browser sends requests for every page that is open in it. Where callers need no credential, only two headers
//! separate such requests from those of the listener's own callers: `Host` (DNS rebinding: a foreign name that points
//! at this address) and `Origin` (a page of another site).

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::{Body, Fault, Head, reply, validate};

/// Host names and origins that a listener accepts. The default accepts any `Host`, and lets pages of other origins only
/// read.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The host names that the listener accepts. `None`: any, for listeners that require a credential from every
    /// caller.
    pub hosts: Option<Arc<Hosts>>,
    /// Origins whose pages may call and read (CORS), as browsers write them: `https://app.example.org`.
    pub origins: Arc<[String]>,
}

/// Names and addresses of a listener.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// Host names and addresses in lower case, without a port; `*.example.org` is every name below `example.org`.
    pub names: Vec<String>,
    /// Any IP address, for a listener on every interface. Rebinding takes a name.
    pub any_address: bool,
}

impl Hosts {
    fn allows(&self, host: &str) -> bool {
        let matches = |name: &String| match name.strip_prefix("*.") {
            Some(below) => host.strip_suffix(below).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            None => host == name,
        };
        self.any_address && host.parse::<IpAddr>().is_ok() || self.names.iter().any(matches)
    }
}

/// `Sec-Fetch-Site` (Fetch Metadata Request Headers).
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Headers that a page of another origin may read, beside those that every page may read.
const EXPOSED: &str =
    "x-request-id, retry-after, location, www-authenticate, idempotent-replayed, runyard-ignored-parameters";

/// How long a browser may remember a preflight, seconds.
const MAX_AGE_S: u64 = 600;

impl Access {
    /// Checks the host name and the origin of a request.
    ///
    /// # Errors
    /// [`Fault::Misdirected`] for another host, [`Fault::ForeignOrigin`] for a page of another origin.
    pub(super) fn check(&self, head: &Head) -> Result<(), Fault> {
        self.check_host(head)?;
        let changes = !matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let origins = head.headers.get_all(ORIGIN);
        let foreign = origins.iter().find(|origin| !self.is_known(origin, head));
        if let Some(origin) = foreign
            && (changes || self.hosts.is_some())
        {
            let origin = validate::shown(origin.to_str().unwrap_or("something unreadable"));
            return Err(Fault::ForeignOrigin { origin: Some(origin) });
        }
        // A request with an `Origin` has been checked above.
        let cross = head.headers.get(SEC_FETCH_SITE).is_some_and(|site| site.as_bytes() == b"cross-site");
        if changes && cross && head.headers.get(ORIGIN).is_none() {
            return Err(Fault::ForeignOrigin { origin: None });
        }
        Ok(())
    }

    fn check_host(&self, head: &Head) -> Result<(), Fault> {
        let Some(hosts) = &self.hosts else { return Ok(()) };
        let mut headers = head.headers.get_all(HOST).iter();
        let authority = head.uri.authority().map(|authority| authority.as_str().as_bytes());
        let (first, second) = (authority.or_else(|| headers.next().map(HeaderValue::as_bytes)), headers.next());
        // Browsers always send `Host`. A client that does not (HTTP/1.0) is not a browser.
        let Some(first) = first else { return Ok(()) };
        let name = std::str::from_utf8(first).ok().and_then(host_of);
        let same = second.is_none_or(|second| second.as_bytes() == first);
        match name {
            Some(name) if same && hosts.allows(&name) => Ok(()),
            _ => Err(Fault::Misdirected { host: validate::shown(&String::from_utf8_lossy(first)) }),
        }
    }

    /// Whether a page of this origin may call: it is the listener's own origin, or it is configured.
    fn is_known(&self, origin: &HeaderValue, head: &Head) -> bool {
        self.is_allowed(origin) || is_own(origin, head)
    }

    fn is_allowed(&self, origin: &HeaderValue) -> bool {
        self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
    }

    /// The response to a preflight of an allowed origin. `None`: the request is not such a preflight.
    pub(super) fn preflight(&self, head: &Head, methods: &[&str]) -> Option<Response<Body>> {
        let asks = head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || !head.headers.get(ORIGIN).is_some_and(|origin| self.is_allowed(origin)) {
            return None;
        }
        let mut headers = HeaderMap::new();
        if let Ok(methods) = HeaderValue::try_from(methods.join(", ")) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        if let Some(wanted) = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE_S));
        Some(reply::empty(StatusCode::NO_CONTENT, headers))
    }

    /// Sets the CORS headers of a response.
    pub(super) fn grant(&self, head: &Head, headers: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = head.headers.get(ORIGIN).filter(|origin| self.is_allowed(origin)) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
}

/// Whether the origin is this listener: its `Host` or its base URL.
fn is_own(origin: &HeaderValue, head: &Head) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    if !matches!(scheme, "http" | "https") {
        return false;
    }
    let host = head.uri.authority().map(|authority| authority.as_str());
    let host = host.or_else(|| head.headers.get(HOST).and_then(|value| value.to_str().ok()));
    host.is_some_and(|host| host.eq_ignore_ascii_case(authority)) || is_below(&head.base_url, origin)
}

/// Whether a URL belongs to this origin.
fn is_below(url: &str, origin: &str) -> bool {
    url.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The host of an authority, in lower case, without its port, a root dot or brackets. `None`: not a valid host.
pub(super) fn host_of(authority: &str) -> Option<String> {
    let authority: http::uri::Authority = authority.parse().ok()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_without_port_case_brackets_and_root_dot() {
        for (authority, host) in [
            ("localhost", Some("localhost")),
            ("LocalHost:8092", Some("localhost")),
            ("[::1]:8092", Some("::1")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("example.org.", Some("example.org")),
            ("user@localhost", None),
            ("", None),
            ("a b", None),
        ] {
            assert_eq!(host_of(authority).as_deref(), host, "{authority:?}");
        }
    }

    #[test]
    fn names_below_a_name_are_allowed_and_the_name_itself_is_not() {
        let hosts = Hosts { names: vec!["localhost".into(), "*.example.org".into()], any_address: false };
        assert!(hosts.allows("localhost") && hosts.allows("a.example.org"));
        assert!(!hosts.allows("example.org") && !hosts.allows("badexample.org") && !hosts.allows("10.0.0.1"));
        assert!(Hosts { any_address: true, ..hosts }.allows("10.0.0.1"));
    }
}
