//! The head of a request, and its authenticated caller.
//!
//! A [`Head`] is the request as it arrived. The implementation makes a [`Caller`] from it, and decides how to check
//! credentials (see `Api::admit`).

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use tokio_util::sync::CancellationToken;

/// A request without its body.
#[derive(Clone)]
pub struct Head {
    /// The method as sent.
    pub method: http::Method,
    /// The target as sent, with its percent-escapes.
    pub uri: http::Uri,
    /// The headers as sent.
    pub headers: Arc<HeaderMap>,
    /// The peer of the connection, not the address that a proxy reports.
    pub remote: SocketAddr,
    /// The base URL of links in the response: the external URL of this listener, without a trailing slash.
    pub base_url: Arc<str>,
    /// The id of this request, also sent in `x-request-id`.
    pub request_id: Arc<str>,
    /// Cancelled when the server stops.
    pub stopping: CancellationToken,
}

/// The tenant of every caller while authentication is disabled.
const TENANT_WITHOUT_AUTHENTICATION: &str = "default";

impl Head {
    /// The caller of this request, with a tenant and an optional subject.
    pub fn caller(&self, tenant: impl Into<Arc<str>>, subject: Option<Arc<str>>) -> Caller {
        Caller {
            method: self.method.clone(),
            request_id: Arc::clone(&self.request_id),
            tenant: tenant.into(),
            subject,
            scopes: Arc::new([]),
            headers: Arc::clone(&self.headers),
            base_url: Arc::clone(&self.base_url),
            stopping: self.stopping.clone(),
        }
    }

    /// The caller of an operation without authentication: tenant `default`, no subject.
    pub fn anonymous(&self) -> Caller {
        self.caller(TENANT_WITHOUT_AUTHENTICATION, None)
    }
}

/// The authenticated caller, and the parts of the request that handlers need. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    /// The method as sent. The handler of `GET` also gets `HEAD`, which must change nothing (RFC 9110, section 9.2.1).
    pub method: http::Method,
    /// The id of the request, also sent in `x-request-id`.
    pub request_id: Arc<str>,
    /// The tenant whose data the call may read and change. It comes from the credential alone, never from the request's
    /// content.
    pub tenant: Arc<str>,
    /// The subject within the tenant, if the credential has one.
    pub subject: Option<Arc<str>>,
    /// The scopes of the credential, as the implementation names them. Only a few handlers need them, whose responses
    /// depend on the caller's scopes. Whether the operation is allowed was decided before the call.
    pub scopes: Arc<[Arc<str>]>,
    /// The headers as sent.
    pub headers: Arc<HeaderMap>,
    /// The base URL of links in the response. See [`Head::base_url`].
    pub base_url: Arc<str>,
    /// Cancelled when the server stops: end streams, and start no long work.
    pub stopping: CancellationToken,
}

impl Caller {
    /// The same caller with these scopes.
    #[must_use]
    pub fn with_scopes(mut self, scopes: Arc<[Arc<str>]>) -> Self {
        self.scopes = scopes;
        self
    }

    /// Whether the credential has this scope.
    pub fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|one| **one == *scope)
    }
}

// Headers and targets hold credentials and must not be logged.

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, path) = (&self.method, self.uri.path());
        f.debug_struct("Head").field("method", method).field("path", &path).finish_non_exhaustive()
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tenant, subject) = (&self.tenant, &self.subject);
        f.debug_struct("Caller").field("tenant", tenant).field("subject", subject).finish_non_exhaustive()
    }
}
