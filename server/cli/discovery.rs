//! What serves at `--url`, and where that server's other APIs are.
//!
//! One address is enough for every command: that of the Runyard API, whose list of APIs says where the others listen. The addresses
//! in the list are those of the server's machine. A command that reached the server under another name reaches them under that name.

use http::StatusCode;
use runyard_client::{run_gateway, runyard};

use super::credential::{Credential, authenticated};
use super::failure::Failure;
use crate::config::settings::{is_base_url, is_this_machine};
use crate::listeners;

/// The name that the Runyard API gives itself.
const RUNYARD: &str = "runyard";
/// What to do about an address of something else.
pub(super) const ADVICE: &str = "give --url the address of the Runyard API: `runyard serve` shows it, port_base + 12, http://127.0.0.1:8092 by default";

/// What serves at an address.
pub(super) enum ServedApi {
    /// The Runyard API.
    Runyard {
        /// Without a trailing slash.
        base: String,
        client: runyard::Client,
    },
    /// Another API, or nothing that answers.
    Other {
        base: String,
        /// The name that it gives itself, or why it gives no name.
        service: Result<String, Failure>,
        client: runyard::Client,
    },
}

/// Reads who serves there: answers of another API would read as nonsense.
///
/// # Errors
/// Not a base URL.
pub(super) async fn look(url: &str, credential: &Credential) -> Result<ServedApi, Failure> {
    let base = base_url(url)?;
    let client = authenticated(runyard::Client::builder(&base), credential).build()?;
    // Every API of ARP has this operation, and so has the Runyard API.
    let any = authenticated(run_gateway::Client::builder(&base), credential).build()?;
    let service = any.version().await.map(|version| version.into_inner().service_name).map_err(Failure::from);
    Ok(match service {
        Ok(name) if name == RUNYARD => ServedApi::Runyard { base, client },
        service => ServedApi::Other { base, service, client },
    })
}

/// Where another API of the server at `base` listens.
///
/// # Errors
/// The list cannot be read, or the server has no such API.
pub(super) async fn address(client: &runyard::Client, base: &str, name: &str) -> Result<String, Failure> {
    let apis = match client.list_doors().await {
        Ok(list) => list.into_inner().doors,
        // A key that may only start runs may not read the list.
        Err(error) if error.status() == Some(StatusCode::FORBIDDEN) => {
            return beside(base, name).ok_or_else(|| error.into());
        }
        Err(error) => return Err(error.into()),
    };
    let found = apis.iter().find(|api| api.name == name);
    let found = found.ok_or_else(|| Failure::new("no_such_door", format!("the server at {base} has no API {name}")))?;
    Ok(reachable(base, &found.url))
}

/// Where an API listens by its distance from the Runyard API, which every server has alike.
fn beside(base: &str, name: &str) -> Option<String> {
    let mut url = reqwest::Url::parse(base).ok()?;
    let port = url.port()?.checked_sub(listeners::offset(RUNYARD))?.checked_add(listeners::offset(name))?;
    url.set_port(Some(port)).ok()?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// A listed address, as it is reached by a caller that reached the server at `base`.
fn reachable(base: &str, listed: &str) -> String {
    let (Ok(base), Ok(mut url)) = (reqwest::Url::parse(base), reqwest::Url::parse(listed)) else {
        return listed.to_owned();
    };
    if base.host_str() != url.host_str()
        && is_this_machine(listed)
        && (url.set_host(base.host_str()).is_err() || url.set_scheme(base.scheme()).is_err())
    {
        return listed.to_owned();
    }
    url.as_str().trim_end_matches('/').to_owned()
}

/// An address as it was given, without a trailing slash.
///
/// # Errors
/// Not a base URL.
pub(super) fn base_url(url: &str) -> Result<String, Failure> {
    if is_base_url(url) {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    Err(Failure::usage("--url is not a base URL")
        .advise(format!("write it as http://HOST:PORT, without a user, a query or a fragment; {ADVICE}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_loopback_address_is_reached_under_the_name_of_the_given_url() {
        for (base, listed, expected) in [
            ("http://127.0.0.1:8092", "http://127.0.0.1:8081", "http://127.0.0.1:8081"),
            ("http://runs.example:8092", "http://127.0.0.1:8081", "http://runs.example:8081"),
            ("https://runs.example", "http://[::1]:8081", "https://runs.example:8081"),
            ("http://runs.example:8092", "http://gateway.example:8081", "http://gateway.example:8081"),
            ("http://[::1]:8092", "http://127.0.0.1:8081", "http://[::1]:8081"),
        ] {
            assert_eq!(reachable(base, listed), expected, "{base} {listed}");
        }
    }

    #[test]
    fn without_the_list_an_api_is_found_by_its_distance() {
        assert_eq!(beside("http://runs.example:9012", "run-gateway").as_deref(), Some("http://runs.example:9001"));
        assert_eq!(beside("https://runs.example", "run-gateway"), None, "behind a proxy there is no distance");
    }

    #[test]
    fn a_url_with_a_query_is_a_usage_error_that_says_what_to_write() {
        let failure = base_url("http://127.0.0.1:8092?x=1").unwrap_err();
        assert_eq!(failure.exit, super::super::failure::Exit::Usage);
        assert!(failure.text().contains("http://HOST:PORT") && failure.text().contains("8092"), "{failure:?}");
    }
}
