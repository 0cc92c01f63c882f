//! The data folder's own token: new at each start of the server, in `server.json`, which only the folder's owner can
//! read. With it the commands in that folder work even if authentication is required.

use std::net::{IpAddr, SocketAddr};

use super::Secret;

/// The token, and the addresses from which it is accepted.
#[derive(Debug, Clone)]
pub struct LocalToken {
    secret: Secret,
    /// If a server listens on one address alone, its own machine calls it from that address.
    own: IpAddr,
}

impl LocalToken {
    /// A new token, for a server that listens on this address.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn random(own: IpAddr) -> Result<Self, String> {
        Ok(Self { secret: Secret::random()?, own })
    }

    /// The token, for `server.json` and for this process.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether the text is the token.
    pub(super) fn is(&self, shown: &Secret) -> bool {
        self.secret.is(shown)
    }

    /// Whether this peer is on this machine.
    pub(super) fn is_taken_from(&self, peer: SocketAddr) -> bool {
        let peer = peer.ip().to_canonical();
        peer.is_loopback() || (peer == self.own.to_canonical() && !peer.is_unspecified())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_taken_from_this_machine_alone() {
        let peer = |ip: &str| SocketAddr::new(ip.parse().expect("an address of a test"), 1);
        let token = |own: &str| LocalToken::random(own.parse().expect("an address of a test")).expect("randomness");
        for (own, from, taken) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("0.0.0.0", "127.0.0.1", true),
            ("0.0.0.0", "::ffff:127.0.0.1", true),
            ("::", "::1", true),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0", "192.0.2.2", false),
            ("::", "2001:db8::1", false),
            ("0.0.0.0", "0.0.0.0", false),
        ] {
            assert_eq!(token(own).is_taken_from(peer(from)), taken, "{own} {from}");
        }
        let (one, other) = (token("127.0.0.1"), token("127.0.0.1"));
        assert!(one.is(one.secret()) && !one.is(other.secret()));
    }
}
