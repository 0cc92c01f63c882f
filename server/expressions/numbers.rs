//! Conversion between JSON and JavaScript, for values that JavaScript cannot represent.
//!
//! - An integer beyond 2^53 is a `BigInt` in a script, and is converted back to the same integer. An operation of it
//!   with a number fails with JavaScript's own message, instead of losing digits.
//! - A lone surrogate is not valid text and becomes U+FFFD.

use std::borrow::Cow;
use std::convert::Infallible;

use serde_json::{Number, Value};

use super::realm::Reason;

/// The largest integer up to which JavaScript numbers are exact.
const SAFE_MAX: u64 = (1 << 53) - 1;

/// Whether a value contains an integer that a JavaScript number cannot represent.
pub(super) fn has_big(value: &Value) -> bool {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Number(number) if is_big(number) => return true,
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    false
}

fn is_big(number: &Number) -> bool {
    let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
    size.is_some_and(|size| size > SAFE_MAX)
}

/// Writes a value as JSON, with large integers as text after this mark.
pub(super) fn written(value: &Value, mark: &str) -> String {
    if mark.is_empty() || !has_big(value) {
        return value.to_string();
    }
    let mut value = value.clone();
    let Ok(()) = each(&mut value, |one| {
        if let Value::Number(number) = one
            && is_big(number)
        {
            *one = Value::String(format!("{mark}{number}"));
        }
        Ok::<(), Infallible>(())
    });
    value.to_string()
}

/// Reads the value of an expression from JavaScript's JSON.
///
/// # Errors
/// It is nested too deeply, or contains an integer beyond 64 bits.
pub(super) fn read(json: &str, mark: &str) -> Result<Value, Reason> {
    let mut value: Value = serde_json::from_str(&mended(json)).map_err(|error| {
        let deep = error.to_string().contains("recursion limit");
        if deep { Reason::TooDeep } else { Reason::Failed(format!("its value is no JSON: {error}")) }
    })?;
    if !mark.is_empty() {
        each(&mut value, |one| {
            let digits = one.as_str().and_then(|text| text.strip_prefix(mark));
            let Some(digits) = digits else { return Ok(()) };
            let number = digits.parse::<u64>().map(Number::from).or_else(|_| digits.parse::<i64>().map(Number::from));
            let too_large =
                || Reason::Failed(format!("its value holds the integer {digits}, which has more than 64 bits"));
            let number = number.map_err(|_| too_large())?;
            *one = Value::Number(number);
            Ok(())
        })?;
    }
    Ok(value)
}

/// Calls `f` for every scalar in a value, without recursion.
fn each<E>(value: &mut Value, mut f: impl FnMut(&mut Value) -> Result<(), E>) -> Result<(), E> {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values_mut()),
            plain => f(plain)?,
        }
    }
    Ok(())
}

/// `JSON.stringify` writes complete characters unescaped, so an escaped surrogate is a lone one.
fn mended(json: &str) -> Cow<'_, str> {
    if !json.contains("\\ud") {
        return Cow::Borrowed(json);
    }
    let (mut text, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        text.push_str(before);
        // A backslash and one more character, or six characters; all are ASCII.
        let is_surrogate = escape.get(..4).is_some_and(|head| {
            head.starts_with("\\ud") && head.ends_with(|digit| matches!(digit, '8'..='9' | 'a'..='f' | 'A'..='F'))
        });
        let length = if is_surrogate { 6 } else { 2 };
        let (escape, behind) = escape.split_at_checked(length).unwrap_or((escape, ""));
        text.push_str(if is_surrogate { "\\ufffd" } else { escape });
        rest = behind;
    }
    text.push_str(rest);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn halves_of_characters_become_the_replacement_character() {
        for (json, expected) in [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""a\ude00b""#, "a\u{fffd}b"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\n\ud83d\ud83d\t""#, "\n\u{fffd}\u{fffd}\t"),
            (r#""\u0001\ud7ff""#, "\u{1}\u{d7ff}"),
            (r#""plain""#, "plain"),
        ] {
            assert_eq!(read(json, ""), Ok(json!(expected)), "{json}");
        }
    }

    #[test]
    fn large_integers_come_back_as_they_were() {
        let value = json!({ "a": [9_007_199_254_740_993_u64, u64::MAX, i64::MIN, 1.5, 7, "text"] });
        let written = written(&value, "#");
        assert!(written.contains("\"#18446744073709551615\"") && written.contains("1.5,7"), "{written}");
        assert_eq!(read(&written, "#"), Ok(value));
        let refused = read("\"#18446744073709551616\"", "#");
        assert!(matches!(refused, Err(Reason::Failed(said)) if said.contains("64 bits")));
        assert!(matches!(read(&"[".repeat(200), ""), Err(Reason::TooDeep)));
    }
}
