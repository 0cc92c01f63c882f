//! The head of a request, and who is calling.
//!
//! A [`Head`] is what arrived; a [`Caller`] is what the implementation made of it. How credentials are checked is the
//! implementation's business (see `Api::admit`).

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use tokio_util::sync::CancellationToken;

/// Everything of a request but its body.
#[derive(Clone)]
pub struct Head {
    /// The method as sent.
    pub method: http::Method,
    /// The target as sent, percent-escapes and all.
    pub uri: http::Uri,
    /// The headers as sent.
    pub headers: Arc<HeaderMap>,
    /// The peer of the connection (not what a proxy claims).
    pub remote: SocketAddr,
    /// What links in the answer begin with: this listener as it is reached from outside, without a trailing slash.
    pub base_url: Arc<str>,
    /// The id that this request was given and that is answered in `x-request-id`.
    pub request_id: Arc<str>,
    /// Cancelled when the server stops.
    pub stopping: CancellationToken,
}

/// The tenant of everyone while authentication is off.
const TENANT_WITHOUT_AUTHENTICATION: &str = "default";

impl Head {
    /// The caller of this request, known by tenant and, when there is one, subject.
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

    /// The caller of an operation that asks for no credentials: tenant `default`, no subject.
    pub fn anonymous(&self) -> Caller {
        self.caller(TENANT_WITHOUT_AUTHENTICATION, None)
    }
}

/// Who is calling, and what goes with the call. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    /// The method as sent. `HEAD` is asked of whoever answers `GET`, and must change nothing (RFC 9110, section 9.2.1).
    pub method: http::Method,
    /// The id of the request, also answered in `x-request-id`.
    pub request_id: Arc<str>,
    /// Whose data may be seen and changed. From the credential alone, never from the request's content.
    pub tenant: Arc<str>,
    /// Who within the tenant, when the credential says so.
    pub subject: Option<Arc<str>>,
    /// What the credential allows, in the implementation's words. For the few handlers that answer some callers more than others;
    /// whether an operation is allowed at all was decided before it is called.
    pub scopes: Arc<[Arc<str>]>,
    /// The headers as sent.
    pub headers: Arc<HeaderMap>,
    /// What links in the answer begin with. See [`Head::base_url`].
    pub base_url: Arc<str>,
    /// Cancelled when the server stops: end streams, start nothing long.
    pub stopping: CancellationToken,
}

impl Caller {
    /// The same caller, whose credential allows this much.
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

// Headers and targets hold credentials: they are not for log lines.

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
