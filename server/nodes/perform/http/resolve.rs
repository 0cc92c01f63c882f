//! Resolves names to addresses that calls may connect to. The checked address is the one that is used: the name is not
//! resolved again, so it cannot lead elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::rules::{Named, Rules};

/// Resolves with the system's resolver, and removes the addresses that the rules deny.
pub(super) struct Resolver {
    pub(super) rules: Arc<Rules>,
    pub(super) named: Named,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, named) = (self.rules.clone(), self.named);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (mut allowed, mut denied) = (Vec::<SocketAddr>::new(), None);
            for address in found {
                match rules.address(name.as_str(), address.ip(), named) {
                    Ok(()) => allowed.push(address),
                    Err(reason) => denied = Some(reason),
                }
            }
            match denied.filter(|_| allowed.is_empty()) {
                Some(denied) => Err(denied.into()),
                None => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}
