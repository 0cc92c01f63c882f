//! Text that is never shown: not in a log line, not in an error, not by `{:?}`.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A credential, or a part of one. Cheap to clone.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// 32 random bytes in hexadecimal digits.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn random() -> Result<Self, String> {
        Ok(Self::new(random_hex::<32>()?))
    }

    /// The text itself, for code that sends or shows it on purpose.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The SHA-256 of the text.
    pub(super) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// Compares two secrets in a time that does not reveal where they differ or how long they are.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.has(&other.sha256())
    }

    /// Compares the hash.
    pub(super) fn has(&self, sha256: &[u8; 32]) -> bool {
        self.sha256().ct_eq(sha256).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.is(other)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

/// Random bytes in hexadecimal digits.
pub(super) fn random_hex<const BYTES: usize>() -> Result<String, String> {
    let mut bytes = [0_u8; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| format!("no randomness: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_compared_and_never_shown() {
        let secret = Secret::new("hunter2");
        assert!(secret.is(&Secret::new("hunter2")));
        for other in ["hunter", "hunter22", "Hunter2", ""] {
            assert!(!secret.is(&Secret::new(other)), "{other}");
        }
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)).matches("hunter").count(), 0);
        let random = Secret::random().unwrap();
        assert_eq!(random.expose().len(), 64);
        assert!(!random.is(&Secret::random().unwrap()));
    }
}
