//! Where calls may go: the rules of `[egress]`, for URLs before a request and for addresses before a connection.

use std::net::IpAddr;

use ipnet::IpNet;
use reqwest::Url;

use super::address;
use crate::config::egress::{Egress, HostPattern, network, plain};

/// The parsed rules.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    allow_hosts: Option<Vec<HostPattern>>,
    deny_hosts: Vec<HostPattern>,
    allow_ports: Option<Vec<u16>>,
    allow_networks: Vec<IpNet>,
    deny_networks: Vec<IpNet>,
}

/// Where a URL comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nodes) enum Named {
    /// From the inputs.
    ByInputs,
    /// From the configuration of an integration, which thereby allows its host and port.
    ByConfiguration {
        /// Whether private addresses are allowed.
        private: bool,
    },
}

/// The rules deny the call. The text is for people and contains no resolved address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Denied(String);

impl Rules {
    /// The rules of a configuration. Entries that the configuration's loader would refuse are ignored.
    pub(super) fn of(egress: &Egress) -> Self {
        let hosts = |texts: &[String]| texts.iter().filter_map(|text| HostPattern::parse(text)).collect::<Vec<_>>();
        let networks = |texts: &[String]| texts.iter().filter_map(|text| network(text)).collect();
        Self {
            allow_hosts: egress.allow_hosts.as_deref().map(hosts),
            deny_hosts: hosts(&egress.deny_hosts),
            allow_ports: egress.allow_ports.clone(),
            allow_networks: networks(&egress.allow_networks),
            deny_networks: networks(&egress.deny_networks),
        }
    }

    /// Checks a URL by its text: scheme, user, host, port, and the address if the host is one.
    pub(super) fn url(&self, url: &Url, named: Named) -> Result<(), Denied> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Denied(format!("{} URLs are not called, only http and https", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Denied("a URL with a user in it is not called".to_owned()));
        }
        let host = url.host_str().and_then(plain).ok_or_else(|| Denied("the URL has no host".to_owned()))?;
        if self.deny_hosts.iter().any(|pattern| pattern.means(&host)) {
            return Err(Denied(format!("{host} is denied by egress.deny_hosts")));
        }
        if named == Named::ByInputs {
            let is_allowed = |patterns: &Vec<HostPattern>| patterns.iter().any(|pattern| pattern.means(&host));
            if !self.allow_hosts.as_ref().is_none_or(is_allowed) {
                return Err(Denied(format!("{host} is not among egress.allow_hosts")));
            }
            let port = url.port_or_known_default().unwrap_or_default();
            if !self.allow_ports.as_ref().is_none_or(|ports| ports.contains(&port)) {
                return Err(Denied(format!("port {port} is not among egress.allow_ports")));
            }
        }
        match host.parse() {
            Ok(address) => self.address(&host, address, named),
            Err(_) => Ok(()),
        }
    }

    /// Checks an address of a host.
    pub(super) fn address(&self, host: &str, address: IpAddr, named: Named) -> Result<(), Denied> {
        let meant = address::plain(address);
        let within = |networks: &[IpNet]| networks.iter().any(|one| one.contains(&address) || one.contains(&meant));
        if within(&self.deny_networks) {
            return Err(Denied(format!("{host} leads into one of egress.deny_networks")));
        }
        let allowed = within(&self.allow_networks) || named == Named::ByConfiguration { private: true };
        match address::special(address).filter(|_| !allowed) {
            None => Ok(()),
            Some(special) => Err(Denied(match named {
                Named::ByInputs => format!("{host} leads to {special}; egress.allow_networks can allow its network"),
                Named::ByConfiguration { .. } => {
                    format!("{host} leads to {special}; allow_private_addresses in its configuration can allow it")
                }
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURED: Named = Named::ByConfiguration { private: false };

    fn rules(change: impl FnOnce(&mut Egress)) -> Rules {
        let mut egress = Egress::default();
        change(&mut egress);
        Rules::of(&egress)
    }

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn judged(rules: &Rules, url: &str, named: Named) -> Result<(), String> {
        rules.url(&Url::parse(url).unwrap(), named).map_err(|denied| denied.to_string())
    }

    #[test]
    fn urls_are_judged_by_what_is_in_them() {
        let rules = rules(|egress| {
            egress.allow_hosts = Some(words("example.org *.example.com 127.0.0.1 9.9.9.9"));
            egress.deny_hosts = words("internal.example.com");
            egress.allow_ports = Some(vec![80, 443, 8443]);
            egress.deny_networks = words("9.0.0.0/8");
        });
        let table = [
            ("https://example.org/a", None),
            ("HTTPS://EXAMPLE.ORG.:8443/", None),
            ("http://api.example.com", None),
            ("https://example.com", Some("not among egress.allow_hosts")),
            ("https://internal.example.com", Some("denied by egress.deny_hosts")),
            ("https://INTERNAL.example.com./", Some("denied by egress.deny_hosts")),
            ("https://example.org:22", Some("port 22")),
            ("ftp://example.org/a", Some("only http and https")),
            ("file:///etc/passwd", Some("only http and https")),
            ("https://me@example.org", Some("user")),
            ("https://:pw@example.org", Some("user")),
            ("http://127.0.0.1/", Some("this machine")),
            // Other notations of the address.
            ("http://2130706433/", Some("this machine")),
            ("http://0x7f.1/", Some("this machine")),
            ("http://0177.0.0.1/", Some("this machine")),
            ("http://9.9.9.9/", Some("egress.deny_networks")),
        ];
        for (url, denied) in table {
            let found = judged(&rules, url, Named::ByInputs);
            match denied {
                None => assert_eq!(found, Ok(()), "{url}"),
                Some(said) => assert!(found.as_ref().is_err_and(|reason| reason.contains(said)), "{url}: {found:?}"),
            }
        }
    }

    #[test]
    fn without_settings_only_places_on_the_internet_are_called() {
        let rules = rules(|_| ());
        assert_eq!(judged(&rules, "http://example.org:8080/", Named::ByInputs), Ok(()));
        for host in ["10.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "[::]"]
        {
            assert!(judged(&rules, &format!("http://{host}/"), Named::ByInputs).is_err(), "{host}");
            assert!(judged(&rules, &format!("http://{host}/"), CONFIGURED).is_err(), "{host}");
            let private = Named::ByConfiguration { private: true };
            assert_eq!(judged(&rules, &format!("http://{host}/"), private), Ok(()), "{host}");
        }
    }

    #[test]
    fn networks_that_are_allowed_are_reached_in_every_dress_and_denied_goes_first() {
        let rules = rules(|egress| {
            egress.allow_networks = words("10.0.0.0/8 ::1");
            egress.deny_networks = words("10.1.0.0/16");
        });
        for host in ["10.2.3.4", "[::ffff:10.2.3.4]", "[64:ff9b::10.2.3.4]", "[::1]"] {
            assert_eq!(judged(&rules, &format!("http://{host}/"), Named::ByInputs), Ok(()), "{host}");
        }
        for host in ["10.1.2.3", "[::ffff:10.1.2.3]", "127.0.0.1", "192.168.0.1"] {
            assert!(judged(&rules, &format!("http://{host}/"), Named::ByInputs).is_err(), "{host}");
        }
        assert!(judged(&rules, "http://10.1.2.3", Named::ByConfiguration { private: true }).is_err());
    }

    #[test]
    fn what_the_configuration_names_is_allowed_by_that() {
        let rules = rules(|egress| {
            egress.allow_hosts = Some(Vec::new());
            egress.allow_ports = Some(vec![443]);
            egress.deny_hosts = words("never.example.org");
        });
        assert_eq!(judged(&rules, "https://example.org:8443", CONFIGURED), Ok(()));
        assert!(judged(&rules, "https://example.org", Named::ByInputs).is_err(), "an empty list allows nothing");
        assert!(judged(&rules, "https://never.example.org", CONFIGURED).is_err());
    }
}
