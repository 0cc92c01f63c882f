//! The allowed values of a setting, and how they are checked.

use std::net::IpAddr;

use figment::value::Value;

use super::egress::{HostPattern, network};
use super::found::Found;
use super::urls::{is_base_url, is_endpoint};

/// The allowed values.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A path that is not empty. In a file, a relative one starts at the file's folder.
    Path,
    /// An IP address, or `localhost`.
    Address,
    /// `true` or `false`.
    Switch,
    /// An integer within bounds.
    Count {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// `port_base`: 0, or a number that is small enough for the last API's port.
    PortBase,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A filter for log lines.
    Filter,
    /// An absolute http or https URL without credentials in it.
    Url,
    /// As a URL, but no path is appended to it: it may have a query.
    Endpoint,
    /// One line of text.
    Text,
    /// One text, or a list of them.
    Texts,
    /// Origins of web pages: scheme, host and port.
    Origins,
    /// Names of signature algorithms.
    Algorithms,
    /// Names of hosts, of everything below one, or addresses.
    Hosts,
    /// Port numbers.
    Ports,
    /// Networks and addresses.
    Networks,
    /// A list of integrations.
    Integrations,
    /// A list of MCP servers.
    McpServers,
    /// A list of models.
    Models,
    /// A list of services with an OpenAPI document.
    OpenapiServices,
}

/// The highest offset of an API from `port_base` (the Runyard API).
pub const PORT_OFFSET_MAX: u16 = 12;

/// The signature algorithms that may be configured. None with a shared secret: the keys of an issuer are public.
pub(crate) const ALGORITHMS: &[&str] =
    &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

impl Kind {
    /// Checks a value.
    ///
    /// # Errors
    /// The value and what is allowed, as one line.
    pub fn check(&self, found: &Found) -> Result<Value, String> {
        let listed = |words: Vec<String>| Value::from(words);
        match self {
            // The fault is deep in it, and has its own message.
            Self::Integrations => return found.integrations().map(Value::from),
            Self::McpServers => return found.mcp_servers().map(Value::from),
            Self::Models => return found.models().map(Value::from),
            Self::OpenapiServices => return found.openapi_services().map(Value::from),
            Self::Switch => found.switch().map(Value::from),
            Self::Count { min, max } => found.count().filter(|count| (min..=max).contains(&count)).map(Value::from),
            Self::PortBase => found.count().filter(|count| *count <= port_base_max()).map(Value::from),
            Self::Path => found.text().filter(|text| !text.trim().is_empty()).map(Value::from),
            Self::Address => found.text().and_then(address).map(|ip| Value::from(ip.to_string())),
            Self::Choice(words) => found.text().filter(|text| words.contains(text)).map(Value::from),
            Self::Filter => found.text().filter(|text| is_filter(text)).map(Value::from),
            Self::Url => found.text().filter(|text| is_base_url(text)).map(Value::from),
            Self::Endpoint => found.text().filter(|text| is_endpoint(text)).map(Value::from),
            Self::Text => found.text().filter(|text| is_line(text)).map(Value::from),
            Self::Texts => found.texts().filter(|texts| !texts.is_empty() && all(texts, is_line)).map(listed),
            Self::Origins => found.words().filter(|words| all(words, is_origin)).map(listed),
            Self::Algorithms => found.words().filter(|words| are_algorithms(words)).map(|words| words.join(",").into()),
            Self::Hosts => {
                found.words().filter(|words| all(words, |one| HostPattern::parse(one).is_some())).map(listed)
            }
            Self::Networks => found.words().filter(|words| all(words, |one| network(one).is_some())).map(listed),
            Self::Ports => found.ports().map(Value::from),
        }
        .ok_or_else(|| format!("found {}, expected {}", self.shown(found), self.allowed()))
    }

    /// A short form that is safe to print: a URL may have a password, and is not quoted.
    fn shown(&self, found: &Found) -> String {
        if matches!(self, Self::Url | Self::Endpoint) { "something else".to_owned() } else { found.shown() }
    }

    /// A description of the allowed values.
    pub fn allowed(&self) -> String {
        match self {
            Self::Path => "a path".to_owned(),
            Self::Address => "an IP address or localhost".to_owned(),
            Self::Switch => "true or false".to_owned(),
            Self::Count { min, max } => format!("a whole number from {min} to {max}"),
            Self::PortBase => {
                let max = port_base_max();
                format!(
                    "0 for free ports, or 1 to {max}: the last API listens {PORT_OFFSET_MAX} above it, and ports end at 65535"
                )
            }
            Self::Choice(words) => words.join(" or "),
            Self::Filter => {
                "a level (error, warn, info, debug, trace, off) or a list such as info,runyard=debug".to_owned()
            }
            Self::Url => "an absolute http or https URL without a user, a query or a fragment".to_owned(),
            Self::Endpoint => "an absolute http or https URL without a user or a fragment".to_owned(),
            Self::Text => format!("1 to {TEXT_CHARS_MAX} characters in one line"),
            Self::Texts => format!("1 to {TEXT_CHARS_MAX} characters in one line, or a list of such texts"),
            Self::Origins => "a list of origins such as https://app.example.org, without a path".to_owned(),
            Self::Algorithms => format!("some of {}, with commas between", ALGORITHMS.join(", ")),
            Self::Hosts => {
                "a list of host names such as api.example.org, of *.example.org, and of IP addresses".to_owned()
            }
            Self::Networks => "a list of networks such as 10.0.0.0/8, and of IP addresses".to_owned(),
            Self::Ports => "a list of ports from 1 to 65535".to_owned(),
            Self::Integrations | Self::McpServers | Self::Models | Self::OpenapiServices => {
                "a list of tables; in the environment the same as JSON".to_owned()
            }
        }
    }
}

fn port_base_max() -> u64 {
    u64::from(u16::MAX - PORT_OFFSET_MAX)
}

fn address(text: &str) -> Option<IpAddr> {
    if text.eq_ignore_ascii_case("localhost") { Some(IpAddr::from([127, 0, 0, 1])) } else { text.parse().ok() }
}

fn is_filter(text: &str) -> bool {
    !text.trim().is_empty() && tracing_subscriber::EnvFilter::builder().parse(text).is_ok()
}

/// The longest text that is a setting.
const TEXT_CHARS_MAX: usize = 512;

fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control)
}

/// Whether a browser could send this as the origin of a page.
fn is_origin(text: &str) -> bool {
    let parsed = reqwest::Url::parse(text).ok().filter(|_| is_base_url(text));
    parsed.is_some_and(|url| url.origin().ascii_serialization() == text)
}

fn all(words: &[String], fits: impl Fn(&str) -> bool) -> bool {
    words.iter().all(|word| fits(word))
}

fn are_algorithms(words: &[String]) -> bool {
    !words.is_empty() && words.iter().all(|word| ALGORITHMS.contains(&word.as_str()))
}
