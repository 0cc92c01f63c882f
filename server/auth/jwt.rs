//! Tokens of an identity provider (JWT, RFC 7519; profile RFC 9068 and the practice of RFC 8725): header, signature, claims, in
//! this order.
//!
//! | checked | how |
//! |---|---|
//! | size, form | at most 16 KiB; three parts |
//! | `alg` | in the configured list, and suitable for the key; never `none`, never a shared secret |
//! | `crit`, `typ` | no `crit`; no `typ`, `JWT` or `at+jwt` |
//! | `exp` | required: a leaked token would be valid for ever |
//! | `nbf`, `iat` | if present, not later than now |
//! | `iss`, `aud` | exactly as configured; ignored if not configured |
//! | tenant | the configured claim; required if one is configured |
//!
//! Times are compared with this server's clock, with the configured skew. `jku`, `jwk` and `x5u` in a header are never
//! followed.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Secret;
use super::refused::Refused;

/// More than any token that fits into the headers that proxies forward.
const BYTES_MAX: usize = 16 * 1024;

/// The longest name of a tenant or a subject in a token.
const NAME_CHARS_MAX: usize = 256;

/// What a token must have.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) issuer: Option<String>,
    /// A token must name one of these.
    pub(super) audiences: Option<Arc<[String]>>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) skew_seconds: u32,
    pub(super) tenant_claim: Option<String>,
}

/// What a valid token says about its bearer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bearer {
    pub(super) tenant: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) scopes: Vec<String>,
}

/// A token whose header has been read; nothing else of it is trusted.
#[derive(Debug)]
pub(super) struct UnverifiedToken<'a> {
    /// The key that it names.
    pub(super) key_id: Option<String>,
    /// Its algorithm, one of the configured ones.
    pub(super) algorithm: Algorithm,
    message: &'a str,
    claims: &'a str,
    signature: &'a str,
}

/// The fields of a header that are read. Duplicate members are refused, and `alg` is required.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Members that change how a token has to be read: extensions that must be understood, and payloads that are not
/// encoded (RFC 7797).
const CHANGING: [&str; 2] = ["crit", "b64"];

impl<'a> UnverifiedToken<'a> {
    /// Whether the text looks like a token.
    pub(super) fn is_one(shown: &Secret) -> bool {
        shown.expose().contains('.')
    }

    /// Reads the header.
    ///
    /// # Errors
    /// Not a token, or one that no key of any provider may sign.
    pub(super) fn read(shown: &'a Secret, rules: &Rules) -> Result<Self, Refused> {
        let token = shown.expose();
        if token.len() > BYTES_MAX {
            return Err(Refused::TokenTooLarge);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Refused::TokenMalformed)?;
        let (header, claims) = message.split_once('.').ok_or(Refused::TokenMalformed)?;
        if claims.contains('.') {
            return Err(Refused::TokenMalformed);
        }
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| Refused::TokenMalformed)?;
        let changed = CHANGING.iter().any(|name| header.others.contains_key(*name));
        if changed || !header.typ.as_deref().is_none_or(is_access_token) {
            return Err(Refused::TokenKind);
        }
        let named = rules.algorithms.iter().find(|known| name(**known) == header.alg);
        let algorithm = *named.ok_or(Refused::Algorithm)?;
        Ok(Self { key_id: header.kid, algorithm, message, claims, signature })
    }

    /// Checks the signature with each key, and then the claims.
    ///
    /// # Errors
    /// The first check that fails.
    pub(super) fn prove(&self, keys: &[&DecodingKey], rules: &Rules, now_ms: i64) -> Result<Bearer, Refused> {
        let signed = |key: &&DecodingKey| {
            crypto::verify(self.signature, self.message.as_bytes(), key, self.algorithm).unwrap_or(false)
        };
        if !keys.iter().any(signed) {
            return Err(Refused::Signature);
        }
        let claims: Map<String, Value> =
            serde_json::from_slice(&decoded(self.claims)?).map_err(|_| Refused::TokenMalformed)?;
        in_time(&claims, rules, now_ms)?;
        for_us(&claims, rules)?;
        let tenant = rules.tenant_claim.as_ref().map(|claim| word(claims.get(claim)).ok_or(Refused::Tenant));
        Ok(Bearer { tenant: tenant.transpose()?, subject: word(claims.get("sub")), scopes: scopes(&claims) })
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::TokenMalformed)
}

/// The name of an algorithm in a header.
fn name(algorithm: Algorithm) -> String {
    format!("{algorithm:?}")
}

fn is_access_token(typ: &str) -> bool {
    let bare = typ.to_ascii_lowercase();
    matches!(bare.strip_prefix("application/").unwrap_or(&bare), "jwt" | "at+jwt")
}

fn in_time(claims: &Map<String, Value>, rules: &Rules, now_ms: i64) -> Result<(), Refused> {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any real clock fit")]
    let (now, skew) = (now_ms as f64 / 1000.0, f64::from(rules.skew_seconds));
    let at = |claim: &str| match claims.get(claim) {
        None => Ok(None),
        Some(time) => time.as_f64().filter(|time| time.is_finite()).map(Some).ok_or(Refused::TokenMalformed),
    };
    if now >= at("exp")?.ok_or(Refused::NeverExpires)? + skew {
        return Err(Refused::Expired);
    }
    if at("nbf")?.is_some_and(|from| now + skew < from) {
        return Err(Refused::NotYetValid);
    }
    if at("iat")?.is_some_and(|issued| now + skew < issued) {
        return Err(Refused::IssuedInFuture);
    }
    Ok(())
}

fn for_us(claims: &Map<String, Value>, rules: &Rules) -> Result<(), Refused> {
    let issuer = claims.get("iss").and_then(Value::as_str);
    if rules.issuer.as_deref().is_some_and(|wanted| issuer != Some(wanted)) {
        return Err(Refused::Issuer);
    }
    let names = |wanted: &str| match claims.get("aud") {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(wanted)),
        _ => false,
    };
    if rules.audiences.as_deref().is_some_and(|wanted| !wanted.iter().any(|one| names(one))) {
        return Err(Refused::Audience);
    }
    Ok(())
}

/// A name that is safe in a log line and as a key of the store.
fn word(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    let sound =
        !text.trim().is_empty() && text.chars().count() <= NAME_CHARS_MAX && !text.chars().any(char::is_control);
    sound.then(|| text.to_owned())
}

/// `scope` as in RFC 8693, words with spaces between, or `scp` as a list; either may have the form of the other.
fn scopes(claims: &Map<String, Value>) -> Vec<String> {
    let listed = |claim: &Value| match claim {
        Value::String(words) => words.split_whitespace().map(str::to_owned).collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    ["scope", "scp"].iter().filter_map(|name| claims.get(*name)).flat_map(listed).collect()
}
