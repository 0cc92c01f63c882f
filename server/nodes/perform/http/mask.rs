//! Masks secrets that a service repeats in its response: services that echo requests are not rare.
//!
//! A service repeats a secret in the encoding of its response. JSON may escape any character (`\/`, `\u0041`), a URL is
//! percent-encoded, HTML has entities, and JSON within JSON escapes twice. So a secret is compared character by
//! character, each in any of these forms. This applies to the bytes before parsing, and to every text and key
//! afterwards. Base64 is searched as well, at any offset of the secret in the encoded data.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use runyard_engine::Object;
use serde_json::Value;

/// The replacement for a secret.
const MASK: &str = "***";
/// The minimum length of a secret that is searched: a shorter one would be found everywhere.
const SECRET_BYTES_MIN: usize = 6;
/// The same for base64, which is longer than the data it encodes.
const BASE64_BYTES_MIN: usize = 8;

/// The search patterns.
#[derive(Debug, Default)]
pub(in crate::nodes) struct Masks {
    /// Compared character by character, each in any of its forms.
    secrets: Vec<String>,
    /// Compared exactly.
    encoded: Vec<Vec<u8>>,
}

impl Masks {
    /// The patterns of these secrets: each as a whole, the part after a scheme ("Bearer x"), and the decoded form of
    /// Basic credentials.
    pub(in crate::nodes) fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let mut masks = Self::default();
        for secret in secrets {
            masks.add(secret);
            let Some((scheme, rest)) = secret.rsplit_once(' ') else { continue };
            masks.add(rest);
            let basic = || String::from_utf8(STANDARD.decode(rest).ok()?).ok();
            if let Some(pair) = scheme.eq_ignore_ascii_case("basic").then(basic).flatten() {
                masks.add(&pair);
                masks.add(pair.split_once(':').map_or("", |(_, password)| password));
            }
        }
        // The longest first: a match of a part must not hide the rest of the secret.
        masks.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        masks.encoded.sort_by_key(|text| std::cmp::Reverse(text.len()));
        masks
    }

    fn add(&mut self, secret: &str) {
        if secret.len() < SECRET_BYTES_MIN || self.secrets.iter().any(|known| known == secret) {
            return;
        }
        for lead in 0..3 {
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                let text = encoded(secret.as_bytes(), lead, engine);
                if text.len() >= BASE64_BYTES_MIN && !self.encoded.contains(&text) {
                    self.encoded.push(text);
                }
            }
        }
        self.secrets.push(secret.to_owned());
    }

    /// Masks in bytes of any kind.
    pub(in crate::nodes) fn bytes(&self, body: &mut Vec<u8>) {
        if let Some(masked) = self.masked(body) {
            *body = masked;
        }
    }

    /// Masks in every text and key of a value. The parser has limited the depth.
    pub(super) fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(members) => self.object(members),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The same of an object.
    pub(in crate::nodes) fn object(&self, members: &mut Object) {
        let has_one = members.keys().any(|key| self.masked(key.as_bytes()).is_some());
        if has_one {
            let masked = |mut key: String| {
                self.text(&mut key);
                key
            };
            *members = std::mem::take(members).into_iter().map(|(key, value)| (masked(key), value)).collect();
        }
        members.values_mut().for_each(|value| self.value(value));
    }

    /// Masks in a text.
    pub(in crate::nodes) fn text(&self, text: &mut String) {
        if let Some(masked) = self.masked(text.as_bytes()) {
            // A match starts and ends at a character.
            *text = String::from_utf8_lossy(&masked).into_owned();
        }
    }

    /// The masked copy, if there is something to mask.
    fn masked(&self, body: &[u8]) -> Option<Vec<u8>> {
        let mut masked = Vec::new();
        let (mut at, mut copied) = (0, 0);
        while at < body.len() {
            match self.end(body, at) {
                Some(end) => {
                    masked.extend_from_slice(&body[copied..at]);
                    masked.extend_from_slice(MASK.as_bytes());
                    (at, copied) = (end, end);
                }
                None => at += 1,
            }
        }
        if copied == 0 {
            return None;
        }
        masked.extend_from_slice(&body[copied..]);
        Some(masked)
    }

    /// The end of a secret that starts here.
    fn end(&self, body: &[u8], at: usize) -> Option<usize> {
        let secrets = self.secrets.iter().find_map(|secret| ends(body, at, secret));
        secrets.or_else(|| {
            let found = self.encoded.iter().find(|text| body[at..].starts_with(text));
            found.map(|text| at + text.len())
        })
    }
}

/// The part of the base64 text that does not depend on the data around the secret, with `lead` bytes before it in the
/// first group.
fn encoded(secret: &[u8], lead: usize, engine: &impl base64::Engine) -> Vec<u8> {
    let bytes = [&[0; 2][..lead], secret].concat();
    let text = engine.encode(&bytes).into_bytes();
    // Characters that contain bits of the data before, and of the data after.
    let from = [0, 2, 3][lead];
    let to = bytes.len() * 8 / 6;
    text.get(from..to).unwrap_or_default().to_vec()
}

/// The end of a secret that starts here, each of its characters in any form.
fn ends(body: &[u8], at: usize, secret: &str) -> Option<usize> {
    secret.chars().try_fold(at, |at, sign| end_of(body, at, sign))
}

/// The end of one character that starts here.
fn end_of(body: &[u8], at: usize, sign: char) -> Option<usize> {
    let mut buffer = [0; 4];
    let plain = sign.encode_utf8(&mut buffer).as_bytes();
    let escaped = match body.get(at)? {
        b'\\' => backslashed(body, at, sign, plain),
        b'%' => percent_encoded(body, at, plain),
        b'&' => entity(body, at, sign),
        b'+' if sign == ' ' => Some(at + 1),
        _ => None,
    };
    escaped.or_else(|| body[at..].starts_with(plain).then_some(at + plain.len()))
}

/// `\/`, `\u002f`, and both with several backslashes, as in nested texts.
fn backslashed(body: &[u8], at: usize, sign: char, plain: &[u8]) -> Option<usize> {
    let at = at + body[at..].iter().take_while(|&&byte| byte == b'\\').count();
    let mut units = [0; 2];
    let by_number = sign.encode_utf16(&mut units).iter().try_fold(at, |at, unit| {
        // The second unit has its own backslash.
        let at = at + body.get(at..)?.iter().take_while(|&&byte| byte == b'\\').count();
        let digits = body.get(at..)?.strip_prefix(b"u")?.get(..4)?;
        (number(digits, 16) == Some(u32::from(*unit))).then_some(at + 5)
    });
    by_number.or_else(|| body.get(at..)?.starts_with(plain).then_some(at + plain.len()))
}

fn percent_encoded(body: &[u8], at: usize, plain: &[u8]) -> Option<usize> {
    plain.iter().try_fold(at, |at, byte| {
        let digits = body.get(at..)?.strip_prefix(b"%")?.get(..2)?;
        (number(digits, 16) == Some(u32::from(*byte))).then_some(at + 3)
    })
}

/// `&amp;`, `&#47;`, `&#x2F;`.
fn entity(body: &[u8], at: usize, sign: char) -> Option<usize> {
    let rest = body.get(at + 1..)?;
    let end = rest.iter().take(10).position(|&byte| byte == b';')?;
    let name = &rest[..end];
    let meant = match name {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix(b"#")?;
            let hex = digits.strip_prefix(b"x").or_else(|| digits.strip_prefix(b"X"));
            char::from_u32(hex.map_or_else(|| number(digits, 10), |hex| number(hex, 16))?)
        }
    };
    (meant == Some(sign)).then_some(at + 1 + end + 1)
}

fn number(digits: &[u8], base: u32) -> Option<u32> {
    let digits =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
    u32::from_str_radix(digits, base).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn masked(secret: &str, body: &str) -> String {
        let mut bytes = body.as_bytes().to_vec();
        Masks::of([secret].into_iter()).bytes(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_repeated_secret_is_masked_wherever_it_stands() {
        for (body, expected) in [
            ("hunter2", "***"),
            ("x hunter2 y hunter2hunter2", "x *** y ******"),
            ("hunter", "hunter"),
            ("", ""),
            ("h\u{e9} hunter2\u{e9}", "h\u{e9} ***\u{e9}"),
        ] {
            assert_eq!(masked("hunter2", body), expected);
        }
        assert_eq!(masked("a", "aaa"), "aaa", "too short to be looked for");
        assert_eq!(masked("Bearer hunter22", "hunter22 and Bearer hunter22"), "*** and ***");
    }

    #[test]
    fn a_secret_is_masked_however_its_characters_are_written() {
        let secret = "a/b+c\"d\u{e9}\u{1f600} &e";
        for body in [
            r#"a\/b+c\"dé😀 &e"#,
            r#"\u0061\u002f\u0062+c\u0022d\u00e9\ud83d\ude00\u0020\u0026e"#,
            r#"\u0061\u002F\u0062+c\u0022d\u00E9\uD83D\uDE00 &e"#,
            r#"a\\\/b+c\\\"d\\u00e9\\ud83d\\ude00 &e"#,
            "a%2Fb%2bc%22d%C3%A9%F0%9F%98%80%20%26e",
            "a%2Fb%2Bc%22d%C3%A9%F0%9F%98%80+%26e",
            "a&#47;b+c&quot;d&#xe9;&#x1F600; &amp;e",
        ] {
            assert_eq!(masked(secret, &format!("<{body}>")), "<***>", "{body}");
        }
        for other in ["a/b+c\"d", r"\u0061\u002f\u0063", "a%2Fc", "&#47;&#;&amp", "\\", "%", "%4", "\\u00"] {
            assert_eq!(masked(secret, other), other);
        }
    }

    #[test]
    fn base64_of_a_secret_is_masked_wherever_it_stands_in_what_was_encoded() {
        let secret = "s3cr3t-of-the-helpdesk?~";
        for before in ["", "a", "ab", "abc"] {
            for after in ["", ".", ".."] {
                let whole = format!("{before}{secret}{after}");
                for text in [STANDARD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)] {
                    let left = masked(secret, &text);
                    assert!(left.contains(MASK) && left.len() <= 12, "{whole}: {left}");
                }
            }
        }
        let basic = format!("Basic {}", STANDARD.encode("user:hunter2-hunter2"));
        assert_eq!(masked(&basic, "user:hunter2-hunter2 hunter2-hunter2"), "*** ***");
    }

    #[test]
    fn a_secret_in_a_parsed_value_is_masked_in_keys_and_texts() {
        let mut value = json!({ "x hunter2": [{ "y": "a hunter2", "n": 7 }], "z": r#"{"a":"\u0068unter2"}"# });
        Masks::of(["hunter2"].into_iter()).value(&mut value);
        assert_eq!(value, json!({ "x ***": [{ "y": "a ***", "n": 7 }], "z": r#"{"a":"***"}"# }));
    }
}
