//! Every reason for refusing a credential, as the fault that an API answers: 401 (RFC 6750), 403, or 503 when it is
//! not the caller's fault. The message says what is wrong without quoting the request.

use std::time::Duration;

use runyard_api::host::Fault;

use crate::codes::AccessReason;

/// The challenge with the server's name (RFC 9110).
const REALM: &str = "Bearer realm=\"runyard\"";

/// Why a caller is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// No credential was sent.
    Missing {
        /// Whether the API accepts a key in a header of its own.
        key_header: bool,
    },
    /// Another scheme than those of the document.
    Scheme,
    /// The header cannot be read.
    Header,
    /// Two different credentials.
    Ambiguous,
    /// Neither a key, nor a token, nor another known credential.
    Unknown,
    /// There is no such key, or its secret is different.
    KeyUnknown,
    /// The key was revoked.
    KeyRevoked,
    /// The key has expired.
    KeyExpired,
    /// The local token, from another machine.
    NotLocal,
    /// A token, and no provider is configured.
    NoProvider,
    /// Longer than any token.
    TokenTooLarge,
    /// Not three parts of base64url, or not JSON in them.
    TokenMalformed,
    /// `crit`, or a type of something else than an access token.
    TokenKind,
    /// The algorithm is not accepted: `none`, a shared secret, or not in the list.
    Algorithm,
    /// The key that the token names is for another algorithm.
    AlgorithmMismatch,
    /// The provider has no such key.
    SigningKeyUnknown,
    /// The signature does not match.
    Signature,
    /// `exp` is in the past.
    Expired,
    /// There is no `exp`.
    NeverExpires,
    /// `nbf` is in the future.
    NotYetValid,
    /// `iat` is in the future.
    IssuedInFuture,
    /// `iss` is another issuer.
    Issuer,
    /// `aud` is another audience.
    Audience,
    /// The claim with the tenant is missing or not valid.
    Tenant,
    /// The provider does not exchange this token for one that the other server accepts.
    Exchange,
    /// A valid credential without this scope.
    Scope(String),
    /// The provider or the store does not answer. The caller is not to blame.
    Unavailable {
        /// What does not answer.
        reason: &'static str,
        /// The `Retry-After`.
        after: Duration,
    },
}

/// The attribute `error` of a challenge.
const REQUEST: Option<&str> = Some("invalid_request");
const TOKEN: Option<&str> = Some("invalid_token");

impl Refused {
    /// For programs, for people, and the challenge's `error`: absent where no credential was shown that could be wrong
    /// (RFC 6750, section 3.1).
    fn words(&self) -> (Option<AccessReason>, &'static str, Option<&'static str>) {
        match self {
            Self::Missing { key_header: false } => {
                (Some(AccessReason::CredentialMissing), "a credential is needed: send Authorization: Bearer", None)
            }
            Self::Missing { key_header: true } => (
                Some(AccessReason::CredentialMissing),
                "a credential is needed: send x-api-key, or Authorization: Bearer",
                None,
            ),
            Self::Scheme => {
                (Some(AccessReason::SchemeUnsupported), "the Authorization header must use the scheme Bearer", None)
            }
            Self::Header => {
                (Some(AccessReason::HeaderMalformed), "the header with the credential cannot be read", REQUEST)
            }
            Self::Ambiguous => {
                (Some(AccessReason::CredentialAmbiguous), "two different credentials were sent: send one", REQUEST)
            }
            Self::Unknown => {
                (Some(AccessReason::CredentialUnknown), "this is neither a key nor a token that is known here", TOKEN)
            }
            Self::KeyUnknown => (Some(AccessReason::KeyUnknown), "there is no such API key", TOKEN),
            Self::KeyRevoked => (Some(AccessReason::KeyRevoked), "the API key was revoked", TOKEN),
            Self::KeyExpired => (Some(AccessReason::KeyExpired), "the API key has expired", TOKEN),
            Self::NotLocal => (Some(AccessReason::NotLocal), "the local token is taken from this machine only", TOKEN),
            Self::NoProvider => {
                (Some(AccessReason::ProviderMissing), "no identity provider is trusted here: use an API key", TOKEN)
            }
            Self::TokenTooLarge => (Some(AccessReason::TokenTooLarge), "the token is too large", TOKEN),
            Self::TokenMalformed => (Some(AccessReason::TokenMalformed), "the token cannot be read", TOKEN),
            Self::TokenKind => (Some(AccessReason::TokenKind), "this kind of token is not taken", TOKEN),
            Self::Algorithm => (Some(AccessReason::AlgorithmRefused), "the token's algorithm is not taken here", TOKEN),
            Self::AlgorithmMismatch => {
                (Some(AccessReason::AlgorithmMismatch), "the token's algorithm is not that of its key", TOKEN)
            }
            Self::SigningKeyUnknown => (
                Some(AccessReason::SigningKeyUnknown),
                "the token is signed with a key that its issuer does not publish",
                TOKEN,
            ),
            Self::Signature => (Some(AccessReason::SignatureInvalid), "the token's signature does not hold", TOKEN),
            Self::Expired => (Some(AccessReason::TokenExpired), "the token has expired", TOKEN),
            Self::NeverExpires => {
                (Some(AccessReason::TokenWithoutExpiry), "the token does not say when it expires", TOKEN)
            }
            Self::NotYetValid => (Some(AccessReason::TokenNotYetValid), "the token is not valid yet", TOKEN),
            Self::IssuedInFuture => {
                (Some(AccessReason::TokenFromTheFuture), "the token says that it is issued later than now", TOKEN)
            }
            Self::Issuer => (Some(AccessReason::IssuerWrong), "the token is of another issuer", TOKEN),
            Self::Audience => (Some(AccessReason::AudienceWrong), "the token is for another audience", TOKEN),
            Self::Tenant => (Some(AccessReason::TenantMissing), "the token does not name a tenant", TOKEN),
            Self::Exchange => {
                (Some(AccessReason::ExchangeRefused), "the identity provider does not exchange this token", TOKEN)
            }
            Self::Scope(_) => (Some(AccessReason::ScopeMissing), "the credential lacks a scope", None),
            Self::Unavailable { reason, .. } => (None, reason, None),
        }
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        let (why, sentence, error) = refused.words();
        match refused {
            Refused::Scope(scope) => {
                let challenge = format!("{REALM}, error=\"insufficient_scope\", scope=\"{scope}\"");
                let reason = format!("this needs the scope {scope}, which the credential does not have");
                Fault::Forbidden { reason, scope: Some(scope), challenge: Some(challenge) }
            }
            Refused::Unavailable { after, .. } => {
                Fault::Unavailable { reason: sentence.to_owned(), retry_after: Some(after) }
            }
            _ => {
                let attributes = error.map(|error| format!(", error=\"{error}\", error_description=\"{sentence}\""));
                let challenge = format!("{REALM}{}", attributes.unwrap_or_default());
                let why = why.map_or("", AccessReason::as_str);
                Fault::Unauthenticated { reason: sentence.to_owned(), why, challenge }
            }
        }
    }
}
