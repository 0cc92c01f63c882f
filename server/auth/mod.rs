//! Who is calling. A room asks its [`Gate`] once per request, and is told the caller or a fault that says what is wrong. And who this
//! server is to others that it calls: [`Outbound`].
//!
//! | file            | one idea |
//! |-----------------|----------|
//! | `credential.rs` | what a request shows, in the ways that its document names |
//! | `keys.rs`       | API keys: made once, kept as a hash, checked |
//! | `jwt.rs`        | tokens of an identity provider: header, signature, claims |
//! | `jwks.rs`       | the provider's keys, and which algorithm each is for |
//! | `source.rs`     | these keys fetched when needed, kept for a while, fetched again when one is new |
//! | `provider.rs`   | the way to the provider's keys |
//! | `token_endpoint.rs` | the way to the provider's tokens; these two files alone reach outside |
//! | `outbound.rs`   | what is shown to a server that this one calls, for whom |
//! | `local.rs`      | the data folder's own token, for commands on this machine |
//! | `scopes.rs`     | which operation needs which scope |
//! | `refused.rs`    | every way in which a credential does not hold, as a 401 or 403 |
//! | `secret.rs`     | text that is never shown |
//!
//! Whose data may be seen comes from the credential alone. Streams are judged when they are opened. Nothing here knows a dialect:
//! a fault becomes an error body in the room.

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
mod token_endpoint;

pub(crate) use gate::DEFAULT_TENANT;
pub use gate::{Gate, Guard, Parts};
pub use keys::{CreatedKey, Keys, NewKey};
pub use local::LocalToken;
pub use outbound::{Credential, Outbound, OutboundError, Speaker, Target, TokenSource};
pub use provider::ProviderError;
pub use scopes::{OWNER, Scope};
pub use secret::Secret;
pub use token_endpoint::{Application, Grant, Issued, TokenEndpoint, TokenError, Wanted};

pub use crate::store::api_key::ApiKey;
