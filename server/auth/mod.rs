//! Authentication. A dialect module calls its [`Gate`] once per request, and gets the caller or a fault that says what
//! is wrong. [`Outbound`] has the credentials that this server sends to others.
//!
//! | file            | one idea |
//! |-----------------|----------|
//! | `credential.rs` | the credential of a request, in the forms that its document names |
//! | `keys.rs`       | API keys: created once, stored as a hash, checked |
//! | `jwt.rs`        | tokens of an identity provider: header, signature, claims |
//! | `jwks.rs`       | the provider's keys, and which algorithm each is for |
//! | `source.rs`     | these keys, cached, and fetched again when a token names a new one |
//! | `provider.rs`   | fetches the provider's keys |
//! | `token_endpoint.rs` | fetches the provider's tokens; these two files alone call outside |
//! | `outbound.rs`   | the credentials that this server sends to servers that it calls, by caller |
//! | `local.rs`      | the data folder's own token, for commands on this machine |
//! | `scopes.rs`     | which operation needs which scope |
//! | `refused.rs`    | every reason for refusing a credential, as a 401 or 403 |
//! | `secret.rs`     | text that is never shown |
//!
//! The credential alone determines the tenant. Streams are authorized when they are opened. Nothing here knows a
//! dialect: the dialect module turns a fault into an error body.

mod credential;
mod gate;
mod jwks;
mod jwt;
mod keys;
mod local;
mod outbound;
mod provider;
mod refused;
mod scopes;
mod secret;
mod source;
mod tenant;
mod token_endpoint;

pub use gate::{Gate, Guard, Parts};
pub use keys::{CreatedKey, Keys, NewKey};
pub use local::LocalToken;
pub use outbound::{Credential, Outbound, OutboundError, Speaker, Target, TokenSource};
pub use provider::ProviderError;
pub use scopes::{OWNER, Scope};
pub use secret::Secret;
pub(crate) use tenant::DEFAULT_TENANT;
pub use token_endpoint::{Application, Grant, IssuedToken, TokenEndpoint, TokenError, TokenRequest};

pub use crate::store::api_key::ApiKey;
