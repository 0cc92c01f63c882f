//! The head of a request, and who is calling.
//!
//! A [`Head`] is what arrived; a [`Caller`] is what the implementation made of it. How credentials are checked is the
//! implementation's business (see `Api::admit`).

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use tokio_util::sync::CancellationToken;

/// Everything of a request but its body.
#[derive(Debug, Clone)]
pub struct Head {
    /// The method as sent.
    pub method: http::Method,
    /// The target as sent, percent-escapes and all.
    pub uri: http::Uri,
    /// The headers as sent.
    pub headers: Arc<HeaderMap>,
    /// The peer of the connection (not what a proxy claims).
    pub remote: SocketAddr,
    /// The id that dropshot gave this request and answers in `x-request-id`.
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
            request_id: Arc::clone(&self.request_id),
            tenant: tenant.into(),
            subject,
            headers: Arc::clone(&self.headers),
            stopping: self.stopping.clone(),
        }
    }

    /// The caller of an operation that asks for no credentials: tenant `default`, no subject.
    pub fn anonymous(&self) -> Caller {
        self.caller(TENANT_WITHOUT_AUTHENTICATION, None)
    }
}

/// Who is calling, and what goes with the call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The id of the request, also answered in `x-request-id`.
    pub request_id: Arc<str>,
    /// Whose data may be seen and changed. From the credential alone, never from the request's content.
    pub tenant: Arc<str>,
    /// Who within the tenant, when the credential says so.
    pub subject: Option<Arc<str>>,
    /// The headers as sent.
    pub headers: Arc<HeaderMap>,
    /// Cancelled when the server stops: end streams, start nothing long.
    pub stopping: CancellationToken,
}
