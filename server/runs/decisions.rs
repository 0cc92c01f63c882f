//! Decision tokens: texts that mean "approved" or "denied" for one approval. The holder needs no other credential.
//!
//! A token has tenant, run, approval and verdict and an HMAC-SHA-256 of them under the server key. So no table has to
//! store it, and it can be made again from the log. It is used up when its approval is decided, which the engine
//! knows. A token is a credential: it is in no log, event or error.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use runyard_engine::{ApprovalId, RunId, Verdict};
use sha2::Sha256;
use uuid::Uuid;

/// The prefix of the HMAC's input, so that nothing else that is signed under the server key can pass as a token.
const PURPOSE: &[u8] = b"runyard decision token 1\0";
/// The format's number; another format gets another number.
const FORM: u8 = 1;
/// Format, verdict, run, approval; the tenant's name follows.
const HEAD_BYTES: usize = 2 + 16 + 16;
const MAC_BYTES: usize = 32;
/// The longest token.
const TEXT_BYTES_MAX: usize = 1024;

/// Makes and reads tokens under one server key. Shared, because a keyed HMAC is large.
#[derive(Clone)]
pub(super) struct Decisions(Arc<Hmac<Sha256>>);

/// The content of a token whose HMAC is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenContent {
    pub(super) tenant: String,
    pub(super) run: RunId,
    pub(super) approval: ApprovalId,
    pub(super) verdict: Verdict,
}

impl Decisions {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(PURPOSE);
        Self(Arc::new(mac))
    }

    /// The token; the same every time.
    pub(super) fn issue(&self, tenant: &str, run: RunId, approval: ApprovalId, verdict: Verdict) -> String {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + tenant.len() + MAC_BYTES);
        bytes.extend([FORM, number(verdict)]);
        bytes.extend_from_slice(run.uuid().as_bytes());
        bytes.extend_from_slice(approval.uuid().as_bytes());
        bytes.extend_from_slice(tenant.as_bytes());
        let mac = Hmac::clone(&self.0).chain_update(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The content of a token; `None` if the text is no token of this server.
    pub(super) fn read(&self, token: &str) -> Option<TokenContent> {
        let bytes = URL_SAFE_NO_PAD.decode(Some(token).filter(|token| token.len() <= TEXT_BYTES_MAX)?).ok()?;
        let (said, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        // In constant time.
        Hmac::clone(&self.0).chain_update(said).verify_slice(mac).ok()?;
        let (head, tenant) = said.split_at_checked(HEAD_BYTES)?;
        let id = |from: usize| Uuid::from_slice(head.get(from..from + 16)?).ok();
        Some(TokenContent {
            tenant: String::from_utf8(tenant.to_vec()).ok()?,
            run: RunId::from_uuid(id(2)?),
            approval: ApprovalId::from_uuid(id(18)?),
            verdict: verdict(Some(*head.get(1)?).filter(|_| head.first() == Some(&FORM))?)?,
        })
    }
}

fn number(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Approved => 1,
        Verdict::Denied => 2,
    }
}

fn verdict(number: u8) -> Option<Verdict> {
    [Verdict::Approved, Verdict::Denied].into_iter().find(|verdict| self::number(*verdict) == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunId = RunId::from_uuid(Uuid::from_u128(7));
    const APPROVAL: ApprovalId = ApprovalId::from_uuid(Uuid::from_u128(8));

    fn issue(key: u8, tenant: &str, verdict: Verdict) -> String {
        Decisions::new(&[key; 32]).issue(tenant, RUN, APPROVAL, verdict)
    }

    #[test]
    fn a_token_has_its_content_and_fits_into_a_url() {
        for (tenant, verdict) in [("default", Verdict::Approved), ("Zähler", Verdict::Denied)] {
            let token = issue(1, tenant, verdict);
            assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{token}");
            let held = Decisions::new(&[1; 32]).read(&token);
            let expected = TokenContent { tenant: tenant.to_owned(), run: RUN, approval: APPROVAL, verdict };
            assert_eq!(held, Some(expected));
            assert_eq!(token, issue(1, tenant, verdict), "the same every time");
        }
    }

    #[test]
    fn a_token_that_was_changed_cut_or_made_under_another_key_is_invalid() {
        let (decisions, token) = (Decisions::new(&[1; 32]), issue(1, "default", Verdict::Approved));
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(decisions.read(&URL_SAFE_NO_PAD.encode(&changed)), None, "byte {place}");
            assert_eq!(decisions.read(&URL_SAFE_NO_PAD.encode(&bytes[..place])), None, "cut at {place}");
        }
        assert_eq!(decisions.read(&issue(2, "default", Verdict::Approved)), None);
        for rubbish in ["", "x", "not base64!", &"A".repeat(3_000), &format!("{token}A"), &format!("{token}=")] {
            assert_eq!(decisions.read(rubbish), None, "{rubbish}");
        }
    }

    /// Other data that is signed under the server key is no token, such as the fingerprint of a request that reads
    /// like one.
    #[test]
    fn data_signed_for_another_purpose_is_no_token() {
        let (decisions, token) = (Decisions::new(&[1; 32]), issue(1, "default", Verdict::Approved));
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
        let (said, _) = bytes.split_at(bytes.len() - MAC_BYTES);
        let plain = Hmac::<Sha256>::new_from_slice(&[1; 32]).unwrap().chain_update(said).finalize().into_bytes();
        assert_eq!(decisions.read(&URL_SAFE_NO_PAD.encode([said, &plain].concat())), None);
    }
}
