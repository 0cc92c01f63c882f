//! What is sent to authenticate the command.

use runyard_client::{Builder, Document};

use super::login::Tokens;
use crate::auth::Secret;

/// What is sent to authenticate the command.
#[derive(Clone)]
pub(super) enum Credential {
    Token(Secret),
    Login(Tokens),
    Absent,
}

/// A client that sends the credential, if there is one.
pub(super) fn authenticated<C: Document>(builder: Builder<C>, credential: &Credential) -> Builder<C> {
    match credential {
        Credential::Token(token) => builder.token(token.expose()),
        Credential::Login(tokens) => builder.token_provider(tokens.clone()),
        Credential::Absent => builder,
    }
}
