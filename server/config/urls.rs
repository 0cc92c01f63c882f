//! What a URL of the configuration may be.

use std::net::IpAddr;

/// Whether paths can be appended to this URL.
pub(crate) fn is_base_url(text: &str) -> bool {
    is_endpoint(text) && reqwest::Url::parse(text).is_ok_and(|url| url.query().is_none())
}

/// Whether this URL can be called over HTTP.
pub(crate) fn is_endpoint(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    })
}

/// The host of a URL, in lower case and without brackets.
pub(crate) fn host(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']').to_owned())
}

/// Whether an answer is protected on its way: https, or this machine.
pub(crate) fn is_private_way(text: &str) -> bool {
    is_this_machine(text) || reqwest::Url::parse(text).is_ok_and(|url| url.scheme() == "https")
}

/// Whether a URL means this machine.
pub(crate) fn is_this_machine(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}
