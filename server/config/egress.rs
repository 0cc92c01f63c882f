//! `[egress]`: which hosts steps may call. `nodes/perform/http/` enforces it.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// `[egress]`. The values were checked when they were loaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Egress {
    /// Hosts that may be called. Absent: every host.
    pub allow_hosts: Option<Vec<String>>,
    /// Hosts that may not be called. Wins over everything that allows one.
    pub deny_hosts: Vec<String>,
    /// Ports that may be called. Absent: every port.
    pub allow_ports: Option<Vec<u16>>,
    /// Networks that may be called although they are private, of this machine, or otherwise not on the internet.
    pub allow_networks: Vec<String>,
    /// Networks that may not be called, whatever name resolves to them. Wins over everything that allows one.
    pub deny_networks: Vec<String>,
    /// The proxy of every call. Absent: none, whatever the environment says.
    pub proxy: Option<String>,
    /// The longest timeout of one call, milliseconds. Default 60000.
    pub timeout_ms_max: u64,
    /// The largest answer, bytes, after decoding. Default 1 MiB.
    pub response_bytes_max: usize,
}

impl Default for Egress {
    fn default() -> Self {
        Self {
            allow_hosts: None,
            deny_hosts: Vec::new(),
            allow_ports: None,
            allow_networks: Vec::new(),
            deny_networks: Vec::new(),
            proxy: None,
            timeout_ms_max: 60_000,
            response_bytes_max: 1024 * 1024,
        }
    }
}

/// The hosts that an entry of a list matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// This host: a name, or an address.
    Exact(String),
    /// Every host below this name, and not the name itself.
    Below(String),
}

impl HostPattern {
    /// `example.org`, `*.example.org`, or an address. In any case; an IPv6 address with or without brackets.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("*.") {
            // No host is below an address.
            Some(name) => plain(name).filter(|name| name.parse::<IpAddr>().is_err()).map(Self::Below),
            None => plain(text).map(Self::Exact),
        }
    }

    /// Whether it matches this host, in the form of [`plain`].
    pub fn means(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => host == name,
            Self::Below(name) => {
                host.strip_suffix(name.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
        }
    }
}

/// A host in the form in which it is compared: in lower case and in ASCII, without the root's dot or the brackets of
/// an address.
pub fn plain(host: &str) -> Option<String> {
    let bracketed = if host.parse::<std::net::Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() };
    // Only a host, or the rest would be parsed as a port, a user or a path.
    if bracketed.is_empty() || bracketed.contains(['/', '?', '#', '@', '\\']) || bracketed.contains(char::is_whitespace)
    {
        return None;
    }
    let url = reqwest::Url::parse(&format!("http://{bracketed}/")).ok().filter(|url| url.port().is_none())?;
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    // The URL parser drops a port that is the scheme's default.
    let swallowed = bracketed.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && !bracketed.ends_with(']'));
    (!host.is_empty() && !host.contains('*') && !swallowed).then(|| host.to_owned())
}

/// A network (`10.0.0.0/8`), or one address.
pub fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_its_hosts_and_no_others() {
        let table = [
            ("example.org", "example.org", true),
            ("Example.ORG.", "example.org", true),
            ("example.org", "api.example.org", false),
            ("*.example.org", "api.example.org", true),
            ("*.example.org", "a.b.example.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "badexample.org", false),
            ("*.example.org", ".example.org", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("::1", "::1", true),
            ("[::1]", "::1", true),
            ("bücher.example", "xn--bcher-kva.example", true),
        ];
        for (pattern, host, means) in table {
            assert_eq!(HostPattern::parse(pattern).unwrap().means(host), means, "{pattern} and {host}");
        }
        for none in ["", "*", "*.", "a.*.b", "http://a", "a/b", "a:80", "a:8080", "u@a", "*.10.0.0.1", "a b", "[::1"] {
            assert_eq!(HostPattern::parse(none), None, "{none}");
        }
    }

    #[test]
    fn networks_and_addresses_are_parsed() {
        for (text, contains) in
            [("10.0.0.0/8", "10.1.2.3"), ("127.0.0.1", "127.0.0.1"), ("fd00::/8", "fd12::1"), ("::1", "::1")]
        {
            assert!(network(text).unwrap().contains(&contains.parse::<IpAddr>().unwrap()), "{text}");
        }
        assert!(["", "10.0.0.0/33", "example.org", "10.0.0"].iter().all(|text| network(text).is_none()));
    }
}
