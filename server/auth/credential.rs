//! The credential of a request, in the forms that its document names: `Authorization: Bearer`, and a header for API
//! keys.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use runyard_api::host::Document;
use serde_json::Value;

use super::Secret;
use super::refused::Refused;

/// The scheme of `Authorization`. Case does not matter (RFC 9110, section 11.1).
const BEARER: &str = "bearer";

/// The forms in which a document accepts a credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Schemes {
    bearer: bool,
    key_headers: Vec<HeaderName>,
}

impl Schemes {
    /// Those of the document's `securitySchemes`.
    pub(super) fn of(document: &Document) -> Self {
        let full: Value = serde_json::from_str(document.full_json).unwrap_or_default();
        let schemes = full.pointer("/components/securitySchemes").and_then(Value::as_object);
        schemes.into_iter().flat_map(|schemes| schemes.values()).fold(Self::default(), Self::with)
    }

    fn with(mut self, scheme: &Value) -> Self {
        let text = |name: &str| scheme[name].as_str().unwrap_or_default();
        match (text("type"), text("scheme"), text("in")) {
            ("http", name, _) if name.eq_ignore_ascii_case(BEARER) => self.bearer = true,
            ("apiKey", _, "header") => self.key_headers.extend(HeaderName::try_from(text("name"))),
            _ => {}
        }
        self
    }

    /// Whether an API key has a header of its own: `x-api-key`, in every document that has one.
    pub(super) fn has_key_header(&self) -> bool {
        !self.key_headers.is_empty()
    }

    /// The one credential of a request, if it has one.
    ///
    /// A header that cannot be read, and two different credentials, because it would be a guess which of them counts.
    pub(super) fn shown(&self, headers: &HeaderMap) -> Result<Option<Secret>, Refused> {
        let authorizations = headers.get_all(AUTHORIZATION).iter().map(|value| self.bearer(value));
        let keys = self.key_headers.iter().flat_map(|name| headers.get_all(name)).map(text);
        let mut found: Option<Secret> = None;
        for shown in authorizations.chain(keys) {
            let shown = Secret::new(shown?);
            if found.is_some_and(|first| !first.is(&shown)) {
                return Err(Refused::Ambiguous);
            }
            found = Some(shown);
        }
        Ok(found)
    }

    /// The bearer token of a request, if it has one that can be read.
    pub(super) fn token(headers: &HeaderMap) -> Option<Secret> {
        let bearer = Self { bearer: true, key_headers: Vec::new() };
        bearer.shown(headers).ok().flatten()
    }

    fn bearer<'a>(&self, value: &'a HeaderValue) -> Result<&'a str, Refused> {
        let whole = value.to_str().map_err(|_| Refused::Header)?.trim();
        let (scheme, rest) = whole.split_once(' ').unwrap_or((whole, ""));
        if !self.bearer || !scheme.eq_ignore_ascii_case(BEARER) {
            return Err(Refused::Scheme);
        }
        sound(rest.trim())
    }
}

fn text(value: &HeaderValue) -> Result<&str, Refused> {
    sound(value.to_str().map_err(|_| Refused::Header)?.trim())
}

/// One token (the `b64token` of RFC 6750 and a little more).
fn sound(text: &str) -> Result<&str, Refused> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(text) } else { Err(Refused::Header) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both() -> Schemes {
        Schemes { bearer: true, key_headers: vec![HeaderName::from_static("x-api-key")] }
    }

    fn shown(schemes: &Schemes, headers: &[(&'static str, &[u8])]) -> Result<Option<String>, Refused> {
        let pairs = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a header of a test"))
        });
        let mut map = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            map.append(name, value);
        });
        schemes.shown(&map).map(|secret| secret.map(|secret| secret.expose().to_owned()))
    }

    #[test]
    fn documents_name_the_forms_of_credentials() {
        let of = |document| Schemes::of(document);
        for document in
            [&runyard_api::runyard::DOCUMENT, &runyard_api::toolregistry::DOCUMENT, &runyard_api::acp::DOCUMENT]
        {
            assert_eq!(of(document), both(), "{}", document.name);
        }
        let bearer = Schemes { bearer: true, key_headers: Vec::new() };
        for document in [
            &runyard_api::arp::run_gateway::DOCUMENT,
            &runyard_api::arp::run_coordinator::DOCUMENT,
            &runyard_api::arp::runtime::DOCUMENT,
        ] {
            assert_eq!(of(document), bearer, "{}", document.name);
        }
    }

    #[test]
    fn a_credential_is_found_in_each_form() {
        for (headers, found) in [
            (&[("authorization", &b"Bearer abc"[..])][..], "abc"),
            (&[("authorization", b"bearer  abc")], "abc"),
            (&[("authorization", b"BEARER a.b-c_d~e+f/g=")], "a.b-c_d~e+f/g="),
            (&[("x-api-key", b"abc")], "abc"),
            (&[("x-api-key", b"abc"), ("authorization", b"Bearer abc")], "abc"),
        ] {
            assert_eq!(shown(&both(), headers), Ok(Some(found.to_owned())), "{headers:?}");
        }
        assert_eq!(shown(&both(), &[]), Ok(None));
        assert_eq!(shown(&Schemes { key_headers: Vec::new(), ..both() }, &[("x-api-key", b"abc")]), Ok(None));
    }

    #[test]
    fn an_unreadable_credential_is_refused_and_not_taken_as_missing() {
        for (headers, refused) in [
            (&[("authorization", &b"Basic YTpi"[..])][..], Refused::Scheme),
            (&[("authorization", b"abc")], Refused::Scheme),
            (&[("authorization", b"")], Refused::Scheme),
            (&[("authorization", b"Bearer")], Refused::Header),
            (&[("authorization", b"Bearer  ")], Refused::Header),
            (&[("authorization", b"Bearer a b")], Refused::Header),
            (&[("authorization", b"Bearer \xff")], Refused::Header),
            (&[("x-api-key", b"")], Refused::Header),
            (&[("authorization", b"Bearer a"), ("authorization", b"Bearer b")], Refused::Ambiguous),
            (&[("authorization", b"Bearer a"), ("x-api-key", b"b")], Refused::Ambiguous),
        ] {
            assert_eq!(shown(&both(), headers), Err(refused), "{headers:?}");
        }
    }
}
