//! Why a client cannot be built.

use runyard_api::client::BoxError;

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The address is not a valid base URL: absolute, http or https, without a user, a query or a fragment.
    #[error("{url:?} is no base URL: {reason}")]
    Url {
        /// The address as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The address is https, and this program was built without TLS.
    #[error("{url:?} is https, and runyard-client was built without its feature `tls`")]
    NoTls {
        /// The address as given.
        url: String,
    },
    /// A name or a value that is not valid in a header.
    #[error("header {name:?} cannot be sent: {reason}")]
    Header {
        /// Its name, as given.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The root certificate is not valid PEM.
    #[error("the root certificate is no PEM: {0}")]
    Certificate(String),
    /// TLS cannot be set up, for example because there are no root certificates.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[source] BoxError),
    /// The HTTP client cannot be created.
    #[error("the HTTP client cannot be made: {0}")]
    Http(#[source] reqwest::Error),
}
