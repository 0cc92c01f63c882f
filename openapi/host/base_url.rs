//! The base URL of links: how clients reach a listener.
//!
//! It is the configured URL; else what a trusted proxy reports (RFC 7239, or the older `X-Forwarded-` headers); else
//! the address of the socket. It is never `Host`: any caller can set that, and an approval link would then point to a
//! host of the caller's choice.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;
use ipnet::IpNet;

/// How clients reach a listener.
#[derive(Debug, Clone, Default)]
pub struct Reached {
    /// The base URL of links, without a trailing slash.
    pub public_url: Option<Arc<str>>,
    /// Proxies whose forwarded headers are trusted.
    pub trusted_proxies: Arc<[IpNet]>,
}

impl Reached {
    /// The base URL of links in the response to this request.
    pub(super) fn base_url(&self, headers: &HeaderMap, remote: IpAddr, local: SocketAddr) -> Arc<str> {
        if let Some(url) = &self.public_url {
            return Arc::clone(url);
        }
        let forwarded = if self.trusts(remote) { forwarded(headers) } else { None };
        forwarded.unwrap_or_else(|| format!("http://{local}")).into()
    }

    /// Whether this peer is a trusted proxy.
    pub fn trusts(&self, remote: IpAddr) -> bool {
        let remote = remote.to_canonical();
        self.trusted_proxies.iter().any(|network| network.contains(&remote))
    }
}

/// The base URL that the nearest proxy reports. The nearest proxy writes the last value of each header.
fn forwarded(headers: &HeaderMap) -> Option<String> {
    let last = |name: &str| -> Option<String> {
        let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
        value.rsplit(',').next().map(|one| one.trim().to_owned())
    };
    let (scheme, host) = match last("forwarded") {
        Some(element) => {
            let field = |name: &str| {
                let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
                let found = pairs.find(|(known, _)| known.trim().eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.trim().trim_matches('"').to_owned())
            };
            (field("proto"), field("host"))
        }
        None => (last("x-forwarded-proto"), last("x-forwarded-host")),
    };
    let host = host.filter(|host| super::access::host_of(host).is_some())?;
    let scheme = scheme.map(|scheme| scheme.to_ascii_lowercase());
    let scheme =
        scheme.filter(|scheme| matches!(scheme.as_str(), "http" | "https")).unwrap_or_else(|| "http".to_owned());
    Some(format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(reached: &Reached, headers: &[(&'static str, &'static str)], remote: &str) -> String {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        reached.base_url(&headers, remote.parse().unwrap(), "127.0.0.1:8084".parse().unwrap()).to_string()
    }

    #[test]
    fn forwarded_headers_count_from_trusted_proxies_alone_and_host_never_does() {
        let trusting = Reached { trusted_proxies: ["10.0.0.0/8".parse().unwrap()].into(), ..Reached::default() };
        let own = "http://127.0.0.1:8084";
        for (headers, remote, expected) in [
            (&[("host", "evil.example")][..], "10.0.0.1", own),
            (&[("x-forwarded-host", "evil.example")], "192.0.2.1", own),
            (&[("forwarded", "host=evil.example")], "192.0.2.1", own),
            (
                &[("x-forwarded-host", "runs.example.org"), ("x-forwarded-proto", "https")],
                "10.0.0.1",
                "https://runs.example.org",
            ),
            (&[("x-forwarded-host", "evil.example, runs.example.org")], "10.0.0.1", "http://runs.example.org"),
            (
                &[("forwarded", "host=evil.example, for=1.2.3.4;proto=https;host=\"runs.example.org:8443\"")],
                "10.0.0.1",
                "https://runs.example.org:8443",
            ),
            (&[("x-forwarded-host", "a/b"), ("x-forwarded-proto", "https")], "10.0.0.1", own),
            (&[("x-forwarded-host", "a.example"), ("x-forwarded-proto", "javascript")], "10.0.0.1", "http://a.example"),
        ] {
            assert_eq!(base(&trusting, headers, remote), expected, "{headers:?} from {remote}");
        }
        let set = Reached { public_url: Some("https://runs.example.org".into()), ..trusting };
        assert_eq!(base(&set, &[("x-forwarded-host", "other.example")], "10.0.0.1"), "https://runs.example.org");
    }
}
